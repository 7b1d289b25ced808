/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How long footage is kept: `policy` for all, `cameras` for some. */
#include "settings/parse.h"

#include <stdlib.h>
#include <string.h>

/* A duration of footage: not nothing, which would erase all at once, and no longer than a century. */
static bool read_limit(
    struct config_source *source, const config_setting_t *in, const char *key, struct duration *value) {
	struct duration read = {0};
	if (!config_read_duration(source, in, key, &read))
		return false;
	const config_setting_t *at = config_setting_get_member(in, key);
	if (duration_is_zero(&read)) {
		config_refuse(source, at, "'%s' of nothing would erase everything at once; write a duration such as P30D", key);
		return false;
	}
	if (duration_longest_seconds(&read) > INT64_C(100) * 366 * 86400) {
		config_refuse(source, at, "'%s' is longer than a century; leave it out to keep footage for ever", key);
		return false;
	}
	*value = read;
	return true;
}

static bool is_longer(const struct duration *a, const struct duration *b) {
	return duration_longest_seconds(a) > duration_longest_seconds(b);
}

void policy_read(struct config_source *source, struct settings *settings) {
	static const char *const keys[] = {"retention", "legal_maximum"};
	char maximum[64];
	const config_setting_t *in = config_group(source, config_root_setting(&source->config), "policy");
	if (in == NULL)
		return;
	config_check_keys(source, in, keys, ARRAY_LENGTH(keys));
	settings->has_retention = read_limit(source, in, "retention", &settings->retention);
	settings->has_legal_maximum = read_limit(source, in, "legal_maximum", &settings->legal_maximum);
	if (!settings->has_retention || !settings->has_legal_maximum ||
	    !is_longer(&settings->retention, &settings->legal_maximum))
		return;
	duration_format(&settings->legal_maximum, maximum, sizeof(maximum));
	config_refuse(source, config_setting_get_member(in, "retention"),
	    "the retention is longer than the legal maximum of %s; write at most %s here, and a longer one with its "
	    "retention_basis for the cameras that have a legal ground",
	    maximum, maximum);
}

/* A camera may go beyond the policy's legal maximum only on a stated legal ground; then its own retention is its limit.
 */
static void check_basis(struct config_source *source, const config_setting_t *in, const struct settings *settings,
    struct camera_settings *camera) {
	char limit[64];
	bool beyond = false;
	if (camera->has_retention && camera->has_legal_maximum && is_longer(&camera->retention, &camera->legal_maximum)) {
		duration_format(&camera->legal_maximum, limit, sizeof(limit));
		config_refuse(source, config_setting_get_member(in, "retention"),
		    "the retention is longer than this camera's own legal maximum of %s; write at most %s", limit, limit);
		return;
	}
	if (!settings->has_legal_maximum)
		return;
	if (camera->has_legal_maximum)
		beyond = is_longer(&camera->legal_maximum, &settings->legal_maximum);
	else if (camera->has_retention)
		beyond = is_longer(&camera->retention, &settings->legal_maximum);
	if (!beyond)
		return;
	if (camera->retention_basis == NULL) {
		duration_format(&settings->legal_maximum, limit, sizeof(limit));
		config_refuse(source, in,
		    "camera '%s' is kept longer than the legal maximum of %s; write retention_basis = \"the law or decree that "
		    "allows "
		    "it\"; or a shorter time",
		    camera->camera, limit);
	} else if (!camera->has_legal_maximum) {
		camera->has_legal_maximum = true;
		camera->legal_maximum = camera->retention;
	}
}

static bool is_root(const struct settings *settings, const char *name, size_t length) {
	for (size_t i = 0; i < settings->root_count; i++)
		if (strlen(settings->roots[i].name) == length && strncmp(settings->roots[i].name, name, length) == 0)
			return true;
	return false;
}

static void check_camera_name(struct config_source *source, const config_setting_t *in, const struct settings *settings,
    const struct camera_settings *camera) {
	const char *slash = strchr(camera->camera, '/');
	size_t length = strlen(camera->camera);
	const config_setting_t *at = config_setting_get_member(in, "camera");
	if (length == 0 || length > 255 || slash == camera->camera || camera->camera[length - 1] == '/' ||
	    (slash != NULL && strchr(slash + 1, '/') != NULL)) {
		config_refuse(source, at, "'%s' is not a camera; write camera = \"NAME\"; or \"ROOT/NAME\"", camera->camera);
		return;
	}
	if (slash != NULL && !is_root(settings, camera->camera, (size_t)(slash - camera->camera)))
		config_refuse(source, at,
		    "camera '%s' names a root that does not exist; write the name of one of the roots before '/'",
		    camera->camera);
	for (size_t i = 0; i < settings->camera_count; i++)
		if (strcmp(settings->cameras[i].camera, camera->camera) == 0)
			config_refuse(source, at, "camera '%s' stands twice; write it once", camera->camera);
}

static void read_camera(struct config_source *source, const config_setting_t *in, struct settings *settings) {
	static const char *const keys[] = {
	    "camera", "retention", "legal_maximum", "retention_basis", "sound", "sound_basis"};
	struct camera_settings *camera = &settings->cameras[settings->camera_count];
	if (!config_setting_is_group(in)) {
		config_refuse(source, in, "a camera is not a group; write { camera = \"NAME\"; retention = \"P7D\"; }");
		return;
	}
	*camera = (struct camera_settings){.sound = true};
	config_check_keys(source, in, keys, ARRAY_LENGTH(keys));
	config_read_text(source, in, "camera", &camera->camera);
	camera->has_retention = read_limit(source, in, "retention", &camera->retention);
	camera->has_legal_maximum = read_limit(source, in, "legal_maximum", &camera->legal_maximum);
	config_read_text(source, in, "retention_basis", &camera->retention_basis);
	config_read_bool(source, in, "sound", &camera->sound);
	config_read_text(source, in, "sound_basis", &camera->sound_basis);
	if (camera->retention_basis != NULL && camera->retention_basis[0] == '\0')
		config_refuse(source, config_setting_get_member(in, "retention_basis"),
		    "'retention_basis' is empty; write the law or decree that allows it, or leave it out");
	if (camera->camera == NULL) {
		if (config_setting_get_member(in, "camera") == NULL)
			config_refuse(source, in, "a camera without its name; write camera = \"NAME\";");
		free(camera->retention_basis);
		free(camera->sound_basis);
		return;
	}
	check_camera_name(source, in, settings, camera);
	check_basis(source, in, settings, camera);
	settings->camera_count++;
}

void cameras_read(struct config_source *source, struct settings *settings) {
	const config_setting_t *list = config_list(source, config_root_setting(&source->config), "cameras");
	settings->cameras = config_list_room(source, list, "cameras", CAMERAS_MAX, sizeof(*settings->cameras));
	if (list == NULL || settings->cameras == NULL)
		return;
	for (int i = 0; i < config_setting_length(list); i++)
		read_camera(source, config_setting_get_elem(list, (unsigned)i), settings);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who opens footage: `guard`, and the `recorder` of a root. */
#include "settings/parse.h"

#include <stdlib.h>
#include <string.h>

enum { USER_BYTES_MAX = 32, UNIT_BYTES_MAX = 255 };

/* guard reads where a program really lies: one that is named by a link would never fit. */
static void read_executable(struct config_source *source, const config_setting_t *in, char **value) {
	config_read_text(source, in, "exe", value);
	path_check(source, in, "exe", *value);
}

static void read_user(struct config_source *source, const config_setting_t *in, char **value) {
	config_read_text(source, in, "user", value);
	size_t length = *value == NULL ? 1 : strlen(*value);
	if (length == 0 || length > USER_BYTES_MAX || (*value != NULL && strcspn(*value, " :,/") != length))
		config_refuse(source, config_setting_get_member(in, "user"),
		    "'user' is not the name of a user; write user = \"NAME\"; or its number in quotes");
}

static bool unit_is_sound(const char *unit) {
	static const char *const kinds[] = {".service", ".scope"};
	size_t length = strlen(unit);
	if (length > UNIT_BYTES_MAX || strspn(unit, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	                                            ":-_.\\@") != length)
		return false;
	for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
		size_t kind = strlen(kinds[i]);
		if (length > kind && strcmp(unit + length - kind, kinds[i]) == 0)
			return true;
	}
	return false;
}

static void read_unit(struct config_source *source, const config_setting_t *in, char **value) {
	config_read_text(source, in, "unit", value);
	if (*value != NULL && !unit_is_sound(*value))
		config_refuse(source, config_setting_get_member(in, "unit"),
		    "'unit' is not the name of a unit; write unit = \"NAME.service\"; or unit = \"NAME.scope\";");
}

static void read_accessor(
    struct config_source *source, const config_setting_t *in, const char *key, struct accessor_settings *accessor) {
	static const char *const keys[] = {"exe", "user", "unit"};
	size_t refused = source->refused;
	*accessor = (struct accessor_settings){.user_id = (uid_t)-1};
	if (!config_setting_is_group(in)) {
		config_refuse(source, in, "'%s' has something that is not a group; write { unit = \"NAME.service\"; }", key);
		return;
	}
	config_check_keys(source, in, keys, ARRAY_LENGTH(keys));
	read_executable(source, in, &accessor->executable);
	read_user(source, in, &accessor->user);
	read_unit(source, in, &accessor->unit);
	if (accessor->executable == NULL && accessor->user == NULL && accessor->unit == NULL && source->refused == refused)
		config_refuse(source, in,
		    "'%s' has a group that names nobody; write exe = \"/usr/bin/NAME\";, user = \"NAME\"; or unit = "
		    "\"NAME.service\"; (all that are written must fit)",
		    key);
}

/* A list of groups, or one group without the list. */
static void read_accessors(struct config_source *source, const config_setting_t *in, const char *key,
    struct accessor_settings **ret_list, size_t *ret_count) {
	const config_setting_t *at = config_setting_get_member(in, key);
	bool single = at != NULL && config_setting_is_group(at);
	if (!single)
		at = config_list(source, in, key);
	if (at == NULL)
		return;
	size_t count = single ? 1 : (size_t)config_setting_length(at);
	if (count > ACCESSORS_MAX) {
		config_refuse(source, at, "'%s' has too many groups; write at most %d", key, ACCESSORS_MAX);
		return;
	}
	struct accessor_settings *list = calloc(count + 1, sizeof(*list));
	if (list == NULL) {
		source->no_memory = true;
		return;
	}
	for (size_t i = 0; i < count; i++)
		read_accessor(source, single ? at : config_setting_get_elem(at, (unsigned)i), key, &list[i]);
	*ret_list = list;
	*ret_count = count;
}

void recorders_read(struct config_source *source, const config_setting_t *in, struct root_settings *root) {
	read_accessors(source, in, "recorder", &root->recorders, &root->recorder_count);
}

/* In block mode a root whose recorder nobody knows would be a root in which nothing records any more. */
static void check_recorders(
    struct config_source *source, const config_setting_t *top, const struct settings *settings) {
	const config_setting_t *list = config_setting_get_member(top, "roots");
	for (size_t i = 0; i < settings->root_count; i++) {
		const struct root_settings *root = &settings->roots[i];
		const config_setting_t *at = list;
		for (int k = 0; k < config_setting_length(list); k++)
			if (config_line(config_setting_get_elem(list, (unsigned)k)) == root->line)
				at = config_setting_get_elem(list, (unsigned)k);
		if (root->recorder_count == 0)
			config_refuse(source, at,
			    "root '%s' names no recorder, and in block mode nothing else may write there; name the program that "
			    "records: recorder = ( { unit = \"NAME.service\"; } );",
			    root->name);
	}
}

void guard_read(struct config_source *source, struct settings *settings) {
	static const char *const keys[] = {"mode", "allow"};
	const config_setting_t *top = config_root_setting(&source->config);
	const config_setting_t *in = config_group(source, top, "guard");
	if (in == NULL)
		return;
	config_check_keys(source, in, keys, ARRAY_LENGTH(keys));
	settings->guard.mode = config_read_choice(source, in, "mode", &guard_names, settings->guard.mode);
	read_accessors(source, in, "allow", &settings->guard.allow, &settings->guard.allow_count);
	if (settings->guard.mode == GUARD_BLOCK)
		check_recorders(source, top, settings);
}

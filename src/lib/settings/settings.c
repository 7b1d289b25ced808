/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Asking and freeing settings; no libconfig here, since every process links it. */
#include "settings/settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void accessors_release(struct accessor_settings *list, size_t count) {
	for (size_t i = 0; i < count; i++) {
		free(list[i].executable);
		free(list[i].user);
		free(list[i].unit);
	}
	free(list);
}

static void publish_release(struct settings *settings) {
	for (size_t i = 0; i < settings->publish.receiver_count; i++)
		free(settings->publish.receivers[i]);
	free(settings->publish.receivers);
	for (size_t i = 0; i < settings->publish.witness_count; i++) {
		free(settings->publish.witnesses[i].url);
		free(settings->publish.witnesses[i].key);
	}
	free(settings->publish.witnesses);
	free(settings->publish.origin);
}

bool settings_publishes(const struct settings *settings) {
	return settings->publish.receiver_count > 0 || settings->publish.witness_count > 0;
}

struct settings *settings_free(struct settings *settings) {
	if (settings == NULL)
		return NULL;
	for (size_t i = 0; i < settings->root_count; i++) {
		struct root_settings *root = &settings->roots[i];
		free(root->name);
		free(root->path);
		layout_free(root->layout);
		free(root->timezone);
		free(root->vault);
		accessors_release(root->recorders, root->recorder_count);
	}
	free(settings->roots);
	for (size_t i = 0; i < settings->camera_count; i++) {
		free(settings->cameras[i].camera);
		free(settings->cameras[i].retention_basis);
		free(settings->cameras[i].sound_basis);
	}
	free(settings->cameras);
	accessors_release(settings->guard.allow, settings->guard.allow_count);
	publish_release(settings);
	for (size_t i = 0; i < ROLE_COUNT; i++)
		free(settings->role_groups[i]);
	free(settings->source);
	free(settings->state_dir);
	free(settings->run_dir);
	free(settings->layouts_dir);
	free(settings->holds.case_pattern);
	free(settings);
	return NULL;
}

int settings_check_volumes(const struct settings *settings, char *message, size_t room) {
	struct stat system_facts, facts;
	size_t used = 0;
	int result = 0;
	if (room > 0)
		message[0] = '\0';
	if (stat("/", &system_facts) < 0)
		return -errno;
	for (size_t i = 0; i < settings->root_count; i++) {
		const struct root_settings *root = &settings->roots[i];
		if (root->allow_system_volume || stat(root->path, &facts) < 0 || facts.st_dev != system_facts.st_dev)
			continue;
		result = -EINVAL;
		int more = snprintf(message + used, room - used,
		    "%s%s:%u: root '%s' lies on the system disk; mount its own disk at %s, or write allow_system_volume = "
		    "true; in "
		    "this root",
		    used > 0 ? "\n" : "", settings->source, (unsigned)root->line, root->name, root->path);
		used = more > 0 && (size_t)more < room - used ? used + (size_t)more : room;
		if (used >= room)
			break;
	}
	return result;
}

/* 2 for "root/camera", 1 for "camera", 0 for another. */
static int names_camera(const char *written, const char *root, const char *camera) {
	size_t length = strlen(root);
	if (strncmp(written, root, length) == 0 && written[length] == '/' && strcmp(written + length + 1, camera) == 0)
		return 2;
	return strcmp(written, camera) == 0;
}

void settings_rule_for(
    const struct settings *settings, const char *root, const char *camera, struct retention_rule *ret_rule) {
	struct retention_rule rule = {
	    .has_retention = settings->has_retention,
	    .retention = settings->retention,
	    .has_legal_maximum = settings->has_legal_maximum,
	    .legal_maximum = settings->legal_maximum,
	    .source = "policy",
	};
	const struct camera_settings *own = NULL;
	int best = 0;
	for (size_t i = 0; i < settings->camera_count; i++) {
		int match = names_camera(settings->cameras[i].camera, root, camera);
		if (match > best) {
			best = match;
			own = &settings->cameras[i];
		}
	}
	if (own != NULL && (own->has_retention || own->has_legal_maximum))
		rule.source = "cameras";
	if (own != NULL && own->has_retention) {
		rule.has_retention = true;
		rule.retention = own->retention;
	}
	if (own != NULL && own->has_legal_maximum) {
		rule.has_legal_maximum = true;
		rule.legal_maximum = own->legal_maximum;
	}
	if (own != NULL)
		rule.basis = own->retention_basis;
	*ret_rule = rule;
}

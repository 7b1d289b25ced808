/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config check: the same reader and the same rules as the daemon's, without one. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <limits.h>

#include "command.h"
#include "nouns.h"
#include "screen.h"
#include "settings/settings.h"

enum { MESSAGE_BYTES = 16384 };

/* Who must fit all that is written, one a line. */
static void accessors_show(
    const char *what, const char *root, const struct accessor_settings *accessors, size_t count) {
	for (size_t i = 0; i < count; i++) {
		const char *const parts[][2] = {
		    {"program", accessors[i].executable}, {"user", accessors[i].user}, {"unit", accessors[i].unit}};
		char text[PATH_MAX + 512] = "";
		size_t used = 0;
		for (size_t k = 0; k < ARRAY_LENGTH(parts); k++)
			if (parts[k][1] != NULL)
				used += (size_t)snprintf(
				    text + used, sizeof(text) - used, "%s%s %s", used > 0 ? ", " : "", parts[k][0], parts[k][1]);
		put_line(i == 0 ? what : "", STYLE_PLAIN, "%s%s%s", root == NULL ? "" : root, root == NULL ? "" : ": ", text);
	}
}

static void publish_show(const struct settings *settings) {
	char rotate[64];
	duration_format(&settings->log.rotate, rotate, sizeof(rotate));
	put_line("Log", STYLE_PLAIN, "a new key every %s", rotate);
	for (size_t i = 0; i < settings->publish.receiver_count; i++)
		put_line(i == 0 ? "Published" : "", STYLE_PLAIN, "syslog to %s", settings->publish.receivers[i]);
	for (size_t i = 0; i < settings->publish.witness_count; i++)
		put_line(i == 0 && settings->publish.receiver_count == 0 ? "Published" : "", STYLE_PLAIN, "witness %s",
		    settings->publish.witnesses[i].url);
	if (!settings_publishes(settings))
		put_line("Published", STYLE_PLAIN, "nowhere: no copy of the log's checkpoints leaves this machine");
}

static void summary_show(const struct settings *settings) {
	char retention[64] = "unset: footage is kept", legal[64] = "unset";
	if (settings->has_retention)
		duration_format(&settings->retention, retention, sizeof(retention));
	if (settings->has_legal_maximum)
		duration_format(&settings->legal_maximum, legal, sizeof(legal));
	put_line("Retention", STYLE_PLAIN, "%s; legal maximum %s", retention, legal);
	for (size_t i = 0; i < settings->root_count; i++)
		put_line(i == 0 ? "Roots" : "", STYLE_PLAIN, "%s: %s, layout %s, %s, %s", settings->roots[i].name,
		    settings->roots[i].path, settings->roots[i].layout->name, settings->roots[i].timezone,
		    settings->roots[i].mode == ROOT_ENFORCE ? "enforce" : "observe: nothing is deleted");
	for (size_t i = 0; i < settings->root_count; i++)
		if (settings->roots[i].recorder_count > 0)
			accessors_show(
			    "Recorder", settings->roots[i].name, settings->roots[i].recorders, settings->roots[i].recorder_count);
	for (size_t i = 0; i < settings->camera_count; i++)
		put_line(i == 0 ? "Cameras" : "", STYLE_PLAIN, "%s: a rule of its own", settings->cameras[i].camera);
	put_line("Guard", STYLE_PLAIN, "%s", guard_mode_name(settings->guard.mode));
	if (settings->guard.allow_count > 0)
		accessors_show("Allowed", NULL, settings->guard.allow, settings->guard.allow_count);
	publish_show(settings);
}

static void errors_show(const struct context *context, const char *file, char *message) {
	json_t *list = json_array();
	char *rest = NULL;
	for (char *line = strtok_r(message, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		if (context->output == OUTPUT_TABLE) {
			char *escaped = screen_escape(line);
			(void)fprintf(stderr, "%s\n", escaped);
			free(escaped);
		} else {
			json_t *text = json_string(line);
			json_array_append_new(list, text ? text : json_string("(not UTF-8)"));
		}
	}
	json_t *answer = json_pack("{s:i, s:s?, s:b, s:o}", "schema", 1, "file", file, "valid", 0, "errors", list);
	if (context->output != OUTPUT_TABLE)
		context_show(context, answer);
	json_decref(answer);
}

int config_check_run(struct context *context) {
	static char message[MESSAGE_BYTES];
	const char *file = context->positional ? context->positional : RETENTION_CONFIG;
	const char *layouts = context_option(context, "layouts");
	char place[PATH_MAX];
	settings_layouts_place(place);
	struct settings *settings = NULL;
	int error = settings_load(file, layouts ? layouts : place, &settings, message, sizeof(message));
	if (error == 0)
		error = settings_check_volumes(settings, message, sizeof(message));
	if (error < 0) {
		if (message[0] == '\0')
			(void)snprintf(message, sizeof(message), "%s: %s", file, strerror(-error));
		errors_show(context, file, message);
		settings_free(settings);
		return EXIT_FAILED;
	}
	if (context->output == OUTPUT_TABLE) {
		put_text(STYLE_GOOD, file);
		put(STYLE_GOOD, ": in order\n");
		summary_show(settings);
	} else {
		json_t *answer = json_pack("{s:i, s:s?, s:b, s:[]}", "schema", 1, "file", file, "valid", 1, "errors");
		context_show(context, answer);
		json_decref(answer);
	}
	settings_free(settings);
	return EXIT_DONE;
}

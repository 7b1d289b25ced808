/* SPDX-License-Identifier: GPL-2.0-or-later */
/* doctor --scan: which layout a folder of recordings follows, and a configuration for it, ready to use. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "nouns.h"
#include "screen.h"
#include "settings/settings.h"

enum { SCANNED_MOST = 200000, CAMERAS_SHOWN = 32 };

/* A name for the root: the last parts of its path that say something. */
static void root_name(const char *path, char *name, size_t room) {
	const char *last = strrchr(path, '/');
	(void)snprintf(name, room, "%s", last && last[1] ? last + 1 : "footage");
	for (char *c = name; *c; c++)
		if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') || *c == '-' ||
		        *c == '_'))
			*c = '-';
}

/* A path inside a libconfig string. */
static void quoted(const char *text) {
	char *escaped = screen_escape(text);
	(void)putchar('"');
	for (const char *c = escaped; *c; c++) {
		if (*c == '"' || *c == '\\')
			(void)putchar('\\');
		(void)putchar(*c);
	}
	(void)putchar('"');
	free(escaped);
}

static struct layout *layout_of(const char *layouts, const char *name) {
	char file[PATH_MAX], message[512];
	struct layout *layout = NULL;
	int length = snprintf(file, sizeof(file), "%s/%s.conf", layouts, name);
	if (length < 0 || (size_t)length >= sizeof(file))
		return NULL;
	return layout_load(file, &layout, message, sizeof(message)) == 0 ? layout : NULL;
}

static void configuration_show(const char *path, const struct recognition *best) {
	char name[128];
	root_name(path, name, sizeof(name));
	(void)fputs("# made by: retentionctl doctor --scan\n"
	            "state_dir = \"/var/lib/retention\";\nrun_dir   = \"/run/retention\";\n"
	            "policy = {\n  retention     = \"P30D\";\n  legal_maximum = \"P1M\";\n};\n"
	            "roots = ( {\n",
	    stdout);
	(void)printf("  name = \"%s\";  path = ", name);
	quoted(path);
	(void)printf(";\n  layout = \"%s\";\n  mode = \"observe\";   # deletes nothing; \"enforce\" when `deletion plan` "
	             "shows what you expect\n} );\n",
	    best->layout);
	for (size_t i = 0; i < best->camera_count && i < CAMERAS_SHOWN; i++) {
		put(STYLE_PLAIN, "# camera: ");
		put_text(STYLE_PLAIN, best->cameras[i]);
		put(STYLE_PLAIN, "\n");
	}
	if (best->camera_count > CAMERAS_SHOWN)
		put(STYLE_PLAIN, "# … and %zu more\n", best->camera_count - CAMERAS_SHOWN);
}

static void talk(const char *label, const char *text) {
	if (!text || !text[0])
		return;
	char *escaped = screen_escape(text);
	(void)fprintf(stderr, "%s: %s\n", label, escaped);
	free(escaped);
}

static void found_show(const char *path, const char *layouts, const struct recognition *best) {
	struct layout *layout = layout_of(layouts, best->layout);
	(void)fprintf(stderr, "%s: %s of %s names fit, %zu camera%s\n",
	    layout && layout->title ? layout->title : best->layout, text_count((int64_t)best->matching),
	    text_count((int64_t)(best->matching + best->foreign)), best->camera_count, best->camera_count == 1 ? "" : "s");
	for (size_t i = 0; i < best->example_count; i++)
		talk("not recognised", best->examples[i]);
	talk("set in the recorder", layout ? layout->recorder_setting : NULL);
	talk("when a file is gone, the recorder shows", layout ? layout->recorder_shows : NULL);
	layout_free(layout);
	configuration_show(path, best);
}

static json_t *recognition_json(const struct recognition *one) {
	json_t *cameras = json_array(), *examples = json_array();
	for (size_t i = 0; i < one->camera_count; i++) {
		char *text = screen_escape(one->cameras[i]);
		json_array_append_new(cameras, json_string(text));
		free(text);
	}
	for (size_t i = 0; i < one->example_count; i++) {
		char *text = screen_escape(one->examples[i]);
		json_array_append_new(examples, json_string(text));
		free(text);
	}
	return json_pack("{s:s, s:I, s:I, s:o, s:o}", "layout", one->layout, "matching", (json_int_t)one->matching,
	    "not_recognised", (json_int_t)one->foreign, "cameras", cameras, "examples", examples);
}

static void nothing_show(const char *path, const struct recognition *list, size_t count) {
	char *escaped = screen_escape(path);
	(void)fprintf(stderr, "retentionctl: %s follows no layout that is known\n", escaped);
	free(escaped);
	for (size_t i = 0; count > 0 && i < list[0].example_count; i++)
		talk("such as", list[0].examples[i]);
	if (count == 0 || list[0].example_count == 0)
		(void)fputs("there are no files in it\n", stderr);
	(void)fputs(
	    "write a pattern of your own: layout = \"%{camera}/%Y-%m-%d/%H-%M-%S.mp4\", see retention-layout(5)\n", stderr);
}

int doctor_scan(struct context *context, const char *path) {
	const char *layouts = context_option(context, "layouts");
	char whole[PATH_MAX];
	char place[PATH_MAX];
	struct recognition *list = NULL;
	size_t count = 0;
	settings_layouts_place(place);
	if (!layouts)
		layouts = place;
	int error = realpath(path, whole) ? recognise(whole, layouts, SCANNED_MOST, &list, &count) : -errno;
	if (error < 0) {
		char *escaped = screen_escape(path);
		(void)fprintf(stderr, "retentionctl: %s cannot be looked at: %s\n", escaped, strerror(-error));
		free(escaped);
		return EXIT_FAILED;
	}
	/* The catch-all fits everything and says nothing: only what knows names counts. */
	const struct recognition *best = NULL;
	for (size_t i = 0; i < count && !best; i++)
		if (list[i].matching > list[i].foreign && strcmp(list[i].layout, "any") != 0)
			best = &list[i];
	int code = best ? EXIT_DONE : EXIT_FINDING;
	if (context->output != OUTPUT_TABLE) {
		json_t *rows = json_array();
		for (size_t i = 0; i < count; i++)
			json_array_append_new(rows, recognition_json(&list[i]));
		json_t *answer = json_pack(
		    "{s:i, s:s?, s:s?, s:o}", "schema", 1, "path", whole, "layout", best ? best->layout : NULL, "checks", rows);
		context_show(context, answer);
		json_decref(answer);
	} else if (best) {
		found_show(whole, layouts, best);
	} else {
		nothing_show(whole, list, count);
	}
	recognition_free(list, count);
	return code;
}

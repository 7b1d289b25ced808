/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * log export: entries as they stand in the log, byte for byte, one a line; or the main columns as CSV. A cell that
 * a spreadsheet would take for a formula gets a quote before it: names of files and people are text of others.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit/entry.h"
#include "base/clock.h"
#include "command.h"
#include "log_select.h"
#include "nouns.h"
#include "output_file.h"
#include "screen.h"

struct export {
	FILE *stream;
	bool csv;
};

/* ---- cells ---- */

static void cell(FILE *stream, const char *text, bool last) {
	bool formula = text[0] != '\0' && strchr("=+-@\t\r", text[0]) != NULL;
	if (strpbrk(text, ",\"\r\n") != NULL || formula) {
		(void)fputs(formula ? "\"'" : "\"", stream);
		for (; *text != '\0'; text++) {
			if (*text == '"')
				(void)fputc('"', stream);
			(void)fputc(*text, stream);
		}
		(void)fputc('"', stream);
	} else {
		(void)fputs(text, stream);
	}
	(void)fputs(last ? "\r\n" : ",", stream);
}

static void number_cell(FILE *stream, int64_t number, bool known, bool last) {
	char text[24] = "";
	if (known)
		(void)snprintf(text, sizeof(text), "%" PRId64, number);
	/* Our own number: a minus is one. */
	(void)fprintf(stream, "%s%s", text, last ? "\r\n" : ",");
}

static void time_cell(FILE *stream, int64_t wall_us, const struct zone *zone) {
	char text[48] = "";
	if (wall_us != 0 && zone)
		time_format_local(zone, wall_us, text, sizeof(text));
	else if (wall_us != 0)
		time_format_utc(wall_us, text, sizeof(text));
	cell(stream, text, false);
}

/* Name, else number. */
static const char *who(const json_t *object, const char *name, const char *number) {
	const char *text = get_text(object, name);
	return text[0] ? text : get_text(object, number);
}

/* ---- what an entry is about ---- */

struct extent {
	int64_t from_us, to_us, count;
	bool counted;
};

static void widen(const struct audit_segment *segment, void *context) {
	struct extent *extent = context;
	if (extent->from_us == 0 || segment->start_us < extent->from_us)
		extent->from_us = segment->start_us;
	if (segment->end_us > extent->to_us)
		extent->to_us = segment->end_us;
}

static struct extent extent_of(const json_t *entry) {
	struct extent extent = {0};
	const json_t *segments = json_object_get(entry, "segments"), *footage = json_object_get(entry, "footage");
	const json_t *hold = json_object_get(entry, "hold"), *counted = json_object_get(entry, "recorder");
	const json_t *spanned = footage ? footage : json_is_object(hold) ? hold : NULL;
	if (segments)
		counted = segments;
	if (segments && audit_segments_read(segments, widen, &extent) < 0)
		extent = (struct extent){0};
	if (spanned) {
		extent.from_us = get_number(spanned, "from_us");
		extent.to_us = get_number(spanned, "to_us");
	}
	extent.counted = json_is_integer(json_object_get(counted, "count"));
	extent.count = get_number(counted, "count");
	return extent;
}

/* "a b c" of a list of texts; the caller frees. */
static char *joined(const json_t *list) {
	char *text = NULL;
	size_t room = 0, i;
	json_t *item;
	FILE *stream = open_memstream(&text, &room);
	if (!stream)
		return NULL;
	json_array_foreach(list, i, item)(void)
	    fprintf(stream, "%s%s", i > 0 ? " " : "", json_is_string(item) ? json_string_value(item) : "");
	(void)fclose(stream);
	return text;
}

static void camera_cell(FILE *stream, const json_t *entry, const json_t *hold) {
	const json_t *params = json_object_get(json_object_get(entry, "request"), "params");
	const char *camera = get_text(entry, "camera");
	char *cameras = camera[0] ? NULL : joined(json_object_get(hold, "cameras"));
	cell(stream, camera[0] ? camera : cameras && cameras[0] ? cameras : get_text(params, "camera"), false);
	free(cameras);
}

static void case_cells(FILE *stream, const json_t *entry, const json_t *hold) {
	const json_t *params = json_object_get(json_object_get(entry, "request"), "params");
	const char *from[] = {get_text(entry, "case"), get_text(hold, "case"), get_text(params, "case")};
	char *holds = json_is_object(hold) ? NULL : joined(json_object_get(entry, "holds"));
	cell(stream, from[0][0] ? from[0] : from[1][0] ? from[1] : from[2], false);
	cell(stream, holds && holds[0] ? holds : get_text(hold, "id"), false);
	free(holds);
}

static const char HEADINGS[] = "time,local_time,action,outcome,actor,login_user,program,address,camera,footage_from,"
                               "footage_to,count,case,hold,reason,sequence\r\n";

static void row_write(FILE *stream, const json_t *entry, uint64_t number, const struct zone *zone) {
	const json_t *event = json_object_get(entry, "event"), *process = json_object_get(entry, "process");
	const json_t *hold = json_object_get(entry, "hold"), *source = json_object_get(entry, "source");
	struct extent extent = extent_of(entry);
	cell(stream, get_text(entry, "@timestamp"), false);
	time_cell(stream, audit_entry_time_us(entry), zone);
	cell(stream, get_text(event, "action"), false);
	cell(stream, get_text(event, "outcome"), false);
	cell(stream, who(json_object_get(entry, "user"), "name", "id"), false);
	cell(stream, who(json_object_get(entry, "actor"), "login_name", "login_uid"), false);
	cell(stream, get_text(process, "executable"), false);
	cell(stream, get_text(source, "ip"), false);
	camera_cell(stream, entry, hold);
	time_cell(stream, extent.from_us, NULL);
	time_cell(stream, extent.to_us, NULL);
	number_cell(stream, extent.count, extent.counted, false);
	case_cells(stream, entry, hold);
	cell(stream, get_text(event, "reason"), false);
	number_cell(stream, (int64_t)number, true, true);
}

/* ---- the command ---- */

static int write_entry(const struct log_selection *selection, uint64_t number, const json_t *entry, void *user) {
	const struct export *export = user;
	if (export->csv)
		row_write(export->stream, entry, number, selection->source.zone);
	else if (fwrite(selection->bytes, 1, selection->length, export->stream) == selection->length)
		(void)fputc('\n', export->stream);
	if (!ferror(export->stream))
		return EXIT_DONE;
	(void)fprintf(stderr, "retentionctl: cannot write: %s\n", strerror(errno));
	return EXIT_FAILED;
}

static int format_take(const struct context *context, bool *ret_csv) {
	const char *format = context_option(context, "format");
	*ret_csv = format ? strcmp(format, "csv") == 0 : context->output == OUTPUT_CSV;
	if (!format || *ret_csv || strcmp(format, "jsonl") == 0)
		return EXIT_DONE;
	(void)fprintf(stderr, "retentionctl: '--format' is jsonl or csv\n");
	return EXIT_USAGE;
}

static int export_end(const struct log_selection *selection, struct output_file *file, int code) {
	if (code != EXIT_DONE) {
		output_file_abandon(file);
		return code;
	}
	const char *path = file->path;
	int error = output_file_commit(file);
	if (error < 0) {
		(void)fprintf(stderr, "retentionctl: '%s' cannot be written: %s\n", path, strerror(-error));
		return EXIT_FAILED;
	}
	(void)fprintf(stderr, "%zu entries written\n", selection->found);
	return EXIT_DONE;
}

int log_export_run(struct context *context) {
	const char *path = context_option(context, "to");
	struct output_file file = {0};
	struct export export = {.stream = stdout};
	int code = format_take(context, &export.csv);
	if (code != EXIT_DONE)
		return code;
	int error = path ? output_file_open(path, &file) : 0;
	if (error < 0) {
		(void)fprintf(stderr, "retentionctl: '%s.partial' cannot be made: %s\n", path, strerror(-error));
		return EXIT_FAILED;
	}
	if (path)
		export.stream = file.stream;
	if (export.csv)
		(void)fputs(HEADINGS, export.stream);
	struct log_selection selection = {
	    .context = context, .command = "export", .ascending = true, .each = write_entry, .user = &export};
	code = log_select(&selection);
	if (path)
		code = export_end(&selection, &file, code);
	log_source_close(&selection.source);
	return code;
}

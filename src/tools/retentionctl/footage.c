/* SPDX-License-Identifier: GPL-2.0-or-later */
/* footage list, gaps, explain. */
#include <inttypes.h>
#include <limits.h>
#include <retention/client.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "nouns.h"
#include "screen.h"

static void span_show(const json_t *answer) {
	const json_t *span = json_object_get(answer, "span");
	put(STYLE_DIM, "%s .. %s  (%s .. %s)\n", get_text(span, "from_local"), get_text(span, "to_local"),
	    get_text(span, "from"), get_text(span, "to"));
}

void footage_list_show(const json_t *answer) {
	size_t i;
	json_t *row;
	span_show(answer);
	struct table *table = table_new("START|>LENGTH|>SIZE|STATE|PATH");
	json_array_foreach(json_object_get(answer, "segments"), i, row) {
		const char *const cells[] = {text_moment(row, "start"),
		    text_format("%" PRId64 ".%" PRId64 " s", get_number(row, "milliseconds") / 1000,
		        get_number(row, "milliseconds") % 1000 / 100),
		    text_bytes(get_number(row, "bytes")),
		    text_format("%s%s", get_text(row, "state"), get_flag(row, "held") ? ", held" : ""), get_text(row, "path")};
		table_row(table, json_array_size(json_object_get(row, "damage")) > 0 ? STYLE_WARN : STYLE_PLAIN, cells);
	}
	size_t count = table_rows(table);
	table_end(table);
	put(STYLE_DIM, "%zu file%s%s\n", count, count == 1 ? "" : "s",
	    json_is_string(json_object_get(answer, "next")) ? "; more with --limit" : "");
}

/* Pages until the limit, so that the daemon never builds a long answer. */
int footage_list_run(struct context *context) {
	const json_t *given = json_object_get(context->local, "limit");
	int64_t limit = given ? json_integer_value(given) : 1000;
	int code = EXIT_DONE;
	struct retention_client *client = context_connect(context, &code);
	json_t *all = NULL;
	while (client && limit > 0) {
		json_object_set_new(context->params, "limit", json_integer(limit < 500 ? limit : 500));
		json_t *answer = context_ask(client, "footage.list", context->params, &code);
		if (!answer)
			break;
		json_t *rows = json_object_get(answer, "segments"), *next = json_object_get(answer, "next");
		limit -= (int64_t)json_array_size(rows);
		bool more = json_is_string(next) && json_array_size(rows) > 0;
		json_object_set(context->params, "after", next);
		if (all) {
			json_array_extend(json_object_get(all, "segments"), rows);
			json_object_set(all, "next", next);
			json_decref(answer);
		} else {
			all = answer;
		}
		if (!more)
			break;
	}
	retention_client_disconnect(client);
	if (all && code == EXIT_DONE)
		context_show(context, all);
	json_decref(all);
	return code;
}

void footage_gaps_show(const json_t *answer) {
	size_t i;
	json_t *gap;
	span_show(answer);
	struct table *table = table_new("CAMERA|FROM (UTC)|TO (UTC)|>LENGTH|WHAT");
	json_array_foreach(json_object_get(answer, "gaps"), i, gap) {
		const char *rule = get_text(gap, "rule");
		int64_t length = (get_number(gap, "to_us") - get_number(gap, "from_us")) / 1000000;
		const char *const cells[] = {get_text(gap, "camera"), text_utc(gap, "from"), text_utc(gap, "to"),
		    text_seconds(length), rule[0] ? text_format("%s: %s", get_text(gap, "is"), rule) : get_text(gap, "is")};
		table_row(table, STYLE_PLAIN, cells);
	}
	if (table_rows(table) == 0)
		put(STYLE_GOOD, "no gaps\n");
	table_end(table);
}

/* A path of this folder becomes absolute; one that does not exist goes as it is, since what is gone can be asked for
 * too. */
int footage_explain_run(struct context *context) {
	char whole[PATH_MAX];
	const char *path = context->positional;
	if (path[0] != '/' && access(path, F_OK) == 0 && realpath(path, whole)) {
		json_t *value = json_string(whole);
		if (value)
			json_object_set_new(context->params, "path", value);
	}
	return command_call(context);
}

void footage_explain_show(const json_t *answer) {
	const json_t *present = json_object_get(answer, "present");
	size_t i;
	json_t *reason;
	put_text(STYLE_DIM, get_text(answer, "path"));
	put(STYLE_PLAIN, "\n");
	const char *why = get_text(answer, "reason");
	bool fine = strcmp(why, "held") == 0 || strcmp(why, "not_due") == 0 ||
	            strncmp(get_text(answer, "answer"), "Kept", 4) == 0 || json_is_false(present);
	put_wrapped(fine ? STYLE_BOLD : STYLE_BAD, "", get_text(answer, "answer"));
	json_array_foreach(json_object_get(answer, "because"), i, reason) {
		put_wrapped(STYLE_PLAIN, "  - ", json_string_value(reason));
	}
	put(STYLE_PLAIN, "\n");
	if (get_text(answer, "camera")[0])
		put_line("Camera", STYLE_PLAIN, "%s", get_text(answer, "camera"));
	put_time("Start", answer, "start");
	put_time("End", answer, "end");
	put_time("Due", answer, "due");
	put_time("Gone", answer, "gone");
	if (get_text(answer, "holds")[0])
		put_line("Holds", STYLE_PLAIN, "%s", get_text(answer, "holds"));
	if (json_is_true(present))
		put_line("File", STYLE_PLAIN, "%s, %s, %s", text_bytes(get_number(answer, "bytes")), get_text(answer, "kind"),
		    get_text(answer, "state"));
	json_array_foreach(json_object_get(answer, "damage"), i, reason) {
		put_line("Damage", STYLE_WARN, "%s", json_string_value(reason));
	}
	if (get_text(answer, "sha256")[0])
		put_line("SHA-256", STYLE_DIM, "%s", get_text(answer, "sha256"));
}

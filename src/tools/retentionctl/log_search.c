/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log search: the newest entries that fit, shown oldest first. */
#include <inttypes.h>

#include "base/clock.h"
#include "command.h"
#include "log_entry.h"
#include "log_select.h"
#include "nouns.h"
#include "screen.h"

enum { SEARCH_LIMIT = 1000 };

static int keep(const struct log_selection *selection, uint64_t number, const json_t *entry, void *user) {
	(void)selection;
	(void)number;
	json_array_append(user, (json_t *)(uintptr_t)entry);
	return EXIT_DONE;
}

static void span_show(const struct log_selection *selection) {
	char utc[40], local[48];
	const int64_t ends[] = {selection->filter.from_us, selection->filter.to_us};
	for (size_t i = 0; i < 2; i++) {
		if (ends[i] <= 0 || ends[i] == INT64_MAX)
			continue;
		time_format_utc(ends[i] - ends[i] % US_PER_SECOND, utc, sizeof(utc));
		time_format_local(selection->source.zone, ends[i] - ends[i] % US_PER_SECOND, local, sizeof(local));
		put(STYLE_DIM, "%s %s (%s)\n", i == 0 ? "from" : "to  ", utc, local);
	}
}

static void table_show(const struct context *context, const struct log_selection *selection, const json_t *entries) {
	if (!context->no_pager)
		screen_page();
	for (size_t i = 0; i < json_array_size(entries); i++)
		entry_line(json_array_get(entries, i), selection->source.zone);
	if (selection->filter.has_span)
		span_show(selection);
	put(STYLE_DIM, "%zu entries, of %" PRIu64 " under the checkpoint, each checked against it\n",
	    json_array_size(entries), selection->source.head.size);
	if (!selection->all && selection->looked_up < selection->source.head.size)
		put(STYLE_DIM, "looked up to entry %" PRIu64 "; those after it were read one by one\n", selection->looked_up);
}

int log_search_run(struct context *context) {
	const json_t *given = json_object_get(context->local, "limit");
	json_t *newest = json_array(), *entries = json_array();
	struct log_selection selection = {.context = context, .command = "search", .each = keep, .user = newest};
	selection.limit = given && json_integer_value(given) > 0 ? (size_t)json_integer_value(given) : SEARCH_LIMIT;
	int code = log_select(&selection);
	for (size_t i = json_array_size(newest); i > 0; i--)
		json_array_append(entries, json_array_get(newest, i - 1));
	if (code == EXIT_DONE && context->output == OUTPUT_TABLE) {
		table_show(context, &selection, entries);
	} else if (code == EXIT_DONE) {
		json_t *answer =
		    json_pack("{s:i, s:I, s:o, s:I, s:O}", "schema", 1, "size", (json_int_t)selection.source.head.size,
		        "looked_up", selection.all ? json_null() : json_integer((json_int_t)selection.looked_up), "pruned",
		        (json_int_t)selection.pruned, "entries", entries);
		context_show(context, answer);
		json_decref(answer);
	}
	json_decref(newest);
	json_decref(entries);
	log_source_close(&selection.source);
	return code;
}

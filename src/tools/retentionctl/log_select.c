/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "log_select.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/span.h"
#include "command.h"
#include "screen.h"

enum { BUNDLE = 256, PAGE = 20000, PROGRESS = 16384 };

void log_filter_terms(const struct context *context, struct audit_filter *ret_filter) {
	*ret_filter = (struct audit_filter){.terms = {
	                                        [AUDIT_TERM_ACTION] = context_option(context, "action"),
	                                        [AUDIT_TERM_OUTCOME] = context_option(context, "outcome"),
	                                        [AUDIT_TERM_ACTOR] = context_option(context, "actor"),
	                                        [AUDIT_TERM_CAMERA] = context_option(context, "camera"),
	                                        [AUDIT_TERM_CASE] = context_option(context, "case"),
	                                        [AUDIT_TERM_HOLD] = context_option(context, "hold"),
	                                        [AUDIT_TERM_HELD] = context_flag(context, "held") ? "held" : NULL,
	                                    }};
}

static int span_fail(enum span_error error, const char *message) {
	if (error != SPAN_OK)
		(void)fprintf(stderr, "retentionctl: %s\n", message);
	return error == SPAN_OK ? EXIT_DONE : EXIT_USAGE;
}

/* --at, or --from and --to, in the source's zone. */
static int span_take(struct log_selection *selection) {
	const json_t *params = selection->context->params;
	const char *at = json_string_value(json_object_get(params, "at"));
	const char *from = json_string_value(json_object_get(params, "from"));
	const char *to = json_string_value(json_object_get(params, "to"));
	const struct zone *zone = selection->source.zone;
	struct audit_filter *filter = &selection->filter;
	char message[512] = "";
	int64_t now = clock_wall_us();
	struct span span = {.from_us = INT64_MIN, .to_us = INT64_MAX};
	int code = EXIT_DONE;
	if (at)
		code = span_fail(span_parse(at, zone, now, &span, message, sizeof(message)), message);
	if (!at && from)
		code = span_fail(span_parse_instant(from, zone, now, &span.from_us, message, sizeof(message)), message);
	if (!at && to && code == EXIT_DONE)
		code = span_fail(span_parse_instant(to, zone, now, &span.to_us, message, sizeof(message)), message);
	filter->has_span = at || from || to;
	filter->from_us = span.from_us;
	filter->to_us = span.to_us;
	return code;
}

static void progress(const struct log_selection *selection, uint64_t number) {
	if (number % PROGRESS == 0 && isatty(STDERR_FILENO) == 1)
		(void)fprintf(stderr, "\rentry %" PRIu64 " of %" PRIu64 " \r", number, selection->source.head.size);
}

static bool is_full(const struct log_selection *selection) {
	return selection->limit > 0 && selection->found >= selection->limit;
}

/* One entry: *ret_pruned where it is not there any more. */
static int look_at(struct log_selection *selection, uint64_t number, bool *ret_pruned) {
	int code = EXIT_DONE;
	struct log_source *source = &selection->source;
	*ret_pruned = false;
	progress(selection, number);
	int error = checked_log_entry(source->checked, number, &selection->bytes, &selection->length);
	if (error == -ENOENT) {
		*ret_pruned = true;
		return EXIT_DONE;
	}
	json_t *entry = log_source_entry(source, number, &selection->bytes, &selection->length, &code);
	if (entry && audit_filter_matches(&selection->filter, entry)) {
		selection->found++;
		code = selection->each(selection, number, entry, selection->user);
	}
	json_decref(entry);
	return code;
}

/* Every entry from `first` to before `end`, in the order that was asked for. */
static int read_all(struct log_selection *selection, uint64_t first, uint64_t end) {
	int code = EXIT_DONE;
	for (uint64_t done = 0; code == EXIT_DONE && done < end - first && !is_full(selection); done++) {
		uint64_t number = selection->ascending ? first + done : end - 1 - done;
		bool pruned = false;
		code = look_at(selection, number, &pruned);
		if (!pruned)
			continue;
		/* Whole bundles go. */
		uint64_t start = number - number % BUNDLE;
		uint64_t rest = selection->ascending ? start + BUNDLE - 1 - number : number - start;
		rest = rest < end - first - done - 1 ? rest : end - first - done - 1;
		selection->pruned += rest + 1;
		done += rest;
	}
	return code;
}

static json_t *page_params(const struct log_selection *selection, bool further, uint64_t last) {
	json_t *params = log_query(selection->context, selection->command);
	size_t limit =
	    selection->limit > 0 && selection->limit - selection->found < PAGE ? selection->limit - selection->found : PAGE;
	json_object_set_new(params, "limit", json_integer((json_int_t)limit));
	if (selection->ascending)
		json_object_set_new(params, "after", json_integer(further ? (json_int_t)last : -1));
	else if (further)
		json_object_set_new(params, "before", json_integer((json_int_t)last));
	return params;
}

/* What the lookup gave; it may have grown since the first page. */
static int read_page(struct log_selection *selection, const json_t *answer, uint64_t *last) {
	int code = EXIT_DONE;
	size_t i;
	json_t *item;
	const json_t *numbers = json_object_get(answer, "numbers");
	json_array_foreach(numbers, i, item) {
		uint64_t number = (uint64_t)json_integer_value(item);
		bool pruned = false;
		*last = number;
		if (number >= selection->looked_up || number >= selection->source.head.size)
			continue;
		code = look_at(selection, number, &pruned);
		selection->pruned += pruned ? 1 : 0;
		if (code != EXIT_DONE || is_full(selection))
			break;
	}
	return code;
}

static int read_further(struct log_selection *selection, json_t *answer) {
	uint64_t last = 0;
	int code = read_page(selection, answer, &last);
	while (code == EXIT_DONE && get_flag(answer, "more") && !is_full(selection)) {
		struct log_source other;
		json_t *params = page_params(selection, true, last);
		json_decref(answer);
		code = log_source_ask(selection->context, "log.find", params, &other, &answer);
		json_decref(params);
		log_source_close(&other);
		if (code == EXIT_DONE)
			code = read_page(selection, answer, &last);
	}
	json_decref(answer);
	return code;
}

static int select_by_lookup(struct log_selection *selection) {
	json_t *answer = NULL, *params = page_params(selection, false, 0);
	int code = log_source_ask(selection->context, "log.find", params, &selection->source, &answer);
	json_decref(params);
	if (code == EXIT_DONE)
		code = log_source_check(&selection->source);
	if (code != EXIT_DONE) {
		json_decref(answer);
		return code;
	}
	const json_t *from = json_object_get(answer, "from_us");
	selection->filter.has_span = json_is_integer(from);
	selection->filter.from_us = json_integer_value(from);
	selection->filter.to_us = json_integer_value(json_object_get(answer, "to_us"));
	uint64_t size = selection->source.head.size;
	selection->looked_up = (uint64_t)get_number(answer, "looked_up");
	if (selection->looked_up > size)
		selection->looked_up = size;
	if (!selection->ascending)
		code = read_all(selection, selection->looked_up, size);
	if (code == EXIT_DONE && !is_full(selection))
		code = read_further(selection, answer);
	else
		json_decref(answer);
	if (code == EXIT_DONE && selection->ascending && !is_full(selection))
		code = read_all(selection, selection->looked_up, size);
	return code;
}

static int select_from_all(struct log_selection *selection) {
	selection->all = true;
	int code = log_source_open(selection->context, selection->command, &selection->source);
	if (code == EXIT_DONE)
		code = log_source_check(&selection->source);
	if (code == EXIT_DONE)
		code = span_take(selection);
	return code == EXIT_DONE ? read_all(selection, 0, selection->source.head.size) : code;
}

int log_select(struct log_selection *selection) {
	const json_t *params = selection->context->params;
	bool timed = json_object_get(params, "at") || json_object_get(params, "from") || json_object_get(params, "to");
	selection->source = (struct log_source){.folder = -1};
	log_filter_terms(selection->context, &selection->filter);
	/* Without any filter there is nothing to look up. */
	bool all = context_flag(selection->context, "all") || context_option(selection->context, "log") ||
	           (!timed && audit_filter_is_empty(&selection->filter));
	int code = all ? select_from_all(selection) : select_by_lookup(selection);
	if (isatty(STDERR_FILENO) == 1)
		(void)fputs("\r\033[K", stderr);
	if (selection->pruned > 0)
		(void)fprintf(stderr, "%" PRIu64 " entries that were pruned are not in this\n", selection->pruned);
	return code;
}

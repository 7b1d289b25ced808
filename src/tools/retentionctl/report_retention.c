/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report retention: what was recorded, and where all of it is or went. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "evidence/csv.h"
#include "evidence/pages.h"
#include "evidence/sum.h"
#include "nouns.h"
#include "report.h"
#include "screen.h"

static int facts_read(struct report_session *session, struct sum *sum) {
	json_t *params = json_object();
	int code = EXIT_DONE;
	bool more = true;
	(void)json_object_set(params, "report", json_object_get(session->answer, "report"));
	while (more && code == EXIT_DONE) {
		json_t *page = context_ask(session->client, "report.facts", params, &code);
		if (page == NULL)
			break;
		int error = sum_facts(sum, page);
		if (error < 0) {
			(void)fprintf(stderr, "retentionctl: %s\n",
			    error == -E2BIG ? "too much footage for one report; ask for a shorter time or fewer cameras"
			                    : "the daemon's facts cannot be used");
			code = EXIT_FAILED;
		}
		json_t *next = json_object_get(page, "next");
		more = json_is_string(next);
		(void)json_object_set(params, "after", next);
		json_decref(page);
	}
	json_decref(params);
	return code;
}

static void on_pruned(uint64_t first, void *context) {
	sum_pruned(context, first);
}

static int on_entry(const json_t *entry, void *context) {
	return sum_entry(context, entry);
}

static const json_t *rule_of(const json_t *rules, const char *camera) {
	size_t i;
	json_t *row;
	json_array_foreach(rules, i, row) {
		if (strcmp(get_text(row, "camera"), camera) == 0)
			return json_object_get(row, "rule");
	}
	return NULL;
}

/* The daemon's part: rules beside their cameras, and what is outside the promise. */
static void daemon_part(const struct report_session *session, json_t *result) {
	size_t i;
	json_t *camera;
	json_array_foreach(json_object_get(result, "cameras"), i, camera) {
		const json_t *rule = rule_of(json_object_get(session->answer, "rules"), get_text(camera, "camera"));
		(void)json_object_set_new(camera, "rule", rule != NULL ? json_deep_copy(rule) : json_null());
	}
	(void)json_object_set(result, "outside", json_object_get(session->answer, "outside"));
}

/* ---- the table ---- */

static void columns_show(const json_t *result) {
	const json_t *total = json_object_get(result, "total"), *bytes = json_object_get(total, "bytes");
	struct table *table = table_new("ALL CAMERAS|>FILES|>SIZE");
	const char *const recorded[] = {
	    "recorded", text_count(get_number(total, "recorded")), text_bytes(get_number(bytes, "recorded"))};
	table_row(table, STYLE_BOLD, recorded);
	for (int i = 0; i < SUM_COLUMN_COUNT; i++) {
		const char *key = sum_column_name((enum sum_column)i);
		bool finding = get_number(total, key) > 0 && (i == SUM_OVERDUE || i == SUM_UNACCOUNTABLE);
		const char *const cells[] = {text_format("%s %s", i == 0 ? "=" : "+", sum_column_title((enum sum_column)i)),
		    text_count(get_number(total, key)), text_bytes(get_number(bytes, key))};
		table_row(table, finding ? STYLE_BAD : STYLE_PLAIN, cells);
	}
	table_end(table);
}

static void cameras_show(const json_t *result) {
	size_t i;
	json_t *camera;
	put(STYLE_PLAIN, "\n");
	struct table *table = table_new("CAMERA|>REC|>ON TIME|>LATE|>HELD|>OTHERS|>OVERDUE|>KEPT|>UNACC");
	json_array_foreach(json_object_get(result, "cameras"), i, camera) {
		const char *cells[SUM_COLUMN_COUNT + 2] = {
		    get_text(camera, "camera"), text_count(get_number(camera, "recorded"))};
		for (int c = 0; c < SUM_COLUMN_COUNT; c++)
			cells[c + 2] = text_count(get_number(camera, sum_column_name((enum sum_column)c)));
		bool finding = get_number(camera, "overdue") > 0 || get_number(camera, "unaccountable") > 0;
		table_row(table, finding ? STYLE_BAD : STYLE_PLAIN, cells);
	}
	table_end(table);
	json_array_foreach(json_object_get(result, "cameras"), i, camera) {
		const json_t *rule = json_object_get(camera, "rule");
		if (json_is_object(rule))
			put_line("Rule", STYLE_DIM, "%s: operator's promise %s, legal maximum %s (from: %s%s%s)",
			    get_text(camera, "camera"), get_text(rule, "retention")[0] ? get_text(rule, "retention") : "none",
			    get_text(rule, "legal_maximum")[0] ? get_text(rule, "legal_maximum") : "none", get_text(rule, "source"),
			    get_text(rule, "basis")[0] ? "; basis: " : "", get_text(rule, "basis"));
	}
}

static bool is_told(const json_t *detail) {
	const char *column = get_text(detail, "column");
	return strcmp(column, "erased_on_time") != 0 && strcmp(column, "held") != 0 &&
	       !(strcmp(column, "kept") == 0 && strcmp(get_text(detail, "reason"), "not_due") == 0);
}

static void details_show(const json_t *result) {
	size_t i;
	json_t *detail;
	json_array_foreach(json_object_get(result, "details"), i, detail) {
		if (!is_told(detail))
			continue;
		int64_t longest = get_number(detail, "longest_seconds");
		const char *title = get_text(detail, "column");
		for (int c = 0; c < SUM_COLUMN_COUNT; c++)
			if (strcmp(title, sum_column_name((enum sum_column)c)) == 0)
				title = sum_column_title((enum sum_column)c);
		put_wrapped(STYLE_PLAIN, "  - ",
		    text_format("%s: %s %s: %.120s%s%s", get_text(detail, "camera"), text_count(get_number(detail, "segments")),
		        title, get_text(detail, "text"), longest > 0 ? "; at most by " : "",
		        longest > 0 ? text_seconds(longest) : ""));
	}
}

static void unwatched_show(const json_t *result) {
	enum { SHOWN_MAX = 30 };
	const json_t *list = json_object_get(result, "unwatched");
	size_t i;
	json_t *period;
	if (json_array_size(list) == 0)
		return;
	put(STYLE_BOLD, "\nNobody watched, or not everything can be known\n");
	json_array_foreach(list, i, period) {
		if (i == SHOWN_MAX)
			break;
		const char *root = get_text(period, "root");
		put_wrapped(STYLE_PLAIN, "  - ",
		    text_format("%s .. %s%s%s: %s", text_utc(period, "from"),
		        get_flag(period, "lasts") ? "now" : text_utc(period, "to"), root[0] ? ", " : "", root,
		        get_text(period, "text")));
	}
	int64_t more = (int64_t)json_array_size(list) - SHOWN_MAX + get_number(result, "unwatched_more");
	if (json_array_size(list) > SHOWN_MAX)
		put(STYLE_DIM, "  - %" PRId64 " more; --json has them\n", more);
}

static void outside_show(const json_t *result) {
	size_t i;
	json_t *row;
	json_array_foreach(json_object_get(result, "outside"), i, row) {
		bool sized = json_is_integer(json_object_get(row, "bytes"));
		put_line("Outside", STYLE_WARN, "%s: %s files%s%s%s%s (%s)", get_text(row, "of"),
		    text_count(get_number(row, "files")), sized ? ", " : "", sized ? text_bytes(get_number(row, "bytes")) : "",
		    sized ? ", oldest " : "", sized ? text_utc(row, "oldest") : "", get_text(row, "what"));
	}
	if (get_number(result, "copies") > 0)
		put_line("Copies", STYLE_WARN, "%s files have the same fingerprint as another; each is counted for itself",
		    text_count(get_number(result, "copies")));
	if (get_number(result, "again") > 0)
		put_line("Again", STYLE_WARN, "%s files had been erased or had vanished, and are there again",
		    text_count(get_number(result, "again")));
}

void report_retention_show(const json_t *result) {
	put(STYLE_BOLD, "The sum: footage that was recorded, and where all of it is or went\n");
	report_head_show(result);
	put(STYLE_PLAIN, "\n");
	columns_show(result);
	cameras_show(result);
	details_show(result);
	unwatched_show(result);
	put(STYLE_PLAIN, "\n");
	outside_show(result);
	put_wrapped(STYLE_DIM, "", RETENTION_REPORT_WORDS);
}

int report_retention_run(struct context *context) {
	struct report_session session;
	int code = report_begin(context, "retention", &session);
	if (code != EXIT_DONE)
		return code;
	const json_t *asked = json_object_get(session.answer, "asked");
	struct sum_request request = {
	    .span = session.span,
	    .zone = session.zone,
	    .begun = (uint64_t)get_number(session.answer, "report"),
	    .now_us = get_number(asked, "at_us"),
	    .interval_us = get_number(session.answer, "interval_us"),
	    .cameras = json_object_get(session.answer, "cameras"),
	    .with_segments = context_flag(context, "segments"),
	};
	struct sum *sum = sum_new(&request);
	/* First the index, then the log: what goes in between is in the log, and what comes is left out. */
	code = sum == NULL ? EXIT_FAILED : facts_read(&session, sum);
	if (code == EXIT_DONE)
		code = report_log_open(context, &session);
	if (code == EXIT_DONE)
		code = report_each(&session, on_pruned, on_entry, sum);
	json_t *result = code == EXIT_DONE ? sum_result(sum) : NULL;
	if (code == EXIT_DONE && result == NULL)
		code = EXIT_FAILED;
	if (result != NULL) {
		daemon_part(&session, result);
		report_frame(&session, "retention", result);
		if (context_option(context, "html") != NULL)
			code = report_write_page(context, retention_page(result));
		if (context->output == OUTPUT_CSV)
			csv_print(stdout, json_object_get(result, request.with_segments ? "segments" : "cameras"));
		else if (context_option(context, "html") == NULL || context->output != OUTPUT_TABLE)
			context_show(context, result);
		if (code == EXIT_DONE && get_flag(result, "finding"))
			code = EXIT_FINDING;
	}
	json_decref(result);
	(void)sum_free(sum);
	report_end(&session);
	return code;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sum as a page. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "evidence/fields.h"
#include "evidence/html.h"
#include "evidence/pages.h"
#include "evidence/sum.h"

/* "2026-10-25T06:11:04Z" without its letters. */
static const char *moment(const json_t *object, const char *key, char text[32]) {
	(void)snprintf(text, 32, "%.19s", field_text(object, key));
	char *letter = strchr(text, 'T');
	if (letter != NULL)
		*letter = ' ';
	return text[0] != '\0' ? text : "–";
}

static const char *duration(int64_t seconds, char text[32]) {
	if (seconds >= 172800)
		(void)snprintf(text, 32, "%" PRId64 " days", (seconds + 43200) / 86400);
	else if (seconds >= 7200)
		(void)snprintf(text, 32, "%" PRId64 " hours", (seconds + 1800) / 3600);
	else if (seconds >= 120)
		(void)snprintf(text, 32, "%" PRId64 " minutes", (seconds + 30) / 60);
	else
		(void)snprintf(text, 32, "%" PRId64 " s", seconds);
	return text;
}

void page_head(struct html *html, const json_t *report) {
	const json_t *span = json_object_get(report, "span"), *asked = json_object_get(report, "asked"),
	             *checkpoint = json_object_get(report, "checkpoint");
	const char *user = field_text(asked, "user");
	html_facts_begin(html);
	html_fact(html, "Time", "%s to %s (%s)", field_text(span, "from_local"), field_text(span, "to_local"),
	    field_text(report, "zone"));
	html_fact(html, "Asked", "%s by %s (role %s); entry %" PRId64 " of the log", field_text(asked, "at_local"),
	    user[0] != '\0' ? user : field_text(asked, "user_id"), field_text(asked, "role"),
	    field_number(report, "entry"));
	html_fact(html, "Clock", "%s%s", field_text(asked, "clock"),
	    json_is_true(json_object_get(asked, "clock_trusted")) ? "" : " (not trusted now)");
	html_fact(html, "Log", "%s: %" PRId64 " entries, each checked against the signed checkpoint with the root %s%s",
	    field_text(checkpoint, "origin"), field_number(checkpoint, "size"), field_text(checkpoint, "root"),
	    json_is_true(json_object_get(checkpoint, "own_keys"))
	        ? "; the keys came with the log, which then agrees with itself and no more"
	        : "");
	html_fact(html, "Made by", "%s", field_text(report, "program"));
	html_facts_end(html);
}

bool page_table_begin(
    struct html *html, const char *headings, const json_t *list, const char *style, const char *none) {
	if (json_array_size(list) == 0) {
		html_paragraph(html, style, none);
		return false;
	}
	html_table_begin(html, "", headings);
	return true;
}

static void verdict(struct html *html, const json_t *total) {
	char text[256], overdue[32], unaccountable[32];
	int64_t late = field_number(total, "overdue"), unknown = field_number(total, "unaccountable");
	if (late == 0 && unknown == 0) {
		html_paragraph(html, "good", "Nothing is overdue, and every file that was recorded is accounted for.");
		return;
	}
	(void)snprintf(text, sizeof text, "Overdue now: %s. Unaccountable: %s.", count_text((uint64_t)late, overdue),
	    count_text((uint64_t)unknown, unaccountable));
	html_paragraph(html, "bad", text);
}

static const char *column_title(const char *name) {
	for (int i = 0; i < SUM_COLUMN_COUNT; i++)
		if (strcmp(sum_column_name((enum sum_column)i), name) == 0)
			return sum_column_title((enum sum_column)i);
	return name;
}

static void columns_table(struct html *html, const json_t *report) {
	static const char headings[] = "Where it is or went|>Files|>Size";
	const json_t *total = json_object_get(report, "total"), *bytes = json_object_get(total, "bytes");
	char title[64], files[32], size[32];
	html_table_begin(html, "The sum, all cameras", headings);
	for (int i = -1; i < SUM_COLUMN_COUNT; i++) {
		const char *key = i < 0 ? "recorded" : sum_column_name((enum sum_column)i);
		bool bad = (i == SUM_OVERDUE || i == SUM_UNACCOUNTABLE) && field_number(total, key) > 0;
		(void)snprintf(title, sizeof title, "%s%s",
		    i < 0    ? ""
		    : i == 0 ? "= "
		             : "+ ",
		    i < 0 ? "recorded" : sum_column_title((enum sum_column)i));
		const char *const cells[] = {title, count_text((uint64_t)field_number(total, key), files),
		    html_bytes((uint64_t)field_number(bytes, key), size)};
		html_row(html, i < 0 ? "total" : bad ? "bad" : "", headings, cells);
	}
	html_table_end(html);
}

static void cameras_chart(struct html *html, const json_t *report) {
	const json_t *cameras = json_object_get(report, "cameras");
	size_t count = json_array_size(cameras) < HTML_BARS_MAX ? json_array_size(cameras) : HTML_BARS_MAX;
	struct html_bar *bars = calloc(count + 1, sizeof *bars);
	const char *names[SUM_COLUMN_COUNT];
	for (int c = 0; c < SUM_COLUMN_COUNT; c++)
		names[c] = c == SUM_OTHERS ? "by others" : c == SUM_KEPT ? "not yet due" : sum_column_title((enum sum_column)c);
	if (bars == NULL || count == 0) {
		free(bars);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		const json_t *camera = json_array_get(cameras, i);
		bars[i].label = field_text(camera, "camera");
		for (int c = 0; c < SUM_COLUMN_COUNT; c++)
			bars[i].parts[c] = (uint64_t)field_number(camera, sum_column_name((enum sum_column)c));
	}
	html_bars(html, "Files by camera, and where they are or went", names, SUM_COLUMN_COUNT, bars, count);
	free(bars);
}

static void cameras_table(struct html *html, const json_t *report) {
	static const char headings[] = "Camera|>Recorded|>On time|>Late|>Held|>By others|>Overdue|>Not yet due|>Unacc.";
	size_t i;
	json_t *camera;
	html_table_begin(html, "By camera, files", headings);
	json_array_foreach(json_object_get(report, "cameras"), i, camera) {
		char text[SUM_COLUMN_COUNT + 1][32];
		const char *cells[SUM_COLUMN_COUNT + 2] = {
		    field_text(camera, "camera"), count_text((uint64_t)field_number(camera, "recorded"), text[0])};
		for (int c = 0; c < SUM_COLUMN_COUNT; c++)
			cells[c + 2] = count_text((uint64_t)field_number(camera, sum_column_name((enum sum_column)c)), text[c + 1]);
		bool bad = field_number(camera, "overdue") > 0 || field_number(camera, "unaccountable") > 0;
		html_row(html, bad ? "bad" : "", headings, cells);
	}
	html_table_end(html);
}

static void rules_table(struct html *html, const json_t *report) {
	static const char headings[] = "Camera|Operator's promise|Legal maximum|From|Basis";
	size_t i;
	json_t *camera;
	html_table_begin(html, "The rule in force for each camera", headings);
	json_array_foreach(json_object_get(report, "cameras"), i, camera) {
		const json_t *rule = json_object_get(camera, "rule");
		const char *retention = field_text(rule, "retention"), *maximum = field_text(rule, "legal_maximum");
		const char *const cells[] = {field_text(camera, "camera"), retention[0] != '\0' ? retention : "none: kept",
		    maximum[0] != '\0' ? maximum : "none", field_text(rule, "source"), field_text(rule, "basis")};
		html_row(html, "", headings, cells);
	}
	html_table_end(html);
}

static void details_table(struct html *html, const json_t *report) {
	static const char headings[] = "Camera|Column|Why|>Files|>At most by|First|Last";
	size_t i;
	json_t *row;
	html_table_begin(html, "Why, for each column (first and last: when it was recorded, UTC)", headings);
	json_array_foreach(json_object_get(report, "details"), i, row) {
		char files[32], late[32], oldest[32], newest[32];
		int64_t seconds = field_number(row, "longest_seconds");
		const char *column = field_text(row, "column");
		bool bad = strcmp(column, "overdue") == 0 || strcmp(column, "unaccountable") == 0;
		const char *const cells[] = {field_text(row, "camera"), column_title(column), field_text(row, "text"),
		    count_text((uint64_t)field_number(row, "segments"), files), seconds > 0 ? duration(seconds, late) : "",
		    moment(row, "oldest", oldest), moment(row, "newest", newest)};
		html_row(html, bad ? "bad" : "", headings, cells);
	}
	html_table_end(html);
}

static void unwatched_table(struct html *html, const json_t *report) {
	static const char headings[] = "From (UTC)|To (UTC)|Root|What|>Entry";
	enum { SHOWN_MAX = 300 };
	const json_t *list = json_object_get(report, "unwatched");
	size_t i;
	json_t *row;
	html_heading(html, "When nobody watched, or not everything can be known");
	html_paragraph(html, "",
	    "What was recorded and vanished within these times may have left no trace; it can then be in no column. "
	    "Footage "
	    "that was still there afterwards is counted.");
	html_table_begin(html, "", headings);
	json_array_foreach(list, i, row) {
		char from[32], to[32], entry[32];
		if (i == SHOWN_MAX)
			break;
		const char *const cells[] = {moment(row, "from", from),
		    json_is_true(json_object_get(row, "lasts")) ? "now" : moment(row, "to", to), field_text(row, "root"),
		    field_text(row, "text"), count_text((uint64_t)field_number(row, "entry"), entry)};
		html_row(html, "", headings, cells);
	}
	html_table_end(html);
	int64_t more = (int64_t)json_array_size(list) - SHOWN_MAX;
	more = (more > 0 ? more : 0) + field_number(report, "unwatched_more");
	if (json_array_size(list) == 0)
		html_paragraph(html, "", "None.");
	if (more > 0) {
		char text[128], number[32];
		(void)snprintf(text, sizeof text, "And %s more, which are in the report's JSON and in the log.",
		    count_text((uint64_t)more, number));
		html_paragraph(html, "", text);
	}
}

static void outside_part(struct html *html, const json_t *report) {
	static const char headings[] = "Of|What|>Files|>Size|Oldest (UTC)";
	const json_t *list = json_object_get(report, "outside");
	size_t i;
	json_t *row;
	html_heading(html, "Outside the retention promise now");
	if (!page_table_begin(html, headings, list, "", "Nothing."))
		return;
	json_array_foreach(list, i, row) {
		char files[32], size[32], oldest[32];
		bool sized = json_is_integer(json_object_get(row, "bytes"));
		const char *const cells[] = {field_text(row, "of"), field_text(row, "what"),
		    count_text((uint64_t)field_number(row, "files"), files),
		    sized ? html_bytes((uint64_t)field_number(row, "bytes"), size) : "not known",
		    moment(row, "oldest", oldest)};
		html_row(html, "", headings, cells);
	}
	html_table_end(html);
}

static void copies_part(struct html *html, const json_t *report) {
	static const char headings[] = "Copy: camera|Start (UTC)|Path|Same as|Its start (UTC)";
	const json_t *list = json_object_get(report, "copies_listed");
	size_t i;
	json_t *row;
	if (json_array_size(list) == 0)
		return;
	html_heading(html, "Files with the same fingerprint as another");
	html_paragraph(html, "", "Each is a file of its own in the sum. Whoever made a copy had a reason: ask.");
	html_table_begin(html, "", headings);
	json_array_foreach(list, i, row) {
		char start[32], other[32];
		const json_t *same = json_object_get(row, "same_as");
		const char *const cells[] = {field_text(row, "camera"), moment(row, "start", start), field_text(row, "path"),
		    field_text(same, "camera"), moment(same, "start", other)};
		html_row(html, "", headings, cells);
	}
	html_table_end(html);
}

char *retention_page(const json_t *report) {
	struct html html;
	html_begin(&html, "The sum: footage that was recorded, and where all of it is or went");
	page_head(&html, report);
	verdict(&html, json_object_get(report, "total"));
	columns_table(&html, report);
	cameras_chart(&html, report);
	cameras_table(&html, report);
	html_heading(&html, "Why");
	details_table(&html, report);
	unwatched_table(&html, report);
	outside_part(&html, report);
	copies_part(&html, report);
	html_heading(&html, "Rules");
	rules_table(&html, report);
	html_heading(&html, "What this report is");
	html_paragraph(&html, "words", RETENTION_REPORT_WORDS);
	return html_end(&html);
}

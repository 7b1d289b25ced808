/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who accessed footage, as a page. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "evidence/fields.h"
#include "evidence/html.h"
#include "evidence/pages.h"

/* "unusual, new_address" in words. */
static void reasons_text(const json_t *list, char *text, size_t room) {
	static const struct code_words known[] = {
	    {"outside_hours", "outside the usual hours"},
	    {"volume", "far more than on a usual day"},
	    {"held", "held footage"},
	    {"denied", "was refused"},
	    {"denied_before", "had been refused before"},
	    {"program_not_certain", "which program it was is not certain"},
	    {"new_program", "a program not seen before"},
	    {"new_address", "from another address than before"},
	};
	size_t i, used = 0;
	json_t *reason;
	text[0] = '\0';
	json_array_foreach(list, i, reason) {
		const char *code = json_string_value(reason);
		const char *words = code != NULL ? code_words_find(known, ARRAY_LENGTH(known), code) : NULL;
		if (code != NULL && used < room)
			used +=
			    (size_t)snprintf(text + used, room - used, "%s%s", used > 0 ? "; " : "", words != NULL ? words : code);
	}
}

static void names_text(const json_t *object, char *text, size_t room) {
	size_t used = 0;
	const char *name;
	json_t *count;
	text[0] = '\0';
	json_object_foreach((json_t *)object, name, count) {
		char number[32];
		int written = snprintf(text + used, room - used, "%s%s (%s)", used > 0 ? ", " : "", name,
		    count_text((uint64_t)json_integer_value(count), number));
		if (written < 0 || (size_t)written >= room - used) {
			/* As many as there is room for. */
			(void)snprintf(text + used, room - used, "%s", used > 0 && room - used > 4 ? ", …" : "");
			return;
		}
		used += (size_t)written;
	}
}

static void people_table(struct html *html, const json_t *report) {
	static const char headings[] = "Person|>Opens|>Refused|>Requests|Cameras|Purposes|Programs|From";
	size_t i;
	json_t *person;
	html_table_begin(html, "By person", headings);
	json_array_foreach(json_object_get(report, "people"), i, person) {
		char opens[32], denied[32], requests[32], cameras[400], purposes[300], programs[400], addresses[300];
		names_text(json_object_get(person, "cameras"), cameras, sizeof cameras);
		names_text(json_object_get(person, "purposes"), purposes, sizeof purposes);
		names_text(json_object_get(person, "programs"), programs, sizeof programs);
		names_text(json_object_get(person, "addresses"), addresses, sizeof addresses);
		const char *const cells[] = {field_text(person, "person"),
		    count_text((uint64_t)(field_number(person, "opens") + field_number(person, "open_before")), opens),
		    count_text((uint64_t)field_number(person, "denied"), denied),
		    count_text((uint64_t)field_number(person, "requests"), requests), cameras, purposes, programs, addresses};
		html_row(html, "", headings, cells);
	}
	html_table_end(html);
}

static void hours_chart(struct html *html, const json_t *report) {
	char texts[24][4];
	const char *labels[24];
	uint64_t values[24];
	const json_t *hours = json_object_get(report, "hours");
	for (size_t i = 0; i < 24; i++) {
		(void)snprintf(texts[i], sizeof texts[i], "%02zu", i);
		labels[i] = texts[i];
		values[i] = (uint64_t)json_integer_value(json_array_get(hours, i));
	}
	html_columns(html, "Opens by hour of the day (local clock)", labels, values, 24);
}

static void days_chart(struct html *html, const json_t *report) {
	const json_t *days = json_object_get(report, "days");
	size_t count = json_array_size(days) < HTML_BARS_MAX ? json_array_size(days) : HTML_BARS_MAX;
	const char **labels = calloc(count + 1, sizeof *labels);
	uint64_t *values = calloc(count + 1, sizeof *values);
	for (size_t i = 0; labels != NULL && values != NULL && i < count; i++) {
		const json_t *day = json_array_get(days, json_array_size(days) - count + i);
		const char *name = field_text(day, "day");
		labels[i] = strlen(name) > 5 ? name + 5 : name;
		values[i] = (uint64_t)field_number(day, "opens");
	}
	if (count > 0 && labels != NULL && values != NULL)
		html_columns(html, "Opens by day (month and day)", labels, values, count);
	free(labels);
	free(values);
}

static void cameras_chart(struct html *html, const json_t *report, const char *key, const char *title) {
	const json_t *cameras = json_object_get(report, key);
	size_t count = json_array_size(cameras) < HTML_BARS_MAX ? json_array_size(cameras) : HTML_BARS_MAX;
	struct html_bar *bars = calloc(count + 1, sizeof *bars);
	static const char *const parts[] = {"opens"};
	for (size_t i = 0; bars != NULL && i < count; i++) {
		bars[i].label = field_text(json_array_get(cameras, i), "camera");
		bars[i].parts[0] = (uint64_t)field_number(json_array_get(cameras, i), "opens");
	}
	if (bars != NULL && count > 0)
		html_bars(html, title, parts, 1, bars, count);
	free(bars);
}

static void unusual_table(struct html *html, const json_t *report) {
	static const char headings[] = "When|Person|Camera|>Opens|Program|From|Why it is here|>Entry";
	enum { SHOWN_MAX = 500 };
	const json_t *list = json_object_get(report, "unusual");
	size_t i;
	json_t *row;
	html_heading(html, "Unusual");
	if (!page_table_begin(html, headings, list, "good", "Nothing unusual."))
		return;
	json_array_foreach(list, i, row) {
		char reasons[400], opens[32], entry[32], when[24];
		if (i == SHOWN_MAX)
			break;
		reasons_text(json_object_get(row, "reasons"), reasons, sizeof reasons);
		(void)snprintf(when, sizeof when, "%.19s", field_text(row, "time_local"));
		const char *address = field_text(row, "address");
		bool numbered = json_is_integer(json_object_get(row, "entry"));
		const char *const cells[] = {when, field_text(row, "person"), field_text(row, "camera"),
		    count_text((uint64_t)field_number(row, "opens"), opens), field_text(row, "program"),
		    address[0] != '\0' ? address : "this machine", reasons,
		    numbered ? count_text((uint64_t)field_number(row, "entry"), entry) : ""};
		html_row(html, "", headings, cells);
	}
	html_table_end(html);
	if (json_array_size(list) > SHOWN_MAX || field_number(report, "unusual_more") > 0)
		html_paragraph(html, "", "There are more; the report's JSON and the log have them.");
}

static void unseen_table(struct html *html, const json_t *report) {
	static const char headings[] = "From|To|Root|What|>Entry";
	const json_t *list = json_object_get(report, "unseen");
	size_t i;
	json_t *row;
	html_heading(html, "How closely opens were seen");
	html_table_begin(html, "Times when they were not seen, or only in part", headings);
	json_array_foreach(list, i, row) {
		char from[24], to[24], entry[32];
		(void)snprintf(from, sizeof from, "%.19s", field_text(row, "from_local"));
		(void)snprintf(to, sizeof to, "%.19s", field_text(row, "to_local"));
		const char *const cells[] = {from, to, field_text(row, "root"), field_text(row, "what"),
		    count_text((uint64_t)field_number(row, "entry"), entry)};
		html_row(html, "", headings, cells);
	}
	html_table_end(html);
	if (json_array_size(list) == 0)
		html_paragraph(html, "", "None is recorded.");
}

char *access_page(const json_t *report) {
	struct html html;
	html_begin(&html, "Who accessed footage");
	page_head(&html, report);
	people_table(&html, report);
	hours_chart(&html, report);
	days_chart(&html, report);
	cameras_chart(&html, report, "cameras", "Opens by camera");
	unusual_table(&html, report);
	if (json_array_size(json_object_get(report, "recorder")) > 0) {
		html_heading(&html, "The recorder's own traffic, apart");
		cameras_chart(&html, report, "recorder", "Opens by the recorder, by camera");
	}
	unseen_table(&html, report);
	html_heading(&html, "What this report is");
	html_paragraph(&html, "words", ACCESS_REPORT_WORDS);
	return html_end(&html);
}

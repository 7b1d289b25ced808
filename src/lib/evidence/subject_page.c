/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For a filmed person: what was done with the footage, in plain language. */
#include <stdio.h>

#include "base/bytes.h"
#include "evidence/fields.h"
#include "evidence/html.h"
#include "evidence/pages.h"

static void recipients_part(struct html *html, const json_t *report) {
	static const char headings[] = "Category|>People|>Times";
	size_t i;
	json_t *row;
	html_heading(html, "Who had access");
	html_table_begin(html, "", headings);
	json_array_foreach(json_object_get(report, "recipients"), i, row) {
		char people[32], times[32];
		const json_t *counted = json_object_get(row, "people");
		const char *const cells[] = {field_text(row, "category"),
		    json_is_integer(counted) ? count_text((uint64_t)json_integer_value(counted), people) : "–",
		    count_text((uint64_t)field_number(row, "times"), times)};
		html_row(html, "", headings, cells);
	}
	html_table_end(html);
	html_paragraph(html, "", SUBJECT_REPORT_OUTSIDE);
}

static void accesses_part(struct html *html, const json_t *report) {
	static const char headings[] = "Day|Who|Purpose|>Times";
	const json_t *list = json_object_get(report, "accesses");
	size_t i;
	json_t *row;
	html_heading(html, "When, and for what");
	if (!page_table_begin(html, headings, list, "", "No person is recorded as having opened these images."))
		return;
	json_array_foreach(list, i, row) {
		char times[32];
		const char *const cells[] = {field_text(row, "day"), field_text(row, "who"), field_text(row, "purpose"),
		    count_text((uint64_t)field_number(row, "times"), times)};
		html_row(html, "", headings, cells);
	}
	html_table_end(html);
}

static void ends_part(struct html *html, const json_t *report) {
	static const char headings[] = "Day|What|>Files";
	const json_t *ends = json_object_get(report, "ends"), *holds = json_object_get(report, "holds");
	size_t i;
	json_t *row;
	html_heading(html, "What became of the images");
	if (page_table_begin(html, headings, ends, "", "No erasure of these images is recorded yet.")) {
		json_array_foreach(ends, i, row) {
			char files[32];
			const char *const cells[] = {field_text(row, "day"), field_text(row, "what"),
			    count_text((uint64_t)field_number(row, "files"), files)};
			html_row(html, "", headings, cells);
		}
		html_table_end(html);
	}
	json_array_foreach(holds, i, row) {
		char text[300];
		const char *to = field_text(row, "to_local");
		(void)snprintf(text, sizeof text, "Images of this time were kept longer from %.10s%s%.10s, because %s.",
		    field_text(row, "from_local"), to[0] != '\0' ? " to " : " on", to, field_text(row, "ground"));
		html_paragraph(html, "", text);
	}
}

char *subject_page(const json_t *report) {
	struct html html;
	char names[600] = "";
	size_t i, used = 0;
	json_t *name;
	json_array_foreach(json_object_get(report, "cameras"), i, name) {
		if (json_is_string(name) && used < sizeof names)
			used += (size_t)snprintf(
			    names + used, sizeof names - used, "%s%s", used > 0 ? ", " : "", json_string_value(name));
	}
	html_begin(&html, "What was done with camera images");
	html_facts_begin(&html);
	html_fact(&html, "Camera", "%s", names);
	html_fact(&html, "Recorded", "%s to %s", field_text_at(report, "span.from_local"),
	    field_text_at(report, "span.to_local"));
	html_fact(&html, "Report made", "%s", field_text_at(report, "asked.at_local"));
	html_facts_end(&html);
	recipients_part(&html, report);
	accesses_part(&html, report);
	ends_part(&html, report);
	html_heading(&html, "How to read this");
	html_paragraph(&html, "words", SUBJECT_REPORT_WORDS);
	return html_end(&html);
}

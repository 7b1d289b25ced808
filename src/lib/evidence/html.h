/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A page in one file that prints well on A4: inline style, no script, nothing from elsewhere. All
 * text is escaped here; charts are inline SVG with a title and a table of the same numbers beside.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"

struct html {
	char *text;
	size_t used, room;
	bool failed; /* memory was short: html_end() gives NULL */
};

void html_begin(struct html *html, const char *title);
/* The whole page, the caller's to free; NULL when memory was short. */
MUST_USE char *html_end(struct html *html);

/* Text with & < > " ' escaped; control characters become U+FFFD. */
void html_text(struct html *html, const char *text);
void html_heading(struct html *html, const char *text);
void html_paragraph(struct html *html, const char *style, const char *text); /* style: a class of the page, or "" */
/* "Asked", "by …": a list of labels. */
void html_facts_begin(struct html *html);
void html_fact(struct html *html, const char *label, const char *format, ...) PRINTF_LIKE(3, 4);
void html_facts_end(struct html *html);

/* Headings "Camera|>Files": '>' aligns right. Cells: as many as there are headings; the first is the row's heading. */
void html_table_begin(struct html *html, const char *caption, const char *headings);
void html_row(struct html *html, const char *style, const char *headings, const char *const *cells);
void html_table_end(struct html *html);

/* Horizontal bars, one a row: a label, its parts in order, and their sum. At most HTML_BARS_MAX. */
enum { HTML_BARS_MAX = 400, HTML_PARTS_MAX = 8 };
struct html_bar {
	const char *label;
	uint64_t parts[HTML_PARTS_MAX];
};
void html_bars(struct html *html, const char *title, const char *const *part_names, size_t part_count,
    const struct html_bar *bars, size_t count);
/* Columns side by side with a label below each (hours of a day, days of a month). At most 400. */
void html_columns(
    struct html *html, const char *title, const char *const *labels, const uint64_t *values, size_t count);

/* "1.4 GB", in `text` (32 bytes). */
const char *html_bytes(uint64_t bytes, char text[32]);

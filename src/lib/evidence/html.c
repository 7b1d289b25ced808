/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "evidence/html.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

/* Dark enough to tell apart in grey; each part has its number in the table too. */
static const char style[] =
    "@page{size:A4;margin:14mm}"
    "*{box-sizing:border-box}"
    "body{font:10.5pt/1.4 system-ui,-apple-system,\"Segoe UI\",\"Liberation Sans\",Arial,sans-serif;color:#1a1a1a;"
    "background:#fff;max-width:182mm;margin:8mm auto;padding:0 4mm}"
    "h1{font-size:17pt;margin:0 0 3mm}h2{font-size:12.5pt;margin:7mm 0 2mm;break-after:avoid}"
    "p{margin:0 0 2.5mm}p.words{border-left:1mm solid #555;padding-left:3mm}p.bad{font-weight:bold;color:#9c1414}"
    "p.good{font-weight:bold;color:#14591d}"
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:.6mm 4mm;margin:0 0 3mm}dt{color:#444}dd{margin:0;"
    "overflow-wrap:anywhere}"
    "table{border-collapse:collapse;width:100%;margin:0 0 4mm;font-size:9pt;font-variant-numeric:tabular-nums}"
    "caption{text-align:left;font-weight:bold;padding:1mm 0}"
    "th,td{text-align:left;vertical-align:top;padding:.7mm 1.5mm;border-bottom:.2mm solid #bbb;overflow-wrap:anywhere}"
    "thead th{border-bottom:.4mm solid #333}tbody th{font-weight:normal}.n{text-align:right;white-space:nowrap}"
    "thead{display:table-header-group}tr{break-inside:avoid}tr.total th,tr.total td{font-weight:bold}"
    "tr.bad th,tr.bad td{color:#9c1414;font-weight:bold}"
    "figure{margin:0 0 4mm;break-inside:avoid}figcaption{font-weight:bold;margin-bottom:1mm}"
    "svg{width:100%;height:auto;display:block}svg text{font:9px system-ui,\"Liberation Sans\",Arial,sans-serif;"
    "fill:#1a1a1a}.p0{fill:#1f6f50}.p1{fill:#c58a00}.p2{fill:#2b5fa8}.p3{fill:#7a4fa3}.p4{fill:#b3261e}.p5{fill:#"
    "8f9aa3}"
    ".p6{fill:#111}.p7{fill:#5a7d00}"
    "@media print{body{margin:0;max-width:none;padding:0}}";

static void add(struct html *html, const char *text, size_t length) {
	if (html->failed)
		return;
	if (html->used + length + 1 > html->room) {
		size_t room = 2 * (html->used + length + 1);
		char *grown = realloc(html->text, room);
		if (grown == NULL) {
			html->failed = true;
			return;
		}
		html->text = grown;
		html->room = room;
	}
	memcpy(html->text + html->used, text, length);
	html->used += length;
	html->text[html->used] = '\0';
}

static void raw(struct html *html, const char *text) {
	add(html, text, strlen(text));
}

static void PRINTF_LIKE(2, 3) raw_format(struct html *html, const char *format, ...) {
	char text[512];
	va_list arguments;
	va_start(arguments, format);
	int length = vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	if (length > 0)
		add(html, text, (size_t)length < sizeof text ? (size_t)length : sizeof text - 1);
}

void html_text(struct html *html, const char *text) {
	for (const char *c = text != NULL ? text : ""; *c != '\0'; c++) {
		unsigned char byte = (unsigned char)*c;
		switch (byte) {
		case '&':
			raw(html, "&amp;");
			break;
		case '<':
			raw(html, "&lt;");
			break;
		case '>':
			raw(html, "&gt;");
			break;
		case '"':
			raw(html, "&quot;");
			break;
		case '\'':
			raw(html, "&#39;");
			break;
		default:
			if ((byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7f)
				raw(html, "\xef\xbf\xbd");
			else
				add(html, c, 1);
		}
	}
}

static void element(struct html *html, const char *open, const char *text, const char *close) {
	raw(html, open);
	html_text(html, text);
	raw(html, close);
}

void html_begin(struct html *html, const char *title) {
	*html = (struct html){0};
	raw(html,
	    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
	    "<meta name=\"viewport\" content=\"width=device-width\">"
	    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">");
	element(html, "<title>", title, "</title><style>");
	raw(html, style);
	element(html, "</style></head>\n<body><main><h1>", title, "</h1>\n");
}

char *html_end(struct html *html) {
	raw(html, "</main></body></html>\n");
	char *text = html->text;
	if (html->failed) {
		free(text);
		text = NULL;
	}
	*html = (struct html){0};
	return text;
}

void html_heading(struct html *html, const char *text) {
	element(html, "<h2>", text, "</h2>\n");
}

void html_paragraph(struct html *html, const char *style_class, const char *text) {
	element(html, "<p class=\"", style_class, "\">");
	html_text(html, text);
	raw(html, "</p>\n");
}

void html_facts_begin(struct html *html) {
	raw(html, "<dl>\n");
}

void html_fact(struct html *html, const char *label, const char *format, ...) {
	char *text = NULL;
	va_list arguments;
	va_start(arguments, format);
	int length = vasprintf(&text, format, arguments);
	va_end(arguments);
	element(html, "<dt>", label, "</dt><dd>");
	if (length >= 0)
		html_text(html, text);
	else
		html->failed = true;
	raw(html, "</dd>\n");
	if (length >= 0)
		free(text);
}

void html_facts_end(struct html *html) {
	raw(html, "</dl>\n");
}

void html_table_begin(struct html *html, const char *caption, const char *headings) {
	raw(html, "<table>");
	if (caption[0] != '\0')
		element(html, "<caption>", caption, "</caption>");
	raw(html, "<thead><tr>");
	while (*headings != '\0') {
		char heading[128];
		size_t length = strcspn(headings, "|");
		bool right = headings[0] == '>';
		(void)snprintf(heading, sizeof heading, "%.*s", (int)(length - (right ? 1 : 0)), headings + (right ? 1 : 0));
		element(html, right ? "<th scope=\"col\" class=\"n\">" : "<th scope=\"col\">", heading, "</th>");
		headings += length + (headings[length] == '|' ? 1 : 0);
	}
	raw(html, "</tr></thead><tbody>\n");
}

void html_row(struct html *html, const char *style_class, const char *headings, const char *const *cells) {
	element(html, "<tr class=\"", style_class, "\">");
	for (size_t i = 0; *headings != '\0'; i++) {
		size_t length = strcspn(headings, "|");
		const char *tag = i == 0 ? "th" : "td";
		raw_format(html, "<%s%s%s>", tag, i == 0 ? " scope=\"row\"" : "", headings[0] == '>' ? " class=\"n\"" : "");
		html_text(html, cells[i]);
		raw_format(html, "</%s>", tag);
		headings += length + (headings[length] == '|' ? 1 : 0);
	}
	raw(html, "</tr>\n");
}

void html_table_end(struct html *html) {
	raw(html, "</tbody></table>\n");
}

/* ---- charts ---- */

enum { CHART_WIDTH = 640, LABEL_WIDTH = 150, NUMBER_WIDTH = 60, BAR_HEIGHT = 14, COLUMN_HEIGHT = 110 };

/* Starts a figure whose picture has a title for those who cannot see it. */
static void figure_begin(struct html *html, const char *title, size_t height) {
	element(html, "<figure><figcaption>", title, "</figcaption>");
	raw_format(html, "<svg role=\"img\" viewBox=\"0 0 %d %zu\" xmlns=\"http://www.w3.org/2000/svg\">", (int)CHART_WIDTH,
	    height);
	element(html, "<title>", title, "</title>");
}

static void legend(struct html *html, const char *const *names, size_t count) {
	size_t x = 4;
	for (size_t i = 0; i < count; i++) {
		raw_format(html, "<rect class=\"p%zu\" x=\"%zu\" y=\"2\" width=\"8\" height=\"8\"/><text x=\"%zu\" y=\"10\">",
		    i, x, x + 11);
		html_text(html, names[i]);
		raw(html, "</text>");
		x += 11 + 5 * strlen(names[i]) + 8;
	}
}

/* A long label keeps its end, which tells cameras apart. */
static void label_at(struct html *html, size_t y, const char *label) {
	enum { LABEL_BYTES = 30 };
	size_t length = strlen(label), skip = length > LABEL_BYTES ? length - LABEL_BYTES : 0;
	while (skip > 0 && ((unsigned char)label[skip] & 0xc0) == 0x80)
		skip++;
	raw_format(html, "<text x=\"%d\" y=\"%zu\" text-anchor=\"end\">%s", LABEL_WIDTH - 5, y, skip > 0 ? "…" : "");
	html_text(html, label + skip);
	raw(html, "</text>");
}

void html_bars(struct html *html, const char *title, const char *const *part_names, size_t part_count,
    const struct html_bar *bars, size_t count) {
	const size_t room = CHART_WIDTH - LABEL_WIDTH - NUMBER_WIDTH, top = part_count > 1 ? 16 : 2;
	uint64_t most = 1;
	count = count > HTML_BARS_MAX ? HTML_BARS_MAX : count;
	for (size_t i = 0; i < count; i++) {
		uint64_t sum = 0;
		for (size_t p = 0; p < part_count; p++)
			sum += bars[i].parts[p];
		most = sum > most ? sum : most;
	}
	figure_begin(html, title, top + count * (BAR_HEIGHT + 4) + 2);
	if (part_count > 1)
		legend(html, part_names, part_count);
	for (size_t i = 0; i < count; i++) {
		size_t y = top + i * (BAR_HEIGHT + 4);
		uint64_t before = 0;
		char number[32];
		label_at(html, y + BAR_HEIGHT - 4, bars[i].label);
		for (size_t p = 0; p < part_count; p++) {
			double x = LABEL_WIDTH + (double)before / (double)most * (double)room;
			double width = (double)bars[i].parts[p] / (double)most * (double)room;
			before += bars[i].parts[p];
			if (bars[i].parts[p] == 0)
				continue;
			/* What is there is seen, however little it is. */
			raw_format(html, "<rect class=\"p%zu\" x=\"%.1f\" y=\"%zu\" width=\"%.1f\" height=\"%d\"><title>", p, x, y,
			    width < 1 ? 1 : width, (int)BAR_HEIGHT);
			html_text(html, part_names[p]);
			raw_format(html, ": %s</title></rect>", count_text(bars[i].parts[p], number));
		}
		raw_format(html, "<text x=\"%.1f\" y=\"%zu\">%s</text>",
		    LABEL_WIDTH + (double)before / (double)most * (double)room + 4, y + BAR_HEIGHT - 4,
		    count_text(before, number));
	}
	raw(html, "</svg></figure>\n");
}

void html_columns(
    struct html *html, const char *title, const char *const *labels, const uint64_t *values, size_t count) {
	uint64_t most = 1;
	count = count > HTML_BARS_MAX ? HTML_BARS_MAX : count;
	for (size_t i = 0; i < count; i++)
		most = values[i] > most ? values[i] : most;
	figure_begin(html, title, COLUMN_HEIGHT + 28);
	double step = (double)CHART_WIDTH / (double)(count > 0 ? count : 1);
	for (size_t i = 0; i < count; i++) {
		char number[32];
		double height = (double)values[i] / (double)most * COLUMN_HEIGHT, x = (double)i * step;
		if (values[i] > 0 && height < 1)
			height = 1;
		raw_format(html, "<rect class=\"p2\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"><title>",
		    x + step * 0.1, 12 + COLUMN_HEIGHT - height, step * 0.8, height);
		html_text(html, labels[i]);
		raw_format(html, ": %s</title></rect>", count_text(values[i], number));
		/* Numbers and labels only as long as they do not run into each other. */
		if (values[i] > 0 && count <= 24)
			raw_format(html, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%s</text>", x + step / 2,
			    9 + COLUMN_HEIGHT - height, number);
		if (count > 31 && i % (count / 16) != 0)
			continue;
		raw_format(html, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">", x + step / 2, COLUMN_HEIGHT + 24);
		html_text(html, labels[i]);
		raw(html, "</text>");
	}
	raw(html, "</svg></figure>\n");
}

/* ---- short texts ---- */

const char *html_bytes(uint64_t bytes, char text[32]) {
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
	size_t unit = 0;
	double value = (double)bytes;
	while (value >= 999.5 && unit + 1 < ARRAY_LENGTH(units)) {
		value /= 1000;
		unit++;
	}
	(void)snprintf(text, 32, value < 99.95 && unit > 0 ? "%.1f %s" : "%.0f %s", value, units[unit]);
	return text;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "evidence/csv.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static void cell(FILE *stream, const char *text, bool is_text) {
	bool formula = is_text && text[0] != '\0' && strchr("=+-@\t\r", text[0]) != NULL;
	if (!formula && strpbrk(text, ",\"\r\n") == NULL) {
		(void)fputs(text, stream);
		return;
	}
	(void)fputs(formula ? "\"'" : "\"", stream);
	for (const char *c = text; *c != '\0'; c++) {
		if (*c == '"')
			(void)fputc('"', stream);
		(void)fputc(*c, stream);
	}
	(void)fputc('"', stream);
}

static char *joined(const json_t *list) {
	size_t i, length = 1;
	json_t *item;
	json_array_foreach(list, i, item) length += json_string_length(item) + 2;
	char *text = calloc(1, length);
	json_array_foreach(list, i, item) {
		if (text == NULL || !json_is_string(item))
			continue;
		size_t used = strlen(text);
		(void)snprintf(text + used, length - used, "%s%s", used > 0 ? "; " : "", json_string_value(item));
	}
	return text;
}

static void value_print(FILE *stream, const json_t *value) {
	if (value == NULL || json_is_null(value))
		return;
	if (json_is_string(value)) {
		cell(stream, json_string_value(value), true);
		return;
	}
	bool list = json_is_array(value);
	char *text = list ? joined(value) : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	cell(stream, text != NULL ? text : "", list);
	free(text);
}

/* "bytes" with {"held": 1} is bytes_held. */
static void flatten(const json_t *object, const char *prefix, json_t *flat) {
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)object, key, value) {
		char name[256];
		(void)snprintf(name, sizeof name, "%s%s%s", prefix, prefix[0] != '\0' ? "_" : "", key);
		if (json_is_object(value))
			flatten(value, name, flat);
		else
			(void)json_object_set(flat, name, value);
	}
}

static void line(FILE *stream, const json_t *columns, const json_t *row) {
	const char *key;
	json_t *unused;
	bool first = true;
	json_object_foreach((json_t *)columns, key, unused) {
		(void)unused;
		if (!first)
			(void)fputc(',', stream);
		if (row == NULL)
			cell(stream, key, true);
		else
			value_print(stream, json_object_get(row, key));
		first = false;
	}
	(void)fputs("\r\n", stream);
}

void csv_print(FILE *stream, const json_t *rows) {
	json_t *columns = json_object();
	size_t i;
	json_t *row;
	json_array_foreach(rows, i, row) {
		json_t *flat = json_object();
		flatten(row, "", flat);
		(void)json_object_update_missing(columns, flat);
		json_decref(flat);
	}
	line(stream, columns, NULL);
	json_array_foreach(rows, i, row) {
		json_t *flat = json_object();
		flatten(row, "", flat);
		line(stream, columns, flat);
		json_decref(flat);
	}
	json_decref(columns);
}

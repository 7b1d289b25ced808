/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "evidence/fields.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

const char *field_text(const json_t *object, const char *key) {
	const char *text = json_string_value(json_object_get(object, key));
	return text != NULL ? text : "";
}

int64_t field_number(const json_t *object, const char *key) {
	return json_integer_value(json_object_get(object, key));
}

uint64_t field_big(const json_t *object, const char *key) {
	const json_t *value = json_object_get(object, key);
	if (json_is_string(value))
		return strtoull(json_string_value(value), NULL, 10);
	return json_integer_value(value) > 0 ? (uint64_t)json_integer_value(value) : 0;
}

const json_t *field_at(const json_t *object, const char *path) {
	while (object != NULL) {
		char key[64];
		size_t length = strcspn(path, ".");
		if (length >= sizeof key)
			return NULL;
		memcpy(key, path, length);
		key[length] = '\0';
		object = json_object_get(object, key);
		if (path[length] == '\0')
			return object;
		path += length + 1;
	}
	return NULL;
}

const char *field_text_at(const json_t *object, const char *path) {
	const char *text = json_string_value(field_at(object, path));
	return text != NULL ? text : "";
}

int64_t entry_time_us(const json_t *entry) {
	int year, month, day, hour, minute, second, millisecond = 0;
	if (sscanf(field_text(entry, "@timestamp"), "%4d-%2d-%2dT%2d:%2d:%2d.%3d", &year, &month, &day, &hour, &minute,
	        &second, &millisecond) < 6 ||
	    month < 1 || month > 12)
		return 0;
	int64_t seconds = calendar_days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
	return seconds * US_PER_SECOND + (int64_t)millisecond * 1000;
}

uint64_t entry_sequence(const json_t *entry) {
	return field_big(json_object_get(entry, "event"), "sequence");
}

bool entry_is(const json_t *entry, enum audit_action action) {
	return strcmp(field_text(json_object_get(entry, "event"), "action"), audit_action_name(action)) == 0;
}

const char *code_words_find(const struct code_words *list, size_t count, const char *code) {
	for (size_t i = 0; i < count; i++)
		if (strcmp(list[i].code, code) == 0)
			return list[i].words;
	return NULL;
}

void field_put_time(json_t *object, const char *key, int64_t wall_us, const struct zone *zone) {
	char local_key[64], utc[40], local[48];
	(void)snprintf(local_key, sizeof local_key, "%s_local", key);
	if (wall_us == 0 || wall_us == INT64_MAX || wall_us == INT64_MIN) {
		(void)json_object_set_new(object, key, json_null());
		(void)json_object_set_new(object, local_key, json_null());
		return;
	}
	int64_t second_us = wall_us - wall_us % US_PER_SECOND;
	time_format_utc(second_us, utc, sizeof utc);
	time_format_local(zone, second_us, local, sizeof local);
	(void)json_object_set_new(object, key, json_string(utc));
	(void)json_object_set_new(object, local_key, json_string(local));
}

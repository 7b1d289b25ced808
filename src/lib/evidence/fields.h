/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading fields of audit entries and writing times into reports. What is not there is "", 0 or false. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "audit/entry.h"
#include "base/zone.h"

const char *field_text(const json_t *object, const char *key);
int64_t field_number(const json_t *object, const char *key);
/* A number that may stand as a string, since it may exceed 2^53. */
uint64_t field_big(const json_t *object, const char *key);
/* "process.parent.name": objects by their names, dots between. NULL where one is not there. */
const json_t *field_at(const json_t *object, const char *path);
/* The text there, "" for none. */
const char *field_text_at(const json_t *object, const char *path);

/* @timestamp in microseconds; 0 where it cannot be read. */
int64_t entry_time_us(const json_t *entry);
uint64_t entry_sequence(const json_t *entry);
bool entry_is(const json_t *entry, enum audit_action action);

/* What is said for a code. NULL where none of them is meant. */
struct code_words {
	const char *code, *words;
};
const char *code_words_find(const struct code_words *list, size_t count, const char *code);

/* Sets key to the time in UTC and key_local to the local clock's; null for 0 and for never (INT64_MAX, INT64_MIN). */
void field_put_time(json_t *object, const char *key, int64_t wall_us, const struct zone *zone);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An entry of the audit log as people read it. */
#pragma once

#include <jansson.h>
#include <stdint.h>

struct zone;

/* One line: number, time, action, who, what. */
void entry_line(const json_t *entry, const struct zone *zone);
/* All of it. */
void entry_show(const json_t *entry, uint64_t number, const struct zone *zone);
/* Microseconds of "@timestamp"; 0 if it has none. */
int64_t entry_time(const json_t *entry);

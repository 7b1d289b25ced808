/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ISO 8601 durations (P30D, P1M, PT10M, P1DT12H): calendar and clock parts are kept apart, since a month has no fixed
 * length. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"

struct zone;

struct duration {
	int32_t years;
	int32_t months;
	int32_t days;    /* weeks are seven of these */
	int64_t seconds; /* hours, minutes and seconds together */
};

/* True for a well-formed duration with at least one part; negative ones are refused. */
MUST_USE bool duration_parse(const char *text, struct duration *ret_duration);

/* The canonical text ("P30D"); at most 64 bytes with its NUL. */
void duration_format(const struct duration *duration, char *text, size_t room);

bool duration_is_zero(const struct duration *duration);

/* Microseconds, a day counted as 86,400 s; false where the duration has years or months. */
MUST_USE bool duration_fixed_us(const struct duration *duration, int64_t *ret_us);

/*
 * wall_us plus the duration, years, months and days counted on the calendar of `zone` (ISO 8601, and
 * Regulation (EEC) 1182/71 for legal periods): 31 January + P1M is the last day of February at the
 * same local time of day; a local time that a change of clocks skips moves on by the gap, one that
 * happens twice means the later.
 */
int64_t duration_add(int64_t wall_us, const struct duration *duration, const struct zone *zone);

/* A value that orders policies: the longest the duration can be, in seconds (a month is 31 days, a year 366). */
int64_t duration_longest_seconds(const struct duration *duration);

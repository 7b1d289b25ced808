/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Local time by the system's zone database. zone_load() asks the C library once for the offsets of
 * a zone from 2000 to 2100 and keeps the transitions in a table, so that the conversions cost
 * nanoseconds and are free of the process's TZ.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"

struct zone;

/* A date and time of day on some local clock. */
struct local_time {
	int32_t year;   /* 2026 */
	int32_t month;  /* 1 to 12 */
	int32_t day;    /* 1 to 31 */
	int32_t hour;   /* 0 to 23 */
	int32_t minute; /* 0 to 59 */
	int32_t second; /* 0 to 60 */
	int32_t microsecond;
};

/* How often a local time exists. */
enum zone_match {
	ZONE_MATCH_ONCE,
	ZONE_MATCH_TWICE, /* the hour repeated at the end of summer time */
	ZONE_MATCH_NEVER, /* the hour skipped at its start */
};

/* Returns 0 and a zone to free, -ENOENT for a name that the zone database does not have, or another negative errno.
 * "UTC" always works. */
MUST_USE int zone_load(const char *name, struct zone **ret_zone);
/* Takes NULL. Returns NULL. */
struct zone *zone_free(struct zone *zone);
/* Zones of the same name are loaded once and shared for the life of the process; never freed. NULL for an unknown name.
 */
const struct zone *zone_shared(const char *name);
const char *zone_name(const struct zone *zone);

/* The local clock's reading at wall_us; ret_offset_seconds (east of UTC) may be NULL. */
void zone_to_local(const struct zone *zone, int64_t wall_us, struct local_time *ret_local, int32_t *ret_offset_seconds);

/*
 * The instants at which the local clock shows `local`: earlier and later differ for
 * ZONE_MATCH_TWICE; for ZONE_MATCH_NEVER both are the time moved on by the gap; else both are the
 * same. False for an impossible date.
 */
MUST_USE bool zone_from_local(const struct zone *zone, const struct local_time *local, int64_t *ret_earlier_us,
    int64_t *ret_later_us, enum zone_match *ret_match);

/* Days since 1970-01-01 of a date of the Gregorian calendar, and back. */
int64_t calendar_days(int32_t year, int32_t month, int32_t day);
void calendar_date(int64_t days, int32_t *ret_year, int32_t *ret_month, int32_t *ret_day);
int32_t calendar_month_days(int32_t year, int32_t month);

/* "2026-11-24T06:11:04Z" (with ".123456" when there is a fraction); at most 32 bytes with the NUL. */
void time_format_utc(int64_t wall_us, char *text, size_t room);
/* "2026-11-24 07:11:04 +01:00"; at most 40 bytes. */
void time_format_local(const struct zone *zone, int64_t wall_us, char *text, size_t room);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A zone is a sorted table of its changes of offset. The C library reads the zone database; it is
 * asked once, because its own conversions follow the process's TZ and cost a lock and a lookup each.
 */
#include "base/zone.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/descriptor.h"

enum {
	SAMPLE_SECONDS = 3 * 86400, /* no zone changes twice in three days and back */
	CHANGES_LIMIT = 2048,
	NAME_LIMIT = 64,
	SECONDS_PER_DAY = 86400,
};

/* 2000-01-01 and 2100-01-01, UTC. */
static const int64_t TABLE_FROM = 946684800;
static const int64_t TABLE_TO = 4102444800;

/* From at_seconds on the local clock is offset_seconds ahead of UTC. */
struct change {
	int64_t at_seconds;
	int32_t offset_seconds;
};

struct zone {
	struct zone *next; /* in the list of shared zones */
	char *name;
	struct change *changes; /* the first holds since ever */
	size_t count;
	size_t room;
};

static struct zone *shared_zones;

static int64_t floor_divide(int64_t value, int64_t by) {
	int64_t quotient = value / by;
	return value % by < 0 ? quotient - 1 : quotient;
}

/* The microseconds after the last whole second. */
static int32_t fraction_of(int64_t wall_us) {
	int32_t rest = (int32_t)(wall_us % US_PER_SECOND);
	return rest < 0 ? rest + (int32_t)US_PER_SECOND : rest;
}

/* ---- the calendar: years are counted from March, so that the leap day comes last ---- */

int64_t calendar_days(int32_t year, int32_t month, int32_t day) {
	int64_t march_year = (int64_t)year - (month <= 2 ? 1 : 0);
	int64_t era = floor_divide(march_year, 400);
	int64_t year_of_era = march_year - era * 400;
	int64_t march_month = month > 2 ? month - 3 : month + 9;
	int64_t day_of_year = (153 * march_month + 2) / 5 + day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
	return era * 146097 + day_of_era - 719468;
}

void calendar_date(int64_t days, int32_t *ret_year, int32_t *ret_month, int32_t *ret_day) {
	int64_t shifted = days + 719468;
	int64_t era = floor_divide(shifted, 146097);
	int64_t day_of_era = shifted - era * 146097;
	int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t march_month = (5 * day_of_year + 2) / 153;
	int32_t month = (int32_t)(march_month < 10 ? march_month + 3 : march_month - 9);
	*ret_day = (int32_t)(day_of_year - (153 * march_month + 2) / 5 + 1);
	*ret_month = month;
	*ret_year = (int32_t)(year_of_era + era * 400 + (month <= 2 ? 1 : 0));
}

int32_t calendar_month_days(int32_t year, int32_t month) {
	static const int8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	if (month < 1 || month > 12)
		return 0;
	return month == 2 && leap ? 29 : days[month - 1];
}

/* ---- loading ---- */

static bool name_is_safe(const char *name) {
	size_t length = strlen(name);
	if (length == 0 || length > NAME_LIMIT || name[0] == '/' || strstr(name, "..") != NULL)
		return false;
	/* right/ counts leap seconds, which Unix time does not. */
	if (strncmp(name, "right/", 6) == 0)
		return false;
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/";
	return strspn(name, allowed) == length;
}

/* 0 if the zone database has a compiled zone of this name: the C library takes any other name for UTC in silence. */
static int database_check(const char *name) {
	const char *folder = getenv("TZDIR");
	if (folder == NULL || folder[0] != '/')
		folder = "/usr/share/zoneinfo";
	char path[512];
	int length = snprintf(path, sizeof path, "%s/%s", folder, name);
	if (length < 0 || (size_t)length >= sizeof path)
		return -ENAMETOOLONG;
	CLOSED_AT_END int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return errno == ENOTDIR ? -ENOENT : -errno;
	struct stat facts;
	char magic[4];
	if (fstat(fd, &facts) < 0 || !S_ISREG(facts.st_mode))
		return -ENOENT;
	if (descriptor_pread_all(fd, magic, sizeof magic, 0) != (ssize_t)sizeof magic || memcmp(magic, "TZif", 4) != 0)
		return -ENOENT;
	return 0;
}

static int32_t library_offset(int64_t seconds) {
	time_t when = (time_t)seconds;
	struct tm parts = {0};
	return localtime_r(&when, &parts) == NULL ? 0 : (int32_t)parts.tm_gmtoff;
}

static int change_append(struct zone *zone, int64_t at_seconds, int32_t offset_seconds) {
	if (zone->count == zone->room) {
		size_t room = zone->room == 0 ? 256 : zone->room * 2;
		if (room > CHANGES_LIMIT)
			return -E2BIG;
		struct change *changes = reallocarray(zone->changes, room, sizeof *changes);
		if (changes == NULL)
			return -ENOMEM;
		zone->changes = changes;
		zone->room = room;
	}
	zone->changes[zone->count++] = (struct change){at_seconds, offset_seconds};
	return 0;
}

/* The first second in (from, to] whose offset is not `offset`; the offset at `to` is another. */
static int64_t change_find(int64_t from, int64_t to, int32_t offset) {
	while (to - from > 1) {
		int64_t middle = from + (to - from) / 2;
		if (library_offset(middle) == offset)
			from = middle;
		else
			to = middle;
	}
	return to;
}

static int sample(struct zone *zone) {
	int32_t offset = library_offset(TABLE_FROM);
	int error = change_append(zone, INT64_MIN, offset);
	for (int64_t from = TABLE_FROM; error == 0 && from < TABLE_TO; from += SAMPLE_SECONDS) {
		int32_t next = library_offset(from + SAMPLE_SECONDS);
		for (int64_t at = from; error == 0 && offset != next;) {
			at = change_find(at, from + SAMPLE_SECONDS, offset);
			offset = library_offset(at);
			error = change_append(zone, at, offset);
		}
	}
	return error;
}

static int sample_in(struct zone *zone, const char *name) {
	const char *current = getenv("TZ");
	char *saved = current == NULL ? NULL : strdup(current);
	if (current != NULL && saved == NULL)
		return -ENOMEM;
	int error = setenv("TZ", name, 1) < 0 ? -errno : 0;
	if (error == 0) {
		tzset();
		error = sample(zone);
	}
	if (saved != NULL)
		(void)setenv("TZ", saved, 1);
	else
		(void)unsetenv("TZ");
	tzset();
	free(saved);
	return error;
}

int zone_load(const char *name, struct zone **ret_zone) {
	if (!name_is_safe(name))
		return -ENOENT;
	bool utc = strcmp(name, "UTC") == 0;
	int error = utc ? 0 : database_check(name);
	if (error != 0)
		return error;
	struct zone *zone = calloc(1, sizeof *zone);
	if (zone == NULL)
		return -ENOMEM;
	zone->name = strdup(name);
	if (zone->name == NULL)
		error = -ENOMEM;
	else
		error = utc ? change_append(zone, INT64_MIN, 0) : sample_in(zone, name);
	if (error != 0) {
		zone_free(zone);
		return error;
	}
	*ret_zone = zone;
	return 0;
}

struct zone *zone_free(struct zone *zone) {
	if (zone == NULL)
		return NULL;
	free(zone->name);
	free(zone->changes);
	free(zone);
	return NULL;
}

/* Only names that the zone database has come in, so its size is the limit of the list. */
const struct zone *zone_shared(const char *name) {
	for (struct zone *zone = shared_zones; zone != NULL; zone = zone->next)
		if (strcmp(zone->name, name) == 0)
			return zone;
	struct zone *zone;
	if (zone_load(name, &zone) != 0)
		return NULL;
	zone->next = shared_zones;
	shared_zones = zone;
	return zone;
}

const char *zone_name(const struct zone *zone) {
	return zone->name;
}

/* ---- conversions ---- */

/* The change that is in force at `seconds`. */
static size_t change_at(const struct zone *zone, int64_t seconds) {
	size_t low = 0;
	size_t high = zone->count;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;
		if (zone->changes[middle].at_seconds <= seconds)
			low = middle;
		else
			high = middle;
	}
	return low;
}

void zone_to_local(
    const struct zone *zone, int64_t wall_us, struct local_time *ret_local, int32_t *ret_offset_seconds) {
	int64_t seconds = floor_divide(wall_us, US_PER_SECOND);
	int32_t offset = zone->changes[change_at(zone, seconds)].offset_seconds;
	int64_t local = seconds + offset;
	int64_t days = floor_divide(local, SECONDS_PER_DAY);
	int32_t of_day = (int32_t)(local - days * SECONDS_PER_DAY);
	calendar_date(days, &ret_local->year, &ret_local->month, &ret_local->day);
	ret_local->hour = of_day / 3600;
	ret_local->minute = of_day / 60 % 60;
	ret_local->second = of_day % 60;
	ret_local->microsecond = fraction_of(wall_us);
	if (ret_offset_seconds != NULL)
		*ret_offset_seconds = offset;
}

static bool local_is_valid(const struct local_time *local) {
	return local->year >= 1 && local->year <= 9999 && local->day >= 1 &&
	       local->day <= calendar_month_days(local->year, local->month) && local->hour >= 0 && local->hour <= 23 &&
	       local->minute >= 0 && local->minute <= 59 && local->second >= 0 && local->second <= 60 &&
	       local->microsecond >= 0 && local->microsecond <= 999999;
}

bool zone_from_local(const struct zone *zone, const struct local_time *local, int64_t *ret_earlier_us,
    int64_t *ret_later_us, enum zone_match *ret_match) {
	if (!local_is_valid(local))
		return false;
	int64_t seconds = calendar_days(local->year, local->month, local->day) * SECONDS_PER_DAY + local->hour * 3600 +
	                  local->minute * 60 + local->second;
	int64_t found[2];
	int count = 0;
	int64_t skipped = 0;
	/* No offset is a day: the instants meant lie under a change in force within a day of the reading. */
	size_t last = change_at(zone, seconds + SECONDS_PER_DAY);
	for (size_t i = change_at(zone, seconds - SECONDS_PER_DAY); i <= last; i++) {
		int64_t instant = seconds - zone->changes[i].offset_seconds;
		bool begun = instant >= zone->changes[i].at_seconds;
		bool over = i + 1 < zone->count && instant >= zone->changes[i + 1].at_seconds;
		if (begun && !over && count < 2)
			found[count++] = instant;
		/* Past this offset's end, before the next one's start: the reading moved on by the gap. */
		if (over && seconds - zone->changes[i + 1].offset_seconds < zone->changes[i + 1].at_seconds)
			skipped = instant;
	}
	*ret_match = count == 0 ? ZONE_MATCH_NEVER : count == 1 ? ZONE_MATCH_ONCE : ZONE_MATCH_TWICE;
	*ret_earlier_us = (count == 0 ? skipped : found[0]) * US_PER_SECOND + local->microsecond;
	*ret_later_us = (count == 0 ? skipped : found[count - 1]) * US_PER_SECOND + local->microsecond;
	return true;
}

/* ---- texts ---- */

void time_format_utc(int64_t wall_us, char *text, size_t room) {
	int64_t seconds = floor_divide(wall_us, US_PER_SECOND);
	int64_t days = floor_divide(seconds, SECONDS_PER_DAY);
	int32_t of_day = (int32_t)(seconds - days * SECONDS_PER_DAY);
	int32_t fraction = fraction_of(wall_us);
	int32_t year, month, day;
	calendar_date(days, &year, &month, &day);
	int length =
	    snprintf(text, room, "%04" PRId32 "-%02" PRId32 "-%02" PRId32 "T%02" PRId32 ":%02" PRId32 ":%02" PRId32, year,
	        month, day, of_day / 3600, of_day / 60 % 60, of_day % 60);
	if (length < 0 || (size_t)length >= room)
		return;
	text += length;
	room -= (size_t)length;
	if (fraction != 0)
		(void)snprintf(text, room, ".%06" PRId32 "Z", fraction);
	else
		(void)snprintf(text, room, "Z");
}

void time_format_local(const struct zone *zone, int64_t wall_us, char *text, size_t room) {
	struct local_time local;
	int32_t offset;
	zone_to_local(zone, wall_us, &local, &offset);
	int32_t minutes = (offset < 0 ? -offset : offset) / 60;
	(void)snprintf(text, room,
	    "%04" PRId32 "-%02" PRId32 "-%02" PRId32 " %02" PRId32 ":%02" PRId32 ":%02" PRId32 " %c%02" PRId32
	    ":%02" PRId32,
	    local.year, local.month, local.day, local.hour, local.minute, local.second, offset < 0 ? '-' : '+',
	    minutes / 60, minutes % 60);
}

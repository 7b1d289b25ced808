/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ISO 8601 durations, and how they are counted on a calendar. */
#include "base/duration.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/zone.h"

enum { SECONDS_PER_DAY = 86400, LIMIT_YEARS = 1000 };

/* Digits only; false for none and for more than any part may be. */
static bool parse_number(const char **text, int64_t *ret_number) {
	int64_t number = 0;
	const char *from = *text;
	for (; **text >= '0' && **text <= '9'; (*text)++) {
		number = number * 10 + (**text - '0');
		if (number > INT64_C(366) * LIMIT_YEARS * SECONDS_PER_DAY)
			return false;
	}
	*ret_number = number;
	return *text != from;
}

/* The parts of one half, each at most once and in this order. */
static bool parse_parts(const char **text, const char *letters, int64_t *numbers, int *parts) {
	int next = 0;
	while (**text != '\0' && **text != 'T') {
		int64_t number;
		if (!parse_number(text, &number))
			return false;
		while (letters[next] != '\0' && letters[next] != **text)
			next++;
		if (letters[next] == '\0')
			return false;
		numbers[next++] = number;
		(*text)++;
		(*parts)++;
	}
	return true;
}

bool duration_parse(const char *text, struct duration *ret_duration) {
	int64_t dates[4] = {0};
	int64_t times[3] = {0};
	int parts = 0;
	if (*text++ != 'P' || !parse_parts(&text, "YMWD", dates, &parts))
		return false;
	if (*text == 'T') {
		text++;
		int before = parts;
		if (!parse_parts(&text, "HMS", times, &parts) || parts == before)
			return false;
	}
	if (*text != '\0' || parts == 0)
		return false;
	/* A thousand years in each part keep all sums far from overflow. */
	int64_t days = dates[2] * 7 + dates[3];
	const int64_t most_days = INT64_C(366) * LIMIT_YEARS;
	if (dates[0] > LIMIT_YEARS || dates[1] > LIMIT_YEARS * 12 || days > most_days || times[0] > most_days * 24 ||
	    times[1] > most_days * 24 * 60)
		return false;
	*ret_duration = (struct duration){
	    .years = (int32_t)dates[0],
	    .months = (int32_t)dates[1],
	    .days = (int32_t)days,
	    .seconds = times[0] * 3600 + times[1] * 60 + times[2],
	};
	return true;
}

static void append(char *text, size_t room, size_t *used, int64_t number, char letter) {
	if (number == 0 || *used >= room)
		return;
	int length = snprintf(text + *used, room - *used, "%" PRId64 "%c", number, letter);
	*used += length < 0 ? 0 : (size_t)length;
}

void duration_format(const struct duration *duration, char *text, size_t room) {
	if (duration_is_zero(duration)) {
		(void)snprintf(text, room, "PT0S");
		return;
	}
	(void)snprintf(text, room, "P");
	size_t used = 1;
	append(text, room, &used, duration->years, 'Y');
	append(text, room, &used, duration->months, 'M');
	append(text, room, &used, duration->days, 'D');
	if (duration->seconds == 0)
		return;
	if (used < room)
		(void)snprintf(text + used, room - used, "T");
	used++;
	append(text, room, &used, duration->seconds / 3600, 'H');
	append(text, room, &used, duration->seconds / 60 % 60, 'M');
	append(text, room, &used, duration->seconds % 60, 'S');
}

bool duration_is_zero(const struct duration *duration) {
	return duration->years == 0 && duration->months == 0 && duration->days == 0 && duration->seconds == 0;
}

bool duration_fixed_us(const struct duration *duration, int64_t *ret_us) {
	if (duration->years != 0 || duration->months != 0)
		return false;
	*ret_us = duration->days * US_PER_DAY + duration->seconds * US_PER_SECOND;
	return true;
}

static int64_t add_calendar(int64_t wall_us, const struct duration *duration, const struct zone *zone) {
	struct local_time local;
	zone_to_local(zone, wall_us, &local, NULL);
	int64_t month = (int64_t)local.year * 12 + (local.month - 1) + (int64_t)duration->years * 12 + duration->months;
	local.year = (int32_t)(month / 12);
	local.month = (int32_t)(month % 12) + 1;
	int32_t last = calendar_month_days(local.year, local.month);
	if (local.day > last)
		local.day = last;
	int64_t days = calendar_days(local.year, local.month, local.day) + duration->days;
	calendar_date(days, &local.year, &local.month, &local.day);
	int64_t earlier, later;
	enum zone_match match;
	return zone_from_local(zone, &local, &earlier, &later, &match) ? later : INT64_MAX;
}

int64_t duration_add(int64_t wall_us, const struct duration *duration, const struct zone *zone) {
	/* Without calendar parts a time within a repeated hour stays the one that it is. */
	bool calendar = duration->years != 0 || duration->months != 0 || duration->days != 0;
	int64_t moved = calendar ? add_calendar(wall_us, duration, zone) : wall_us;
	int64_t sum;
	return __builtin_add_overflow(moved, duration->seconds * US_PER_SECOND, &sum) ? INT64_MAX : sum;
}

int64_t duration_longest_seconds(const struct duration *duration) {
	int64_t days = INT64_C(366) * duration->years + INT64_C(31) * duration->months + duration->days;
	return days * SECONDS_PER_DAY + duration->seconds;
}

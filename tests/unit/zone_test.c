/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Local time against the C library and against known changes of clocks. */
#include "base/zone.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"

static const char *const zones[] = {"UTC", "Europe/Brussels", "America/Sao_Paulo", "Asia/Kolkata",
    "Australia/Lord_Howe", "America/Havana", "Pacific/Apia", "Africa/Casablanca", "America/St_Johns"};

/* xorshift: the same numbers in every run. */
static uint64_t random_state = 88172645463325252u;
static int64_t random_between(int64_t from, int64_t to) {
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return from + (int64_t)(random_state % (uint64_t)(to - from));
}

static const struct zone *get(const char *name) {
	const struct zone *zone = zone_shared(name);
	if (zone == NULL)
		fail_msg("no zone '%s'", name);
	return zone;
}

static void agrees_with_the_library(void **state) {
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(zones); i++) {
		const struct zone *zone = get(zones[i]);
		setenv("TZ", zones[i], 1);
		tzset();
		for (int n = 0; n < 2000; n++) {
			time_t seconds = (time_t)random_between(946684800, 4102444800);
			struct tm parts;
			assert_non_null(localtime_r(&seconds, &parts));
			struct local_time local;
			int32_t offset;
			zone_to_local(zone, seconds * US_PER_SECOND + 7, &local, &offset);
			assert_int_equal(offset, parts.tm_gmtoff);
			assert_int_equal(local.year, parts.tm_year + 1900);
			assert_int_equal(local.month, parts.tm_mon + 1);
			assert_int_equal(local.day, parts.tm_mday);
			assert_int_equal(local.hour, parts.tm_hour);
			assert_int_equal(local.minute, parts.tm_min);
			assert_int_equal(local.second, parts.tm_sec);
			assert_int_equal(local.microsecond, 7);
		}
	}
	unsetenv("TZ");
	tzset();
}

static void there_and_back(void **state) {
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(zones); i++) {
		const struct zone *zone = get(zones[i]);
		for (int n = 0; n < 5000; n++) {
			int64_t wall = random_between(INT64_C(900000000000000), INT64_C(4200000000000000));
			struct local_time local;
			zone_to_local(zone, wall, &local, NULL);
			int64_t earlier, later;
			enum zone_match match;
			assert_true(zone_from_local(zone, &local, &earlier, &later, &match));
			assert_true(match != ZONE_MATCH_NEVER);
			assert_true(wall == earlier || wall == later);
			assert_true((match == ZONE_MATCH_TWICE) == (earlier < later));
		}
	}
}

static void check(
    const char *name, struct local_time local, enum zone_match match, const char *earlier, const char *later) {
	int64_t first, second;
	enum zone_match found;
	char text[32];
	assert_true(zone_from_local(get(name), &local, &first, &second, &found));
	assert_int_equal(found, match);
	time_format_utc(first, text, sizeof text);
	assert_string_equal(text, earlier);
	time_format_utc(second, text, sizeof text);
	assert_string_equal(text, later);
}

static void changes_of_clocks(void **state) {
	(void)state;
	check("Europe/Brussels", (struct local_time){2026, 10, 25, 2, 30, 0, 0}, ZONE_MATCH_TWICE, "2026-10-25T00:30:00Z",
	    "2026-10-25T01:30:00Z");
	check("Europe/Brussels", (struct local_time){2026, 10, 25, 1, 59, 59, 0}, ZONE_MATCH_ONCE, "2026-10-24T23:59:59Z",
	    "2026-10-24T23:59:59Z");
	check("Europe/Brussels", (struct local_time){2026, 10, 25, 3, 0, 0, 0}, ZONE_MATCH_ONCE, "2026-10-25T02:00:00Z",
	    "2026-10-25T02:00:00Z");
	/* 02:30 never was; moved on by the gap it is 03:30 summer time. */
	check("Europe/Brussels", (struct local_time){2026, 3, 29, 2, 30, 0, 5}, ZONE_MATCH_NEVER,
	    "2026-03-29T01:30:00.000005Z", "2026-03-29T01:30:00.000005Z");
	check("Europe/Brussels", (struct local_time){2026, 3, 29, 3, 0, 0, 0}, ZONE_MATCH_ONCE, "2026-03-29T01:00:00Z",
	    "2026-03-29T01:00:00Z");
	/* Summer time was abolished in 2019: the last end repeated 23:00, the last start skipped midnight. */
	check("America/Sao_Paulo", (struct local_time){2019, 2, 16, 23, 30, 0, 0}, ZONE_MATCH_TWICE, "2019-02-17T01:30:00Z",
	    "2019-02-17T02:30:00Z");
	check("America/Sao_Paulo", (struct local_time){2018, 11, 4, 0, 0, 0, 0}, ZONE_MATCH_NEVER, "2018-11-04T03:00:00Z",
	    "2018-11-04T03:00:00Z");
	check("America/Sao_Paulo", (struct local_time){2019, 11, 3, 0, 0, 0, 0}, ZONE_MATCH_ONCE, "2019-11-03T03:00:00Z",
	    "2019-11-03T03:00:00Z");
	/* Half an hour of summer time. */
	check("Australia/Lord_Howe", (struct local_time){2026, 4, 5, 1, 45, 0, 0}, ZONE_MATCH_TWICE, "2026-04-04T14:45:00Z",
	    "2026-04-04T15:15:00Z");
	check("Australia/Lord_Howe", (struct local_time){2026, 10, 4, 2, 15, 0, 0}, ZONE_MATCH_NEVER,
	    "2026-10-03T15:45:00Z", "2026-10-03T15:45:00Z");
	check("Asia/Kolkata", (struct local_time){2026, 3, 29, 2, 30, 0, 0}, ZONE_MATCH_ONCE, "2026-03-28T21:00:00Z",
	    "2026-03-28T21:00:00Z");
	/* A whole day that never was. */
	check("Pacific/Apia", (struct local_time){2011, 12, 30, 12, 0, 0, 0}, ZONE_MATCH_NEVER, "2011-12-30T22:00:00Z",
	    "2011-12-30T22:00:00Z");
}

static void impossible_dates_are_refused(void **state) {
	(void)state;
	const struct local_time wrong[] = {{2026, 2, 29, 0, 0, 0, 0}, {2026, 13, 1, 0, 0, 0, 0}, {2026, 0, 1, 0, 0, 0, 0},
	    {2026, 4, 31, 0, 0, 0, 0}, {2026, 1, 1, 24, 0, 0, 0}, {2026, 1, 1, 0, 60, 0, 0}, {2026, 1, 1, 0, 0, 61, 0},
	    {2026, 1, 1, 0, 0, 0, 1000000}, {0, 1, 1, 0, 0, 0, 0}, {2026, 1, 0, 0, 0, 0, 0}};
	for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
		int64_t first, second;
		enum zone_match match;
		assert_false(zone_from_local(get("UTC"), &wrong[i], &first, &second, &match));
	}
}

static void only_zones_of_the_database(void **state) {
	(void)state;
	const char *const wrong[] = {"", "Europe/Brusels", "../zoneinfo/UTC", "/usr/share/zoneinfo/UTC", "Europe",
	    "zone.tab", "tzdata.zi", "local", "Europe/Brussels/", "right/Europe/Brussels", "CET-1CEST,M3.5.0,M10.5.0/3",
	    "Europe/Brussels\n"};
	for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
		struct zone *zone = NULL;
		if (zone_load(wrong[i], &zone) != -ENOENT)
			fail_msg("'%s' is no zone", wrong[i]);
		assert_null(zone);
		assert_null(zone_shared(wrong[i]));
	}
	assert_ptr_equal(get("Europe/Brussels"), get("Europe/Brussels"));
	assert_string_equal(zone_name(get("Europe/Brussels")), "Europe/Brussels");
}

static void utc_needs_no_database(void **state) {
	(void)state;
	setenv("TZDIR", "/nonexistent", 1);
	struct zone *zone;
	assert_int_equal(zone_load("UTC", &zone), 0);
	zone_free(zone);
	assert_int_equal(zone_load("Europe/Brussels", &zone), -ENOENT);
	unsetenv("TZDIR");
}

static void tz_is_left_as_it_was(void **state) {
	(void)state;
	struct zone *zone;
	setenv("TZ", "America/New_York", 1);
	assert_int_equal(zone_load("Asia/Tokyo", &zone), 0);
	zone_free(zone);
	assert_string_equal(getenv("TZ"), "America/New_York");
	unsetenv("TZ");
	assert_int_equal(zone_load("Asia/Tokyo", &zone), 0);
	zone_free(zone);
	assert_null(getenv("TZ"));
}

static void days_of_the_calendar(void **state) {
	(void)state;
	assert_int_equal(calendar_days(1970, 1, 1), 0);
	assert_int_equal(calendar_days(2000, 3, 1), 11017);
	assert_int_equal(calendar_month_days(2000, 2), 29);
	assert_int_equal(calendar_month_days(2100, 2), 28);
	assert_int_equal(calendar_month_days(2024, 2), 29);
	assert_int_equal(calendar_month_days(2024, 13), 0);
	int64_t days = calendar_days(-4, 1, 1);
	for (int32_t year = -4; year < 2405; year++)
		for (int32_t month = 1; month <= 12; month++)
			for (int32_t day = 1; day <= calendar_month_days(year, month); day++, days++) {
				int32_t y, m, d;
				calendar_date(days, &y, &m, &d);
				if (calendar_days(year, month, day) != days || y != year || m != month || d != day)
					fail_msg("%d-%d-%d", year, month, day);
			}
}

static void texts(void **state) {
	(void)state;
	char text[40];
	time_format_utc(INT64_C(1795500664000000), text, 32);
	assert_string_equal(text, "2026-11-24T06:11:04Z");
	time_format_utc(-1, text, 32);
	assert_string_equal(text, "1969-12-31T23:59:59.999999Z");
	time_format_utc(INT64_MAX, text, 32);
	assert_true(strlen(text) < 32);
	time_format_utc(INT64_MIN, text, 32);
	assert_true(strlen(text) < 32);
	time_format_local(get("Europe/Brussels"), INT64_C(1795500664000000), text, 40);
	assert_string_equal(text, "2026-11-24 07:11:04 +01:00");
	time_format_local(get("America/St_Johns"), INT64_C(1795500664000000), text, 40);
	assert_string_equal(text, "2026-11-24 02:41:04 -03:30");
	time_format_local(get("Europe/Brussels"), INT64_MIN, text, 40);
	assert_true(strlen(text) < 40);
	time_format_utc(0, text, 5);
	assert_string_equal(text, "1970");
}

/* Printed, not judged: machines under load are slow. */
static void speed(void **state) {
	(void)state;
	struct zone *zone;
	int64_t begin = clock_elapsed_us();
	assert_int_equal(zone_load("Africa/Casablanca", &zone), 0);
	int64_t loaded = clock_elapsed_us();
	zone_free(zone);
	const struct zone *brussels = get("Europe/Brussels");
	enum { ROUNDS = 200000 };
	uint64_t sum = 0;
	int64_t start = clock_elapsed_us();
	for (int i = 0; i < ROUNDS; i++) {
		struct local_time local;
		zone_to_local(brussels, INT64_C(1795500664000000) + i * INT64_C(10000000000), &local, NULL);
		sum += (uint64_t)local.day;
	}
	int64_t to_local = clock_elapsed_us();
	for (int i = 0; i < ROUNDS; i++) {
		struct local_time local = {2026, 1 + i % 12, 1 + i % 28, i % 24, 0, 0, 0};
		int64_t first, second;
		enum zone_match match;
		(void)!zone_from_local(brussels, &local, &first, &second, &match);
		sum += (uint64_t)first;
	}
	int64_t from_local = clock_elapsed_us();
	assert_true(sum != 0);
	print_message("load %d us, to local %d ns, from local %d ns\n", (int)(loaded - begin),
	    (int)((to_local - start) * 1000 / ROUNDS), (int)((from_local - to_local) * 1000 / ROUNDS));
}

int main(void) {
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(agrees_with_the_library),
	    cmocka_unit_test(there_and_back),
	    cmocka_unit_test(changes_of_clocks),
	    cmocka_unit_test(impossible_dates_are_refused),
	    cmocka_unit_test(only_zones_of_the_database),
	    cmocka_unit_test(utc_needs_no_database),
	    cmocka_unit_test(tz_is_left_as_it_was),
	    cmocka_unit_test(days_of_the_calendar),
	    cmocka_unit_test(texts),
	    cmocka_unit_test(speed),
	};
	return cmocka_run_group_tests_name("zone", tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Durations on the calendar: month ends, leap years, both changes of clocks. */
#include "base/duration.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/span.h"
#include "base/zone.h"

static void assert_same(const struct duration *a, const struct duration *b) {
	assert_int_equal(a->years, b->years);
	assert_int_equal(a->months, b->months);
	assert_int_equal(a->days, b->days);
	assert_int_equal(a->seconds, b->seconds);
}

static void well_formed(void **state) {
	(void)state;
	static const struct {
		const char *text;
		struct duration duration;
		const char *canonical;
	} cases[] = {
	    {"P30D", {0, 0, 30, 0}, "P30D"},
	    {"P1M", {0, 1, 0, 0}, "P1M"},
	    {"PT10M", {0, 0, 0, 600}, "PT10M"},
	    {"P1DT12H", {0, 0, 1, 43200}, "P1DT12H"},
	    {"P4W", {0, 0, 28, 0}, "P28D"},
	    {"P1Y2M3W4DT5H6M7S", {1, 2, 25, 18367}, "P1Y2M25DT5H6M7S"},
	    {"PT60S", {0, 0, 0, 60}, "PT1M"},
	    {"PT86400S", {0, 0, 0, 86400}, "PT24H"},
	    {"P0D", {0, 0, 0, 0}, "PT0S"},
	    {"PT0S", {0, 0, 0, 0}, "PT0S"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct duration duration;
		if (!duration_parse(cases[i].text, &duration))
			fail_msg("'%s' is well-formed", cases[i].text);
		assert_same(&duration, &cases[i].duration);
		char text[64];
		duration_format(&duration, text, sizeof text);
		assert_string_equal(text, cases[i].canonical);
		struct duration again;
		assert_true(duration_parse(text, &again));
		assert_same(&again, &duration);
	}
	struct duration longest = {1000, 12000, 366000, INT64_C(94867200000)};
	char text[64];
	duration_format(&longest, text, sizeof text);
	assert_true(strlen(text) < 64);
	duration_format(&longest, text, 4);
	assert_true(strlen(text) < 4);
}

static void malformed(void **state) {
	(void)state;
	static const char *const cases[] = {"", "P", "PT", "30D", "P30", "-P30D", "P-30D", "p30d", "P30DT", "P1D1D",
	    "P1D1M", "PT1S1H", "P1H", "PT1D", "P1.5D", "P30D ", " P30D", "P1DT1HT1M", "P99999999999999999999D", "P400000D",
	    "P1001Y", "P12001M", "PT99999999999999H", "P30D\n"};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct duration duration;
		if (duration_parse(cases[i], &duration))
			fail_msg("'%s' is malformed", cases[i]);
	}
}

static void lengths(void **state) {
	(void)state;
	int64_t us;
	assert_true(duration_fixed_us(&(struct duration){0, 0, 1, 60}, &us));
	assert_int_equal(us, US_PER_DAY + 60 * US_PER_SECOND);
	assert_false(duration_fixed_us(&(struct duration){0, 1, 0, 0}, &us));
	assert_false(duration_fixed_us(&(struct duration){1, 0, 0, 0}, &us));
	assert_int_equal(duration_longest_seconds(&(struct duration){0, 1, 0, 0}), 31 * 86400);
	assert_int_equal(duration_longest_seconds(&(struct duration){1, 0, 2, 3}), 368 * 86400 + 3);
	assert_true(duration_is_zero(&(struct duration){0, 0, 0, 0}));
	assert_false(duration_is_zero(&(struct duration){0, 0, 0, 1}));
}

static void check(const char *zone_name, const char *start, const char *text, const char *expected) {
	const struct zone *zone = zone_shared(zone_name);
	assert_non_null(zone);
	char message[256];
	int64_t from;
	assert_int_equal(span_parse_instant(start, zone, 0, &from, message, sizeof message), SPAN_OK);
	struct duration duration;
	assert_true(duration_parse(text, &duration));
	char sum[40];
	time_format_local(zone, duration_add(from, &duration, zone), sum, sizeof sum);
	assert_string_equal(sum, expected);
}

static void month_ends_and_leap_years(void **state) {
	(void)state;
	check("Europe/Brussels", "2024-01-31 10:00", "P1M", "2024-02-29 10:00:00 +01:00");
	check("Europe/Brussels", "2023-01-31 10:00", "P1M", "2023-02-28 10:00:00 +01:00");
	check("UTC", "2023-01-28 23:00", "P1M", "2023-02-28 23:00:00 +00:00");
	check("UTC", "2024-02-29 12:00", "P1Y", "2025-02-28 12:00:00 +00:00");
	check("UTC", "2024-02-29 12:00", "P4Y", "2028-02-29 12:00:00 +00:00");
	check("UTC", "2026-11-30 00:00", "P3M", "2027-02-28 00:00:00 +00:00");
	check("UTC", "2026-12-31 00:00", "P2M", "2027-02-28 00:00:00 +00:00");
	check("UTC", "2026-01-31 00:00", "P1M1D", "2026-03-01 00:00:00 +00:00");
	check("UTC", "2026-01-31 00:00", "P30D", "2026-03-02 00:00:00 +00:00");
	check("UTC", "1999-12-31 00:00", "P1Y", "2000-12-31 00:00:00 +00:00");
	check("Asia/Kolkata", "2026-01-31 04:00", "P1M", "2026-02-28 04:00:00 +05:30");
}

static void changes_of_clocks(void **state) {
	(void)state;
	/* Days keep the time of day, hours do not. */
	check("Europe/Brussels", "2026-03-28 12:00", "P1D", "2026-03-29 12:00:00 +02:00");
	check("Europe/Brussels", "2026-03-28 12:00", "PT24H", "2026-03-29 13:00:00 +02:00");
	check("Europe/Brussels", "2026-10-24 12:00", "P1D", "2026-10-25 12:00:00 +01:00");
	check("Europe/Brussels", "2026-10-24 12:00", "PT24H", "2026-10-25 11:00:00 +01:00");
	check("Europe/Brussels", "2026-09-25 02:30", "P1M", "2026-10-25 02:30:00 +01:00");
	check("Europe/Brussels", "2026-02-28 02:30", "P29D", "2026-03-29 03:30:00 +02:00");
	check("America/Sao_Paulo", "2018-10-05 00:00", "P30D", "2018-11-04 01:00:00 -02:00");
	check("America/Sao_Paulo", "2019-01-16 23:30", "P1M", "2019-02-16 23:30:00 -03:00");
	check("America/Sao_Paulo", "2026-10-05 00:00", "P30D", "2026-11-04 00:00:00 -03:00");
	check("Australia/Lord_Howe", "2026-03-06 01:45", "P30D", "2026-04-05 01:45:00 +10:30");
	check("Australia/Lord_Howe", "2026-09-04 02:15", "P30D", "2026-10-04 02:45:00 +11:00");
	/* Without calendar parts the first pass of a repeated hour stays the first. */
	check("Europe/Brussels", "2026-10-25T00:30:00Z", "PT0S", "2026-10-25 02:30:00 +02:00");
	check("Europe/Brussels", "2026-10-25T00:30:00Z", "PT10M", "2026-10-25 02:40:00 +02:00");
}

static void beyond_the_calendar_is_never(void **state) {
	(void)state;
	const struct zone *utc = zone_shared("UTC");
	assert_true(duration_add(INT64_C(253402300799000000), &(struct duration){1, 0, 0, 0}, utc) == INT64_MAX);
	assert_true(duration_add(INT64_MAX, &(struct duration){0, 0, 1, 5}, utc) == INT64_MAX);
	assert_true(duration_add(INT64_MAX - 5, &(struct duration){0, 0, 0, 5}, utc) == INT64_MAX);
}

int main(void) {
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(well_formed),
	    cmocka_unit_test(malformed),
	    cmocka_unit_test(lengths),
	    cmocka_unit_test(month_ends_and_leap_years),
	    cmocka_unit_test(changes_of_clocks),
	    cmocka_unit_test(beyond_the_calendar_is_never),
	};
	return cmocka_run_group_tests_name("duration", tests, NULL, NULL);
}

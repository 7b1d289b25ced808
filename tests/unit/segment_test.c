/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a start comes from, what bounds it, and what is done about doubt. */
#include "domain/segment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/span.h"

static const int64_t SECOND = US_PER_SECOND;
static const int64_t HOUR = 3600 * US_PER_SECOND;

/* A time in UTC. */
static int64_t at(const char *text) {
	int64_t us = 0;
	char message[256];
	if (span_parse_instant(text, zone_shared("UTC"), 0, &us, message, sizeof message) != SPAN_OK)
		fail_msg("%s", message);
	return us;
}

static struct start_evidence evidence_of(const char *zone, enum layout_clock clock) {
	struct start_evidence evidence = {.clock = clock, .zone = zone == NULL ? NULL : zone_shared(zone)};
	evidence.now_us = at("2026-11-24 12:00");
	evidence.first_sight_us = at("2026-11-24 11:00");
	return evidence;
}

static void path_at(struct start_evidence *evidence, struct local_time local) {
	evidence->path.has_date = evidence->path.has_time = true;
	evidence->path.local = local;
}

static struct segment_start decide(const struct start_evidence *evidence) {
	struct segment_start start;
	assert_true(segment_decide_start(evidence, &start));
	assert_true(start.earliest_us <= start.start_us);
	return start;
}

static void check(const struct segment_start *start, const char *when, enum start_source source) {
	char text[32];
	time_format_utc(start->start_us, text, sizeof text);
	char expected[32];
	time_format_utc(at(when), expected, sizeof expected);
	assert_string_equal(text, expected);
	assert_int_equal(start->source, source);
}

static void the_path_comes_first(void **state) {
	(void)state;
	struct start_evidence evidence = evidence_of("Europe/Brussels", LAYOUT_CLOCK_LOCAL);
	path_at(&evidence, (struct local_time){2026, 11, 20, 14, 0, 0, 0});
	evidence.container_start_us = at("2026-11-20 13:00:01");
	evidence.mtime_us = at("2026-11-20 13:10");
	evidence.duration_us = 600 * SECOND;
	struct segment_start start = decide(&evidence);
	check(&start, "2026-11-20 13:00", START_FROM_PATH);
	assert_int_equal(start.earliest_us, start.start_us);
	assert_false(start.time_suspect || start.fold || start.fold_unsettled || start.refused_future);

	evidence.clock = LAYOUT_CLOCK_UTC;
	evidence.mtime_us = at("2026-11-20 14:10");
	start = decide(&evidence);
	check(&start, "2026-11-20 14:00", START_FROM_PATH);

	evidence.clock = LAYOUT_CLOCK_LOCAL;
	evidence.path.has_offset = true;
	evidence.path.offset_seconds = 7200;
	start = decide(&evidence);
	check(&start, "2026-11-20 12:00", START_FROM_PATH);

	evidence.path = (struct pattern_match){.is_epoch = true, .epoch_us = at("2026-11-20 13:00:00.25")};
	start = decide(&evidence);
	check(&start, "2026-11-20 13:00:00.25", START_FROM_PATH);
}

/* First sight makes nothing younger, and a copy's new mtime does not either. */
static void an_old_archive_is_old_on_the_first_day(void **state) {
	(void)state;
	struct start_evidence evidence = evidence_of("UTC", LAYOUT_CLOCK_UTC);
	path_at(&evidence, (struct local_time){2021, 3, 1, 8, 0, 0, 0});
	evidence.mtime_us = evidence.birth_us = at("2026-11-24 10:00");
	struct segment_start start = decide(&evidence);
	check(&start, "2021-03-01 08:00", START_FROM_PATH);
}

static void the_order_of_sources(void **state) {
	(void)state;
	struct start_evidence evidence = evidence_of("UTC", LAYOUT_CLOCK_NONE);
	evidence.container_start_us = at("2026-11-20 13:00:30");
	evidence.mtime_us = at("2026-11-20 13:10");
	evidence.duration_us = 600 * SECOND;
	struct segment_start start = decide(&evidence);
	check(&start, "2026-11-20 13:00:30", START_FROM_CONTAINER);

	evidence.container_start_us = 0;
	start = decide(&evidence);
	check(&start, "2026-11-20 13:00", START_FROM_MTIME);
	assert_int_equal(start.earliest_us, start.start_us);

	/* Without a duration it began before its last write, for holds an hour before. */
	evidence.duration_us = 0;
	start = decide(&evidence);
	check(&start, "2026-11-20 13:10", START_FROM_MTIME);
	assert_int_equal(start.earliest_us, start.start_us - HOUR);
	evidence.birth_us = at("2026-11-20 11:00");
	start = decide(&evidence);
	check(&start, "2026-11-20 11:00", START_FROM_MTIME); /* it was there at 11:00 */
	assert_true(start.earliest_us <= at("2026-11-20 11:00"));
	evidence.birth_us = 0;

	evidence.mtime_us = 0;
	start = decide(&evidence);
	check(&start, "2026-11-24 11:00", START_FROM_FIRST_SIGHT);
	assert_int_equal(start.earliest_us, at("2000-01-01"));

	evidence.first_sight_us = 0;
	struct segment_start none;
	assert_false(segment_decide_start(&evidence, &none));
}

static void what_bounds_a_start(void **state) {
	(void)state;
	for (int which = 0; which < 4; which++) {
		struct start_evidence evidence = evidence_of("UTC", LAYOUT_CLOCK_UTC);
		int64_t bound = at("2026-11-20 13:00");
		evidence.first_sight_us = 0;
		evidence.mtime_us = at("2026-11-24 12:00");
		if (which == 0)
			evidence.mtime_us = bound;
		if (which == 1)
			evidence.birth_us = bound, evidence.mtime_us = at("2026-11-20 14:00");
		if (which == 2)
			evidence.first_sight_us = bound;
		if (which == 3)
			evidence.now_us = bound, evidence.mtime_us = bound;
		/* Within two seconds: FAT's grain, a slewed clock. */
		path_at(&evidence, (struct local_time){2026, 11, 20, 13, 0, 2, 0});
		struct segment_start start = decide(&evidence);
		check(&start, "2026-11-20 13:00:02", START_FROM_PATH);
		path_at(&evidence, (struct local_time){2026, 11, 20, 13, 0, 3, 0});
		start = decide(&evidence);
		assert_true(start.refused_future);
		check(&start, "2026-11-20 13:00:00", START_FROM_MTIME);
	}
	struct start_evidence evidence = evidence_of("UTC", LAYOUT_CLOCK_UTC);
	evidence.mtime_us = at("2026-11-20 13:00");
	path_at(&evidence, (struct local_time){2031, 1, 1, 0, 0, 0, 0});
	evidence.container_start_us = at("2026-11-20 12:50");
	struct segment_start start = decide(&evidence);
	check(&start, "2026-11-20 12:50", START_FROM_CONTAINER);
	assert_true(start.refused_future);
	evidence.container_start_us = at("2026-11-20 13:00:03");
	start = decide(&evidence);
	check(&start, "2026-11-20 13:00", START_FROM_MTIME);
	/* A path that holds needs no other source, and their faults are not told. */
	path_at(&evidence, (struct local_time){2026, 11, 20, 12, 0, 0, 0});
	start = decide(&evidence);
	check(&start, "2026-11-20 12:00", START_FROM_PATH);
	assert_false(start.refused_future || start.time_suspect);
}

static void before_2000_is_never_a_start(void **state) {
	(void)state;
	struct start_evidence evidence = evidence_of("UTC", LAYOUT_CLOCK_UTC);
	path_at(&evidence, (struct local_time){1999, 12, 31, 23, 59, 59, 0});
	evidence.container_start_us = at("1970-01-01 00:05");
	evidence.mtime_us = at("1970-01-01 00:10");
	struct segment_start start = decide(&evidence);
	check(&start, "2026-11-24 11:00", START_FROM_FIRST_SIGHT);
	assert_false(start.refused_future);

	/* A file's times before 2000 bound nothing. */
	path_at(&evidence, (struct local_time){2026, 11, 20, 13, 0, 0, 0});
	evidence.birth_us = at("1970-01-01 00:01");
	start = decide(&evidence);
	check(&start, "2026-11-20 13:00", START_FROM_PATH);

	/* mtime ahead of a trusted clock is not believed. */
	evidence = evidence_of("UTC", LAYOUT_CLOCK_NONE);
	evidence.mtime_us = at("2031-01-01");
	evidence.duration_us = 600 * SECOND;
	start = decide(&evidence);
	check(&start, "2026-11-24 11:00", START_FROM_FIRST_SIGHT);
}

static void path_and_container_apart(void **state) {
	(void)state;
	struct start_evidence evidence = evidence_of("UTC", LAYOUT_CLOCK_UTC);
	evidence.mtime_us = at("2026-11-20 13:10");
	path_at(&evidence, (struct local_time){2026, 11, 18, 13, 0, 0, 0});
	evidence.container_start_us = at("2026-11-20 13:00");
	struct segment_start start = decide(&evidence);
	check(&start, "2026-11-20 13:00", START_FROM_PATH);
	assert_true(start.time_suspect);
	assert_int_equal(start.earliest_us, at("2026-11-18 13:00"));

	path_at(&evidence, (struct local_time){2026, 11, 20, 13, 0, 0, 0});
	evidence.container_start_us = at("2024-01-01");
	start = decide(&evidence);
	check(&start, "2026-11-20 13:00", START_FROM_PATH);
	assert_true(start.time_suspect);
	assert_int_equal(start.earliest_us, at("2024-01-01"));

	/* A day apart is a wrong time zone; the path stands. */
	evidence.container_start_us = at("2026-11-19 13:00");
	start = decide(&evidence);
	check(&start, "2026-11-20 13:00", START_FROM_PATH);
	assert_false(start.time_suspect);

	/* The later must lie within the bound: 1904 and 2036 are no times. */
	evidence.container_start_us = at("2036-01-01");
	start = decide(&evidence);
	check(&start, "2026-11-20 13:00", START_FROM_PATH);
	assert_false(start.time_suspect);
}

/* Media that lie cannot hasten a deletion by more than a day. */
static void claims_of_the_media(void **state) {
	(void)state;
	struct start_evidence evidence = evidence_of("UTC", LAYOUT_CLOCK_NONE);
	evidence.mtime_us = at("2026-11-20 13:10");
	evidence.container_start_us = at("2001-01-01");
	evidence.duration_us = 600 * SECOND;
	struct segment_start start = decide(&evidence);
	check(&start, "2026-11-20 13:00", START_FROM_MTIME);
	assert_true(start.time_suspect);
	assert_int_equal(start.earliest_us, at("2001-01-01"));

	evidence.container_start_us = 0;
	evidence.duration_us = 900 * US_PER_DAY;
	start = decide(&evidence);
	check(&start, "2026-11-19 13:10", START_FROM_MTIME);
	assert_true(start.time_suspect);
	assert_int_equal(start.earliest_us, evidence.mtime_us - evidence.duration_us);
	evidence.duration_us = INT64_MAX;
	start = decide(&evidence);
	check(&start, "2026-11-19 13:10", START_FROM_MTIME);
}

/* A recorder that writes into old files under new names: never as old as the file. */
static void a_file_used_again(void **state) {
	(void)state;
	struct start_evidence evidence = evidence_of("UTC", LAYOUT_CLOCK_UTC);
	path_at(&evidence, (struct local_time){2026, 11, 24, 9, 0, 0, 0});
	evidence.birth_us = at("2026-09-01 08:00");
	evidence.mtime_us = at("2026-11-24 09:10");
	evidence.duration_us = 600 * SECOND;
	struct segment_start start = decide(&evidence);
	check(&start, "2026-11-24 09:00", START_FROM_MTIME);
	assert_true(start.refused_future && start.time_suspect);
	assert_int_equal(start.earliest_us, evidence.birth_us);
}

static void an_hour_that_happened_twice(void **state) {
	(void)state;
	/* 02:30 in Brussels on 25 October 2026 is 00:30 and 01:30 UTC. */
	static const struct {
		const char *mtime;
		int64_t duration_us;
		const char *start;
		bool later, unsettled;
	} cases[] = {
	    {"2026-10-25 00:40", 0, "2026-10-25 00:30", false, false},          /* before the later */
	    {"2026-10-25 01:29:50", 0, "2026-10-25 00:30", false, false},       /* an hour's file */
	    {"2026-10-25 01:40", 0, "2026-10-25 01:30", true, false},           /* the first would be 70 minutes */
	    {"2026-10-25 02:30", 0, "2026-10-25 01:30", true, false},           /* an hour's file */
	    {"2026-11-20 10:00", 0, "2026-10-25 01:30", true, true},            /* copied later */
	    {NULL, 0, "2026-10-25 01:30", true, true},                          /* nothing known */
	    {"2026-10-25 00:40", 600000000, "2026-10-25 00:30", false, false},  /* by duration */
	    {"2026-10-25 01:40", 600000000, "2026-10-25 01:30", true, false},   /* by duration */
	    {"2026-10-25 02:00", 5400000000, "2026-10-25 00:30", false, false}, /* 90 minutes: only duration tells */
	    {"2026-11-20 10:00", 600000000, "2026-10-25 01:30", true, true},    /* copied later */
	    {"2026-11-20 10:00", INT64_MAX, "2026-10-25 01:30", true, true},    /* a lie */
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct start_evidence evidence = evidence_of("Europe/Brussels", LAYOUT_CLOCK_LOCAL);
		path_at(&evidence, (struct local_time){2026, 10, 25, 2, 30, 0, 0});
		evidence.mtime_us = cases[i].mtime == NULL ? 0 : at(cases[i].mtime);
		evidence.duration_us = cases[i].duration_us;
		struct segment_start start = decide(&evidence);
		if (start.start_us != at(cases[i].start) || start.fold != cases[i].later ||
		    start.fold_unsettled != cases[i].unsettled)
			fail_msg("case %zu: %d %d", i, start.fold, start.fold_unsettled);
		assert_int_equal(start.earliest_us, cases[i].unsettled ? at("2026-10-25 00:30") : start.start_us);
	}
	/* Half an hour twice: ten minutes before mtime both are plausible. */
	struct start_evidence evidence = evidence_of("Australia/Lord_Howe", LAYOUT_CLOCK_LOCAL);
	path_at(&evidence, (struct local_time){2026, 4, 5, 1, 45, 0, 0});
	evidence.mtime_us = at("2026-04-04 15:25");
	struct segment_start start = decide(&evidence);
	check(&start, "2026-04-04 15:15", START_FROM_PATH);
	assert_true(start.fold_unsettled);
	/* The second pass overwrites the first pass's file: its birth settles nothing. */
	evidence = evidence_of("Europe/Brussels", LAYOUT_CLOCK_LOCAL);
	path_at(&evidence, (struct local_time){2026, 10, 25, 2, 30, 0, 0});
	evidence.birth_us = evidence.first_sight_us = at("2026-10-25 00:30");
	evidence.mtime_us = at("2026-10-25 01:40");
	start = decide(&evidence);
	check(&start, "2026-10-25 01:30", START_FROM_PATH);
	/* What has not come yet is not meant, whatever mtime says. */
	evidence.birth_us = evidence.first_sight_us = evidence.mtime_us = 0;
	evidence.now_us = at("2026-10-25 00:45");
	start = decide(&evidence);
	check(&start, "2026-10-25 00:30", START_FROM_PATH);
	assert_false(start.fold || start.fold_unsettled);
	evidence = evidence_of("Europe/Brussels", LAYOUT_CLOCK_LOCAL);
	/* The hour that never was: a recorder that does not follow summer time. */
	path_at(&evidence, (struct local_time){2026, 3, 29, 2, 30, 0, 0});
	start = decide(&evidence);
	check(&start, "2026-03-29 01:30", START_FROM_PATH);
}

static void a_path_with_a_date_alone(void **state) {
	(void)state;
	/* 20 November 2026 in Brussels is 19 November 23:00 to 20 November 23:00 UTC. */
	struct start_evidence evidence = evidence_of("Europe/Brussels", LAYOUT_CLOCK_LOCAL);
	evidence.path.has_date = true;
	evidence.path.local = (struct local_time){2026, 11, 20, 0, 0, 0, 0};
	evidence.container_start_us = at("2026-11-20 13:00");
	evidence.mtime_us = at("2026-11-20 13:11");
	evidence.duration_us = 600 * SECOND;
	struct segment_start start = decide(&evidence);
	check(&start, "2026-11-20 13:00", START_FROM_CONTAINER);

	evidence.container_start_us = 0;
	start = decide(&evidence);
	check(&start, "2026-11-20 13:01", START_FROM_MTIME);

	/* Neither falls on the day: its end counts for deletion, its beginning for holds. */
	evidence.mtime_us = at("2026-11-22 13:11");
	start = decide(&evidence);
	check(&start, "2026-11-20 22:59:59.999999", START_FROM_PATH);
	assert_int_equal(start.earliest_us, at("2026-11-19 23:00"));
	assert_false(start.time_suspect);

	evidence.container_start_us = at("2026-11-22 13:00");
	start = decide(&evidence);
	check(&start, "2026-11-22 13:00", START_FROM_PATH);
	assert_true(start.time_suspect);
	assert_int_equal(start.earliest_us, at("2026-11-19 23:00"));

	/* The end of the day is bounded too. */
	evidence.container_start_us = 0;
	evidence.first_sight_us = at("2026-11-20 15:00");
	start = decide(&evidence);
	check(&start, "2026-11-20 15:00", START_FROM_MTIME);

	evidence.path.local.day = 21;
	start = decide(&evidence);
	assert_true(start.refused_future);
	/* The day on which the clocks are put back has 25 hours. */
	evidence = evidence_of("Europe/Brussels", LAYOUT_CLOCK_LOCAL);
	evidence.path.has_date = true;
	evidence.path.local = (struct local_time){2026, 10, 25, 0, 0, 0, 0};
	start = decide(&evidence);
	check(&start, "2026-10-25 22:59:59.999999", START_FROM_PATH);
	assert_int_equal(start.start_us - start.earliest_us, 25 * HOUR - 1);
}

static void a_time_without_a_date_says_nothing(void **state) {
	(void)state;
	struct start_evidence evidence = evidence_of("UTC", LAYOUT_CLOCK_UTC);
	evidence.path.has_time = true;
	evidence.path.local.hour = 14;
	evidence.mtime_us = at("2026-11-20 13:10");
	evidence.duration_us = 600 * SECOND;
	struct segment_start start = decide(&evidence);
	check(&start, "2026-11-20 13:00", START_FROM_MTIME);
}

static void ends(void **state) {
	(void)state;
	assert_int_equal(segment_decide_end(1000, 50, 1040, 2000), 1050);
	assert_int_equal(segment_decide_end(1000, 0, 1040, 2000), 2000);
	assert_int_equal(segment_decide_end(1000, 0, 3000, 2000), 3000);
	assert_int_equal(segment_decide_end(1000, 0, 0, 0), 1000);
	assert_int_equal(segment_decide_end(1000, -5, 500, 900), 1000);
	/* Weeks without recording are no part of the segment before them. */
	assert_int_equal(segment_decide_end(1000, 0, 30 * US_PER_DAY, 2000), 2000);
	assert_int_equal(segment_decide_end(1000, 0, 3000, 30 * US_PER_DAY), 3000);
	assert_true(segment_decide_end(1000, INT64_MAX, 0, 0) == INT64_MAX);
	/* A false duration takes nothing out of a hold; a copy's mtime does not stretch it over weeks. */
	assert_int_equal(segment_latest_end(0, SECOND, 0, HOUR), HOUR);
	assert_int_equal(segment_latest_end(0, 2 * HOUR, 0, HOUR), 2 * HOUR);
	assert_int_equal(segment_latest_end(0, HOUR, 0, 30 * US_PER_DAY), HOUR);
}

static void names(void **state) {
	(void)state;
	assert_string_equal(segment_state_name(SEGMENT_SEALED), "sealed");
	assert_string_equal(segment_state_name(SEGMENT_DELETING), "deleting");
	assert_string_equal(segment_kind_name(SEGMENT_SOUND), "sound");
	assert_string_equal(start_source_name(START_FROM_FIRST_SIGHT), "first_sight");
}

int main(void) {
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_path_comes_first),
	    cmocka_unit_test(an_old_archive_is_old_on_the_first_day),
	    cmocka_unit_test(the_order_of_sources),
	    cmocka_unit_test(what_bounds_a_start),
	    cmocka_unit_test(before_2000_is_never_a_start),
	    cmocka_unit_test(path_and_container_apart),
	    cmocka_unit_test(claims_of_the_media),
	    cmocka_unit_test(a_file_used_again),
	    cmocka_unit_test(an_hour_that_happened_twice),
	    cmocka_unit_test(a_path_with_a_date_alone),
	    cmocka_unit_test(a_time_without_a_date_says_nothing),
	    cmocka_unit_test(ends),
	    cmocka_unit_test(names),
	};
	return cmocka_run_group_tests_name("segment", tests, NULL, NULL);
}

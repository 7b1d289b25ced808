/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Time spans as people write them, and what is refused with advice. */
#include "base/span.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"

/* Tuesday 24 November 2026, 07:11:04 in Brussels. */
static const int64_t NOW = INT64_C(1795500664) * US_PER_SECOND;

static void spans(void **state) {
	(void)state;
	static const struct {
		const char *text, *from, *to;
	} cases[] = {
	    {"2026-11-20 14:00..15:30", "2026-11-20T13:00:00Z", "2026-11-20T14:30:00Z"},
	    {"2026-11-20T14:00..2026-11-20T15:30", "2026-11-20T13:00:00Z", "2026-11-20T14:30:00Z"},
	    {"2026-11-20T14:00:00+01:00..2026-11-20T14:30:00Z", "2026-11-20T13:00:00Z", "2026-11-20T14:30:00Z"},
	    {"2026-11-20T14:00:00Z/2026-11-20T14:30:00Z", "2026-11-20T14:00:00Z", "2026-11-20T14:30:00Z"},
	    {"2026-11-20T14:00:00Z/PT20M", "2026-11-20T14:00:00Z", "2026-11-20T14:20:00Z"},
	    {"20261120T140000Z/20261120T143000Z", "2026-11-20T14:00:00Z", "2026-11-20T14:30:00Z"},
	    {"2026-11-20 14:00 UTC..15:00 UTC", "2026-11-20T14:00:00Z", "2026-11-20T15:00:00Z"},
	    {"2026-11-20 14:00 +0200 .. 15:00 +02", "2026-11-20T12:00:00Z", "2026-11-20T13:00:00Z"},
	    {"2026-11-20", "2026-11-19T23:00:00Z", "2026-11-20T23:00:00Z"},
	    {"2026-10", "2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z"},
	    {"2026-12", "2026-11-30T23:00:00Z", "2026-12-31T23:00:00Z"},
	    {"2026-Q3", "2026-06-30T22:00:00Z", "2026-09-30T22:00:00Z"},
	    {"2026-Q4", "2026-09-30T22:00:00Z", "2026-12-31T23:00:00Z"},
	    {"2026", "2025-12-31T23:00:00Z", "2026-12-31T23:00:00Z"},
	    {"2026-10..2026-11", "2026-09-30T22:00:00Z", "2026-11-30T23:00:00Z"},
	    {"2026-11-01..2026-11-03", "2026-10-31T23:00:00Z", "2026-11-03T23:00:00Z"},
	    {"2026-10-25", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"}, /* 25 hours */
	    {"today", "2026-11-23T23:00:00Z", "2026-11-24T23:00:00Z"},
	    {"yesterday", "2026-11-22T23:00:00Z", "2026-11-23T23:00:00Z"},
	    {"yesterday..now", "2026-11-22T23:00:00Z", "2026-11-24T06:11:04Z"},
	    {"yesterday 14:00..15:30", "2026-11-23T13:00:00Z", "2026-11-23T14:30:00Z"},
	    {"yesterday 23:00..24:00", "2026-11-23T22:00:00Z", "2026-11-23T23:00:00Z"},
	    {"yesterday 23:00..today 01:00", "2026-11-23T22:00:00Z", "2026-11-24T00:00:00Z"},
	    {"-2h..now", "2026-11-24T04:11:04Z", "2026-11-24T06:11:04Z"},
	    {"2 hours ago..30min ago", "2026-11-24T04:11:04Z", "2026-11-24T05:41:04Z"},
	    {"-1d12h..now", "2026-11-22T18:11:04Z", "2026-11-24T06:11:04Z"},
	    {"-2h..+1h", "2026-11-24T04:11:04Z", "2026-11-24T07:11:04Z"},
	    {"now +20min", "2026-11-24T06:11:04Z", "2026-11-24T06:31:04Z"},
	    {"14:00 +20min", "2026-11-24T13:00:00Z", "2026-11-24T13:20:00Z"},
	    {"14:00+20min", "2026-11-24T13:00:00Z", "2026-11-24T13:20:00Z"},
	    {"14:00 +01:00 +20min", "2026-11-24T13:00:00Z", "2026-11-24T13:20:00Z"},
	    {"14:00 +PT20M", "2026-11-24T13:00:00Z", "2026-11-24T13:20:00Z"},
	    {"-2h +20min", "2026-11-24T04:11:04Z", "2026-11-24T04:31:04Z"},
	    {"2026-11-20 +2h 30min", "2026-11-19T23:00:00Z", "2026-11-20T01:30:00Z"},
	    {"06:00..now", "2026-11-24T05:00:00Z", "2026-11-24T06:11:04Z"},
	    {"@1795500000..@1795500664.5", "2026-11-24T06:00:00Z", "2026-11-24T06:11:04.500000Z"},
	    {"  14:00:05.25..14:00:06  ", "2026-11-24T13:00:05.250000Z", "2026-11-24T13:00:06Z"},
	    {"2026-10-25T00:30:00Z..2026-10-25T01:30:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"},
	    {"2026-10-25 02:30 +02:00..02:30 +01:00", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"},
	};
	const struct zone *zone = zone_shared("Europe/Brussels");
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct span span;
		char message[256] = "";
		if (span_parse(cases[i].text, zone, NOW, &span, message, sizeof message) != SPAN_OK)
			fail_msg("'%s': %s", cases[i].text, message);
		char text[32];
		time_format_utc(span.from_us, text, sizeof text);
		if (strcmp(text, cases[i].from) != 0)
			fail_msg("'%s' from %s", cases[i].text, text);
		time_format_utc(span.to_us, text, sizeof text);
		if (strcmp(text, cases[i].to) != 0)
			fail_msg("'%s' to %s", cases[i].text, text);
	}
}

static void refusals(void **state) {
	(void)state;
	static const struct {
		const char *text;
		enum span_error error;
		const char *says; /* a part of the message */
	} cases[] = {
	    {"", SPAN_MALFORMED, "missing"},
	    {"14:00..", SPAN_MALFORMED, "missing"},
	    {"..15:00", SPAN_MALFORMED, "missing"},
	    {"14:00", SPAN_MALFORMED, "write '14:00..' and the end, or '14:00 +20min'"},
	    {"now", SPAN_MALFORMED, "'-2h..now'"},
	    {"-2h", SPAN_MALFORMED, "'-2h..now'"},
	    {"+1h", SPAN_MALFORMED, "'-2h..now'"},
	    {"Tue 2026-11-24 14:00..15:00", SPAN_MALFORMED, "'Tue 2026-11-24 14:00' is no time: write"},
	    {"2026-02-29", SPAN_MALFORMED, "is no time"},
	    {"2026-13", SPAN_MALFORMED, "is no time"},
	    {"2026-Q5", SPAN_MALFORMED, "is no time"},
	    {"20:26:61.. 21:00", SPAN_MALFORMED, "is no time"},
	    {"25:00..26:00", SPAN_MALFORMED, "is no time"},
	    {"1969-12-31", SPAN_MALFORMED, "is no time"},
	    {"@99999999999999..now", SPAN_MALFORMED, "is no time"},
	    {"-99y..now", SPAN_MALFORMED, "out of range"},
	    {"-99999999999999999999h..now", SPAN_MALFORMED, "is no time"},
	    {"14:00..+20min", SPAN_MALFORMED, "two ways"},
	    {"14:00 Europe/Brussels", SPAN_MALFORMED, "is no time"},
	    {"2026-11-20T14:00Z..2026-11-20T15:00", SPAN_MALFORMED, "write both with one"},
	    {"23:00..01:00", SPAN_EMPTY, "2026-11-20 23:00..2026-11-21 01:00"},
	    {"14:00..14:00", SPAN_EMPTY, "holds no time"},
	    {"2026-11..2026-10", SPAN_EMPTY, "the earlier time first"},
	    {"2026-10-25 02:30..04:00", SPAN_AMBIGUOUS, "'2026-10-25T00:30:00Z' or '2026-10-25T01:30:00Z'"},
	    {"2026-10-25 01:00..02:30", SPAN_AMBIGUOUS, "'2026-10-25T00:30:00Z' or '2026-10-25T01:30:00Z'"},
	    {"2026-10-25 02:30 +20min", SPAN_AMBIGUOUS, "happened twice in Europe/Brussels"},
	    {"2026-03-29 02:30..04:00", SPAN_SKIPPED, "write '2026-03-29 03:30:00 +02:00'"},
	    {"14:00\x1b[2J..15:00", SPAN_MALFORMED, "'14:00?[2J' is no time"},
	};
	const struct zone *zone = zone_shared("Europe/Brussels");
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct span span = {-1, -1};
		char message[256] = "";
		enum span_error error = span_parse(cases[i].text, zone, NOW, &span, message, sizeof message);
		if (error != cases[i].error || strstr(message, cases[i].says) == NULL)
			fail_msg("'%s': %d, %s", cases[i].text, (int)error, message);
		assert_int_equal(span.from_us, -1);
	}
	char text[300];
	memset(text, '1', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	struct span span;
	char message[8];
	assert_int_equal(span_parse(text, zone, NOW, &span, message, sizeof message), SPAN_MALFORMED);
	assert_true(strlen(message) < sizeof message);
}

static void what_is_advised_is_accepted(void **state) {
	(void)state;
	const struct zone *zone = zone_shared("Europe/Brussels");
	static const char *const advised[] = {"2026-11-20 14:00", "2026-11-20T14:00:00+01:00", "2026-11-20", "2026-11",
	    "2026-Q3", "yesterday 14:00", "now", "-2h", "@1700000000", "2026-03-29 03:30:00 +02:00",
	    "2026-10-25T00:30:00Z"};
	for (size_t i = 0; i < ARRAY_LENGTH(advised); i++) {
		int64_t us;
		char message[256] = "";
		if (span_parse_instant(advised[i], zone, NOW, &us, message, sizeof message) != SPAN_OK)
			fail_msg("'%s': %s", advised[i], message);
	}
}

static void instants(void **state) {
	(void)state;
	const struct zone *zone = zone_shared("Europe/Brussels");
	char message[256];
	int64_t us = 0;
	char text[32];
	assert_int_equal(span_parse_instant("2027-02", zone, NOW, &us, message, sizeof message), SPAN_OK);
	time_format_utc(us, text, sizeof text);
	assert_string_equal(text, "2027-01-31T23:00:00Z");
	assert_int_equal(span_parse_instant("tomorrow", zone, NOW, &us, message, sizeof message), SPAN_OK);
	time_format_utc(us, text, sizeof text);
	assert_string_equal(text, "2026-11-24T23:00:00Z");
	assert_int_equal(span_parse_instant("+1week", zone, NOW, &us, message, sizeof message), SPAN_OK);
	time_format_utc(us, text, sizeof text);
	assert_string_equal(text, "2026-12-01T06:11:04Z");
	assert_int_equal(span_parse_instant("14:00..15:00", zone, NOW, &us, message, sizeof message), SPAN_MALFORMED);
}

/* A day whose midnight never was begins at the end of the gap; one whose midnight came twice at the first. */
static void days_without_a_plain_midnight(void **state) {
	(void)state;
	struct span span;
	char message[256];
	char text[32];
	assert_int_equal(
	    span_parse("2018-11-04", zone_shared("America/Sao_Paulo"), NOW, &span, message, sizeof message), SPAN_OK);
	time_format_utc(span.from_us, text, sizeof text);
	assert_string_equal(text, "2018-11-04T03:00:00Z");
	assert_int_equal(
	    span_parse("2024-11-03", zone_shared("America/Havana"), NOW, &span, message, sizeof message), SPAN_OK);
	time_format_utc(span.from_us, text, sizeof text);
	assert_string_equal(text, "2024-11-03T04:00:00Z");
	assert_int_equal(span.to_us - span.from_us, 25 * 3600 * US_PER_SECOND);
}

int main(void) {
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(spans),
	    cmocka_unit_test(refusals),
	    cmocka_unit_test(what_is_advised_is_accepted),
	    cmocka_unit_test(instants),
	    cmocka_unit_test(days_without_a_plain_midnight),
	};
	return cmocka_run_group_tests_name("span", tests, NULL, NULL);
}

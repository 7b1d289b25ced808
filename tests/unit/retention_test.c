/* SPDX-License-Identifier: GPL-2.0-or-later */
/* 30 days is 30 days, and one month at most: due times, their bound for searches, reasons, the brake. */
#include "domain/retention.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/duration.h"
#include "base/span.h"
#include "random.h"

static const int64_t INTERVAL = 600 * US_PER_SECOND;

static struct retention_rule rule_of(const char *retention, const char *legal_maximum) {
	struct retention_rule rule = {.source = "policy"};
	rule.has_retention = retention != NULL && duration_parse(retention, &rule.retention);
	rule.has_legal_maximum = legal_maximum != NULL && duration_parse(legal_maximum, &rule.legal_maximum);
	return rule;
}

static int64_t at(const char *text, const struct zone *zone) {
	int64_t us = 0;
	char message[256];
	if (span_parse_instant(text, zone, 0, &us, message, sizeof message) != SPAN_OK)
		fail_msg("%s", message);
	return us;
}

static void due_times(void **state) {
	(void)state;
	static const struct {
		const char *zone, *retention, *legal_maximum, *start, *due;
		enum due_bound bound;
	} cases[] = {
	    /* A month of 31 days: the 30 days are shorter, and exact. */
	    {"Europe/Brussels", "P30D", "P1M", "2026-05-10 08:00", "2026-06-09 08:00:00 +02:00", DUE_BY_RETENTION},
	    /* Of 30: both end together; retention is the bound, so not early. */
	    {"Europe/Brussels", "P30D", "P1M", "2026-06-10 08:00", "2026-07-10 08:00:00 +02:00", DUE_BY_RETENTION},
	    /* February: the month is shorter, and goes one interval before its end. */
	    {"Europe/Brussels", "P30D", "P1M", "2026-02-10 08:00", "2026-03-10 07:50:00 +01:00", DUE_BY_LEGAL_MAXIMUM},
	    {"Europe/Brussels", "P30D", "P1M", "2026-01-31 08:00", "2026-02-28 07:50:00 +01:00", DUE_BY_LEGAL_MAXIMUM},
	    {"Europe/Brussels", "P30D", "P1M", "2024-01-31 08:00", "2024-02-29 07:50:00 +01:00", DUE_BY_LEGAL_MAXIMUM},
	    {"Europe/Brussels", "P30D", "P1M", "2023-01-30 08:00", "2023-02-28 07:50:00 +01:00", DUE_BY_LEGAL_MAXIMUM},
	    {"Europe/Brussels", "P30D", "P1M", "2024-01-30 08:00", "2024-02-29 08:00:00 +01:00", DUE_BY_RETENTION},
	    {"UTC", "P1Y", "P1Y", "2024-02-29 08:00", "2025-02-28 08:00:00 +00:00", DUE_BY_RETENTION},
	    {"UTC", "P3M", "P3M", "2026-11-30 08:00", "2027-02-28 08:00:00 +00:00", DUE_BY_RETENTION},
	    {"UTC", "P7D", "P1M", "2026-02-10 08:00", "2026-02-17 08:00:00 +00:00", DUE_BY_RETENTION},
	    {"UTC", "P30D", NULL, "2026-02-10 08:00", "2026-03-12 08:00:00 +00:00", DUE_BY_RETENTION},
	    /* Clocks put forward in between: 30 x 24 hours are later. Put back: 30 calendar days are. */
	    {"Europe/Brussels", "P30D", "P1M", "2026-03-10 08:00", "2026-04-09 09:00:00 +02:00", DUE_BY_RETENTION},
	    {"Europe/Brussels", "P30D", "P1M", "2026-10-10 08:00", "2026-11-09 08:00:00 +01:00", DUE_BY_RETENTION},
	    /* The month that ends in the repeated hour, and in the skipped one. */
	    {"Europe/Brussels", "P1M", NULL, "2026-09-25 02:30", "2026-10-25 02:30:00 +01:00", DUE_BY_RETENTION},
	    {"Europe/Brussels", "P1M", NULL, "2027-02-28 02:30", "2027-03-28 03:30:00 +02:00", DUE_BY_RETENTION},
	    /* Summer time in the south: then 30 days at the same time of day; none since 2019. */
	    {"America/Sao_Paulo", "P30D", "P1M", "2018-10-20 08:00", "2018-11-19 09:00:00 -02:00", DUE_BY_RETENTION},
	    {"America/Sao_Paulo", "P30D", "P1M", "2026-10-20 08:00", "2026-11-19 08:00:00 -03:00", DUE_BY_RETENTION},
	    {"Asia/Kolkata", "P30D", "P1M", "2026-02-10 03:00", "2026-03-10 02:50:00 +05:30", DUE_BY_LEGAL_MAXIMUM},
	    {"Asia/Kolkata", "P30D", "P1M", "2026-03-10 03:00", "2026-04-09 03:00:00 +05:30", DUE_BY_RETENTION},
	    /* Half an hour put forward on 4 October. 30 days of 24 hours end after the month of 30 days: the month bounds.
	     */
	    {"Australia/Lord_Howe", "P30D", "P1M", "2026-09-10 08:00", "2026-10-10 07:50:00 +11:00", DUE_BY_LEGAL_MAXIMUM},
	    {"Australia/Lord_Howe", "P30D", NULL, "2026-09-10 08:00", "2026-10-10 08:30:00 +11:00", DUE_BY_RETENTION},
	    {"Australia/Lord_Howe", "P30D", "P1M", "2026-04-01 08:00", "2026-05-01 08:00:00 +10:30", DUE_BY_RETENTION},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		const struct zone *zone = zone_shared(cases[i].zone);
		struct retention_rule rule = rule_of(cases[i].retention, cases[i].legal_maximum);
		struct due due = retention_due(at(cases[i].start, zone), &rule, zone, INTERVAL);
		char text[40];
		time_format_local(zone, due.due_us, text, sizeof text);
		if (strcmp(text, cases[i].due) != 0 || due.bound != cases[i].bound)
			fail_msg("%s %s: due %s, bound %d", cases[i].zone, cases[i].start, text, (int)due.bound);
	}
}

static void unset_means_keep(void **state) {
	(void)state;
	const struct zone *utc = zone_shared("UTC");
	struct retention_rule none = rule_of(NULL, NULL);
	struct retention_rule only_maximum = rule_of(NULL, "P1M");
	assert_true(retention_due(0, &none, utc, INTERVAL).due_us == INT64_MAX);
	assert_int_equal(retention_due(0, &only_maximum, utc, INTERVAL).bound, DUE_NEVER);
	assert_true(retention_due_before(INT64_C(4000000000000000), &none, utc, INTERVAL) == INT64_MIN);
	assert_true(retention_due_before(INT64_C(4000000000000000), &only_maximum, utc, INTERVAL) == INT64_MIN);
}

static void never_before_start(void **state) {
	(void)state;
	const struct zone *utc = zone_shared("UTC");
	struct retention_rule rule = rule_of("PT10M", "PT5M");
	struct due due = retention_due(1000 * US_PER_SECOND, &rule, utc, INTERVAL);
	assert_int_equal(due.due_us, 1000 * US_PER_SECOND);
	assert_int_equal(due.bound, DUE_BY_LEGAL_MAXIMUM);
}

static const char *const zones[] = {
    "UTC", "Europe/Brussels", "America/Sao_Paulo", "Asia/Kolkata", "Australia/Lord_Howe", "America/Havana"};
static const char *const rules[][2] = {{"P30D", "P1M"}, {"P30D", NULL}, {"P1M", "P1M"}, {"P1M", NULL}, {"P7D", "P1M"},
    {"P3M", "P3M"}, {"P1Y", NULL}, {"P1M2D", NULL}, {"P1DT7H", NULL}, {"PT36H", "P1D"}, {"P0D", NULL}};

/* Never early in either reading, and the law's month never passed. */
static void neither_early_nor_late(void **state) {
	(void)state;
	struct retention_rule rule = rule_of("P30D", "P1M");
	for (size_t z = 0; z < ARRAY_LENGTH(zones); z++) {
		const struct zone *zone = zone_shared(zones[z]);
		for (int n = 0; n < 2000; n++) {
			int64_t start = INT64_C(1514764800000000) + random_below(INT64_C(10) * 365 * US_PER_DAY);
			struct due due = retention_due(start, &rule, zone, INTERVAL);
			int64_t month = duration_add(start, &rule.legal_maximum, zone);
			assert_true(due.due_us <= month);
			if (due.bound == DUE_BY_RETENTION) {
				assert_true(due.due_us - start >= 30 * US_PER_DAY);
				assert_true(due.due_us >= duration_add(start, &rule.retention, zone));
			} else {
				assert_int_equal(due.due_us, month - INTERVAL);
			}
		}
	}
}

/* No start after the bound is due, the bound itself is, and what is well before it is. */
static void the_bound_for_searches(void **state) {
	(void)state;
	for (size_t z = 0; z < ARRAY_LENGTH(zones); z++) {
		const struct zone *zone = zone_shared(zones[z]);
		for (size_t r = 0; r < ARRAY_LENGTH(rules); r++) {
			struct retention_rule rule = rule_of(rules[r][0], rules[r][1]);
			for (int n = 0; n < 60; n++) {
				/* Half of them around the end of February, where the order of due times is worst. */
				int64_t now = INT64_C(1514764800000000) + random_below(INT64_C(10) * 365 * US_PER_DAY);
				if (n % 2 == 0)
					now = at(n % 4 == 0 ? "2024-02-28" : "2023-02-27", zone) + random_below(3 * US_PER_DAY);
				int64_t before = retention_due_before(now, &rule, zone, INTERVAL);
				assert_true(retention_due(before, &rule, zone, INTERVAL).due_us <= now);
				for (int k = 0; k < 60; k++) {
					int64_t start = before + 1 + random_below(k % 2 == 0 ? 5 * US_PER_DAY : 3600 * US_PER_SECOND);
					if (retention_due(start, &rule, zone, INTERVAL).due_us <= now)
						fail_msg("%s %s: a start %lld s after the bound is due", zones[z], rules[r][0],
						    (long long)((start - before) / US_PER_SECOND));
					start = before - 4 * US_PER_DAY - INTERVAL - random_below(30 * US_PER_DAY);
					assert_true(retention_due(start, &rule, zone, INTERVAL).due_us <= now);
				}
			}
		}
	}
}

/* The example of the header, by hand. */
static void due_times_are_not_in_order(void **state) {
	(void)state;
	const struct zone *utc = zone_shared("UTC");
	struct retention_rule rule = rule_of("P1M", NULL);
	int64_t late = at("2023-01-28 23:00", utc);
	int64_t early = at("2023-01-31 01:00", utc);
	assert_true(retention_due(late, &rule, utc, INTERVAL).due_us > retention_due(early, &rule, utc, INTERVAL).due_us);
	int64_t before = retention_due_before(at("2023-02-28 02:00", utc), &rule, utc, INTERVAL);
	assert_int_equal(before, at("2023-01-31 02:00", utc));
}

static void reasons(void **state) {
	(void)state;
	for (int reason = 0; reason < KEPT_REASON_COUNT; reason++) {
		assert_non_null(kept_reason_name((enum kept_reason)reason));
		assert_non_null(kept_reason_sentence((enum kept_reason)reason));
		for (int other = 0; other < reason; other++)
			assert_string_not_equal(
			    kept_reason_name((enum kept_reason)reason), kept_reason_name((enum kept_reason)other));
	}
	assert_string_equal(kept_reason_name(KEPT_HELD), "held");
	assert_string_equal(kept_reason_sentence(KEPT_HELD), "a hold covers it");
	assert_string_equal(kept_reason_sentence(KEPT_BRAKE), "deletion paused: unusual amount");
	assert_string_equal(kept_reason_name(KEPT_REASON_COUNT), "unknown");
}

static void brake(void **state) {
	(void)state;
	static const struct {
		struct brake_count count;
		uint32_t days, minimum;
		uint64_t segments;
		int64_t recording_us;
		bool allowed;
	} cases[] = {
	    {{0, 0, 0, false, false}, 3, 2000, 1000, US_PER_DAY, true},
	    {{0, 1500, 2 * US_PER_DAY, false, false}, 3, 2000, 500, US_PER_DAY, true},      /* at both limits */
	    {{0, 1500, 2 * US_PER_DAY, false, false}, 3, 2000, 501, US_PER_DAY, true},      /* many, but of three days */
	    {{0, 1500, 2 * US_PER_DAY, false, false}, 3, 2000, 500, US_PER_DAY + 1, true},  /* wide, but few */
	    {{0, 1500, 2 * US_PER_DAY, false, false}, 3, 2000, 501, US_PER_DAY + 1, false}, /* both */
	    {{0, 0, 0, true, false}, 3, 2000, 1, 1, false},                                 /* engaged */
	    {{0, 9000, 90 * US_PER_DAY, true, true}, 3, 2000, 1000, US_PER_DAY, true},      /* a person said go on */
	    {{0, 9000, 90 * US_PER_DAY, true, false}, 0, 2000, 1000, US_PER_DAY, true},     /* no brake */
	    {{0, UINT64_MAX, INT64_MAX, false, false}, 3, 2000, 1, 1, false},
	    {{0, 0, 0, false, false}, UINT32_MAX, UINT32_MAX, 1, 1, true},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
		if (brake_allows(&cases[i].count, cases[i].days, cases[i].minimum, cases[i].segments, cases[i].recording_us) !=
		    cases[i].allowed)
			fail_msg("case %zu", i);
}

int main(void) {
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(due_times),
	    cmocka_unit_test(unset_means_keep),
	    cmocka_unit_test(never_before_start),
	    cmocka_unit_test(neither_early_nor_late),
	    cmocka_unit_test(the_bound_for_searches),
	    cmocka_unit_test(due_times_are_not_in_order),
	    cmocka_unit_test(reasons),
	    cmocka_unit_test(brake),
	};
	return cmocka_run_group_tests_name("retention", tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sets of holds: what they touch, where they end, against a plain loop over the same intervals. */
#include "domain/hold.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "random.h"

static void words(void **state) {
	(void)state;
	assert_string_equal(hold_reason_canonical("damage"), "damage");
	assert_string_equal(hold_reason_canonical("disturbance_of_public_order"), "identify_disturber");
	assert_null(hold_reason_canonical("curiosity"));
	assert_null(hold_reason_canonical(""));
	assert_null(hold_reason_canonical("Damage"));
	size_t count = 0;
	while (hold_reasons[count] != NULL)
		assert_ptr_equal(hold_reason_canonical(hold_reasons[count]), hold_reasons[count]), count++;
	assert_int_equal(count, 7);
	assert_string_equal(hold_kind_name(HOLD_INCIDENT), "incident");
	assert_string_equal(hold_state_name(HOLD_RELEASE_PENDING), "release_pending");
	assert_string_equal(hold_state_name(HOLD_PROVISIONAL), "provisional");
}

static void an_empty_set_touches_nothing(void **state) {
	(void)state;
	struct hold_set set;
	hold_set_init(&set);
	assert_false(hold_set_touches(&set, 0, 10));
	assert_int_equal(hold_set_skip(&set, 5), 5);
	hold_set_merge(&set);
	assert_false(hold_set_touches(&set, INT64_MIN, INT64_MAX));
	hold_set_release(&set);
}

static void touching_is_half_open(void **state) {
	(void)state;
	struct hold_set set;
	hold_set_init(&set);
	assert_int_equal(hold_set_add(&set, (struct span){100, 200}), 0);
	hold_set_merge(&set);
	assert_true(hold_set_touches(&set, 150, 160));
	assert_true(hold_set_touches(&set, 50, 101));
	assert_true(hold_set_touches(&set, 199, 500));
	assert_true(hold_set_touches(&set, 50, 500));
	assert_false(hold_set_touches(&set, 50, 100)); /* ends as the hold begins */
	assert_false(hold_set_touches(&set, 200, 300));
	/* points */
	assert_true(hold_set_touches(&set, 100, 100));
	assert_true(hold_set_touches(&set, 199, 199));
	assert_false(hold_set_touches(&set, 200, 200));
	assert_false(hold_set_touches(&set, 99, 99));
	assert_true(hold_set_touches(&set, 150, 50));
	assert_int_equal(hold_set_skip(&set, 99), 99);
	assert_int_equal(hold_set_skip(&set, 100), 200);
	assert_int_equal(hold_set_skip(&set, 200), 200);
	hold_set_release(&set);
}

static void intervals_merge(void **state) {
	(void)state;
	struct hold_set set;
	hold_set_init(&set);
	const struct span spans[] = {{300, 400}, {100, 200}, {150, 250}, {250, 260}, {310, 320}, {700, 600}, {500, 500}};
	for (size_t i = 0; i < ARRAY_LENGTH(spans); i++)
		assert_int_equal(hold_set_add(&set, spans[i]), 0);
	hold_set_merge(&set);
	assert_int_equal(set.count, 4);
	assert_int_equal(hold_set_skip(&set, 100), 260);
	assert_int_equal(hold_set_skip(&set, 319), 400);
	/* Backwards or empty: kept whole, rather than lost. */
	assert_true(hold_set_touches(&set, 500, 500));
	assert_false(hold_set_touches(&set, 501, 501));
	assert_true(hold_set_touches(&set, 600, 600));
	assert_true(hold_set_touches(&set, 700, 700));
	hold_set_clear(&set);
	assert_false(hold_set_touches(&set, 100, 400));
	assert_int_equal(hold_set_add(&set, (struct span){INT64_MIN, INT64_MAX}), 0);
	hold_set_merge(&set);
	assert_true(hold_set_touches(&set, 0, 0));
	assert_true(hold_set_skip(&set, 0) == INT64_MAX);
	hold_set_release(&set);
}

static void agrees_with_a_plain_loop(void **state) {
	(void)state;
	for (int round = 0; round < 300; round++) {
		struct span spans[40];
		size_t count = (size_t)random_below(40);
		struct hold_set set;
		hold_set_init(&set);
		for (size_t i = 0; i < count; i++) {
			int64_t from = random_below(1000);
			spans[i] = (struct span){from, from + 1 + random_below(30)};
			assert_int_equal(hold_set_add(&set, spans[i]), 0);
		}
		hold_set_merge(&set);
		for (int n = 0; n < 200; n++) {
			int64_t start = random_below(1050);
			int64_t end = start + random_below(20);
			bool expected = false;
			int64_t skip = start;
			for (bool moved = true; moved;) {
				moved = false;
				for (size_t i = 0; i < count; i++)
					if (spans[i].from_us <= skip && skip < spans[i].to_us)
						skip = spans[i].to_us, moved = true;
			}
			for (size_t i = 0; i < count; i++)
				expected |= end == start ? spans[i].from_us <= start && start < spans[i].to_us
				                         : start < spans[i].to_us && end > spans[i].from_us;
			assert_int_equal(hold_set_touches(&set, start, end), expected);
			assert_int_equal(hold_set_skip(&set, start), skip);
		}
		hold_set_release(&set);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(words),
	    cmocka_unit_test(an_empty_set_touches_nothing),
	    cmocka_unit_test(touching_is_half_open),
	    cmocka_unit_test(intervals_merge),
	    cmocka_unit_test(agrees_with_a_plain_loop),
	};
	return cmocka_run_group_tests_name("hold", tests, NULL, NULL);
}

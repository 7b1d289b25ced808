/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The supervisor's table: what must hold in every cell, and the ways through it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>

#include "daemon/supervisor/child_table.h"

static bool has_process(enum child_state state) {
	return state == CHILD_STARTING || state == CHILD_RUNNING || state == CHILD_STOPPING;
}

static void test_rules_that_hold_in_every_cell(void **state) {
	(void)state;
	for (int from = 0; from < CHILD_STATE_COUNT; from++) {
		for (int event = 0; event < CHILD_EVENT_COUNT; event++) {
			struct child_step step = child_step_of((enum child_state)from, (enum child_event)event);
			bool had = has_process((enum child_state)from);
			bool has = has_process(step.next);
			/* A process appears by START and disappears by its exit, by nothing else. */
			assert_int_equal(!had && has, (step.actions & CHILD_START) != 0);
			assert_int_equal(had && !has, had && event == CHILD_EVENT_EXITED);
			/* Only what lives is killed, asked or waited for. */
			if ((step.actions & (CHILD_KILL | CHILD_ASK | CHILD_WAIT)) != 0)
				assert_true(had);
			/* Keeper hears of every end, and of every wish that came to nothing while keeper lives. */
			bool over = from != CHILD_IDLE && step.next == CHILD_IDLE;
			if (over && event != CHILD_EVENT_KEEPER_LOST && event != CHILD_EVENT_STOP)
				assert_true((step.actions & CHILD_TELL) != 0);
			/* No timer is left behind in a state that gives it another meaning. */
			if (over)
				assert_true((step.actions & CHILD_CANCEL) != 0);
			/* A stop is final. */
			if (event == CHILD_EVENT_STOP)
				assert_true(step.next == CHILD_IDLE || step.next == CHILD_STOPPING);
		}
	}
}

static enum child_state walk(const enum child_event *events, size_t count, unsigned *ret_actions) {
	enum child_state state = CHILD_IDLE;
	*ret_actions = 0;
	for (size_t i = 0; i < count; i++) {
		struct child_step step = child_step_of(state, events[i]);
		state = step.next;
		*ret_actions |= step.actions;
	}
	return state;
}

static void test_ways_through(void **state) {
	(void)state;
	unsigned actions;
	const enum child_event crash[] = {CHILD_EVENT_WANTED, CHILD_EVENT_TIMER, CHILD_EVENT_STARTED, CHILD_EVENT_EXITED};
	assert_int_equal(walk(crash, 4, &actions), CHILD_IDLE);
	assert_int_equal(actions, CHILD_SCHEDULE | CHILD_START | CHILD_HAND_OVER | CHILD_CANCEL | CHILD_COUNT | CHILD_TELL);

	const enum child_event release[] = {CHILD_EVENT_WANTED, CHILD_EVENT_TIMER, CHILD_EVENT_STARTED,
	    CHILD_EVENT_RELEASED, CHILD_EVENT_TIMER, CHILD_EVENT_EXITED};
	assert_int_equal(walk(release, 6, &actions), CHILD_IDLE);
	assert_int_equal(actions & CHILD_COUNT, 0);
	assert_int_equal(actions & CHILD_KILL, CHILD_KILL);

	/* A keeper that breaks the protocol counts as one that failed, or it would be started in a tight loop. */
	const enum child_event broken[] = {
	    CHILD_EVENT_WANTED, CHILD_EVENT_TIMER, CHILD_EVENT_STARTED, CHILD_EVENT_BROKEN, CHILD_EVENT_EXITED};
	assert_int_equal(walk(broken, 5, &actions), CHILD_IDLE);
	assert_int_equal(actions & (CHILD_KILL | CHILD_COUNT), CHILD_KILL | CHILD_COUNT);

	const enum child_event second[] = {CHILD_EVENT_WANTED, CHILD_EVENT_WANTED};
	assert_int_equal(walk(second, 2, &actions), CHILD_BACKING_OFF);
	assert_int_equal(actions & CHILD_REFUSE, CHILD_REFUSE);

	/* Nobody hears of an orphan's end, but it does end. */
	const enum child_event orphan[] = {
	    CHILD_EVENT_WANTED, CHILD_EVENT_TIMER, CHILD_EVENT_STARTED, CHILD_EVENT_KEEPER_LOST};
	assert_int_equal(walk(orphan, 4, &actions), CHILD_STOPPING);
	assert_int_equal(actions & (CHILD_ORPHAN | CHILD_KILL), CHILD_ORPHAN | CHILD_KILL);
}

/* A guard that stands still is killed in each state that has a process, and started again. */
static void test_guard_that_stands_still(void **state) {
	(void)state;
	unsigned actions;
	const enum child_event running[] = {CHILD_EVENT_WANTED, CHILD_EVENT_TIMER, CHILD_EVENT_STARTED, CHILD_EVENT_BROKEN,
	    CHILD_EVENT_EXITED, CHILD_EVENT_WANTED, CHILD_EVENT_TIMER};
	assert_int_equal(walk(running, 7, &actions), CHILD_STARTING);
	assert_int_equal(actions & (CHILD_KILL | CHILD_COUNT | CHILD_TELL | CHILD_SCHEDULE),
	    CHILD_KILL | CHILD_COUNT | CHILD_TELL | CHILD_SCHEDULE);
	assert_true((child_step_of(CHILD_STARTING, CHILD_EVENT_BROKEN).actions & CHILD_KILL) != 0);
	assert_true((child_step_of(CHILD_STOPPING, CHILD_EVENT_KILL).actions & CHILD_KILL) != 0);
}

static void test_back_off(void **state) {
	(void)state;
	assert_int_equal(child_back_off_us(PROCESS_KEEPER, 0), 0);
	assert_int_equal(child_back_off_us(PROCESS_KEEPER, 1), 100000);
	assert_int_equal(child_back_off_us(PROCESS_KEEPER, 4), 800000);
	assert_int_equal(child_back_off_us(PROCESS_WATCHER, 9), 25600000);
	assert_int_equal(child_back_off_us(PROCESS_WATCHER, 10), 30000000);
	assert_int_equal(child_back_off_us(PROCESS_WATCHER, UINT32_MAX), 30000000);
	/* Nobody waits for a guard that is not there, but nobody sees who opens footage either. */
	assert_int_equal(child_back_off_us(PROCESS_GUARD, 3), 0);
	assert_int_equal(child_back_off_us(PROCESS_GUARD, 4), 100000);
	assert_int_equal(child_back_off_us(PROCESS_GUARD, 5), 200000);
	assert_int_equal(child_back_off_us(PROCESS_GUARD, 11), 10000000);
	assert_int_equal(child_back_off_us(PROCESS_GUARD, UINT32_MAX), 10000000);
}

int main(void) {
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rules_that_hold_in_every_cell),
	    cmocka_unit_test(test_ways_through),
	    cmocka_unit_test(test_guard_that_stands_still),
	    cmocka_unit_test(test_back_off),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

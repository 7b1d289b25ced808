/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The clock's stories: each is a list of looks, with what must be believed after each. */
#include "domain/clock_trust.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const int64_t NOW = INT64_C(1795500664) * US_PER_SECOND; /* 24 November 2026 */
static const int64_t YEAR = INT64_C(31557600) * US_PER_SECOND;
static const int64_t HOUR = INT64_C(3600) * US_PER_SECOND;
static const int64_t DAY = US_PER_DAY;

/* A machine whose true time runs, and whose wall clock may not. */
struct machine {
	struct clock_state state;
	struct clock_reading reading;
	struct clock_verdict verdict;
	enum clock_level require;
	int boots;
};

static void boot_named(struct machine *machine, bool has_rtc) {
	machine->boots++;
	machine->reading.boot_us = 10 * US_PER_SECOND;
	(void)snprintf(machine->reading.boot_id, BOOT_ID_BYTES, "boot-%d", machine->boots);
	machine->reading.has_rtc = has_rtc;
	machine->reading.synced = false;
}

/* A box that has been deleting by a trusted clock up to NOW. */
static struct machine machine_new(bool has_rtc, bool synced) {
	struct machine machine = {.require = CLOCK_RTC};
	boot_named(&machine, has_rtc);
	machine.reading.wall_us = NOW;
	machine.reading.synced = synced;
	return machine;
}

static void look(struct machine *machine) {
	clock_judge(&machine->state, &machine->reading, machine->require, DAY, &machine->verdict);
}

static void run(struct machine *machine, int64_t us) {
	machine->reading.wall_us += us;
	machine->reading.boot_us += us;
	look(machine);
}

static void jump(struct machine *machine, int64_t us) {
	machine->reading.wall_us += us;
	look(machine);
}

static void reboot(struct machine *machine, int64_t off_us) {
	boot_named(machine, machine->reading.has_rtc);
	machine->reading.wall_us += off_us + 10 * US_PER_SECOND;
	look(machine);
}

static void expect(const struct machine *machine, enum clock_level level, bool trusted, bool frozen, bool person) {
	if (machine->verdict.level != level || machine->verdict.trusted != trusted || machine->state.frozen != frozen ||
	    machine->state.needs_person != person)
		fail_msg("level %d, trusted %d, frozen %d, person %d: %s", (int)machine->verdict.level,
		    machine->verdict.trusted, machine->state.frozen, machine->state.needs_person, machine->verdict.reason);
	assert_true(machine->verdict.reason[0] != '\0');
	assert_int_equal(machine->state.frozen, machine->state.frozen_since_us != 0);
	assert_int_equal(machine->state.frozen, machine->state.reason[0] != '\0');
}

static void first_starts(void **state) {
	(void)state;
	struct machine machine = machine_new(false, false);
	look(&machine);
	expect(&machine, CLOCK_UNVERIFIED, false, false, false);
	assert_int_equal(machine.state.high_water_us, 0);

	machine = machine_new(true, false);
	look(&machine);
	expect(&machine, CLOCK_RTC, true, false, false);
	assert_int_equal(machine.state.high_water_us, NOW);

	machine = machine_new(false, true);
	look(&machine);
	expect(&machine, CLOCK_SYNCED, true, false, false);
	assert_false(machine.verdict.stepped || machine.verdict.arm_brake);

	/* For trials: as long as nothing contradicts. */
	machine = machine_new(false, false);
	machine.require = CLOCK_UNVERIFIED;
	look(&machine);
	expect(&machine, CLOCK_UNVERIFIED, true, false, false);

	machine = machine_new(true, true);
	machine.reading.wall_us = 5 * DAY;
	look(&machine);
	expect(&machine, CLOCK_UNTRUSTED, false, true, false);
	assert_int_equal(machine.state.high_water_us, 0);
}

static void levels_within_a_boot(void **state) {
	(void)state;
	struct machine machine = machine_new(true, false);
	look(&machine);
	machine.reading.synced = true;
	run(&machine, HOUR);
	expect(&machine, CLOCK_SYNCED, true, false, false);
	assert_int_equal(machine.state.high_water_us, NOW + HOUR);
	machine.reading.synced = false;
	run(&machine, 40 * DAY); /* the boot clock explains it */
	expect(&machine, CLOCK_HOLDOVER, true, false, false);
	assert_false(machine.verdict.stepped);
	assert_int_equal(machine.state.unexplained_us, 0);
	machine.require = CLOCK_SYNCED;
	run(&machine, HOUR);
	expect(&machine, CLOCK_HOLDOVER, false, false, false);
	reboot(&machine, HOUR);
	expect(&machine, CLOCK_RTC, false, false, false);
}

static void small_steps_are_slewing(void **state) {
	(void)state;
	struct machine machine = machine_new(true, false);
	look(&machine);
	jump(&machine, US_PER_SECOND / 2);
	assert_false(machine.verdict.stepped);
	jump(&machine, -US_PER_SECOND / 2);
	assert_false(machine.verdict.stepped);
	expect(&machine, CLOCK_RTC, true, false, false);
	jump(&machine, 5 * US_PER_SECOND);
	assert_true(machine.verdict.stepped);
	assert_int_equal(machine.verdict.step_us, 5 * US_PER_SECOND);
	expect(&machine, CLOCK_RTC, true, false, false);
	/* Half a second a minute adds up too: after two days of it the clock is a day ahead. */
	machine = machine_new(true, false);
	look(&machine);
	for (int i = 0; i < 2 * 86400 + 1; i++)
		jump(&machine, US_PER_SECOND / 2);
	expect(&machine, CLOCK_UNTRUSTED, false, true, false);
	assert_true(machine.state.high_water_us <= NOW + DAY);
}

/* A sync that puts the clock back a little: untrusted until it is past its mark, then by itself. */
static void a_small_step_back_heals(void **state) {
	(void)state;
	struct machine machine = machine_new(true, true);
	look(&machine);
	jump(&machine, -30 * US_PER_SECOND);
	expect(&machine, CLOCK_UNTRUSTED, false, true, false);
	run(&machine, 31 * US_PER_SECOND);
	expect(&machine, CLOCK_SYNCED, true, false, false);
}

static void a_jump_of_40_days(void **state) {
	(void)state;
	struct machine machine = machine_new(true, false);
	look(&machine);
	jump(&machine, 40 * DAY);
	expect(&machine, CLOCK_UNTRUSTED, false, true, true);
	assert_non_null(strstr(machine.verdict.reason, "40 days"));
	assert_int_equal(machine.state.high_water_us, NOW);
	run(&machine, 10 * DAY);
	expect(&machine, CLOCK_UNTRUSTED, false, true, true);
	/* Neither a sync nor a reboot nor going back suffices. */
	machine.reading.synced = true;
	run(&machine, HOUR);
	expect(&machine, CLOCK_SYNCED, false, true, true);
	jump(&machine, -40 * DAY);
	expect(&machine, CLOCK_SYNCED, false, true, true);
	reboot(&machine, HOUR);
	machine.reading.synced = true;
	look(&machine);
	expect(&machine, CLOCK_SYNCED, false, true, true);
	assert_int_equal(machine.state.high_water_us, NOW);
	clock_confirm(&machine.state, &machine.reading);
	look(&machine);
	expect(&machine, CLOCK_SYNCED, true, false, false);
	/* The same on a box for trials, that trusts an unverified clock. */
	machine = machine_new(false, false);
	machine.require = CLOCK_UNVERIFIED;
	look(&machine);
	jump(&machine, 40 * DAY);
	expect(&machine, CLOCK_UNTRUSTED, false, true, true);
	clock_confirm(&machine.state, &machine.reading);
	look(&machine);
	expect(&machine, CLOCK_UNVERIFIED, true, false, false);
}

static void a_synced_jump_waits_for_a_person(void **state) {
	(void)state;
	struct machine machine = machine_new(true, true);
	look(&machine);
	run(&machine, HOUR);
	jump(&machine, DAY + 2 * US_PER_SECOND);
	expect(&machine, CLOCK_SYNCED, false, true, true);
	assert_int_equal(machine.state.high_water_us, NOW + HOUR);
	/* Up to max_jump a sync explains it, but a false time server gains that much only once. */
	machine = machine_new(true, true);
	look(&machine);
	jump(&machine, 23 * HOUR);
	expect(&machine, CLOCK_SYNCED, true, false, false);
	run(&machine, HOUR);
	expect(&machine, CLOCK_SYNCED, true, false, false);
	jump(&machine, 23 * HOUR);
	expect(&machine, CLOCK_SYNCED, false, true, true);
	/* With the first sync of a boot, after an RTC that was believed. */
	machine = machine_new(true, false);
	look(&machine);
	machine.reading.synced = true;
	jump(&machine, 40 * DAY);
	expect(&machine, CLOCK_SYNCED, false, true, true);
}

static void back_and_forth_gains_nothing(void **state) {
	(void)state;
	struct machine machine = machine_new(true, false);
	look(&machine);
	jump(&machine, 23 * HOUR);
	expect(&machine, CLOCK_RTC, true, false, false);
	for (int i = 0; i < 5; i++) {
		jump(&machine, -23 * HOUR);
		expect(&machine, CLOCK_UNTRUSTED, false, true, false);
		jump(&machine, 46 * HOUR);
		expect(&machine, CLOCK_UNTRUSTED, false, true, false);
		jump(&machine, -23 * HOUR);
		expect(&machine, CLOCK_RTC, true, false, false);
	}
	assert_int_equal(machine.state.high_water_us, NOW + 23 * HOUR);
}

static void back_50_years(void **state) {
	(void)state;
	struct machine machine = machine_new(true, true);
	look(&machine);
	jump(&machine, -50 * YEAR);
	expect(&machine, CLOCK_UNTRUSTED, false, true, true);
	jump(&machine, 50 * YEAR);
	expect(&machine, CLOCK_SYNCED, false, true, true);
	clock_confirm(&machine.state, &machine.reading);
	look(&machine);
	expect(&machine, CLOCK_SYNCED, true, false, false);
	/* Confirming 1976 changes nothing. */
	jump(&machine, -50 * YEAR);
	clock_confirm(&machine.state, &machine.reading);
	look(&machine);
	expect(&machine, CLOCK_UNTRUSTED, false, true, true);
}

static void boot_in_1970(void **state) {
	(void)state;
	for (int has_rtc = 0; has_rtc < 2; has_rtc++) {
		struct machine machine = machine_new(has_rtc != 0, true);
		look(&machine);
		reboot(&machine, -NOW);
		expect(&machine, CLOCK_UNTRUSTED, false, true, false);
		run(&machine, HOUR);
		expect(&machine, CLOCK_UNTRUSTED, false, true, false);
		assert_int_equal(machine.state.high_water_us, NOW);
		/* The sync of this boot sets it right, three days later, with the brake armed. */
		machine.reading.synced = true;
		jump(&machine, NOW + 3 * DAY - machine.reading.wall_us);
		expect(&machine, CLOCK_SYNCED, true, false, false);
		assert_true(machine.verdict.arm_brake);
		run(&machine, HOUR);
		assert_false(machine.verdict.arm_brake);
		expect(&machine, CLOCK_SYNCED, true, false, false);
	}
	/* Set by hand to an hour past the mark: nothing contradicts it. To 40 days past it: a person must say so. */
	struct machine machine = machine_new(true, true);
	look(&machine);
	reboot(&machine, -NOW);
	jump(&machine, NOW + HOUR - machine.reading.wall_us);
	expect(&machine, CLOCK_RTC, true, false, false);
	reboot(&machine, -machine.reading.wall_us);
	jump(&machine, NOW + 40 * DAY - machine.reading.wall_us);
	expect(&machine, CLOCK_UNTRUSTED, false, true, false);
	clock_confirm(&machine.state, &machine.reading);
	look(&machine);
	expect(&machine, CLOCK_RTC, true, false, false);
}

static void off_for_longer_than_max_jump(void **state) {
	(void)state;
	struct machine machine = machine_new(true, true);
	look(&machine);
	reboot(&machine, 23 * HOUR);
	expect(&machine, CLOCK_RTC, true, false, false);
	machine.reading.synced = true;
	run(&machine, HOUR);
	reboot(&machine, 3 * DAY);
	expect(&machine, CLOCK_UNTRUSTED, false, true, false);
	assert_non_null(strstr(machine.verdict.reason, "3 days"));
	machine.reading.synced = true;
	run(&machine, HOUR);
	expect(&machine, CLOCK_SYNCED, true, false, false);
	assert_true(machine.verdict.arm_brake);
	/* Synced before the first look. */
	boot_named(&machine, true);
	machine.reading.wall_us += 10 * DAY;
	machine.reading.synced = true;
	look(&machine);
	expect(&machine, CLOCK_SYNCED, true, false, false);
	assert_true(machine.verdict.arm_brake);
	/* Long in one boot: the boot clock explains what the daemon slept through. */
	run(&machine, 100 * DAY);
	expect(&machine, CLOCK_SYNCED, true, false, false);
	assert_false(machine.verdict.stepped);
}

static void ten_boots_of_23_hours(void **state) {
	(void)state;
	struct machine machine = machine_new(true, true);
	look(&machine);
	for (int i = 0; i < 10; i++) {
		reboot(&machine, 23 * HOUR);
		if (i == 0)
			expect(&machine, CLOCK_RTC, true, false, false);
		else
			expect(&machine, CLOCK_UNTRUSTED, false, true, false);
		run(&machine, HOUR);
	}
	assert_true(machine.state.high_water_us < NOW + 25 * HOUR);
	machine.reading.synced = true;
	run(&machine, HOUR);
	expect(&machine, CLOCK_SYNCED, true, false, false);
	assert_true(machine.verdict.arm_brake);
	assert_int_equal(machine.state.unexplained_us, 0);
}

static void a_poisoned_mark(void **state) {
	(void)state;
	/* A false time server once, ten years ahead at boot: trusted then. */
	struct machine machine = machine_new(true, true);
	look(&machine);
	boot_named(&machine, true);
	machine.reading.wall_us += 10 * YEAR;
	machine.reading.synced = true;
	look(&machine);
	expect(&machine, CLOCK_SYNCED, true, false, false);
	assert_true(machine.verdict.arm_brake);
	/* Corrected at the next boot: synced, but before the mark. */
	boot_named(&machine, true);
	machine.reading.wall_us -= 10 * YEAR;
	machine.reading.synced = true;
	look(&machine);
	expect(&machine, CLOCK_UNTRUSTED, false, true, false);
	reboot(&machine, HOUR);
	expect(&machine, CLOCK_UNTRUSTED, false, true, false);
	machine.reading.synced = true;
	run(&machine, HOUR);
	expect(&machine, CLOCK_UNTRUSTED, false, true, false);
	clock_confirm(&machine.state, &machine.reading);
	assert_int_equal(machine.state.high_water_us, machine.reading.wall_us);
	look(&machine);
	expect(&machine, CLOCK_SYNCED, true, false, false);
	run(&machine, HOUR);
	expect(&machine, CLOCK_SYNCED, true, false, false);
	assert_int_equal(machine.state.high_water_us, machine.reading.wall_us);
}

/* A mark without a last look (an old state, restored) still counts. */
static void a_mark_alone(void **state) {
	(void)state;
	struct machine machine = machine_new(true, false);
	machine.state.high_water_us = NOW - 40 * DAY;
	look(&machine);
	expect(&machine, CLOCK_UNTRUSTED, false, true, false);
	machine = machine_new(true, false);
	machine.state.high_water_us = NOW + DAY;
	look(&machine);
	expect(&machine, CLOCK_UNTRUSTED, false, true, false);
}

static void confirming_is_no_sync(void **state) {
	(void)state;
	struct machine machine = machine_new(false, false);
	look(&machine);
	clock_confirm(&machine.state, &machine.reading);
	look(&machine);
	expect(&machine, CLOCK_UNVERIFIED, false, false, false);
}

/* Whatever the clock does, the mark never runs ahead of true time by more than max_jump between syncs and persons. */
static void no_walk_gets_far_ahead(void **state) {
	(void)state;
	uint64_t random = 88172645463325252u;
	for (int walk = 0; walk < 300; walk++) {
		struct machine machine = machine_new(true, false);
		int64_t truth = NOW;
		look(&machine);
		for (int i = 0; i < 100; i++) {
			random ^= random << 13, random ^= random >> 7, random ^= random << 17;
			int64_t amount = (int64_t)(random % (uint64_t)(30 * HOUR));
			switch (random >> 60) {
			case 0:
			case 1:
			case 2:
				jump(&machine, amount);
				break;
			case 3:
			case 4:
			case 5:
				jump(&machine, -amount);
				break;
			case 6:
			case 7:
				reboot(&machine, amount); /* a clock moved ahead while the box was off: no time passed */
				truth += 10 * US_PER_SECOND;
				break;
			case 8:
				reboot(&machine, -amount);
				truth += 10 * US_PER_SECOND;
				break;
			case 9:
				reboot(&machine, -machine.reading.wall_us);
				truth += 10 * US_PER_SECOND;
				break;
			case 10:
				jump(&machine, truth - machine.reading.wall_us);
				break;
			default:
				run(&machine, amount / 100);
				truth += amount / 100;
			}
			if (machine.state.high_water_us > truth + DAY)
				fail_msg(
				    "walk %d: %lld s ahead", walk, (long long)((machine.state.high_water_us - truth) / US_PER_SECOND));
		}
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(first_starts),
	    cmocka_unit_test(levels_within_a_boot),
	    cmocka_unit_test(small_steps_are_slewing),
	    cmocka_unit_test(a_small_step_back_heals),
	    cmocka_unit_test(a_jump_of_40_days),
	    cmocka_unit_test(a_synced_jump_waits_for_a_person),
	    cmocka_unit_test(back_and_forth_gains_nothing),
	    cmocka_unit_test(back_50_years),
	    cmocka_unit_test(boot_in_1970),
	    cmocka_unit_test(off_for_longer_than_max_jump),
	    cmocka_unit_test(ten_boots_of_23_hours),
	    cmocka_unit_test(a_poisoned_mark),
	    cmocka_unit_test(a_mark_alone),
	    cmocka_unit_test(confirming_is_no_sync),
	    cmocka_unit_test(no_walk_gets_far_ahead),
	};
	return cmocka_run_group_tests_name("clock_trust", tests, NULL, NULL);
}

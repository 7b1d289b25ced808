/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Judges the wall clock. The measure is effective time: the wall clock, but never below the
 * high-water mark. A clock that falls back to 1970 and recovers has gained nothing by it, and one that
 * is moved back and forth cannot gain a step twice.
 */
#include "domain/clock_trust.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* 2000-01-01 UTC: clocks that were never set stand before it. */
static const int64_t FLOOR_US = INT64_C(946684800) * US_PER_SECOND;
/* Slewing and the time between reading two clocks are no steps. */
static const int64_t STEP_US = US_PER_SECOND;

enum { LENGTH_TEXT = 40 };

static void length_format(int64_t us, char text[LENGTH_TEXT]) {
	int64_t seconds = (us < 0 ? -us : us) / US_PER_SECOND;
	if (seconds >= 2 * 86400)
		(void)snprintf(text, LENGTH_TEXT, "%" PRId64 " days", seconds / 86400);
	else if (seconds >= 2 * 3600)
		(void)snprintf(text, LENGTH_TEXT, "%" PRId64 " hours", seconds / 3600);
	else if (seconds >= 2 * 60)
		(void)snprintf(text, LENGTH_TEXT, "%" PRId64 " minutes", seconds / 60);
	else
		(void)snprintf(text, LENGTH_TEXT, "%" PRId64 " seconds", seconds);
}

static int64_t effective(const struct clock_state *state, int64_t wall_us) {
	return wall_us > state->high_water_us ? wall_us : state->high_water_us;
}

/* The level of a wall clock, with the reason in `reason` (NULL: not wanted). */
static enum clock_level level_of(
    const struct clock_state *state, int64_t wall_us, bool synced, bool has_rtc, int64_t max_jump_us, char *reason) {
	char text[sizeof state->reason] = "";
	char length[LENGTH_TEXT];
	enum clock_level level = CLOCK_UNTRUSTED;
	if (wall_us < FLOOR_US) {
		(void)snprintf(text, sizeof text, "the clock stands before the year 2000: it was never set");
	} else if (wall_us + STEP_US < state->high_water_us) {
		length_format(state->high_water_us - wall_us, length);
		(void)snprintf(text, sizeof text, "the clock is %s behind the latest time that was trusted", length);
	} else if (synced) {
		level = CLOCK_SYNCED;
		(void)snprintf(text, sizeof text, "the kernel says that the clock is synchronised");
	} else if (state->unexplained_us > max_jump_us) {
		length_format(state->unexplained_us, length);
		(void)snprintf(text, sizeof text, "the clock advanced by %s that nothing explains", length);
	} else if (state->synced_this_boot) {
		level = CLOCK_HOLDOVER;
		(void)snprintf(text, sizeof text, "the clock was synchronised earlier in this boot");
	} else if (has_rtc) {
		level = CLOCK_RTC;
		(void)snprintf(text, sizeof text, "the clock was set from a real-time clock and nothing contradicts it");
	} else {
		level = CLOCK_UNVERIFIED;
		(void)snprintf(text, sizeof text, "no real-time clock, not synchronised in this boot, nothing contradicts it");
	}
	if (reason != NULL)
		memcpy(reason, text, sizeof text);
	return level;
}

/* Whether deletions went by this clock at the last look. */
static bool was_believed(const struct clock_state *state, bool has_rtc, enum clock_level require, int64_t max_jump_us) {
	enum clock_level level = level_of(state, state->mark_wall_us, false, has_rtc, max_jump_us, NULL);
	return !state->frozen && level != CLOCK_UNTRUSTED && level >= require;
}

static void freeze(struct clock_state *state, int64_t wall_us, const char *reason) {
	if (!state->frozen)
		state->frozen_since_us = wall_us;
	state->frozen = true;
	(void)snprintf(state->reason, sizeof state->reason, "%s", reason);
}

static void freeze_for_person(struct clock_state *state, int64_t wall_us, int64_t step_us, const char *what) {
	char length[LENGTH_TEXT];
	char reason[sizeof state->reason];
	length_format(step_us, length);
	(void)snprintf(reason, sizeof reason, "the clock %s by %s %s within this boot: a person must confirm it", what,
	    length, step_us < 0 ? "back" : "ahead");
	freeze(state, wall_us, reason);
	state->needs_person = true;
}

/* Takes in what happened since the last look. Returns true if that was won back by a sync. */
static bool look(struct clock_state *state, const struct clock_reading *reading, enum clock_level require,
    int64_t max_jump_us, struct clock_verdict *verdict) {
	bool first_look = state->boot_id[0] == '\0' && state->high_water_us == 0;
	bool same_boot = strcmp(state->boot_id, reading->boot_id) == 0;
	int64_t elapsed_us = same_boot ? reading->boot_us - state->mark_boot_us : reading->boot_us;
	int64_t expected_us = state->mark_wall_us + elapsed_us;
	bool jumped = false;

	if (!same_boot)
		state->synced_this_boot = false;
	if (!first_look) {
		verdict->step_us = reading->wall_us - expected_us;
		int64_t size_us = verdict->step_us < 0 ? -verdict->step_us : verdict->step_us;
		verdict->stepped = size_us > STEP_US;
		jumped = same_boot && size_us > max_jump_us && was_believed(state, reading->has_rtc, require, max_jump_us);
		state->unexplained_us += effective(state, reading->wall_us) - effective(state, expected_us);
		if (state->unexplained_us < 0)
			state->unexplained_us = 0;
	}

	bool first_sync = reading->synced && !state->synced_this_boot;
	bool far = state->unexplained_us > max_jump_us;
	bool won_back = false;
	if (jumped) {
		freeze_for_person(state, reading->wall_us, verdict->step_us, "jumped");
	} else if (first_sync) {
		won_back = far;
		state->unexplained_us = 0;
	} else if (reading->synced && far && !state->needs_person) {
		freeze_for_person(state, reading->wall_us, state->unexplained_us, "was stepped");
	}
	if (reading->synced)
		state->synced_this_boot = true;
	return won_back;
}

static void mark(struct clock_state *state, const struct clock_reading *reading) {
	state->mark_wall_us = reading->wall_us;
	state->mark_boot_us = reading->boot_us;
	memcpy(state->boot_id, reading->boot_id, sizeof state->boot_id);
	state->boot_id[sizeof state->boot_id - 1] = '\0';
}

void clock_judge(struct clock_state *state, const struct clock_reading *reading, enum clock_level require,
    int64_t max_jump_us, struct clock_verdict *ret_verdict) {
	struct clock_verdict verdict = {0};
	bool won_back = look(state, reading, require, max_jump_us, &verdict);
	mark(state, reading);
	verdict.level = level_of(state, reading->wall_us, reading->synced, reading->has_rtc, max_jump_us, verdict.reason);

	if (verdict.level == CLOCK_UNTRUSTED) {
		if (!state->needs_person)
			freeze(state, reading->wall_us, verdict.reason);
	} else if (state->frozen && !state->needs_person) {
		state->frozen = false;
		state->frozen_since_us = 0;
		state->reason[0] = '\0';
		won_back = true;
	}
	if (state->needs_person)
		memcpy(verdict.reason, state->reason, sizeof verdict.reason);

	verdict.arm_brake = won_back && !state->frozen;
	verdict.trusted = !state->frozen && verdict.level >= require;
	if (verdict.trusted && reading->wall_us > state->high_water_us)
		state->high_water_us = reading->wall_us;
	*ret_verdict = verdict;
}

void clock_confirm(struct clock_state *state, const struct clock_reading *reading) {
	if (reading->wall_us < FLOOR_US)
		return;
	bool same_boot = strcmp(state->boot_id, reading->boot_id) == 0;
	state->synced_this_boot = reading->synced || (same_boot && state->synced_this_boot);
	state->high_water_us = reading->wall_us;
	state->unexplained_us = 0;
	state->frozen = false;
	state->needs_person = false;
	state->frozen_since_us = 0;
	state->reason[0] = '\0';
	mark(state, reading);
}

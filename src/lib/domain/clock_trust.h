/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How far the wall clock may be believed (reference: evidence, "Clock"). No recorder checks its
 * clock before it deletes by age; boxes boot in 1970 or jump years ahead. Pure: a reading and the
 * durable state in, a level and the new durable state out.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/clock.h"
#include "settings/settings.h"

/* Durable between runs (state.db). */
struct clock_state {
	int64_t high_water_us;       /* latest trusted wall time; 0 before the first */
	int64_t mark_wall_us;        /* the last look: wall … */
	int64_t mark_boot_us;        /* … boot clock … */
	char boot_id[BOOT_ID_BYTES]; /* … and boot */
	bool synced_this_boot;
	int64_t unexplained_us; /* advances that nothing explains, added up since the last sync or confirmation */
	bool frozen;            /* waits for a person (a jump within a boot), or for sync or a person (after a boot) */
	bool needs_person;      /* a sync does not suffice */
	int64_t frozen_since_us;
	char reason[160]; /* why, for people */
};

struct clock_verdict {
	enum clock_level level;
	bool trusted; /* level reaches what is required, and not frozen */
	bool stepped; /* wall moved against boot by more than a second since the last look */
	int64_t step_us;
	bool arm_brake; /* time was won back after a boot: the next pass asks if it is unusual */
	char reason[160];
};

/*
 * Judges a reading against the state, which it updates (the caller makes it durable when
 * ret_verdict says something changed, and at least each minute). `max_jump_us` and `require` are
 * the settings'.
 *
 * What counts as unexplained is how far the wall clock has come beyond the boot clock and the
 * high-water mark. The first sync of a boot, or a person, takes it back to nothing; later steps of a
 * synced clock add up too, so that a false time server gains no more than max_jump in a boot. A jump
 * over max_jump waits for a person if the clock was believed before it; a clock that was not (1970 at
 * boot, no RTC) may be set right by its first sync, with the brake armed.
 */
void clock_judge(struct clock_state *state, const struct clock_reading *reading, enum clock_level require,
    int64_t max_jump_us, struct clock_verdict *ret_verdict);

/*
 * A person confirms that the clock is right: unfreezes, forgets unexplained advances, and puts the
 * high-water mark at the wall clock, lower too (a poisoned mark). A wall clock before 2000 cannot be
 * right: nothing changes then. It does not raise the level: a box without RTC or sync stays unverified.
 */
void clock_confirm(struct clock_state *state, const struct clock_reading *reading);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The clocks of this machine. All times are int64_t microseconds; a name says which clock:
 *   wall  CLOCK_REALTIME, since 1970 UTC: what people mean, and what may be wrong;
 *   boot  CLOCK_BOOTTIME, since boot, never stepped, counts suspend.
 * Nothing here judges the wall clock: domain/clock_trust.h does.
 *
 * clock.c is what is shipped. clock_injected.c is its twin for test builds (make TEST_CLOCK=1):
 * it reads every value from the file that RETENTION_TEST_CLOCK names, mapped once by clock_open().
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"

#define US_PER_SECOND INT64_C(1000000)
#define US_PER_DAY (INT64_C(86400) * US_PER_SECOND)

enum { BOOT_ID_BYTES = 37 };

/* What one look at the clocks says. */
struct clock_reading {
	int64_t wall_us;
	int64_t boot_us;
	char boot_id[BOOT_ID_BYTES]; /* /proc/sys/kernel/random/boot_id */
	bool synced;                 /* adjtimex without STA_UNSYNC and without TIME_ERROR */
	bool has_rtc;                /* /sys/class/rtc holds a clock that keeps time */
	int64_t max_error_us;        /* adjtimex maxerror */
};

/* Opens what must be opened before a sandbox closes the way. Returns 0 or a negative errno. */
MUST_USE int clock_open(void);

/* Reads all clocks. Needs clock_open(). Cannot fail after it. */
void clock_read(struct clock_reading *ret_reading);

int64_t clock_wall_us(void);
int64_t clock_boot_us(void);

/* CLOCK_MONOTONIC, for measuring how long a thing took; never injected, never compared with the others. */
int64_t clock_elapsed_us(void);

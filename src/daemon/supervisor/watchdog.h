/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who opens footage waits for guard's word, so guard must never stand still. While one runs it is
 * looked at once a second: at its pulse (ipc/pulse.h) and at its state in /proc. One that stands still
 * is killed, and the kernel lets all go who wait.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"

struct child;
struct event;
struct event_base;
struct pulse;

struct watchdog {
	int pulse_fd; /* for START; -1 */
	int state_fd; /* /proc/PID/stat; -1 where it cannot be read: then the pulse alone tells */
	struct pulse *pulse;
	struct event *timer;
	int64_t seen_us; /* wall clock: last look that found it waiting for work and not stopped; 0: none yet */
	bool condemned;  /* killed already, and not gone yet */
};

#define WATCHDOG_NONE ((struct watchdog){.pulse_fd = -1, .state_fd = -1})

/* Before START: makes the pulse. 0 or a negative errno. */
MUST_USE int watchdog_prepare(struct watchdog *watchdog);
/* The program runs. 0 or a negative errno. */
MUST_USE int watchdog_begin(struct watchdog *watchdog, struct event_base *base, struct child *child);
/* Looks no more; may be called at any time, and twice. */
void watchdog_end(struct watchdog *watchdog);

/* When the process was last known to work, on the wall clock, never later than now; 0 where nobody looked. */
int64_t watchdog_alive_us(const struct watchdog *watchdog, int64_t now_us);

/*
 * NULL, or why guard stands still: `state` as the third field of /proc/PID/stat ('?' where it cannot be
 * read), the pulse's busy_since_us, and now by the same clock (clock_elapsed_us()).
 */
const char *watchdog_judge(char state, int64_t busy_since_us, int64_t now_us);
/* The state in a line of /proc/PID/stat, whose command name may have any byte in it; '?' if there is none. */
char watchdog_state_of(const char *line);

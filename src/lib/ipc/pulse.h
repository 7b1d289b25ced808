/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guard's pulse: a page that guard shares with the supervisor (a memfd in START), so that a guard that
 * stands still while others wait for its word is found without a message or a wake-up more. Guard
 * writes, the supervisor reads once a second and kills what has been busy with one turn for too long.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

struct pulse {
	_Atomic int64_t busy_since_us; /* by clock_elapsed_us(): the turn at work began; 0: it waits in poll(2) */
	_Atomic int64_t alive_us;      /* wall clock: the end of the last turn after which nothing was left to tell */
	_Atomic uint64_t turns;
	_Atomic uint64_t untold; /* 1: something waits to be told, and would be lost; alive_us stands still meanwhile */
};

enum {
	PULSE_BYTES = 4096,
	PULSE_BUSY_MAX_MS = 1500, /* waiters are freed within 3 s: looked at each second */
};

/* A sealed-size memfd, zeroed. Negative errno. */
int pulse_make(void);
/* Maps it (shared, writable); NULL with errno set. */
struct pulse *pulse_map(int fd);
void pulse_unmap(struct pulse *pulse);

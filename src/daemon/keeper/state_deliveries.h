/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is to leave the box, in state.db: one queue of alarms for all receivers, and a row for each
 * receiver and witness with the last alarm that it got. A target is named by its address, so that a
 * changed configuration keeps what still fits.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "state.h"

enum { TARGET_ADDRESS_BYTES = 1025, TARGET_ORIGIN_BYTES = 256, TARGET_ERROR_BYTES = 256, POSITION_BYTES = 300 };

struct target_row {
	char address[TARGET_ADDRESS_BYTES];
	uint8_t kind;                     /* enum delivery_kind */
	int64_t alarm;                    /* the last one that it got, or that was on record when it was added */
	int64_t last_alarm;               /* taken out of the configuration: this one is its last; else 0 */
	int64_t added_us;                 /* wall clock, as the next */
	int64_t success_us;               /* 0: never */
	char origin[TARGET_ORIGIN_BYTES]; /* of the log whose checkpoint it has; "" before the first */
	uint64_t size;                    /* of that checkpoint */
	bool conflict;                    /* a witness that knows another history of this log */
	bool behind;                      /* a witness that was told of in the log to be late */
	uint64_t lost;                    /* alarms that never got there: there were too many */
	char error[TARGET_ERROR_BYTES];   /* of the last try; "" after a success */
};

/* Targets, by address; each is called with a row of its own. 0 or a negative errno. */
MUST_USE int state_targets(
    struct state *state, int (*each)(const struct target_row *target, void *context), void *context);
/* Durable with the next change of state.db that is: what is lost in a crash is sent once more. */
MUST_USE int state_target_put(struct state *state, const struct target_row *target);
MUST_USE int state_target_remove(struct state *state, const char *address);

/*
 * Adds alarms to the queue, and notes up to where in the log alarms were looked for, in one durable commit.
 * ret_last: the number of the last (of the last ever, with a count of 0 it means nothing); numbers have no holes.
 */
MUST_USE int state_alarms_put(
    struct state *state, const char *const *bodies, size_t count, const char *position, int64_t *ret_last);
/* "ORIGIN SEQUENCE", as state_alarms_put() was told; -ENOENT before the first. */
MUST_USE int state_alarms_position(struct state *state, char position[POSITION_BYTES]);
/* The same, without alarms, as durable as state_target_put(). "" forgets it. */
MUST_USE int state_alarms_position_put(struct state *state, const char *position);
/* The first and the last number in the queue. 0 for both where it is empty. */
MUST_USE int state_alarms_range(struct state *state, int64_t *ret_first, int64_t *ret_last);
/* Up to `count` alarms after the given number, in order. */
MUST_USE int state_alarms(struct state *state, int64_t after, size_t count,
    int (*each)(int64_t number, const char *body, size_t length, void *context), void *context);
/* Removes alarms up to and with this number, as durable as state_target_put(). */
MUST_USE int state_alarms_trim(struct state *state, int64_t number);

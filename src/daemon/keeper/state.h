/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * state.db: what cannot be found again on the disks: holds, deletion intents, volumes, the clock's
 * high-water mark, the brake. Every change is on stable storage (synchronous=FULL) when its function
 * returns. A copy is made once a day and yesterday's kept (state.db.yesterday).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "domain/clock_trust.h"
#include "domain/retention.h"
#include "hold.h"

struct state;

/*
 * Opens or makes state.db. -EUCLEAN: corrupt, -EPROTONOSUPPORT: written by a newer version;
 * `message` says what to do. Nothing is changed then.
 */
MUST_USE int state_open(const char *state_dir, struct state **ret_state, char *message, size_t room);
struct state *state_close(struct state *state);
/* For the files that keep tables of their own in it: state_deliveries.c. */
struct sqlite3;
struct sqlite3 *state_database(struct state *state);
/* Makes the daily copy if a day has passed since the last. 0 or a negative errno. */
MUST_USE int state_copy(struct state *state, int64_t now_us);

/* ---- holds: stored with an outbox row, which goes when the log has the entry, so that both agree after any crash ----
 */

/* Inserts or replaces the hold and, in the same commit, an outbox row with `action` and `details` (the entry's details
 * as JSON text). log_size: where the log ended, so that a crash's leftover is looked for from there. */
MUST_USE int state_hold_put(struct state *state, const struct hold *hold, int action, const char *details,
    uint64_t log_size, int64_t *ret_outbox);
MUST_USE int state_holds(struct state *state, int (*each)(const struct hold *hold, void *context), void *context);
MUST_USE int state_hold_next_number(struct state *state, int64_t *ret_number);
MUST_USE int state_outbox_remove(struct state *state, int64_t outbox);
MUST_USE int state_outbox(struct state *state,
    int (*each)(int64_t outbox, int action, const char *details, uint64_t log_size, void *context), void *context);

/* ---- deletion intents: one row a batch, its items as bytes (deletion.c knows the form) ---- */

MUST_USE int state_intent_put(
    struct state *state, const char *root, uint64_t log_size, const void *items, size_t length, int64_t *ret_intent);
MUST_USE int state_intent_remove(struct state *state, int64_t intent);
struct intent_row {
	int64_t id;
	const char *root;
	uint64_t log_size; /* where the log ended when it was written */
	const void *items;
	size_t length;
};
MUST_USE int state_intents(
    struct state *state, int (*each)(const struct intent_row *intent, void *context), void *context);

/* ---- volumes ---- */

struct volume_row {
	char root[256];
	char uuid[65];
	char filesystem[65];
	uint64_t root_inode; /* with the birth time: the token that tells this root from one made anew on the same disk */
	int64_t root_birth_ns;
	int64_t adopted_us;
	bool observe_only; /* another box's disk */
};
MUST_USE int state_volume_get(struct state *state, const char *root, struct volume_row *ret_row);
MUST_USE int state_volume_put(struct state *state, const struct volume_row *row);

/* ---- clock, brake, and small values ---- */

MUST_USE int state_clock_get(struct state *state, struct clock_state *ret_clock);
MUST_USE int state_clock_put(struct state *state, const struct clock_state *clock);
MUST_USE int state_brake_get(struct state *state, struct brake_count *ret_brake);
MUST_USE int state_brake_put(struct state *state, const struct brake_count *brake);
/* The same, durable with the next change that is: the intent of the deletions that it counts. */
MUST_USE int state_brake_count(struct state *state, const struct brake_count *brake);
/* -ENOENT where there is none. */
MUST_USE int state_value_get(struct state *state, const char *key, char *value, size_t room);
MUST_USE int state_value_put(struct state *state, const char *key, const char *value);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Seal entries that are owed. A segment is sealed in the index at once, its entry comes when its hour is over: what a
 * crash finds between is noted with each commit of the index, and is sealed after the start. The other way round, what
 * the log has and the index lost is not sealed again. All functions take a keeper without it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "audit/entry.h"
#include "base/attributes.h"
#include "index.h"

struct keeper;
struct root;
struct owed;

/* Before rebuild.c replays the log: reads what was noted with the last commit. */
MUST_USE int owed_open(struct keeper *keeper, struct owed **ret_owed);
struct owed *owed_close(struct owed *owed);

/* The log has an entry about this segment that came after the last commit; `row`: what the index has of it, or NULL. */
void owed_replay(
    struct keeper *keeper, int64_t camera, const struct audit_segment *segment, const struct segment_row *row);
/* True, once, if an entry in the log says of it what a new one would: only the row was lost. */
bool owed_is_sealed(struct keeper *keeper, const struct segment_row *row);
/* True if an entry is owed; from now on it is the caller's business. */
bool owed_take(struct keeper *keeper, const struct segment_key *key);
/* Gives the keys of a root's segments and forgets them. */
void owed_take_root(struct keeper *keeper, const struct root *root,
    void (*each)(const struct segment_row *row, void *context), void *context);

/* With each commit: what is owed, what waits for its fingerprint, what waits for its hour. 0 or a negative errno. */
MUST_USE int owed_save(struct keeper *keeper);

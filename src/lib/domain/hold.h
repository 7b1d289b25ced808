/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Holds: footage that must stay. A hold is an interval on cameras, never a mark on segments, so placing one costs the
 * same over ten segments or four million. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/span.h"

/* This issue places `incident`; the other kinds take their places in this list when their rules exist. */
enum hold_kind { HOLD_INCIDENT };
enum hold_state {
	HOLD_ACTIVE,
	HOLD_PROVISIONAL,     /* placed by `hold now`: details are owed; escalates, never lapses */
	HOLD_RELEASE_PENDING, /* release asked for; in force until release_at */
	HOLD_RELEASED,
};

/* Reason codes of an incident hold (Camera Act). */
extern const char *const hold_reasons[]; /* ends with NULL */
/* Accepts also "disturbance_of_public_order", which maps to identify_disturber. NULL for an unknown code. */
const char *hold_reason_canonical(const char *code);

const char *hold_kind_name(enum hold_kind kind);
const char *hold_state_name(enum hold_state state);

/*
 * The merged intervals of one camera's holds, sorted and disjoint, to ask about a segment when it
 * falls due. Adding n intervals and merging costs n log n once; a question costs log n.
 */
struct hold_set {
	struct span *spans;
	size_t count;
	size_t room;
	bool merged;
};
void hold_set_init(struct hold_set *set);
void hold_set_release(struct hold_set *set);
void hold_set_clear(struct hold_set *set);
/* 0 or -ENOMEM. A span that ends at or before its start covers all from its end up to and including its start: in doubt
 * it keeps. */
MUST_USE int hold_set_add(struct hold_set *set, struct span span);
/* Must follow the last add, before a question. */
void hold_set_merge(struct hold_set *set);
/*
 * True if the segment touches a held interval, and is then held whole. Both are half-open: a segment
 * that ends at the instant a hold begins, or begins at the instant it ends, does not touch it. An end
 * at or before the start makes the segment a point, held where its instant is. Where an end is not
 * certain the caller passes the latest that it can be (segment_latest_end).
 */
bool hold_set_touches(const struct hold_set *set, int64_t start_us, int64_t end_us);
/* The first instant at or after start_us that no hold covers: where a search for deletable starts goes on. */
int64_t hold_set_skip(const struct hold_set *set, int64_t start_us);

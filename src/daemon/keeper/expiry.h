/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which segments go now, and the one reason why each other one that is due stays. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "audit/entry.h"
#include "base/attributes.h"
#include "domain/retention.h"
#include "index.h"

struct keeper;
struct expiry;
struct root;

MUST_USE int expiry_open(struct keeper *keeper, struct expiry **ret_expiry);
struct expiry *expiry_close(struct expiry *expiry);

/* Runs a pass now instead of at the next interval (settings changed, a hold ended, a root came, `deletion resume`). */
void expiry_soon(struct keeper *keeper);

/* A batch of this root has ended: the pass goes on. Called by deletion.c. */
void expiry_continue(struct keeper *keeper);
/* The deletion of a segment failed: it is tried again later, alone. Called by deletion.c. */
void expiry_failed(struct keeper *keeper, const struct segment_key *key);
void expiry_deleted(struct keeper *keeper, uint64_t segments, uint64_t bytes);

/* What stops all deletion now: KEPT_PENDING if nothing does. With the text for people. */
enum kept_reason expiry_paused(struct keeper *keeper, char *text, size_t room);

struct explanation {
	struct due due;
	enum kept_reason reason;
	char detail[256]; /* holds, errno, what to do */
	struct retention_rule rule;
};
/* Why this segment is still there and when it goes. */
void expiry_explain(struct keeper *keeper, const struct segment_row *row, const struct camera_row *camera,
    struct explanation *ret_explanation);

/* Per camera: what is overdue, by reason, and what will go next. Computed by range of the key; cheap. */
struct camera_plan {
	uint64_t overdue_segments, overdue_bytes;
	uint64_t by_reason[KEPT_REASON_COUNT];
	int32_t failed_errno;                 /* of a file that could not be deleted; 0: none */
	int64_t oldest_overdue_us;            /* start; 0 for none */
	int64_t next_due_us;                  /* when the oldest deletable segment is due; 0 for none */
	uint64_t until_segments, until_bytes; /* due from now to `until` and not held */
	uint64_t held_segments, held_bytes;   /* of those due until then */
};
MUST_USE int expiry_plan(struct keeper *keeper, const struct camera_row *camera, const struct retention_rule *rule,
    int64_t until_us, struct camera_plan *ret_plan);

/* Time was won back after a boot: the next pass asks first if it would delete an unusual amount, whatever was released
 * before. */
void expiry_arm_brake(struct keeper *keeper);
/* A person says go on after the brake: durable, with its entry (actor: borrowed). */
MUST_USE int expiry_resume(struct keeper *keeper, const struct audit_actor *actor);
const struct brake_count *expiry_brake(const struct keeper *keeper);
/* Totals since start, for status and metrics. */
struct expiry_totals {
	uint64_t deleted_segments, deleted_bytes, failed;
	int64_t last_pass_us, next_pass_us;
};
const struct expiry_totals *expiry_totals(const struct keeper *keeper);

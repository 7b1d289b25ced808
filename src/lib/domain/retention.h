/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When footage is due (Belgian Camera Act: at most one month from the recording; the operator's promise: 30 days). Pure
 * functions. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/zone.h"
#include "settings/settings.h"

enum due_bound { DUE_NEVER, DUE_BY_RETENTION, DUE_BY_LEGAL_MAXIMUM };

struct due {
	int64_t due_us; /* INT64_MAX for DUE_NEVER */
	enum due_bound bound;
};

/*
 * start + the shorter of retention and legal maximum, on the calendar of `zone`. "30 days" is never
 * early in either reading: where clocks are put forward in between, a retention in days ends at the
 * later of 30 calendar days and 30 x 24 hours. What the legal maximum bounds is due one expiry
 * interval before it (but not before start), so that it is gone in time; nothing else is ever early,
 * so where both end at the same instant retention is the bound. DUE_NEVER without a retention: unset
 * means keep, whatever the legal maximum is.
 */
struct due retention_due(
    int64_t start_us, const struct retention_rule *rule, const struct zone *zone, int64_t expiry_interval_us);

/*
 * The latest start that is due at now_us; INT64_MIN for none. No start after it is due. A bound for
 * searches, not a verdict: ask retention_due() of each segment below it, because due times are not
 * monotonic in the start (28 January 23:00 + P1M comes after 31 January 01:00 + P1M, both on 28
 * February). Starts more than four days and one expiry interval before it are all due. Costs some tens
 * of microseconds: once for a camera and pass, not for a segment.
 */
int64_t retention_due_before(
    int64_t now_us, const struct retention_rule *rule, const struct zone *zone, int64_t expiry_interval_us);

/* Why footage that is due is still there. Every overdue segment has exactly one. */
enum kept_reason {
	KEPT_NOT_DUE,
	KEPT_HELD,
	KEPT_RESTRICTED,
	KEPT_OPEN,
	KEPT_OBSERVING,
	KEPT_NO_RULE,
	KEPT_OFFLINE,
	KEPT_CLOCK,
	KEPT_BRAKE,
	KEPT_PAUSED,  /* the index is being rebuilt, or the root was not scanned yet */
	KEPT_LOG,     /* the audit log cannot be written */
	KEPT_FAILED,  /* the deletion failed; errno is stored */
	KEPT_PENDING, /* the next pass takes it */
	KEPT_FOREIGN,
	KEPT_NO_START,
	KEPT_REASON_COUNT,
};
const char *kept_reason_name(enum kept_reason reason);     /* "held": for programs */
const char *kept_reason_sentence(enum kept_reason reason); /* "a hold covers it": for people */

/* The brake: a day's deletions over `days` days of recording, and more than `minimum` segments, stop and ask. */
struct brake_count {
	int64_t window_start_us; /* the day that is counted */
	uint64_t segments;
	int64_t recording_us; /* the most that one camera lost: recording time */
	bool engaged;
	bool released; /* a person said go on; until this window ends */
};
/*
 * Whether `more_segments` with at most `more_recording_us` on one camera may go now. With `days` 0
 * there is no brake; once released all may go until the window ends; while engaged nothing may.
 * Otherwise it refuses what would bring the window over both limits: more than `minimum` segments and
 * more than `days` days of one camera's recording.
 */
MUST_USE bool brake_allows(const struct brake_count *count, uint32_t days, uint32_t minimum, uint64_t more_segments,
    int64_t more_recording_us);

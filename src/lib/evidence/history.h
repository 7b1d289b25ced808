/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the log tells of the system itself: when nobody watched or nothing was deleted, and why.
 * Periods that never end in the log reach to INT64_MAX; those that began before it from INT64_MIN.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"

enum period_kind {
	/* nobody watched, or not all can be known */
	PERIOD_BEFORE,    /* before the first entry of the log */
	PERIOD_PRUNED,    /* entries are no longer there */
	PERIOD_RENEWED,   /* the log did not hold and was begun anew */
	PERIOD_DOWN,      /* retentiond did not run */
	PERIOD_CRASH,     /* it ended without a word: seals of the last hour may be lost */
	PERIOD_OFFLINE,   /* a root was not there */
	PERIOD_OBSERVING, /* a root was only observed */
	PERIOD_REBUILT,   /* the index was lost and made anew */
	PERIOD_EXCHANGED, /* another disk was adopted as a root's own */
	PERIOD_OVERFLOW,  /* the kernel's queue of changes overflowed */
	PERIOD_UNWATCHED_LAST = PERIOD_OVERFLOW,
	/* nothing was deleted */
	PERIOD_CLOCK,
	PERIOD_BRAKE,
	PERIOD_HELD,   /* by a hold, told by its footage */
	PERIOD_RULE,   /* until it ended another rule was in force */
	PERIOD_FAILED, /* deletion of one camera's footage failed */
	PERIOD_KIND_COUNT
};

struct period {
	enum period_kind kind;
	int64_t from_us, to_us;
	char *root;                             /* or NULL: all */
	char *camera;                           /* "root/camera", or NULL: all of the root's */
	json_t *cameras;                        /* of a hold: names; NULL: all */
	char *reason;                           /* in the log's words; or NULL */
	char *hold;                             /* of a hold: its id */
	int64_t footage_from_us, footage_to_us; /* of a hold, rolls included */
	uint64_t sequence;                      /* of the entry that tells of it */
};

/* More are counted in `left_out`. */
enum { PERIODS_MAX = 20000 };

struct history {
	struct period *periods;
	size_t count, room, left_out;
	bool any;                        /* an entry was read */
	bool pruning;                    /* the next entry ends a time whose entries were pruned */
	int64_t latest_us;               /* the last entry's time */
	int64_t stopped_us;              /* the last entry before the last start */
	char *retention, *legal_maximum; /* as last told */
	int error;
};

void history_init(struct history *history);
void history_release(struct history *history);
/* Each entry of the log, in order. 0 or -ENOMEM. */
MUST_USE int history_entry(struct history *history, const json_t *entry);
/* Entries before this one were pruned, from the last history_entry() on (or from the log's beginning). */
void history_pruned(struct history *history, uint64_t first);

const char *period_name(enum period_kind kind);     /* "offline": for programs */
const char *period_sentence(enum period_kind kind); /* "a root's disk was not there": for people */
/* True where nobody watched, or not everything can be known. */
bool period_is_unwatched(const struct period *period);
/* True if the period concerns this camera ("root/camera"). */
bool period_concerns(const struct period *period, const char *camera);

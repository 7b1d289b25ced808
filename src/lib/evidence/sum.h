/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sum (`report retention`): footage recorded in a span = erased on time + erased late + held +
 * deleted by others or vanished + overdue + kept, not yet due + unaccountable. Each segment (camera,
 * start, name) is in exactly one column. Fed with every entry of the log in order and with what the
 * index has now (`report.facts`); no I/O.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/span.h"
#include "base/zone.h"

enum sum_column {
	SUM_ON_TIME,
	SUM_LATE,
	SUM_HELD,
	SUM_OTHERS,
	SUM_OVERDUE,
	SUM_KEPT,
	SUM_UNACCOUNTABLE,
	SUM_COLUMN_COUNT
};
const char *sum_column_name(enum sum_column column);  /* "erased_on_time": keys of the result */
const char *sum_column_title(enum sum_column column); /* "erased on time" */

struct sum_request {
	struct span span;
	const struct zone *zone;
	uint64_t begun;        /* sequence of the report's own entry: what was recorded after it is no part */
	int64_t now_us;        /* when the index was asked */
	int64_t interval_us;   /* expiry.interval: how late a deletion may be */
	const json_t *cameras; /* names; NULL: all */
	bool with_segments;    /* the result lists each segment */
};
/* Beside the interval: what a pass itself may take. */
#define SUM_MARGIN_US INT64_C(60000000)

struct sum;

/* The request's pointers must outlive the sum. NULL when memory is short. */
MUST_USE struct sum *sum_new(const struct sum_request *request);
/* Takes NULL. Returns NULL. */
struct sum *sum_free(struct sum *sum);
/* Entries before `first` were pruned, from the last sum_entry() on (or from the log's beginning). */
void sum_pruned(struct sum *sum, uint64_t first);
/* 0, -ENOMEM, -E2BIG (too many segments), -EBADMSG for an entry whose list of segments cannot be read. */
MUST_USE int sum_entry(struct sum *sum, const json_t *entry);
/* An answer of report.facts: one camera, a page. The same errors. */
MUST_USE int sum_facts(struct sum *sum, const json_t *page);
/*
 * Gives the verdicts. A new object: columns, cameras, total, details (what is in a column and why), unwatched
 * (intervals), copies, again (erased, and there again), finding (something is overdue or unaccountable). NULL when
 * memory is short.
 */
MUST_USE json_t *sum_result(struct sum *sum);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What expiry.c (the pass) and expiry_reason.c (why the rest stays) share. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "expiry.h"

struct hold_set;

/* ---- expiry.c ---- */

int64_t expiry_interval_us(const struct keeper *keeper);
/* Why a deletion could not be noted in this pass: a negative errno, or 0. */
int expiry_start_error(const struct keeper *keeper);

/* ---- expiry_reason.c ---- */

/* What keeps a pass from being run at all: KEPT_PENDING if nothing does. With the text for people. */
enum kept_reason pass_stopped(struct keeper *keeper, char *text, size_t room);

/* By what a camera's segments are judged. */
struct judge {
	struct keeper *keeper;
	const struct root *root;
	struct retention_rule rule;
	const struct hold_set *holds;
	int64_t now_us;
};
/* Why a segment stays as far as it and its camera say; KEPT_PENDING and KEPT_FAILED: it is due. `ret_end_us` is its
 * end, asked of its neighbour where it is not known. */
enum kept_reason judge_segment(
    const struct judge *judge, const struct segment_row *row, struct due *ret_due, int64_t *ret_end_us);

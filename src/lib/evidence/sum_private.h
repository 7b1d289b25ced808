/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What sum.c (feeding), sum_verdict.c (judging) and sum_result.c (telling) share. */
#pragma once

#include "evidence/history.h"
#include "evidence/segment_table.h"
#include "evidence/sum.h"

enum { WHO_MAX = 255 };

/* Why a segment is in its column; the numbers of enum kept_reason come first. */
enum sum_why {
	WHY_PERIOD = 32,  /* + enum period_kind: erased late, unaccountable */
	WHY_IN_TIME = 64, /* erased on time */
	WHY_FOUND_LATE,   /* erased late: first seen when it was due already */
	WHY_LATE_UNKNOWN, /* erased late: the log has no reason */
	WHY_GOING,        /* kept: due, the next pass takes it */
	WHY_NO_END,       /* unaccountable: the log tells of no end */
	WHY_WHO,          /* deleted by others: + number of who */
	WHY_COUNT = WHY_WHO + 1
};

struct sum {
	struct sum_request request;
	struct segment_table table;
	struct history history;
	char *who[WHO_MAX + 1]; /* 0: nobody was seen doing it */
	size_t who_count;
	uint64_t again, moved;
};

/* Puts each folded record into its column. */
void sum_judge(struct sum *sum);
const char *sum_why_name(const struct sum *sum, const struct segment_record *record);
const char *sum_why_text(const struct sum *sum, const struct segment_record *record);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One column for each segment. */
#include <stdlib.h>
#include <string.h>

#include "domain/retention.h"
#include "evidence/sum_private.h"

static const struct {
	const char *name, *title;
} columns[SUM_COLUMN_COUNT] = {
    [SUM_ON_TIME] = {"erased_on_time", "erased on time"},
    [SUM_LATE] = {"erased_late", "erased late"},
    [SUM_HELD] = {"held", "held"},
    [SUM_OTHERS] = {"deleted_by_others", "deleted by others or vanished"},
    [SUM_OVERDUE] = {"overdue", "overdue now"},
    [SUM_KEPT] = {"kept", "kept, not yet due"},
    [SUM_UNACCOUNTABLE] = {"unaccountable", "unaccountable"},
};

const char *sum_column_name(enum sum_column column) {
	return columns[column].name;
}

const char *sum_column_title(enum sum_column column) {
	return columns[column].title;
}

const char *sum_why_name(const struct sum *sum, const struct segment_record *record) {
	(void)sum;
	switch (record->why) {
	case WHY_IN_TIME:
		return "in_time";
	case WHY_FOUND_LATE:
		return "found_late";
	case WHY_LATE_UNKNOWN:
	case WHY_NO_END:
		return "unknown";
	case WHY_GOING:
		return "pending";
	case WHY_WHO:
		return record->who == 0 ? "unseen" : "seen";
	default:
		return record->why >= WHY_PERIOD ? period_name((enum period_kind)(record->why - WHY_PERIOD))
		                                 : kept_reason_name((enum kept_reason)record->why);
	}
}

const char *sum_why_text(const struct sum *sum, const struct segment_record *record) {
	switch (record->why) {
	case WHY_IN_TIME:
		return "within one pass of its time";
	case WHY_FOUND_LATE:
		return "it was due already when it was first seen";
	case WHY_LATE_UNKNOWN:
		return "the log names no reason";
	case WHY_GOING:
		return "it is due, and the next pass erases it";
	case WHY_NO_END:
		return "the log tells of no end, and it is not there";
	case WHY_WHO:
		return record->who == 0 ? "nobody was seen doing it" : sum->who[record->who];
	default:
		return record->why >= WHY_PERIOD ? period_sentence((enum period_kind)(record->why - WHY_PERIOD))
		                                 : kept_reason_sentence((enum kept_reason)record->why);
	}
}

static int64_t overlap(int64_t a_from, int64_t a_to, int64_t b_from, int64_t b_to) {
	int64_t from_us = a_from > b_from ? a_from : b_from, to_us = a_to < b_to ? a_to : b_to;
	return to_us > from_us ? to_us - from_us : 0;
}

static bool holds(const struct period *period, const struct segment_record *record) {
	int64_t end_us = record->start_us + (int64_t)record->length_ms * 1000;
	return record->start_us < period->footage_to_us && end_us >= period->footage_from_us;
}

/* What lasted longest of all that kept it between its time and its end. */
static uint8_t why_late(const struct sum *sum, const char *camera, const struct segment_record *record) {
	uint8_t why = WHY_LATE_UNKNOWN;
	int64_t longest_us = 0;
	if (record->seen_us > record->due_us) {
		longest_us = (record->seen_us < record->gone_us ? record->seen_us : record->gone_us) - record->due_us;
		why = WHY_FOUND_LATE;
	}
	for (size_t i = 0; i < sum->history.count; i++) {
		const struct period *period = &sum->history.periods[i];
		int64_t lasted_us = overlap(period->from_us, period->to_us, record->due_us, record->gone_us);
		if (period->kind == PERIOD_BEFORE || period->kind == PERIOD_PRUNED || period->kind == PERIOD_RENEWED ||
		    period->kind == PERIOD_CRASH || lasted_us < longest_us || lasted_us == 0 ||
		    !period_concerns(period, camera) || (period->kind == PERIOD_HELD && !holds(period, record)))
			continue;
		longest_us = lasted_us;
		why = (uint8_t)(WHY_PERIOD + period->kind);
	}
	return why;
}

static uint8_t why_no_end(const struct sum *sum, const char *camera, const struct segment_record *record) {
	uint8_t why = WHY_NO_END;
	for (size_t i = 0; i < sum->history.count; i++) {
		const struct period *period = &sum->history.periods[i];
		bool explains = (period->kind == PERIOD_REBUILT || period->kind == PERIOD_EXCHANGED) &&
		                period->to_us >= record->seen_us && period_concerns(period, camera);
		if (explains && why == WHY_NO_END)
			why = (uint8_t)(WHY_PERIOD + period->kind);
	}
	return why;
}

static void present(struct sum *sum, struct segment_record *record) {
	int64_t late_us = record->due_us == 0 ? 0 : sum->request.now_us - record->due_us;
	/* An end that the log told of after the report began is no end yet. */
	if (record->fate != 0 && record->sequence <= sum->request.begun)
		sum->again++;
	record->why = record->reason;
	if (record->held) {
		record->column = SUM_HELD;
		record->why = KEPT_HELD;
	} else if (record->reason == KEPT_NOT_DUE || record->reason == KEPT_NO_RULE) {
		record->column = SUM_KEPT;
	} else if (record->reason == KEPT_RESTRICTED) {
		record->column = SUM_HELD;
	} else if (record->reason == KEPT_PENDING && late_us <= sum->request.interval_us + SUM_MARGIN_US) {
		record->column = SUM_KEPT;
		record->why = WHY_GOING;
	} else {
		record->column = SUM_OVERDUE;
	}
}

static void judge(struct sum *sum, const char *camera, struct segment_record *record) {
	if (record->sources & SOURCE_INDEX) {
		present(sum, record);
	} else if (record->fate == SOURCE_DELETE) {
		bool late = record->due_us != 0 && record->gone_us - record->due_us > sum->request.interval_us + SUM_MARGIN_US;
		record->column = late ? SUM_LATE : SUM_ON_TIME;
		record->why = late ? why_late(sum, camera, record) : WHY_IN_TIME;
	} else if (record->fate == SOURCE_MISSING) {
		record->column = SUM_OTHERS;
		record->why = WHY_WHO;
	} else {
		record->column = SUM_UNACCOUNTABLE;
		record->why = why_no_end(sum, camera, record);
	}
}

/* ---- starts that were decided anew ---- */

/* Only the log's seal tells of it: its start or name may have been decided anew since. */
static bool is_loose(const struct segment_record *record) {
	return record->sources == SOURCE_SEAL;
}

/* Its end or presence is told, but no seal under this start and name. */
static bool is_unsealed(const struct segment_record *record) {
	return (record->sources & SOURCE_SEAL) == 0;
}

static int by_fingerprint(const void *a, const void *b) {
	const struct segment_record *const *first = a, *const *second = b;
	if ((*first)->fingerprint != (*second)->fingerprint)
		return (*first)->fingerprint < (*second)->fingerprint ? -1 : 1;
	return (*first)->start_us < (*second)->start_us ? -1 : (*first)->start_us > (*second)->start_us;
}

static int by_name(const void *a, const void *b, void *context) {
	const struct segment_record *const *first = a, *const *second = b;
	return strcmp(segment_table_name(context, *first), segment_table_name(context, *second));
}

static bool may_pair(const struct segment_record *loose, const struct segment_record *other) {
	return other->bytes_shared || other->bytes == loose->bytes;
}

/*
 * One file whose seal stands under an earlier verdict about its start (the container was read later, or it was
 * renamed): a seal without an end, and an end or a row without a seal, with the same name or fingerprint and the same
 * size. The seal is dropped; it is the same segment.
 */
static size_t pair(struct segment_record **loose, size_t loose_count, struct segment_record **others,
    size_t other_count, int (*compare)(const void *, const void *, void *), struct segment_table *table) {
	size_t paired = 0;
	for (size_t i = 0, j = 0; i < loose_count && j < other_count;) {
		int order = compare(&loose[i], &others[j], table);
		if (order == 0 && loose[i] != NULL && may_pair(loose[i], others[j])) {
			others[j]->sources |= SOURCE_SEAL;
			if (others[j]->seen_us == 0)
				others[j]->seen_us = loose[i]->seen_us;
			loose[i]->sources = 0;
			paired++;
			i++;
			j++;
		} else if (order < 0) {
			i++;
		} else {
			j++;
		}
	}
	return paired;
}

static int fingerprint_order(const void *a, const void *b, void *context) {
	const struct segment_record *const *first = a, *const *second = b;
	(void)context;
	return (*first)->fingerprint < (*second)->fingerprint ? -1 : (*first)->fingerprint > (*second)->fingerprint;
}

static size_t collect(const struct segment_camera *camera, bool (*wanted)(const struct segment_record *record),
    bool by_names, struct segment_record **list) {
	size_t count = 0;
	for (size_t i = 0; i < camera->count; i++) {
		struct segment_record *record = &camera->records[i];
		if (record->sources != 0 && wanted(record) && (by_names ? record->name != 0 : record->fingerprint != 0))
			list[count++] = record;
	}
	return count;
}

static void pair_camera(struct sum *sum, struct segment_camera *camera) {
	struct segment_record **loose = malloc((camera->count + 1) * sizeof(struct segment_record *));
	struct segment_record **others = malloc((camera->count + 1) * sizeof(struct segment_record *));
	size_t paired = 0;
	for (int names = 0; loose != NULL && others != NULL && names < 2; names++) {
		size_t loose_count = collect(camera, is_loose, names, loose);
		size_t other_count = loose_count == 0 ? 0 : collect(camera, is_unsealed, names, others);
		if (other_count == 0)
			continue;
		if (names) {
			qsort_r(loose, loose_count, sizeof(void *), by_name, &sum->table);
			qsort_r(others, other_count, sizeof(void *), by_name, &sum->table);
		} else {
			qsort(loose, loose_count, sizeof(void *), by_fingerprint);
			qsort(others, other_count, sizeof(void *), by_fingerprint);
		}
		paired += pair(loose, loose_count, others, other_count, names ? by_name : fingerprint_order, &sum->table);
	}
	free(loose);
	free(others);
	if (paired == 0)
		return;
	sum->moved += paired;
	size_t used = 0;
	for (size_t i = 0; i < camera->count; i++)
		if (camera->records[i].sources != 0)
			camera->records[used++] = camera->records[i];
	camera->count = used;
}

void sum_judge(struct sum *sum) {
	segment_table_fold(&sum->table);
	sum->again = 0;
	for (size_t i = 0; i < sum->table.camera_count; i++) {
		struct segment_camera *camera = &sum->table.cameras[i];
		pair_camera(sum, camera);
		for (size_t j = 0; j < camera->count; j++)
			judge(sum, camera->name, &camera->records[j]);
	}
}

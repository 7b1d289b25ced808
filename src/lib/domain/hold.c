/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Holds as sets of intervals, and their words. */
#include "domain/hold.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

const char *const hold_reasons[] = {"offence", "damage", "nuisance", "identify_perpetrator", "identify_disturber",
    "identify_witness", "identify_victim", NULL};

const char *hold_reason_canonical(const char *code) {
	/* The operator's rule names it so; the Camera Act has it under the people to identify. */
	if (strcmp(code, "disturbance_of_public_order") == 0)
		code = "identify_disturber";
	for (size_t i = 0; hold_reasons[i] != NULL; i++)
		if (strcmp(hold_reasons[i], code) == 0)
			return hold_reasons[i];
	return NULL;
}

const char *hold_kind_name(enum hold_kind kind) {
	return kind == HOLD_INCIDENT ? "incident" : "unknown";
}

const char *hold_state_name(enum hold_state state) {
	switch (state) {
	case HOLD_ACTIVE:
		return "active";
	case HOLD_PROVISIONAL:
		return "provisional";
	case HOLD_RELEASE_PENDING:
		return "release_pending";
	case HOLD_RELEASED:
		return "released";
	}
	return "unknown";
}

void hold_set_init(struct hold_set *set) {
	*set = (struct hold_set){.merged = true};
}

void hold_set_release(struct hold_set *set) {
	free(set->spans);
	hold_set_init(set);
}

void hold_set_clear(struct hold_set *set) {
	set->count = 0;
	set->merged = true;
}

int hold_set_add(struct hold_set *set, struct span span) {
	if (!array_room(&set->spans, &set->room, set->count, sizeof *set->spans))
		return -ENOMEM;
	if (span.to_us <= span.from_us) {
		int64_t last = span.from_us;
		span.from_us = span.to_us;
		span.to_us = last == INT64_MAX ? last : last + 1;
	}
	set->spans[set->count++] = span;
	set->merged = false;
	return 0;
}

static int compare_spans(const void *left, const void *right) {
	const struct span *a = left;
	const struct span *b = right;
	return (a->from_us > b->from_us) - (a->from_us < b->from_us);
}

void hold_set_merge(struct hold_set *set) {
	if (set->count > 1)
		qsort(set->spans, set->count, sizeof *set->spans, compare_spans);
	size_t kept = 0;
	for (size_t i = 0; i < set->count; i++) {
		struct span span = set->spans[i];
		struct span *last = kept == 0 ? NULL : &set->spans[kept - 1];
		if (last != NULL && span.from_us <= last->to_us) {
			if (span.to_us > last->to_us)
				last->to_us = span.to_us;
		} else {
			set->spans[kept++] = span;
		}
	}
	set->count = kept;
	set->merged = true;
}

/* The first span that ends after `instant_us`, or NULL. */
static const struct span *first_after(const struct hold_set *set, int64_t instant_us) {
	/* An unmerged set would answer that held footage is free. */
	assert(set->merged);
	size_t low = 0;
	size_t high = set->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (set->spans[middle].to_us > instant_us)
			high = middle;
		else
			low = middle + 1;
	}
	return low < set->count ? &set->spans[low] : NULL;
}

bool hold_set_touches(const struct hold_set *set, int64_t start_us, int64_t end_us) {
	const struct span *span = first_after(set, start_us);
	if (span == NULL)
		return false;
	return span->from_us <= start_us || span->from_us < end_us;
}

int64_t hold_set_skip(const struct hold_set *set, int64_t start_us) {
	const struct span *span = first_after(set, start_us);
	return span != NULL && span->from_us <= start_us ? span->to_us : start_us;
}

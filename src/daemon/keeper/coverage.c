/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "coverage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "audit/entry.h"
#include "base/array.h"
#include "domain/retention.h"
#include "index.h"
#include "keeper.h"
#include "roots.h"

/* Segments that are this close count as one stretch: frames fall between two files. */
#define JOIN_US (2 * US_PER_SECOND)
enum { PARTS_MAX = 500 };

enum part_kind { PART_KEPT, PART_ERASED, PART_GAP, PART_FUTURE };
static const char *const part_names[] = {"kept", "erased", "not recorded", "to come"};

struct camera_coverage {
	struct keeper *keeper;
	struct span span;
	struct coverage *total;
	json_t *parts;
	uint64_t segments, bytes;
	struct span *kept; /* merged, in order */
	size_t kept_count, kept_room;
	int64_t cursor_us; /* told up to here */
	int64_t now_us;
	int64_t first_due_us;
	struct retention_rule rule;
	const struct root *root;
	int error;
};

static void add_part(
    struct camera_coverage *coverage, struct span span, enum part_kind kind, const struct erased_row *erased) {
	int64_t length_us = span.to_us - span.from_us;
	if (length_us <= 0)
		return;
	int64_t *sums[] = {
	    &coverage->total->kept_us, &coverage->total->erased_us, &coverage->total->gap_us, &coverage->total->future_us};
	*sums[kind] += length_us;
	if (json_array_size(coverage->parts) >= PARTS_MAX)
		return;
	char from[40];
	char to[40];
	time_format_utc(span.from_us, from, sizeof from);
	time_format_utc(span.to_us, to, sizeof to);
	json_t *part = json_pack("{s:s, s:s, s:s, s:I, s:I}", "is", part_names[kind], "from", from, "to", to, "from_us",
	    (json_int_t)span.from_us, "to_us", (json_int_t)span.to_us);
	if (part != NULL && erased != NULL) {
		char at[40];
		time_format_utc(erased->at_us, at, sizeof at);
		(void)json_object_set_new(part, "erased_at", json_string(at));
		(void)json_object_set_new(part, "rule", json_string(erased->rule));
		(void)json_object_set_new(part, "sequence", json_integer((json_int_t)erased->sequence));
		(void)json_object_set_new(part, "by_us", json_boolean(erased->by_us));
	}
	(void)json_array_append_new(coverage->parts, part);
}

static int add_kept(const struct segment_row *row, void *context) {
	struct camera_coverage *coverage = context;
	int64_t end_us = row->end_us;
	if (end_us == 0)
		end_us = segment_decide_end(row->key.start_us, 0, 0, row->file.mtime_ns / 1000);
	if (row->key.start_us >= coverage->span.to_us || end_us <= coverage->span.from_us)
		return 0;
	coverage->segments++;
	coverage->bytes += row->file.bytes;
	if (coverage->first_due_us == 0) {
		struct due due = retention_due(row->key.start_us, &coverage->rule, coverage->root->zone, 0);
		coverage->first_due_us = due.bound == DUE_NEVER ? 0 : due.due_us;
	}
	struct span *last = coverage->kept_count > 0 ? &coverage->kept[coverage->kept_count - 1] : NULL;
	if (last != NULL && row->key.start_us <= last->to_us + JOIN_US) {
		last->to_us = end_us > last->to_us ? end_us : last->to_us;
		return 0;
	}
	if (!array_room(&coverage->kept, &coverage->kept_room, coverage->kept_count, sizeof *coverage->kept))
		return -ENOMEM;
	coverage->kept[coverage->kept_count++] = (struct span){row->key.start_us, end_us};
	return 0;
}

struct hole {
	struct camera_coverage *coverage;
	struct span span;
};

static int add_erased(const struct erased_row *row, void *context) {
	struct hole *hole = context;
	struct camera_coverage *coverage = hole->coverage;
	int64_t from_us = row->from_us > coverage->cursor_us ? row->from_us : coverage->cursor_us;
	int64_t to_us = row->to_us < hole->span.to_us ? row->to_us : hole->span.to_us;
	if (to_us <= from_us)
		return 0;
	if (from_us > coverage->cursor_us + JOIN_US)
		add_part(coverage, (struct span){coverage->cursor_us, from_us}, PART_GAP, NULL);
	else
		from_us = coverage->cursor_us;
	add_part(coverage, (struct span){from_us, to_us}, PART_ERASED, row);
	coverage->total->late = true;
	coverage->cursor_us = to_us;
	return 0;
}

/* What is between two kept stretches: erased, not recorded, or still to come. */
static int add_hole(struct camera_coverage *coverage, int64_t camera, int64_t to_us) {
	struct hole hole = {coverage, {coverage->cursor_us, to_us}};
	if (hole.span.to_us <= hole.span.from_us)
		return 0;
	int result = camera < 0 ? 0
	                        : index_erased(coverage->keeper->index, camera, hole.span.from_us, hole.span.to_us,
	                              add_erased, &hole);
	if (result < 0)
		return result;
	int64_t past_us = to_us < coverage->now_us ? to_us : coverage->now_us;
	if (past_us > coverage->cursor_us) {
		if (past_us > coverage->cursor_us + JOIN_US)
			add_part(coverage, (struct span){coverage->cursor_us, past_us}, PART_GAP, NULL);
		coverage->cursor_us = past_us;
	}
	add_part(coverage, (struct span){coverage->cursor_us, to_us}, PART_FUTURE, NULL);
	coverage->cursor_us = to_us;
	return 0;
}

static int cover_parts(struct camera_coverage *coverage, int64_t camera) {
	coverage->cursor_us = coverage->span.from_us;
	for (size_t i = 0; i < coverage->kept_count; i++) {
		struct span kept = coverage->kept[i];
		if (kept.from_us < coverage->span.from_us)
			kept.from_us = coverage->span.from_us;
		if (kept.to_us > coverage->span.to_us)
			kept.to_us = coverage->span.to_us;
		int result = add_hole(coverage, camera, kept.from_us);
		if (result < 0)
			return result;
		if (kept.to_us > coverage->cursor_us) {
			add_part(coverage, (struct span){coverage->cursor_us, kept.to_us}, PART_KEPT, NULL);
			coverage->cursor_us = kept.to_us;
		}
	}
	return add_hole(coverage, camera, coverage->span.to_us);
}

struct camera_search {
	const char *name;
	struct camera_row row;
	bool found;
};

static int find_camera(const struct camera_row *row, void *context) {
	struct camera_search *search = context;
	char name[2 * CAMERA_BYTES_MAX + 2];
	(void)snprintf(name, sizeof name, "%s/%s", row->root_name, row->name);
	if (strcmp(name, search->name) != 0)
		return 0;
	search->row = *row;
	search->found = true;
	return 1;
}

static int cover_camera(struct keeper *keeper, const char *name, struct span span, struct coverage *total) {
	struct camera_search search = {.name = name};
	int result = index_cameras(keeper->index, find_camera, &search);
	if (result < 0)
		return result;
	struct camera_coverage coverage = {
	    .keeper = keeper, .span = span, .total = total, .parts = json_array(), .now_us = clock_wall_us()};
	coverage.root = search.found ? roots_by_id(keeper, search.row.root) : NULL;
	result = 0;
	if (coverage.root != NULL) {
		settings_rule_for(keeper->settings, search.row.root_name, search.row.name, &coverage.rule);
		int64_t from_us = span.from_us - index_longest_us(keeper->index, search.row.id);
		result = index_range_nameless(keeper->index, search.row.id, from_us, span.to_us, add_kept, &coverage);
	}
	if (result == 0)
		result = cover_parts(&coverage, coverage.root != NULL ? search.row.id : -1);
	free(coverage.kept);
	if (result < 0) {
		json_decref(coverage.parts);
		return result;
	}
	total->segments += coverage.segments;
	total->bytes += coverage.bytes;
	if (coverage.first_due_us != 0 && (total->first_due_us == 0 || coverage.first_due_us < total->first_due_us))
		total->first_due_us = coverage.first_due_us;
	json_t *object = json_object();
	result = audit_set_bytes(object, "camera", text_of(name));
	(void)json_object_set_new(object, "segments", json_integer((json_int_t)coverage.segments));
	(void)json_object_set_new(object, "bytes", json_integer((json_int_t)coverage.bytes));
	(void)json_object_set_new(object, "parts", coverage.parts);
	(void)json_array_append_new(total->cameras, object);
	return result;
}

int coverage_compute(
    struct keeper *keeper, char *const *cameras, size_t count, struct span span, struct coverage *ret_coverage) {
	struct coverage total = {.cameras = json_array()};
	int error = total.cameras == NULL ? -ENOMEM : 0;
	for (size_t i = 0; error == 0 && i < count; i++)
		error = cover_camera(keeper, cameras[i], span, &total);
	if (error != 0) {
		coverage_release(&total);
		return error;
	}
	*ret_coverage = total;
	return 0;
}

void coverage_release(struct coverage *coverage) {
	json_decref(coverage->cameras);
	*coverage = (struct coverage){0};
}

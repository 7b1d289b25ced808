/* SPDX-License-Identifier: GPL-2.0-or-later */
/* footage list and gaps: what is indexed. explain is in methods_explain.c. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "base/clock.h"
#include "control.h"
#include "coverage.h"
#include "domain/retention.h"
#include "domain/segment.h"
#include "footage.h"
#include "holds.h"
#include "keeper.h"
#include "roots.h"

enum { LIST_MAX = 1000, LIST_DEFAULT = 200 };

int64_t footage_end(struct keeper *keeper, const struct segment_row *row) {
	if (row->end_us != 0)
		return row->end_us;
	int64_t next = index_next_start(keeper->index, row->key.camera, row->key.start_us, row->kind);
	return segment_decide_end(row->key.start_us, 0, next, row->file.mtime_ns / 1000);
}

static json_t *damage_json(uint8_t damage) {
	static const struct {
		uint8_t bit;
		const char *text;
	} WORDS[] = {{PROBE_TRUNCATED, "truncated"}, {PROBE_NO_INDEX, "no index"}, {PROBE_EMPTY, "empty"},
	    {PROBE_NO_KEYFRAME, "no keyframe"}};
	json_t *list = json_array();
	for (size_t i = 0; list && i < ARRAY_LENGTH(WORDS); i++)
		if (damage & WORDS[i].bit)
			json_array_append_new(list, json_string(WORDS[i].text));
	return list;
}

/* Officers know a closed segment as finished. */
const char *footage_state_word(enum segment_state state) {
	return state == SEGMENT_SEALED ? "finished" : segment_state_name(state);
}

json_t *footage_json(struct keeper *keeper, const struct camera_row *camera, const struct segment_row *row) {
	json_t *object = json_object();
	char path[PATH_BYTES_MAX + NAME_BYTES_MAX + 2], full[CAMERA_FULL_BYTES];
	if (!object)
		return NULL;
	const struct zone *zone = camera_zone(keeper, camera);
	if (index_path(keeper->index, row, path, sizeof(path)) < 0)
		snprintf(path, sizeof(path), "%s", row->name);
	camera_full_name(camera, full);
	int64_t end = footage_end(keeper, row);
	answer_text(object, "camera", full);
	answer_text(object, "path", path);
	answer_time(keeper, object, "start", row->key.start_us, zone);
	answer_time(keeper, object, "end", end, zone);
	json_object_set_new(object, "start_us", json_integer(row->key.start_us));
	json_object_set_new(object, "end_us", json_integer(end));
	json_object_set_new(object, "milliseconds", json_integer((end - row->key.start_us) / 1000));
	answer_integer(object, "bytes", row->file.bytes);
	answer_text(object, "state", footage_state_word(row->state));
	answer_text(object, "kind", segment_kind_name(row->kind));
	int64_t from = row->earliest_us != 0 ? row->earliest_us : row->key.start_us;
	json_object_set_new(object, "held", json_boolean(holds_touch(keeper, camera->root_name, camera->name, from, end)));
	json_object_set_new(object, "damage", damage_json(row->damage));
	if (row->has_sha256) {
		char hex[2 * HASH_BYTES + 1];
		for (size_t i = 0; i < HASH_BYTES; i++)
			snprintf(hex + 2 * i, 3, "%02x", row->sha256[i]);
		json_object_set_new(object, "sha256", json_string(hex));
	}
	return object;
}

/* ---- list ---- */

struct listing {
	struct keeper *keeper;
	const struct camera_row *camera; /* while its segments are read */
	const struct zone *zone;         /* of the last camera; NULL where there was none */
	struct retention_rule rule;
	struct span span;
	const char *state;
	int64_t interval_us, after_start_us; /* of the page before, with after_ordinal */
	int64_t after_ordinal;               /* -1: from the start */
	size_t limit;
	json_t *rows;
	struct segment_key last;
	bool more;
};

static bool state_matches(const struct listing *listing, const struct segment_row *row, const json_t *object) {
	const char *state = listing->state;
	bool held = json_is_true(json_object_get(object, "held"));
	if (!state)
		return true;
	if (strcmp(state, "held") == 0)
		return held;
	struct due due = retention_due(
	    row->key.start_us, &listing->rule, camera_zone(listing->keeper, listing->camera), listing->interval_us);
	bool is_due = due.due_us <= clock_wall_us();
	if (strcmp(state, "overdue") == 0)
		return is_due && !held;
	if (strcmp(state, "due") == 0)
		return is_due;
	if (strcmp(state, "live") == 0)
		return !is_due;
	return strcmp(state, footage_state_word(row->state)) == 0;
}

static int list_add(const struct segment_row *row, void *context) {
	struct listing *listing = context;
	bool before_page =
	    listing->after_ordinal >= 0 &&
	    (row->key.start_us < listing->after_start_us ||
	        (row->key.start_us == listing->after_start_us && (int64_t)row->key.ordinal <= listing->after_ordinal));
	if (before_page || footage_end(listing->keeper, row) < listing->span.from_us)
		return 0;
	json_t *object = footage_json(listing->keeper, listing->camera, row);
	if (!object)
		return -ENOMEM;
	if (!state_matches(listing, row, object)) {
		json_decref(object);
		return 0;
	}
	if (json_array_size(listing->rows) == listing->limit) {
		json_decref(object);
		listing->more = true;
		return 1;
	}
	listing->last = row->key;
	json_array_append_new(listing->rows, object);
	return 0;
}

static int list_camera(struct listing *listing) {
	int64_t longest = index_longest_us(listing->keeper->index, listing->camera->id);
	int64_t from = listing->span.from_us - longest;
	if (listing->after_ordinal >= 0 && listing->after_start_us > from)
		from = listing->after_start_us;
	settings_rule_for(listing->keeper->settings, listing->camera->root_name, listing->camera->name, &listing->rule);
	return index_range(
	    listing->keeper->index, listing->camera->id, from, listing->span.to_us - 1, 0, list_add, listing);
}

/* "after" is the "next" of the page before: "camera start ordinal". */
static bool cursor_read(struct request *request, const char *text, int64_t *camera, struct listing *listing) {
	if (!text)
		return true;
	if (sscanf(text, "%" SCNd64 " %" SCNd64 " %" SCNd64, camera, &listing->after_start_us, &listing->after_ordinal) ==
	        3 &&
	    listing->after_ordinal >= 0)
		return true;
	request_fail(request, CONTROL_PARAMS, "malformed", "'after' must be the 'next' of the page before");
	return false;
}

static int list_cameras(struct listing *listing, const struct camera_names *names, int64_t cursor_camera) {
	struct camera_row *list = NULL;
	size_t count = 0;
	int error = cameras_load(listing->keeper, &list, &count);
	bool reached = cursor_camera < 0;
	for (size_t i = 0; error >= 0 && i < count && !listing->more; i++) {
		char full[CAMERA_FULL_BYTES];
		camera_full_name(&list[i], full);
		bool wanted = false;
		for (size_t n = 0; n < names->count && !wanted; n++)
			wanted = strcmp(names->names[n], full) == 0;
		reached = reached || list[i].id == cursor_camera;
		if (!wanted || !reached)
			continue;
		if (list[i].id != cursor_camera)
			listing->after_ordinal = -1;
		listing->camera = &list[i];
		listing->zone = camera_zone(listing->keeper, &list[i]);
		error = list_camera(listing);
	}
	free(list);
	listing->camera = NULL;
	return error < 0 ? error : 0;
}

static void footage_list_call(struct keeper *keeper, struct request *request, const json_t *params) {
	struct listing listing = {.keeper = keeper, .after_ordinal = -1};
	struct camera_names names;
	const char *after;
	int64_t limit = LIST_DEFAULT, cursor_camera = -1;
	if (!param_text(request, params, "state", false, &listing.state) ||
	    !param_text(request, params, "after", false, &after) ||
	    !param_integer(request, params, "limit", 1, LIST_MAX, &limit) ||
	    !cursor_read(request, after, &cursor_camera, &listing) ||
	    !param_cameras(keeper, request, params, false, &names))
		return;
	if (!param_span(keeper, request, params, &names, "-24h..now", &listing.span)) {
		camera_names_release(&names);
		return;
	}
	listing.limit = (size_t)limit;
	listing.rows = json_array();
	(void)!duration_fixed_us(&keeper->settings->expiry_interval, &listing.interval_us);
	int error = list_cameras(&listing, &names, cursor_camera);
	camera_names_release(&names);
	if (error < 0) {
		json_decref(listing.rows);
		answer_index_error(request, error);
		return;
	}
	json_t *result = answer_new();
	answer_span(keeper, result, "span", listing.span, listing.zone);
	json_object_set_new(result, "segments", listing.rows);
	json_object_set_new(result, "next",
	    listing.more ? json_sprintf("%" PRId64 " %" PRId64 " %" PRIu32, listing.last.camera, listing.last.start_us,
	                       listing.last.ordinal)
	                 : json_null());
	request_reply(request, result);
}

/* ---- gaps ---- */

static void gaps_of(json_t *camera, json_t *gaps) {
	size_t i;
	json_t *part;
	json_array_foreach(json_object_get(camera, "parts"), i, part) {
		const char *is = json_string_value(json_object_get(part, "is"));
		if (!is || strcmp(is, "kept") == 0 || strcmp(is, "to come") == 0)
			continue;
		json_t *gap = json_copy(part);
		json_object_set(gap, "camera", json_object_get(camera, "camera"));
		json_array_append_new(gaps, gap);
	}
}

static void footage_gaps_call(struct keeper *keeper, struct request *request, const json_t *params) {
	struct camera_names names;
	struct span span;
	struct coverage coverage;
	if (!param_cameras(keeper, request, params, false, &names))
		return;
	if (!param_span(keeper, request, params, &names, "-24h..now", &span)) {
		camera_names_release(&names);
		return;
	}
	int error = coverage_compute(keeper, names.names, names.count, span, &coverage);
	camera_names_release(&names);
	if (error < 0) {
		answer_index_error(request, error);
		return;
	}
	json_t *result = answer_new();
	json_t *gaps = json_array();
	size_t i;
	json_t *camera;
	json_array_foreach(coverage.cameras, i, camera) gaps_of(camera, gaps);
	answer_span(keeper, result, "span", span, NULL);
	json_object_set_new(result, "not_recorded_seconds", json_integer(coverage.gap_us / US_PER_SECOND));
	json_object_set_new(result, "erased_seconds", json_integer(coverage.erased_us / US_PER_SECOND));
	json_object_set_new(result, "gaps", gaps);
	coverage_release(&coverage);
	request_reply(request, result);
}

const struct control_method methods_footage[] = {
    {"footage.list", 0, false, footage_list_call},
    {"footage.gaps", 0, false, footage_gaps_call},
    {"footage.explain", 0, false, footage_explain_call},
    {0},
};

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A hold and its coverage as answers. */
#include "hold_answer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/entry.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "coverage.h"
#include "keeper.h"

static json_t *hold_cameras(const struct hold *hold) {
	json_t *list = json_array();
	for (size_t i = 0; list && i < hold->camera_count; i++) {
		json_t *holder = json_object();
		if (holder && audit_set_bytes(holder, "name", text_of(hold->cameras[i])) == 0)
			json_array_append(list, json_object_get(holder, "name"));
		json_decref(holder);
	}
	return list;
}

json_t *hold_json(struct keeper *keeper, const struct hold *hold, bool notes) {
	json_t *object = json_object();
	if (!object)
		return NULL;
	json_object_set_new(object, "id", json_string(hold->id));
	json_object_set_new(object, "kind", json_string(hold_kind_name(hold->kind)));
	json_object_set_new(object, "state", json_string(hold_state_name(hold->state)));
	json_object_set_new(object, "all_cameras", json_boolean(hold->all_cameras));
	json_object_set_new(object, "cameras", hold_cameras(hold));
	answer_time(keeper, object, "from", hold->from_us, NULL);
	answer_time(keeper, object, "to", hold->to_us, NULL);
	json_object_set_new(object, "pre_roll_seconds", json_integer(hold->pre_roll_us / US_PER_SECOND));
	json_object_set_new(object, "post_roll_seconds", json_integer(hold->post_roll_us / US_PER_SECOND));
	answer_text(object, "reason", hold->reason[0] ? hold->reason : NULL);
	answer_text(object, "case", hold->case_reference[0] ? hold->case_reference : NULL);
	json_object_set_new(object, "case_pending", json_boolean(hold->case_pending));
	if (notes)
		answer_text(object, "note", hold->note);
	answer_time(keeper, object, "placed", hold->placed_us, NULL);
	json_object_set_new(object, "placed_by", json_integer(hold->placed_by));
	answer_text(object, "placed_by_name", hold->placed_by_name[0] ? hold->placed_by_name : NULL);
	answer_time(keeper, object, "review", hold->review_us, NULL);
	bool owed = hold_in_force(hold) && (hold->state == HOLD_PROVISIONAL || hold->case_pending);
	json_object_set_new(object, "details_owed", json_boolean(owed));
	answer_time(keeper, object, "details_due", owed ? hold->details_due_us : 0, NULL);
	answer_time(keeper, object, "release_at", hold->release_at_us, NULL);
	answer_time(keeper, object, "released", hold->released_us, NULL);
	json_object_set_new(object, "single_person", json_boolean(hold->single_person));
	json_object_set_new(object, "placed_after_part_was_erased", json_boolean(hold->late));
	return object;
}

int hold_camera_names(struct keeper *keeper, const struct hold *hold, struct camera_names *ret_names) {
	struct camera_row *list = NULL;
	struct camera_names names = {.all = hold->all_cameras};
	size_t count = hold->camera_count;
	int error = hold->all_cameras ? cameras_load(keeper, &list, &count) : 0;
	if (error < 0)
		return error;
	names.names = calloc(count + 1, sizeof(char *));
	for (size_t i = 0; names.names && i < count; i++) {
		char full[CAMERA_FULL_BYTES];
		if (list)
			camera_full_name(&list[i], full);
		names.names[i] = strdup(list ? full : hold->cameras[i]);
		if (!names.names[i])
			break;
		names.count++;
	}
	free(list);
	if (!names.names || names.count < count) {
		camera_names_release(&names);
		return -ENOMEM;
	}
	*ret_names = names;
	return 0;
}

/* "57 min 12 s" */
static const char *length_text(int64_t us, char text[48]) {
	long long seconds = us / US_PER_SECOND;
	if (seconds >= 86400)
		snprintf(text, 48, "%lld d %lld h", seconds / 86400, seconds % 86400 / 3600);
	else if (seconds >= 3600)
		snprintf(text, 48, "%lld h %lld min", seconds / 3600, seconds % 3600 / 60);
	else if (seconds >= 60)
		snprintf(text, 48, "%lld min %lld s", seconds / 60, seconds % 60);
	else
		snprintf(text, 48, "%lld s", seconds);
	return text;
}

static void coverage_say(
    struct keeper *keeper, const struct coverage *coverage, size_t cameras, char *text, size_t room) {
	char kept[48], erased[48], gap[48], future[48], moment[48], count[32];
	size_t used = (size_t)snprintf(text, room, "%s kept in %s file%s", length_text(coverage->kept_us, kept),
	    count_text(coverage->segments, count), coverage->segments == 1 ? "" : "s");
	if (cameras > 1 && used < room)
		used += (size_t)snprintf(text + used, room - used, " of %zu cameras together", cameras);
	if (used < room)
		used += coverage->erased_us > 0 ? (size_t)snprintf(text + used, room - used, "; %s already deleted",
		                                      length_text(coverage->erased_us, erased))
		                                : (size_t)snprintf(text + used, room - used, "; already deleted: none");
	if (coverage->gap_us > 0 && used < room)
		used += (size_t)snprintf(text + used, room - used, "; %s not recorded", length_text(coverage->gap_us, gap));
	if (coverage->future_us > 0 && used < room)
		used +=
		    (size_t)snprintf(text + used, room - used, "; %s still to come", length_text(coverage->future_us, future));
	if (coverage->first_due_us > 0 && used < room) {
		answer_moment(keeper, coverage->first_due_us, NULL, moment, sizeof(moment));
		(void)snprintf(text + used, room - used, ". Without a hold the first of it goes on %s", moment);
	}
}

/* Recorders lose a moment at each turn of a file: that is not "only part covered". */
static int64_t gap_tolerated_us(struct span span, size_t cameras) {
	int64_t total = (span.to_us - span.from_us) * (int64_t)(cameras > 0 ? cameras : 1);
	int64_t half_percent = total / 200;
	return half_percent > 5 * US_PER_SECOND ? half_percent : 5 * US_PER_SECOND;
}

int hold_coverage_add(struct keeper *keeper, json_t *result, const struct camera_names *names, struct span span) {
	struct coverage coverage;
	char text[512] = "";
	int error = coverage_compute(keeper, names->names, names->count, span, &coverage);
	if (error < 0)
		return error;
	json_t *object = json_object();
	answer_integer(object, "segments", coverage.segments);
	answer_integer(object, "bytes", coverage.bytes);
	json_object_set_new(object, "kept_seconds", json_integer(coverage.kept_us / US_PER_SECOND));
	json_object_set_new(object, "erased_seconds", json_integer(coverage.erased_us / US_PER_SECOND));
	json_object_set_new(object, "not_recorded_seconds", json_integer(coverage.gap_us / US_PER_SECOND));
	json_object_set_new(object, "future_seconds", json_integer(coverage.future_us / US_PER_SECOND));
	answer_time(keeper, object, "first_due", coverage.first_due_us, NULL);
	json_object_set_new(object, "placed_after_part_was_erased", json_boolean(coverage.late));
	json_object_set(object, "cameras", coverage.cameras);
	bool complete =
	    coverage.erased_us == 0 && !coverage.late && coverage.gap_us <= gap_tolerated_us(span, names->count);
	coverage_say(keeper, &coverage, names->count, text, sizeof(text));
	json_object_set_new(result, "complete", json_boolean(complete));
	json_object_set_new(result, "coverage_text", json_string(text));
	json_object_set_new(result, "coverage", object);
	coverage_release(&coverage);
	return 0;
}

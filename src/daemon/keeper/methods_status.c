/* SPDX-License-Identifier: GPL-2.0-or-later */
/* status, camera list and show, and the rows of doctor and metrics. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "audit/writer.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "control.h"
#include "domain/retention.h"
#include "expiry.h"
#include "keeper.h"
#include "lookup.h"
#include "media.h"
#include "methods.h"
#include "observation.h"
#include "outbox.h"
#include "overview.h"
#include "record.h"
#include "roots.h"
#include "timekeeping.h"

static json_t *by_reason_json(const struct camera_plan *plan) {
	json_t *object = json_object();
	for (int reason = 0; object && reason < KEPT_REASON_COUNT; reason++)
		if (plan->by_reason[reason] > 0)
			answer_integer(object, kept_reason_name((enum kept_reason)reason), plan->by_reason[reason]);
	return object;
}

static json_t *camera_json(
    struct keeper *keeper, const struct overview *overview, const struct overview_camera *camera) {
	json_t *object = json_object();
	if (!object)
		return NULL;
	const struct camera_row *row = &camera->row;
	const struct zone *zone = camera_zone(keeper, row);
	char full[CAMERA_FULL_BYTES];
	camera_full_name(row, full);
	answer_text(object, "camera", full);
	answer_text(object, "root", row->root_name);
	answer_text(object, "name", row->name);
	answer_integer(object, "segments", row->segments);
	answer_integer(object, "bytes", row->bytes);
	answer_integer(object, "not_finished", row->not_sealed);
	answer_time(keeper, object, "oldest", row->oldest_us, zone);
	answer_time(keeper, object, "newest", row->newest_us, zone);
	int64_t kept_us = row->oldest_us > 0 && overview->now_us > row->oldest_us ? overview->now_us - row->oldest_us : 0;
	json_object_set_new(object, "kept_seconds", json_integer(kept_us / US_PER_SECOND));
	json_object_set_new(object, "rule", overview_rule(&camera->rule));
	answer_integer(object, "overdue_segments", camera->plan.overdue_segments);
	answer_integer(object, "overdue_bytes", camera->plan.overdue_bytes);
	json_object_set_new(object, "overdue_by_reason", by_reason_json(&camera->plan));
	answer_integer(object, "past_limit", camera->past_limit);
	answer_time(keeper, object, "oldest_overdue", camera->plan.oldest_overdue_us, zone);
	answer_time(keeper, object, "next_due", camera->plan.next_due_us, zone);
	answer_integer(object, "deleted_by_others", camera->others_segments);
	return object;
}

static json_t *cameras_json(struct keeper *keeper, const struct overview *overview) {
	json_t *list = json_array();
	for (size_t i = 0; list && i < overview->camera_count; i++)
		json_array_append_new(list, camera_json(keeper, overview, &overview->cameras[i]));
	return list;
}

static json_t *root_json(struct keeper *keeper, const struct overview *overview, const struct root *root) {
	json_t *object = json_object();
	if (!object)
		return NULL;
	const struct root_settings *settings = root->settings;
	answer_text(object, "root", settings->name);
	answer_text(object, "path", settings->path);
	answer_text(object, "layout", settings->layout ? settings->layout->name : NULL);
	answer_text(object, "state", root_state_name(root->state));
	answer_text(object, "reason", root->state == ROOT_OFFLINE ? root->reason : NULL);
	answer_time(keeper, object, "since", root->since_us, root->zone);
	answer_text(object, "mode", settings->mode == ROOT_ENFORCE ? "enforce" : "observe");
	answer_time(keeper, object, "observing_since", root->observing_since_us, root->zone);
	json_object_set_new(object, "deletes", json_boolean(root_may_delete(root)));
	answer_integer(object, "past_limit", overview_root_past_limit(overview, settings->name));
	answer_text(object, "volume", root->uuid);
	answer_text(object, "filesystem", root->filesystem);
	answer_integer(object, "bytes_total", root->found.bytes_total);
	answer_integer(object, "bytes_free", root->found.bytes_free);
	json_object_set_new(object, "read_only", json_boolean(root->found.read_only));
	answer_integer(object, "folders", root->coverage.folders);
	answer_integer(object, "folders_watched", root->coverage.watched);
	answer_integer(object, "watch_limit", root->coverage.limit);
	answer_integer(object, "watch_overflows", root->coverage.overflows);
	answer_integer(object, "not_recognised", root->foreign);
	json_object_set_new(object, "observation", observation_root_json(keeper, root));
	return object;
}

json_t *roots_json(struct keeper *keeper, const struct overview *overview) {
	json_t *list = json_array();
	for (size_t i = 0; list && i < roots_count(keeper); i++)
		json_array_append_new(list, root_json(keeper, overview, roots_get(keeper, i)));
	return list;
}

json_t *clock_json(struct keeper *keeper) {
	const struct clock_verdict *verdict = timekeeping_judge(keeper);
	const struct clock_state *state = timekeeping_state(keeper);
	json_t *object = json_object();
	if (!object)
		return NULL;
	answer_text(object, "level", clock_level_name(verdict->level));
	answer_text(object, "required", clock_level_name(keeper->settings->clock.require));
	json_object_set_new(object, "trusted", json_boolean(verdict->trusted));
	json_object_set_new(object, "frozen", json_boolean(state->frozen));
	answer_text(object, "reason", verdict->reason);
	answer_time(keeper, object, "frozen_since", state->frozen ? state->frozen_since_us : 0, NULL);
	return object;
}

json_t *deletion_json(struct keeper *keeper, const struct overview *overview) {
	char text[256] = "";
	enum kept_reason paused = expiry_paused(keeper, text, sizeof(text));
	const struct expiry_totals *totals = expiry_totals(keeper);
	json_t *object = json_object();
	if (!object)
		return NULL;
	json_object_set_new(object, "paused", json_boolean(paused != KEPT_PENDING));
	answer_text(object, "reason", paused != KEPT_PENDING ? kept_reason_name(paused) : NULL);
	answer_text(object, "text", paused != KEPT_PENDING ? (text[0] ? text : kept_reason_sentence(paused)) : NULL);
	answer_time(keeper, object, "last_pass", totals->last_pass_us, NULL);
	answer_time(keeper, object, "next_pass", totals->next_pass_us, NULL);
	answer_integer(object, "deleted_segments", totals->deleted_segments);
	answer_integer(object, "deleted_bytes", totals->deleted_bytes);
	answer_integer(object, "failed", totals->failed);
	answer_integer(object, "overdue_segments", overview->overdue);
	answer_integer(object, "past_limit", overview->past_limit);
	answer_integer(object, "overdue_held", overview->held_overdue);
	return object;
}

static json_t *log_json(struct keeper *keeper) {
	struct audit_writer *writer = record_writer(keeper);
	json_t *object = json_object();
	if (!object)
		return NULL;
	answer_text(object, "origin", audit_writer_origin(writer));
	answer_integer(object, "entries", audit_writer_size(writer));
	answer_integer(object, "published", audit_writer_published(writer));
	answer_integer(object, "looked_up", lookup_size(keeper));
	json_object_set_new(object, "writable", json_boolean(record_writable(keeper)));
	return object;
}

static json_t *holds_json(const struct overview *overview) {
	json_t *object = json_object();
	if (!object)
		return NULL;
	answer_integer(object, "in_force", overview->holds);
	answer_integer(object, "provisional", overview->provisional);
	answer_integer(object, "release_pending", overview->release_pending);
	answer_integer(object, "review_overdue", overview->review_overdue);
	answer_integer(object, "details_owed", overview->details_owed);
	return object;
}

/* The one sentence on top. */
static void status_sentence(const struct overview *overview, size_t attention, char *text, size_t room) {
	char count[32];
	if (attention > 0)
		snprintf(text, room, "NOT IN ORDER: %s", attention == 1 ? "one thing needs you" : "these need you");
	else if (overview->camera_count == 0)
		snprintf(text, room, "In order, but no footage has been seen yet");
	else if (overview->held_overdue > 0)
		snprintf(text, room, "In order: what is past its limit is gone, except %s files under a hold",
		    count_text(overview->held_overdue, count));
	else
		snprintf(text, room, "In order: nothing is kept past its limit");
}

static void status_call(struct keeper *keeper, struct request *request, const json_t *params) {
	(void)params;
	struct overview overview;
	if (!overview_for_request(keeper, request, clock_wall_us() + US_PER_DAY, &overview))
		return;
	json_t *result = answer_new();
	json_t *attention = overview_attention(keeper, &overview);
	char sentence[256];
	status_sentence(&overview, json_array_size(attention), sentence, sizeof(sentence));
	json_object_set_new(result, "version", json_string(RETENTION_VERSION));
	answer_time(keeper, result, "now", overview.now_us, NULL);
	answer_time(keeper, result, "started", keeper->started_us, NULL);
	json_object_set_new(result, "in_order", json_boolean(json_array_size(attention) == 0));
	json_object_set_new(result, "answer", json_string(sentence));
	json_object_set_new(result, "attention", attention);
	json_object_set_new(result, "notes", overview_notes(keeper, &overview));
	json_object_set_new(result, "cameras", cameras_json(keeper, &overview));
	json_object_set_new(result, "roots", roots_json(keeper, &overview));
	json_object_set_new(result, "holds", holds_json(&overview));
	json_object_set_new(result, "clock", clock_json(keeper));
	json_object_set_new(result, "deletion", deletion_json(keeper, &overview));
	json_object_set_new(result, "log", log_json(keeper));
	json_object_set_new(result, "observation", observation_json(keeper));
	json_object_set_new(result, "publish", outbox_json(keeper));
	json_object_set_new(result, "media", json_pack("{s:I}", "waiting", (json_int_t)media_waiting(keeper)));
	json_object_set_new(result, "index", json_pack("{s:b}", "rebuilding", keeper->index_rebuilding));
	overview_release(&overview);
	request_reply(request, result);
}

static void camera_list_call(struct keeper *keeper, struct request *request, const json_t *params) {
	(void)params;
	struct overview overview;
	if (!overview_for_request(keeper, request, clock_wall_us() + US_PER_DAY, &overview))
		return;
	json_t *result = answer_new();
	json_object_set_new(result, "cameras", cameras_json(keeper, &overview));
	overview_release(&overview);
	request_reply(request, result);
}

static const struct camera_settings *camera_settings_of(
    const struct settings *settings, const struct camera_row *camera) {
	char full[CAMERA_FULL_BYTES];
	camera_full_name(camera, full);
	const struct camera_settings *found = NULL;
	for (size_t i = 0; i < settings->camera_count; i++) {
		if (strcmp(settings->cameras[i].camera, full) == 0)
			return &settings->cameras[i];
		if (strcmp(settings->cameras[i].camera, camera->name) == 0)
			found = &settings->cameras[i];
	}
	return found;
}

static void camera_show_call(struct keeper *keeper, struct request *request, const json_t *params) {
	const char *given;
	struct camera_row camera;
	struct overview overview;
	if (!param_text(request, params, "camera", true, &given) || !param_camera(keeper, request, given, &camera))
		return;
	if (!overview_for_request(keeper, request, clock_wall_us() + US_PER_DAY, &overview))
		return;
	json_t *result = answer_new();
	for (size_t i = 0; i < overview.camera_count; i++)
		if (overview.cameras[i].row.id == camera.id) {
			json_t *object = camera_json(keeper, &overview, &overview.cameras[i]);
			json_object_update(result, object);
			json_decref(object);
		}
	const struct root *root = roots_by_id(keeper, camera.root);
	const struct camera_settings *settings = camera_settings_of(keeper->settings, &camera);
	answer_text(result, "layout", root && root->settings->layout ? root->settings->layout->title : NULL);
	answer_text(result, "zone", zone_name(camera_zone(keeper, &camera)));
	answer_text(
	    result, "recorder_setting", root && root->settings->layout ? root->settings->layout->recorder_setting : NULL);
	json_object_set_new(result, "sound", json_boolean(!settings || settings->sound));
	answer_text(result, "sound_basis", settings ? settings->sound_basis : NULL);
	overview_release(&overview);
	request_reply(request, result);
}

const struct control_method methods_status[] = {
    {"status", 0, false, status_call},
    {"doctor", 0, false, doctor_call},
    {"metrics", 0, false, metrics_call},
    {"camera.list", 0, false, camera_list_call},
    {"camera.show", 0, false, camera_show_call},
    {0},
};

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* deletion plan, status, resume. */
#include <string.h>

#include "answer.h"
#include "base/clock.h"
#include "control.h"
#include "domain/retention.h"
#include "expiry.h"
#include "holds.h"
#include "keeper.h"
#include "methods.h"
#include "overview.h"
#include "roots.h"

static json_t *brake_json(struct keeper *keeper) {
	const struct brake_count *brake = expiry_brake(keeper);
	json_t *object = json_object();
	if (!object)
		return NULL;
	json_object_set_new(object, "engaged", json_boolean(brake->engaged));
	json_object_set_new(object, "released", json_boolean(brake->released));
	answer_integer(object, "segments_today", brake->segments);
	json_object_set_new(object, "recording_seconds_today", json_integer(brake->recording_us / US_PER_SECOND));
	answer_time(keeper, object, "day_began", brake->window_start_us, NULL);
	json_object_set_new(object, "stops_over_days", json_integer(keeper->settings->brake.days));
	json_object_set_new(object, "stops_over_segments", json_integer(keeper->settings->brake.minimum));
	return object;
}

/* The one reason that holds back most of what is overdue. */
static const char *blocked_by(const struct camera_plan *plan) {
	int most = -1;
	for (int reason = 0; reason < KEPT_REASON_COUNT; reason++)
		if (plan->by_reason[reason] > 0 && reason != KEPT_PENDING &&
		    (most < 0 || plan->by_reason[reason] > plan->by_reason[most]))
			most = reason;
	return most < 0 ? NULL : kept_reason_sentence((enum kept_reason)most);
}

static json_t *plan_json(
    struct keeper *keeper, const struct overview_camera *camera, int64_t until_us, int64_t interval_us) {
	json_t *object = json_object();
	char full[CAMERA_FULL_BYTES], holds[512] = "";
	if (!object)
		return NULL;
	const struct camera_row *row = &camera->row;
	const struct camera_plan *plan = &camera->plan;
	const struct zone *zone = camera_zone(keeper, row);
	camera_full_name(row, full);
	answer_text(object, "camera", full);
	answer_integer(object, "segments", plan->until_segments);
	answer_integer(object, "bytes", plan->until_bytes);
	answer_time(keeper, object, "first", plan->next_due_us, zone);
	answer_integer(object, "held_segments", plan->held_segments);
	answer_integer(object, "held_bytes", plan->held_bytes);
	if (plan->held_segments > 0 && row->oldest_us > 0) {
		int64_t last = retention_due_before(until_us, &camera->rule, zone, interval_us);
		holds_naming(keeper, row->root_name, row->name, (struct span){.from_us = row->oldest_us, .to_us = last}, holds,
		    sizeof(holds));
	}
	answer_text(object, "holds", holds[0] ? holds : NULL);
	answer_integer(object, "overdue_segments", plan->overdue_segments);
	answer_integer(object, "overdue_bytes", plan->overdue_bytes);
	answer_text(object, "kept_because", blocked_by(plan));
	const struct root *root = roots_by_id(keeper, row->root);
	json_object_set_new(object, "deletes", json_boolean(root && root_may_delete(root)));
	return object;
}

static void deletion_plan_call(struct keeper *keeper, struct request *request, const json_t *params) {
	struct overview overview;
	int64_t until = clock_wall_us() + US_PER_DAY, interval_us = 0;
	if (!param_instant(keeper, request, params, "until", &until))
		return;
	if (!overview_for_request(keeper, request, until, &overview))
		return;
	(void)!duration_fixed_us(&keeper->settings->expiry_interval, &interval_us);
	json_t *result = answer_new();
	json_t *list = json_array();
	uint64_t segments = 0, bytes = 0, held = 0, waiting = 0;
	for (size_t i = 0; i < overview.camera_count; i++) {
		const struct camera_plan *plan = &overview.cameras[i].plan;
		json_array_append_new(list, plan_json(keeper, &overview.cameras[i], until, interval_us));
		const struct root *root = roots_by_id(keeper, overview.cameras[i].row.root);
		bool deletes = root && root_may_delete(root);
		segments += deletes ? plan->until_segments : 0;
		bytes += deletes ? plan->until_bytes : 0;
		waiting += deletes ? 0 : plan->until_segments;
		held += plan->held_segments;
	}
	answer_time(keeper, result, "now", overview.now_us, NULL);
	answer_time(keeper, result, "until", until, NULL);
	answer_integer(result, "segments", segments);
	answer_integer(result, "bytes", bytes);
	answer_integer(result, "held_segments", held);
	answer_integer(result, "waiting_segments", waiting);
	json_object_set_new(result, "cameras", list);
	json_object_set_new(result, "deletion", deletion_json(keeper, &overview));
	overview_release(&overview);
	request_reply(request, result);
}

static void deletion_status_call(struct keeper *keeper, struct request *request, const json_t *params) {
	(void)params;
	struct overview overview;
	if (!overview_for_request(keeper, request, clock_wall_us() + US_PER_DAY, &overview))
		return;
	json_t *result = answer_new();
	json_t *deletion = deletion_json(keeper, &overview);
	json_object_update(result, deletion);
	json_decref(deletion);
	json_object_set_new(result, "brake", brake_json(keeper));
	overview_release(&overview);
	request_reply(request, result);
}

static void deletion_resume_call(struct keeper *keeper, struct request *request, const json_t *params) {
	const struct brake_count *brake = expiry_brake(keeper);
	if (!brake->engaged) {
		request_fail(request, CONTROL_REFUSED, "not_paused",
		    "deletion is not paused by the brake; `retentionctl deletion status` says what keeps it");
		return;
	}
	if (!param_flag(params, "dry_run")) {
		struct audit_actor actor;
		request_actor(request, &actor);
		int error = expiry_resume(keeper, &actor);
		if (error < 0) {
			request_fail(request, CONTROL_INTERNAL, "not_durable", "deletion stays paused: %s", strerror(-error));
			return;
		}
	}
	json_t *result = answer_new();
	json_object_set_new(result, "resumed", json_boolean(!param_flag(params, "dry_run")));
	json_object_set_new(result, "brake", brake_json(keeper));
	request_reply(request, result);
}

const struct control_method methods_deletion[] = {
    {"deletion.plan", 0, false, deletion_plan_call},
    {"deletion.status", 0, false, deletion_status_call},
    {"deletion.resume", 1u << ROLE_ADMIN, true, deletion_resume_call},
    {0},
};

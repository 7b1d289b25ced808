/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hold list, show, coverage, widen, review, release. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "audit/entry.h"
#include "base/clock.h"
#include "control.h"
#include "hold_answer.h"
#include "hold_change.h"
#include "holds.h"
#include "index.h"
#include "keeper.h"

static const struct hold *param_hold(struct keeper *keeper, struct request *request, const json_t *params) {
	const char *id;
	if (!param_text(request, params, "id", true, &id))
		return NULL;
	const struct hold *hold = holds_find(keeper, id);
	if (!hold)
		request_fail(
		    request, CONTROL_NOT_FOUND, "hold", "there is no hold '%.40s'; `retentionctl hold list` shows them", id);
	return hold;
}

static const struct hold *param_hold_in_force(struct keeper *keeper, struct request *request, const json_t *params) {
	const struct hold *hold = param_hold(keeper, request, params);
	if (hold && !hold_in_force(hold)) {
		request_fail(
		    request, CONTROL_REFUSED, "released", "%s was released; place a new hold (--like %s)", hold->id, hold->id);
		return NULL;
	}
	return hold;
}

/* ---- reading ---- */

static bool list_wants(const struct hold *hold, const char *state, const char *reference, bool owed) {
	if (owed && !(hold_in_force(hold) && (hold->case_pending || hold->state == HOLD_PROVISIONAL)))
		return false;
	if (reference && strcmp(reference, hold->case_reference) != 0)
		return false;
	if (!state)
		return hold_in_force(hold);
	return strcmp(state, "all") == 0 || strcmp(state, hold_state_name(hold->state)) == 0;
}

void hold_list_call(struct keeper *keeper, struct request *request, const json_t *params) {
	enum { LISTED_MAX = 2000 };
	const char *state, *reference;
	if (!param_text(request, params, "state", false, &state) || !param_text(request, params, "case", false, &reference))
		return;
	json_t *list = json_array();
	bool more = false;
	for (size_t i = holds_count(keeper); i > 0 && !more; i--) {
		const struct hold *hold = holds_get(keeper, i - 1);
		if (!list_wants(hold, state, reference, param_flag(params, "owed")))
			continue;
		more = json_array_size(list) == LISTED_MAX;
		if (!more)
			json_array_append_new(list, hold_json(keeper, hold, false));
	}
	json_t *result = answer_new();
	json_object_set_new(result, "holds", list);
	json_object_set_new(result, "more", json_boolean(more));
	request_reply(request, result);
}

void hold_show_call(struct keeper *keeper, struct request *request, const json_t *params) {
	const struct hold *hold = param_hold(keeper, request, params);
	if (!hold)
		return;
	json_t *result = answer_new();
	json_t *object = hold_json(keeper, hold, true);
	json_object_update(result, object);
	json_decref(object);
	request_reply(request, result);
}

static int coverage_of(struct keeper *keeper, json_t *result, const struct hold *hold) {
	struct camera_names names;
	int error = hold_camera_names(keeper, hold, &names);
	if (error < 0)
		return error;
	error = hold_coverage_add(keeper, result, &names, (struct span){.from_us = hold->from_us, .to_us = hold->to_us});
	camera_names_release(&names);
	return error;
}

void hold_coverage_call(struct keeper *keeper, struct request *request, const json_t *params) {
	const struct hold *hold = param_hold(keeper, request, params);
	if (!hold)
		return;
	json_t *result = answer_new();
	json_object_set_new(result, "id", json_string(hold->id));
	answer_span(keeper, result, "span", (struct span){.from_us = hold->from_us, .to_us = hold->to_us}, NULL);
	int error = coverage_of(keeper, result, hold);
	if (error < 0) {
		json_decref(result);
		answer_index_error(request, error);
		return;
	}
	request_reply(request, result);
}

static int erased_one(const struct erased_row *row, void *context) {
	(void)row;
	*(bool *)context = true;
	return 1;
}

static bool camera_named(const struct camera_names *names, const struct camera_row *camera) {
	char full[CAMERA_FULL_BYTES];
	camera_full_name(camera, full);
	for (size_t i = 0; i < names->count; i++)
		if (strcmp(names->names[i], full) == 0)
			return true;
	return false;
}

bool hold_reaches_erased(struct keeper *keeper, const struct camera_names *names, struct span span) {
	struct camera_row *list = NULL;
	size_t count = 0;
	bool erased = false;
	if (cameras_load(keeper, &list, &count) < 0)
		return false;
	for (size_t i = 0; i < count && !erased; i++)
		if (camera_named(names, &list[i]) &&
		    index_erased(keeper->index, list[i].id, span.from_us, span.to_us, erased_one, &erased) < 0)
			break;
	free(list);
	return erased;
}

/* ---- changing ---- */

/* Makes the changed copy durable and answers with it. */
static void change(struct keeper *keeper, struct request *request, const struct hold *hold, bool with_coverage) {
	struct audit_actor actor;
	request_actor(request, &actor);
	int error = holds_change(keeper, hold, &actor);
	if (error < 0) {
		request_fail(request, CONTROL_INTERNAL, "not_durable", "%s was NOT changed: %s", hold->id, strerror(-error));
		return;
	}
	json_t *result = answer_new();
	json_object_set_new(result, "id", json_string(hold->id));
	json_object_set_new(result, "hold", hold_json(keeper, hold, true));
	if (with_coverage && coverage_of(keeper, result, hold) < 0)
		json_object_set_new(result, "coverage", json_null());
	json_t *event = hold_json(keeper, hold, false);
	control_event(keeper, "hold.changed", event);
	json_decref(event);
	request_reply(request, result);
}

static void dry_run_answer(struct keeper *keeper, struct request *request, const struct hold *hold) {
	json_t *result = answer_new();
	json_object_set_new(result, "dry_run", json_true());
	json_object_set_new(result, "id", json_string(hold->id));
	json_object_set_new(result, "hold", hold_json(keeper, hold, true));
	if (coverage_of(keeper, result, hold) < 0)
		json_object_set_new(result, "coverage", json_null());
	request_reply(request, result);
}

static void change_or_show(
    struct keeper *keeper, struct request *request, const json_t *params, const struct hold *hold) {
	if (param_flag(params, "dry_run"))
		dry_run_answer(keeper, request, hold);
	else
		change(keeper, request, hold, true);
}

void hold_widen_call(struct keeper *keeper, struct request *request, const json_t *params) {
	const struct hold *hold = param_hold_in_force(keeper, request, params);
	struct camera_names names;
	struct hold wider;
	struct span span;
	if (!hold)
		return;
	if (hold_camera_names(keeper, hold, &names) < 0 || hold_copy(&wider, hold) < 0) {
		request_fail(request, CONTROL_INTERNAL, "memory", "out of memory");
		return;
	}
	bool ready = param_span(keeper, request, params, &names, NULL, &span) && hold_span_check(keeper, request, span);
	if (ready && span.from_us >= hold->from_us && span.to_us <= hold->to_us) {
		request_fail(request, CONTROL_PARAMS, "not_wider", "%s covers that already", hold->id);
		ready = false;
	}
	if (ready) {
		wider.from_us = span.from_us < hold->from_us ? span.from_us : hold->from_us;
		wider.to_us = span.to_us > hold->to_us ? span.to_us : hold->to_us;
		wider.late = wider.late || hold_reaches_erased(keeper, &names, (struct span){wider.from_us, wider.to_us});
		change_or_show(keeper, request, params, &wider);
	}
	camera_names_release(&names);
	hold_release(&wider);
}

/* The next review date, and the details that a provisional hold owes. */
static bool review_take(struct keeper *keeper, struct request *request, const json_t *params, struct hold *hold) {
	const char *reason, *reference, *note;
	if (!param_text(request, params, "reason", false, &reason) ||
	    !param_text(request, params, "case", false, &reference) || !param_text(request, params, "note", false, &note))
		return false;
	if (!json_object_get(params, "next") && !reason && !reference && !note) {
		request_fail(request, CONTROL_PARAMS, "missing",
		    "say the next review with --next DATE, or what is owed with --reason, --case, --note");
		return false;
	}
	if ((reason && !hold_reason_take(request, reason, hold)) ||
	    (reference && !hold_case_take(keeper, request, reference, hold)) ||
	    (note && !hold_note_take(request, note, hold)) ||
	    !param_instant(keeper, request, params, "next", &hold->review_us))
		return false;
	if (json_object_get(params, "next") && hold->review_us <= clock_wall_us()) {
		request_fail(request, CONTROL_PARAMS, "review", "the next review must lie in the future");
		return false;
	}
	if (hold->state == HOLD_PROVISIONAL && hold->reason[0] && reference)
		hold->state = HOLD_ACTIVE;
	if (hold->state == HOLD_ACTIVE && !hold->case_pending)
		hold->details_due_us = 0;
	return true;
}

void hold_review_call(struct keeper *keeper, struct request *request, const json_t *params) {
	const struct hold *hold = param_hold_in_force(keeper, request, params);
	struct hold reviewed;
	if (!hold)
		return;
	if (hold_copy(&reviewed, hold) < 0) {
		request_fail(request, CONTROL_INTERNAL, "memory", "out of memory");
		return;
	}
	if (review_take(keeper, request, params, &reviewed))
		change_or_show(keeper, request, params, &reviewed);
	hold_release(&reviewed);
}

void hold_release_call(struct keeper *keeper, struct request *request, const json_t *params) {
	const struct hold *hold = param_hold_in_force(keeper, request, params);
	struct audit_actor actor;
	int64_t release_at = 0;
	char id[HOLD_ID_BYTES];
	if (!hold)
		return;
	if (param_flag(params, "dry_run")) {
		dry_run_answer(keeper, request, hold);
		return;
	}
	if (keeper->settings->holds.two_person) {
		request_fail(request, CONTROL_APPROVAL, "second_person_required",
		    "releasing %s needs a second person (holds.two_person = true), and approvals are not in this version; "
		    "with two_person = false one person may release, and the log says so",
		    hold->id);
		return;
	}
	if (hold->state == HOLD_RELEASE_PENDING) {
		request_fail(request, CONTROL_REFUSED, "release_pending", "the release of %s was asked for already", hold->id);
		return;
	}
	memcpy(id, hold->id, sizeof(id));
	request_actor(request, &actor);
	int error = holds_release_ask(keeper, id, &actor, &release_at);
	if (error < 0) {
		request_fail(request, CONTROL_INTERNAL, "not_durable", "%s stays as it is: %s", id, strerror(-error));
		return;
	}
	json_t *result = answer_new();
	json_object_set_new(result, "id", json_string(id));
	json_object_set_new(result, "state", json_string(hold_state_name(HOLD_RELEASE_PENDING)));
	answer_time(keeper, result, "release_at", release_at, NULL);
	control_event(keeper, "hold.release", result);
	request_reply(request, result);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hold now, preview, place: building a hold from parameters, and the answer with its coverage. The rest is in
 * methods_hold_change.c. */
#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "answer.h"
#include "audit/entry.h"
#include "base/clock.h"
#include "base/duration.h"
#include "control.h"
#include "domain/hold.h"
#include "hold_answer.h"
#include "hold_change.h"
#include "holds.h"
#include "keeper.h"

enum { NOTE_BYTES_LIMIT = 4096 };

int64_t hold_duration_us(const struct duration *duration) {
	int64_t us = 0;
	return duration_fixed_us(duration, &us) ? us : duration_longest_seconds(duration) * US_PER_SECOND;
}

bool hold_case_take(struct keeper *keeper, struct request *request, const char *text, struct hold *hold) {
	regex_t pattern;
	const char *source = keeper->settings->holds.case_pattern;
	if (strcmp(text, "pending") == 0) {
		hold->case_pending = true;
		hold->case_reference[0] = '\0';
		hold->details_due_us = clock_wall_us() + US_PER_DAY;
		return true;
	}
	bool fits = strlen(text) < sizeof(hold->case_reference);
	if (fits && source && source[0] && regcomp(&pattern, source, REG_EXTENDED | REG_NOSUB) == 0) {
		fits = regexec(&pattern, text, 0, NULL, 0) == 0;
		regfree(&pattern);
	}
	if (!fits) {
		request_fail(request, CONTROL_PARAMS, "case",
		    "the case reference '%.100s' does not have the form that is configured: %s", text,
		    source && source[0] ? source : "at most 127 bytes");
		return false;
	}
	hold->case_pending = false;
	snprintf(hold->case_reference, sizeof(hold->case_reference), "%s", text);
	return true;
}

bool hold_reason_take(struct request *request, const char *code, struct hold *hold) {
	const char *canonical = hold_reason_canonical(code);
	if (canonical) {
		snprintf(hold->reason, sizeof(hold->reason), "%s", canonical);
		return true;
	}
	char list[400] = "";
	size_t used = 0;
	for (size_t i = 0; hold_reasons[i] && used < sizeof(list); i++)
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", i > 0 ? ", " : "", hold_reasons[i]);
	request_fail(request, CONTROL_PARAMS, "reason_code", "'%.60s' is no reason code; one of: %s", code, list);
	return false;
}

/* Free text about people: kept here with a salt, so that the log can name its hash and the text can still be erased. */
bool hold_note_take(struct request *request, const char *note, struct hold *hold) {
	uint8_t salt[16];
	if (strlen(note) > NOTE_BYTES_LIMIT || getrandom(salt, sizeof(salt), 0) != (ssize_t)sizeof(salt)) {
		request_fail(request, CONTROL_PARAMS, "note", "a note is at most 4,096 bytes");
		return false;
	}
	free(hold->note);
	hold->note = strdup(note);
	for (size_t i = 0; i < sizeof(salt); i++)
		snprintf(hold->note_salt + 2 * i, 3, "%02x", salt[i]);
	if (!hold->note)
		request_fail(request, CONTROL_INTERNAL, "memory", "out of memory");
	return hold->note != NULL;
}

bool hold_span_check(struct keeper *keeper, struct request *request, struct span span) {
	int64_t latest = clock_wall_us() + hold_duration_us(&keeper->settings->holds.future);
	if (span.to_us <= latest)
		return true;
	char future[64];
	duration_format(&keeper->settings->holds.future, future, sizeof(future));
	request_fail(request, CONTROL_REFUSED, "future",
	    "a hold may reach %s into the future (holds.future); this one goes further", future);
	return false;
}

/* Takes the names over. */
static bool cameras_take(struct request *request, struct camera_names *names, struct hold *hold) {
	hold->all_cameras = names->all;
	if (names->count > HOLD_CAMERAS_MAX) {
		/* Only possible for all cameras: the flag says it, a list of so many would not fit an entry. */
		camera_names_release(names);
		return true;
	}
	if (names->count == 0 && !names->all) {
		camera_names_release(names);
		request_fail(request, CONTROL_PARAMS, "missing", "which cameras? --camera NAME, or --all-cameras");
		return false;
	}
	hold->cameras = names->names;
	hold->camera_count = names->count;
	memset(names, 0, sizeof(*names));
	return true;
}

static void hold_begin(struct keeper *keeper, struct request *request, struct hold *hold) {
	struct audit_actor actor;
	int64_t now = clock_wall_us();
	hold_init(hold);
	hold->kind = HOLD_INCIDENT;
	hold->placed_us = now;
	hold->pre_roll_us = hold_duration_us(&keeper->settings->holds.pre_roll);
	hold->post_roll_us = hold_duration_us(&keeper->settings->holds.post_roll);
	hold->review_us = duration_add(now, &keeper->settings->holds.review, answer_zone(keeper));
	request_actor(request, &actor);
	hold->placed_by = actor.user_id;
	snprintf(hold->placed_by_name, sizeof(hold->placed_by_name), "%s", actor.user_name ? actor.user_name : "");
}

/* What another hold says, for what is not said again: --like ID. */
static bool like_take(struct keeper *keeper, struct request *request, const json_t *params, json_t *merged) {
	const char *id;
	if (!param_text(request, params, "like", false, &id))
		return false;
	const struct hold *like = id ? holds_find(keeper, id) : NULL;
	if (id && !like) {
		request_fail(request, CONTROL_NOT_FOUND, "hold", "there is no hold '%.40s'", id);
		return false;
	}
	if (!like)
		return true;
	char from[40], to[40];
	time_format_utc(like->from_us, from, sizeof(from));
	time_format_utc(like->to_us, to, sizeof(to));
	if (!json_object_get(merged, "at") && !json_object_get(merged, "from")) {
		json_object_set_new(merged, "from", json_string(from));
		json_object_set_new(merged, "to", json_string(to));
	}
	if (!json_object_get(merged, "reason") && like->reason[0])
		json_object_set_new(merged, "reason", json_string(like->reason));
	if (!json_object_get(merged, "case"))
		answer_text(merged, "case", like->case_pending || !like->case_reference[0] ? "pending" : like->case_reference);
	return true;
}

static bool details_take(struct keeper *keeper, struct request *request, const json_t *params, struct hold *hold) {
	const char *reason, *reference, *note, *kind;
	if (!param_text(request, params, "kind", false, &kind) || !param_text(request, params, "reason", true, &reason) ||
	    !param_text(request, params, "case", true, &reference) || !param_text(request, params, "note", false, &note))
		return false;
	if (kind && strcmp(kind, hold_kind_name(HOLD_INCIDENT)) != 0) {
		request_fail(request, CONTROL_PARAMS, "kind", "'%.40s' is no kind of hold here; incident is", kind);
		return false;
	}
	if (!hold_reason_take(request, reason, hold) || !hold_case_take(keeper, request, reference, hold) ||
	    (note && !hold_note_take(request, note, hold)))
		return false;
	if (!param_instant(keeper, request, params, "review", &hold->review_us))
		return false;
	if (hold->review_us <= hold->placed_us) {
		request_fail(request, CONTROL_PARAMS, "review", "the review date must lie in the future");
		return false;
	}
	return true;
}

/* ---- placing ---- */

struct placing {
	struct request *request;
	struct camera_names names;
	struct span span;
};

static void placing_free(struct placing *placing) {
	camera_names_release(&placing->names);
	free(placing);
}

static void placed(struct keeper *keeper, int error, const struct hold *hold, size_t in_doubt, void *context) {
	struct placing *placing = context;
	if (error < 0) {
		request_fail(placing->request, CONTROL_INTERNAL, "not_durable",
		    "the hold was NOT placed: it cannot be made durable: %s", strerror(-error));
		placing_free(placing);
		return;
	}
	json_t *result = answer_new();
	json_object_set_new(result, "safe", json_boolean(in_doubt == 0));
	answer_integer(result, "in_doubt", in_doubt);
	json_object_set_new(result, "id", json_string(hold->id));
	json_object_set_new(result, "hold", hold_json(keeper, hold, true));
	/* The hold stands whatever happens now; a coverage that cannot be told must not hide that. */
	if (hold_coverage_add(keeper, result, &placing->names, placing->span) < 0)
		json_object_set_new(result, "coverage", json_null());
	answer_span(keeper, result, "span", placing->span, NULL);
	json_t *event = hold_json(keeper, hold, false);
	control_event(keeper, "hold.placed", event);
	json_decref(event);
	request_reply(placing->request, result);
	placing_free(placing);
}

static void preview_answer(
    struct keeper *keeper, struct request *request, const struct camera_names *names, struct span span, bool dry_run) {
	json_t *result = answer_new();
	if (dry_run)
		json_object_set_new(result, "dry_run", json_true());
	answer_span(keeper, result, "span", span, NULL);
	int error = hold_coverage_add(keeper, result, names, span);
	if (error < 0) {
		json_decref(result);
		answer_index_error(request, error);
		return;
	}
	request_reply(request, result);
}

/* Takes the hold's contents over. */
static void place(struct keeper *keeper, struct request *request, const json_t *params, struct hold *hold) {
	struct audit_actor actor;
	struct placing *placing = calloc(1, sizeof(*placing));
	int error = placing ? hold_camera_names(keeper, hold, &placing->names) : -ENOMEM;
	if (error < 0) {
		free(placing);
		hold_release(hold);
		request_fail(request, CONTROL_INTERNAL, "memory", "the hold was NOT placed: %s", strerror(-error));
		return;
	}
	placing->request = request;
	placing->span = (struct span){.from_us = hold->from_us, .to_us = hold->to_us};
	if (param_flag(params, "dry_run")) {
		preview_answer(keeper, request, &placing->names, placing->span, true);
		placing_free(placing);
	} else {
		hold->late = hold_reaches_erased(keeper, &placing->names, placing->span);
		request_actor(request, &actor);
		holds_place(keeper, hold, &actor, placed, placing);
	}
	hold_release(hold);
}

static void hold_place_call(struct keeper *keeper, struct request *request, const json_t *params) {
	struct hold hold;
	struct span span;
	struct camera_names names = {0};
	hold_begin(keeper, request, &hold);
	json_t *merged = json_copy((json_t *)params);
	bool ready = merged && like_take(keeper, request, params, merged) && details_take(keeper, request, merged, &hold);
	ready = ready && param_cameras(keeper, request, merged, param_flag(params, "future_camera"), &names);
	if (ready && names.all && !param_flag(params, "all_cameras")) {
		request_fail(request, CONTROL_PARAMS, "missing", "which cameras? --camera NAME, or --all-cameras");
		ready = false;
	}
	ready = ready && param_span(keeper, request, merged, &names, NULL, &span) &&
	        hold_span_check(keeper, request, span) && cameras_take(request, &names, &hold);
	if (ready) {
		hold.state = HOLD_ACTIVE;
		hold.from_us = span.from_us;
		hold.to_us = span.to_us;
		place(keeper, request, params, &hold);
	} else {
		camera_names_release(&names);
		hold_release(&hold);
	}
	json_decref(merged);
}

static void hold_now_call(struct keeper *keeper, struct request *request, const json_t *params) {
	struct hold hold;
	struct span span;
	struct camera_names names;
	const char *last;
	char at[96];
	if (!param_text(request, params, "last", true, &last) || !param_cameras(keeper, request, params, false, &names))
		return;
	snprintf(at, sizeof(at), "-%.60s..now", last);
	json_t *spanned = json_pack("{s:s}", "at", at);
	hold_begin(keeper, request, &hold);
	bool ready = param_span(keeper, request, spanned, &names, NULL, &span) && cameras_take(request, &names, &hold);
	json_decref(spanned);
	if (!ready) {
		camera_names_release(&names);
		hold_release(&hold);
		return;
	}
	hold.state = HOLD_PROVISIONAL;
	hold.case_pending = true;
	hold.details_due_us = hold.placed_us + US_PER_DAY;
	hold.from_us = span.from_us;
	hold.to_us = span.to_us;
	place(keeper, request, params, &hold);
}

static void hold_preview_call(struct keeper *keeper, struct request *request, const json_t *params) {
	struct camera_names names;
	struct span span;
	if (!param_cameras(keeper, request, params, param_flag(params, "future_camera"), &names))
		return;
	if (param_span(keeper, request, params, &names, NULL, &span))
		preview_answer(keeper, request, &names, span, false);
	camera_names_release(&names);
}

enum { OFFICER = 1u << ROLE_OFFICER, READERS = OFFICER | 1u << ROLE_PRIVACY | 1u << ROLE_AUDITOR };

const struct control_method methods_hold[] = {
    {"hold.now", OFFICER | 1u << ROLE_GUARDROOM, true, hold_now_call},
    {"hold.preview", OFFICER, false, hold_preview_call},
    {"hold.place", OFFICER, true, hold_place_call},
    {"hold.coverage", OFFICER, false, hold_coverage_call},
    {"hold.list", READERS, false, hold_list_call},
    {"hold.show", READERS, false, hold_show_call},
    {"hold.widen", OFFICER, true, hold_widen_call},
    {"hold.review", OFFICER, true, hold_review_call},
    {"hold.release", OFFICER, true, hold_release_call},
    {0},
};

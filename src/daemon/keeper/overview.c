/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Gathering the state of everything; what of it needs a person. */
#include "overview.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "domain/retention.h"
#include "holds.h"
#include "keeper.h"
#include "observation.h"
#include "outbox.h"
#include "record.h"
#include "roots.h"
#include "timekeeping.h"

/* A reason that the rules allow, or that the next pass ends by itself. */
static bool reason_is_in_order(enum kept_reason reason) {
	return reason == KEPT_NOT_DUE || reason == KEPT_HELD || reason == KEPT_RESTRICTED || reason == KEPT_PENDING ||
	       reason == KEPT_NO_RULE;
}

static int others_add(const struct erased_row *row, void *context) {
	uint64_t *segments = context;
	if (!row->by_us)
		*segments += row->segments;
	return 0;
}

static int camera_gather(struct keeper *keeper, int64_t until_us, int64_t now_us, struct overview_camera *camera) {
	settings_rule_for(keeper->settings, camera->row.root_name, camera->row.name, &camera->rule);
	int error = expiry_plan(keeper, &camera->row, &camera->rule, until_us, &camera->plan);
	if (error < 0)
		return error;
	for (int reason = 0; reason < KEPT_REASON_COUNT; reason++)
		if (!reason_is_in_order((enum kept_reason)reason))
			camera->past_limit += camera->plan.by_reason[reason];
	/* Ours are all older than what is due now, so this range reads others' deletions only. */
	int64_t interval_us = 0;
	(void)!duration_fixed_us(&keeper->settings->expiry_interval, &interval_us);
	int64_t due = retention_due_before(now_us, &camera->rule, camera_zone(keeper, &camera->row), interval_us);
	if (due == INT64_MIN)
		return 0;
	return index_erased(keeper->index, camera->row.id, due + 1, now_us, others_add, &camera->others_segments);
}

static void holds_gather(struct keeper *keeper, struct overview *overview) {
	for (size_t i = 0; i < holds_count(keeper); i++) {
		const struct hold *hold = holds_get(keeper, i);
		if (!hold_in_force(hold))
			continue;
		overview->holds++;
		overview->provisional += hold->state == HOLD_PROVISIONAL;
		overview->release_pending += hold->state == HOLD_RELEASE_PENDING;
		overview->review_overdue += hold->review_us != 0 && hold->review_us < overview->now_us;
		bool owed = hold->state == HOLD_PROVISIONAL || hold->case_pending;
		overview->details_owed += owed;
		overview->details_late += owed && hold->details_due_us != 0 && hold->details_due_us < overview->now_us;
	}
}

int overview_gather(struct keeper *keeper, int64_t until_us, struct overview *ret_overview) {
	struct overview overview = {.now_us = clock_wall_us()};
	struct camera_row *list = NULL;
	int error = cameras_load(keeper, &list, &overview.camera_count);
	if (error < 0)
		return error;
	overview.cameras = calloc(overview.camera_count + 1, sizeof(*overview.cameras));
	error = overview.cameras ? 0 : -ENOMEM;
	for (size_t i = 0; i < overview.camera_count && error >= 0; i++) {
		struct overview_camera *camera = &overview.cameras[i];
		camera->row = list[i];
		error = camera_gather(keeper, until_us, overview.now_us, camera);
		overview.overdue += camera->plan.overdue_segments;
		overview.past_limit += camera->past_limit;
		overview.held_overdue += camera->plan.by_reason[KEPT_HELD];
	}
	free(list);
	if (error < 0) {
		overview_release(&overview);
		return error;
	}
	holds_gather(keeper, &overview);
	*ret_overview = overview;
	return 0;
}

bool overview_for_request(
    struct keeper *keeper, struct request *request, int64_t until_us, struct overview *ret_overview) {
	int error = overview_gather(keeper, until_us, ret_overview);
	if (error < 0)
		answer_index_error(request, error);
	return error >= 0;
}

void overview_release(struct overview *overview) {
	free(overview->cameras);
	memset(overview, 0, sizeof(*overview));
}

uint64_t overview_root_past_limit(const struct overview *overview, const char *root) {
	uint64_t segments = 0;
	for (size_t i = 0; i < overview->camera_count; i++)
		if (strcmp(overview->cameras[i].row.root_name, root) == 0)
			segments += overview->cameras[i].past_limit;
	return segments;
}

json_t *overview_rule(const struct retention_rule *rule) {
	json_t *object = json_object();
	if (!object)
		return NULL;
	if (rule->has_retention)
		answer_duration(object, "retention", &rule->retention);
	else
		json_object_set_new(object, "retention", json_null());
	if (rule->has_legal_maximum)
		answer_duration(object, "legal_maximum", &rule->legal_maximum);
	else
		json_object_set_new(object, "legal_maximum", json_null());
	answer_text(object, "source", rule->source);
	answer_text(object, "basis", rule->basis);
	return object;
}

/* ---- sentences ---- */

static void closed_attention(const struct root *root, json_t *list) {
	size_t closed = roots_folders_closed(root);
	const char *first = "";
	for (size_t i = CLOSED_FOLDERS_MAX; i > 0; i--)
		if (root->closed_folders[i - 1][0] != '\0')
			first = root->closed_folders[i - 1];
	if (closed > 0)
		answer_say(list, "%s: %zu%s folder%s cannot be read (%s: %s): what is in there is not seen and not deleted",
		    root->settings->name, closed, closed == CLOSED_FOLDERS_MAX ? " or more" : "", closed == 1 ? "" : "s", first,
		    strerror((int)root->closed_errno));
}

/* The holds in force with cameras of a root, as "H-2026-0001, …"; as many as there is room for. */
static void holds_on_root(const struct keeper *keeper, const char *root, char *text, size_t room) {
	size_t used = 0, length = strlen(root);
	text[0] = '\0';
	for (size_t i = 0; i < holds_count(keeper); i++) {
		const struct hold *hold = holds_get(keeper, i);
		bool named = hold->all_cameras;
		for (size_t j = 0; !named && j < hold->camera_count; j++)
			named = strncmp(hold->cameras[j], root, length) == 0 && hold->cameras[j][length] == '/';
		if (!named || !hold_in_force(hold))
			continue;
		int written = snprintf(text + used, room - used, "%s%s", used > 0 ? ", " : "", hold->id);
		if (written < 0 || (size_t)written >= room - used) {
			text[used] = '\0';
			return;
		}
		used += (size_t)written;
	}
}

static void root_attention(
    struct keeper *keeper, const struct overview *overview, const struct root *root, json_t *list) {
	char moment[48], count[32];
	const char *name = root->settings->name;
	uint64_t past = overview_root_past_limit(overview, name);
	if (root->state == ROOT_OFFLINE) {
		answer_moment(keeper, root->since_us, root->zone, moment, sizeof(moment));
		answer_say(list, "%s is offline since %s: %s", name, moment, root->reason);
		char holds[400];
		holds_on_root(keeper, name, holds, sizeof(holds));
		if (holds[0] != '\0')
			answer_say(list, "holds may have footage on %s, which is not here: %s", name, holds);
	} else if (past > 0 && root->settings->mode == ROOT_OBSERVE) {
		int64_t since = root->observing_since_us ? root->observing_since_us : keeper->started_us;
		answer_moment(keeper, since, root->zone, moment, sizeof(moment));
		answer_say(list, "%s: observing since %s: %s file%s past the limit; mode = \"enforce\" deletes them", name,
		    moment, count_text(past, count), past == 1 ? "" : "s");
	} else if (past > 0 && root->observe_only) {
		answer_say(list, "%s holds another box's disk, which is only observed: %s files past the limit", name,
		    count_text(past, count));
	}
	closed_attention(root, list);
}

/* Overdue files by the reason that keeps them, roots that only observe left out: they have their own sentence. */
static void overdue_attention(const struct overview *overview, json_t *list) {
	uint64_t by_reason[KEPT_REASON_COUNT] = {0};
	int failed_errno = 0;
	for (size_t i = 0; i < overview->camera_count; i++)
		if (overview->cameras[i].plan.failed_errno != 0)
			failed_errno = overview->cameras[i].plan.failed_errno;
	for (size_t i = 0; i < overview->camera_count; i++)
		for (int reason = 0; reason < KEPT_REASON_COUNT; reason++)
			by_reason[reason] += overview->cameras[i].plan.by_reason[reason];
	for (int reason = 0; reason < KEPT_REASON_COUNT; reason++) {
		char count[32];
		if (by_reason[reason] == 0 || reason == KEPT_OBSERVING || reason_is_in_order((enum kept_reason)reason))
			continue;
		bool failed = reason == KEPT_FAILED && failed_errno != 0;
		answer_say(list, "%s file%s past the limit: %s%s%s%s", count_text(by_reason[reason], count),
		    by_reason[reason] == 1 ? "" : "s", kept_reason_sentence((enum kept_reason)reason), failed ? " (" : "",
		    failed ? strerror(failed_errno) : "", failed ? ")" : "");
	}
}

json_t *overview_attention(struct keeper *keeper, const struct overview *overview) {
	json_t *list = json_array();
	char count[32], text[256] = "";
	if (!list)
		return NULL;
	enum kept_reason paused = expiry_paused(keeper, text, sizeof(text));
	if (paused != KEPT_PENDING)
		answer_say(list, "deletion is paused: %s", text[0] ? text : kept_reason_sentence(paused));
	if (!record_writable(keeper) && paused != KEPT_LOG)
		answer_say(list, "the audit log cannot be written: nothing is deleted until it can");
	for (size_t i = 0; i < roots_count(keeper); i++)
		root_attention(keeper, overview, roots_get(keeper, i), list);
	observation_attention(keeper, list);
	overdue_attention(overview, list);
	outbox_attention(keeper, list);
	if (overview->details_late > 0)
		answer_say(list, "%s hold%s owed details for more than a day: `retentionctl hold list --owed`",
		    count_text(overview->details_late, count), overview->details_late == 1 ? " has" : "s have");
	if (overview->review_overdue > 0)
		answer_say(list, "%s hold%s past the review date: `retentionctl hold review ID --next DATE`",
		    count_text(overview->review_overdue, count), overview->review_overdue == 1 ? " is" : "s are");
	return list;
}

static void camera_notes(const struct overview *overview, json_t *list) {
	for (size_t i = 0; i < overview->camera_count; i++) {
		const struct overview_camera *camera = &overview->cameras[i];
		char count[32];
		if (camera->others_segments > 0)
			answer_say(list,
			    "%s/%s: %s files were deleted by others or vanished before they were due; is the recorder's own limit "
			    "shorter?",
			    camera->row.root_name, camera->row.name, count_text(camera->others_segments, count));
		if (!camera->rule.has_retention && !camera->rule.has_legal_maximum)
			answer_say(list, "%s/%s: no limit is set; its footage is kept", camera->row.root_name, camera->row.name);
	}
}

static void root_notes(const struct root *root, json_t *list) {
	const struct record_watch_coverage *coverage = &root->coverage;
	char count[32], more[32];
	const char *name = root->settings->name;
	if (root->state == ROOT_SCANNING || root->state == ROOT_STARTING)
		answer_say(list, "%s: being compared with the disk; nothing of it is deleted until that is done", name);
	if (root->settings->mode == ROOT_OBSERVE)
		answer_say(list, "%s is only observed: nothing of it is deleted", name);
	if (coverage->watched < coverage->folders)
		answer_say(list,
		    "%s: %s of %s folders are watched, the rest is compared each minute; fs.inotify.max_user_watches is "
		    "%" PRIu32,
		    name, count_text(coverage->watched, count), count_text(coverage->folders, more), coverage->limit);
	if (root->foreign > 0)
		answer_say(list, "%s: %s files are not recognised, such as '%s'; they are never deleted", name,
		    count_text(root->foreign, count), root->foreign_examples[0]);
	if (root->found.read_only)
		answer_say(list, "%s is mounted read-only: nothing can be deleted there", name);
}

json_t *overview_notes(struct keeper *keeper, const struct overview *overview) {
	json_t *list = json_array();
	if (!list)
		return NULL;
	for (size_t i = 0; i < roots_count(keeper); i++)
		root_notes(roots_get(keeper, i), list);
	observation_notes(keeper, list);
	camera_notes(overview, list);
	if (keeper->settings->clock.require == CLOCK_UNVERIFIED)
		answer_say(list, "clock.require is \"unverified\": for trials only; each erasure record says so");
	return list;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one reason why a segment stays: what stops all deletion, what its root, its holds and its own state say. */
#include "expiry_private.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "holds.h"
#include "keeper.h"
#include "record.h"
#include "roots.h"
#include "timekeeping.h"

/* ---- what stops deletion ---- */

enum kept_reason pass_stopped(struct keeper *keeper, char *text, size_t room) {
	const struct clock_verdict *clock = timekeeping_verdict(keeper);
	const struct brake_count *brake = expiry_brake(keeper);
	if (!clock->trusted) {
		(void)snprintf(text, room, "the clock is not trusted (%s): %s", clock_level_name(clock->level), clock->reason);
		return KEPT_CLOCK;
	}
	if (!record_writable(keeper)) {
		(void)snprintf(text, room, "the audit log cannot be written");
		return KEPT_LOG;
	}
	if (keeper->index_rebuilding) {
		(void)snprintf(text, room, "the index is being rebuilt from the disks");
		return KEPT_PAUSED;
	}
	if (brake->engaged && !brake->released) {
		(void)snprintf(
		    text, room, "deletion paused: unusual amount (run `retentionctl deletion plan`, then `deletion resume`)");
		return KEPT_BRAKE;
	}
	text[0] = '\0';
	return KEPT_PENDING;
}

enum kept_reason expiry_paused(struct keeper *keeper, char *text, size_t room) {
	enum kept_reason stopped = pass_stopped(keeper, text, room);
	int error = expiry_start_error(keeper);
	if (stopped != KEPT_PENDING || error == 0)
		return stopped;
	/* Each pass tries again. */
	(void)snprintf(text, room, "a deletion cannot be noted in the state folder: %s", strerror(-error));
	return KEPT_LOG;
}

static enum kept_reason root_paused(const struct root *root) {
	if (root == NULL || root->state == ROOT_OFFLINE || root->state == ROOT_STARTING)
		return KEPT_OFFLINE;
	if (root->settings->mode == ROOT_OBSERVE || root->observe_only)
		return KEPT_OBSERVING;
	return root->scanned ? KEPT_PENDING : KEPT_PAUSED;
}

/* ---- judging one segment ---- */

/* The segment's end, asked of its neighbour where it is not known. */
static int64_t end_of(struct keeper *keeper, const struct segment_row *row) {
	int64_t mtime_us = row->file.mtime_ns / 1000;
	if (row->end_us != 0)
		return row->end_us;
	int64_t next_us = index_next_start(keeper->index, row->key.camera, row->key.start_us, row->kind);
	return segment_decide_end(row->key.start_us, 0, next_us, mtime_us);
}

enum kept_reason judge_segment(
    const struct judge *judge, const struct segment_row *row, struct due *ret_due, int64_t *ret_end_us) {
	*ret_due = retention_due(row->key.start_us, &judge->rule, judge->root->zone, expiry_interval_us(judge->keeper));
	*ret_end_us = end_of(judge->keeper, row);
	if (ret_due->bound == DUE_NEVER)
		return KEPT_NO_RULE;
	/* A hold is asked with the latest that the segment can reach to. */
	int64_t latest_us =
	    segment_latest_end(row->key.start_us, *ret_end_us - row->key.start_us, 0, row->file.mtime_ns / 1000);
	if (hold_set_touches(judge->holds, row->earliest_us, latest_us))
		return KEPT_HELD;
	if (ret_due->due_us > judge->now_us)
		return KEPT_NOT_DUE;
	if (row->state == SEGMENT_OPEN || row->state == SEGMENT_DISCOVERED)
		return KEPT_OPEN;
	return row->delete_errno != 0 ? KEPT_FAILED : KEPT_PENDING;
}

/* ---- explaining and planning ---- */

static void explain_due(
    struct keeper *keeper, const struct root *root, const struct segment_row *row, struct explanation *explanation) {
	char text[200];
	enum kept_reason paused = root_paused(root);
	if (paused == KEPT_PENDING)
		paused = expiry_paused(keeper, text, sizeof text);
	else if (root != NULL && root->state == ROOT_OFFLINE)
		(void)snprintf(text, sizeof text, "%s", root->reason);
	else
		text[0] = '\0';
	if (explanation->reason == KEPT_FAILED && paused == KEPT_PENDING) {
		(void)snprintf(explanation->detail, sizeof explanation->detail, "%s", strerror(row->delete_errno));
		return;
	}
	explanation->reason = paused;
	(void)snprintf(explanation->detail, sizeof explanation->detail, "%s", text);
}

void expiry_explain(struct keeper *keeper, const struct segment_row *row, const struct camera_row *camera,
    struct explanation *ret_explanation) {
	struct root *root = roots_by_id(keeper, camera->root);
	*ret_explanation = (struct explanation){.reason = KEPT_OFFLINE};
	settings_rule_for(keeper->settings, camera->root_name, camera->name, &ret_explanation->rule);
	if (root == NULL)
		return;
	struct judge judge = {
	    .keeper = keeper,
	    .root = root,
	    .rule = ret_explanation->rule,
	    .holds = holds_for_camera(keeper, camera->root_name, camera->name),
	    .now_us = clock_wall_us(),
	};
	int64_t end_us = 0;
	ret_explanation->reason = judge_segment(&judge, row, &ret_explanation->due, &end_us);
	if (ret_explanation->reason == KEPT_HELD) {
		struct span span = {row->earliest_us, end_us > row->earliest_us ? end_us : row->earliest_us + 1};
		holds_naming(
		    keeper, camera->root_name, camera->name, span, ret_explanation->detail, sizeof ret_explanation->detail);
	} else if (ret_explanation->reason == KEPT_PENDING || ret_explanation->reason == KEPT_FAILED) {
		explain_due(keeper, root, row, ret_explanation);
	}
}

struct planning {
	struct judge judge;
	enum kept_reason paused;
	struct camera_plan *plan;
	int64_t until_us;
	int64_t now_us;
};

static int plan_one(const struct segment_row *row, void *context) {
	struct planning *planning = context;
	struct camera_plan *plan = planning->plan;
	struct due due;
	int64_t end_us = 0;
	enum kept_reason reason = judge_segment(&planning->judge, row, &due, &end_us);
	if (due.due_us > planning->until_us)
		return 0;
	bool overdue = due.due_us <= planning->now_us;
	if (reason == KEPT_HELD) {
		plan->held_segments++;
		plan->held_bytes += row->file.bytes;
	} else {
		plan->until_segments++;
		plan->until_bytes += row->file.bytes;
		if (plan->next_due_us == 0 || due.due_us < plan->next_due_us)
			plan->next_due_us = due.due_us;
	}
	if (!overdue)
		return 0;
	if (reason == KEPT_PENDING || (reason == KEPT_FAILED && planning->paused != KEPT_PENDING))
		reason = planning->paused;
	plan->overdue_segments++;
	plan->overdue_bytes += row->file.bytes;
	plan->by_reason[reason]++;
	if (reason == KEPT_FAILED)
		plan->failed_errno = row->delete_errno;
	if (plan->oldest_overdue_us == 0)
		plan->oldest_overdue_us = row->key.start_us;
	return 0;
}

int expiry_plan(struct keeper *keeper, const struct camera_row *camera, const struct retention_rule *rule,
    int64_t until_us, struct camera_plan *ret_plan) {
	*ret_plan = (struct camera_plan){0};
	struct root *root = roots_by_id(keeper, camera->root);
	if (root == NULL)
		return 0;
	char text[200];
	struct planning planning = {
	    .judge = {.keeper = keeper,
	        .root = root,
	        .rule = *rule,
	        .holds = holds_for_camera(keeper, camera->root_name, camera->name),
	        .now_us = until_us},
	    .paused = root_paused(root),
	    .plan = ret_plan,
	    .until_us = until_us,
	    .now_us = clock_wall_us(),
	};
	if (planning.paused == KEPT_PENDING)
		planning.paused = expiry_paused(keeper, text, sizeof text);
	int64_t last_us = retention_due_before(until_us, rule, root->zone, expiry_interval_us(keeper));
	int result = last_us == INT64_MIN
	                 ? 0
	                 : index_range_nameless(keeper->index, camera->id, INT64_MIN, last_us, plan_one, &planning);
	if (result == 0 && ret_plan->next_due_us == 0 && camera->oldest_us != 0) {
		struct due due = retention_due(camera->oldest_us, rule, root->zone, expiry_interval_us(keeper));
		ret_plan->next_due_us = due.bound == DUE_NEVER ? 0 : due.due_us;
	}
	return result;
}

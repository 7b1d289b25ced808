/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A pass walks the cameras; on each, the segments from the oldest to the latest start that can be
 * due, in order of the key, jumping over what holds cover. It yields between batches: deletion.c
 * calls expiry_continue() when a reaper has room again.
 */
#include "expiry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "base/log.h"
#include "control.h"
#include "deletion.h"
#include "expiry_private.h"
#include "holds.h"
#include "keeper.h"
#include "record.h"
#include "roots.h"
#include "state.h"
#include "timekeeping.h"

enum { FAILURES_MAX = 4096, FIRST_RETRY_S = 60, LAST_RETRY_S = 6 * 3600 };

/* A segment whose deletion failed: tried again alone, later and later, so that it never stops the rest. */
struct failure {
	struct segment_key key;
	int64_t retry_boot_us;
	int64_t wait_us;
};

/* One camera's part of the pass that is running. */
struct walk {
	int64_t camera;
	int64_t cursor_us; /* starts before it are done */
	bool done;
};

struct expiry {
	struct event *pass_event;
	struct event *go_event;
	struct walk *walks;
	size_t walk_count;
	bool overlaps; /* batches of an earlier pass are in flight: their segments must not be chosen again */
	struct brake_count brake;
	bool brake_changed;
	int start_error;                 /* why a deletion could not be noted in this pass */
	int64_t camera_recording_us[64]; /* this window, by camera id modulo: at worst two share and the brake is the more
	                                    careful */
	struct failure failures[FAILURES_MAX];
	size_t failure_count;
	struct expiry_totals totals;
	struct deletion_item *items; /* while a batch is chosen */
	size_t item_count;
};

int64_t expiry_interval_us(const struct keeper *keeper) {
	int64_t us = 600 * US_PER_SECOND;
	return duration_fixed_us(&keeper->settings->expiry_interval, &us) && us >= US_PER_SECOND ? us : 600 * US_PER_SECOND;
}

/* ---- the brake ---- */

static void store_brake(struct keeper *keeper) {
	const struct brake_count *brake = &keeper->expiry->brake;
	int error = brake->engaged ? state_brake_put(keeper->state, brake) : state_brake_count(keeper->state, brake);
	if (error != 0)
		log_warning_errno(error, "the day's count of deletions cannot be stored");
	keeper->expiry->brake_changed = false;
}

static void roll_window(struct keeper *keeper, int64_t now_us) {
	struct expiry *expiry = keeper->expiry;
	if (now_us < expiry->brake.window_start_us + US_PER_DAY && now_us >= expiry->brake.window_start_us)
		return;
	bool engaged = expiry->brake.engaged && !expiry->brake.released;
	expiry->brake = (struct brake_count){.window_start_us = now_us, .engaged = engaged};
	memset(expiry->camera_recording_us, 0, sizeof expiry->camera_recording_us);
	expiry->brake_changed = true;
}

static int64_t *recording_of(struct expiry *expiry, int64_t camera) {
	return &expiry->camera_recording_us[(uint64_t)camera % ARRAY_LENGTH(expiry->camera_recording_us)];
}

static void engage_brake(struct keeper *keeper) {
	struct expiry *expiry = keeper->expiry;
	expiry->brake.engaged = true;
	expiry->brake.released = false;
	store_brake(keeper);
	log_warning(
	    "deletion paused: an unusual amount is due (%llu segments in a day so far); see `retentionctl deletion plan`, "
	    "then `retentionctl deletion resume`",
	    (unsigned long long)expiry->brake.segments);
	json_t *details = json_pack("{s:I, s:I}", "segments", (json_int_t)expiry->brake.segments, "recording_us",
	    (json_int_t)expiry->brake.recording_us);
	(void)record_append(keeper, AUDIT_BRAKE, AUDIT_SUCCESS, "deletion paused: unusual amount", NULL, details, NULL);
	if (keeper->control != NULL)
		control_event(keeper, "deletion.paused", NULL);
}

void expiry_arm_brake(struct keeper *keeper) {
	keeper->expiry->brake.released = false;
	keeper->expiry->brake_changed = true;
}

int expiry_resume(struct keeper *keeper, const struct audit_actor *actor) {
	struct brake_count brake = keeper->expiry->brake;
	brake.engaged = false;
	brake.released = true;
	/* Nothing that the brake stopped goes before the log says who released it. */
	json_t *details = json_pack("{s:I}", "segments", (json_int_t)brake.segments);
	int error = record_append(keeper, AUDIT_BRAKE_RELEASED, AUDIT_SUCCESS, NULL, actor, details, NULL);
	if (error == 0)
		error = record_durable(keeper);
	if (error == 0)
		error = state_brake_put(keeper->state, &brake);
	if (error != 0)
		return error;
	keeper->expiry->brake = brake;
	expiry_soon(keeper);
	return 0;
}

const struct brake_count *expiry_brake(const struct keeper *keeper) {
	return &keeper->expiry->brake;
}

/* ---- failures ---- */

static struct failure *find_failure(struct expiry *expiry, const struct segment_key *key) {
	for (size_t i = 0; i < expiry->failure_count; i++) {
		const struct segment_key *known = &expiry->failures[i].key;
		if (known->camera == key->camera && known->start_us == key->start_us && known->ordinal == key->ordinal)
			return &expiry->failures[i];
	}
	return NULL;
}

void expiry_failed(struct keeper *keeper, const struct segment_key *key) {
	struct expiry *expiry = keeper->expiry;
	expiry->totals.failed++;
	struct failure *failure = find_failure(expiry, key);
	if (failure == NULL) {
		if (expiry->failure_count == FAILURES_MAX)
			expiry->failure_count = 0; /* so many failures: all are tried anew, which loses nothing */
		failure = &expiry->failures[expiry->failure_count++];
		*failure = (struct failure){.key = *key, .wait_us = FIRST_RETRY_S * US_PER_SECOND / 2};
	}
	failure->wait_us *= 2;
	if (failure->wait_us > LAST_RETRY_S * US_PER_SECOND)
		failure->wait_us = LAST_RETRY_S * US_PER_SECOND;
	failure->retry_boot_us = clock_boot_us() + failure->wait_us;
}

static bool backs_off(struct expiry *expiry, const struct segment_row *row) {
	if (row->delete_errno == 0)
		return false;
	const struct failure *failure = find_failure(expiry, &row->key);
	return failure != NULL && failure->retry_boot_us > clock_boot_us();
}

static const char *rule_of(const struct due *due) {
	return due->bound == DUE_BY_LEGAL_MAXIMUM ? "legal maximum" : "retention";
}

/* ---- the pass ---- */

struct choosing {
	struct judge judge;
	struct walk *walk;
	bool jumped; /* the cursor was moved past a hold: ask the index again from there */
	bool full;
	bool braked;
};

static int choose(const struct segment_row *row, void *context) {
	struct choosing *choosing = context;
	struct keeper *keeper = choosing->judge.keeper;
	struct expiry *expiry = keeper->expiry;
	struct due due;
	int64_t end_us = 0;
	enum kept_reason reason = judge_segment(&choosing->judge, row, &due, &end_us);
	choosing->walk->cursor_us = row->key.start_us;
	if (reason == KEPT_HELD) {
		int64_t free_us = hold_set_skip(choosing->judge.holds, row->key.start_us);
		if (free_us > row->key.start_us + 1) {
			choosing->walk->cursor_us = free_us;
			choosing->jumped = true;
			return 1;
		}
		return 0;
	}
	if ((reason != KEPT_PENDING && reason != KEPT_FAILED) || backs_off(expiry, row))
		return 0;
	if (expiry->overlaps && deletion_covers(keeper, choosing->judge.root, &row->key))
		return 0;
	int64_t length_us = end_us - row->key.start_us;
	int64_t *recording_us = recording_of(expiry, row->key.camera);
	if (!brake_allows(&(struct brake_count){.segments = expiry->brake.segments,
	                      .recording_us = *recording_us,
	                      .engaged = expiry->brake.engaged,
	                      .released = expiry->brake.released},
	        keeper->settings->brake.days, keeper->settings->brake.minimum, 1, length_us)) {
		choosing->braked = true;
		return 1;
	}
	*recording_us += length_us;
	if (*recording_us > expiry->brake.recording_us)
		expiry->brake.recording_us = *recording_us;
	expiry->brake.segments++;
	expiry->brake_changed = true;
	struct deletion_item *item = &expiry->items[expiry->item_count++];
	*item = (struct deletion_item){.row = *row, .due_us = due.due_us, .rule = rule_of(&due)};
	item->row.end_us = end_us;
	choosing->full = expiry->item_count == DELETION_BATCH_SEGMENTS;
	return choosing->full ? 1 : 0;
}

/* Chooses from one camera until it has no more, the batch is full or the brake says stop. 0 or a negative errno. */
static int walk_camera(
    struct keeper *keeper, struct root *root, const struct camera_row *camera, struct choosing *choosing) {
	struct walk *walk = choosing->walk;
	choosing->judge = (struct judge){
	    .keeper = keeper,
	    .root = root,
	    .holds = holds_for_camera(keeper, camera->root_name, camera->name),
	    .now_us = timekeeping_trusted_us(keeper),
	};
	if (choosing->judge.now_us == 0)
		return -EAGAIN;
	settings_rule_for(keeper->settings, camera->root_name, camera->name, &choosing->judge.rule);
	int64_t last_us =
	    retention_due_before(choosing->judge.now_us, &choosing->judge.rule, root->zone, expiry_interval_us(keeper));
	while (!choosing->full && !choosing->braked && walk->cursor_us <= last_us) {
		choosing->jumped = false;
		int result = index_range(keeper->index, camera->id, walk->cursor_us, last_us, 0, choose, choosing);
		if (result < 0)
			return result;
		if (result == 0)
			walk->cursor_us = INT64_MAX;
	}
	/* A full batch ends in the middle of a start: what shares it was taken or comes again and is in flight. */
	if (choosing->full && walk->cursor_us < INT64_MAX)
		walk->cursor_us++;
	walk->done = walk->cursor_us > last_us;
	return 0;
}

/* Fills a batch for this root from the cameras that are not done. */
static void run_root(struct keeper *keeper, struct root *root) {
	struct expiry *expiry = keeper->expiry;
	struct choosing choosing = {0};
	while (deletion_has_room(keeper, root) && !choosing.braked) {
		struct brake_count before = expiry->brake;
		int64_t recording_us[ARRAY_LENGTH(expiry->camera_recording_us)];
		memcpy(recording_us, expiry->camera_recording_us, sizeof recording_us);
		expiry->item_count = 0;
		choosing.full = false;
		for (size_t i = 0; i < expiry->walk_count && !choosing.full && !choosing.braked; i++) {
			struct camera_row camera;
			choosing.walk = &expiry->walks[i];
			if (choosing.walk->done || index_camera_get(keeper->index, choosing.walk->camera, &camera) != 0 ||
			    camera.root != root->id)
				continue;
			int error = walk_camera(keeper, root, &camera, &choosing);
			if (error != 0) {
				log_warning_errno(
				    error, "camera '%s/%s' cannot be judged; going on with the others", camera.root_name, camera.name);
				choosing.walk->done = true;
			}
		}
		if (expiry->brake_changed)
			store_brake(keeper);
		if (expiry->item_count == 0)
			break;
		int error = deletion_start(keeper, root, expiry->items, expiry->item_count);
		expiry->start_error = error;
		if (error != 0) {
			/* What was not deleted is no part of the day's amount. */
			expiry->brake = before;
			memcpy(expiry->camera_recording_us, recording_us, sizeof recording_us);
			expiry->brake_changed = true;
			log_warning_errno(error, "root '%s': a deletion could not be started; trying again at the next pass",
			    root->settings->name);
			break;
		}
	}
	if (choosing.braked && expiry->start_error == 0 && !expiry->brake.engaged)
		engage_brake(keeper);
}

/* Shared files of cameras that have nothing left. */
static void run_shared(struct keeper *keeper) {
	for (size_t i = 0; i < keeper->expiry->walk_count; i++) {
		struct camera_row camera;
		if (index_camera_get(keeper->index, keeper->expiry->walks[i].camera, &camera) != 0 || camera.segments > 0)
			continue;
		struct root *root = roots_by_id(keeper, camera.root);
		int64_t now_us = timekeeping_trusted_us(keeper);
		struct retention_rule rule;
		settings_rule_for(keeper->settings, camera.root_name, camera.name, &rule);
		if (root == NULL || !root_may_delete(root) || root->reaper == NULL || now_us == 0)
			continue;
		int64_t last_us = retention_due_before(now_us, &rule, root->zone, expiry_interval_us(keeper));
		int error = deletion_shared(keeper, root, &camera, last_us);
		if (error != 0)
			log_warning_errno(error, "shared files of camera '%s/%s' stay for now", camera.root_name, camera.name);
	}
}

static int add_walk(const struct camera_row *camera, void *context) {
	struct expiry *expiry = context;
	if (expiry->walk_count == CAMERAS_MAX)
		return 0;
	expiry->walks[expiry->walk_count++] = (struct walk){.camera = camera->id, .cursor_us = INT64_MIN};
	return 0;
}

static void run(struct keeper *keeper) {
	char text[200];
	if (keeper->stopping || pass_stopped(keeper, text, sizeof text) != KEPT_PENDING)
		return;
	struct expiry *expiry = keeper->expiry;
	expiry->items = calloc(DELETION_BATCH_SEGMENTS, sizeof *expiry->items);
	if (expiry->items == NULL) {
		log_warning("memory is short: no deletion until the next pass");
		return;
	}
	for (size_t i = 0; i < roots_count(keeper); i++) {
		struct root *root = roots_get(keeper, i);
		if (root != NULL && root_may_delete(root))
			run_root(keeper, root);
	}
	free(expiry->items);
	expiry->items = NULL;
	if (!deletion_in_flight(keeper))
		run_shared(keeper);
}

static void on_pass(evutil_socket_t fd, short events, void *context) {
	(void)fd;
	(void)events;
	struct keeper *keeper = context;
	struct expiry *expiry = keeper->expiry;
	(void)timekeeping_judge(keeper);
	holds_tick(keeper);
	int64_t now_us = clock_wall_us();
	roll_window(keeper, now_us);
	expiry->start_error = 0;
	expiry->totals.last_pass_us = now_us;
	expiry->totals.next_pass_us = now_us + expiry_interval_us(keeper);
	struct timeval interval = {.tv_sec = (time_t)(expiry_interval_us(keeper) / US_PER_SECOND)};
	(void)evtimer_add(expiry->pass_event, &interval);
	for (size_t i = 0; i < roots_count(keeper); i++) {
		struct root *root = roots_get(keeper, i);
		if (root != NULL && root->scanned && record_writable(keeper))
			deletion_retry(keeper, root);
	}
	expiry->overlaps = deletion_in_flight(keeper);
	expiry->walk_count = 0;
	if (index_cameras(keeper->index, add_walk, expiry) != 0)
		log_warning("the index cannot be read; no deletion in this pass");
	run(keeper);
}

static void on_go(evutil_socket_t fd, short events, void *context) {
	(void)fd;
	(void)events;
	run(context);
}

void expiry_soon(struct keeper *keeper) {
	static const struct timeval now = {.tv_usec = 1000};
	(void)evtimer_add(keeper->expiry->pass_event, &now);
}

void expiry_continue(struct keeper *keeper) {
	static const struct timeval now = {0};
	if (keeper->expiry != NULL && !evtimer_pending(keeper->expiry->go_event, NULL))
		(void)evtimer_add(keeper->expiry->go_event, &now);
}

void expiry_deleted(struct keeper *keeper, uint64_t segments, uint64_t bytes) {
	keeper->expiry->totals.deleted_segments += segments;
	keeper->expiry->totals.deleted_bytes += bytes;
}

int expiry_start_error(const struct keeper *keeper) {
	return keeper->expiry->start_error;
}

const struct expiry_totals *expiry_totals(const struct keeper *keeper) {
	return &keeper->expiry->totals;
}

int expiry_open(struct keeper *keeper, struct expiry **ret_expiry) {
	struct expiry *expiry = calloc(1, sizeof *expiry);
	if (expiry == NULL)
		return -ENOMEM;
	int error = state_brake_get(keeper->state, &expiry->brake);
	if (error == -ENOENT)
		error = 0;
	for (size_t i = 0; i < ARRAY_LENGTH(expiry->camera_recording_us); i++)
		expiry->camera_recording_us[i] = expiry->brake.recording_us;
	expiry->walks = calloc(CAMERAS_MAX, sizeof *expiry->walks);
	expiry->pass_event = evtimer_new(keeper->base, on_pass, keeper);
	expiry->go_event = evtimer_new(keeper->base, on_go, keeper);
	if (error == 0 && (expiry->walks == NULL || expiry->pass_event == NULL || expiry->go_event == NULL))
		error = -ENOMEM;
	if (error != 0) {
		(void)expiry_close(expiry);
		return error;
	}
	keeper->expiry = expiry;
	*ret_expiry = expiry;
	expiry_soon(keeper);
	return 0;
}

struct expiry *expiry_close(struct expiry *expiry) {
	if (expiry != NULL) {
		if (expiry->pass_event != NULL)
			event_free(expiry->pass_event);
		if (expiry->go_event != NULL)
			event_free(expiry->go_event);
		free(expiry->walks);
		free(expiry);
	}
	return NULL;
}

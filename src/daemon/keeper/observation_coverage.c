/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How closely each root is observed, from when to when, and the times in which opens were not seen.
 * A guard that is gone for a moment is one gap entry with its exact bounds; only where none comes in
 * time the level falls to none.
 */
#include "observation_private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "keeper.h"
#include "record.h"
#include "roots.h"
#include "state.h"

static const char waiting_key[] = "opens_waiting"; /* "clean", or what a crash loses: see opens_save() */
static const char down_key[] = "down_since";

const char *guard_level_name(uint8_t level) {
	static const char *const names[] = {"none", "inotify", "anonymous", "notification", "permission"};
	return level < ARRAY_LENGTH(names) ? names[level] : "none";
}

const char *guard_level_text(uint8_t level) {
	static const char *const texts[] = {"no open is seen", "opens are seen, not by whom", "opens are seen, not by whom",
	    "opens are seen, mostly by whom", "every open is seen, by whom"};
	return level < ARRAY_LENGTH(texts) ? texts[level] : texts[0];
}

static const char *mark_name(uint8_t by) {
	static const char *const names[] = {"none", "folders", "filesystem"};
	return by < ARRAY_LENGTH(names) ? names[by] : "none";
}

/* ---- levels ---- */

static bool level_equal(const struct level *a, const struct level *b) {
	return a->level == b->level && a->by == b->by && a->pidfd == b->pidfd && a->alterations == b->alterations &&
	       (a->folders_failed == 0) == (b->folders_failed == 0);
}

static json_t *level_json(const struct level *level) {
	json_t *object = json_pack("{s:s}", "level", guard_level_name(level->level));
	if (object == NULL)
		return NULL;
	int error = level->since_us == 0 ? 0 : entry_put_time(object, "since", level->since_us);
	if (level->level != GUARD_LEVEL_NONE) {
		error |= json_object_set_new(object, "by", json_string(mark_name(level->by)));
		error |= json_object_set_new(object, "pidfd", json_boolean(level->pidfd));
		error |= json_object_set_new(object, "alterations", json_boolean(level->alterations));
	}
	if (level->by == GUARD_MARK_FOLDERS)
		error |= json_object_set_new(object, "folders", json_integer(level->folders));
	if (level->folders_failed > 0)
		error |= json_object_set_new(object, "folders_failed", json_integer(level->folders_failed));
	if (error == 0)
		return object;
	json_decref(object);
	return NULL;
}

static void level_write(struct observation *observation, struct observed_root *root) {
	if (root->entered && level_equal(&root->now, &root->written))
		return;
	json_t *details = json_object();
	json_t *watch = json_object();
	if (details == NULL || watch == NULL || audit_set_bytes(details, "root", text_of(root->name)) != 0 ||
	    (root->entered && json_object_set_new(watch, "from", level_json(&root->written)) < 0) ||
	    json_object_set_new(watch, "to", level_json(&root->now)) < 0) {
		json_decref(details);
		json_decref(watch);
		return;
	}
	(void)json_object_set_new(details, "watch", watch);
	const char *reason = root->now.reason[0] == '\0' ? NULL : root->now.reason;
	if (record_append(observation->keeper, AUDIT_COVERAGE, AUDIT_SUCCESS, reason, NULL, details, NULL) != 0)
		return; /* again at the next word */
	root->written = root->now;
	root->entered = true;
}

void coverage_told(struct observation *observation, const struct record_guard_coverage *coverage) {
	if (coverage->root >= observation->root_count)
		return;
	struct observed_root *root = &observation->roots[coverage->root];
	struct level level = {.level = coverage->level,
	    .by = coverage->by,
	    .pidfd = coverage->pidfd != 0,
	    .alterations = coverage->alterations != 0,
	    .folders = coverage->folders,
	    .folders_failed = coverage->folders_failed,
	    .since_us = coverage->since_us};
	if (!text_copy(level.reason, sizeof level.reason, coverage->reason))
		level.reason[0] = '\0';
	if (!root->watched && level.level != GUARD_LEVEL_NONE)
		return; /* on its way when the root went */
	/* More folders are no new level: it holds since it began. */
	if (root->told && level_equal(&root->now, &level))
		level.since_us = root->now.since_us;
	root->now = level;
	root->told = true;
	gap_look(observation);
	level_write(observation, root);
}

void coverage_none(struct observation *observation, size_t number, int64_t since_us, const char *reason) {
	struct observed_root *root = &observation->roots[number];
	root->told = false;
	if (root->entered && root->now.level == GUARD_LEVEL_NONE && root->written.level == GUARD_LEVEL_NONE)
		return;
	root->now = (struct level){.level = GUARD_LEVEL_NONE, .since_us = since_us};
	(void)snprintf(root->now.reason, sizeof root->now.reason, "%s", reason);
}

void coverage_none_write(struct observation *observation) {
	for (size_t i = 0; i < observation->root_count; i++)
		if (observation->roots[i].now.level == GUARD_LEVEL_NONE && observation->roots[i].now.since_us != 0)
			level_write(observation, &observation->roots[i]);
}

/* ---- gaps ---- */

static json_t *bounds(const char *of, int64_t from_us, int64_t to_us) {
	json_t *object = json_object();
	int error = object == NULL ? -ENOMEM : 0;
	if (of != NULL)
		error |= json_object_set_new(object, "of", json_string(of));
	if (from_us != 0)
		error |= entry_put_time(object, "from", from_us);
	if (to_us != 0)
		error |= entry_put_time(object, "to", to_us);
	if (error == 0)
		return object;
	json_decref(object);
	return NULL;
}

static int append_gap(
    struct observation *observation, const char *reason, enum audit_outcome outcome, json_t *gap, json_t *opens) {
	json_t *details = json_object();
	int error = json_object_set_new(details, "gap", gap);
	if (opens != NULL)
		error |= json_object_set_new(details, "opens", opens);
	if (error != 0) {
		json_decref(details);
		return -ENOMEM;
	}
	return record_append(observation->keeper, AUDIT_GAP, outcome, reason, NULL, details, NULL);
}

/* `to_us` 0: not over. `watched`: a guard is wanted, so opens have a gap of their own bounds. */
static int downtime_write(struct observation *observation, int64_t to_us, bool watched) {
	struct keeper *keeper = observation->keeper;
	const struct opens_gap *gap = &observation->gap;
	json_t *opens = watched ? bounds(NULL, gap->from_us, to_us) : NULL;
	if (opens != NULL && gap->recorders_from_us != 0)
		(void)!entry_put_time(opens, "recorders_from", gap->recorders_from_us);
	int error = append_gap(observation, "retentiond did not run", AUDIT_SUCCESS,
	    bounds(NULL, keeper->down_since_us, keeper->down_until_us), opens);
	if (error == 0 && record_durable(keeper) == 0)
		(void)!state_value_put(keeper->state, down_key, "0");
	return error;
}

static int gap_write(struct observation *observation, int64_t to_us) {
	struct opens_gap *gap = &observation->gap;
	if (gap->downtime && !gap->told)
		return downtime_write(observation, to_us, true);
	return append_gap(observation,
	    to_us == 0      ? "guard is gone: opens are not seen"
	    : gap->downtime ? "opens were not seen until guard ran"
	                    : "guard was gone: opens were not seen",
	    to_us == 0 ? AUDIT_FAILURE : AUDIT_SUCCESS, bounds("opens", gap->from_us, to_us), NULL);
}

static void gap_end(struct observation *observation, int64_t to_us) {
	if (gap_write(observation, to_us) != 0)
		return;
	observation->gap = (struct opens_gap){0};
	observation->lost_since_us = 0;
	opens_save(observation, false, 0);
}

void gap_begin(struct observation *observation, int64_t from_us) {
	struct opens_gap *gap = &observation->gap;
	if (gap->pending) {
		gap->from_us = from_us < gap->from_us ? from_us : gap->from_us;
		return;
	}
	*gap = (struct opens_gap){.pending = true, .from_us = from_us};
	opens_save(observation, false, 0);
}

void guard_await(struct observation *observation) {
	observation->deadline_us = clock_boot_us() + GUARD_WAIT_SECONDS * US_PER_SECOND;
}

void gap_look(struct observation *observation) {
	int64_t to_us = 0;
	for (size_t i = 0; i < observation->root_count; i++) {
		const struct observed_root *root = &observation->roots[i];
		if (!root->watched)
			continue;
		if (!root->told || root->now.level == GUARD_LEVEL_NONE)
			return;
		to_us = root->now.since_us > to_us ? root->now.since_us : to_us;
	}
	if (to_us == 0)
		return;
	observation->deadline_us = 0;
	if (observation->gap.pending)
		gap_end(observation, to_us > observation->gap.from_us ? to_us : observation->gap.from_us);
}

void gap_write_open(struct observation *observation) {
	struct opens_gap *gap = &observation->gap;
	if (gap->pending && !gap->told && gap_write(observation, 0) == 0)
		gap->told = true;
}

void gap_tick(struct observation *observation, int64_t now_us) {
	if (observation->deadline_us == 0 || now_us < observation->deadline_us)
		return;
	bool watching = false;
	for (size_t i = 0; i < observation->root_count; i++)
		watching = watching || observation->roots[i].watched;
	/* A guard that runs and has nothing to watch yet: no root is there. */
	if (observation->channel != NULL && !watching && !observation->gap.downtime) {
		guard_await(observation);
		return;
	}
	observation->deadline_us = 0;
	gap_write_open(observation);
	coverage_none_write(observation);
	if (observation->channel == NULL && observation->refused[0] == '\0')
		log_error("guard does not run: nobody sees who opens footage until it does");
}

/* What a crash lost of what was joined: kept by opens_save(). True where the last run ended in good order. */
static bool read_waiting(struct observation *observation, struct opens_gap *gap) {
	char text[sizeof observation->saved];
	char *end = text;
	if (state_value_get(observation->keeper->state, waiting_key, text, sizeof text) != 0)
		return true; /* the first run with a guard */
	if (strcmp(text, "clean") == 0)
		return true;
	int64_t others = strtoll(end, &end, 10);
	int64_t recorders = strtoll(end, &end, 10);
	int64_t from = strtoll(end, &end, 10);
	gap->recorders_from_us = recorders;
	if (others != 0 && others < gap->from_us)
		gap->from_us = others;
	if (from != 0 && from < gap->from_us)
		gap->from_us = from;
	return false;
}

void gap_downtime(struct observation *observation) {
	struct keeper *keeper = observation->keeper;
	struct opens_gap *gap = &observation->gap;
	char text[32];
	int64_t saved = 0;
	if (state_value_get(keeper->state, down_key, text, sizeof text) == 0)
		saved = strtoll(text, NULL, 10);
	if (saved > 0 && (keeper->down_since_us == 0 || saved < keeper->down_since_us))
		keeper->down_since_us = saved;
	if (keeper->down_since_us == 0)
		return;
	gap->from_us = keeper->down_since_us;
	if (!read_waiting(observation, gap))
		/* Opens of the last minute may have been joined and not saved. */
		gap->from_us -= JOINED_MINUTE_US;
	if (!observation->wanted) {
		(void)downtime_write(observation, 0, false);
		*gap = (struct opens_gap){0};
		return;
	}
	gap->pending = gap->downtime = true;
	(void)snprintf(text, sizeof text, "%" PRId64, keeper->down_since_us);
	(void)!state_value_put(keeper->state, down_key, text);
}

void gap_loss(struct observation *observation, const struct record_guard_loss *loss) {
	static const struct {
		const char *name, *reason;
	} whys[] = {
	    {"memory", "guard's memory was full: opens were counted, not described"},
	    {"overflow", "the kernel's queue of notifications overflowed"},
	    {"read", "the kernel could not hand over what it saw"},
	    {"late", "the process was gone before it could be looked at"},
	};
	size_t why = loss->why < ARRAY_LENGTH(whys) ? loss->why : 0;
	observation->lost += loss->lost;
	json_t *gap = bounds("opens", loss->from_us, loss->to_us);
	if (gap != NULL) {
		(void)json_object_set_new(gap, "lost", json_integer((json_int_t)loss->lost));
		(void)json_object_set_new(gap, "why", json_string(whys[why].name));
	}
	(void)append_gap(observation, whys[why].reason, AUDIT_FAILURE, gap, NULL);
}

void gap_joined_loss(struct observation *observation) {
	struct joined_loss loss;
	if (!record_writable(observation->keeper) || !joined_loss_take(observation->joined, &loss))
		return;
	observation->lost += loss.count;
	json_t *gap = bounds("opens", loss.from_us, loss.to_us);
	if (gap != NULL) {
		(void)json_object_set_new(gap, "lost", json_integer((json_int_t)loss.count));
		(void)json_object_set_new(gap, "why", json_string("log"));
	}
	(void)append_gap(
	    observation, "the audit log could not be written: opens were counted, not described", AUDIT_FAILURE, gap, NULL);
}

/*
 * Joined opens are in memory until their entry is written. Since when the oldest waits (of others, and of
 * recorders), and since when guard is gone, stands in state.db, renewed at most once a minute: after a
 * crash the gap begins there.
 */
void opens_save(struct observation *observation, bool closing, int64_t now_us) {
	char text[sizeof observation->saved];
	if (!closing && now_us != 0 && now_us - observation->saved_boot_us < JOINED_MINUTE_US)
		return;
	(void)snprintf(text, sizeof text, "%" PRId64 " %" PRId64 " %" PRId64,
	    joined_waiting_since(observation->joined, false), joined_waiting_since(observation->joined, true),
	    observation->gap.pending && !observation->gap.told && !observation->gap.downtime ? observation->gap.from_us
	                                                                                     : 0);
	if (closing)
		(void)snprintf(text, sizeof text, "clean");
	if (strcmp(text, observation->saved) == 0)
		return;
	if (now_us != 0)
		observation->saved_boot_us = now_us;
	if (state_value_put(observation->keeper->state, waiting_key, text) == 0)
		memcpy(observation->saved, text, sizeof text);
}

/* ---- for status ---- */

void observation_totals(const struct keeper *keeper, struct observation_totals *ret_totals) {
	const struct observation *observation = keeper->observation;
	*ret_totals = (struct observation_totals){0};
	if (observation == NULL)
		return;
	bool given_up = observation->deadline_us == 0;
	*ret_totals = (struct observation_totals){.wanted = observation->wanted,
	    .running = observation->channel != NULL,
	    .refused = observation->refused[0] != '\0' ? observation->refused : NULL,
	    /* A guard that is being started again is no alarm yet. */
	    .lost_since_us =
	        observation->channel == NULL && observation->wanted && given_up ? observation->lost_since_us : 0,
	    .opens = observation->opens,
	    .denied = observation->denied,
	    .lost = observation->lost,
	    .restarts = observation->restarts};
}

void observation_level(const struct keeper *keeper, const struct root *root, struct observation_level *ret_level) {
	const struct observation *observation = keeper->observation;
	*ret_level = (struct observation_level){.reason = ""};
	if (observation == NULL || root->number >= observation->root_count)
		return;
	const struct observed_root *observed = &observation->roots[root->number];
	*ret_level = (struct observation_level){.level = observed->now.level,
	    .by = observed->now.by,
	    .alterations = observed->now.alterations,
	    .told = observed->told,
	    .since_us = observed->now.since_us,
	    .folders = observed->now.folders,
	    .folders_failed = observed->now.folders_failed,
	    .reason = observed->now.reason};
}

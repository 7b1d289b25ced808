/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "evidence/history.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/entry.h"
#include "base/array.h"
#include "base/clock.h"
#include "evidence/fields.h"

/* What the index had not stored yet when the daemon ended without a word has no seal: it stores at least this often. */
#define SEALS_WAIT_US (INT64_C(21) * 60 * US_PER_SECOND)

static const struct {
	const char *name, *sentence;
} kinds[PERIOD_KIND_COUNT] = {
    [PERIOD_BEFORE] = {"before_log", "before the log begins: footage of this time counts only if it was still there"},
    [PERIOD_PRUNED] = {"pruned", "the log's entries of this time are no longer kept"},
    [PERIOD_RENEWED] = {"log_renewed", "the audit log did not hold and was begun anew"},
    [PERIOD_DOWN] = {"down", "retentiond did not run"},
    [PERIOD_CRASH] = {"crash", "it ended without a word: entries about what was just recorded may be lost"},
    [PERIOD_OFFLINE] = {"offline", "the root was offline"},
    [PERIOD_OBSERVING] = {"observing", "the root was only observed: nothing was deleted"},
    [PERIOD_REBUILT] = {"index_rebuilt", "the index was lost: files that vanished meanwhile left no trace"},
    [PERIOD_EXCHANGED] = {"disk_exchanged", "another disk took the place of the root's"},
    [PERIOD_OVERFLOW] = {"overflow", "changes came faster than they could be read; everything was compared again"},
    [PERIOD_CLOCK] = {"clock", "the clock was not trusted: nothing was deleted"},
    [PERIOD_BRAKE] = {"brake", "deletion was paused: unusual amount"},
    [PERIOD_HELD] = {"held", "a hold covered it"},
    [PERIOD_RULE] = {"rule", "another rule was in force"},
    [PERIOD_FAILED] = {"failed", "the deletion failed"},
};

const char *period_name(enum period_kind kind) {
	return kinds[kind].name;
}

const char *period_sentence(enum period_kind kind) {
	return kinds[kind].sentence;
}

bool period_is_unwatched(const struct period *period) {
	return period->kind <= PERIOD_UNWATCHED_LAST;
}

static bool names_have(const json_t *names, const char *camera) {
	size_t i;
	json_t *name;
	json_array_foreach(names, i, name) {
		if (json_is_string(name) && strcmp(json_string_value(name), camera) == 0)
			return true;
	}
	return false;
}

bool period_concerns(const struct period *period, const char *camera) {
	if (period->camera != NULL)
		return strcmp(period->camera, camera) == 0;
	if (period->cameras != NULL)
		return names_have(period->cameras, camera);
	if (period->root == NULL)
		return true;
	size_t length = strlen(period->root);
	return strncmp(camera, period->root, length) == 0 && (camera[length] == '/' || camera[length] == '\0');
}

void history_init(struct history *history) {
	*history = (struct history){0};
}

static void period_release(struct period *period) {
	free(period->root);
	free(period->camera);
	free(period->reason);
	free(period->hold);
	json_decref(period->cameras);
}

void history_release(struct history *history) {
	for (size_t i = 0; i < history->count; i++)
		period_release(&history->periods[i]);
	free(history->periods);
	free(history->retention);
	free(history->legal_maximum);
	*history = (struct history){0};
}

static char *copy(struct history *history, const char *text) {
	if (text == NULL || text[0] == '\0')
		return NULL;
	char *made = strdup(text);
	if (made == NULL)
		history->error = -ENOMEM;
	return made;
}

/* The new period, to be filled further; NULL when there are too many or memory is short. */
static struct period *begin(
    struct history *history, enum period_kind kind, const json_t *entry, int64_t from_us, int64_t to_us) {
	if (history->count == PERIODS_MAX) {
		history->left_out++;
		return NULL;
	}
	if (!array_room(&history->periods, &history->room, history->count, sizeof *history->periods)) {
		history->error = -ENOMEM;
		return NULL;
	}
	struct period *period = &history->periods[history->count++];
	*period = (struct period){.kind = kind, .from_us = from_us, .to_us = to_us, .sequence = entry_sequence(entry)};
	period->reason = copy(history, field_text(json_object_get(entry, "event"), "reason"));
	return period;
}

static bool same(const char *a, const char *b) {
	return strcmp(a != NULL ? a : "", b != NULL ? b : "") == 0;
}

/* The newest that has not ended; `root` NULL: of none. */
static struct period *open_period(struct history *history, enum period_kind kind, const char *root) {
	for (size_t i = history->count; i > 0; i--) {
		struct period *period = &history->periods[i - 1];
		if (period->kind == kind && period->to_us == INT64_MAX && same(period->root, root))
			return period;
	}
	return NULL;
}

static void turn(struct history *history, enum period_kind kind, const json_t *entry, const char *root, bool on) {
	struct period *period = open_period(history, kind, root);
	int64_t at_us = entry_time_us(entry);
	if (!on && period != NULL)
		period->to_us = at_us;
	if (!on || period != NULL)
		return;
	period = begin(history, kind, entry, at_us, INT64_MAX);
	if (period != NULL)
		period->root = copy(history, root);
}

/* start and configuration say what is in force from here on. */
static void in_force(struct history *history, const json_t *entry) {
	size_t i;
	json_t *root;
	json_array_foreach(json_object_get(entry, "roots"), i, root) {
		turn(history, PERIOD_OBSERVING, entry, field_text(root, "root"),
		    strcmp(field_text(root, "mode"), "observe") == 0);
	}
	if (!json_is_string(json_object_get(entry, "retention")))
		return;
	const char *retention = field_text(entry, "retention"), *maximum = field_text(entry, "legal_maximum");
	bool told = history->retention != NULL || history->legal_maximum != NULL;
	if (same(history->retention, retention) && same(history->legal_maximum, maximum))
		return;
	struct period *period = told ? begin(history, PERIOD_RULE, entry, INT64_MIN, entry_time_us(entry)) : NULL;
	if (period != NULL && asprintf(&period->reason, "retention %s, legal maximum %s until then",
	                          history->retention ? history->retention : "unset",
	                          history->legal_maximum ? history->legal_maximum : "unset") < 0)
		history->error = -ENOMEM;
	free(history->retention);
	free(history->legal_maximum);
	history->retention = copy(history, retention);
	history->legal_maximum = copy(history, maximum);
}

static void gap(struct history *history, const json_t *entry) {
	const json_t *bounds = json_object_get(entry, "gap");
	const char *reason = field_text(json_object_get(entry, "event"), "reason");
	if (strcmp(reason, "retentiond did not run") == 0)
		(void)begin(history, PERIOD_DOWN, entry, field_number(bounds, "from_us"), field_number(bounds, "to_us"));
	else if (strncmp(reason, "the kernel's queue of changes", 29) == 0)
		(void)begin(history, PERIOD_OVERFLOW, entry, entry_time_us(entry), entry_time_us(entry));
}

static void start(struct history *history, const json_t *entry) {
	int64_t now_us = entry_time_us(entry);
	bool clean = !json_is_false(json_object_get(entry, "clean_stop"));
	history->stopped_us = history->latest_us != 0 ? history->latest_us : now_us;
	if (!clean && history->latest_us != 0)
		(void)begin(history, PERIOD_CRASH, entry, history->latest_us - SEALS_WAIT_US, now_us);
	in_force(history, entry);
}

static void rebuilt(struct history *history, const json_t *entry) {
	(void)begin(history, PERIOD_REBUILT, entry, history->stopped_us, entry_time_us(entry));
}

static void adopted(struct history *history, const json_t *entry) {
	const char *root = field_text(entry, "root");
	int64_t now_us = entry_time_us(entry);
	if (field_text(entry, "former_uuid")[0] != '\0') {
		struct period *period = begin(history, PERIOD_EXCHANGED, entry, now_us, now_us);
		if (period != NULL)
			period->root = copy(history, root);
	}
	if (json_is_true(json_object_get(entry, "observe_only")))
		turn(history, PERIOD_OBSERVING, entry, root, true);
}

static void failed(struct history *history, const json_t *entry) {
	struct period *period = begin(history, PERIOD_FAILED, entry, entry_time_us(entry), INT64_MAX);
	if (period != NULL)
		period->camera = copy(history, field_text(entry, "camera"));
}

static struct period *hold_find(struct history *history, const char *id) {
	for (size_t i = history->count; i > 0; i--) {
		struct period *period = &history->periods[i - 1];
		if (period->kind == PERIOD_HELD && period->to_us == INT64_MAX && same(period->hold, id))
			return period;
	}
	return NULL;
}

static void hold(struct history *history, const json_t *entry) {
	const json_t *told = json_object_get(entry, "hold");
	struct period *period = hold_find(history, field_text(told, "id"));
	if (entry_is(entry, AUDIT_HOLD_RELEASED)) {
		if (period != NULL)
			period->to_us = entry_time_us(entry);
		return;
	}
	if (period == NULL) {
		period = begin(history, PERIOD_HELD, entry, entry_time_us(entry), INT64_MAX);
		if (period == NULL)
			return;
		period->hold = copy(history, field_text(told, "id"));
		if (!json_is_true(json_object_get(told, "all_cameras")))
			period->cameras = json_incref(json_object_get(told, "cameras"));
	}
	period->footage_from_us = field_number(told, "from_us") - field_number(told, "pre_roll_us");
	period->footage_to_us = field_number(told, "to_us") + field_number(told, "post_roll_us");
}

void history_pruned(struct history *history, uint64_t first) {
	struct period *period = open_period(history, PERIOD_PRUNED, NULL);
	if (period == NULL)
		period = begin(history, PERIOD_PRUNED, NULL, history->any ? history->latest_us : INT64_MIN, INT64_MAX);
	if (period == NULL)
		return;
	period->sequence = first;
	history->pruning = true;
}

int history_entry(struct history *history, const json_t *entry) {
	int64_t now_us = entry_time_us(entry);
	struct period *pruned = history->pruning ? open_period(history, PERIOD_PRUNED, NULL) : NULL;
	if (pruned != NULL)
		pruned->to_us = now_us;
	else if (!history->any)
		(void)begin(history, PERIOD_BEFORE, entry, INT64_MIN, now_us);
	history->pruning = false;
	history->any = true;
	if (entry_is(entry, AUDIT_START))
		start(history, entry);
	else if (entry_is(entry, AUDIT_CONFIGURATION))
		in_force(history, entry);
	else if (entry_is(entry, AUDIT_GAP))
		gap(history, entry);
	else if (entry_is(entry, AUDIT_LOG_RENEWED))
		(void)begin(history, PERIOD_RENEWED, entry, INT64_MIN, now_us);
	else if (entry_is(entry, AUDIT_ROOT_OFFLINE))
		turn(history, PERIOD_OFFLINE, entry, field_text(entry, "root"), true);
	else if (entry_is(entry, AUDIT_ROOT_ONLINE))
		turn(history, PERIOD_OFFLINE, entry, field_text(entry, "root"), false);
	else if (entry_is(entry, AUDIT_VOLUME_ADOPTED))
		adopted(history, entry);
	else if (entry_is(entry, AUDIT_INDEX_REBUILT))
		rebuilt(history, entry);
	else if (entry_is(entry, AUDIT_CLOCK_FROZEN))
		turn(history, PERIOD_CLOCK, entry, NULL, true);
	else if (entry_is(entry, AUDIT_CLOCK_TRUSTED))
		turn(history, PERIOD_CLOCK, entry, NULL, false);
	else if (entry_is(entry, AUDIT_BRAKE))
		turn(history, PERIOD_BRAKE, entry, NULL, true);
	else if (entry_is(entry, AUDIT_BRAKE_RELEASED))
		turn(history, PERIOD_BRAKE, entry, NULL, false);
	else if (entry_is(entry, AUDIT_DELETE_FAILED))
		failed(history, entry);
	else if (entry_is(entry, AUDIT_HOLD_PLACED) || entry_is(entry, AUDIT_HOLD_CHANGED) ||
	         entry_is(entry, AUDIT_HOLD_RELEASED))
		hold(history, entry);
	history->latest_us = now_us;
	return history->error;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "level.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/descriptor.h"
#include "base/log.h"
#include "guard.h"
#include "inotify.h"

/* ---- the best that can be had ---- */

static void reason_set(struct guard *guard, const char *what, int error) {
	(void)snprintf(guard->level_reason, sizeof guard->level_reason, "%s: %s", what, strerror(-error));
}

static bool open_permission(struct guard *guard) {
	int error = group_open_permission(&guard->opens);
	if (error == 0)
		return true;
	reason_set(guard,
	    error == -EINVAL ? "the kernel lets no program answer opens (CONFIG_FANOTIFY_ACCESS_PERMISSIONS)"
	                     : "opens cannot be made to wait for an answer",
	    error);
	return false;
}

void level_open(struct guard *guard) {
	guard->opens.fd = guard->names.fd = guard->inotify = -1;
	guard->level_reason[0] = '\0';
	if (open_permission(guard))
		guard->level = GUARD_LEVEL_PERMISSION;
	else if (group_open_notification(&guard->opens) == 0)
		guard->level = GUARD_LEVEL_NOTIFICATION;
	else if (group_open_names(&guard->names, false) == 0)
		guard->level = GUARD_LEVEL_ANONYMOUS;
	else if (inotify_open(guard) == 0)
		guard->level = GUARD_LEVEL_INOTIFY;
	else
		guard->level = GUARD_LEVEL_NONE;
	guard->opens_read_us = guard->names_read_us = clock_wall_us();
	if (guard->level < GUARD_LEVEL_NOTIFICATION)
		return;
	int error = group_open_names(&guard->names, true);
	if (error != 0)
		log_warning_errno(error, "who deletes, renames and writes footage cannot be told on this kernel");
}

void level_close(struct guard *guard) {
	group_close(&guard->opens);
	group_close(&guard->names);
	descriptor_close(&guard->inotify);
}

/* ---- telling it ---- */

static void reason_write(const struct guard *guard, const struct guarded_root *root, char *reason, size_t room) {
	reason[0] = '\0';
	if (guard->level != GUARD_LEVEL_PERMISSION)
		(void)snprintf(reason, room, "%s", guard->level_reason);
	else if (root->folders_failed > 0)
		(void)snprintf(reason, room, "%" PRIu32 " folders could not be marked: %s", root->folders_failed,
		    strerror(root->failed_error));
	else if (root->by == GUARD_MARK_FOLDERS)
		(void)snprintf(reason, room,
		    "the root shares its filesystem with the system, so each folder is marked: opens in a new folder are seen "
		    "from a moment after it appears");
	else if (!guard->opens.pidfd)
		(void)snprintf(reason, room, "the kernel names processes by number only");
	else if (!root->alterations)
		(void)snprintf(reason, room, "the kernel does not tell who deletes and renames on this filesystem");
}

/* As keeper would have to log it: that another folder got its mark is no news. */
static bool same(const struct record_guard_coverage *a, const struct record_guard_coverage *b) {
	return a->since_us == b->since_us && a->level == b->level && a->by == b->by && a->pidfd == b->pidfd &&
	       a->alterations == b->alterations && a->folders_failed == b->folders_failed;
}

static bool coverage_send(struct guard *guard, const struct record_guard_coverage *coverage) {
	message_begin(&guard->out, MESSAGE_GUARD_COVERAGE);
	record_guard_coverage_put(&guard->out.writer, coverage);
	return outgoing_message(&guard->outgoing, &guard->out);
}

static struct record_guard_coverage coverage_of(const struct guard *guard, size_t index) {
	const struct guarded_root *root = &guard->roots[index];
	bool none = root->by == GUARD_MARK_NONE || (root->by == GUARD_MARK_FOLDERS && root->folders == 0);
	return (struct record_guard_coverage){
	    .root = (uint16_t)index,
	    .since_us = root->since_us,
	    .level = (uint8_t)(none ? GUARD_LEVEL_NONE : guard->level),
	    .by = (uint8_t)root->by,
	    .pidfd = guard->opens.fd >= 0 && guard->opens.pidfd,
	    .alterations = root->alterations,
	    .folders = root->folders,
	    .folders_failed = root->folders_failed,
	};
}

void level_tell(struct guard *guard) {
	for (size_t i = 0; i < guard->settings->root_count; i++) {
		struct guarded_root *root = &guard->roots[i];
		if (!root->watched || root->since_us == 0)
			continue;
		struct record_guard_coverage coverage = coverage_of(guard, i);
		if (root->told && same(&coverage, &root->told_coverage))
			continue;
		char reason[256];
		reason_write(guard, root, reason, sizeof reason);
		coverage.reason = text_of(reason);
		root->told = coverage_send(guard, &coverage);
		coverage.reason = TEXT_NULL;
		root->told_coverage = coverage;
	}
}

bool level_is_untold(const struct guard *guard) {
	for (size_t i = 0; i < guard->settings->root_count; i++)
		if (guard->roots[i].watched && guard->roots[i].since_us != 0 && !guard->roots[i].told)
			return true;
	return false;
}

void level_tell_none(struct guard *guard, size_t index) {
	struct record_guard_coverage coverage = {
	    .root = (uint16_t)index, .since_us = clock_wall_us(), .reason = text_of("not watched any more")};
	/* Keeper asked for it, and knows without our word when memory is full. */
	(void)coverage_send(guard, &coverage);
}

void level_forget_told(struct guard *guard) {
	for (size_t i = 0; i < guard->settings->root_count; i++)
		guard->roots[i].told = false;
}

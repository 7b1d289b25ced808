/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Nobody waits for these events. FAN_MODIFY is not among them: each write of a recorder would wake us.
 * So truncate(2) by path, which nothing is closed after, is not told.
 */
#include "names.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/descriptor.h"
#include "below.h"
#include "folders.h"
#include "guard.h"
#include "handle.h"
#include "kernel.h"
#include "tell.h"

/* One event taken apart; handle and name point into it. */
struct name_event {
	uint64_t mask;
	int32_t pid;
	int pidfd;
	int32_t fsid[2];
	const unsigned char *handle; /* NULL: none */
	size_t handle_room;          /* bytes up to the record's end */
	struct text name;
};

static void name_take(struct name_event *event, const unsigned char *at, size_t length) {
	struct info_name info;
	unsigned handle_bytes;
	size_t head = sizeof info + sizeof(struct file_handle);
	if (length < head)
		return;
	memcpy(&info, at, sizeof info);
	memcpy(&handle_bytes, at + sizeof info, sizeof handle_bytes);
	if (handle_bytes > length - head)
		return;
	memcpy(event->fsid, info.fsid, sizeof event->fsid);
	event->handle = at + sizeof info;
	event->handle_room = length - sizeof info;
	const char *name = (const char *)at + head + handle_bytes;
	event->name = (struct text){.data = name, .length = strnlen(name, length - head - handle_bytes)};
}

/* `bytes` begin with `metadata`; events are only aligned to 4 bytes. */
static struct name_event event_take(const struct fanotify_event_metadata *metadata, const unsigned char *bytes) {
	struct name_event event = {.mask = metadata->mask, .pid = metadata->pid, .pidfd = ACCESSOR_NO_PIDFD};
	const unsigned char *at = bytes + metadata->metadata_len;
	const unsigned char *end = bytes + metadata->event_len;
	struct info_header header;
	while ((size_t)(end - at) >= sizeof header) {
		memcpy(&header, at, sizeof header);
		if (header.length < sizeof header || header.length > end - at)
			break;
		struct info_pidfd info;
		if (header.type == INFO_DFID_NAME) {
			name_take(&event, at, header.length);
		} else if (header.type == INFO_PIDFD && header.length >= sizeof info) {
			memcpy(&info, at, sizeof info);
			event.pidfd = info.pidfd >= 0             ? info.pidfd
			              : info.pidfd == FAN_NOPIDFD ? ACCESSOR_PIDFD_GONE
			                                          : ACCESSOR_NO_PIDFD;
		}
		at += header.length;
	}
	return event;
}

/* ---- where ---- */

/* The folder's path as we see it, by its handle. Into PATH_MAX bytes. */
static struct text folder_path(
    struct guard *guard, struct guarded_root *root, const struct name_event *event, char *path) {
	union handle handle;
	int top = root_open(guard, root);
	if (top < 0 || event->handle == NULL)
		return TEXT_NULL;
	memcpy(handle.bytes, event->handle, event->handle_room < sizeof handle ? event->handle_room : sizeof handle);
	if (handle.handle.handle_bytes > MAX_HANDLE_SZ)
		return TEXT_NULL;
	CLOSED_AT_END int fd = open_by_handle_at(top, &handle.handle, O_PATH | O_CLOEXEC);
	return fd < 0 ? TEXT_NULL : place_path(guard, fd, path, PATH_MAX);
}

/* Where below a watched root the event happened: the root's index and the path into guard->place; false if nowhere. */
static bool event_place(struct guard *guard, const struct name_event *event, size_t *ret_root, struct text *ret_path) {
	struct guarded_root *first = roots_find_fsid(guard, event->fsid);
	if (first == NULL || event->name.length == 0)
		return false;
	char folder[PATH_MAX];
	/* A folder that is gone itself: its name ends in a mark of that. */
	struct text where = path_without_deleted(folder_path(guard, first, event, folder));
	if (where.length == 0)
		return false;
	bool is_self = event->name.length == 1 && event->name.data[0] == '.';
	struct text whole = path_join(guard->place.path, where, is_self ? TEXT_NULL : event->name);
	bool found = false;
	size_t longest = 0;
	for (size_t i = 0; i < guard->settings->root_count; i++) {
		const struct guarded_root *root = &guard->roots[i];
		struct text below;
		if (root->watched && root->device == first->device && root->path.length >= longest &&
		    path_below(root->path, whole, &below) && below.length > 0) {
			found = true;
			longest = root->path.length;
			*ret_root = i;
			*ret_path = below;
		}
	}
	return found;
}

/* ---- what ---- */

static const struct {
	uint64_t mask;
	enum alteration_what what;
} alterations[] = {
    {FAN_CLOSE_WRITE, ALTERATION_WRITTEN},
    {FAN_MOVED_FROM, ALTERATION_RENAMED_AWAY},
    {FAN_MOVED_TO, ALTERATION_RENAMED_TO},
    {FAN_DELETE, ALTERATION_DELETED},
};

static void alterations_tell(
    struct guard *guard, const struct name_event *event, const struct accessor *accessor, bool told_before) {
	size_t root;
	struct text path;
	if (!event_place(guard, event, &root, &path))
		return;
	bool folder = (event->mask & FAN_ONDIR) != 0;
	if (folder && (event->mask & (FAN_CREATE | FAN_MOVED_TO)) != 0 && guard->roots[root].by == GUARD_MARK_FOLDERS)
		walk_push(guard, root, path);
	if (folder && (event->mask & FAN_DELETE) != 0 && guard->roots[root].folders > 0)
		guard->roots[root].folders--;
	bool recorder = accessor != NULL && accessor_part(guard->accessors, accessor, root) == ACCESSOR_RECORDER;
	for (size_t i = 0; i < ARRAY_LENGTH(alterations); i++) {
		if ((event->mask & alterations[i].mask) == 0 || (recorder && alterations[i].what == ALTERATION_WRITTEN))
			continue;
		tell_alteration(guard, root, path,
		    &(struct alteration_seen){
		        .accessor = accessor,
		        .told_before = told_before,
		        .pid = event->pid > 0 ? (uint32_t)event->pid : 0,
		        .what = alterations[i].what,
		        .at_us = clock_wall_us(),
		    });
	}
}

/* A program that is gone by now, or about to go, may be known from when it opened what it closes. */
static struct accessor *event_accessor(struct guard *guard, const struct name_event *event) {
	struct accessor *opener = openers_find(&guard->openers, event->pid);
	struct accessor *accessor = openers_look(&guard->openers, guard->accessors, event->pid, event->pidfd);
	bool closed = (event->mask & FAN_CLOSE_WRITE) != 0 && (event->mask & FAN_ONDIR) == 0;
	return !closed || opener == NULL || accessor_is_reliable(accessor) ? accessor : opener;
}

static void event_tell(struct guard *guard, const struct name_event *event) {
	struct accessor *accessor = NULL;
	bool told_before = true;
	bool ours = event->pid == guard->own;
	if (event->pid > 0 && !ours) {
		accessor = event_accessor(guard, event);
		told_before = !accessor_complete(guard->accessors, accessor);
		ours = accessor_part(guard->accessors, accessor, 0) == ACCESSOR_OWN;
	} else if (event->pidfd >= 0) {
		(void)close(event->pidfd);
	}
	/* A folder that we made ourselves (reaper's vault) needs its mark too. */
	if (!ours || (event->mask & FAN_ONDIR) != 0)
		alterations_tell(guard, event, accessor, told_before);
}

/* Without privilege: the folder by the key of its handle, the process not at all. */
static void anonymous_tell(struct guard *guard, const struct name_event *event) {
	struct folder_key key;
	if (event->handle == NULL || folder_key_of_handle(event->handle, event->handle_room, &key) != 0)
		return;
	const struct folder *folder = folders_find(guard->folders, &key);
	if (folder == NULL || (event->name.length == 1 && event->name.data[0] == '.'))
		return;
	tell_named(guard, folder->root, text_of(folder->path),
	    &(struct named_event){
	        .name = event->name,
	        .folder = (event->mask & FAN_ONDIR) != 0,
	        .opened = (event->mask & FAN_OPEN) != 0,
	        .appeared = (event->mask & (FAN_CREATE | FAN_MOVED_TO)) != 0,
	        .at_us = clock_wall_us(),
	    });
}

static void metadata_take(
    struct guard *guard, const struct fanotify_event_metadata *metadata, const unsigned char *bytes) {
	if ((metadata->mask & FAN_Q_OVERFLOW) != 0) {
		outgoing_lose(&guard->outgoing, GUARD_LOSS_OVERFLOW, guard->names_read_us, clock_wall_us(), 0);
		return;
	}
	struct name_event event = event_take(metadata, bytes);
	if (guard->level == GUARD_LEVEL_ANONYMOUS)
		anonymous_tell(guard, &event);
	else
		event_tell(guard, &event);
}

int names_turn(struct guard *guard) {
	ssize_t length = read(guard->names.fd, guard->name_events, sizeof guard->name_events);
	if (length < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	struct fanotify_event_metadata metadata;
	for (size_t at = 0; (size_t)length - at >= sizeof metadata; at += metadata.event_len) {
		memcpy(&metadata, guard->name_events + at, sizeof metadata);
		if (metadata.event_len < sizeof metadata || metadata.event_len > (size_t)length - at)
			break;
		metadata_take(guard, &metadata, guard->name_events + at);
	}
	/* Not full: the queue is empty now. */
	if ((size_t)length < sizeof guard->name_events / 2)
		guard->names_read_us = clock_wall_us();
	return 0;
}

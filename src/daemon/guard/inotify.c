/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inotify.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/descriptor.h"
#include "folders.h"
#include "guard.h"
#include "tell.h"

int inotify_open(struct guard *guard) {
	guard->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	return guard->inotify < 0 ? -errno : 0;
}

int inotify_mark(struct guard *guard, const struct walk_item *item, int fd) {
	char path[40];
	int error = guard->inotify < 0 ? inotify_open(guard) : 0;
	if (error != 0)
		return error;
	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	uint32_t mask = IN_CREATE | IN_MOVED_TO | IN_ONLYDIR | (guard->level == GUARD_LEVEL_INOTIFY ? IN_OPEN : 0);
	int watch = inotify_add_watch(guard->inotify, path, mask);
	if (watch < 0)
		return -errno;
	struct folder_key key = folder_key_of_watch(watch);
	return folders_put(&guard->folders, &key, item->root, item->path);
}

void inotify_flush(struct guard *guard) {
	descriptor_close(&guard->inotify);
}

static void event_take(struct guard *guard, const struct inotify_event *event) {
	int64_t now_us = clock_wall_us();
	if ((event->mask & IN_Q_OVERFLOW) != 0) {
		outgoing_lose(&guard->outgoing, GUARD_LOSS_OVERFLOW, guard->names_read_us, now_us, 0);
		return;
	}
	struct folder_key key = folder_key_of_watch(event->wd);
	const struct folder *folder = folders_find(guard->folders, &key);
	if (folder == NULL)
		return;
	if ((event->mask & IN_IGNORED) != 0) {
		folders_remove(guard->folders, &key);
		return;
	}
	tell_named(guard, folder->root, text_of(folder->path),
	    &(struct named_event){
	        .name = event->len > 0 ? text_of(event->name) : TEXT_NULL,
	        .folder = (event->mask & IN_ISDIR) != 0,
	        .opened = (event->mask & IN_OPEN) != 0,
	        .appeared = (event->mask & (IN_CREATE | IN_MOVED_TO)) != 0,
	        .at_us = now_us,
	    });
}

int inotify_turn(struct guard *guard) {
	ssize_t length = read(guard->inotify, guard->name_events, sizeof guard->name_events);
	if (length < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	for (size_t at = 0; at + sizeof(struct inotify_event) <= (size_t)length;) {
		const struct inotify_event *event = (const void *)(guard->name_events + at);
		event_take(guard, event);
		at += sizeof *event + event->len;
	}
	if ((size_t)length < sizeof guard->name_events / 2)
		guard->names_read_us = clock_wall_us();
	return 0;
}

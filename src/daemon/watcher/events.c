/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From inotify's events to CHANGES. An event is only a hint that a name is to be looked at: what is
 * told is what statx finds under it now, so late, doubled and merged events do no harm. Events of
 * files are gathered and told per folder; those of folders are handled in their place among them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>

#include "base/clock.h"
#include "base/descriptor.h"
#include "base/log.h"
#include "watcher.h"

enum { GATHER_MAX = 1024, WRITTEN_MAX = 64 };

struct name_event {
	int wd;
	uint32_t mask;
	const char *name;
};

struct gathered {
	struct name_event events[GATHER_MAX];
	size_t count;
};

static uint32_t now_s(void) {
	return (uint32_t)(clock_wall_us() / US_PER_SECOND);
}

/* The folder of an event and its root; NULL if the watch is gone. */
static struct root *place_of(struct watcher *watcher, int wd, char *path, size_t room) {
	struct watch_name name;
	if (!watches_name(wd, &name) || !text_copy(path, room, name.path))
		return NULL;
	struct root *root = watcher_root(watcher, name.root);
	return root != NULL && root->found ? root : NULL;
}

static int by_folder_and_name(const void *a, const void *b) {
	const struct name_event *first = a;
	const struct name_event *second = b;
	if (first->wd != second->wd)
		return first->wd < second->wd ? -1 : 1;
	int order = strcmp(first->name, second->name);
	/* The names stand in the queue in the order of their events. */
	return order != 0 ? order : (first->name > second->name) - (first->name < second->name);
}

static enum entry_event event_of(uint32_t mask, const struct statx *facts) {
	if ((mask & IN_MOVED_TO) != 0 || ((mask & IN_CREATE) != 0 && facts->stx_nlink > 1))
		return ENTRY_ARRIVED;
	if ((mask & IN_CLOSE_WRITE) != 0)
		return ENTRY_CLOSED;
	return (mask & IN_CREATE) != 0 ? ENTRY_APPEARED : ENTRY_CHANGED;
}

/* What to tell of a name after these events. False for nothing. */
static bool entry_after(
    const struct root *root, int folder_fd, const struct name_event *event, struct record_entry *ret_entry) {
	struct statx facts;
	int error = statx_of(folder_fd, event->name, &facts);
	if (error == -ENOENT) {
		*ret_entry = (struct record_entry){.what = ENTRY_GONE, .type = ENTRY_FILE, .name = text_of(event->name)};
		return true;
	}
	/* Removed and there again: the event of the new one follows. A folder under this name tells itself. */
	if (error != 0 || event->mask == 0 || S_ISDIR(facts.stx_mode))
		return false;
	entry_from(root, event->name, &facts, ret_entry);
	ret_entry->what = (uint8_t)event_of(event->mask, &facts);
	return true;
}

static void changes_begin(struct watcher *watcher, const struct root *root, struct text path) {
	message_begin(&watcher->out, MESSAGE_CHANGES);
	record_folder_put(&watcher->out.writer, &(struct record_folder){.root = root->index, .path = path});
}

/*
 * Of one name only the last event stays, with all that happened; what happened before a removal happened
 * to something else.
 */
static size_t events_merge(struct name_event *events, size_t count) {
	size_t kept = 0;
	for (size_t i = 0; i < count; i++) {
		if ((events[i].mask & (IN_DELETE | IN_MOVED_FROM)) != 0)
			events[i].mask = 0;
		bool again =
		    kept > 0 && events[kept - 1].wd == events[i].wd && strcmp(events[kept - 1].name, events[i].name) == 0;
		if (again && events[i].mask != 0)
			events[i].mask |= events[kept - 1].mask;
		events[again ? kept - 1 : kept++] = events[i];
	}
	return kept;
}

/* Tells of one folder's names, in as few messages as possible: either those that were removed last, or the others. */
static int folder_tell(struct watcher *watcher, const struct name_event *events, size_t count, bool removed) {
	char path[PATH_BYTES_MAX + 1];
	bool any = false;
	for (size_t i = 0; i < count && !any; i++)
		any = (events[i].mask == 0) == removed;
	struct root *root = any ? place_of(watcher, events[0].wd, path, sizeof path) : NULL;
	if (root == NULL)
		return 0;
	CLOSED_AT_END int fd = root_open_folder(root, text_of(path));
	if (fd < 0)
		return root->fd < 0 ? watcher_root_lost(watcher, root, fd) : 0; /* a folder that is gone tells itself */
	changes_begin(watcher, root, text_of(path));
	for (size_t i = 0; i < count; i++) {
		struct record_entry entry;
		if ((events[i].mask == 0) != removed || !entry_after(root, fd, &events[i], &entry))
			continue;
		if (!message_has_room(&watcher->out)) {
			int error = watcher_send(watcher);
			if (error != 0)
				return error;
			changes_begin(watcher, root, text_of(path));
		}
		message_add_entry(&watcher->out, &entry);
	}
	return watcher->out.items > 0 ? watcher_send(watcher) : 0;
}

static int folders_tell(struct watcher *watcher, const struct gathered *gathered, bool removed) {
	int error = 0;
	for (size_t i = 0; i < gathered->count && error == 0;) {
		size_t count = 1;
		while (i + count < gathered->count && gathered->events[i + count].wd == gathered->events[i].wd)
			count++;
		error = folder_tell(watcher, &gathered->events[i], count, removed);
		i += count;
	}
	return error;
}

/* Old names first, so that a rename is known as one whatever the order of the two names. */
static int gathered_tell(struct watcher *watcher, struct gathered *gathered) {
	qsort(gathered->events, gathered->count, sizeof gathered->events[0], by_folder_and_name);
	gathered->count = events_merge(gathered->events, gathered->count);
	int error = folders_tell(watcher, gathered, true);
	if (error == 0)
		error = folders_tell(watcher, gathered, false);
	gathered->count = 0;
	return error;
}

/* ---- names that are being written ---- */

static struct written_name *written_find(const struct watcher *watcher, int wd, const char *name) {
	for (size_t i = 0; i < watcher->written_count; i++)
		if (watcher->written[i].wd == wd && strcmp(watcher->written[i].name, name) == 0)
			return &watcher->written[i];
	return NULL;
}

/* Another event tells the name at once. */
static void written_drop(struct watcher *watcher, int wd, const char *name) {
	struct written_name *written = written_find(watcher, wd, name);
	if (written != NULL)
		*written = watcher->written[--watcher->written_count];
}

int events_tell_written(struct watcher *watcher) {
	struct gathered gathered = {.count = watcher->written_count};
	for (size_t i = 0; i < watcher->written_count; i++)
		gathered.events[i] =
		    (struct name_event){.wd = watcher->written[i].wd, .mask = IN_MODIFY, .name = watcher->written[i].name};
	int error = gathered_tell(watcher, &gathered);
	watcher->written_count = 0;
	return error;
}

/* True if the name waits for its second. */
static bool written_keep(struct watcher *watcher, int wd, const char *name) {
	if (watcher->written == NULL)
		watcher->written = calloc(WRITTEN_MAX, sizeof *watcher->written);
	if (watcher->written == NULL)
		return false;
	if (written_find(watcher, wd, name) != NULL)
		return true;
	if (watcher->written_count == WRITTEN_MAX)
		return false;
	if (watcher->written_count == 0)
		watcher->written_due_us = clock_boot_us() + US_PER_SECOND;
	struct written_name *written = &watcher->written[watcher->written_count];
	if (!text_copy(written->name, sizeof written->name, text_of(name)))
		return false;
	written->wd = wd;
	watcher->written_count++;
	return true;
}

/* ---- one event ---- */

static int overflow(struct watcher *watcher) {
	watcher->overflows++;
	log_warning("inotify events were lost (time %u), comparing all folders", watcher->overflows);
	for (size_t i = 0; i < watcher->root_count; i++) {
		struct root *root = &watcher->roots[i];
		int error = 0;
		if (root->scanning) {
			root->scan_again = true;
		} else if (root->found && root->scanned) {
			folders_release(&root->known); /* a lost event need not have changed a folder's times */
			error = scan_begin(watcher, root);
		}
		if (error != 0)
			return error;
	}
	return 0;
}

static int folder_event(struct watcher *watcher, const struct inotify_event *event) {
	char joined[2 * PATH_BYTES_MAX];
	struct root *root = place_of(watcher, event->wd, joined, PATH_BYTES_MAX + 1);
	if (root == NULL)
		return 0;
	size_t length = strlen(joined);
	if (length > 0)
		joined[length++] = '/';
	if (!text_copy(joined + length, sizeof joined - length, text_of(event->name)))
		return 0;
	struct text path = text_of(joined);
	bool held =
	    watches_find(&watcher->watches, root->index, path) != NULL || folders_find(&root->unwatched, path) != NULL;
	if (path.length > PATH_BYTES_MAX)
		return 0; /* its parent's listing says so */
	if ((event->mask & IN_MOVED_FROM) != 0)
		return visit_gone_below(watcher, root, path);
	if ((event->mask & IN_DELETE) != 0)
		return held ? visit_gone(watcher, root, path) : 0;
	if ((event->mask & (IN_CREATE | IN_MOVED_TO)) != 0 || !held)
		if (!scan_push(watcher, &(struct scan_item){.root = root, .mtime_ns = clock_wall_us() * 1000}, path))
			return -ENOMEM;
	return 0;
}

/* Something about the watched folder itself. */
static int self_event(struct watcher *watcher, const struct inotify_event *event) {
	char path[PATH_BYTES_MAX + 1];
	struct root *root = place_of(watcher, event->wd, path, sizeof path);
	if (root == NULL || watches_state(&watcher->watches, event->wd) == NULL) {
		watches_remove(&watcher->watches, event->wd);
		return 0;
	}
	if ((event->mask & IN_UNMOUNT) != 0)
		return watcher_root_lost(watcher, root, -ENODEV);
	if (path[0] == '\0' && (event->mask & (IN_DELETE_SELF | IN_MOVE_SELF)) != 0 && !root_still_there(root))
		return watcher_root_lost(watcher, root, -ENOENT);
	if ((event->mask & IN_IGNORED) == 0)
		return 0;
	/* Not by our own doing: the folder was removed. A visit finds out what is there now. */
	watches_remove(&watcher->watches, event->wd);
	return scan_push(watcher, &(struct scan_item){.root = root}, text_of(path)) ? 0 : -ENOMEM;
}

static int event_handle(struct watcher *watcher, struct gathered *gathered, const struct inotify_event *event) {
	enum { SELF = IN_IGNORED | IN_UNMOUNT | IN_DELETE_SELF | IN_MOVE_SELF };
	bool of_file = event->len > 0 && (event->mask & (IN_ISDIR | SELF | IN_Q_OVERFLOW)) == 0;
	if (!of_file || gathered->count == GATHER_MAX) {
		int error = gathered_tell(watcher, gathered);
		if (error != 0)
			return error;
	}
	if ((event->mask & IN_Q_OVERFLOW) != 0)
		return overflow(watcher);
	if ((event->mask & SELF) != 0)
		return self_event(watcher, event);
	if (event->len == 0)
		return 0;
	struct watch_state *state = watches_state(&watcher->watches, event->wd);
	if (state == NULL)
		return 0;
	if ((event->mask & (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO)) != 0) {
		state->changed_s = now_s();
		state->unsettled = true;
	}
	if ((event->mask & IN_ISDIR) != 0)
		return folder_event(watcher, event);
	if (event->mask == IN_MODIFY && written_keep(watcher, event->wd, event->name))
		return 0;
	written_drop(watcher, event->wd, event->name);
	gathered->events[gathered->count++] =
	    (struct name_event){.wd = event->wd, .mask = event->mask, .name = event->name};
	return 0;
}

int events_handle(struct watcher *watcher) {
	/* Sending may read more events, so these are taken out of the queue first. */
	struct event_queue taken = event_queue_take(&watcher->queue);
	struct gathered gathered;
	gathered.count = 0;
	int error = 0;
	for (size_t at = 0; at < taken.used && error == 0;) {
		const struct inotify_event *event = (const void *)(taken.bytes + at);
		at += sizeof *event + event->len;
		error = event_handle(watcher, &gathered, event);
	}
	if (error == 0)
		error = gathered_tell(watcher, &gathered);
	if (error == 0 && taken.overflowed)
		error = overflow(watcher);
	event_queue_release(&taken);
	return error;
}

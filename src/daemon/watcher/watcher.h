/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state of this program, and what its parts ask of each other. A function that sends returns 0,
 * -EPIPE when keeper is gone, or another negative errno that ends the program: it keeps nothing that
 * is not on the disk, so its successor loses nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "ipc/message.h"
#include "queue.h"
#include "root.h"
#include "watches.h"

struct settings;

/* A folder to be visited, on the stack of scan.c. */
struct scan_item {
	char *path;
	int64_t mtime_ns; /* as its parent's listing says; orders siblings */
	struct root *root;
	bool again; /* list it even if it is watched already */
};

/* A name that is being written, told once a second (roots whose layout has slots). */
struct written_name {
	int wd;
	char name[NAME_BYTES_MAX + 1];
};

struct watcher {
	int channel;
	struct root *roots;
	size_t root_count;
	struct watches watches;
	struct event_queue queue;

	struct scan_item *stack;
	size_t stack_count, stack_room;
	char *listing_buffer; /* getdents64's; only while there is something to list */

	struct written_name *written;
	size_t written_count;
	int64_t written_due_us; /* on the boot clock */

	uint32_t overflows;
	struct record_watch_coverage coverage_told;
	int64_t coverage_due_us;
	int64_t minute_due_us;
	int64_t events_due_us; /* inotify is not read before this: slots, or many events */
	int64_t events_read_us;
	int64_t active_us; /* when something last happened */

	struct message_writer out;
	struct message message;
};

/* ---- watcher.c: the program apart from its start ---- */

/* Takes one channel and the roots with these indices; inotify is open already. What it needs of `settings` is copied.
 */
MUST_USE int watcher_init(
    struct watcher *watcher, int channel, const struct settings *settings, const uint16_t *roots, size_t root_count);
void watcher_release(struct watcher *watcher);

/* Finds the roots and tells keeper. */
MUST_USE int watcher_begin(struct watcher *watcher);
/* That, then serves until the channel ends. 0 for its end, or a negative errno. */
MUST_USE int watcher_run(struct watcher *watcher);
/* One turn of serving: handles what is there, does a piece of work, waits at most `wait_ms` (-1: until something is
 * due). 1, 0 at the end, or a negative errno. */
MUST_USE int watcher_turn(struct watcher *watcher, int wait_ms);

struct root *watcher_root(struct watcher *watcher, uint16_t index);

/* Sends watcher->out; while keeper does not read, inotify is drained. */
MUST_USE int watcher_send(struct watcher *watcher);
/* Waits until the channel may have room for a message; drains inotify meanwhile. */
MUST_USE int watcher_wait_for_room(struct watcher *watcher);
MUST_USE int watcher_send_root(struct watcher *watcher, struct root *root, int error);
MUST_USE int watcher_send_folder_end(struct watcher *watcher, const struct record_folder_end *end);

/* The root's folder went away or is another one: says so and stops all work on it. Nothing below it is called gone. */
MUST_USE int watcher_root_lost(struct watcher *watcher, struct root *root, int error);

/* ---- entry.c: a name as keeper is told it ---- */

void entry_from(const struct root *root, const char *name, const struct statx *facts, struct record_entry *ret_entry);

/* ---- listing.c ---- */

/*
 * Lists the open folder to keeper and pushes the folders in it that are not known. Ends with
 * FOLDER_END; *ret_mtime_ns is what it told, or -1 after an error.
 */
MUST_USE int listing_send(
    struct watcher *watcher, struct root *root, struct text path, int folder_fd, int64_t *ret_mtime_ns);

/* ---- scan.c ---- */

/* A folder of FOLDERS_KNOWN. */
void scan_know(struct root *root, const struct record_known_folder *folder);
/* Compares the whole root with what keeper knows; without that, lists all. Ends with SCAN_END. */
MUST_USE int scan_begin(struct watcher *watcher, struct root *root);
/* Has a folder visited soon. `again`: listed even if it is watched. False without memory or over the limit. */
bool scan_push(struct watcher *watcher, const struct scan_item *item, struct text path);
/* A folder found in a listing: pushed unless it is known or was visited. */
bool scan_found(struct watcher *watcher, struct root *root, struct text path, int64_t mtime_ns);
void scan_compare_begin(struct watcher *watcher);
bool scan_has_work(const struct watcher *watcher);
/* Does a bounded piece of the work. */
MUST_USE int scan_step(struct watcher *watcher);
/* Drops all work on a root. */
void scan_cancel(struct watcher *watcher, struct root *root);

/* ---- visit.c: one folder ---- */

enum visit_reason {
	VISIT_NEW,     /* list it unless it is watched already */
	VISIT_AGAIN,   /* list it */
	VISIT_COMPARE, /* list it if its times differ from those given */
	VISIT_LOOK,    /* the same, but while they do not differ it needs no watch yet */
};

struct visit {
	enum visit_reason reason;
	int64_t mtime_ns; /* what is known; for VISIT_COMPARE compared, else only the order of watches */
	int64_t ctime_ns;
};

/* Watches the folder, then looks at it, and lists it where that is needed. */
MUST_USE int visit_folder(struct watcher *watcher, struct root *root, struct text path, const struct visit *visit);
/* The folder is not there any more: forgets it and tells keeper. */
MUST_USE int visit_gone(struct watcher *watcher, struct root *root, struct text path);
/* The same for the folder and all that was below it: it was moved away. */
MUST_USE int visit_gone_below(struct watcher *watcher, struct root *root, struct text path);

/* ---- events.c ---- */

/* Handles the events that wait in the queue. */
MUST_USE int events_handle(struct watcher *watcher);
/* Tells the names that were written, once a second. */
MUST_USE int events_tell_written(struct watcher *watcher);

/* ---- requests.c: what keeper asks ---- */

MUST_USE int request_handle(struct watcher *watcher);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The inotify watches, kept by libinotifytools: it adds and removes them and holds the map from
 * watch to folder. The kernel limits how many there are; when it is reached, the folder changed
 * longest ago gives up its watch to one that changed later.
 *
 * The library is one for the process, so there is one struct watches.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/bytes.h"

/* A watched folder, apart from its name, which the library has. */
struct watch_state {
	int32_t wd;
	uint32_t changed_s; /* wall clock, when the folder last changed as far as is known */
	bool unsettled;     /* keeper does not have its times yet: read again once it is quiet */
	bool seen;          /* visited since the scan began */
	bool fixed;         /* never gives up its watch: the root itself */
};

struct watches {
	int fd;
	uint32_t limit;             /* fs.inotify.max_user_watches */
	struct watch_state *states; /* sorted by wd */
	size_t count;
	size_t room;
	uint32_t oldest_s; /* no watched folder changed before this */
	bool full;
};

/* A folder by its root's index and its path; the path points into the library's memory until the watch is removed. */
struct watch_name {
	uint16_t root;
	struct text path;
};

enum watch_result {
	WATCH_ADDED,
	WATCH_KEPT,    /* it was watched already */
	WATCH_EVICTED, /* added, and another folder lost its watch for it */
	WATCH_FULL,    /* the limit is reached and every watched folder changed later */
};

struct watch_request {
	uint16_t root;
	struct text path;
	int folder_fd; /* what is watched is this very folder, whatever its path leads to by now */
	uint32_t changed_s;
	bool writes; /* IN_MODIFY too */
};

/* Opens inotify. To be called before the sandbox closes /proc. 0 or a negative errno. */
MUST_USE int watches_open(struct watches *watches);
void watches_close(struct watches *watches);

/*
 * Adds a watch. Returns enum watch_result or a negative errno. With WATCH_EVICTED the folder that
 * lost its watch is in `evicted` (of `room` bytes) and its root in *evicted_root.
 */
MUST_USE int watches_add(
    struct watches *watches, const struct watch_request *request, char *evicted, size_t room, uint16_t *evicted_root);

/* What is known of a watch: NULL for one that is gone. Valid until the next add or remove. */
struct watch_state *watches_state(struct watches *watches, int wd);
struct watch_state *watches_find(struct watches *watches, uint16_t root, struct text path);

/* The folder of a watch. False for one that is gone. */
MUST_USE bool watches_name(int wd, struct watch_name *ret_name);

/* Removes a watch; nothing happens if there is none, and it need not exist in the kernel any more. */
void watches_remove(struct watches *watches, int wd);

/* Reads the limit again and lets the next add try: the limit may be higher by now, or others' watches gone. */
void watches_look_again(struct watches *watches);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How the library is used. It asks the C library for inotify by three functions, which this file
 * defines in their place, because three of its habits do not suit a daemon:
 *   - it keeps the inotify descriptor to itself: here it is given one that we own and poll;
 *   - it never forgets a watch that the kernel has ended (a folder that was removed): here ending
 *     it once more succeeds, so inotifytools_remove_watch_by_wd() drops its record;
 *   - it watches what a path leads to at that moment: here it is the folder that is already open,
 *     and the path is only its name in the map, "<root>:<path>".
 * Nothing else of the library is replaced; its reader is not used.
 */
#include "watches.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <inotifytools/inotifytools.h>

#include "ipc/catalogue.h"

/*
 * Creation, the end of writing, renames, removal, and changed times or links. Not IN_OPEN, and not
 * IN_MODIFY except where slots are written again: a recorder writes many times a second.
 */
enum {
	WATCH_EVENTS = IN_CREATE | IN_CLOSE_WRITE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF |
	               IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK,
	LABEL_BYTES = PATH_BYTES_MAX + 8,
};

/* The library has no argument to pass these on. */
static int library_fd = -1;
static int library_folder_fd = -1;

int inotify_init(void) {
	library_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	return library_fd;
}

static int kernel_add(int fd, int folder_fd, uint32_t events) {
	char path[32];
	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", folder_fd);
	return (int)syscall(SYS_inotify_add_watch, fd, path, events);
}

int inotify_add_watch(int fd, const char *name UNUSED, uint32_t events) {
	return kernel_add(fd, library_folder_fd, events);
}

int inotify_rm_watch(int fd, int wd) {
	int result = (int)syscall(SYS_inotify_rm_watch, fd, wd);
	return result < 0 && errno == EINVAL ? 0 : result;
}

static bool label_format(char *label, size_t room, uint16_t root, struct text path) {
	int prefix = snprintf(label, room, "%u:", (unsigned)root);
	return prefix > 0 && text_copy(label + prefix, room - (size_t)prefix, path);
}

int watches_open(struct watches *watches) {
	*watches = (struct watches){.fd = -1};
	if (!inotifytools_initialize())
		return -inotifytools_error();
	watches->fd = library_fd;
	watches_look_again(watches);
	return 0;
}

void watches_look_again(struct watches *watches) {
	int limit = inotifytools_get_max_user_watches();
	if (limit > 0)
		watches->limit = (uint32_t)limit;
	watches->full = false;
}

void watches_close(struct watches *watches) {
	inotifytools_cleanup();
	free(watches->states);
	*watches = (struct watches){.fd = -1};
}

/* Where the state of a wd is, or where it would have to be. */
static size_t position_of(const struct watches *watches, int wd) {
	size_t low = 0;
	size_t high = watches->count;
	if (high > 0 && watches->states[high - 1].wd < wd)
		return high;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (watches->states[middle].wd < wd)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct watch_state *watches_state(struct watches *watches, int wd) {
	size_t position = position_of(watches, wd);
	if (position == watches->count || watches->states[position].wd != wd)
		return NULL;
	return &watches->states[position];
}

struct watch_state *watches_find(struct watches *watches, uint16_t root, struct text path) {
	char label[LABEL_BYTES];
	if (!label_format(label, sizeof label, root, path))
		return NULL;
	int wd = inotifytools_wd_from_filename(label);
	return wd < 0 ? NULL : watches_state(watches, wd);
}

bool watches_name(int wd, struct watch_name *ret_name) {
	const char *label = inotifytools_filename_from_wd(wd);
	const char *colon = strchr(label, ':');
	if (colon == NULL)
		return false;
	*ret_name = (struct watch_name){.root = (uint16_t)strtoul(label, NULL, 10), .path = text_of(colon + 1)};
	return true;
}

void watches_remove(struct watches *watches, int wd) {
	struct watch_state *state = watches_state(watches, wd);
	if (state == NULL)
		return;
	(void)inotifytools_remove_watch_by_wd(wd);
	size_t behind = (size_t)(watches->states + watches->count - (state + 1));
	memmove(state, state + 1, behind * sizeof *state);
	watches->count--;
	watches->full = false;
}

static bool states_grow(struct watches *watches) {
	if (watches->count < watches->room)
		return true;
	size_t room = watches->room == 0 ? 64 : watches->room + watches->room / 2;
	struct watch_state *states = realloc(watches->states, room * sizeof *states);
	if (states == NULL)
		return false;
	watches->states = states;
	watches->room = room;
	return true;
}

static void state_insert(struct watches *watches, int wd, const struct watch_request *request) {
	size_t position = position_of(watches, wd);
	struct watch_state *state = &watches->states[position];
	memmove(state + 1, state, (watches->count - position) * sizeof *state);
	*state = (struct watch_state){
	    .wd = wd, .changed_s = request->changed_s, .seen = true, .fixed = request->path.length == 0};
	if (watches->count == 0 || request->changed_s < watches->oldest_s)
		watches->oldest_s = request->changed_s;
	watches->count++;
}

/* The watched folder that changed longest ago, if that was before `changed_s`. */
static struct watch_state *oldest_before(struct watches *watches, uint32_t changed_s) {
	if (changed_s <= watches->oldest_s)
		return NULL;
	struct watch_state *oldest = NULL;
	for (struct watch_state *state = watches->states; state < watches->states + watches->count; state++)
		if (!state->fixed && (oldest == NULL || state->changed_s < oldest->changed_s))
			oldest = state;
	if (oldest == NULL)
		return NULL;
	watches->oldest_s = oldest->changed_s;
	return oldest->changed_s < changed_s ? oldest : NULL;
}

/* A watch of this name or of this folder that is out of date goes. True if the right one exists already. */
static bool is_kept(struct watches *watches, const char *label, const struct watch_request *request) {
	int named = inotifytools_wd_from_filename(label);
	if (named < 0)
		return false;
	int same = kernel_add(watches->fd, request->folder_fd, WATCH_EVENTS | (request->writes ? IN_MODIFY : 0));
	if (same == named)
		return true;
	watches_remove(watches, named);
	struct watch_name other;
	if (same >= 0 && !watches_name(same, &other))
		(void)inotify_rm_watch(watches->fd, same);
	return false;
}

/* The folder is watched under a name that it had before: its rename is still in the queue. */
static void drop_former_name(struct watches *watches, const struct watch_request *request) {
	int wd = kernel_add(watches->fd, request->folder_fd, WATCH_EVENTS);
	struct watch_name name;
	if (wd >= 0 && watches_name(wd, &name))
		watches_remove(watches, wd);
	else if (wd >= 0)
		(void)inotify_rm_watch(watches->fd, wd);
}

/* 0 or a negative errno. IN_MASK_CREATE: the library must not hold two records of one watch. */
static int library_add(struct watches *watches, const char *label, const struct watch_request *request) {
	uint32_t events = WATCH_EVENTS | IN_MASK_CREATE | (request->writes ? IN_MODIFY : 0);
	library_folder_fd = request->folder_fd;
	int error = 0;
	if (!inotifytools_watch_file(label, (int)events))
		error = -inotifytools_error();
	library_folder_fd = -1;
	if (error != 0)
		return error;
	int wd = inotifytools_wd_from_filename(label);
	if (wd < 0)
		return -ENOMEM;
	state_insert(watches, wd, request);
	return 0;
}

static bool evict(struct watches *watches, uint32_t changed_s, char *evicted, size_t room, uint16_t *evicted_root) {
	struct watch_state *oldest = oldest_before(watches, changed_s);
	struct watch_name name;
	if (oldest == NULL || !watches_name(oldest->wd, &name) || !text_copy(evicted, room, name.path))
		return false;
	*evicted_root = name.root;
	watches_remove(watches, oldest->wd);
	return true;
}

int watches_add(
    struct watches *watches, const struct watch_request *request, char *evicted, size_t room, uint16_t *evicted_root) {
	char label[LABEL_BYTES];
	if (!label_format(label, sizeof label, request->root, request->path))
		return -EINVAL;
	if (is_kept(watches, label, request)) {
		struct watch_state *state = watches_find(watches, request->root, request->path);
		if (state == NULL)
			return -ENOENT;
		state->seen = true;
		return WATCH_KEPT;
	}
	if (!states_grow(watches))
		return -ENOMEM;
	if (watches->full && request->changed_s <= watches->oldest_s)
		return WATCH_FULL;
	int error = library_add(watches, label, request);
	if (error == -EEXIST) {
		drop_former_name(watches, request);
		error = library_add(watches, label, request);
	}
	if (error != -ENOSPC)
		return error == 0 ? WATCH_ADDED : error;
	bool evicting = evict(watches, request->changed_s, evicted, room, evicted_root);
	if (evicting)
		error = library_add(watches, label, request);
	watches->full = true;
	if (evicting && error == 0)
		return WATCH_EVICTED;
	return error == -ENOSPC && !evicting ? WATCH_FULL : error;
}

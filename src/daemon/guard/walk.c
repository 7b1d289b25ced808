/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/beneath.h"
#include "base/clock.h"
#include "base/descriptor.h"
#include "base/log.h"
#include "folders.h"
#include "guard.h"
#include "inotify.h"
#include "kernel.h"
#include "level.h"

enum { WALK_STEP_US = 300, WALK_MAX = 1000000 };

static void folder_failed(struct guarded_root *root, int error, const char *path) {
	/* Gone in the meantime is no failure: what was moved is told again under its new name. */
	if (error == -ENOENT || error == -ENOTDIR)
		return;
	if (root->folders_failed++ == 0)
		log_warning_errno(error, "cannot mark the folder '%s/%s', opens there are not seen", root->path.data, path);
	root->failed_error = -error;
}

void walk_push(struct guard *guard, size_t root, struct text path) {
	struct walk *walk = &guard->walk;
	char *copy = path.length < PATH_MAX ? strndup(path.data == NULL ? "" : path.data, path.length) : NULL;
	if (copy == NULL || walk->count >= WALK_MAX ||
	    !array_room(&walk->items, &walk->room, walk->count, sizeof *walk->items)) {
		free(copy);
		folder_failed(&guard->roots[root], -ENOMEM, "");
		return;
	}
	walk->items[walk->count++] = (struct walk_item){.root = (uint16_t)root, .path = copy};
	guard->roots[root].walking++;
}

/* ---- one folder ---- */

static int mark_anonymous(struct guard *guard, const struct walk_item *item, int fd) {
	uint64_t mask = FAN_OPEN | FAN_CREATE | FAN_MOVED_TO | FAN_ONDIR | FAN_EVENT_ON_CHILD;
	struct folder_key key;
	int error = folder_key_of(fd, &key);
	if (error != 0)
		return error;
	if (fanotify_mark(guard->names.fd, FAN_MARK_ADD | FAN_MARK_ONLYDIR, mask, fd, NULL) < 0)
		return -errno;
	return folders_put(&guard->folders, &key, item->root, item->path);
}

static int mark_full(struct guard *guard, const struct walk_item *item, int fd) {
	uint64_t opens = guard->level == GUARD_LEVEL_PERMISSION ? FAN_OPEN_PERM : FAN_OPEN;
	uint64_t names = FAN_CREATE | FAN_MOVED_TO | FAN_MOVED_FROM | FAN_DELETE | FAN_CLOSE_WRITE | FAN_ONDIR;
	if (fanotify_mark(guard->opens.fd, FAN_MARK_ADD | FAN_MARK_ONLYDIR, opens | FAN_EVENT_ON_CHILD, fd, NULL) < 0)
		return -errno;
	if (guard->names.fd >= 0 &&
	    fanotify_mark(guard->names.fd, FAN_MARK_ADD | FAN_MARK_ONLYDIR, names | FAN_EVENT_ON_CHILD, fd, NULL) == 0)
		return 0;
	/* New folders still have to be seen. */
	guard->roots[item->root].alterations = false;
	return inotify_mark(guard, item, fd);
}

static int folder_mark(struct guard *guard, const struct walk_item *item, int fd) {
	switch (guard->level) {
	case GUARD_LEVEL_PERMISSION:
	case GUARD_LEVEL_NOTIFICATION:
		return mark_full(guard, item, fd);
	case GUARD_LEVEL_ANONYMOUS:
		return mark_anonymous(guard, item, fd);
	case GUARD_LEVEL_INOTIFY:
		return inotify_mark(guard, item, fd);
	case GUARD_LEVEL_NONE:
		break;
	}
	return -EOPNOTSUPP;
}

static bool is_folder(int fd, const struct dirent *entry) {
	if (entry->d_name[0] == '.' && (entry->d_name[1] == '\0' || strcmp(entry->d_name, "..") == 0))
		return false;
	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type == DT_DIR;
	struct stat facts;
	return fstatat(fd, entry->d_name, &facts, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(facts.st_mode);
}

/* Takes over `fd`. */
static void folders_below_push(struct guard *guard, const struct walk_item *item, int fd) {
	DIR *folder = fdopendir(fd);
	if (folder == NULL) {
		(void)close(fd);
		folder_failed(&guard->roots[item->root], -ENOMEM, item->path);
		return;
	}
	char path[PATH_MAX];
	for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
		if (!is_folder(fd, entry))
			continue;
		int length = snprintf(path, sizeof path, "%s%s%s", item->path, item->path[0] == '\0' ? "" : "/", entry->d_name);
		if (length > 0 && (size_t)length < sizeof path)
			walk_push(guard, item->root, text_of(path));
		else
			folder_failed(&guard->roots[item->root], -ENAMETOOLONG, item->path);
	}
	(void)closedir(folder);
}

static void folder_visit(struct guard *guard, const struct walk_item *item) {
	struct guarded_root *root = &guard->roots[item->root];
	int top = root_open(guard, root);
	int fd = top < 0 ? top : beneath_open_folder(top, item->path, O_RDONLY);
	/* Another volume below the root is not the root's: watcher does not enter it either. */
	if (fd == -EXDEV)
		return;
	int error = fd < 0 ? fd : folder_mark(guard, item, fd);
	if (error != 0)
		folder_failed(root, error, item->path);
	else
		root->folders++;
	/* After the mark: what appears between the two is told by it, and walked twice at worst. */
	if (fd >= 0)
		folders_below_push(guard, item, fd);
}

bool walk_step(struct guard *guard) {
	struct walk *walk = &guard->walk;
	if (walk->count == 0)
		return false;
	int64_t until_us = clock_elapsed_us() + WALK_STEP_US;
	while (walk->count > 0 && clock_elapsed_us() < until_us) {
		struct walk_item item = walk->items[--walk->count];
		struct guarded_root *root = &guard->roots[item.root];
		folder_visit(guard, &item);
		free(item.path);
		if (--root->walking > 0)
			continue;
		if (root->since_us == 0)
			root->since_us = clock_wall_us();
		level_tell(guard);
	}
	return walk->count > 0;
}

void walk_forget(struct guard *guard, size_t root, bool all) {
	struct walk *walk = &guard->walk;
	size_t kept = 0;
	for (size_t i = 0; i < walk->count; i++) {
		if (walk->items[i].root == root)
			free(walk->items[i].path);
		else
			walk->items[kept++] = walk->items[i];
	}
	walk->count = kept;
	/* Marks of one root among others stay until its volume goes: they cost an answer for an open, and nothing is told.
	 */
	if (!all)
		return;
	if (guard->opens.fd >= 0)
		(void)fanotify_mark(guard->opens.fd, FAN_MARK_FLUSH, 0, AT_FDCWD, NULL);
	if (guard->names.fd >= 0)
		(void)fanotify_mark(guard->names.fd, FAN_MARK_FLUSH, 0, AT_FDCWD, NULL);
	inotify_flush(guard);
	guard->folders = folders_free(guard->folders);
}

void walk_release(struct guard *guard) {
	for (size_t i = 0; i < guard->walk.count; i++)
		free(guard->walk.items[i].path);
	free(guard->walk.items);
	guard->walk = (struct walk){0};
}

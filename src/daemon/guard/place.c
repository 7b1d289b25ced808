/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel gives a descriptor's path as its mount has it. An opener in another mount namespace, in a
 * container or through a bind mount has another mount, and its path means nothing to us: then the file
 * is found again through our own mount, by its handle.
 */
#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "below.h"
#include "guard.h"
#include "handle.h"
#include "kernel.h"

enum { NUMBER_BYTES = 12 };

/* snprintf() would be a third of what place_of() costs. */
static const char *number_write(char text[NUMBER_BYTES], unsigned number) {
	char *at = &text[NUMBER_BYTES - 1];
	*at = '\0';
	do
		*--at = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	return at;
}

struct text place_path(const struct guard *guard, int fd, char *path, size_t room) {
	char number[NUMBER_BYTES];
	ssize_t length = readlinkat(guard->own_descriptors, number_write(number, (unsigned)fd), path, room);
	if (length <= 0 || (size_t)length >= room || path[0] != '/')
		return TEXT_NULL;
	return (struct text){.data = path, .length = (size_t)length};
}

/* The same file through our own mount of the root, O_PATH; a negative errno. */
static int handle_reopen(struct guard *guard, struct guarded_root *root, int fd) {
	union handle handle;
	int error = handle_of(fd, &handle);
	if (error < 0)
		return error;
	int folder = root_open(guard, root);
	if (folder < 0)
		return folder;
	int again = open_by_handle_at(folder, &handle.handle, O_PATH | O_CLOEXEC);
	return again < 0 ? -errno : again;
}

/* Sets root and below from ret_place->path. */
static void path_match(struct guard *guard, uint64_t device, struct text path, struct place *ret_place) {
	size_t longest = 0;
	for (size_t i = 0; i < guard->settings->root_count; i++) {
		const struct guarded_root *root = &guard->roots[i];
		struct text below;
		if (!root->watched || root->device != device || root->path.length < longest ||
		    !path_below(root->path, path, &below))
			continue;
		longest = root->path.length;
		ret_place->root = (int)i;
		ret_place->below = below;
	}
}

/* The kernel marks the path of a name that is gone. A file may also be called so: then it is there. */
static struct text path_clean(const struct statx *facts, struct text path) {
	struct text clean = path_without_deleted(path);
	struct stat named;
	if (clean.length == path.length || facts->stx_nlink == 0)
		return clean;
	char name[PATH_MAX];
	bool is_there = text_copy(name, sizeof name, path) && lstat(name, &named) == 0 && named.st_ino == facts->stx_ino;
	return is_there ? path : clean;
}

void place_of(struct guard *guard, int fd, struct place *ret_place) {
	ret_place->root = -1;
	ret_place->uncertain = false;
	ret_place->below = TEXT_NULL;
	struct statx facts;
	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_BASIC_STATS | STATX_MNT_ID, &facts) < 0)
		return;
	ret_place->inode = facts.stx_ino;
	ret_place->bytes = facts.stx_size;
	uint64_t device = makedev(facts.stx_dev_major, facts.stx_dev_minor);
	struct guarded_root *first = roots_find(guard, device);
	if (first == NULL)
		return;
	uint64_t mount = (facts.stx_mask & STATX_MNT_ID) != 0 ? facts.stx_mnt_id : root_mount_of(guard, fd);
	if (roots_has_mount(guard, device, mount)) {
		struct text path = place_path(guard, fd, ret_place->path, sizeof ret_place->path);
		path_match(guard, device, path_clean(&facts, path), ret_place);
		return;
	}
	CLOSED_AT_END int again = handle_reopen(guard, first, fd);
	struct text path = again < 0 ? TEXT_NULL : place_path(guard, again, ret_place->path, sizeof ret_place->path);
	if (path.length > 0) {
		path_match(guard, device, path_clean(&facts, path), ret_place);
		return;
	}
	ret_place->root = (int)(first - guard->roots);
	ret_place->uncertain = true;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "folder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "facts.h"

enum { FOLDER_FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, RENAME_RACES_MAX = 16 };

static int open_beneath(int fd, const char *path) {
	struct open_how how = {
	    .flags = FOLDER_FLAGS,
	    .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS,
	};
	/* EAGAIN: something was renamed meanwhile, and the kernel cannot say whether the path stayed below. */
	for (int i = 0;; i++) {
		long opened = syscall(SYS_openat2, fd, path, &how, sizeof how);
		if (opened >= 0)
			return (int)opened;
		if ((errno != EAGAIN && errno != EINTR) || i >= RENAME_RACES_MAX)
			return -errno;
	}
}

int folder_open_by_component(const struct root *root, const char *path) {
	CLOSED_AT_END int fd = openat(root->fd, ".", FOLDER_FLAGS);
	if (fd < 0)
		return -errno;
	while (*path != '\0') {
		const char *slash = strchrnul(path, '/');
		char name[NAME_MAX + 1];
		if (!text_copy(name, sizeof name, (struct text){path, (size_t)(slash - path)}))
			return -ENAMETOOLONG;
		if (name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
			return -EINVAL;
		int next = openat(fd, name, FOLDER_FLAGS);
		if (next < 0)
			return -errno;
		descriptor_close(&fd);
		fd = next;
		struct facts facts;
		int error = facts_of_descriptor(fd, &facts);
		if (error < 0)
			return error;
		if (facts.device != root->device)
			return -EXDEV;
		path = *slash == '\0' ? slash : slash + 1;
	}
	int opened = fd;
	fd = -1;
	return opened;
}

int folder_open(const struct root *root, const char *path) {
	int fd = open_beneath(root->fd, path[0] == '\0' ? "." : path);
	return fd == -ENOSYS ? folder_open_by_component(root, path) : fd;
}

void folder_set_init(struct folder_set *set, const struct root *root) {
	*set = (struct folder_set){.root = root};
}

int folder_set_get(struct folder_set *set, const char *path) {
	for (size_t i = 0; i < set->count; i++)
		if (strcmp(set->folders[i].path, path) == 0) {
			set->latest = i;
			return set->folders[i].fd;
		}
	int fd = folder_open(set->root, path);
	if (fd < 0)
		return fd;
	/* Full: the one that follows the latest makes room, as batches go from folder to folder. */
	size_t at = set->count < FOLDERS_OPEN_MAX ? set->count++ : (set->latest + 1) % FOLDERS_OPEN_MAX;
	if (set->folders[at].path != NULL) {
		set->touched_more = set->touched_more || set->folders[at].touched;
		descriptor_close(&set->folders[at].fd);
	}
	set->folders[at].path = path;
	set->folders[at].fd = fd;
	set->folders[at].touched = false;
	set->latest = at;
	return fd;
}

void folder_set_touch(struct folder_set *set) {
	set->folders[set->latest].touched = true;
}

int folder_set_sync(struct folder_set *set) {
	if (set->touched_more)
		return syncfs(set->root->fd) < 0 ? -errno : 0;
	int error = 0;
	for (size_t i = 0; i < set->count; i++)
		if (set->folders[i].touched && fsync(set->folders[i].fd) < 0 && error == 0)
			error = -errno;
	return error;
}

void folder_set_release(struct folder_set *set) {
	for (size_t i = 0; i < set->count; i++)
		descriptor_close(&set->folders[i].fd);
	set->count = 0;
}

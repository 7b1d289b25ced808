/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "folder.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/descriptor.h"

int folder_open(const struct root *root, const char *path) {
	return beneath_open_folder(root->fd, path, O_RDONLY);
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

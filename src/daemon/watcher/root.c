/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "root.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/descriptor.h"

int64_t statx_ns(struct statx_timestamp time) {
	return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

uint64_t statx_device(const struct statx *facts) {
	return (uint64_t)makedev(facts->stx_dev_major, facts->stx_dev_minor);
}

int statx_of(int folder_fd, const char *name, struct statx *ret_facts) {
	int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC | (name[0] == '\0' ? AT_EMPTY_PATH : 0);
	return statx(folder_fd, name, flags, ROOT_STATX, ret_facts) < 0 ? -errno : 0;
}

static int64_t birth_of(const struct statx *facts) {
	return (facts->stx_mask & STATX_BTIME) != 0 ? statx_ns(facts->stx_btime) : 0;
}

static bool is_root(const struct root *root, const struct statx *facts) {
	return statx_device(facts) == root->device && facts->stx_ino == root->inode && birth_of(facts) == root->birth_ns;
}

void root_note_reach(struct root *root) {
	struct statx facts;
	if (statx_of(AT_FDCWD, root->path, &facts) != 0)
		return;
	root->reach_device = statx_device(&facts);
	root->reach_inode = facts.stx_ino;
}

/* Landlock refuses what took the place of the folder that it was made for: looking is allowed, opening is not. */
static int open_refused(const struct root *root, int error) {
	struct statx facts;
	bool other = error == -EACCES && statx_of(AT_FDCWD, root->path, &facts) == 0 &&
	             (statx_device(&facts) != root->reach_device || facts.stx_ino != root->reach_inode);
	return other ? -ESTALE : error;
}

int root_find(struct root *root) {
	root_close(root);
	root->found = false;
	CLOSED_AT_END int fd = open(root->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return open_refused(root, -errno);
	struct statx facts;
	int error = statx_of(fd, "", &facts);
	if (error == 0)
		error = volume_identify(fd, &root->volume);
	if (error != 0)
		return error;
	root->device = statx_device(&facts);
	root->inode = facts.stx_ino;
	root->birth_ns = birth_of(&facts);
	root->found = true;
	root->fd = fd;
	fd = -1;
	return 0;
}

int root_open(struct root *root) {
	if (root->fd >= 0)
		return 0;
	if (!root->found)
		return -ENODEV;
	CLOSED_AT_END int fd = open(root->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return open_refused(root, -errno);
	struct statx facts;
	int error = statx_of(fd, "", &facts);
	if (error != 0)
		return error;
	if (!is_root(root, &facts))
		return -ESTALE;
	root->fd = fd;
	fd = -1;
	return 0;
}

void root_close(struct root *root) {
	descriptor_close(&root->fd);
}

bool root_still_there(const struct root *root) {
	struct statx facts;
	return root->found && statx_of(AT_FDCWD, root->path, &facts) == 0 && is_root(root, &facts);
}

int root_open_folder(struct root *root, struct text path) {
	char name[PATH_BYTES_MAX + 1];
	if (!text_copy(name, sizeof name, path))
		return -EINVAL;
	int error = root_open(root);
	return error != 0 ? error : beneath_open_folder(root->fd, name, O_PATH);
}

void root_release(struct root *root) {
	root_close(root);
	folders_release(&root->known);
	folders_release(&root->unwatched);
	free(root->order);
	free(root->path);
	*root = ROOT_NULL;
}

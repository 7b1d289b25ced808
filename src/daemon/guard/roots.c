/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A filesystem mark sees every way to a file: other mount namespaces, bind mounts, hard links. It stops
 * every open on that filesystem too, so it is set only where the system itself does not live; elsewhere
 * each folder gets a mark. A mount mark is never set: any service with a mount namespace of its own
 * goes around it.
 */
#include "roots.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/descriptor.h"
#include "base/log.h"
#include "guard.h"
#include "kernel.h"
#include "level.h"

/* ---- where a root is ---- */

uint64_t root_mount_of(const struct guard *guard, int fd) {
	(void)guard;
	char name[40], text[256];
	(void)snprintf(name, sizeof name, "/proc/self/fdinfo/%d", fd);
	CLOSED_AT_END int info = open(name, O_RDONLY | O_CLOEXEC);
	ssize_t length = info < 0 ? -1 : descriptor_pread_all(info, text, sizeof text - 1, 0);
	if (length <= 0)
		return 0;
	text[length] = '\0';
	const char *number = strstr(text, "mnt_id:");
	return number == NULL ? 0 : strtoull(number + strlen("mnt_id:"), NULL, 10);
}

/* The folder that the root's path leads to now; a negative errno. */
static int folder_open(const struct guarded_root *root) {
	int fd = open(root->path.data, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int root_open(struct guard *guard, struct guarded_root *root) {
	(void)guard;
	if (root->fd >= 0)
		return root->fd;
	CLOSED_AT_END int fd = folder_open(root);
	struct stat facts;
	if (fd < 0)
		return fd;
	if (fstat(fd, &facts) < 0)
		return -errno;
	if (facts.st_dev != root->device)
		return -ESTALE;
	root->fd = fd;
	fd = -1;
	return root->fd;
}

void roots_close(struct guard *guard) {
	for (size_t i = 0; i < guard->settings->root_count; i++)
		descriptor_close(&guard->roots[i].fd);
}

struct guarded_root *roots_find(struct guard *guard, uint64_t device) {
	for (size_t i = 0; i < guard->settings->root_count; i++)
		if (guard->roots[i].watched && guard->roots[i].device == device)
			return &guard->roots[i];
	return NULL;
}

struct guarded_root *roots_find_fsid(struct guard *guard, const int32_t fsid[2]) {
	for (size_t i = 0; i < guard->settings->root_count; i++)
		if (guard->roots[i].watched && memcmp(guard->roots[i].fsid, fsid, sizeof guard->roots[i].fsid) == 0)
			return &guard->roots[i];
	return NULL;
}

bool roots_has_mount(const struct guard *guard, uint64_t device, uint64_t mount) {
	for (size_t i = 0; i < guard->settings->root_count; i++)
		if (guard->roots[i].watched && guard->roots[i].device == device && guard->roots[i].mount == mount)
			return true;
	return false;
}

/* ---- which kind of mark ---- */

/* Whether the system, or we ourselves, live on the root's filesystem. btrfs has a device number for each subvolume, so
 * there any second btrfs counts. */
static bool system_lives_there(const struct guard *guard, uint64_t device, bool btrfs) {
	const char *const places[] = {"/", "/etc", "/usr", "/var", "/var/log", "/home", "/tmp", "/run", "/dev/shm",
	    guard->settings->state_dir, guard->settings->run_dir};
	for (size_t i = 0; i < ARRAY_LENGTH(places); i++) {
		struct stat facts;
		struct statfs volume;
		if (places[i] == NULL || stat(places[i], &facts) < 0)
			continue;
		if (facts.st_dev == device)
			return true;
		if (btrfs && statfs(places[i], &volume) == 0 && volume.f_type == BTRFS_SUPER_MAGIC)
			return true;
	}
	return false;
}

/* The events of a whole filesystem; false where the kernel cannot mark one. */
static bool filesystem_mark(struct guard *guard, struct guarded_root *root, unsigned how) {
	uint64_t mask = guard->level == GUARD_LEVEL_PERMISSION ? FAN_OPEN_PERM : FAN_OPEN;
	if (fanotify_mark(guard->opens.fd, how | FAN_MARK_FILESYSTEM, mask, root->fd, ".") < 0)
		return false;
	if (guard->names.fd >= 0 &&
	    fanotify_mark(guard->names.fd, how | FAN_MARK_FILESYSTEM,
	        FAN_DELETE | FAN_MOVED_FROM | FAN_MOVED_TO | FAN_CLOSE_WRITE | FAN_ONDIR, root->fd, ".") == 0)
		root->alterations = how == FAN_MARK_ADD;
	return true;
}

static int root_learn(struct guard *guard, struct guarded_root *root, bool *ret_btrfs) {
	struct statx facts;
	struct statfs volume;
	root->fd = folder_open(root);
	if (root->fd < 0)
		return root->fd;
	if (statx(root->fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_MNT_ID, &facts) < 0 ||
	    fstatfs(root->fd, &volume) < 0)
		return -errno;
	root->device = makedev(facts.stx_dev_major, facts.stx_dev_minor);
	root->mount = (facts.stx_mask & STATX_MNT_ID) != 0 ? facts.stx_mnt_id : root_mount_of(guard, root->fd);
	memcpy(root->fsid, &volume.f_fsid, sizeof root->fsid);
	*ret_btrfs = volume.f_type == BTRFS_SUPER_MAGIC;
	return 0;
}

static bool by_descriptor(const struct guard *guard) {
	return guard->level == GUARD_LEVEL_PERMISSION || guard->level == GUARD_LEVEL_NOTIFICATION;
}

void root_watch(struct guard *guard, size_t index) {
	struct guarded_root *root = &guard->roots[index];
	if (root->watched)
		return;
	*root = (struct guarded_root){.path = text_of(guard->settings->roots[index].path), .fd = -1};
	bool btrfs = false;
	int error = guard->level == GUARD_LEVEL_NONE ? 0 : root_learn(guard, root, &btrfs);
	root->watched = true;
	if (error != 0) {
		log_warning_errno(error, "cannot look at the root '%s', its opens are not seen", root->path.data);
		root->failed_error = -error;
		root->folders_failed = 1;
		root->since_us = clock_wall_us();
	} else if (guard->level == GUARD_LEVEL_NONE) {
		root->since_us = clock_wall_us();
	} else if (by_descriptor(guard) && !system_lives_there(guard, root->device, btrfs) &&
	           filesystem_mark(guard, root, FAN_MARK_ADD)) {
		root->by = GUARD_MARK_FILESYSTEM;
		root->since_us = clock_wall_us();
	} else {
		root->by = GUARD_MARK_FOLDERS;
		root->alterations = guard->names.fd >= 0 && by_descriptor(guard);
		walk_push(guard, index, TEXT_NULL);
	}
	guard->found.wanted = true;
	level_tell(guard);
}

static bool others_watch(const struct guard *guard, const struct guarded_root *root, bool same_device) {
	for (size_t i = 0; i < guard->settings->root_count; i++) {
		const struct guarded_root *other = &guard->roots[i];
		if (other != root && other->watched && other->by == root->by && (!same_device || other->device == root->device))
			return true;
	}
	return false;
}

void root_unwatch(struct guard *guard, size_t index) {
	struct guarded_root *root = &guard->roots[index];
	if (!root->watched)
		return;
	if (root->by == GUARD_MARK_FILESYSTEM && !others_watch(guard, root, true) && root_open(guard, root) >= 0)
		(void)filesystem_mark(guard, root, FAN_MARK_REMOVE);
	if (root->by == GUARD_MARK_FOLDERS)
		walk_forget(guard, index, !others_watch(guard, root, false));
	descriptor_close(&root->fd);
	*root = (struct guarded_root){.fd = -1};
	level_tell_none(guard, index);
}

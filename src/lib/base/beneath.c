/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/descriptor.h"

enum { FOLDER_FLAGS = O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, RENAME_RACES_MAX = 16 };

static bool is_plain(const char *path) {
	while (*path != '\0') {
		size_t length = strcspn(path, "/");
		if (length == 0 || (length == 1 && path[0] == '.') || (length == 2 && path[0] == '.' && path[1] == '.'))
			return false;
		path += length;
		if (*path == '/' && *++path == '\0')
			return false;
	}
	return true;
}

static int facts_of(int fd, struct statx *ret_facts) {
	return statx(fd, "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC, STATX_INO, ret_facts) < 0 ? -errno : 0;
}

/* 0 if `fd` is on the filesystem of `above` and is no mount point. */
static int same_filesystem(int fd, const struct statx *above) {
	struct statx facts;
	int error = facts_of(fd, &facts);
	if (error != 0)
		return error;
	bool same = facts.stx_dev_major == above->stx_dev_major && facts.stx_dev_minor == above->stx_dev_minor &&
	            (facts.stx_attributes & STATX_ATTR_MOUNT_ROOT) == 0;
	return same ? 0 : -EXDEV;
}

int beneath_open_folder_by_component(int folder_fd, const char *path, int access) {
	if (!is_plain(path))
		return -EINVAL;
	struct statx above;
	int error = facts_of(folder_fd, &above);
	if (error != 0)
		return error;
	CLOSED_AT_END int fd = openat(folder_fd, ".", access | FOLDER_FLAGS);
	if (fd < 0)
		return -errno;
	while (*path != '\0') {
		size_t length = strcspn(path, "/");
		char name[NAME_MAX + 1];
		if (!text_copy(name, sizeof name, (struct text){path, length}))
			return -ENAMETOOLONG;
		int next = openat(fd, name, access | FOLDER_FLAGS);
		if (next < 0)
			return -errno;
		descriptor_close(&fd);
		fd = next;
		error = same_filesystem(fd, &above);
		if (error != 0)
			return error;
		path += length + (path[length] == '/' ? 1 : 0);
	}
	int opened = fd;
	fd = -1;
	return opened;
}

int beneath_open_folder(int folder_fd, const char *path, int access) {
	if (!is_plain(path))
		return -EINVAL;
	struct open_how how = {
	    .flags = (unsigned)access | FOLDER_FLAGS,
	    .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
	};
	/* EAGAIN: something was renamed meanwhile, and the kernel cannot say whether the path stayed below. */
	for (int i = 0;; i++) {
		long opened = syscall(SYS_openat2, folder_fd, path[0] == '\0' ? "." : path, &how, sizeof how);
		if (opened >= 0)
			return (int)opened;
		if (errno == ENOSYS)
			return beneath_open_folder_by_component(folder_fd, path, access);
		if ((errno != EAGAIN && errno != EINTR) || i >= RENAME_RACES_MAX)
			return -errno;
	}
}

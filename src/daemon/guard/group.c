/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "group.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>

#include "base/descriptor.h"
#include "kernel.h"

enum { EVENT_FLAGS = O_RDONLY | O_LARGEFILE | O_CLOEXEC | O_NOATIME };

/* Opens with `wanted` and all of `extras`, leaving out one extra after the other, the first first, while the kernel
 * does not know them. The flags, or a negative errno. */
static int open_with(struct group *group, unsigned wanted, const unsigned *extras, size_t count) {
	unsigned flags = wanted;
	for (size_t i = 0; i < count; i++)
		flags |= extras[i];
	for (size_t i = 0;; i++) {
		group->fd = fanotify_init(flags | FAN_CLOEXEC | FAN_NONBLOCK, EVENT_FLAGS);
		if (group->fd >= 0)
			break;
		if (errno != EINVAL || i >= count)
			return -errno;
		flags &= ~extras[i];
	}
	group->pidfd = (flags & FAN_REPORT_PIDFD) != 0;
	group->fd_error = (flags & FAN_REPORT_FD_ERROR) != 0;
	return 0;
}

/* "/" as an inode gives no such events: it is a folder, and neither folders nor children are asked for. */
static int mark_try(struct group *group, uint64_t mask) {
	if (fanotify_mark(group->fd, FAN_MARK_ADD, mask, AT_FDCWD, "/") < 0) {
		int error = -errno;
		group_close(group);
		return error;
	}
	(void)fanotify_mark(group->fd, FAN_MARK_REMOVE, mask, AT_FDCWD, "/");
	return 0;
}

int group_open_permission(struct group *group) {
	static const unsigned extras[] = {FAN_REPORT_FD_ERROR, FAN_REPORT_PIDFD};
	int error =
	    open_with(group, FAN_CLASS_CONTENT | FAN_UNLIMITED_QUEUE | FAN_UNLIMITED_MARKS, extras, ARRAY_LENGTH(extras));
	/* Without CONFIG_FANOTIFY_ACCESS_PERMISSIONS the group is made and only the mark is refused. */
	return error == 0 ? mark_try(group, FAN_OPEN_PERM) : error;
}

int group_open_notification(struct group *group) {
	static const unsigned extras[] = {FAN_REPORT_FD_ERROR, FAN_REPORT_PIDFD};
	int error = open_with(group, FAN_CLASS_NOTIF | FAN_UNLIMITED_MARKS, extras, ARRAY_LENGTH(extras));
	return error == 0 ? mark_try(group, FAN_OPEN) : error;
}

int group_open_names(struct group *group, bool privileged) {
	static const unsigned extras[] = {FAN_REPORT_PIDFD};
	unsigned wanted = FAN_CLASS_NOTIF | FAN_REPORT_DIR_FID | FAN_REPORT_NAME;
	if (!privileged)
		return open_with(group, wanted, NULL, 0);
	return open_with(group, wanted | FAN_UNLIMITED_MARKS, extras, ARRAY_LENGTH(extras));
}

void group_close(struct group *group) {
	descriptor_close(&group->fd);
}

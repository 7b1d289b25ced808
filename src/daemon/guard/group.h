/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fanotify groups: made with as much as the running kernel can, found by trying. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"

struct group {
	int fd;        /* -1: none */
	bool pidfd;    /* events name their process by pidfd */
	bool fd_error; /* an event is told though no descriptor could be opened for it */
};

/*
 * Each opens a group and tries that the kernel takes its kind of mark (on an inode that gives no events).
 * 0, -EINVAL where the kernel lacks it, -EPERM without privilege, -ENOSYS without fanotify.
 */
/* Openers wait for an answer. */
MUST_USE int group_open_permission(struct group *group);
/* Openers do not wait; events carry a descriptor and a process. */
MUST_USE int group_open_notification(struct group *group);
/* Events carry a folder's handle and a name; with privilege also a process. */
MUST_USE int group_open_names(struct group *group, bool privileged);

void group_close(struct group *group);

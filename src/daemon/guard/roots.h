/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The roots that keeper wants watched: on which volume they are and how they are marked. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/bytes.h"
#include "ipc/message.h"

struct guard;

struct guarded_root {
	bool watched;
	struct text path; /* in the settings */
	uint64_t device;
	uint64_t mount; /* its mount's number, in our namespace */
	int32_t fsid[2];
	int fd; /* open only within a turn, so that an idle disk can be unmounted; -1 */

	enum guard_mark by;
	bool alterations;
	bool found;       /* what was open already has been looked for */
	uint32_t walking; /* folders still to be marked */
	uint32_t folders;
	uint32_t folders_failed;
	int failed_error; /* errno of the first of them */
	int64_t since_us; /* 0: the marks are not all there yet */

	bool told; /* what keeper was told last */
	struct record_guard_coverage told_coverage;
};

/* Begins to watch a root, or ends it. Its coverage is told once the marks are there. */
void root_watch(struct guard *guard, size_t index);
void root_unwatch(struct guard *guard, size_t index);

/* The root's own folder, for handles: until roots_close(). A negative errno when it is not there, or another volume. */
MUST_USE int root_open(struct guard *guard, struct guarded_root *root);
void roots_close(struct guard *guard);

/* The first watched root on the device. */
struct guarded_root *roots_find(struct guard *guard, uint64_t device);
struct guarded_root *roots_find_fsid(struct guard *guard, const int32_t fsid[2]);
bool roots_has_mount(const struct guard *guard, uint64_t device, uint64_t mount);

/* The number of the mount that a descriptor was opened through; 0 when it cannot be told. */
uint64_t root_mount_of(const struct guard *guard, int fd);

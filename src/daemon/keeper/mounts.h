/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The mount table: on which mount a path is, without touching the path. Format: proc(5), mountinfo. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"

struct mount {
	int64_t id;
	size_t point_length; /* of the mount point, "/" is 1 */
};

/* Reads the whole table from its descriptor into new memory that the caller frees. 0 or a negative errno. */
MUST_USE int mounts_read(int mountinfo_fd, char **ret_table);
/* The mount that `path` (absolute, no symlink) is on: the longest mount point above it, the last of several. -ENOENT
 * where none is. */
MUST_USE int mounts_find(const char *table, const char *path, struct mount *ret_mount);

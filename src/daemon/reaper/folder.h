/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Folders below a root: opened without leaving it (no symbolic link, no mount, no ".."), kept for the
 * length of a batch, and synced once at its end.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"
#include "base/bytes.h"
#include "root.h"

/* A new descriptor of the folder, "" being the root itself; or a negative errno. */
MUST_USE int folder_open(const struct root *root, const char *path);

enum { FOLDERS_OPEN_MAX = 64 };

struct folder_set {
	const struct root *root;
	struct {
		const char *path; /* the caller's, as long as the set */
		int fd;
		bool touched;
	} folders[FOLDERS_OPEN_MAX];
	size_t count;
	size_t latest;
	bool touched_more; /* a folder that is not kept any more: then the whole filesystem is synced */
};

void folder_set_init(struct folder_set *set, const struct root *root);
/* The folder's descriptor, which stays the set's; or a negative errno. */
MUST_USE int folder_set_get(struct folder_set *set, const char *path);
/* Notes that a name was removed from the folder that folder_set_get() gave last. */
void folder_set_touch(struct folder_set *set);
/* Makes the removals durable. 0 or the first negative errno; all are tried. */
MUST_USE int folder_set_sync(struct folder_set *set);
void folder_set_release(struct folder_set *set);

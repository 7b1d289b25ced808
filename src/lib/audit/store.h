/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files of the log below the state folder, written so that a crash leaves the old or the new: a
 * temporary file, fsync, rename, then each folder that changed is synced once. On a full disk the
 * reserve is given up step by step.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attributes.h"

enum { STORE_PATH_BYTES = 128, STORE_DIRTY_MAX = 64 };

struct store {
	int state_fd;                                  /* owned */
	char dirty[STORE_DIRTY_MAX][STORE_PATH_BYTES]; /* folders with changes that are not synced */
	size_t dirty_count;
	uint64_t reserve_bytes; /* wanted */
	uint64_t reserve_left;  /* allocated now in log-reserve */
};

/* All paths are relative to the state folder. Missing folders are made (mode 0755, whatever the umask). */
MUST_USE int store_put(struct store *store, const char *path, const void *bytes, size_t length, mode_t mode);
MUST_USE int store_make_folder(struct store *store, const char *path, mode_t mode);
/* Notes that a folder has changed ("" is the state folder itself). */
MUST_USE int store_mark(struct store *store, const char *folder);
MUST_USE int store_sync(struct store *store);

/* Allocates the reserve again as far as the disk allows. */
void store_reserve_fill(struct store *store);
/* Gives up a part of it. 0, or -ENOSPC when nothing is left. */
MUST_USE int store_reserve_release(struct store *store);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One root of the volume. Its descriptor is opened when needed and closed when nothing happens, so
 * that an idle removable disk can be unmounted; what is opened again must be the same folder. All
 * that is below is opened relative to it and never leads out of it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/attributes.h"
#include "base/bytes.h"
#include "folders.h"
#include "volume.h"

struct root {
	uint16_t index; /* in the settings */
	char *path;
	bool slots; /* its layout reopens files: writes are told too */

	int fd; /* -1 while closed */
	bool found;
	uint64_t device;
	uint64_t inode;
	int64_t birth_ns;
	uint64_t reach_device, reach_inode; /* the folder that the sandbox was made for; 0: none was there */
	struct volume volume;
	uint64_t bytes_free_told;

	/* The scan that is under way; scan.c's. */
	bool scanned; /* keeper asked for it at least once */
	bool scanning;
	bool scan_again;       /* events were lost while it ran */
	struct folders known;  /* what keeper said before SCAN */
	struct folder **order; /* known, newest first; the next to visit is at `position` */
	size_t order_count;
	size_t position;
	bool watching;  /* after SCAN_END: folders of the order get their watches */
	size_t waiting; /* of this root on the stack */
	uint64_t folders, folders_read, entries;

	struct folders unwatched; /* compared by their times each minute */
	size_t compare_position;
	bool comparing;
};

#define ROOT_NULL ((struct root){.fd = -1})

/* The facts of interest, everywhere the same. */
enum {
	ROOT_STATX =
	    STATX_TYPE | STATX_MODE | STATX_INO | STATX_SIZE | STATX_MTIME | STATX_CTIME | STATX_BTIME | STATX_NLINK
};

int64_t statx_ns(struct statx_timestamp time);
uint64_t statx_device(const struct statx *facts);
/* statx(2) of a name in a folder, or of the folder itself for "", never following a link. 0 or a negative errno. */
MUST_USE int statx_of(int folder_fd, const char *name, struct statx *ret_facts);

/* Before the sandbox is entered: notes which folder it will reach, for root_find(). */
void root_note_reach(struct root *root);

/* Opens the root for the first time and says what it is. 0 or a negative errno. */
MUST_USE int root_find(struct root *root);

/* Makes root->fd usable. 0, -ESTALE if something else stands at its path now, or another negative errno. */
MUST_USE int root_open(struct root *root);
void root_close(struct root *root);

/* True if the root's path still leads to the folder that was found: else what is missing below proves nothing. */
bool root_still_there(const struct root *root);

/*
 * Opens a folder below the root ("" is the root) with O_PATH: no link, no mount point and no ".." is
 * followed on the way. Returns a descriptor for the caller to close or a negative errno: -ENOENT,
 * -ENOTDIR and -ELOOP say that there is no such folder, -EXDEV that it is on another filesystem.
 */
MUST_USE int root_open_folder(struct root *root, struct text path);

void root_release(struct root *root);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A directory entry as it goes to keeper. */
#include "watcher.h"

static enum entry_type type_of(const struct root *root, const struct statx *facts) {
	switch (facts->stx_mode & S_IFMT) {
	case S_IFDIR:
		if ((facts->stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0 || statx_device(facts) != root->device)
			return ENTRY_MOUNT;
		return ENTRY_FOLDER;
	case S_IFREG:
		/* A file can be mounted over too; it is not this volume's. */
		return (facts->stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0 ? ENTRY_MOUNT : ENTRY_FILE;
	case S_IFLNK:
		return ENTRY_LINK;
	default:
		return ENTRY_OTHER;
	}
}

void entry_from(const struct root *root, const char *name, const struct statx *facts, struct record_entry *ret_entry) {
	*ret_entry = (struct record_entry){
	    .what = ENTRY_LISTED,
	    .type = (uint8_t)type_of(root, facts),
	    .name = text_of(name),
	    .inode = facts->stx_ino,
	    .bytes = facts->stx_size,
	    .mtime_ns = statx_ns(facts->stx_mtime),
	    .birth_ns = (facts->stx_mask & STATX_BTIME) != 0 ? statx_ns(facts->stx_btime) : 0,
	    .links = facts->stx_nlink,
	};
}

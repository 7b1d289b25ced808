/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "facts.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define WANTED (STATX_TYPE | STATX_NLINK | STATX_INO | STATX_SIZE | STATX_MTIME | STATX_BTIME)

static int64_t time_ns(const struct statx_timestamp *time) {
	return time->tv_sec * INT64_C(1000000000) + time->tv_nsec;
}

static int facts_read(int fd, const char *name, int flags, struct facts *ret_facts) {
	struct statx status;
	if (statx(fd, name, flags | AT_NO_AUTOMOUNT, WANTED, &status) < 0)
		return -errno;
	*ret_facts = (struct facts){
	    .is_file = S_ISREG(status.stx_mode),
	    .is_folder = S_ISDIR(status.stx_mode),
	    .links = status.stx_nlink,
	    .device = makedev(status.stx_dev_major, status.stx_dev_minor),
	    .inode = status.stx_ino,
	    .bytes = status.stx_size,
	    .mtime_ns = time_ns(&status.stx_mtime),
	    .birth_ns = (status.stx_mask & STATX_BTIME) != 0 ? time_ns(&status.stx_btime) : 0,
	};
	return 0;
}

int facts_of_name(int folder_fd, const char *name, struct facts *ret_facts) {
	return facts_read(folder_fd, name, AT_SYMLINK_NOFOLLOW, ret_facts);
}

int facts_of_descriptor(int fd, struct facts *ret_facts) {
	return facts_read(fd, "", AT_EMPTY_PATH, ret_facts);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What of fanotify's interface (kernel: include/uapi/linux/fanotify.h) older headers lack. Whether the running kernel
 * has it is always tried, never guessed from its version. */
#pragma once

#include <linux/types.h>
#include <sys/fanotify.h>
#include <sys/stat.h>

#ifndef FAN_REPORT_PIDFD
#define FAN_REPORT_PIDFD 0x00000080 /* 5.15 */
#define FAN_NOPIDFD (-1)
#endif
#ifndef FAN_REPORT_DIR_FID
#define FAN_REPORT_DIR_FID 0x00000400 /* 5.9 */
#define FAN_REPORT_NAME 0x00000800
#endif
#ifndef FAN_REPORT_FD_ERROR
#define FAN_REPORT_FD_ERROR 0x00002000 /* 6.13, 6.12.5, 6.6.66 */
#endif
#ifndef FAN_MARK_FILESYSTEM
#define FAN_MARK_FILESYSTEM 0x00000100 /* 4.20 */
#endif

#ifndef STATX_MNT_ID
#define STATX_MNT_ID 0x00001000U /* 5.8 */
#endif

/* Info records behind an event's metadata, under names of our own: older headers have some of them, or none. */
enum { INFO_DFID_NAME = 2, INFO_PIDFD = 4 };

struct info_header {
	__u8 type;
	__u8 pad;
	__u16 length;
};

struct info_pidfd {
	struct info_header header;
	__s32 pidfd;
};

/* A folder by its handle (struct file_handle), then a name in it, NUL-terminated. */
struct info_name {
	struct info_header header;
	__s32 fsid[2];
	unsigned char handle[];
};

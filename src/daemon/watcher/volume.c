/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The requests below are the kernel's (include/uapi/linux/fs.h, ext4.h, btrfs.h, msdos_fs.h and
 * xfsprogs' xfs_fs.h), declared here because the headers of older distributions lack them.
 */
#include "volume.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>

enum { UUID_BYTES = 16 };

struct filesystem_uuid { /* Linux 6.9 and later, any filesystem */
	uint8_t length;
	uint8_t uuid[UUID_BYTES];
};

struct ext4_uuid {
	uint32_t length;
	uint32_t flags;
	uint8_t uuid[UUID_BYTES];
};

struct xfs_geometry {
	uint32_t sizes[8];
	uint64_t blocks[4];
	uint8_t uuid[UUID_BYTES];
	uint32_t rest[7];
};

struct btrfs_info {
	uint64_t highest_id;
	uint64_t devices;
	uint8_t uuid[UUID_BYTES];
	uint8_t rest[1024 - 32];
};

#define GET_FILESYSTEM_UUID _IOR(0x15, 0, struct filesystem_uuid)
/* The kernel's struct ends in a flexible array, which counts as nothing in the request's number. */
#define GET_EXT4_UUID _IOC(_IOC_READ, 'f', 44, 8)
#define GET_XFS_GEOMETRY _IOR('X', 100, struct xfs_geometry)
#define GET_BTRFS_INFO _IOR(0x94, 31, struct btrfs_info)
#define GET_FAT_VOLUME_ID _IOR('r', 0x13, uint32_t)

static const struct {
	unsigned long magic;
	const char *name;
} filesystem_names[] = {
    {0xef53, "ext4"},
    {0x58465342, "xfs"},
    {0x9123683e, "btrfs"},
    {0xf2f52010, "f2fs"},
    {0x4d44, "vfat"},
    {0x2011bab0, "exfat"},
    {0x7366746e, "ntfs3"},
    {0x01021994, "tmpfs"},
    {0x794c7630, "overlay"},
    {0x65735546, "fuse"},
    {0x6969, "nfs"},
    {0xfe534d42, "smb3"},
    {0xff534d42, "cifs"},
    {0x01021997, "9p"},
    {0x2fc12fc1, "zfs"},
    {0xca451a4e, "bcachefs"},
    {0x73717368, "squashfs"},
    {0x3434, "nilfs2"},
};

static void uuid_format(const uint8_t uuid[UUID_BYTES], char *text, size_t room) {
	size_t used = 0;
	for (size_t i = 0; i < UUID_BYTES && used + 4 < room; i++) {
		bool dash = i == 4 || i == 6 || i == 8 || i == 10;
		used += (size_t)snprintf(text + used, room - used, "%s%02x", dash ? "-" : "", uuid[i]);
	}
}

/* True if the filesystem gave a UUID that is not all zero. */
static bool uuid_find(int fd, unsigned long magic, uint8_t ret_uuid[UUID_BYTES]) {
	struct filesystem_uuid any = {0};
	struct ext4_uuid ext4 = {.length = UUID_BYTES};
	struct xfs_geometry xfs = {0};
	struct btrfs_info btrfs = {0};
	const uint8_t *found = NULL;
	if (ioctl(fd, GET_FILESYSTEM_UUID, &any) == 0 && any.length == UUID_BYTES)
		found = any.uuid;
	else if (magic == 0xef53 && ioctl(fd, GET_EXT4_UUID, &ext4) == 0)
		found = ext4.uuid;
	else if (magic == 0x58465342 && ioctl(fd, GET_XFS_GEOMETRY, &xfs) == 0)
		found = xfs.uuid;
	else if (magic == 0x9123683e && ioctl(fd, GET_BTRFS_INFO, &btrfs) == 0)
		found = btrfs.uuid;
	static const uint8_t none[UUID_BYTES];
	if (found == NULL || memcmp(found, none, UUID_BYTES) == 0)
		return false;
	memcpy(ret_uuid, found, UUID_BYTES);
	return true;
}

int volume_measure(int folder_fd, struct volume *volume) {
	struct statvfs space;
	if (fstatvfs(folder_fd, &space) < 0)
		return -errno;
	volume->bytes_total = (uint64_t)space.f_blocks * space.f_frsize;
	volume->bytes_free = (uint64_t)space.f_bavail * space.f_frsize;
	volume->read_only = (space.f_flag & ST_RDONLY) != 0;
	return 0;
}

int volume_identify(int folder_fd, struct volume *ret_volume) {
	struct volume volume = {0};
	struct statfs facts;
	if (fstatfs(folder_fd, &facts) < 0)
		return -errno;
	unsigned long magic = (unsigned long)facts.f_type & 0xffffffffUL;

	uint8_t uuid[UUID_BYTES];
	uint32_t serial;
	uint32_t fsid[2];
	memcpy(fsid, &facts.f_fsid, sizeof fsid);
	if (uuid_find(folder_fd, magic, uuid))
		uuid_format(uuid, volume.uuid, sizeof volume.uuid);
	else if (magic == 0x4d44 && ioctl(folder_fd, GET_FAT_VOLUME_ID, &serial) == 0 && serial != 0)
		(void)snprintf(volume.uuid, sizeof volume.uuid, "%04X-%04X", serial >> 16, serial & 0xffff);
	else
		(void)snprintf(volume.uuid, sizeof volume.uuid, "fsid-%08x%08x", fsid[0], fsid[1]);

	(void)snprintf(volume.filesystem, sizeof volume.filesystem, "0x%lx", magic);
	for (size_t i = 0; i < ARRAY_LENGTH(filesystem_names); i++)
		if (filesystem_names[i].magic == magic)
			(void)snprintf(volume.filesystem, sizeof volume.filesystem, "%s", filesystem_names[i].name);

	int error = volume_measure(folder_fd, &volume);
	if (error != 0)
		return error;
	*ret_volume = volume;
	return 0;
}

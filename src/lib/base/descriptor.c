/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whole reads and writes. */
#include "base/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

void descriptor_close(int *fd) {
	if (*fd < 0)
		return;
	int saved = errno;
	(void)close(*fd);
	*fd = -1;
	errno = saved;
}

int descriptor_write_all(int fd, const void *bytes, size_t length) {
	const char *from = bytes;
	while (length > 0) {
		ssize_t written = write(fd, from, length);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		from += written;
		length -= (size_t)written;
	}
	return 0;
}

int descriptor_pwrite_all(int fd, const void *bytes, size_t length, off_t offset) {
	const char *from = bytes;
	while (length > 0) {
		ssize_t written = pwrite(fd, from, length, offset);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		from += written;
		offset += written;
		length -= (size_t)written;
	}
	return 0;
}

ssize_t descriptor_pread_all(int fd, void *bytes, size_t room, off_t offset) {
	char *to = bytes;
	size_t used = 0;
	while (used < room) {
		ssize_t got = pread(fd, to + used, room - used, offset + (off_t)used);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		used += (size_t)got;
	}
	return (ssize_t)used;
}

int descriptor_replace_file(int folder_fd, const char *name, const void *bytes, size_t length) {
	char temporary[300];
	int written = snprintf(temporary, sizeof temporary, "%s.new", name);
	if (written < 0 || (size_t)written >= sizeof temporary)
		return -ENAMETOOLONG;
	CLOSED_AT_END int fd = openat(folder_fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	int error = descriptor_write_all(fd, bytes, length);
	if (error == 0 && fsync(fd) < 0)
		error = -errno;
	if (error == 0 && renameat(folder_fd, temporary, folder_fd, name) < 0)
		error = -errno;
	if (error != 0)
		(void)unlinkat(folder_fd, temporary, 0);
	return error;
}

int descriptor_read_file(int folder_fd, const char *name, size_t limit, char **ret_bytes, size_t *ret_length) {
	CLOSED_AT_END int fd = openat(folder_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	struct stat facts;
	if (fstat(fd, &facts) < 0)
		return -errno;
	if (!S_ISREG(facts.st_mode))
		return -EINVAL;
	if (facts.st_size < 0 || (uint64_t)facts.st_size > limit)
		return -EFBIG;
	char *bytes = malloc((size_t)facts.st_size + 1);
	if (bytes == NULL)
		return -ENOMEM;
	ssize_t length = descriptor_pread_all(fd, bytes, (size_t)facts.st_size, 0);
	if (length < 0) {
		free(bytes);
		return (int)length;
	}
	bytes[length] = '\0';
	*ret_bytes = bytes;
	*ret_length = (size_t)length;
	return 0;
}

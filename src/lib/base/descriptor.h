/* SPDX-License-Identifier: GPL-2.0-or-later */
/* File descriptors: closing once, whole reads and writes, files replaced so that a crash leaves the old or the new. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attributes.h"

/* Closes *fd if it is open and sets it to -1; errno is kept. */
void descriptor_close(int *fd);

/* Scoped descriptor: `CLOSED_AT_END int fd = open(...)`. */
#define CLOSED_AT_END __attribute__((cleanup(descriptor_close)))

/* Writes all `length` bytes; 0 or a negative errno. EINTR is retried. */
MUST_USE int descriptor_write_all(int fd, const void *bytes, size_t length);
MUST_USE int descriptor_pwrite_all(int fd, const void *bytes, size_t length, off_t offset);

/* Reads until `room` bytes or the end; the number of bytes or a negative errno. */
MUST_USE ssize_t descriptor_pread_all(int fd, void *bytes, size_t room, off_t offset);

/*
 * Replaces `name` below `folder_fd` with `length` bytes: a temporary file, fsync, rename. The folder
 * itself is not synced: the caller does it once for all that it wrote. 0 or a negative errno.
 */
MUST_USE int descriptor_replace_file(int folder_fd, const char *name, const void *bytes, size_t length);

/* Reads a whole file of at most `limit` bytes into a new NUL-terminated buffer that the caller frees. 0 or a negative
 * errno (-EFBIG over the limit). */
MUST_USE int descriptor_read_file(int folder_fd, const char *name, size_t limit, char **ret_bytes, size_t *ret_length);

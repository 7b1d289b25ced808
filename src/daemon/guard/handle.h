/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file by its handle, name_to_handle_at(2), with room for the longest. */
#pragma once

#include <fcntl.h>

#include "base/attributes.h"

union handle {
	struct file_handle handle;
	unsigned char bytes[sizeof(struct file_handle) + MAX_HANDLE_SZ];
};

/* The handle of an open file or folder. 0 or a negative errno. */
MUST_USE int handle_of(int fd, union handle *ret_handle);

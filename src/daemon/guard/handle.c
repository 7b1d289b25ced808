/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "handle.h"

#include <errno.h>

int handle_of(int fd, union handle *ret_handle) {
	int mount;
	ret_handle->handle.handle_bytes = MAX_HANDLE_SZ;
	return name_to_handle_at(fd, "", &ret_handle->handle, &mount, AT_EMPTY_PATH) < 0 ? -errno : 0;
}

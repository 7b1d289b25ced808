/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Folders below another one, opened without leaving it: no symbolic link, no mount point and no ".." on the way. */
#pragma once

#include "base/attributes.h"

/*
 * Opens the folder at `path` below `folder_fd`, "" being that folder itself. `access` is O_RDONLY or
 * O_PATH. A new descriptor or a negative errno: -EINVAL for a path with an empty component, "." or "..",
 * -ENOENT, -ENOTDIR and -ELOOP when there is no such folder, -EXDEV when it is on another filesystem.
 */
MUST_USE int beneath_open_folder(int folder_fd, const char *path, int access);
/* The same without openat2(2), for kernels before 5.6: component by component. */
MUST_USE int beneath_open_folder_by_component(int folder_fd, const char *path, int access);

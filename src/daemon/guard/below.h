/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Paths as text. */
#pragma once

#include <stdbool.h>

#include "base/bytes.h"

/* What of `path` is below `root` ("" for the root itself); false where it is not below it. `root` has no slash at its
 * end, unless it is "/". */
bool path_below(struct text root, struct text path, struct text *ret_below);

/* Without what the kernel appends to the path of a file that has no name any more. */
struct text path_without_deleted(struct text path);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Empty folders that footage left behind. */
#pragma once

#include <stdbool.h>

#include "ipc/message.h"
#include "root.h"

/* Removes one folder below the root if it is empty, and, where folder->mtime_ns says so, unchanged. True if it went. */
bool folder_remove(const struct root *root, const struct record_known_folder *folder);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which volume a folder stands on: a filesystem by its UUID, never by a device number. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "ipc/catalogue.h"

struct volume {
	char uuid[UUID_BYTES_MAX];       /* "1b4e28ba-…", a FAT's "1A2B-3C4D", or "fsid-…" where there is neither */
	char filesystem[UUID_BYTES_MAX]; /* "ext4" */
	uint64_t bytes_total;
	uint64_t bytes_free; /* what an ordinary user may still write */
	bool read_only;
};

/* Fills everything in. 0 or a negative errno. */
MUST_USE int volume_identify(int folder_fd, struct volume *ret_volume);

/* Space only, for the minute's look. 0 or a negative errno. */
MUST_USE int volume_measure(int folder_fd, struct volume *volume);

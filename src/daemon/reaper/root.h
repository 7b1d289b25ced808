/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The roots of this reaper's volume. Their descriptors are open while there is work only, so that an
 * idle removable disk can be unmounted; what stood at the path when it was first opened is
 * remembered, and anything else there is refused.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "settings/settings.h"

struct root {
	const struct root_settings *settings; /* NULL: not a root of this reaper */
	int fd;                               /* -1 while closed */
	int quarantine_fd;                    /* <vault>/quarantine; -1 while closed */
	bool known;                           /* the rest is what was found the first time */
	uint64_t device;
	uint64_t inode;
	int64_t birth_ns;
};

#define ROOT_NULL ((struct root){.fd = -1, .quarantine_fd = -1})

/*
 * Makes the quarantine folder where the layout reuses slots and the vault is on the root's own
 * filesystem. Before the sandbox: landlock names only what exists. 0 or a negative errno.
 */
MUST_USE int root_prepare(const struct root_settings *settings, uid_t user, gid_t group);

/* Opens the root if it is closed. 0, -ESTALE if it is not what it was, or another negative errno. */
MUST_USE int root_open(struct root *root);
/* Opens its quarantine folder if it is closed. 0, -ENOTSUP without a vault, or another negative errno. */
MUST_USE int root_open_quarantine(struct root *root);
void root_close(struct root *root);

/* Names in the quarantine folder: footage that a crash, or a name taken meanwhile, left there. A negative errno if it
 * cannot be read. */
MUST_USE int64_t root_count_quarantined(struct root *root);

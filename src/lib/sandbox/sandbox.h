/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What each program may still do once it is running: one row a program in programs.c (user,
 * capabilities, system calls, landlock, limits). Called at one visible line of each main(), after
 * which nothing new is opened that the row does not name.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attributes.h"
#include "ipc/catalogue.h"

/* A path that stays reachable, and how (landlock). */
struct sandbox_path {
	const char *path;
	bool writable; /* else read only */
};

struct sandbox_request {
	enum process process;
	bool drop;   /* false as an ordinary user: identity and capabilities stay, the rest applies */
	uid_t user;
	gid_t group;
	const struct sandbox_path *paths;
	size_t path_count;
};

/*
 * Applies the row: groups, gid, uid, capability bounding and ambient sets, no_new_privs, rlimits,
 * landlock (skipped with a notice where the kernel has none or, for reaper, an ABI below 2),
 * seccomp. 0 or a negative errno; on failure the program must end.
 */
MUST_USE int sandbox_enter(const struct sandbox_request *request);

/* The kernel's landlock ABI; 0 for none. */
int sandbox_landlock_abi(void);

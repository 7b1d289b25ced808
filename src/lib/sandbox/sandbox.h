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
#include "sandbox/process.h"

/* A path that stays reachable, and how (landlock). */
struct sandbox_path {
	const char *path;
	bool writable; /* else read only */
};

struct sandbox_request {
	enum process process;
	bool drop; /* false as an ordinary user: identity and capabilities stay, the rest applies */
	uid_t user;
	gid_t group;
	const struct sandbox_path *paths;
	size_t path_count;
};

/*
 * Applies the row: rlimits, no_new_privs, landlock (left out where the kernel has none or, for
 * reaper, an ABI below 2: sandbox_landlock_abi() tells), groups, gid, uid, capability bounding and
 * ambient sets, seccomp. A path that does not exist is left out: nothing can be reached there then.
 * A capability that the program does not have when it starts (a container without CAP_LEASE) is no
 * error: see sandbox_capabilities_missing().
 *
 * 0 or a negative errno (-ENOSYS: the process has no row); on failure the program must end.
 */
MUST_USE int sandbox_enter(const struct sandbox_request *request);

/* The kernel's landlock ABI; 0 for none. */
int sandbox_landlock_abi(void);

/* Bits (1 << CAP_x) that the rows ask for and that the caller does not have; 0 when all is well. For the supervisor, as
 * root. */
uint64_t sandbox_capabilities_missing(void);

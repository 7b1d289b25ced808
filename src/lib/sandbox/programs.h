/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table behind sandbox_enter(): what one program keeps. Private to this layer. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#include "sandbox/sandbox.h"

/* What happens with a system call that a rule names; any other ends the program. */
enum verdict {
	RULE_ALLOW,
	RULE_ALLOW_SELF,  /* the first argument must be our own process id; else EPERM */
	RULE_ALLOW_VALUE, /* the first argument must be `value`; else EPERM */
	RULE_REFUSE,      /* EPERM: libraries try it in good faith and go on without */
};

struct syscall_rule {
	int number; /* -1 where this architecture has no such call */
	enum verdict verdict;
	uint32_t value;
};

struct syscall_group {
	const struct syscall_rule *rules;
	size_t count;
};

struct resource_limit {
	int resource;
	rlim_t soft;
	rlim_t hard;
};

enum { GROUPS_MAX = 4, FIXED_PATHS_MAX = 12, LIMITS_MAX = 6 };

struct program_row {
	bool present;
	uint64_t effective; /* capabilities in use */
	uint64_t permitted; /* capabilities kept; for supervisor also what its children need */
	bool confined;      /* no_new_privs, landlock and seccomp; not for supervisor, whose children would inherit them */
	bool unlanded;      /* confined, but without landlock */
	int landlock_abi;   /* the oldest ABI that does not get in the way */
	uint64_t read;      /* landlock rights below a path that is read only */
	uint64_t write;     /* and below a writable one */
	struct sandbox_path fixed[FIXED_PATHS_MAX];
	struct syscall_group calls[GROUPS_MAX];
	struct resource_limit limits[LIMITS_MAX];
	size_t limit_count;
	bool connects;       /* to the network, by TCP too (landlock ABI 4 would refuse it) */
	bool writes_nothing; /* output only to standard error, and little */
};

/* NULL for a process without a row. */
const struct program_row *program_row_of(enum process process);

/* Each applies one part. 0 or a negative errno. */
MUST_USE int limits_apply(const struct program_row *row);
MUST_USE int landlock_apply(const struct program_row *row, const struct sandbox_path *paths, size_t count);
MUST_USE int seccomp_apply(const struct program_row *row);
MUST_USE int identity_drop(uid_t user, gid_t group, const struct program_row *row);

/* True in builds for AddressSanitizer, which needs calls and address space that no row gives. */
bool sandbox_is_sanitized(void);

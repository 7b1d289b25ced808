/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sandbox/sandbox.h"

#include <errno.h>
#include <sys/prctl.h>

#include "sandbox/programs.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED true
#endif
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

bool sandbox_is_sanitized(void) {
	return SANITIZED;
}

const char *process_name(unsigned process) {
	static const char *const names[PROCESS_COUNT] = {
	    [PROCESS_SUPERVISOR] = "supervisor",
	    [PROCESS_WATCHER] = "watcher",
	    [PROCESS_PROBER] = "prober",
	    [PROCESS_HASHER] = "hasher",
	    [PROCESS_GUARD] = "guard",
	    [PROCESS_REAPER] = "reaper",
	    [PROCESS_KEEPER] = "keeper",
	    [PROCESS_PUBLISHER] = "publisher",
	    [PROCESS_REMUXER] = "remuxer",
	};
	return process < PROCESS_COUNT ? names[process] : "unknown";
}

int sandbox_enter(const struct sandbox_request *request) {
	const struct program_row *row = program_row_of(request->process);
	if (row == NULL)
		return -ENOSYS;
	int error = limits_apply(row);
	if (error != 0)
		return error;
	/* Before landlock and seccomp, which ask for it; after the identity, opening the paths could fail. */
	if (row->confined) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
			return -errno;
		error = landlock_apply(row, request->paths, request->path_count);
		if (error != 0)
			return error;
	}
	if (request->drop)
		error = identity_drop(request->user, request->group, row);
	return error == 0 && row->confined ? seccomp_apply(row) : error;
}

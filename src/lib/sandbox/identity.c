/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * User, groups and capabilities, by raw system calls (capabilities(7)). Every step is read back:
 * a kernel or a container that keeps something silently is found here.
 */
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox/programs.h"

struct capability_sets {
	uint64_t effective;
	uint64_t permitted;
};

static int capabilities_read(struct capability_sets *ret_sets) {
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};
	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	*ret_sets = (struct capability_sets){
	    .effective = data[0].effective | (uint64_t)data[1].effective << 32,
	    .permitted = data[0].permitted | (uint64_t)data[1].permitted << 32,
	};
	return 0;
}

/* The inheritable set is always emptied. */
static int capabilities_write(struct capability_sets sets) {
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {
	    {.effective = (uint32_t)sets.effective, .permitted = (uint32_t)sets.permitted},
	    {.effective = (uint32_t)(sets.effective >> 32), .permitted = (uint32_t)(sets.permitted >> 32)},
	};
	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

/* Takes out of the bounding set what is not in `kept`. The end of the list is where the kernel knows no more. */
static int bounding_reduce(uint64_t kept) {
	for (unsigned long capability = 0; capability < 64; capability++) {
		int held = prctl(PR_CAPBSET_READ, capability, 0, 0, 0);
		if (held < 0)
			break;
		if (held == 1 && (kept & UINT64_C(1) << capability) == 0 && prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0)
			return -errno;
	}
	return 0;
}

static int identity_change(uid_t user, gid_t group) {
	if (setgroups(0, NULL) < 0 || setresgid(group, group, group) < 0 || setresuid(user, user, user) < 0)
		return -errno;
	uid_t real, effective, saved;
	if (getresuid(&real, &effective, &saved) < 0)
		return -errno;
	return real == user && effective == user && saved == user && getegid() == group ? 0 : -EPERM;
}

int identity_drop(uid_t user, gid_t group, const struct program_row *row) {
	struct capability_sets had = {0};
	int error = capabilities_read(&had);
	if (error != 0)
		return error;
	struct capability_sets kept = {
	    .effective = row->effective & had.permitted,
	    .permitted = row->permitted & had.permitted,
	};
	/* A change of user ends the parent-death signal, which is what keeps orphans from living on. */
	int death_signal = 0;
	(void)prctl(PR_GET_PDEATHSIG, &death_signal, 0, 0, 0);
	error = bounding_reduce(row->permitted);
	if (error == 0 && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		error = -errno;
	if (error == 0)
		error = identity_change(user, group);
	if (error == 0)
		error = capabilities_write(kept);
	if (error != 0)
		return error;
	/* Kernels before 4.3 have no ambient set, so nothing to clear. */
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
		return -errno;
	if (prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0 ||
	    (death_signal != 0 && prctl(PR_SET_PDEATHSIG, (unsigned long)death_signal, 0, 0, 0) < 0))
		return -errno;
	struct capability_sets now = {0};
	error = capabilities_read(&now);
	if (error != 0)
		return error;
	return now.permitted == kept.permitted && now.effective == kept.effective ? 0 : -EPERM;
}

uint64_t sandbox_capabilities_missing(void) {
	struct capability_sets had = {0};
	const struct program_row *row = program_row_of(PROCESS_SUPERVISOR);
	return capabilities_read(&had) == 0 ? row->permitted & ~had.permitted : 0;
}

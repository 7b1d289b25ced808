/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Landlock by its raw system calls (kernel: Documentation/userspace-api/landlock.rst). Everything
 * that the running kernel can take away is taken away, then given back below the row's paths.
 */
#include "sandbox/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "sandbox/programs.h"

/* The numbers are the same on every architecture. */
enum { CALL_CREATE_RULESET = 444, CALL_ADD_RULE = 445, CALL_RESTRICT_SELF = 446 };
enum { CREATE_RULESET_VERSION = 1, RULE_PATH_BENEATH = 1 };

/* As of ABI 6. Older kernels accept the longer struct as long as what they do not know is 0. */
struct ruleset {
	uint64_t files;
	uint64_t net;
	uint64_t scoped;
};

struct path_rule {
	uint64_t allowed;
	int32_t folder;
} __attribute__((packed));

int sandbox_landlock_abi(void) {
	long abi = syscall(CALL_CREATE_RULESET, NULL, 0, CREATE_RULESET_VERSION);
	return abi < 0 ? 0 : (int)abi;
}

/* What the kernel's ABI can take away. */
static struct ruleset ruleset_of(int abi) {
	struct ruleset all = {.files = LAND_REFER - 1};
	if (abi >= 2)
		all.files |= LAND_REFER;
	if (abi >= 3)
		all.files |= LAND_TRUNCATE;
	if (abi >= 4)
		all.net = LAND_NET_BIND_TCP | LAND_NET_CONNECT_TCP;
	if (abi >= 5)
		all.files |= LAND_IOCTL_DEV;
	if (abi >= 6)
		all.scoped = LAND_SCOPE_ABSTRACT_SOCKET | LAND_SCOPE_SIGNAL;
	return all;
}

static int path_allow(int ruleset, const struct sandbox_path *path, uint64_t rights) {
	CLOSED_AT_END int fd = open(path->path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	struct stat facts;
	if (fstat(fd, &facts) < 0)
		return -errno;
	if (!S_ISDIR(facts.st_mode))
		rights &= LAND_OF_FILES;
	struct path_rule rule = {.allowed = rights, .folder = fd};
	return syscall(CALL_ADD_RULE, ruleset, RULE_PATH_BENEATH, &rule, 0) < 0 ? -errno : 0;
}

static int paths_allow(
    int ruleset, const struct program_row *row, uint64_t known, const struct sandbox_path *paths, size_t count) {
	for (size_t i = 0; i < count; i++) {
		uint64_t rights = paths[i].writable ? row->write : row->read;
		if ((rights & known) == 0 || paths[i].path == NULL)
			continue;
		int error = path_allow(ruleset, &paths[i], rights & known);
		if (error != 0)
			return error;
	}
	return 0;
}

int landlock_apply(const struct program_row *row, const struct sandbox_path *paths, size_t count) {
	int abi = sandbox_landlock_abi();
	if (row->unlanded || abi < row->landlock_abi)
		return 0;
	struct ruleset all = ruleset_of(abi);
	if (row->connects)
		all.net &= ~LAND_NET_CONNECT_TCP;
	CLOSED_AT_END int ruleset = (int)syscall(CALL_CREATE_RULESET, &all, sizeof all, 0);
	if (ruleset < 0)
		return -errno;
	int error = paths_allow(ruleset, row, all.files, row->fixed, FIXED_PATHS_MAX);
	if (error == 0)
		error = paths_allow(ruleset, row, all.files, paths, count);
	if (error == 0 && syscall(CALL_RESTRICT_SELF, ruleset, 0) < 0)
		error = -errno;
	return error;
}

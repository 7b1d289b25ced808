/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/descriptor.h"

/* One name for every temporary file: a crash leaves at most one behind, and the next write takes it. */
static const char temporary_name[] = "log-temporary";
static const char reserve_name[] = "log-reserve";
static const uint64_t reserve_step_bytes = 1024 * 1024;

int store_mark(struct store *store, const char *folder) {
	for (size_t i = 0; i < store->dirty_count; i++)
		if (strcmp(store->dirty[i], folder) == 0)
			return 0;
	if (store->dirty_count == STORE_DIRTY_MAX) {
		int error = store_sync(store);
		if (error < 0)
			return error;
	}
	return text_copy(store->dirty[store->dirty_count++], STORE_PATH_BYTES, text_of(folder)) ? 0 : -ENAMETOOLONG;
}

int store_sync(struct store *store) {
	int result = 0;
	for (size_t i = 0; i < store->dirty_count; i++) {
		const char *path = store->dirty[i][0] == '\0' ? "." : store->dirty[i];
		CLOSED_AT_END int fd = openat(store->state_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0 || fsync(fd) < 0)
			result = -errno;
	}
	/* After a failure everything is written again, so nothing is owed to the old marks. */
	store->dirty_count = 0;
	return result;
}

static int mark_parent(struct store *store, const char *path) {
	char folder[STORE_PATH_BYTES];
	const char *slash = strrchr(path, '/');
	struct text parent = slash == NULL ? TEXT_NULL : (struct text){path, (size_t)(slash - path)};
	return text_copy(folder, sizeof folder, parent) ? store_mark(store, folder) : -ENAMETOOLONG;
}

int store_make_folder(struct store *store, const char *path, mode_t mode) {
	if (mkdirat(store->state_fd, path, mode) < 0)
		return errno == EEXIST ? 0 : -errno;
	if (fchmodat(store->state_fd, path, mode, 0) < 0)
		return -errno;
	return mark_parent(store, path);
}

static int make_parents(struct store *store, const char *path) {
	char folder[STORE_PATH_BYTES];
	for (const char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		if (!text_copy(folder, sizeof folder, (struct text){path, (size_t)(slash - path)}))
			return -ENAMETOOLONG;
		int error = store_make_folder(store, folder, 0755);
		if (error < 0)
			return error;
	}
	return 0;
}

static int put_once(struct store *store, const char *path, const void *bytes, size_t length, mode_t mode) {
	CLOSED_AT_END int fd =
	    openat(store->state_fd, temporary_name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	int error = descriptor_write_all(fd, bytes, length);
	if (error == 0 && fchmod(fd, mode) < 0)
		error = -errno;
	if (error == 0 && fsync(fd) < 0)
		error = -errno;
	if (error == 0 && renameat(store->state_fd, temporary_name, store->state_fd, path) < 0) {
		error = errno == ENOENT ? make_parents(store, path) : -errno;
		if (error == 0 && renameat(store->state_fd, temporary_name, store->state_fd, path) < 0)
			error = -errno;
	}
	if (error != 0)
		(void)unlinkat(store->state_fd, temporary_name, 0);
	return error;
}

int store_put(struct store *store, const char *path, const void *bytes, size_t length, mode_t mode) {
	int error = put_once(store, path, bytes, length, mode);
	while (error == -ENOSPC && store_reserve_release(store) == 0)
		error = put_once(store, path, bytes, length, mode);
	return error < 0 ? error : mark_parent(store, path);
}

static int reserve_open(const struct store *store) {
	return openat(store->state_fd, reserve_name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
}

void store_reserve_fill(struct store *store) {
	CLOSED_AT_END int fd = reserve_open(store);
	struct stat facts;
	if (fd < 0 || fstat(fd, &facts) < 0)
		return;
	if ((uint64_t)facts.st_size > store->reserve_bytes && ftruncate(fd, (off_t)store->reserve_bytes) == 0)
		facts.st_size = (off_t)store->reserve_bytes;
	store->reserve_left = (uint64_t)facts.st_size;
	/* By steps: a disk with room for half of it keeps half. */
	while (store->reserve_left < store->reserve_bytes) {
		uint64_t wanted = store->reserve_bytes - store->reserve_left;
		uint64_t step = wanted < reserve_step_bytes ? wanted : reserve_step_bytes;
		if (fallocate(fd, 0, (off_t)store->reserve_left, (off_t)step) < 0) {
			/* Part of the step may have been allocated; if it stays, the reserve is only larger than we think. */
			if (ftruncate(fd, (off_t)store->reserve_left) < 0)
				return;
			break;
		}
		store->reserve_left += step;
	}
	(void)fsync(fd);
}

int store_reserve_release(struct store *store) {
	CLOSED_AT_END int fd = reserve_open(store);
	if (fd < 0 || store->reserve_left == 0)
		return -ENOSPC;
	uint64_t left = store->reserve_left > reserve_step_bytes ? store->reserve_left - reserve_step_bytes : 0;
	if (ftruncate(fd, (off_t)left) < 0)
		return -ENOSPC;
	store->reserve_left = left;
	/* The blocks are free only once the journal says so. */
	(void)fsync(fd);
	return 0;
}

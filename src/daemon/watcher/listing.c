/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One folder, listed in the order the filesystem gives: getdents64 into one buffer, statx for each
 * name, straight into the message. Memory does not depend on how many files there are.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/descriptor.h"
#include "base/log.h"
#include "watcher.h"

enum { LISTING_BYTES = 128 << 10 };

/* A change within this time of a listing may not show in the folder's mtime: clocks of filesystems are as coarse as 2
 * s. */
#define SETTLE_NS INT64_C(2000000000)

struct listing {
	struct watcher *watcher;
	struct root *root;
	struct text path;
	int fd;
	int error; /* the first one */
};

static void listing_begin(struct listing *listing) {
	message_begin(&listing->watcher->out, MESSAGE_LISTING);
	record_folder_put(
	    &listing->watcher->out.writer, &(struct record_folder){.root = listing->root->index, .path = listing->path});
}

/* The folder's path and the name, or an empty text if keeper could not be told such a path. */
static struct text path_join(char *joined, size_t room, struct text folder, const char *name) {
	struct text path = {joined, folder.length + (folder.length > 0 ? 1 : 0) + strlen(name)};
	if (path.length >= room)
		return TEXT_NULL;
	if (folder.length > 0) {
		memcpy(joined, folder.data, folder.length);
		joined[folder.length] = '/';
	}
	memcpy(joined + path.length - strlen(name), name, strlen(name) + 1);
	return path;
}

static void folder_found(struct listing *listing, const struct record_entry *entry, const char *name) {
	char joined[PATH_BYTES_MAX + 1];
	struct text path = path_join(joined, sizeof joined, listing->path, name);
	if (path.length == 0 || !scan_found(listing->watcher, listing->root, path, entry->mtime_ns)) {
		listing->error = path.length == 0 ? -ENAMETOOLONG : -ENOMEM;
		log_warning("folder '%s' in '%.*s' of '%s' is too deep or one too many, leaving it out", name,
		    (int)listing->path.length, listing->path.data, listing->root->path);
	}
}

static int entry_send(struct listing *listing, const char *name) {
	struct statx facts;
	int error = statx_of(listing->fd, name, &facts);
	if (error == -ENOENT)
		return 0; /* removed since it was listed; its event follows */
	if (error != 0) {
		listing->error = listing->error == 0 ? error : listing->error;
		return 0;
	}
	struct record_entry entry;
	entry_from(listing->root, name, &facts, &entry);
	if (!message_has_room(&listing->watcher->out)) {
		error = watcher_send(listing->watcher);
		if (error != 0)
			return error;
		listing_begin(listing);
	}
	message_add_entry(&listing->watcher->out, &entry);
	listing->root->entries++;
	if (entry.type == ENTRY_FOLDER)
		folder_found(listing, &entry, name);
	return 0;
}

static int entries_send(struct listing *listing) {
	for (;;) {
		long length = syscall(SYS_getdents64, listing->fd, listing->watcher->listing_buffer, LISTING_BYTES);
		if (length < 0)
			listing->error = listing->error == 0 ? -errno : listing->error;
		if (length <= 0)
			return 0;
		for (long at = 0; at < length;) {
			const struct dirent64 *entry = (const void *)(listing->watcher->listing_buffer + at);
			at += entry->d_reclen;
			if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
				continue;
			int error = entry_send(listing, entry->d_name);
			if (error != 0)
				return error;
		}
	}
}

/* True if these times can stand for what was listed: whatever changes later will change them. */
static bool is_settled(const struct statx *before, const struct statx *after, int64_t began_ns) {
	int64_t mtime_ns = statx_ns(before->stx_mtime);
	int64_t ctime_ns = statx_ns(before->stx_ctime);
	if (mtime_ns != statx_ns(after->stx_mtime) || ctime_ns != statx_ns(after->stx_ctime))
		return false;
	return llabs(began_ns - mtime_ns) > SETTLE_NS && llabs(began_ns - ctime_ns) > SETTLE_NS;
}

int listing_send(struct watcher *watcher, struct root *root, struct text path, int folder_fd, int64_t *ret_mtime_ns) {
	*ret_mtime_ns = 0;
	if (watcher->listing_buffer == NULL)
		watcher->listing_buffer = malloc(LISTING_BYTES);
	if (watcher->listing_buffer == NULL)
		return -ENOMEM;

	CLOSED_AT_END int fd = openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct listing listing = {.watcher = watcher, .root = root, .path = path, .fd = fd};
	int64_t began_ns = clock_wall_us() * 1000;
	struct statx before = {0};
	struct statx after = {0};
	if (fd < 0)
		listing.error = -errno;
	else
		listing.error = statx_of(fd, "", &before);
	if (listing.error == 0) {
		listing_begin(&listing);
		int error = entries_send(&listing);
		if (error == 0 && watcher->out.items > 0)
			error = watcher_send(watcher);
		if (error != 0)
			return error;
	}
	if (listing.error == 0)
		listing.error = statx_of(fd, "", &after);
	root->folders_read++;

	if (listing.error != 0)
		log_warning_errno(listing.error, "cannot read folder '%.*s' of '%s', what is in it stays as it was",
		    (int)path.length, path.data, root->path);
	struct record_folder_end end = {.root = root->index, .path = path, .error = (uint32_t)-listing.error};
	if (listing.error == 0 && is_settled(&before, &after, began_ns)) {
		end.mtime_ns = statx_ns(before.stx_mtime);
		end.ctime_ns = statx_ns(before.stx_ctime);
	}
	*ret_mtime_ns = listing.error == 0 ? end.mtime_ns : -1;
	return watcher_send_folder_end(watcher, &end);
}

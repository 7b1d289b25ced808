/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What keeper asks: folders known, scans, descriptors of files, a second look at a name. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "base/log.h"
#include "watcher.h"

enum { MESSAGES_A_TURN = 64 };

/* A regular file by its folder and name; anything else is refused without being opened. A descriptor or a negative
 * errno. */
static int file_open(struct root *root, const struct record_open *wanted) {
	char name[NAME_BYTES_MAX + 1];
	if (!text_copy(name, sizeof name, wanted->name) || name[0] == '\0' || strchr(name, '/') != NULL)
		return -EINVAL;
	CLOSED_AT_END int folder_fd = root_open_folder(root, wanted->folder);
	if (folder_fd < 0)
		return folder_fd;
	struct statx facts;
	int error = statx_of(folder_fd, name, &facts);
	if (error != 0)
		return error;
	if (!S_ISREG(facts.stx_mode) || statx_device(&facts) != root->device ||
	    (facts.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0)
		return -EINVAL;
	/* O_NONBLOCK: should a FIFO take the name in this moment, opening it does not wait. */
	int flags = O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY;
	CLOSED_AT_END int fd = openat(folder_fd, name, flags | O_NOATIME);
	if (fd < 0 && errno == EPERM)
		fd = openat(folder_fd, name, flags); /* O_NOATIME is for the owner */
	if (fd < 0)
		return -errno;
	error = statx_of(fd, "", &facts);
	if (error == 0 && !S_ISREG(facts.stx_mode))
		error = -EINVAL;
	if (error != 0)
		return error;
	int opened = fd;
	fd = -1;
	return opened;
}

static int answer_open(struct watcher *watcher, const struct record_open *wanted) {
	struct root *root = watcher_root(watcher, wanted->root);
	if (root == NULL)
		return -EPROTO;
	CLOSED_AT_END int fd = file_open(root, wanted);
	message_begin(&watcher->out, MESSAGE_OPENED);
	record_answer_put(
	    &watcher->out.writer, &(struct record_answer){.request = wanted->request, .error = fd < 0 ? (uint32_t)-fd : 0});
	for (;;) {
		int error = message_send(watcher->channel, &watcher->out, &fd, fd < 0 ? 0 : 1);
		if (error != -EAGAIN)
			return error;
		error = watcher_wait_for_room(watcher);
		if (error != 0)
			return error;
	}
}

/* One name: LISTED with what it is, GONE, or an empty list when neither can be told. */
static int answer_look(struct watcher *watcher, const struct record_open *wanted) {
	struct root *root = watcher_root(watcher, wanted->root);
	char name[NAME_BYTES_MAX + 1];
	if (root == NULL)
		return -EPROTO;
	struct statx facts;
	int error = -EINVAL;
	if (text_copy(name, sizeof name, wanted->name) && name[0] != '\0' && strchr(name, '/') == NULL) {
		CLOSED_AT_END int folder_fd = root_open_folder(root, wanted->folder);
		error = folder_fd < 0 ? folder_fd : statx_of(folder_fd, name, &facts);
	}
	message_begin(&watcher->out, MESSAGE_CHANGES);
	record_folder_put(&watcher->out.writer, &(struct record_folder){.root = wanted->root, .path = wanted->folder});
	struct record_entry entry;
	if (error == 0) {
		entry_from(root, name, &facts, &entry);
		message_add_entry(&watcher->out, &entry);
	} else if ((error == -ENOENT || error == -ENOTDIR) && root_still_there(root)) {
		message_add_entry(&watcher->out, &(struct record_entry){.what = ENTRY_GONE, .name = text_of(name)});
	} else {
		log_warning_errno(error, "cannot look at a file of '%s', leaving it as it was", root->path);
	}
	return watcher_send(watcher);
}

static int know(struct watcher *watcher, struct message *message) {
	struct record_root record;
	struct root *root = record_root_get(&message->reader, &record) ? watcher_root(watcher, record.root) : NULL;
	if (root == NULL)
		return -EPROTO;
	struct record_known_folder folder;
	while (message_next_known_folder(message, &folder))
		scan_know(root, &folder);
	return 0;
}

static int handle(struct watcher *watcher, struct message *message) {
	struct record_root record;
	struct record_open wanted;
	struct root *root;
	switch (message->type) {
	case MESSAGE_FOLDERS_KNOWN:
		return know(watcher, message);
	case MESSAGE_SCAN:
		root = record_root_get(&message->reader, &record) ? watcher_root(watcher, record.root) : NULL;
		return root == NULL ? -EPROTO : scan_begin(watcher, root);
	case MESSAGE_OPEN:
		return record_open_get(&message->reader, &wanted) ? answer_open(watcher, &wanted) : -EPROTO;
	case MESSAGE_LOOK:
		return record_open_get(&message->reader, &wanted) ? answer_look(watcher, &wanted) : -EPROTO;
	default:
		return -EPROTO;
	}
}

int request_handle(struct watcher *watcher) {
	for (int i = 0; i < MESSAGES_A_TURN; i++) {
		int received = message_receive(watcher->channel, &watcher->message);
		if (received == -EAGAIN)
			return 0;
		if (received <= 0)
			return received == 0 ? -EPIPE : received;
		int error = handle(watcher, &watcher->message);
		message_close_descriptors(&watcher->message);
		if (error != 0)
			return error;
	}
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * retention watcher: knows the names on one volume. Descriptor 3 is its channel; the supervisor
 * sends START, keeper the rest. It decides nothing, writes nothing, and ends when the channel does.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/descriptor.h"
#include "base/log.h"
#include "sandbox/sandbox.h"
#include "settings/settings.h"
#include "watcher.h"

enum { CHANNEL = 3 };

struct start {
	struct record_start record;
	uint16_t roots[ROOTS_MAX];
	size_t root_count;
	struct settings *settings;
};

/* 0, -EPIPE when nobody is there any more, or another negative errno. */
static int start_receive(struct message *message, struct start *ret_start) {
	int received;
	while ((received = message_receive(CHANNEL, message)) == -EAGAIN) {
		struct pollfd wait = {.fd = CHANNEL, .events = POLLIN};
		if (poll(&wait, 1, -1) < 0 && errno != EINTR)
			return -errno;
	}
	if (received <= 0)
		return received == 0 ? -EPIPE : received;
	CLOSED_AT_END int settings_fd = message_take_descriptor(message, 0);
	message_close_descriptors(message);
	if (message->type != MESSAGE_START || settings_fd < 0 || !record_start_get(&message->reader, &ret_start->record) ||
	    ret_start->record.version != MESSAGE_VERSION)
		return -EPROTO;
	struct record_root root;
	while (message_next_root(message, &root)) {
		if (ret_start->root_count == ROOTS_MAX)
			return -E2BIG;
		ret_start->roots[ret_start->root_count++] = root.root;
	}
	return settings_unseal(settings_fd, &ret_start->settings);
}

/* Identity and reach: its roots, and the inotify limits. Nothing else is opened after this line's call. */
static int rights_drop(struct watcher *watcher, const struct record_start *start) {
	struct sandbox_path paths[ROOTS_MAX + 1];
	size_t count = 0;
	for (size_t i = 0; i < watcher->root_count; i++) {
		root_note_reach(&watcher->roots[i]);
		if (access(watcher->roots[i].path, F_OK) == 0)
			paths[count++] = (struct sandbox_path){.path = watcher->roots[i].path};
	}
	paths[count++] = (struct sandbox_path){.path = "/proc/sys/fs/inotify"};
	struct sandbox_request request = {.process = PROCESS_WATCHER,
	    .drop = start->drop != 0,
	    .user = start->user,
	    .group = start->group,
	    .paths = paths,
	    .path_count = count};
	return sandbox_enter(&request);
}

static int fail(int error, const char *what) {
	if (error == -EPIPE)
		return EXIT_SUCCESS;
	log_error_errno(error, "%s, ending", what);
	return EXIT_FAILURE;
}

int main(void) {
	log_open("watcher", LOG_LEVEL_INFO);
	struct watcher *watcher = calloc(1, sizeof *watcher);
	if (watcher == NULL || chdir("/") < 0)
		return fail(-errno, "cannot start");
	struct start start = {0};
	int error = start_receive(&watcher->message, &start);
	if (error != 0)
		return fail(error, "cannot take the supervisor's START");
	log_open("watcher", start.record.verbose != 0 ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);

	error = watcher_init(watcher, CHANNEL, start.settings, start.roots, start.root_count);
	start.settings = settings_free(start.settings);
	if (error != 0)
		return fail(error, "cannot watch");
	error = rights_drop(watcher, &start.record);
	if (error != 0)
		return fail(error, "cannot give up rights");
	error = watcher_run(watcher);
	watcher_release(watcher);
	free(watcher);
	return error == 0 ? EXIT_SUCCESS : fail(error, "cannot go on");
}

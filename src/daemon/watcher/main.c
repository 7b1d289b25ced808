/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * retention watcher: knows the names on one volume. Descriptor 3 is its channel; the supervisor
 * sends START, keeper the rest. It decides nothing, writes nothing, and ends when the channel does.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/descriptor.h"
#include "base/log.h"
#include "ipc/child.h"
#include "sandbox/sandbox.h"
#include "settings/settings.h"
#include "watcher.h"

struct start {
	struct record_start record;
	uint16_t roots[ROOTS_MAX];
	size_t root_count;
	struct settings *settings;
};

/* 0, -EPIPE when nobody is there any more, or another negative errno. */
static int start_receive(struct message *message, struct start *ret_start) {
	int started = child_start(PROCESS_WATCHER, -1, message, &ret_start->record);
	if (started <= 0)
		return started == 0 ? -EPIPE : started;
	CLOSED_AT_END int settings_fd = message_take_descriptor(message, 0);
	message_close_descriptors(message);
	if (settings_fd < 0)
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
	struct sandbox_request request = child_sandbox(PROCESS_WATCHER, start);
	request.paths = paths;
	request.path_count = count;
	return sandbox_enter(&request);
}

static int fail(int error, const char *what) {
	if (error == -EPIPE)
		return EXIT_SUCCESS;
	log_error_errno(error, "%s, ending", what);
	return EXIT_FAILURE;
}

static int run(struct watcher *watcher) {
	struct start start = {0};
	int error = start_receive(&watcher->message, &start);
	if (error != 0)
		return fail(error, "cannot take the supervisor's START");

	error = watcher_init(watcher, CHILD_CHANNEL, start.settings, start.roots, start.root_count);
	start.settings = settings_free(start.settings);
	if (error != 0)
		return fail(error, "cannot watch");
	error = rights_drop(watcher, &start.record);
	if (error != 0)
		return fail(error, "cannot give up rights");
	error = watcher_run(watcher);
	watcher_release(watcher);
	return error == 0 ? EXIT_SUCCESS : fail(error, "cannot go on");
}

int main(void) {
	log_open("watcher", LOG_LEVEL_INFO);
	struct watcher *watcher = calloc(1, sizeof *watcher);
	if (watcher == NULL || chdir("/") < 0) {
		int error = -errno;
		free(watcher);
		return fail(error, "cannot start");
	}
	int status = run(watcher);
	free(watcher);
	return status;
}

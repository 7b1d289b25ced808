/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The loop: requests, events, pieces of a scan, and what is due; and all that is sent. */
#include "watcher.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "settings/settings.h"

#define MINUTE_US (60 * US_PER_SECOND)
#define COVERAGE_US (10 * US_PER_SECOND) /* WATCH_COVERAGE at most so often */
#define IDLE_US (2 * US_PER_SECOND)      /* then the roots' descriptors are closed */
#define SLOTS_US (US_PER_SECOND / 10)    /* a recorder's writes wake us at most so often */
#define GATHER_US (US_PER_SECOND / 200)  /* events that come this close together are told together */

enum {
	SETTLE_S = 600,      /* a folder quiet for so long is listed once more, so that keeper gets its times */
	SETTLE_AT_ONCE = 256 /* so many a minute */
};

/* ---- sending ---- */

int watcher_wait_for_room(struct watcher *watcher) {
	struct pollfd wait[] = {{.fd = watcher->channel, .events = POLLOUT}, {.fd = watcher->watches.fd, .events = POLLIN}};
	if (poll(wait, ARRAY_LENGTH(wait), -1) < 0 && errno != EINTR)
		return -errno;
	if ((wait[1].revents & POLLIN) != 0)
		event_queue_drain(&watcher->queue, watcher->watches.fd);
	return 0;
}

int watcher_send(struct watcher *watcher) {
	for (;;) {
		int error = message_send(watcher->channel, &watcher->out, NULL, 0);
		if (error != -EAGAIN)
			return error;
		error = watcher_wait_for_room(watcher);
		if (error != 0)
			return error;
	}
}

int watcher_send_root(struct watcher *watcher, struct root *root, int error) {
	struct record_root_found found = {.root = root->index, .error = (uint32_t)-error};
	if (error == 0) {
		found.uuid = text_of(root->volume.uuid);
		found.filesystem = text_of(root->volume.filesystem);
		found.root_inode = root->inode;
		found.root_birth_ns = root->birth_ns;
		found.device = root->device;
		found.bytes_total = root->volume.bytes_total;
		found.bytes_free = root->volume.bytes_free;
		found.read_only = root->volume.read_only ? 1 : 0;
		root->bytes_free_told = root->volume.bytes_free;
	}
	message_begin(&watcher->out, MESSAGE_ROOT_FOUND);
	record_root_found_put(&watcher->out.writer, &found);
	return watcher_send(watcher);
}

int watcher_send_folder_end(struct watcher *watcher, const struct record_folder_end *end) {
	message_begin(&watcher->out, MESSAGE_FOLDER_END);
	record_folder_end_put(&watcher->out.writer, end);
	return watcher_send(watcher);
}

static struct record_watch_coverage coverage_of(const struct watcher *watcher) {
	size_t unwatched = 0;
	for (size_t i = 0; i < watcher->root_count; i++)
		unwatched += watcher->roots[i].unwatched.count;
	return (struct record_watch_coverage){.folders = (uint32_t)(watcher->watches.count + unwatched),
	    .watched = (uint32_t)watcher->watches.count,
	    .limit = watcher->watches.limit,
	    .overflows = watcher->overflows};
}

static bool coverage_changed(const struct watcher *watcher) {
	struct record_watch_coverage now = coverage_of(watcher);
	const struct record_watch_coverage *told = &watcher->coverage_told;
	return now.folders != told->folders || now.watched != told->watched || now.limit != told->limit ||
	       now.overflows != told->overflows;
}

static int coverage_send(struct watcher *watcher) {
	watcher->coverage_told = coverage_of(watcher);
	watcher->coverage_due_us = clock_boot_us() + COVERAGE_US;
	message_begin(&watcher->out, MESSAGE_WATCH_COVERAGE);
	record_watch_coverage_put(&watcher->out.writer, &watcher->coverage_told);
	return watcher_send(watcher);
}

/* ---- roots ---- */

struct root *watcher_root(struct watcher *watcher, uint16_t index) {
	for (size_t i = 0; i < watcher->root_count; i++)
		if (watcher->roots[i].index == index)
			return &watcher->roots[i];
	return NULL;
}

int watcher_root_lost(struct watcher *watcher, struct root *root, int error) {
	if (!root->found)
		return 0;
	log_warning_errno(error, "root '%s' is not there any more, nothing below it counts as gone", root->path);
	scan_cancel(watcher, root);
	for (size_t i = watcher->watches.count; i > 0; i--) {
		int wd = watcher->watches.states[i - 1].wd;
		struct watch_name name;
		if (watches_name(wd, &name) && name.root == root->index)
			watches_remove(&watcher->watches, wd);
	}
	folders_release(&root->unwatched);
	root_close(root);
	root->found = false;
	root->scanned = false;
	return watcher_send_root(watcher, root, error);
}

/* ---- what is due ---- */

static int root_measure(struct watcher *watcher, struct root *root) {
	int error = root_open(root);
	if (error != 0)
		return watcher_root_lost(watcher, root, error);
	struct volume before = root->volume;
	if (volume_measure(root->fd, &root->volume) != 0)
		return 0;
	uint64_t told = root->bytes_free_told;
	uint64_t now = root->volume.bytes_free;
	uint64_t moved = now > told ? now - told : told - now;
	bool changed = moved > root->volume.bytes_total / 100 || before.read_only != root->volume.read_only;
	return changed ? watcher_send_root(watcher, root, 0) : 0;
}

/* Folders that are quiet now are listed once more, so that after a restart they need not be. */
static void settle(struct watcher *watcher) {
	uint32_t now_s = (uint32_t)(clock_wall_us() / US_PER_SECOND);
	int pushed = 0;
	for (size_t i = 0; i < watcher->watches.count && pushed < SETTLE_AT_ONCE; i++) {
		const struct watch_state *state = &watcher->watches.states[i];
		struct watch_name name;
		if (!state->unsettled || now_s - state->changed_s < SETTLE_S || !watches_name(state->wd, &name))
			continue;
		struct root *root = watcher_root(watcher, name.root);
		if (root == NULL || !root->found || root->scanning)
			continue;
		if (!scan_push(watcher, &(struct scan_item){.root = root, .again = true}, name.path))
			return; /* next minute */
		pushed++;
	}
}

static int minute(struct watcher *watcher) {
	for (size_t i = 0; i < watcher->root_count; i++) {
		int error = watcher->roots[i].found ? root_measure(watcher, &watcher->roots[i]) : 0;
		if (error != 0)
			return error;
	}
	watches_look_again(&watcher->watches);
	scan_compare_begin(watcher);
	settle(watcher);
	return 0;
}

static int due_handle(struct watcher *watcher) {
	int64_t now_us = clock_boot_us();
	int error = 0;
	if (now_us >= watcher->minute_due_us) {
		watcher->minute_due_us = now_us + MINUTE_US;
		error = minute(watcher);
	}
	if (error == 0 && watcher->written_count > 0 && now_us >= watcher->written_due_us)
		error = events_tell_written(watcher);
	if (error == 0 && now_us >= watcher->coverage_due_us && coverage_changed(watcher))
		error = coverage_send(watcher);
	return error;
}

static void rest(struct watcher *watcher) {
	for (size_t i = 0; i < watcher->root_count; i++)
		root_close(&watcher->roots[i]);
	free(watcher->listing_buffer);
	watcher->listing_buffer = NULL;
	watcher->active_us = 0;
}

static bool has_slots(const struct watcher *watcher) {
	for (size_t i = 0; i < watcher->root_count; i++)
		if (watcher->roots[i].slots)
			return true;
	return false;
}

/* How long the loop may sleep when there is no work, in milliseconds, rounded up. */
static int sleep_ms(const struct watcher *watcher) {
	int64_t due_us = watcher->minute_due_us;
	if (watcher->written_count > 0 && watcher->written_due_us < due_us)
		due_us = watcher->written_due_us;
	if (coverage_changed(watcher) && watcher->coverage_due_us < due_us)
		due_us = watcher->coverage_due_us;
	if (watcher->active_us != 0 && watcher->active_us + IDLE_US < due_us)
		due_us = watcher->active_us + IDLE_US;
	int64_t now_us = clock_boot_us();
	if (watcher->events_due_us > now_us && watcher->events_due_us < due_us)
		due_us = watcher->events_due_us;
	return due_us <= now_us ? 0 : (int)((due_us - now_us + 999) / 1000);
}

/* ---- the loop ---- */

static int wait_and_read(struct watcher *watcher, int wait_ms) {
	int64_t now_us = clock_boot_us();
	struct pollfd wait[] = {{.fd = watcher->channel, .events = POLLIN},
	    {.fd = now_us < watcher->events_due_us ? -1 : watcher->watches.fd, .events = POLLIN}};
	int ready = poll(wait, ARRAY_LENGTH(wait), wait_ms);
	if (ready < 0)
		return errno == EINTR ? 0 : -errno;
	if (ready > 0)
		watcher->active_us = clock_boot_us();
	if ((wait[1].revents & POLLIN) != 0) {
		event_queue_drain(&watcher->queue, watcher->watches.fd);
		now_us = clock_boot_us();
		if (has_slots(watcher))
			watcher->events_due_us = now_us + SLOTS_US;
		else if (now_us - watcher->events_read_us < GATHER_US)
			watcher->events_due_us = now_us + GATHER_US;
		watcher->events_read_us = now_us;
	}
	return wait[0].revents != 0 ? request_handle(watcher) : 0;
}

int watcher_turn(struct watcher *watcher, int wait_ms) {
	bool working = scan_has_work(watcher) || watcher->queue.used > 0;
	int most_ms = working ? 0 : sleep_ms(watcher);
	if (wait_ms >= 0 && wait_ms < most_ms)
		most_ms = wait_ms;
	int error = wait_and_read(watcher, most_ms);
	if (error == 0 && (watcher->queue.used > 0 || watcher->queue.overflowed))
		error = events_handle(watcher);
	if (error == 0 && scan_has_work(watcher)) {
		watcher->active_us = clock_boot_us();
		error = scan_step(watcher);
	}
	if (error == 0)
		error = due_handle(watcher);
	if (error == -EPIPE)
		return 0;
	if (error != 0)
		return error;
	if (watcher->active_us != 0 && clock_boot_us() >= watcher->active_us + IDLE_US)
		rest(watcher);
	return 1;
}

int watcher_run(struct watcher *watcher) {
	int error = watcher_begin(watcher);
	if (error != 0)
		return error == -EPIPE ? 0 : error;
	int going;
	do
		going = watcher_turn(watcher, -1);
	while (going > 0);
	return going;
}

static int root_init(struct root *root, uint16_t index, const struct settings *settings) {
	*root = ROOT_NULL;
	if (index >= settings->root_count)
		return -EPROTO;
	root->index = index;
	root->path = strdup(settings->roots[index].path);
	root->slots = settings->roots[index].layout != NULL && settings->roots[index].layout->slots;
	return root->path == NULL ? -ENOMEM : 0;
}

int watcher_init(
    struct watcher *watcher, int channel, const struct settings *settings, const uint16_t *roots, size_t root_count) {
	*watcher = (struct watcher){.channel = channel, .watches = {.fd = -1}};
	watcher->roots = calloc(root_count + 1, sizeof *watcher->roots);
	if (watcher->roots == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < root_count; i++) {
		watcher->root_count = i + 1;
		int error = root_init(&watcher->roots[i], roots[i], settings);
		if (error != 0)
			return error;
	}
	watcher->minute_due_us = clock_boot_us() + MINUTE_US;
	watcher->coverage_due_us = clock_boot_us() + COVERAGE_US;
	return watches_open(&watcher->watches);
}

int watcher_begin(struct watcher *watcher) {
	for (size_t i = 0; i < watcher->root_count; i++) {
		int error = watcher_send_root(watcher, &watcher->roots[i], root_find(&watcher->roots[i]));
		if (error != 0)
			return error;
	}
	watcher->active_us = clock_boot_us();
	return 0;
}

void watcher_release(struct watcher *watcher) {
	for (size_t i = 0; i < watcher->root_count; i++) {
		scan_cancel(watcher, &watcher->roots[i]);
		root_release(&watcher->roots[i]);
	}
	if (watcher->watches.fd >= 0)
		watches_close(&watcher->watches);
	event_queue_release(&watcher->queue);
	free(watcher->roots);
	free(watcher->stack);
	free(watcher->written);
	free(watcher->listing_buffer);
}

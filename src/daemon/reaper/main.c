/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reaper: removes the files that keeper names, on one volume. Owns: nothing durable; keeper's intents
 * are replayed after a crash. Must never: choose a file, or go on once keeper is gone.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "batch.h"
#include "erase.h"
#include "ipc/child.h"
#include "ipc/message.h"
#include "remove.h"
#include "root.h"
#include "sandbox/sandbox.h"
#include "settings/settings.h"

/* Two batches in memory: one at work, one waiting. Roots are closed after five idle seconds, so that a disk can be
 * unmounted. */
enum { BATCHES = 2, IDLE_MS = 5000 };

struct reaper {
	struct settings *settings;
	struct root roots[ROOTS_MAX];
	struct batch batches[BATCHES];
	struct batch *running; /* or NULL */
	int error;             /* of the channel: it ends the program */
	bool ended;            /* keeper closed the channel */
	struct message message;
	struct message_writer out;
};

static struct reaper the_reaper;

/* ---- start ---- */

static int take_roots(struct reaper *reaper) {
	int descriptor = message_take_descriptor(&reaper->message, 0);
	message_close_descriptors(&reaper->message);
	int error = settings_unseal(descriptor, &reaper->settings);
	if (descriptor >= 0)
		(void)close(descriptor);
	if (error < 0)
		return error;
	struct record_root record;
	while (message_next_root(&reaper->message, &record)) {
		if (record.root >= reaper->settings->root_count || record.root >= ROOTS_MAX)
			return -EPROTO;
		reaper->roots[record.root].settings = &reaper->settings->roots[record.root];
	}
	return 0;
}

static int enter_sandbox(struct reaper *reaper, const struct record_start *start) {
	struct sandbox_path paths[2 * ROOTS_MAX];
	struct sandbox_request request = child_sandbox(PROCESS_REAPER, start);
	request.paths = paths;
	for (size_t i = 0; i < ROOTS_MAX; i++) {
		const struct root_settings *settings = reaper->roots[i].settings;
		if (settings == NULL)
			continue;
		int error = root_prepare(settings, start->drop ? start->user : 0, start->group);
		if (error < 0)
			log_warning_errno(error, "cannot make the quarantine of '%s', its slots are kept", settings->name);
		paths[request.path_count++] = (struct sandbox_path){.path = settings->path, .writable = true};
		if (settings->vault != NULL)
			paths[request.path_count++] = (struct sandbox_path){.path = settings->vault, .writable = true};
	}
	return sandbox_enter(&request);
}

static void report_quarantined(struct reaper *reaper) {
	for (size_t i = 0; i < ROOTS_MAX; i++) {
		struct root *root = &reaper->roots[i];
		if (root->settings == NULL || root->settings->vault == NULL || !root->settings->layout->slots)
			continue;
		int64_t count = root_open_quarantine(root) == 0 ? root_count_quarantined(root) : 0;
		if (count > 0)
			log_warning(
			    "%lld files are left in '%s/quarantine', they stay there", (long long)count, root->settings->vault);
		root_close(root);
	}
}

/* ---- answers ---- */

static void answer_send(struct reaper *reaper) {
	int error = message_send_wait(CHILD_CHANNEL, &reaper->out, NULL, 0);
	if (error == -EPIPE || error == -ECONNRESET)
		reaper->ended = true;
	else if (error < 0)
		reaper->error = error;
}

static void answer_erased(struct reaper *reaper, const struct batch *batch, int sync_error) {
	size_t i = 0;
	do {
		struct record_erased head = {.batch = batch->number, .stopped = batch->stopped};
		size_t room = (MESSAGE_BYTES_MAX - RECORD_BYTES_erased - 16) / RECORD_BYTES_erased_item;
		head.last = batch->count - i <= room;
		head.sync_error = head.last ? (uint32_t)-sync_error : 0;
		message_begin(&reaper->out, MESSAGE_ERASED);
		record_erased_put(&reaper->out.writer, &head);
		for (size_t end = head.last ? batch->count : i + room; i < end; i++) {
			const struct batch_result *result = &batch->results[i];
			struct record_erased_item item = {
			    .item = batch->items[i].item,
			    .outcome = result->outcome,
			    .error = result->error,
			    .links_left = result->links_left,
			    .open_elsewhere = result->open_elsewhere,
			};
			message_add_erased_item(&reaper->out, &item);
		}
		answer_send(reaper);
	} while (i < batch->count && !reaper->ended && reaper->error == 0);
}

/* ---- messages ---- */

static struct batch *batch_for(struct reaper *reaper, uint32_t number) {
	struct batch *unused = NULL;
	for (size_t i = 0; i < BATCHES; i++) {
		if (reaper->batches[i].used && reaper->batches[i].number == number)
			return &reaper->batches[i];
		if (!reaper->batches[i].used)
			unused = &reaper->batches[i];
	}
	return unused;
}

static int on_erase(struct reaper *reaper) {
	struct record_erase head;
	if (!record_erase_get(&reaper->message.reader, &head) || head.root >= ROOTS_MAX ||
	    reaper->roots[head.root].settings == NULL)
		return -EPROTO;
	struct batch *batch = batch_for(reaper, head.batch);
	if (batch == NULL || batch == reaper->running)
		return -EPROTO;
	return batch_append(batch, &head, &reaper->message);
}

static int on_stop(struct reaper *reaper) {
	struct record_batch record;
	if (!record_batch_get(&reaper->message.reader, &record))
		return -EPROTO;
	/* A batch that is not here any more was answered: that answer is on its way. */
	for (size_t i = 0; i < BATCHES; i++)
		if (reaper->batches[i].used && reaper->batches[i].number == record.batch)
			reaper->batches[i].stopped = true;
	return 0;
}

static int on_folders_remove(struct reaper *reaper) {
	struct record_root head;
	if (!record_root_get(&reaper->message.reader, &head) || head.root >= ROOTS_MAX ||
	    reaper->roots[head.root].settings == NULL)
		return -EPROTO;
	struct root *root = &reaper->roots[head.root];
	int error = root_open(root);
	if (error < 0)
		log_warning_errno(error, "cannot open root '%s', its empty folders stay", root->settings->name);
	message_begin(&reaper->out, MESSAGE_FOLDERS_REMOVED);
	record_root_put(&reaper->out.writer, &head);
	struct record_known_folder folder;
	while (message_next_known_folder(&reaper->message, &folder))
		if (error == 0 && folder_remove(root, &folder))
			message_add_known_folder(&reaper->out, &folder);
	answer_send(reaper);
	return 0;
}

/* Receives and handles what is there. 1 for a message, 0 for none now; the rest is in `error` and `ended`. */
static int handle_next(struct reaper *reaper) {
	int received = message_receive(CHILD_CHANNEL, &reaper->message);
	if (received == -EAGAIN)
		return 0;
	if (received == 0) {
		reaper->ended = true;
		return 0;
	}
	if (received < 0) {
		reaper->error = received;
		return 0;
	}
	message_close_descriptors(&reaper->message);
	int error = -EPROTO;
	if (reaper->message.type == MESSAGE_ERASE)
		error = on_erase(reaper);
	else if (reaper->message.type == MESSAGE_ERASE_STOP)
		error = on_stop(reaper);
	else if (reaper->message.type == MESSAGE_FOLDERS_REMOVE)
		error = on_folders_remove(reaper);
	if (error < 0)
		reaper->error = error;
	return error < 0 ? 0 : 1;
}

static enum erase_flow listen_between(void *context) {
	struct reaper *reaper = context;
	while (handle_next(reaper) == 1)
		continue;
	if (reaper->ended || reaper->error != 0)
		return ERASE_END;
	return reaper->running->stopped ? ERASE_STOP_HERE : ERASE_GO_ON;
}

/* ---- loop ---- */

/* Works off one complete batch; false if there is none. */
static bool run_batch(struct reaper *reaper) {
	struct batch *batch = NULL;
	for (size_t i = 0; i < BATCHES; i++) {
		struct batch *other = &reaper->batches[i];
		/* Keeper counts upwards: the older one first. */
		if (other->complete && (batch == NULL || (int32_t)(other->number - batch->number) < 0))
			batch = other;
	}
	if (batch == NULL)
		return false;
	reaper->running = batch;
	struct erase_listener listener = {.listen = listen_between, .context = reaper};
	int error = erase_run(&reaper->roots[batch->root], batch, &listener);
	reaper->running = NULL;
	if (!reaper->ended && reaper->error == 0)
		answer_erased(reaper, batch, error);
	batch_clear(batch);
	return true;
}

static void close_roots(struct reaper *reaper) {
	for (size_t i = 0; i < ROOTS_MAX; i++)
		root_close(&reaper->roots[i]);
}

static bool any_root_open(const struct reaper *reaper) {
	for (size_t i = 0; i < ROOTS_MAX; i++)
		if (reaper->roots[i].fd >= 0 || reaper->roots[i].quarantine_fd >= 0)
			return true;
	return false;
}

static int serve(struct reaper *reaper) {
	while (!reaper->ended && reaper->error == 0) {
		if (handle_next(reaper) == 1 || reaper->ended || reaper->error != 0 || run_batch(reaper))
			continue;
		struct pollfd wait = {.fd = CHILD_CHANNEL, .events = POLLIN};
		int ready = poll(&wait, 1, any_root_open(reaper) ? IDLE_MS : -1);
		if (ready == 0)
			close_roots(reaper);
		else if (ready < 0 && errno != EINTR)
			return -errno;
	}
	return reaper->error;
}

int main(void) {
	struct reaper *reaper = &the_reaper;
	/* Told when someone opens a file on which a lease is held for a moment: nothing to do. */
	(void)signal(SIGIO, SIG_IGN);
	for (size_t i = 0; i < ROOTS_MAX; i++)
		reaper->roots[i] = ROOT_NULL;

	struct record_start start;
	int started = child_begin(PROCESS_REAPER, -1, &reaper->message, &start);
	if (started <= 0)
		return started < 0;
	int error = take_roots(reaper);
	if (error == 0)
		error = enter_sandbox(reaper, &start);
	if (error < 0) {
		log_error_errno(error, "cannot start, ending");
		return 1;
	}
	report_quarantined(reaper);

	error = serve(reaper);
	if (error < 0)
		log_error_errno(error, "the channel to keeper failed, ending");
	close_roots(reaper);
	for (size_t i = 0; i < BATCHES; i++)
		batch_clear(&reaper->batches[i]);
	reaper->settings = settings_free(reaper->settings);
	return error < 0 ? 1 : 0;
}

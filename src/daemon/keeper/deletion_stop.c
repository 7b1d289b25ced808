/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Holds against batches in flight: no unlink is ordered after a hold is acknowledged. */
#include "deletion.h"

#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "deletion_batch.h"
#include "ipc/channel.h"
#include "keeper.h"
#include "roots.h"

/* A hold that waits until the reapers said that they stopped. */
struct waiter {
	struct waiter *next;
	struct keeper *keeper;
	struct event *deadline; /* a hanging disk holds up no answer for longer */
	size_t in_doubt;
	void (*done)(struct keeper *keeper, size_t in_doubt, void *context);
	void *context;
};

static const struct timeval stop_deadline = {.tv_usec = 20000};

static bool is_touched(struct keeper *keeper, const struct batch *batch) {
	for (size_t i = 0; i < batch->segment_count; i++) {
		const struct batch_segment *segment = &batch->segments[i];
		const struct batch_file *main_file = &batch->files[segment->first_file + segment->file_count - 1];
		if (!main_file->reported && batch_is_held(keeper, batch, segment))
			return true;
	}
	return false;
}

static size_t count_in_doubt(struct keeper *keeper, const struct batch *batch) {
	size_t count = 0;
	for (size_t i = 0; i < batch->segment_count; i++)
		count += batch_is_held(keeper, batch, &batch->segments[i]) ? 1 : 0;
	return count;
}

/*
 * Segments under a hold that a reaper may still be unlinking: it was told to stop and has not answered, or it
 * is one of before a restart whose end nobody has seen yet (a new one is started only then).
 */
static size_t count_all_in_doubt(struct keeper *keeper) {
	size_t count = 0;
	for (const struct batch *batch = keeper->deletion->batches; batch != NULL; batch = batch->next) {
		const struct root *root = roots_by_name(keeper, batch->root);
		if (batch->leftover ? root == NULL || root->reaper == NULL : batch->stop_sent)
			count += count_in_doubt(keeper, batch);
	}
	return count;
}

static bool is_stopping(const struct deletion *deletion) {
	for (const struct batch *batch = deletion->batches; batch != NULL; batch = batch->next)
		if (!batch->leftover && batch->stop_sent)
			return true;
	return false;
}

/* Of one that is out of the list already: `done` may put others into it. */
static void end_waiter(struct waiter *waiter) {
	waiter->done(waiter->keeper, waiter->in_doubt, waiter->context);
	event_free(waiter->deadline);
	free(waiter);
}

static void on_deadline(evutil_socket_t fd, short events, void *context) {
	(void)fd;
	(void)events;
	struct waiter *waiter = context;
	struct waiter **link = &waiter->keeper->deletion->waiters;
	while (*link != waiter)
		link = &(*link)->next;
	*link = waiter->next;
	waiter->in_doubt = count_all_in_doubt(waiter->keeper);
	end_waiter(waiter);
}

void deletion_wake_waiters(struct deletion *deletion) {
	while (deletion->waiters != NULL && !is_stopping(deletion)) {
		struct waiter *waiter = deletion->waiters;
		deletion->waiters = waiter->next;
		end_waiter(waiter);
	}
}

static void send_stop(struct keeper *keeper, struct batch *batch) {
	const struct root *root = roots_by_name(keeper, batch->root);
	struct message_writer *out = root == NULL || root->reaper == NULL ? NULL : malloc(sizeof *out);
	if (out == NULL)
		return;
	message_begin(out, MESSAGE_ERASE_STOP);
	record_batch_put(&out->writer, &(struct record_batch){batch->id});
	channel_send(root->reaper, out, NULL, 0);
	free(out);
	batch->stop_sent = true;
}

void deletion_stop_for_hold(
    struct keeper *keeper, void (*done)(struct keeper *keeper, size_t in_doubt, void *context), void *context) {
	struct deletion *deletion = keeper->deletion;
	for (struct batch *batch = deletion->batches; batch != NULL; batch = batch->next)
		if (!batch->leftover && !batch->stop_sent && is_touched(keeper, batch))
			send_stop(keeper, batch);
	struct waiter *waiter = is_stopping(deletion) ? calloc(1, sizeof *waiter) : NULL;
	if (waiter != NULL) {
		*waiter = (struct waiter){.keeper = keeper, .done = done, .context = context};
		waiter->deadline = evtimer_new(keeper->base, on_deadline, waiter);
		if (waiter->deadline != NULL && evtimer_add(waiter->deadline, &stop_deadline) == 0) {
			struct waiter **end = &deletion->waiters;
			while (*end != NULL)
				end = &(*end)->next;
			*end = waiter;
			return;
		}
		free(waiter);
	}
	/* Nothing is in flight; or memory is so short that nobody can wait: then say that it is in doubt. */
	done(keeper, count_all_in_doubt(keeper), context);
}

void deletion_forget_waiters(struct deletion *deletion) {
	while (deletion->waiters != NULL) {
		struct waiter *waiter = deletion->waiters;
		deletion->waiters = waiter->next;
		event_free(waiter->deadline);
		free(waiter);
	}
}

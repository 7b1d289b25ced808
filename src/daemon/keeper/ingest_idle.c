/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Segments that are finished once nothing was written for a while: by their layout's rule, because a
 * scan found them without a close event to wait for, or because that event never came. When the wait
 * is over watcher looks once more.
 */
#include "ingest_private.h"

#include <stdlib.h>

#include "base/clock.h"
#include "ipc/channel.h"

int64_t idle_wait_us(const struct root *root) {
	uint32_t seconds = root->settings->layout->idle_seconds;
	return (seconds == 0 ? IDLE_SECONDS_DEFAULT : (int64_t)seconds) * US_PER_SECOND;
}

static struct idle *idle_find(struct ingest *ingest, const struct segment_key *key) {
	for (size_t i = 0; i < ingest->idle_count; i++)
		if (segment_key_equal(&ingest->idle[i].key, key))
			return &ingest->idle[i];
	return NULL;
}

/* Over the bound the end of the next scan finds it again. */
void idle_watch(struct ingest *ingest, const struct root *root, const struct segment_row *row, int64_t wait_us) {
	struct idle *idle = idle_find(ingest, &row->key);
	if (idle == NULL && ingest->idle_count >= IDLE_MAX)
		return;
	if (idle == NULL && !array_room(&ingest->idle, &ingest->idle_room, ingest->idle_count, sizeof *idle))
		return;
	if (idle == NULL)
		idle = &ingest->idle[ingest->idle_count++];
	*idle = (struct idle){
	    .key = row->key,
	    .root = root->number,
	    .due_us = ingest->boot_us + wait_us,
	    .wait_us = wait_us,
	    .mtime_ns = row->file.mtime_ns,
	    .bytes = row->file.bytes,
	};
	ingest_timer(ingest);
}

bool idle_is_over(struct ingest *ingest, const struct segment_row *row) {
	const struct idle *idle = idle_find(ingest, &row->key);
	return idle != NULL && ingest->boot_us >= idle->due_us && idle->mtime_ns == row->file.mtime_ns &&
	       idle->bytes == row->file.bytes;
}

void idle_forget(struct ingest *ingest, const struct segment_key *key) {
	struct idle *idle = idle_find(ingest, key);
	if (idle != NULL)
		*idle = ingest->idle[--ingest->idle_count];
}

/* Asks watcher; the answer is a change that says LISTED. */
static void look(struct ingest *ingest, const struct idle *idle) {
	struct root *root = roots_get(ingest->keeper, idle->root);
	struct segment_row row;
	struct folder_row folder;
	if (root == NULL || root->watcher == NULL || index_get(ingest->keeper->index, &idle->key, &row) != 0 ||
	    index_folder_get(ingest->keeper->index, row.folder, &folder) != 0)
		return;
	struct message_writer out;
	message_begin(&out, MESSAGE_LOOK);
	record_open_put(&out.writer,
	    &(struct record_open){.root = root->number, .folder = text_of(folder.path), .name = text_of(row.name)});
	channel_send(root->watcher, &out, NULL, 0);
}

void idle_tick(struct ingest *ingest) {
	for (size_t i = 0; i < ingest->idle_count; i++) {
		struct idle *idle = &ingest->idle[i];
		if (ingest->boot_us < idle->due_us)
			continue;
		struct segment_row row;
		int error = index_get(ingest->keeper->index, &idle->key, &row);
		bool waits = error == 0 &&
		             (row.state == SEGMENT_OPEN || row.state == SEGMENT_DISCOVERED || row.state == SEGMENT_ALTERED);
		if (!waits || (row.state == SEGMENT_ALTERED && row.probed)) {
			*idle = ingest->idle[--ingest->idle_count];
			i--;
			continue;
		}
		if (row.file.mtime_ns != idle->mtime_ns || row.file.bytes != idle->bytes) {
			idle->mtime_ns = row.file.mtime_ns;
			idle->bytes = row.file.bytes;
			idle->due_us = ingest->boot_us + idle->wait_us;
			continue;
		}
		look(ingest, idle);
		/* Stays due, so that the answer finds it over; asked again after another wait if none comes. */
		if (ingest->boot_us >= idle->due_us + idle->wait_us)
			idle->due_us = ingest->boot_us;
	}
}

struct resume {
	struct ingest *ingest;
	struct root *root;
};

static int resume_row(const struct segment_row *row, void *context) {
	struct resume *resume = context;
	if (idle_find(resume->ingest, &row->key) == NULL)
		idle_watch(resume->ingest, resume->root, row, idle_wait_us(resume->root));
	return 0;
}

/* Open segments of folders that did not change are in no listing. */
void idle_scan_end(struct ingest *ingest, struct root *root) {
	struct resume resume = {.ingest = ingest, .root = root};
	(void)!index_unsealed(ingest->keeper->index, root->id, resume_row, &resume);
}

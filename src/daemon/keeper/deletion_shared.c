/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files that all segments of a camera need (init.mp4) go when none of them is left. They are no
 * footage: no intent, no tombstone; reaper checks their identity like any other's. One that is young
 * stays, since a recorder writes it before the first segment that needs it.
 */
#include "deletion.h"

#include <errno.h>
#include <stdlib.h>

#include "deletion_batch.h"
#include "ipc/channel.h"
#include "keeper.h"
#include "roots.h"

struct offering {
	struct keeper *keeper;
	int64_t before_us;
	struct message_writer out;
	uint16_t count;
};

static int offer(const struct member_row *file, void *context) {
	struct offering *offering = context;
	struct folder_row folder;
	int error = index_folder_get(offering->keeper->index, file->folder, &folder);
	if (error != 0 || file->file.mtime_ns / 1000 > offering->before_us || !message_has_room(&offering->out))
		return error;
	struct record_erase_item item = {
	    .item = offering->count,
	    .group = offering->count++,
	    .way = ERASE_UNLINK,
	    .folder = text_of(folder.path),
	    .name = text_of(file->name),
	    .inode = file->file.inode,
	    .bytes = file->file.bytes,
	    .mtime_ns = file->file.mtime_ns,
	    .birth_ns = file->file.birth_ns,
	};
	message_add_erase_item(&offering->out, &item);
	return 0;
}

int deletion_shared(
    struct keeper *keeper, const struct root *root, const struct camera_row *camera, int64_t before_us) {
	if (camera->segments > 0 || deletion_in_flight(keeper))
		return 0;
	struct offering *offering = calloc(1, sizeof *offering);
	if (offering == NULL)
		return -ENOMEM;
	offering->keeper = keeper;
	offering->before_us = before_us;
	struct record_erase head = {.batch = ++keeper->deletion->last_id, .root = root->number, .last = 1};
	message_begin(&offering->out, MESSAGE_ERASE);
	record_erase_put(&offering->out.writer, &head);
	int error = index_shared(keeper->index, camera->id, offer, offering);
	if (error == 0 && offering->count > 0)
		channel_send(root->reaper, &offering->out, NULL, 0);
	free(offering);
	return error;
}

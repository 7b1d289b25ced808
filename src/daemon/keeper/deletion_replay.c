/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Intents that a crash or a lost reaper left: what is gone gets its one entry, what is there is judged afresh. */
#include "deletion.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "deletion_batch.h"
#include "expiry.h"
#include "keeper.h"
#include "record.h"
#include "roots.h"
#include "state.h"

void deletion_reaper_lost(struct keeper *keeper, struct root *root) {
	bool any = false;
	for (struct batch *batch = keeper->deletion->batches; batch != NULL; batch = batch->next) {
		if (batch->leftover || strcmp(batch->root, root->settings->name) != 0)
			continue;
		batch->leftover = true;
		any = true;
	}
	deletion_wake_waiters(keeper->deletion);
	if (any)
		roots_rescan(keeper, root);
}

/* Marks the segments that the log tells of already. */
struct told {
	struct batch *batch;
	char camera[2 * CAMERA_BYTES_MAX + 2];
};

static void mark_told(const struct audit_segment *segment, void *context) {
	struct told *told = context;
	for (size_t i = 0; i < told->batch->segment_count; i++) {
		struct batch_segment *mine = &told->batch->segments[i];
		/* The log keeps starts to the millisecond at least. */
		if (llabs(mine->key.start_us - segment->start_us) < 1000 && !mine->told &&
		    strcmp(told->batch->pool + mine->camera, told->camera) == 0) {
			mine->told = true;
			return;
		}
	}
}

static int read_told(const json_t *entry, void *context) {
	struct told *told = context;
	const json_t *intent = json_object_get(entry, "intent");
	if (!(record_is(entry, AUDIT_DELETE) || record_is(entry, AUDIT_MISSING)) || !json_is_integer(intent) ||
	    json_integer_value(intent) != told->batch->intent)
		return 0;
	if (!audit_get_bytes(entry, "camera", told->camera, sizeof told->camera))
		return 0;
	return audit_segments_read(json_object_get(entry, "segments"), mark_told, told) < 0 ? -EBADMSG : 0;
}

/* True if the file is not there any more: watcher said so, or the index, just compared with the disk, has no such file.
 */
static bool is_gone(struct keeper *keeper, struct batch *batch, const struct batch_segment *segment, int64_t root) {
	const struct batch_file *file = batch_main_file(batch, segment);
	if (file->gone_seen || (file->reported && file->outcome == ERASE_DONE))
		return true;
	int64_t folder = index_find_folder(keeper->index, root, text_of(batch->pool + file->folder));
	struct segment_row row;
	return folder < 0 || index_find(keeper->index, folder, text_of(batch->pool + file->name), &row) != 0 ||
	       row.file.inode != file->file.inode;
}

static bool is_recovered(struct batch *batch, const struct batch_segment *segment) {
	return !segment->told && batch_main_file(batch, segment)->gone_seen;
}

static bool was_gone(struct batch *batch, const struct batch_segment *segment) {
	return batch_main_file(batch, segment)->gone_seen;
}

static int replay(struct keeper *keeper, struct root *root, struct batch *batch) {
	struct told told = {.batch = batch};
	int error = record_each(keeper, batch->log_size, read_told, &told);
	if (error != 0)
		return error;
	for (size_t i = 0; i < batch->segment_count; i++) {
		struct batch_segment *segment = &batch->segments[i];
		/* The index may have been made anew since: its numbers are looked up by name. */
		int64_t camera = index_camera(keeper->index, root->id, text_of(batch_camera(batch, segment)));
		if (camera < 0)
			return (int)camera;
		segment->key.camera = camera;
		batch_main_file(batch, segment)->gone_seen = is_gone(keeper, batch, segment, root->id);
	}
	error = batch_write_tombstones(keeper, batch, is_recovered, BATCH_RECOVERED);
	if (error != 0)
		return error;
	for (size_t i = 0; i < batch->segment_count; i++) {
		const struct batch_segment *segment = &batch->segments[i];
		struct segment_row row;
		if (batch_main_file(batch, segment)->gone_seen && index_get(keeper->index, &segment->key, &row) == 0 &&
		    row.file.inode == batch_main_file(batch, segment)->file.inode)
			error = index_remove(keeper->index, &segment->key);
		else if (!batch_main_file(batch, segment)->gone_seen)
			deletion_keep(keeper, batch, segment);
	}
	if (error == 0)
		error = state_intent_remove(keeper->state, batch->intent);
	if (error == 0)
		deletion_remove_folders(keeper, batch, was_gone);
	return error;
}

void deletion_root_online(struct keeper *keeper, struct root *root) {
	struct deletion *deletion = keeper->deletion;
	struct batch *next = NULL;
	bool any = false;
	for (struct batch *batch = deletion->batches; batch != NULL; batch = next) {
		next = batch->next;
		if (!batch->leftover || strcmp(batch->root, root->settings->name) != 0)
			continue;
		int error = replay(keeper, root, batch);
		if (error != 0) {
			log_warning_errno(error,
			    "root '%s': an interrupted deletion cannot be completed; trying again after the next scan",
			    batch->root);
			return;
		}
		deletion_detach(deletion, batch);
		(void)batch_free(batch);
		any = true;
	}
	if (any)
		expiry_soon(keeper);
}

static bool all_reported(const struct batch *batch) {
	for (size_t i = 0; i < batch->file_count; i++)
		if (!batch->files[i].reported)
			return false;
	return true;
}

void deletion_retry(struct keeper *keeper, struct root *root) {
	for (const struct batch *batch = keeper->deletion->batches; batch != NULL; batch = batch->next) {
		if (batch->leftover && strcmp(batch->root, root->settings->name) == 0 && all_reported(batch)) {
			deletion_root_online(keeper, root);
			return;
		}
	}
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the reaper answers: tombstones, then rows, then the intent; what stays and why; folders left empty. */
#include "deletion.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "deletion_batch.h"
#include "expiry.h"
#include "ipc/channel.h"
#include "keeper.h"
#include "record.h"
#include "roots.h"
#include "state.h"

enum { FOLDERS_PER_REMOVAL = 200 };

static bool is_erased(struct batch *batch, const struct batch_segment *segment) {
	const struct batch_file *file = batch_main_file(batch, segment);
	return !segment->told && file->reported && file->outcome == ERASE_DONE;
}

static bool is_vanished(struct batch *batch, const struct batch_segment *segment) {
	const struct batch_file *file = batch_main_file(batch, segment);
	return !segment->told && file->reported && file->outcome == ERASE_GONE;
}

void deletion_keep(struct keeper *keeper, struct batch *batch, const struct batch_segment *segment) {
	uint32_t error = 0;
	for (size_t j = 0; j < segment->file_count; j++) {
		const struct batch_file *file = &batch->files[segment->first_file + j];
		if (file->outcome == ERASE_DIFFERS || file->outcome == ERASE_PUT_BACK)
			error = ESTALE;
		else if (file->outcome == ERASE_FAILED)
			error = file->error == 0 ? EIO : file->error;
		bool member = j + 1 < segment->file_count;
		if (member && file->reported && (file->outcome == ERASE_DONE || file->outcome == ERASE_GONE)) {
			int64_t folder = index_find_folder(
			    keeper->index, roots_by_name(keeper, batch->root)->id, text_of(batch->pool + file->folder));
			if (folder >= 0 && index_member_remove(keeper->index, folder, text_of(batch->pool + file->name)) != 0)
				log_warning(
				    "the index still lists '%s', which is gone; the next scan mends it", batch->pool + file->name);
		}
	}
	struct segment_row row;
	if (error == 0 || index_get(keeper->index, &segment->key, &row) != 0)
		return;
	bool news = row.delete_errno != (int32_t)error;
	row.delete_errno = (int32_t)error;
	if (index_update(keeper->index, &row) != 0)
		log_warning("the index could not note that '%s' cannot be deleted", row.name);
	expiry_failed(keeper, &segment->key);
	if (!news)
		return;
	json_t *details = json_pack("{s:I, s:i, s:I}", "start_us", (json_int_t)segment->key.start_us, "errno", (int)error,
	    "intent", (json_int_t)batch->intent);
	if (audit_set_bytes(details, "camera", text_of(batch->pool + segment->camera)) != 0 ||
	    audit_set_bytes(details, "name", text_of(row.name)) != 0)
		log_warning("memory is short: an entry about '%s' names no file", row.name);
	(void)record_append(keeper, AUDIT_DELETE_FAILED, AUDIT_FAILURE, strerror((int)error), NULL, details, NULL);
}

void deletion_remove_folders(struct keeper *keeper, struct batch *batch,
    bool (*select)(struct batch *batch, const struct batch_segment *segment)) {
	struct root *root = roots_by_name(keeper, batch->root);
	if (root == NULL || root->reaper == NULL)
		return;
	struct message_writer *out = malloc(sizeof *out);
	if (out == NULL)
		return;
	message_begin(out, MESSAGE_FOLDERS_REMOVE);
	record_root_put(&out->writer, &(struct record_root){root->number});
	uint32_t last = UINT32_MAX;
	for (size_t i = 0; i < batch->segment_count && out->items < FOLDERS_PER_REMOVAL; i++) {
		uint32_t folder = batch_main_file(batch, &batch->segments[i])->folder;
		if (folder == last || !select(batch, &batch->segments[i]))
			continue;
		last = folder;
		deletion_offer_folder(keeper, root, text_of(batch->pool + folder), out);
	}
	if (out->items > 0)
		channel_send(root->reaper, out, NULL, 0);
	free(out);
}

/*
 * A reaper that may open everything was denied: its sandbox was made before the root was there, or for
 * another folder. Its files count as not tried. True if a new reaper is to be made.
 */
static bool take_back_denied(struct keeper *keeper, struct batch *batch) {
	bool denied = false;
	if (keeper->trial || !roots_may_start_anew(keeper))
		return false;
	for (size_t i = 0; i < batch->file_count; i++) {
		struct batch_file *file = &batch->files[i];
		if (file->reported && file->outcome == ERASE_FAILED && file->error == EACCES) {
			file->outcome = ERASE_SKIPPED;
			denied = true;
		}
	}
	return denied;
}

static void finish(struct keeper *keeper, struct batch *batch) {
	struct deletion *deletion = keeper->deletion;
	struct root *root = roots_by_name(keeper, batch->root);
	bool denied = take_back_denied(keeper, batch);
	int error = batch_write_tombstones(keeper, batch, is_erased, BATCH_DELETED);
	if (error == 0)
		error = batch_write_tombstones(keeper, batch, is_vanished, BATCH_MISSING);
	if (error != 0) {
		/* The intent stays: the entries are written when the log can be written again, after the next complete scan. */
		batch->leftover = true;
		deletion_wake_waiters(deletion);
		return;
	}
	uint64_t segments = 0;
	uint64_t bytes = 0;
	for (size_t i = 0; i < batch->segment_count; i++) {
		const struct batch_segment *segment = &batch->segments[i];
		bool erased = is_erased(batch, segment);
		if (!erased && !is_vanished(batch, segment)) {
			deletion_keep(keeper, batch, segment);
			continue;
		}
		int removed = index_remove(keeper->index, &segment->key);
		if (removed != 0 && removed != -ENOENT)
			log_warning_errno(removed, "the index still has a segment that is gone; the next scan mends it");
		segments += erased ? 1 : 0;
		bytes += erased ? segment->bytes : 0;
	}
	error = state_intent_remove(keeper->state, batch->intent);
	if (error != 0)
		log_warning_errno(
		    error, "deletion intent %lld stays and is checked at the next start", (long long)batch->intent);
	deletion_remove_folders(keeper, batch, is_erased);
	deletion_detach(deletion, batch);
	(void)batch_free(batch);
	expiry_deleted(keeper, segments, bytes);
	deletion_wake_waiters(deletion);
	if (denied && root != NULL)
		(void)roots_start_anew(keeper, root);
	expiry_continue(keeper);
}

static struct batch *find_batch(struct deletion *deletion, uint32_t id) {
	struct batch *batch = deletion->batches;
	while (batch != NULL && (batch->leftover || batch->id != id))
		batch = batch->next;
	return batch;
}

void deletion_erased(struct keeper *keeper, struct message *message) {
	struct record_erased erased;
	if (!record_erased_get(&message->reader, &erased))
		return;
	struct batch *batch = find_batch(keeper->deletion, erased.batch);
	if (batch == NULL)
		return;
	struct record_erased_item item;
	while (message_next_erased_item(message, &item)) {
		if (item.item >= batch->file_count)
			continue;
		struct batch_file *file = &batch->files[item.item];
		file->reported = true;
		file->outcome = item.outcome;
		file->error = item.error;
		file->links_left = item.links_left;
		file->open_elsewhere = item.open_elsewhere != 0;
	}
	if (erased.sync_error != 0)
		log_warning_errno(
		    (int)erased.sync_error, "root '%s': a folder could not be synced after a deletion", batch->root);
	if (erased.last)
		finish(keeper, batch);
}

void deletion_folders_removed(struct keeper *keeper, struct message *message) {
	struct record_root which;
	if (!record_root_get(&message->reader, &which))
		return;
	struct root *root = roots_get(keeper, which.root);
	struct message_writer *out = malloc(sizeof *out);
	if (root == NULL || out == NULL) {
		free(out);
		return;
	}
	message_begin(out, MESSAGE_FOLDERS_REMOVE);
	record_root_put(&out->writer, &which);
	struct record_known_folder folder;
	while (message_next_known_folder(message, &folder)) {
		int64_t id = index_find_folder(keeper->index, root->id, folder.path);
		if (id >= 0 && index_folder_remove(keeper->index, id) != 0)
			log_warning("the index still has a folder that was removed; the next scan mends it");
		/* The one above may be empty now. */
		const char *slash = memrchr(folder.path.data, '/', folder.path.length);
		if (slash != NULL && message_has_room(out))
			deletion_offer_folder(
			    keeper, root, (struct text){folder.path.data, (size_t)(slash - folder.path.data)}, out);
	}
	if (out->items > 0 && root->reaper != NULL)
		channel_send(root->reaper, out, NULL, 0);
	free(out);
}

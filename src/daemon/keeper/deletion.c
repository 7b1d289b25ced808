/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Order of a batch, and what a crash after each step leaves:
 *
 *   intent committed      replay: files that are gone get a tombstone marked recovered, the rest is judged afresh
 *   holds checked         (in the same turn of the loop as the next step: no hold can come between)
 *   reaper unlinks        replay: as above
 *   tombstones durable    replay: finds them in the log by the intent's id, writes none again
 *   rows removed
 *   intent removed        nothing is left
 */
#include "deletion.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "deletion_batch.h"
#include "holds.h"
#include "ipc/channel.h"
#include "keeper.h"
#include "record.h"
#include "roots.h"
#include "state.h"

enum { BATCHES_IN_FLIGHT = 2 };

static void append(struct deletion *deletion, struct batch *batch) {
	struct batch **end = &deletion->batches;
	while (*end != NULL)
		end = &(*end)->next;
	*end = batch;
}

void deletion_detach(struct deletion *deletion, const struct batch *batch) {
	struct batch **link = &deletion->batches;
	while (*link != NULL && *link != batch)
		link = &(*link)->next;
	if (*link != NULL)
		*link = batch->next;
}

static int load_intent(const struct intent_row *intent, void *context) {
	struct deletion *deletion = context;
	struct batch *batch = NULL;
	int error = batch_decode(intent->root, intent->items, intent->length, &batch);
	if (error != 0) {
		/* Kept: without it a file that is gone would have no entry at all. Its files are judged like any others. */
		log_error_errno(error, "deletion intent %lld cannot be read; leaving it", (long long)intent->id);
		return 0;
	}
	batch->intent = intent->id;
	batch->log_size = intent->log_size;
	batch->leftover = true;
	append(deletion, batch);
	return 0;
}

int deletion_open(struct keeper *keeper, struct deletion **ret_deletion) {
	struct deletion *deletion = calloc(1, sizeof *deletion);
	if (deletion == NULL)
		return -ENOMEM;
	int error = state_intents(keeper->state, load_intent, deletion);
	if (error != 0) {
		(void)deletion_close(deletion);
		return error;
	}
	*ret_deletion = deletion;
	return 0;
}

struct deletion *deletion_close(struct deletion *deletion) {
	if (deletion == NULL)
		return NULL;
	while (deletion->batches != NULL) {
		struct batch *batch = deletion->batches;
		deletion->batches = batch->next;
		(void)batch_free(batch);
	}
	deletion_forget_waiters(deletion);
	free(deletion);
	return NULL;
}

bool deletion_has_room(struct keeper *keeper, const struct root *root) {
	size_t in_flight = 0;
	for (const struct batch *batch = keeper->deletion->batches; batch != NULL; batch = batch->next) {
		bool own = strcmp(batch->root, root->settings->name) == 0;
		if (own && (batch->leftover || batch->stop_sent))
			return false;
		/* The roots of a volume share its reaper, which takes so many and no more. */
		const struct root *other = own ? root : roots_by_name(keeper, batch->root);
		in_flight += !batch->leftover && other != NULL && other->reaper == root->reaper ? 1 : 0;
	}
	return root->reaper != NULL && in_flight < BATCHES_IN_FLIGHT;
}

bool deletion_in_flight(const struct keeper *keeper) {
	for (const struct batch *batch = keeper->deletion->batches; batch != NULL; batch = batch->next)
		if (!batch->leftover)
			return true;
	return false;
}

bool deletion_covers(const struct keeper *keeper, const struct root *root, const struct segment_key *key) {
	for (const struct batch *batch = keeper->deletion->batches; batch != NULL; batch = batch->next) {
		if (batch->leftover || strcmp(batch->root, root->settings->name) != 0)
			continue;
		for (size_t i = 0; i < batch->segment_count; i++) {
			const struct segment_key *mine = &batch->segments[i].key;
			if (mine->start_us == key->start_us && mine->camera == key->camera && mine->ordinal == key->ordinal)
				return true;
		}
	}
	return false;
}

/* ---- starting ---- */

struct gathering {
	struct keeper *keeper;
	struct batch *batch;
	uint32_t last_folder;
	int64_t last_folder_id;
	uint64_t bytes;
};

static int gather_file(
    struct gathering *gathering, int64_t folder, const char *name, const struct file_identity *file) {
	if (gathering->last_folder == UINT32_MAX || gathering->last_folder_id != folder) {
		struct folder_row row;
		int error = index_folder_get(gathering->keeper->index, folder, &row);
		if (error != 0)
			return error;
		gathering->last_folder = batch_text(gathering->batch, text_of(row.path), gathering->last_folder);
		gathering->last_folder_id = folder;
	}
	gathering->bytes += file->bytes;
	return batch_add_file(
	    gathering->batch, gathering->last_folder, batch_text(gathering->batch, text_of(name), UINT32_MAX), file);
}

static int gather_member(const struct member_row *member, void *context) {
	return gather_file(context, member->folder, member->name, &member->file);
}

static int gather(struct gathering *gathering, const struct deletion_item *item, uint32_t camera) {
	struct batch *batch = gathering->batch;
	struct batch_segment *segment = &batch->segments[batch->segment_count];
	*segment = (struct batch_segment){
	    .key = item->row.key,
	    .camera = camera,
	    .end_us = item->row.end_us,
	    .earliest_us = item->row.earliest_us,
	    .latest_us = segment_latest_end(
	        item->row.key.start_us, item->row.end_us - item->row.key.start_us, 0, item->row.file.mtime_ns / 1000),
	    .due_us = item->due_us,
	    .rule = strcmp(item->rule, batch_rule_name(RULE_LEGAL_MAXIMUM)) == 0 ? RULE_LEGAL_MAXIMUM : RULE_RETENTION,
	    .by_path = !item->row.derived && !index_name_derived(gathering->keeper->index, &item->row),
	    .first_file = (uint32_t)batch->file_count,
	};
	gathering->bytes = 0;
	int error =
	    item->row.grouped ? index_members(gathering->keeper->index, &item->row.key, gather_member, gathering) : 0;
	if (error == 0)
		error = gather_file(gathering, item->row.folder, item->row.name, &item->row.file);
	if (error != 0)
		return error;
	segment->bytes = gathering->bytes;
	segment->file_count = (uint32_t)batch->file_count - segment->first_file;
	batch->segment_count++;
	return 0;
}

static int make_batch(struct keeper *keeper, const struct root *root, const struct deletion_item *items, size_t count,
    struct batch **ret_batch) {
	struct gathering gathering = {
	    .keeper = keeper, .batch = batch_new(root->settings->name, count), .last_folder = UINT32_MAX};
	if (gathering.batch == NULL)
		return -ENOMEM;
	int error = 0;
	int64_t camera_id = -1;
	uint32_t camera = UINT32_MAX;
	for (size_t i = 0; error == 0 && i < count; i++) {
		if (items[i].row.key.camera != camera_id) {
			struct camera_row row;
			char name[2 * CAMERA_BYTES_MAX + 2];
			error = index_camera_get(keeper->index, items[i].row.key.camera, &row);
			if (error != 0)
				break;
			(void)snprintf(name, sizeof name, "%s/%s", row.root_name, row.name);
			camera_id = row.id;
			camera = batch_text(gathering.batch, text_of(name), camera);
		}
		error = camera == UINT32_MAX ? -ENOMEM : gather(&gathering, &items[i], camera);
	}
	if (error == 0)
		error = batch_make_table(gathering.batch);
	if (error != 0) {
		(void)batch_free(gathering.batch);
		return error;
	}
	*ret_batch = gathering.batch;
	return 0;
}

const char *batch_camera(const struct batch *batch, const struct batch_segment *segment) {
	return batch->pool + segment->camera + strlen(batch->root) + 1;
}

bool batch_is_held(struct keeper *keeper, const struct batch *batch, const struct batch_segment *segment) {
	return holds_touch(keeper, batch->root, batch_camera(batch, segment), segment->earliest_us, segment->latest_us);
}

/* Sends everything that no hold covers. Returns the number of files sent. */
static size_t send_batch(struct keeper *keeper, const struct root *root, struct batch *batch) {
	struct message_writer *out = malloc(sizeof *out);
	if (out == NULL)
		return 0;
	struct record_erase head = {.batch = batch->id, .root = root->number};
	message_begin(out, MESSAGE_ERASE);
	record_erase_put(&out->writer, &head);
	size_t sent = 0;
	uint32_t last_folder = UINT32_MAX;
	for (size_t i = 0; i < batch->segment_count; i++) {
		const struct batch_segment *segment = &batch->segments[i];
		bool held = batch_is_held(keeper, batch, segment);
		for (size_t j = 0; j < segment->file_count; j++) {
			struct batch_file *file = &batch->files[segment->first_file + j];
			if (held) {
				file->outcome = ERASE_SKIPPED;
				file->reported = true;
				continue;
			}
			if (!message_has_room(out)) {
				channel_send(root->reaper, out, NULL, 0);
				message_begin(out, MESSAGE_ERASE);
				record_erase_put(&out->writer, &head);
				last_folder = UINT32_MAX;
			}
			struct record_erase_item item = {
			    .item = (uint16_t)(segment->first_file + j),
			    .group = (uint16_t)i,
			    .way = root->settings->layout->slots ? ERASE_QUARANTINE : ERASE_UNLINK,
			    .same_folder = file->folder == last_folder,
			    .name = text_of(batch->pool + file->name),
			    .inode = file->file.inode,
			    .bytes = file->file.bytes,
			    .mtime_ns = file->file.mtime_ns,
			    .birth_ns = file->file.birth_ns,
			};
			if (!item.same_folder)
				item.folder = text_of(batch->pool + file->folder);
			last_folder = file->folder;
			message_add_erase_item(out, &item);
			sent++;
		}
	}
	/* The last part starts the work; written last because only now it is known to be the last. */
	out->bytes[4 + RECORD_BYTES_erase - 1] = 1;
	channel_send(root->reaper, out, NULL, 0);
	free(out);
	return sent;
}

int deletion_start(struct keeper *keeper, struct root *root, const struct deletion_item *items, size_t count) {
	struct deletion *deletion = keeper->deletion;
	struct batch *batch = NULL;
	int error = make_batch(keeper, root, items, count, &batch);
	if (error != 0)
		return error;
	batch->id = ++deletion->last_id;
	batch->log_size = audit_writer_size(record_writer(keeper));
	uint8_t *bytes = NULL;
	size_t length = 0;
	error = batch_encode(batch, &bytes, &length);
	if (error == 0)
		error = state_intent_put(keeper->state, batch->root, batch->log_size, bytes, length, &batch->intent);
	free(bytes);
	if (error != 0) {
		(void)batch_free(batch);
		return error;
	}
	append(deletion, batch);
	if (send_batch(keeper, root, batch) > 0)
		return 0;
	/* Everything came under a hold since it was chosen. */
	error = state_intent_remove(keeper->state, batch->intent);
	deletion_detach(deletion, batch);
	(void)batch_free(batch);
	return error;
}

bool deletion_expected(struct keeper *keeper, const struct root *root, struct text folder, struct text name) {
	bool expected = false;
	for (struct batch *batch = keeper->deletion->batches; batch != NULL; batch = batch->next) {
		if (strcmp(batch->root, root->settings->name) != 0)
			continue;
		struct batch_file *file = batch_find(batch, folder, name);
		if (file != NULL) {
			file->gone_seen = true;
			expected = true;
		}
	}
	return expected;
}

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

#include <event2/event.h>

#include "base/log.h"
#include "children.h"
#include "deletion_batch.h"
#include "expiry.h"
#include "holds.h"
#include "ipc/channel.h"
#include "keeper.h"
#include "record.h"
#include "roots.h"
#include "state.h"
#include "timekeeping.h"

enum { BATCHES_IN_FLIGHT = 2, FOLDERS_PER_REMOVAL = 200 };

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

struct deletion {
	struct batch *batches; /* in flight and left over, oldest first */
	struct waiter *waiters;
	uint32_t last_id;
};

static void append(struct deletion *deletion, struct batch *batch) {
	struct batch **end = &deletion->batches;
	while (*end != NULL)
		end = &(*end)->next;
	*end = batch;
}

static void detach(struct deletion *deletion, const struct batch *batch) {
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
	while (deletion->waiters != NULL) {
		struct waiter *waiter = deletion->waiters;
		deletion->waiters = waiter->next;
		event_free(waiter->deadline);
		free(waiter);
	}
	free(deletion);
	return NULL;
}

bool deletion_has_room(struct keeper *keeper, const struct root *root) {
	size_t in_flight = 0;
	for (const struct batch *batch = keeper->deletion->batches; batch != NULL; batch = batch->next) {
		if (strcmp(batch->root, root->settings->name) != 0)
			continue;
		if (batch->leftover || batch->stop_sent)
			return false;
		in_flight++;
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
	char last_path[PATH_BYTES_MAX + 1];
	int64_t last_folder_id;
	uint64_t bytes;
};

static int gather_file(struct gathering *gathering, int64_t folder, const char *name, const struct file_identity *file) {
	if (gathering->last_folder == UINT32_MAX || gathering->last_folder_id != folder) {
		struct folder_row row;
		int error = index_folder_get(gathering->keeper->index, folder, &row);
		if (error != 0)
			return error;
		gathering->last_folder = batch_text(gathering->batch, text_of(row.path), gathering->last_folder);
		gathering->last_folder_id = folder;
	}
	gathering->bytes += file->bytes;
	return batch_add_file(gathering->batch, gathering->last_folder, batch_text(gathering->batch, text_of(name), UINT32_MAX), file);
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
	    .folder_id = item->row.folder,
	    .end_us = item->row.end_us,
	    .earliest_us = item->row.earliest_us,
	    .latest_us = segment_latest_end(item->row.key.start_us, item->row.end_us - item->row.key.start_us, 0, item->row.file.mtime_ns / 1000),
	    .due_us = item->due_us,
	    .rule = strcmp(item->rule, batch_rule_name(RULE_LEGAL_MAXIMUM)) == 0 ? RULE_LEGAL_MAXIMUM : RULE_RETENTION,
	    .by_path = item->row.source != START_FROM_PATH,
	    .first_file = (uint32_t)batch->file_count,
	};
	gathering->bytes = 0;
	int error = item->row.grouped ? index_members(gathering->keeper->index, &item->row.key, gather_member, gathering) : 0;
	if (error == 0)
		error = gather_file(gathering, item->row.folder, item->row.name, &item->row.file);
	if (error != 0)
		return error;
	segment->bytes = gathering->bytes;
	segment->file_count = (uint32_t)batch->file_count - segment->first_file;
	batch->segment_count++;
	return 0;
}

static int make_batch(struct keeper *keeper, const struct root *root, const struct deletion_item *items, size_t count, struct batch **ret_batch) {
	struct gathering gathering = {.keeper = keeper, .batch = batch_new(root->settings->name, count), .last_folder = UINT32_MAX};
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

static const char *camera_part(const struct batch *batch, const struct batch_segment *segment) {
	return batch->pool + segment->camera + strlen(batch->root) + 1;
}

static bool is_held(struct keeper *keeper, const struct batch *batch, const struct batch_segment *segment) {
	return holds_touch(keeper, batch->root, camera_part(batch, segment), segment->earliest_us, segment->latest_us);
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
		bool held = is_held(keeper, batch, segment);
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
	detach(deletion, batch);
	(void)batch_free(batch);
	return error;
}

/* ---- ending ---- */

static bool is_erased(struct batch *batch, const struct batch_segment *segment) {
	const struct batch_file *file = batch_main_file(batch, segment);
	return !segment->told && file->reported && file->outcome == ERASE_DONE;
}

static bool is_vanished(struct batch *batch, const struct batch_segment *segment) {
	const struct batch_file *file = batch_main_file(batch, segment);
	return !segment->told && file->reported && file->outcome == ERASE_GONE;
}

/* A segment that stays: its row says why, and members that went are forgotten. */
static void keep(struct keeper *keeper, struct batch *batch, const struct batch_segment *segment) {
	uint32_t error = 0;
	for (size_t j = 0; j < segment->file_count; j++) {
		const struct batch_file *file = &batch->files[segment->first_file + j];
		if (file->outcome == ERASE_DIFFERS || file->outcome == ERASE_PUT_BACK)
			error = ESTALE;
		else if (file->outcome == ERASE_FAILED)
			error = file->error == 0 ? EIO : file->error;
		bool member = j + 1 < segment->file_count;
		if (member && (file->outcome == ERASE_DONE || file->outcome == ERASE_GONE)) {
			int64_t folder = index_find_folder(keeper->index, roots_by_name(keeper, batch->root)->id, text_of(batch->pool + file->folder));
			if (folder >= 0 && index_member_remove(keeper->index, folder, text_of(batch->pool + file->name)) != 0)
				log_warning("the index still lists '%s', which is gone; the next scan mends it", batch->pool + file->name);
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
	json_t *details = json_pack("{s:I, s:i, s:I}", "start_us", (json_int_t)segment->key.start_us, "errno", (int)error, "intent",
	                            (json_int_t)batch->intent);
	if (audit_set_bytes(details, "camera", text_of(batch->pool + segment->camera)) != 0 || audit_set_bytes(details, "name", text_of(row.name)) != 0)
		log_warning("memory is short: an entry about '%s' names no file", row.name);
	(void)record_append(keeper, AUDIT_DELETE_FAILED, AUDIT_FAILURE, strerror((int)error), NULL, details, NULL);
}

/* Asks the reaper to remove the folders that these segments have left empty. */
static void remove_folders(struct keeper *keeper, struct batch *batch) {
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
		if (folder == last || !is_erased(batch, &batch->segments[i]))
			continue;
		last = folder;
		deletion_offer_folder(keeper, root, text_of(batch->pool + folder), out);
	}
	if (out->items > 0)
		channel_send(root->reaper, out, NULL, 0);
	free(out);
}

static void wake_waiters(struct deletion *deletion);

static void finish(struct keeper *keeper, struct batch *batch) {
	struct deletion *deletion = keeper->deletion;
	int error = batch_write_tombstones(keeper, batch, is_erased, BATCH_DELETED);
	if (error == 0)
		error = batch_write_tombstones(keeper, batch, is_vanished, BATCH_MISSING);
	if (error != 0) {
		/* The intent stays: the entries are written when the log can be written again, after the next complete scan. */
		batch->leftover = true;
		wake_waiters(deletion);
		return;
	}
	uint64_t segments = 0;
	uint64_t bytes = 0;
	for (size_t i = 0; i < batch->segment_count; i++) {
		const struct batch_segment *segment = &batch->segments[i];
		bool erased = is_erased(batch, segment);
		if (!erased && !is_vanished(batch, segment)) {
			keep(keeper, batch, segment);
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
		log_warning_errno(error, "deletion intent %lld stays and is checked at the next start", (long long)batch->intent);
	remove_folders(keeper, batch);
	detach(deletion, batch);
	(void)batch_free(batch);
	expiry_deleted(keeper, segments, bytes);
	wake_waiters(deletion);
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
		log_warning_errno((int)erased.sync_error, "root '%s': a folder could not be synced after a deletion", batch->root);
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
			deletion_offer_folder(keeper, root, (struct text){folder.path.data, (size_t)(slash - folder.path.data)}, out);
	}
	if (out->items > 0 && root->reaper != NULL)
		channel_send(root->reaper, out, NULL, 0);
	free(out);
}

/* ---- holds against batches in flight ---- */

static bool is_touched(struct keeper *keeper, const struct batch *batch) {
	for (size_t i = 0; i < batch->segment_count; i++) {
		const struct batch_file *main_file = &batch->files[batch->segments[i].first_file + batch->segments[i].file_count - 1];
		if (!main_file->reported && is_held(keeper, batch, &batch->segments[i]))
			return true;
	}
	return false;
}

static size_t count_in_doubt(struct keeper *keeper, const struct batch *batch) {
	size_t count = 0;
	for (size_t i = 0; i < batch->segment_count; i++)
		count += is_held(keeper, batch, &batch->segments[i]) ? 1 : 0;
	return count;
}

static bool is_stopping(const struct deletion *deletion) {
	for (const struct batch *batch = deletion->batches; batch != NULL; batch = batch->next)
		if (!batch->leftover && batch->stop_sent)
			return true;
	return false;
}

static void end_waiter(struct waiter *waiter) {
	struct waiter **link = &waiter->keeper->deletion->waiters;
	while (*link != waiter)
		link = &(*link)->next;
	*link = waiter->next;
	waiter->done(waiter->keeper, waiter->in_doubt, waiter->context);
	event_free(waiter->deadline);
	free(waiter);
}

static void on_deadline(evutil_socket_t fd, short events, void *context) {
	(void)fd;
	(void)events;
	struct waiter *waiter = context;
	for (const struct batch *batch = waiter->keeper->deletion->batches; batch != NULL; batch = batch->next)
		if (!batch->leftover && batch->stop_sent)
			waiter->in_doubt += count_in_doubt(waiter->keeper, batch);
	end_waiter(waiter);
}

static void wake_waiters(struct deletion *deletion) {
	while (deletion->waiters != NULL && !is_stopping(deletion))
		end_waiter(deletion->waiters);
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

void deletion_stop_for_hold(struct keeper *keeper, void (*done)(struct keeper *keeper, size_t in_doubt, void *context), void *context) {
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
	size_t in_doubt = 0;
	for (const struct batch *batch = deletion->batches; batch != NULL; batch = batch->next)
		if (!batch->leftover && batch->stop_sent)
			in_doubt += count_in_doubt(keeper, batch);
	done(keeper, in_doubt, context);
}

/* ---- after a crash ---- */

void deletion_reaper_lost(struct keeper *keeper, struct root *root) {
	bool any = false;
	for (struct batch *batch = keeper->deletion->batches; batch != NULL; batch = batch->next) {
		if (batch->leftover || strcmp(batch->root, root->settings->name) != 0)
			continue;
		batch->leftover = true;
		any = true;
	}
	wake_waiters(keeper->deletion);
	if (any)
		roots_rescan(keeper, root);
}

/* Marks the segments that the log tells of already. */
struct told {
	struct batch *batch;
	const char *camera;
};

static void mark_told(const struct audit_segment *segment, void *context) {
	struct told *told = context;
	for (size_t i = 0; i < told->batch->segment_count; i++) {
		struct batch_segment *mine = &told->batch->segments[i];
		/* The log keeps starts to the millisecond at least. */
		if (llabs(mine->key.start_us - segment->start_us) < 1000 && !mine->told && strcmp(told->batch->pool + mine->camera, told->camera) == 0) {
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
	told->camera = json_string_value(json_object_get(entry, "camera"));
	return told->camera == NULL ? 0 : audit_segments_read(json_object_get(entry, "segments"), mark_told, told) < 0 ? -EBADMSG : 0;
}

/* True if the file is not there any more: watcher said so, or the index, just compared with the disk, has no such file. */
static bool is_gone(struct keeper *keeper, struct batch *batch, const struct batch_segment *segment, int64_t root) {
	const struct batch_file *file = batch_main_file(batch, segment);
	if (file->gone_seen || (file->reported && file->outcome == ERASE_DONE))
		return true;
	int64_t folder = index_find_folder(keeper->index, root, text_of(batch->pool + file->folder));
	struct segment_row row;
	return folder < 0 || index_find(keeper->index, folder, text_of(batch->pool + file->name), &row) != 0 || row.file.inode != file->file.inode;
}

static bool is_recovered(struct batch *batch, const struct batch_segment *segment) {
	return !segment->told && batch_main_file(batch, segment)->gone_seen;
}

static int replay(struct keeper *keeper, struct root *root, struct batch *batch) {
	struct told told = {.batch = batch};
	int error = record_each(keeper, batch->log_size, read_told, &told);
	if (error != 0)
		return error;
	for (size_t i = 0; i < batch->segment_count; i++) {
		struct batch_segment *segment = &batch->segments[i];
		/* The index may have been made anew since: its numbers are looked up by name. */
		int64_t camera = index_camera(keeper->index, root->id, text_of(camera_part(batch, segment)));
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
			keep(keeper, batch, segment);
	}
	return error == 0 ? state_intent_remove(keeper->state, batch->intent) : error;
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
			log_warning_errno(error, "root '%s': an interrupted deletion cannot be completed; trying again after the next scan", batch->root);
			return;
		}
		detach(deletion, batch);
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

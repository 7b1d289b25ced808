/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The audit log on disk, below the state folder (retention-log(5) tells it to the byte):
 *
 *   log/checkpoint            the signed note: origin, size, root (note.c)
 *   log/tile/<L>/<N>[.p/<W>]  hashes, log/tile/entries/<N>[.p/<W>] entries (tile.h)
 *   log/vkeys, log.vkeys      the verifier keys of all epochs, one a line
 *   log/epochs/<n>            how the key of epoch n took over; log/pruned which bundles may be gone (entry_file.h)
 *   keys/epoch-<n>.seed       32 bytes, mode 0600 in a folder of mode 0700: only that of the epoch at hand (epoch.c)
 *   keys/witness.seed         the same for the key that witnesses know, which lasts as long as the log (witness_key.c)
 *   log-state                 last signed size and root (state.c)
 *   log-pending               the write-ahead file (wal.h)
 *   log-reserve               allocated bytes that are given up on a full disk
 *   log-temporary             what is being written before its rename
 *   log.broken-<n>/           a log that did not hold (renew.c)
 *
 * Order of a publish, each step durable before the next: write-ahead file; bundles and tiles, full
 * and partial; their folders; log-state; checkpoint; only then are older partial files removed and
 * the write-ahead file started again. A crash between any two leaves files that the next publish
 * writes again with the same bytes.
 */
#include "audit/writer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "audit/writer_state.h"
#include "base/bytes.h"
#include "base/descriptor.h"

/* Entries that may wait in memory for a disk that refuses them. */
enum { PENDING_MAX = 4096 };

int audit_writer_append(struct audit_writer *writer, const char *entry, size_t length, uint64_t *ret_index) {
	if (length > AUDIT_ENTRY_BYTES_MAX)
		return -EMSGSIZE;
	if (length == 0 || memchr(entry, '\n', length) != NULL)
		return -EINVAL;
	if (writer->size - writer->published >= PENDING_MAX) {
		int error = audit_writer_publish(writer);
		if (error < 0)
			return error == -EIO ? -EIO : -ENOSPC;
	}
	int error = tail_append(&writer->tail, (const uint8_t *)entry, length);
	if (error < 0)
		return error;
	*ret_index = writer->size++;
	return 0;
}

/* Entries [from, size) as records, with room for the end mark; the caller frees. */
static uint8_t *records_make(const struct audit_writer *writer, uint64_t from, size_t *ret_length) {
	size_t bytes = 0;
	(void)tail_bytes(&writer->tail, from, writer->size, &bytes);
	uint8_t *records = malloc(bytes + (size_t)(writer->size - from + 1) * WAL_HEADER_BYTES);
	if (records == NULL)
		return NULL;
	size_t used = 0;
	for (uint64_t index = from; index < writer->size; index++) {
		size_t length = 0;
		const uint8_t *entry = tail_entry_bytes(&writer->tail, index, &length);
		wal_record_write(records + used, index, entry, length);
		used += wal_record_bytes(length);
	}
	*ret_length = used;
	return records;
}

static int pending_write(struct audit_writer *writer, bool anew) {
	size_t length = 0;
	uint8_t *records = records_make(writer, anew ? writer->published : writer->durable, &length);
	if (records == NULL)
		return -ENOMEM;
	int error = anew ? wal_remake(&writer->store, &writer->wal, records, length)
	                 : wal_write(&writer->store, &writer->wal, records, length);
	free(records);
	return error;
}

int audit_writer_sync(struct audit_writer *writer) {
	if (writer->durable == writer->size)
		return 0;
	int error = writer->wal_suspect ? -EIO : pending_write(writer, false);
	if (error < 0 && error != -ENOSPC && error != -ENOMEM) {
		writer->wal_suspect = true;
		error = pending_write(writer, true);
		writer->wal_suspect = error < 0;
	}
	if (error < 0) {
		writer->writable = false;
		return error;
	}
	writer->durable = writer->size;
	return 0;
}

static int put_tile(
    struct audit_writer *writer, unsigned level, uint64_t index, unsigned width, const void *bytes, size_t length) {
	char path[STORE_PATH_BYTES] = "log/";
	tile_path(level, index, width, path + 4);
	return store_put(&writer->store, path, bytes, length, 0644);
}

static int put_full_tile(unsigned level, uint64_t index, const struct merkle_hash hashes[TILE_WIDTH], void *context) {
	return put_tile(context, level, index, TILE_WIDTH, hashes, TILE_BYTES);
}

static int put_bundles(struct audit_writer *writer) {
	for (uint64_t from = writer->published - writer->published % TILE_WIDTH; from < writer->size; from += TILE_WIDTH) {
		uint64_t to = writer->size - from < TILE_WIDTH ? writer->size : from + TILE_WIDTH;
		size_t length = 0;
		const uint8_t *bytes = tail_bytes(&writer->tail, from, to, &length);
		int error = put_tile(writer, TILE_ENTRIES, from / TILE_WIDTH, (unsigned)(to - from), bytes, length);
		if (error < 0)
			return error;
	}
	return 0;
}

/* Full tiles as the entries fill them, then the partial ones of the levels that have changed. */
static int put_tiles(struct audit_writer *writer) {
	*writer->next = *writer->edge;
	for (uint64_t index = writer->published; index < writer->size; index++) {
		int error = tile_edge_append(writer->next, tail_leaf(&writer->tail, index), put_full_tile, writer);
		if (error < 0)
			return error;
	}
	for (unsigned level = 0; level < TILE_LEVELS; level++) {
		uint64_t count = tile_count(level, writer->size);
		unsigned width = (unsigned)(count % TILE_WIDTH);
		if (width == 0 || count == tile_count(level, writer->published))
			continue;
		int error = put_tile(
		    writer, level, count / TILE_WIDTH, width, writer->next->hashes[level], (size_t)width * MERKLE_HASH_BYTES);
		if (error < 0)
			return error;
	}
	return 0;
}

int writer_sign(struct audit_writer *writer, uint64_t size, const struct merkle_hash *root) {
	bool same_root = memcmp(root->bytes, writer->signed_root.bytes, MERKLE_HASH_BYTES) == 0;
	bool hand_over = writer->is_handing_over && size > writer->hand_over_index;
	if (size < writer->signed_size || (size == writer->signed_size && !same_root))
		return -EBADMSG;
	if (size > writer->signed_size) {
		struct log_state state = {.size = size,
		    .root = *root,
		    .epoch = writer->epoch + (hand_over ? 1 : 0),
		    .is_hand_over = hand_over,
		    .hand_over_index = writer->hand_over_index};
		memcpy(state.origin, writer->origin, sizeof state.origin);
		int error = log_state_write(&writer->store, &state);
		if (error == 0)
			error = store_sync(&writer->store);
		if (error < 0)
			return error;
		writer->signed_size = size;
		writer->signed_root = *root;
	}
	char note[CHECKPOINT_BYTES];
	size_t length = 0;
	struct note_signer signers[] = {writer->signer, writer->next_signer};
	bool made = checkpoint_sign(writer->origin, size, root, signers, hand_over ? 2 : 1, note, sizeof note, &length);
	sodium_memzero(signers, sizeof signers);
	if (!made)
		return -EINVAL;
	int error = store_put(&writer->store, "log/checkpoint", note, length, 0644);
	if (error == 0)
		error = store_sync(&writer->store);
	if (error < 0)
		return error;
	memcpy(writer->checkpoint, note, length + 1);
	return hand_over ? hand_over_finish(writer) : 0;
}

int writer_entry(struct audit_writer *writer, uint64_t index, char **ret_entry, size_t *ret_length) {
	struct bundle bundle = {0};
	const uint8_t *bytes = NULL;
	size_t length = 0;
	int error = 0;
	if (index >= writer->tail.base && index - writer->tail.base < writer->tail.count) {
		bytes = tail_entry_bytes(&writer->tail, index, &length);
	} else {
		error = bundle_load(writer->log_fd, index / TILE_WIDTH, (unsigned)(index % TILE_WIDTH) + 1, &bundle);
		if (error == 0)
			bytes = bundle_entry(&bundle, (unsigned)(index % TILE_WIDTH), &length);
	}
	char *entry = bytes == NULL ? NULL : malloc(length + 1);
	if (entry != NULL) {
		memcpy(entry, bytes, length);
		entry[length] = '\0';
		*ret_entry = entry;
		*ret_length = length;
	}
	bundle_release(&bundle);
	return error < 0 ? error : entry == NULL ? -ENOMEM : 0;
}

void writer_clean_partials(struct audit_writer *writer, unsigned level, uint64_t index, unsigned keep) {
	char path[TILE_PATH_BYTES];
	tile_path(level, index, 1, path);
	*strrchr(path, '/') = '\0';
	int fd = openat(writer->log_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	if (folder == NULL) {
		descriptor_close(&fd);
		return;
	}
	char kept[8];
	(void)snprintf(kept, sizeof kept, "%u", keep);
	for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder))
		if (entry->d_name[0] != '.' && strcmp(entry->d_name, kept) != 0)
			(void)unlinkat(dirfd(folder), entry->d_name, 0);
	(void)closedir(folder);
	if (keep == 0)
		(void)unlinkat(writer->log_fd, path, AT_REMOVEDIR);
}

/* Partial files that a wider or the full one has replaced. Only the tile at the old edge can have any. */
static void clean_superseded(struct audit_writer *writer, uint64_t old_size) {
	for (unsigned level = 0; level <= TILE_ENTRIES; level++) {
		unsigned counted = level == TILE_ENTRIES ? 0 : level;
		uint64_t old_count = tile_count(counted, old_size);
		if (old_count % TILE_WIDTH == 0 || old_count == tile_count(counted, writer->published))
			continue;
		unsigned width = tile_width(level, old_count / TILE_WIDTH, writer->published);
		writer_clean_partials(writer, level, old_count / TILE_WIDTH, width == TILE_WIDTH ? 0 : width);
	}
}

static int publish(struct audit_writer *writer) {
	int error = audit_writer_sync(writer);
	if (error == 0)
		error = put_bundles(writer);
	if (error == 0)
		error = put_tiles(writer);
	if (error == 0)
		error = store_sync(&writer->store);
	if (error < 0)
		return error;
	struct merkle_hash root;
	tile_edge_root(writer->next, &root);
	return writer_sign(writer, writer->size, &root);
}

int audit_writer_publish(struct audit_writer *writer) {
	if (writer->published == writer->size && !writer->is_handing_over)
		return 0;
	int error = publish(writer);
	if (error < 0) {
		writer->writable = false;
		return error;
	}
	uint64_t old_size = writer->published;
	struct tile_edge *edge = writer->edge;
	writer->edge = writer->next;
	writer->next = edge;
	writer->published = writer->size;
	writer->writable = true;
	clean_superseded(writer, old_size);
	wal_restart(&writer->wal);
	tail_trim(&writer->tail, writer->published);
	return 0;
}

bool audit_writer_retry(struct audit_writer *writer) {
	if (!writer->writable && audit_writer_sync(writer) == 0 && audit_writer_publish(writer) == 0)
		writer->writable = true;
	if (writer->writable && writer->store.reserve_left < writer->store.reserve_bytes)
		store_reserve_fill(&writer->store);
	return writer->writable;
}

struct audit_writer *audit_writer_close(struct audit_writer *writer) {
	/* What cannot be published stays in the write-ahead file for the next start. */
	if (writer != NULL && audit_writer_publish(writer) < 0)
		writer->writable = false;
	return writer_free(writer);
}

struct audit_writer *writer_free(struct audit_writer *writer) {
	if (writer == NULL)
		return NULL;
	wal_close(&writer->wal);
	descriptor_close(&writer->log_fd);
	descriptor_close(&writer->store.state_fd);
	tail_release(&writer->tail);
	free(writer->edge);
	free(writer->next);
	sodium_memzero(&writer->signer, sizeof writer->signer);
	sodium_memzero(&writer->next_signer, sizeof writer->next_signer);
	sodium_memzero(&writer->witness_signer, sizeof writer->witness_signer);
	free(writer);
	return NULL;
}

uint64_t audit_writer_size(const struct audit_writer *writer) {
	return writer->size;
}

uint64_t audit_writer_published(const struct audit_writer *writer) {
	return writer->published;
}

bool audit_writer_writable(const struct audit_writer *writer) {
	return writer->writable;
}

uint64_t audit_writer_reserve_left(const struct audit_writer *writer) {
	return writer->store.reserve_left;
}

const char *audit_writer_origin(const struct audit_writer *writer) {
	return writer->origin;
}

const char *audit_writer_vkey(const struct audit_writer *writer) {
	return writer->vkey;
}

const char *audit_writer_checkpoint(const struct audit_writer *writer) {
	return writer->checkpoint;
}

int audit_writer_folder(const struct audit_writer *writer) {
	return writer->log_fd;
}

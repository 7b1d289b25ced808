/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "retention/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "audit/reader.h"
#include "base/descriptor.h"

/* One epoch a day for ten years. */
enum { KEYS_MAX = 4096, KEYS_BYTES_MAX = KEYS_MAX * VKEY_BYTES };

int log_fail(struct retention_log *log, int error, const char *format, ...) {
	va_list arguments;
	va_start(arguments, format);
	(void)vsnprintf(log->error, sizeof log->error, format, arguments);
	va_end(arguments);
	return error == 0 ? -EBADMSG : error;
}

int log_fail_file(struct retention_log *log, int error, unsigned level, uint64_t index, unsigned width) {
	char path[TILE_PATH_BYTES];
	tile_path(level, index, width, path);
	switch (error) {
	case -ENOENT:
		return log_fail(log, 0, "%s is missing", path);
	case -EBADMSG:
		return log_fail(log, 0,
		    level == TILE_ENTRIES ? "%s does not hold exactly %u entries" : "%s does not hold exactly %u hashes", path,
		    width);
	default:
		return log_fail(log, error, "%s cannot be read: %s", path, strerror(-error));
	}
}

static int keys_parse(struct retention_log *log, const char *text) {
	log->keys = calloc(KEYS_MAX, sizeof *log->keys);
	if (log->keys == NULL)
		return -ENOMEM;
	while (*text != '\0') {
		size_t length = strcspn(text, "\n");
		const char *next = text + length + (text[length] == '\n');
		if (length > 0 && text[0] != '#') {
			if (log->key_count == KEYS_MAX)
				return -E2BIG;
			if (!note_verifier_parse(text, length, &log->keys[log->key_count]))
				return -EINVAL;
			log->key_count++;
		}
		text = next;
	}
	if (log->key_count == 0)
		return -EINVAL;
	/* Most logs have a few keys; the room for thousands is given back. */
	struct note_verifier *smaller = realloc(log->keys, log->key_count * sizeof *log->keys);
	if (smaller != NULL)
		log->keys = smaller;
	return 0;
}

/* The folder's own list: its copy inside, which travels with the descriptor, else the one beside it. */
static int keys_read(struct retention_log *log) {
	char *text = NULL;
	size_t length = 0;
	int error = descriptor_read_file(log->folder_fd, "vkeys", KEYS_BYTES_MAX, &text, &length);
	if (error == -ENOENT)
		error = descriptor_read_file(log->folder_fd, "../log.vkeys", KEYS_BYTES_MAX, &text, &length);
	if (error < 0)
		return error;
	error = keys_parse(log, text);
	free(text);
	return error;
}

int retention_log_open(int folder_fd, const char *keys, struct retention_log **ret_log) {
	if (sodium_init() < 0)
		return -ENOSYS;
	struct retention_log *log = calloc(1, sizeof *log);
	if (log == NULL)
		return -ENOMEM;
	log->folder_fd = openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int error = log->folder_fd < 0 ? -errno : keys == NULL ? keys_read(log) : keys_parse(log, keys);
	if (error < 0) {
		retention_log_close(log);
		return error;
	}
	*ret_log = log;
	return 0;
}

void retention_log_close(struct retention_log *log) {
	if (log == NULL)
		return;
	descriptor_close(&log->folder_fd);
	bundle_release(&log->bundle);
	free(log->keys);
	free(log);
}

const char *retention_log_error(const struct retention_log *log) {
	return log->error;
}

static int checkpoint_check(
    struct retention_log *log, const char *note, size_t length, struct retention_checkpoint *checkpoint) {
	struct merkle_hash root;
	size_t key = 0;
	switch (
	    checkpoint_open(note, length, log->keys, log->key_count, checkpoint->origin, &checkpoint->size, &root, &key)) {
	case NOTE_OK:
		break;
	case NOTE_MALFORMED:
		return log_fail(log, 0, "checkpoint is not a signed note");
	case NOTE_NO_KNOWN_KEY:
		return log_fail(log, 0, "checkpoint is not signed by any key that is trusted here");
	case NOTE_BAD_SIGNATURE:
		return log_fail(log, 0, "checkpoint has a wrong signature");
	}
	memcpy(checkpoint->root, root.bytes, sizeof checkpoint->root);
	if (strcmp(checkpoint->origin, log->keys[key].name) != 0)
		return log_fail(
		    log, 0, "checkpoint is of %.100s, signed by the key of %.100s", checkpoint->origin, log->keys[key].name);
	return 0;
}

int retention_log_checkpoint(struct retention_log *log, struct retention_checkpoint *ret_checkpoint) {
	char *note = NULL;
	size_t length = 0;
	int error = descriptor_read_file(log->folder_fd, "checkpoint", NOTE_BYTES_MAX, &note, &length);
	if (error == -ENOENT || error == -EFBIG || error == -EINVAL)
		return log_fail(log, 0, error == -ENOENT ? "checkpoint is missing" : "checkpoint is not a signed note");
	if (error < 0)
		return log_fail(log, error, "checkpoint cannot be read: %s", strerror(-error));
	struct retention_checkpoint checkpoint = {0};
	error = checkpoint_check(log, note, length, &checkpoint);
	free(note);
	if (error < 0)
		return error;
	/* A partial bundle in memory may have grown on the disk. */
	log->has_bundle = log->has_bundle && log->has_checkpoint && log->checkpoint.size == checkpoint.size;
	log->checkpoint = checkpoint;
	log->has_checkpoint = true;
	*ret_checkpoint = checkpoint;
	return 0;
}

/* Reads the checkpoint if none was read yet, or if `size` lies past the one that was. */
static int need_size(struct retention_log *log, uint64_t size) {
	struct retention_checkpoint checkpoint;
	if (!log->has_checkpoint || size > log->checkpoint.size) {
		int error = retention_log_checkpoint(log, &checkpoint);
		if (error < 0)
			return error;
	}
	return size > log->checkpoint.size
	           ? log_fail(log, -ENOENT, "the log has only %" PRIu64 " entries", log->checkpoint.size)
	           : 0;
}

int retention_log_entry(struct retention_log *log, uint64_t index, const char **ret_bytes, size_t *ret_length) {
	int error = index == UINT64_MAX ? -ENOENT : need_size(log, index + 1);
	if (error < 0)
		return error;
	uint64_t number = index / TILE_WIDTH;
	if (!log->has_bundle || log->bundle_index != number) {
		log->has_bundle = false;
		unsigned width = tile_width(TILE_ENTRIES, number, log->checkpoint.size);
		error = bundle_load(log->folder_fd, number, width, &log->bundle);
		if (error == -ENOENT)
			return log_fail(log, -ENOENT, "entry %" PRIu64 " has been pruned, or its bundle is missing", index);
		if (error < 0)
			return log_fail_file(log, error, TILE_ENTRIES, number, width);
		log->bundle_index = number;
		log->has_bundle = true;
	}
	*ret_bytes = (const char *)bundle_entry(&log->bundle, (unsigned)(index % TILE_WIDTH), ret_length);
	return 0;
}

/* A merkle_source: the perfect subtree is folded from hashes of the tile that it lies in. */
static int tile_source(unsigned level, uint64_t index, struct merkle_hash *ret_hash, void *context) {
	struct retention_log *log = context;
	unsigned tile_level = level / 8;
	unsigned height = level % 8;
	uint64_t first = index << height;
	uint64_t number = first / TILE_WIDTH;
	unsigned width = tile_width(tile_level, number, log->checkpoint.size);
	if (log->tile_width == 0 || log->tile_level != tile_level || log->tile_index != number ||
	    log->tile_width != width) {
		log->tile_width = 0;
		int error = tile_load(log->folder_fd, tile_level, number, width, log->tile);
		if (error < 0)
			return log_fail_file(log, error, tile_level, number, width);
		log->tile_level = tile_level;
		log->tile_index = number;
		log->tile_width = width;
	}
	struct merkle_hash hashes[TILE_WIDTH];
	size_t count = (size_t)1 << height;
	memcpy(hashes, &log->tile[first % TILE_WIDTH], count * sizeof hashes[0]);
	tile_fold(hashes, count, ret_hash);
	return 0;
}

_Static_assert(sizeof(struct merkle_hash) == 32, "proofs are handed out as rows of 32 bytes");

int retention_log_inclusion(struct retention_log *log, uint64_t index, uint64_t size, uint8_t ret_proof[64][32]) {
	struct merkle_hash proof[MERKLE_LEVELS_MAX];
	int count = index >= size
	                ? log_fail(log, -EINVAL, "entry %" PRIu64 " is not in a log of %" PRIu64 " entries", index, size)
	                : need_size(log, size);
	if (count == 0)
		count = merkle_inclusion(index, size, tile_source, log, proof);
	for (int i = 0; i < count; i++)
		memcpy(ret_proof[i], proof[i].bytes, MERKLE_HASH_BYTES);
	return count;
}

int retention_log_consistency(struct retention_log *log, uint64_t old_size, uint64_t size, uint8_t ret_proof[64][32]) {
	struct merkle_hash proof[MERKLE_LEVELS_MAX];
	int count = old_size > size
	                ? log_fail(log, -EINVAL, "a log of %" PRIu64 " entries cannot have grown out of one of %" PRIu64,
	                      size, old_size)
	                : need_size(log, size);
	if (count == 0)
		count = merkle_consistency(old_size, size, tile_source, log, proof);
	for (int i = 0; i < count; i++)
		memcpy(ret_proof[i], proof[i].bytes, MERKLE_HASH_BYTES);
	return count;
}

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

#include "audit/cosignature.h"
#include "audit/reader.h"
#include "base/descriptor.h"

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

static int keys_take(struct retention_log *log, const char *keys) {
	char *own = NULL;
	log->own_keys = keys == NULL;
	int error = log->own_keys ? chain_keys_read(log, &own) : 0;
	if (error == 0)
		error = chain_keys_parse(log->own_keys ? own : keys, &log->keys, &log->key_count);
	free(own);
	return error;
}

int retention_log_open(int folder_fd, const char *keys, struct retention_log **ret_log) {
	if (sodium_init() < 0)
		return -ENOSYS;
	struct retention_log *log = calloc(1, sizeof *log);
	if (log == NULL)
		return -ENOMEM;
	log->folder_fd = openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	log->source.log_fd = log->folder_fd;
	int error = log->folder_fd < 0 ? -errno : keys_take(log, keys);
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

int retention_log_checkpoint(struct retention_log *log, struct retention_checkpoint *ret_checkpoint) {
	int error = chain_checkpoint(log);
	if (error == 0)
		*ret_checkpoint = log->checkpoint;
	return error;
}

/* Reads the checkpoint if none was read yet, or if `size` lies past the one that was. */
static int need_size(struct retention_log *log, uint64_t size) {
	if (!log->has_checkpoint || size > log->checkpoint.size) {
		int error = chain_checkpoint(log);
		if (error < 0)
			return error;
	}
	return size > log->checkpoint.size
	           ? log_fail(log, -ENOENT, "the log has only %" PRIu64 " entries", log->checkpoint.size)
	           : 0;
}

/* A bundle that is not there: pruned, or lost. */
static int bundle_missing(struct retention_log *log, uint64_t index) {
	int error = chain_pruned(log);
	if (error < 0)
		return error;
	uint64_t end = (index / TILE_WIDTH + 1) * TILE_WIDTH;
	return end <= log->pruned_below ? log_fail(log, -ENOENT, "entry %" PRIu64 " has been pruned", index)
	                                : log_fail_file(log, -ENOENT, TILE_ENTRIES, index / TILE_WIDTH,
	                                      tile_width(TILE_ENTRIES, index / TILE_WIDTH, log->checkpoint.size));
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
			return bundle_missing(log, index);
		if (error < 0)
			return log_fail_file(log, error, TILE_ENTRIES, number, width);
		log->bundle_index = number;
		log->has_bundle = true;
	}
	*ret_bytes = (const char *)bundle_entry(&log->bundle, (unsigned)(index % TILE_WIDTH), ret_length);
	return 0;
}

int retention_log_check_entry(struct retention_log *log, uint64_t index, const char **ret_bytes, size_t *ret_length) {
	struct merkle_hash root;
	int error = retention_log_entry(log, index, ret_bytes, ret_length);
	if (error < 0)
		return error;
	memcpy(root.bytes, log->checkpoint.root, sizeof root.bytes);
	error = chain_included(log, index, (struct text){*ret_bytes, *ret_length}, log->checkpoint.size, &root);
	return error == -EBADMSG ? log_fail(log, 0, "entry %" PRIu64 " is not under the root in checkpoint", index) : error;
}

/* Tiles that could not be read while a proof was made. */
static int source_failed(struct retention_log *log, int error) {
	return log_fail_file(log, error, log->source.level, log->source.index,
	    tile_width(log->source.level, log->source.index, log->source.size));
}

_Static_assert(sizeof(struct merkle_hash) == 32, "proofs are handed out as rows of 32 bytes");

int retention_log_inclusion(struct retention_log *log, uint64_t index, uint64_t size, uint8_t ret_proof[64][32]) {
	struct merkle_hash proof[MERKLE_LEVELS_MAX];
	log->error[0] = '\0';
	int count = index >= size
	                ? log_fail(log, -EINVAL, "entry %" PRIu64 " is not in a log of %" PRIu64 " entries", index, size)
	                : need_size(log, size);
	if (count == 0)
		count = merkle_inclusion(index, size, tile_source_hash, &log->source, proof);
	if (count < 0 && log->error[0] == '\0')
		return source_failed(log, count);
	for (int i = 0; i < count; i++)
		memcpy(ret_proof[i], proof[i].bytes, MERKLE_HASH_BYTES);
	return count;
}

int retention_log_consistency(struct retention_log *log, uint64_t old_size, uint64_t size, uint8_t ret_proof[64][32]) {
	struct merkle_hash proof[MERKLE_LEVELS_MAX];
	log->error[0] = '\0';
	int count = old_size > size
	                ? log_fail(log, -EINVAL, "a log of %" PRIu64 " entries cannot have grown out of one of %" PRIu64,
	                      size, old_size)
	                : need_size(log, size);
	if (count == 0)
		count = merkle_consistency(old_size, size, tile_source_hash, &log->source, proof);
	if (count < 0 && log->error[0] == '\0')
		return source_failed(log, count);
	for (int i = 0; i < count; i++)
		memcpy(ret_proof[i], proof[i].bytes, MERKLE_HASH_BYTES);
	return count;
}

int retention_log_check_growth(
    struct retention_log *log, const struct retention_checkpoint *older, const struct retention_checkpoint *newer) {
	uint8_t proof[MERKLE_LEVELS_MAX][32];
	struct merkle_hash hashes[MERKLE_LEVELS_MAX];
	struct merkle_hash roots[2];
	int count = retention_log_consistency(log, older->size, newer->size, proof);
	if (count < 0)
		return count == -EINVAL ? -EBADMSG : count;
	memcpy(hashes, proof, (size_t)count * sizeof hashes[0]);
	memcpy(roots[0].bytes, older->root, sizeof roots[0].bytes);
	memcpy(roots[1].bytes, newer->root, sizeof roots[1].bytes);
	if (strcmp(older->origin, newer->origin) != 0)
		return log_fail(log, 0, "the checkpoints are of two logs: %.100s and %.100s", older->origin, newer->origin);
	if (!merkle_verify_consistency(older->size, newer->size, &roots[0], &roots[1], hashes, (size_t)count))
		return log_fail(log, 0,
		    "the log was rewritten: its first %" PRIu64 " entries are not those of the checkpoint that was kept",
		    older->size);
	return 0;
}

int retention_log_check_checkpoint(
    struct retention_log *log, const char *note, size_t length, struct retention_checkpoint *ret_checkpoint) {
	struct checkpoint_body body = {.size = 0};
	struct retention_checkpoint kept = {.size = 0};
	int error = chain_checkpoint(log);
	if (error == 0)
		error = chain_check(log, "the checkpoint that was kept", (struct text){note, length}, &body);
	if (error < 0)
		return error;
	memcpy(kept.origin, body.origin, sizeof kept.origin);
	kept.size = body.size;
	memcpy(kept.root, body.root.bytes, sizeof kept.root);
	error = retention_log_check_growth(log, &kept, &log->checkpoint);
	if (error == 0 && ret_checkpoint != NULL)
		*ret_checkpoint = kept;
	return error;
}

int retention_log_facts(struct retention_log *log, struct retention_log_facts *ret_facts) {
	int error = chain_checkpoint(log);
	if (error == 0)
		error = chain_pruned(log);
	if (error == 0)
		*ret_facts = (struct retention_log_facts){
		    log->checkpoint, log->epoch, log->trusted_from, log->own_keys ? 1 : 0, log->pruned_below};
	return error;
}

/* ---- witnesses ---- */

struct witnessing {
	struct text note;
	uint64_t size;
	int count;
	void (*each)(const char *name, uint64_t seconds, uint64_t size, void *context);
	void *context;
};

/* Every signature line of the note that is of this witness. */
static int witness_look(
    struct retention_log *log, const struct note_verifier *cosigner, struct witnessing *witnessing) {
	struct text rest = witnessing->note;
	while (rest.length > 0) {
		const char *end = memchr(rest.data, '\n', rest.length);
		struct text line = {rest.data, end == NULL ? rest.length : (size_t)(end - rest.data)};
		uint64_t seconds = 0;
		switch (cosignature_check(cosigner, witnessing->note, line, &seconds)) {
		case COSIGNATURE_GOOD:
			witnessing->count++;
			if (witnessing->each != NULL)
				witnessing->each(cosigner->name, seconds, witnessing->size, witnessing->context);
			break;
		case COSIGNATURE_BAD:
			return log_fail(log, 0, "the signature of the witness %.100s is wrong", cosigner->name);
		case COSIGNATURE_OTHER:
			break;
		}
		rest.length -= line.length + (end == NULL ? 0 : 1);
		rest.data += line.length + (end == NULL ? 0 : 1);
	}
	return 0;
}

static int witnesses_look(struct retention_log *log, const char *keys, struct witnessing *witnessing) {
	int error = 0;
	while (error == 0 && *keys != '\0') {
		struct note_verifier cosigner;
		size_t length = strcspn(keys, "\n");
		if (length > 0 && keys[0] != '#')
			error = cosigner_parse(keys, length, &cosigner) ? witness_look(log, &cosigner, witnessing)
			                                                : log_fail(log, -EINVAL, "'%.*s' is no witness's key",
			                                                      (int)(length < 200 ? length : 200), keys);
		keys += length + (keys[length] == '\n');
	}
	return error;
}

int retention_log_witnesses(struct retention_log *log, const char *keys,
    void (*each)(const char *name, uint64_t seconds, uint64_t size, void *context), void *context) {
	/* A later checkpoint is published without its witnesses' lines, which come when they have answered. */
	static const char *const names[] = {"checkpoint", "checkpoint.witnessed"};
	int error = chain_checkpoint(log);
	int count = 0;
	for (size_t i = 0; error == 0 && count == 0 && i < sizeof names / sizeof *names; i++) {
		char *note = NULL;
		size_t length = 0;
		struct retention_checkpoint kept = {.size = 0};
		error = descriptor_read_file(log->folder_fd, names[i], NOTE_BYTES_MAX, &note, &length);
		if (error == -ENOENT && i > 0)
			return 0;
		if (error == 0)
			error = retention_log_check_checkpoint(log, note, length, &kept);
		struct witnessing witnessing = {{note, length}, kept.size, 0, each, context};
		if (error == 0)
			error = witnesses_look(log, keys, &witnessing);
		count = witnessing.count;
		free(note);
	}
	return error < 0 ? error : count;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Verifying a whole log in one pass over its bundles: each leaf is hashed and compared with its
 * level-0 tile, each tile is folded and its root compared with the level above, up to the root in the
 * checkpoint. One buffer for the bundles and one tile a level, whatever the size. Where a bundle was pruned the
 * hashes of its tile stand for the entries.
 */
#include "retention/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "audit/reader.h"

enum { PROGRESS_BUNDLES = 64 };

/* Hashes computed from the entries, as they fill the tiles of each level. */
struct verifier {
	struct retention_log *log;
	struct tile_edge edge;
	struct bundle bundle;
	uint64_t *rotations; /* the entries that hand a key over, as epochs/ says, in order */
	size_t rotation_count;
	size_t rotation_next;
	uint64_t orphan; /* an entry that hands over and has no file; UINT64_MAX: none */
};

static int compare_tile(
    struct retention_log *log, unsigned level, uint64_t index, unsigned width, const struct merkle_hash *computed) {
	struct merkle_hash stored[TILE_WIDTH];
	int error = tile_load(log->folder_fd, level, index, width, stored);
	if (error < 0)
		return log_fail_file(log, error, level, index, width);
	if (memcmp(stored, computed, (size_t)width * MERKLE_HASH_BYTES) == 0)
		return 0;
	unsigned i = 0;
	while (memcmp(stored[i].bytes, computed[i].bytes, MERKLE_HASH_BYTES) == 0)
		i++;
	char path[TILE_PATH_BYTES];
	tile_path(level, index, width, path);
	if (level == 0)
		return log_fail(log, 0, "entry %" PRIu64 " is not what %s says", index * TILE_WIDTH + i, path);
	return log_fail(log, 0, "hash %u of %s is not that of the tile below it", i, path);
}

static int full_tile(unsigned level, uint64_t index, const struct merkle_hash hashes[TILE_WIDTH], void *context) {
	struct verifier *verifier = context;
	return compare_tile(verifier->log, level, index, TILE_WIDTH, hashes);
}

/* An entry that hands a key over must be one of those that epochs/ tells of. */
static void note_rotation(struct verifier *verifier, uint64_t index, struct text entry) {
	while (verifier->rotation_next < verifier->rotation_count && verifier->rotations[verifier->rotation_next] < index)
		verifier->rotation_next++;
	if (!entry_has_action(entry, "key-rotated") || verifier->orphan != UINT64_MAX)
		return;
	if (verifier->rotation_next == verifier->rotation_count || verifier->rotations[verifier->rotation_next] != index)
		verifier->orphan = index;
}

static int append_leaf(struct verifier *verifier, const struct merkle_hash *leaf) {
	return tile_edge_append(&verifier->edge, leaf, full_tile, verifier);
}

/* In place of a bundle that was pruned: what its tile says goes into the tree, and must give the root. */
static int verify_pruned(struct verifier *verifier, uint64_t index) {
	struct retention_log *log = verifier->log;
	struct merkle_hash hashes[TILE_WIDTH];
	int error = chain_pruned(log);
	if (error < 0)
		return error;
	if ((index + 1) * TILE_WIDTH > log->pruned_below)
		return log_fail_file(log, -ENOENT, TILE_ENTRIES, index, tile_width(TILE_ENTRIES, index, log->checkpoint.size));
	error = tile_load(log->folder_fd, 0, index, TILE_WIDTH, hashes);
	if (error < 0)
		return log_fail_file(log, error, 0, index, TILE_WIDTH);
	for (unsigned i = 0; error == 0 && i < TILE_WIDTH; i++)
		error = append_leaf(verifier, &hashes[i]);
	return error;
}

static int verify_bundle(struct verifier *verifier, uint64_t index) {
	unsigned width = tile_width(TILE_ENTRIES, index, verifier->log->checkpoint.size);
	int error = bundle_load(verifier->log->folder_fd, index, width, &verifier->bundle);
	if (error == -ENOENT)
		return verify_pruned(verifier, index);
	if (error < 0)
		return log_fail_file(verifier->log, error, TILE_ENTRIES, index, width);
	for (unsigned i = 0; error == 0 && i < width; i++) {
		struct merkle_hash leaf;
		size_t length = 0;
		const uint8_t *entry = bundle_entry(&verifier->bundle, i, &length);
		merkle_leaf(entry, length, &leaf);
		note_rotation(verifier, index * TILE_WIDTH + i, (struct text){(const char *)entry, length});
		error = append_leaf(verifier, &leaf);
	}
	return error;
}

static int verify_partial_tiles(struct verifier *verifier) {
	for (unsigned level = 0; level < TILE_LEVELS; level++) {
		uint64_t count = tile_count(level, verifier->edge.size);
		unsigned width = (unsigned)(count % TILE_WIDTH);
		if (width == 0)
			continue;
		int error = compare_tile(verifier->log, level, count / TILE_WIDTH, width, verifier->edge.hashes[level]);
		if (error < 0)
			return error;
	}
	return 0;
}

static int verify_root(struct verifier *verifier) {
	struct merkle_hash root;
	tile_edge_root(&verifier->edge, &root);
	if (memcmp(root.bytes, verifier->log->checkpoint.root, MERKLE_HASH_BYTES) != 0)
		return log_fail(verifier->log, 0, "the entries do not give the root in the checkpoint");
	return 0;
}

typedef int (*progress_function)(uint64_t done, uint64_t size, void *context);

static int verify_all(struct verifier *verifier, progress_function progress, void *context) {
	uint64_t size = verifier->log->checkpoint.size;
	for (uint64_t index = 0; index * TILE_WIDTH < size; index++) {
		if (progress != NULL && index % PROGRESS_BUNDLES == 0 && progress(index * TILE_WIDTH, size, context) != 0)
			return log_fail(
			    verifier->log, -ECANCELED, "stopped at entry %" PRIu64 " of %" PRIu64, index * TILE_WIDTH, size);
		int error = verify_bundle(verifier, index);
		if (error < 0)
			return error;
	}
	int error = verify_partial_tiles(verifier);
	if (error == 0)
		error = verify_root(verifier);
	if (error == 0 && progress != NULL && progress(size, size, context) != 0)
		return log_fail(verifier->log, -ECANCELED, "stopped at the end");
	return error;
}

static int verify_once(
    struct retention_log *log, struct verifier *verifier, progress_function progress, void *context) {
	*verifier = (struct verifier){.log = log, .orphan = UINT64_MAX};
	int error = chain_verify(log, &verifier->rotations, &verifier->rotation_count);
	if (error == 0)
		error = chain_pruned(log);
	if (error == 0)
		error = verify_all(verifier, progress, context);
	if (error == 0 && verifier->orphan != UINT64_MAX)
		error = log_fail(
		    log, 0, "entry %" PRIu64 " hands the key over, but no file in epochs tells of it", verifier->orphan);
	bundle_release(&verifier->bundle);
	free(verifier->rotations);
	return error;
}

int retention_log_verify(
    struct retention_log *log, int (*progress)(uint64_t done, uint64_t size, void *context), void *context) {
	struct verifier *verifier = malloc(sizeof *verifier);
	uint64_t newest = 0;
	if (verifier == NULL)
		return log_fail(log, -ENOMEM, "out of memory");
	int error = verify_once(log, verifier, progress, context);
	/* The checkpoint of a hand-over is there a moment before its file is. */
	if (error == -EBADMSG && verifier->orphan != UINT64_MAX && epochs_newest(log->folder_fd, &newest) == 0 &&
	    newest > log->epoch)
		error = verify_once(log, verifier, progress, context);
	free(verifier);
	return error;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Verifying a whole log in one pass over its bundles: each leaf is hashed and compared with its
 * level-0 tile, each tile is folded and its root compared with the level above, up to the root in the
 * checkpoint. One buffer for the bundles and one tile a level, whatever the size.
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

static int verify_bundle(struct verifier *verifier, uint64_t index) {
	unsigned width = tile_width(TILE_ENTRIES, index, verifier->log->checkpoint.size);
	int error = bundle_load(verifier->log->folder_fd, index, width, &verifier->bundle);
	if (error < 0)
		return log_fail_file(verifier->log, error, TILE_ENTRIES, index, width);
	for (unsigned i = 0; i < width; i++) {
		struct merkle_hash leaf;
		size_t length = 0;
		const uint8_t *entry = bundle_entry(&verifier->bundle, i, &length);
		merkle_leaf(entry, length, &leaf);
		error = tile_edge_append(&verifier->edge, &leaf, full_tile, verifier);
		if (error < 0)
			return error;
	}
	return 0;
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

int retention_log_verify(
    struct retention_log *log, int (*progress)(uint64_t done, uint64_t size, void *context), void *context) {
	struct retention_checkpoint checkpoint;
	int error = retention_log_checkpoint(log, &checkpoint);
	if (error < 0)
		return error;
	struct verifier *verifier = calloc(1, sizeof *verifier);
	if (verifier == NULL)
		return log_fail(log, -ENOMEM, "out of memory");
	verifier->log = log;
	error = verify_all(verifier, progress, context);
	bundle_release(&verifier->bundle);
	free(verifier);
	return error;
}

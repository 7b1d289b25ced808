/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/checked.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "audit/reader.h"

struct level {
	uint64_t index;
	bool proved;
	struct merkle_hash hashes[TILE_WIDTH];
};

struct checked_log {
	struct retention_log *log;
	uint64_t size;
	struct tile_edge edge;
	struct level levels[TILE_LEVELS];
};

int checked_log_new(
    struct retention_log *log, struct checked_log **ret_checked, struct retention_checkpoint *ret_head) {
	struct retention_checkpoint head;
	int error = retention_log_checkpoint(log, &head);
	if (error < 0)
		return error;
	struct checked_log *checked = calloc(1, sizeof *checked);
	if (checked == NULL)
		return log_fail(log, -ENOMEM, "out of memory");
	checked->log = log;
	checked->size = head.size;
	char path[TILE_PATH_BYTES] = "";
	struct merkle_hash root;
	error = tile_edge_load(log->folder_fd, head.size, &checked->edge, path);
	if (error < 0) {
		error = log_fail(log, error == -ENOENT ? 0 : error,
		    error == -ENOENT || error == -EBADMSG ? "%s is missing or not of its length" : "%s cannot be read", path);
	} else {
		tile_edge_root(&checked->edge, &root);
		if (memcmp(root.bytes, head.root, sizeof head.root) != 0)
			error = log_fail(log, 0, "the tiles do not give the root in the checkpoint");
	}
	if (error < 0) {
		free(checked);
		return error;
	}
	*ret_checked = checked;
	*ret_head = head;
	return 0;
}

struct checked_log *checked_log_free(struct checked_log *checked) {
	free(checked);
	return NULL;
}

/* Hash `place` of level `level`, proved: of the edge, or of a full tile that the level above vouches for. */
static int proved_hash(
    struct checked_log *checked, unsigned level, uint64_t place, const struct merkle_hash **ret_hash) {
	uint64_t index = place / TILE_WIDTH;
	unsigned within = (unsigned)(place % TILE_WIDTH);
	if (index == tile_count(level, checked->size) / TILE_WIDTH) {
		*ret_hash = &checked->edge.hashes[level][within];
		return 0;
	}
	struct level *kept = &checked->levels[level];
	if (!kept->proved || kept->index != index) {
		kept->proved = false;
		int error = tile_load(checked->log->folder_fd, level, index, TILE_WIDTH, kept->hashes);
		if (error != 0)
			return log_fail_file(checked->log, error, level, index, TILE_WIDTH);
		struct merkle_hash folded[TILE_WIDTH], root;
		const struct merkle_hash *above = NULL;
		memcpy(folded, kept->hashes, sizeof folded);
		tile_fold(folded, TILE_WIDTH, &root);
		error = level + 1 < TILE_LEVELS ? proved_hash(checked, level + 1, index, &above) : -EFBIG;
		if (above == NULL)
			return error < 0 ? error : -EBADMSG;
		if (memcmp(root.bytes, above->bytes, MERKLE_HASH_BYTES) != 0) {
			char path[TILE_PATH_BYTES];
			tile_path(level, index, TILE_WIDTH, path);
			return log_fail(checked->log, 0, "%s is not what the tile above it says", path);
		}
		kept->index = index;
		kept->proved = true;
	}
	*ret_hash = &kept->hashes[within];
	return 0;
}

int checked_log_entry(struct checked_log *checked, uint64_t index, const char **ret_bytes, size_t *ret_length) {
	const struct merkle_hash *expected = NULL;
	struct merkle_hash leaf;
	const char *bytes = NULL;
	size_t length = 0;
	if (index >= checked->size)
		return log_fail(checked->log, -ENOENT, "the log has only %" PRIu64 " entries", checked->size);
	int error = retention_log_entry(checked->log, index, &bytes, &length);
	if (error == 0)
		error = proved_hash(checked, 0, index, &expected);
	if (expected == NULL)
		return error < 0 ? error : -EBADMSG;
	merkle_leaf(bytes, length, &leaf);
	if (memcmp(leaf.bytes, expected->bytes, MERKLE_HASH_BYTES) != 0)
		return log_fail(checked->log, 0, "entry %" PRIu64 " is not what its tile says", index);
	*ret_bytes = bytes;
	*ret_length = length;
	return 0;
}

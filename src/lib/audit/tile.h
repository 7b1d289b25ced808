/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tiles and entry bundles of C2SP tlog-tiles: their paths, their bytes, and the right edge of a
 * tree that grows. Paths are relative to the log's folder.
 *
 *   tile/<L>/<N>[.p/<W>]      W (256 when full) hashes of 32 bytes in a row: hash i of tile N at level L is
 *                             the root over the leaves [(N*256+i) * 256^L, (N*256+i+1) * 256^L)
 *   tile/entries/<N>[.p/<W>]  W entries, each a big-endian 16-bit length and its bytes
 *
 * N is written in groups of three digits, all but the last with an x before: 1234067 is x001/x234/067.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audit/merkle.h"
#include "base/attributes.h"

enum {
	TILE_WIDTH = 256,
	TILE_BYTES = TILE_WIDTH * MERKLE_HASH_BYTES,
	TILE_LEVELS = 8,
	TILE_PATH_BYTES = 80,
	TILE_ENTRIES = TILE_LEVELS, /* in place of a level: the entry bundles */
	BUNDLE_BYTES_MAX = TILE_WIDTH * (2 + 65535),
};

/* Writes the path; a width of 256 is a full tile. */
void tile_path(unsigned level, uint64_t index, unsigned width, char ret_path[TILE_PATH_BYTES]);

/* Hashes (or, at level 0, entries) of a tree of `size` at a level. */
static inline uint64_t tile_count(unsigned level, uint64_t size) {
	return size >> (8 * level);
}
/* How many of them are in tile `index`: 0 to 256. */
unsigned tile_width(unsigned level, uint64_t index, uint64_t size);

/* Root of `count` hashes, a power of two; the hashes are used up. */
void tile_fold(struct merkle_hash *hashes, size_t count, struct merkle_hash *ret_root);

/*
 * Opens a tile or bundle that holds at least `width`: this width, the full one, else a wider partial
 * one. A published partial tile goes once a later one has it all. ret_width: the file's.
 * A descriptor or a negative errno.
 */
MUST_USE int tile_open(int log_fd, unsigned level, uint64_t index, unsigned width, unsigned *ret_width);

/* Reads the first `width` hashes of a tile. 0, -ENOENT, -EBADMSG when the file is not as long as its name says, or
 * another negative errno. */
MUST_USE int tile_load(
    int log_fd, unsigned level, uint64_t index, unsigned width, struct merkle_hash hashes[TILE_WIDTH]);

/* Hashes of perfect subtrees out of the tiles of a tree of `size`, for proofs (a merkle_source). One tile is kept. */
struct tile_source {
	int log_fd;
	uint64_t size;
	unsigned level, width; /* width 0: none is kept */
	uint64_t index;
	struct merkle_hash hashes[TILE_WIDTH];
	char path[TILE_PATH_BYTES]; /* of the last one that was read, or could not be */
};
int tile_source_hash(unsigned level, uint64_t index, struct merkle_hash *ret_hash, void *source);
/* The root of the tree's first `size` entries. 0 or as tile_load(). */
MUST_USE int tile_source_root(struct tile_source *source, uint64_t size, struct merkle_hash *ret_root);

/* A bundle in memory; the buffer is used again for the next. Empty: {0}. */
struct bundle {
	uint8_t *bytes;
	size_t room;
	size_t length;
	unsigned width;                   /* entries in the file */
	uint32_t offsets[TILE_WIDTH + 1]; /* of each entry's length field; the last is `length` */
};
void bundle_release(struct bundle *bundle);
/* Splits bytes that were put into the bundle. False if they are not exactly `width` entries. */
MUST_USE bool bundle_split(struct bundle *bundle, unsigned width);
/* Reads a bundle that holds at least `width` entries. As tile_load(). */
MUST_USE int bundle_load(int log_fd, uint64_t index, unsigned width, struct bundle *bundle);
/* Entry `i`; points into the bundle. */
static inline const uint8_t *bundle_entry(const struct bundle *bundle, unsigned i, size_t *ret_length) {
	*ret_length = bundle->offsets[i + 1] - bundle->offsets[i] - 2;
	return bundle->bytes + bundle->offsets[i] + 2;
}

/* The hashes of each level that are in no full tile yet: all that an append needs, and all that the partial tiles hold.
 */
struct tile_edge {
	uint64_t size;
	struct merkle_hash hashes[TILE_LEVELS][TILE_WIDTH];
};
/* Called for each tile that has become full. 0 or a negative errno, which ends the append. */
typedef int (*tile_full)(unsigned level, uint64_t index, const struct merkle_hash hashes[TILE_WIDTH], void *context);
MUST_USE int tile_edge_append(struct tile_edge *edge, const struct merkle_hash *leaf, tile_full full, void *context);
void tile_edge_root(const struct tile_edge *edge, struct merkle_hash *ret_root);
/* Reads the edge of the tree of `size` from its tiles. As tile_load(); ret_path: the tile that failed. */
MUST_USE int tile_edge_load(int log_fd, uint64_t size, struct tile_edge *ret_edge, char ret_path[TILE_PATH_BYTES]);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The Merkle tree of RFC 6962, section 2.1, with SHA-256: append state, proofs and their verification. The empty tree's
 * root is SHA-256 of nothing. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"

enum { MERKLE_HASH_BYTES = 32, MERKLE_LEVELS_MAX = 64 };

struct merkle_hash {
	uint8_t bytes[MERKLE_HASH_BYTES];
};

/* Perfect subtrees, largest first: all that an append needs. */
struct merkle_tree {
	uint64_t size;
	struct merkle_hash stack[MERKLE_LEVELS_MAX];
	size_t depth;
};

void merkle_leaf(const void *entry, size_t length, struct merkle_hash *ret_hash);
void merkle_node(const struct merkle_hash *left, const struct merkle_hash *right, struct merkle_hash *ret_hash);
void merkle_append(struct merkle_tree *tree, const struct merkle_hash *leaf);
void merkle_root(const struct merkle_tree *tree, struct merkle_hash *ret_root);

/* Gives the hash of the perfect subtree at `level` (0: leaves) number `index`; 0 or a negative errno. */
typedef int (*merkle_source)(unsigned level, uint64_t index, struct merkle_hash *ret_hash, void *context);

/* At most 64 hashes; the count or a negative errno. */
MUST_USE int merkle_inclusion(
    uint64_t index, uint64_t size, merkle_source source, void *context, struct merkle_hash *ret_proof);
MUST_USE int merkle_consistency(
    uint64_t old_size, uint64_t size, merkle_source source, void *context, struct merkle_hash *ret_proof);
MUST_USE bool merkle_verify_inclusion(uint64_t index, uint64_t size, const struct merkle_hash *leaf,
    const struct merkle_hash *proof, size_t count, const struct merkle_hash *root);
MUST_USE bool merkle_verify_consistency(uint64_t old_size, uint64_t size, const struct merkle_hash *old_root,
    const struct merkle_hash *root, const struct merkle_hash *proof, size_t count);

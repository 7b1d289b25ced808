/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/merkle.h"

#include <errno.h>
#include <string.h>

#include "audit/sha256.h"

/* RFC 6962, 2.1: the prefixes keep a leaf from ever being taken for a node. */
static const uint8_t leaf_prefix = 0;
static const uint8_t node_prefix = 1;

void merkle_leaf(const void *entry, size_t length, struct merkle_hash *ret_hash) {
	const struct sha256_part parts[] = {{&leaf_prefix, 1}, {entry, length}};
	sha256_parts(parts, 2, ret_hash->bytes);
}

void merkle_node(const struct merkle_hash *left, const struct merkle_hash *right, struct merkle_hash *ret_hash) {
	uint8_t bytes[1 + 2 * MERKLE_HASH_BYTES];
	bytes[0] = node_prefix;
	memcpy(bytes + 1, left->bytes, MERKLE_HASH_BYTES);
	memcpy(bytes + 1 + MERKLE_HASH_BYTES, right->bytes, MERKLE_HASH_BYTES);
	sha256_parts(&(struct sha256_part){bytes, sizeof bytes}, 1, ret_hash->bytes);
}

void merkle_append(struct merkle_tree *tree, const struct merkle_hash *leaf) {
	struct merkle_hash hash = *leaf;
	for (uint64_t size = tree->size; (size & 1) != 0; size >>= 1)
		merkle_node(&tree->stack[--tree->depth], &hash, &hash);
	tree->stack[tree->depth++] = hash;
	tree->size++;
}

void merkle_root(const struct merkle_tree *tree, struct merkle_hash *ret_root) {
	if (tree->depth == 0) {
		sha256_parts(NULL, 0, ret_root->bytes);
		return;
	}
	struct merkle_hash hash = tree->stack[tree->depth - 1];
	for (size_t i = tree->depth - 1; i > 0; i--)
		merkle_node(&tree->stack[i - 1], &hash, &hash);
	*ret_root = hash;
}

/* A range of leaves, [start, end). */
struct range {
	uint64_t start;
	uint64_t end;
};

struct prover {
	merkle_source source;
	void *context;
	struct merkle_hash *proof;
	int count;
};

/* The largest power of two strictly below n (n > 1), as an exponent. */
static unsigned split_level(uint64_t n) {
	return 63 - (unsigned)__builtin_clzll(n - 1);
}

/* The hash over a range whose start is a multiple of each power of two in it: it is folded from perfect subtrees. */
static int range_hash(const struct prover *prover, struct range range, struct merkle_hash *ret_hash) {
	struct merkle_hash parts[MERKLE_LEVELS_MAX];
	size_t depth = 0;
	while (range.start < range.end) {
		unsigned level = 63 - (unsigned)__builtin_clzll(range.end - range.start);
		int error = prover->source(level, range.start >> level, &parts[depth++], prover->context);
		if (error < 0)
			return error;
		range.start += UINT64_C(1) << level;
	}
	struct merkle_hash hash = parts[depth - 1];
	while (--depth > 0)
		merkle_node(&parts[depth - 1], &hash, &hash);
	*ret_hash = hash;
	return 0;
}

/* Proofs are found from the root down but listed from the leaf up: hashes are put at the end and turned round at last.
 */
static int prove_range(struct prover *prover, struct range range) {
	if (prover->count == MERKLE_LEVELS_MAX)
		return -EINVAL;
	int error = range_hash(prover, range, &prover->proof[prover->count]);
	if (error == 0)
		prover->count++;
	return error;
}

static int proof_finish(struct prover *prover) {
	for (int i = 0; i < prover->count / 2; i++) {
		struct merkle_hash swap = prover->proof[i];
		prover->proof[i] = prover->proof[prover->count - 1 - i];
		prover->proof[prover->count - 1 - i] = swap;
	}
	return prover->count;
}

int merkle_inclusion(
    uint64_t index, uint64_t size, merkle_source source, void *context, struct merkle_hash *ret_proof) {
	if (index >= size)
		return -EINVAL;
	struct prover prover = {source, context, ret_proof, 0};
	struct range range = {0, size};
	while (range.end - range.start > 1) {
		uint64_t middle = range.start + (UINT64_C(1) << split_level(range.end - range.start));
		struct range other = index < middle ? (struct range){middle, range.end} : (struct range){range.start, middle};
		int error = prove_range(&prover, other);
		if (error < 0)
			return error;
		range = index < middle ? (struct range){range.start, middle} : (struct range){middle, range.end};
	}
	return proof_finish(&prover);
}

int merkle_consistency(
    uint64_t old_size, uint64_t size, merkle_source source, void *context, struct merkle_hash *ret_proof) {
	if (old_size > size)
		return -EINVAL;
	if (old_size == 0 || old_size == size)
		return 0;
	struct prover prover = {source, context, ret_proof, 0};
	struct range range = {0, size};
	/* RFC 9162, 2.1.4.1: down to the subtree that ends where the old tree ended. */
	while (range.end != old_size) {
		uint64_t middle = range.start + (UINT64_C(1) << split_level(range.end - range.start));
		struct range other =
		    old_size <= middle ? (struct range){middle, range.end} : (struct range){range.start, middle};
		int error = prove_range(&prover, other);
		if (error < 0)
			return error;
		range = old_size <= middle ? (struct range){range.start, middle} : (struct range){middle, range.end};
	}
	/* A subtree that is the whole old tree is known to the verifier: it is the old root. */
	if (range.start != 0) {
		int error = prove_range(&prover, range);
		if (error < 0)
			return error;
	}
	return proof_finish(&prover);
}

static bool hash_equal(const struct merkle_hash *a, const struct merkle_hash *b) {
	return memcmp(a->bytes, b->bytes, MERKLE_HASH_BYTES) == 0;
}

/* RFC 9162, 2.1.3.2. */
bool merkle_verify_inclusion(uint64_t index, uint64_t size, const struct merkle_hash *leaf,
    const struct merkle_hash *proof, size_t count, const struct merkle_hash *root) {
	if (index >= size)
		return false;
	uint64_t first = index;
	uint64_t last = size - 1;
	struct merkle_hash hash = *leaf;
	for (size_t i = 0; i < count; i++) {
		if (last == 0)
			return false;
		if ((first & 1) != 0 || first == last) {
			merkle_node(&proof[i], &hash, &hash);
			while ((first & 1) == 0 && first != 0) {
				first >>= 1;
				last >>= 1;
			}
		} else {
			merkle_node(&hash, &proof[i], &hash);
		}
		first >>= 1;
		last >>= 1;
	}
	return last == 0 && hash_equal(&hash, root);
}

/* RFC 9162, 2.1.4.2. */
bool merkle_verify_consistency(uint64_t old_size, uint64_t size, const struct merkle_hash *old_root,
    const struct merkle_hash *root, const struct merkle_hash *proof, size_t count) {
	if (old_size > size)
		return false;
	if (old_size == size)
		return count == 0 && hash_equal(old_root, root);
	if (old_size == 0)
		return count == 0;
	uint64_t first = old_size - 1;
	uint64_t last = size - 1;
	while ((first & 1) != 0) {
		first >>= 1;
		last >>= 1;
	}
	bool old_is_perfect = (old_size & (old_size - 1)) == 0;
	if (!old_is_perfect && count == 0)
		return false;
	struct merkle_hash old_hash = old_is_perfect ? *old_root : proof[0];
	struct merkle_hash new_hash = old_hash;
	for (size_t i = old_is_perfect ? 0 : 1; i < count; i++) {
		if (last == 0)
			return false;
		if ((first & 1) != 0 || first == last) {
			merkle_node(&proof[i], &old_hash, &old_hash);
			merkle_node(&proof[i], &new_hash, &new_hash);
			while ((first & 1) == 0 && first != 0) {
				first >>= 1;
				last >>= 1;
			}
		} else {
			merkle_node(&new_hash, &proof[i], &new_hash);
		}
		first >>= 1;
		last >>= 1;
	}
	return last == 0 && hash_equal(&old_hash, old_root) && hash_equal(&new_hash, root);
}

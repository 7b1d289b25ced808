/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The Merkle tree against the reference vectors of certificate transparency, and proofs against a slow tree for all
 * sizes up to 70. */
#include "audit/merkle.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

static const char *const entries[8] = {
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
};
static const char *const leaf_hashes[8] = {
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
    "0298d122906dcfc10892cb53a73992fc5b9f493ea4c9badb27b791b4127a7fe7",
    "07506a85fd9dd2f120eb694f86011e5bb4662e5c415a62917033d4a9624487e7",
    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    "4271a26be0d8a84f0bd54c8c302e7cb3a3b5d1fa6780a40bcce2873477dab658",
    "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
    "46f6ffadd3d06a09ff3c5860d2755c8b9819db7df44251788c7d8e3180de8eb1",
};
static const char *const roots[9] = {
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
};

struct inclusion_vector {
	uint64_t index;
	uint64_t size;
	const char *proof;
};
static const struct inclusion_vector inclusions[] = {
    {0, 8,
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"},
    {5, 8,
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"},
    {2, 3, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"},
    {1, 5,
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"},
    {6, 7,
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"},
};

struct consistency_vector {
	uint64_t old_size;
	uint64_t size;
	const char *proof;
};
static const struct consistency_vector consistencies[] = {
    {1, 1, ""},
    {1, 8,
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"},
    {6, 8,
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"},
    {2, 5,
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"},
    {6, 7,
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
        "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f"
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"},
    {4, 8, "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"},
    {3, 7,
        "0298d122906dcfc10892cb53a73992fc5b9f493ea4c9badb27b791b4127a7fe7"
        "07506a85fd9dd2f120eb694f86011e5bb4662e5c415a62917033d4a9624487e7"
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
        "837dbb152e9b079010717e84e865da4ebc0fa198a806d59d31bf15accef22d0e"},
};

static size_t unhex(const char *hex, uint8_t *bytes, size_t room) {
	size_t length = 0;
	assert_int_equal(sodium_hex2bin(bytes, room, hex, strlen(hex), NULL, &length, NULL), 0);
	return length;
}

static void assert_hash(const struct merkle_hash *hash, const char *hex) {
	uint8_t expected[32];
	assert_int_equal(unhex(hex, expected, sizeof expected), 32);
	assert_memory_equal(hash->bytes, expected, 32);
}

enum { LEAVES = 70 };
static struct merkle_hash leaves[LEAVES];

static void make_leaves(void) {
	for (uint8_t i = 0; i < LEAVES; i++) {
		uint8_t bytes[32];
		if (i < 8)
			merkle_leaf(bytes, unhex(entries[i], bytes, sizeof bytes), &leaves[i]);
		else
			merkle_leaf(&i, 1, &leaves[i]);
	}
}

/* RFC 6962, 2.1, as written. */
static void slow_root(uint64_t start, uint64_t end, struct merkle_hash *ret_root) {
	if (end - start == 1) {
		*ret_root = leaves[start];
		return;
	}
	uint64_t split = 1;
	while (2 * split < end - start)
		split *= 2;
	struct merkle_hash left;
	struct merkle_hash right;
	slow_root(start, start + split, &left);
	slow_root(start + split, end, &right);
	merkle_node(&left, &right, ret_root);
}

static int slow_source(unsigned level, uint64_t index, struct merkle_hash *ret_hash, void *context) {
	uint64_t end = (index + 1) << level;
	if (end > *(const uint64_t *)context)
		return -ENOENT;
	slow_root(index << level, end, ret_hash);
	return 0;
}

static void test_leaves_and_roots(void **state) {
	(void)state;
	struct merkle_tree tree = {0};
	struct merkle_hash root;
	merkle_root(&tree, &root);
	assert_hash(&root, roots[0]);
	for (size_t i = 0; i < 8; i++) {
		assert_hash(&leaves[i], leaf_hashes[i]);
		merkle_append(&tree, &leaves[i]);
		merkle_root(&tree, &root);
		assert_hash(&root, roots[i + 1]);
	}
}

static void test_append_equals_recursion(void **state) {
	(void)state;
	struct merkle_tree tree = {0};
	for (uint64_t size = 1; size <= LEAVES; size++) {
		struct merkle_hash root;
		struct merkle_hash expected;
		merkle_append(&tree, &leaves[size - 1]);
		merkle_root(&tree, &root);
		slow_root(0, size, &expected);
		assert_memory_equal(&root, &expected, sizeof root);
		assert_int_equal(tree.depth, __builtin_popcountll(size));
	}
}

static void test_inclusion_vectors(void **state) {
	(void)state;
	for (size_t i = 0; i < sizeof inclusions / sizeof *inclusions; i++) {
		uint64_t size = inclusions[i].size;
		struct merkle_hash proof[64];
		uint8_t expected[64 * 32];
		size_t length = unhex(inclusions[i].proof, expected, sizeof expected);
		int count = merkle_inclusion(inclusions[i].index, size, slow_source, &size, proof);
		assert_int_equal(count, length / 32);
		assert_memory_equal(proof, expected, length);
	}
}

static void test_consistency_vectors(void **state) {
	(void)state;
	for (size_t i = 0; i < sizeof consistencies / sizeof *consistencies; i++) {
		uint64_t size = consistencies[i].size;
		struct merkle_hash proof[64];
		uint8_t expected[64 * 32];
		size_t length = unhex(consistencies[i].proof, expected, sizeof expected);
		int count = merkle_consistency(consistencies[i].old_size, size, slow_source, &size, proof);
		assert_int_equal(count, length / 32);
		assert_memory_equal(proof, expected, length);
	}
}

static void test_all_inclusions(void **state) {
	(void)state;
	for (uint64_t size = 1; size <= LEAVES; size++) {
		struct merkle_hash root;
		slow_root(0, size, &root);
		for (uint64_t index = 0; index < size; index++) {
			struct merkle_hash proof[64];
			int count = merkle_inclusion(index, size, slow_source, &size, proof);
			assert_true(count >= 0);
			size_t length = (size_t)count;
			assert_true(merkle_verify_inclusion(index, size, &leaves[index], proof, length, &root));
			assert_false(merkle_verify_inclusion(index, size, &leaves[(index + 1) % LEAVES], proof, length, &root));
			assert_false(merkle_verify_inclusion(size, size, &leaves[index], proof, length, &root));
			proof[length] = root;
			assert_false(merkle_verify_inclusion(index, size, &leaves[index], proof, length + 1, &root));
			if (length > 0) {
				assert_false(merkle_verify_inclusion(index, size, &leaves[index], proof, length - 1, &root));
				proof[length / 2].bytes[7] ^= 1;
				assert_false(merkle_verify_inclusion(index, size, &leaves[index], proof, length, &root));
			}
		}
	}
}

static void test_all_consistencies(void **state) {
	(void)state;
	for (uint64_t size = 1; size <= LEAVES; size++) {
		struct merkle_hash root;
		slow_root(0, size, &root);
		for (uint64_t old_size = 1; old_size <= size; old_size++) {
			struct merkle_hash old_root;
			struct merkle_hash proof[64];
			slow_root(0, old_size, &old_root);
			int count = merkle_consistency(old_size, size, slow_source, &size, proof);
			assert_true(count >= 0);
			size_t length = (size_t)count;
			assert_true(merkle_verify_consistency(old_size, size, &old_root, &root, proof, length));
			if (old_size == size) {
				assert_int_equal(count, 0);
				continue;
			}
			assert_false(merkle_verify_consistency(old_size, size, &root, &root, proof, length));
			assert_false(merkle_verify_consistency(old_size, size, &old_root, &old_root, proof, length));
			assert_false(merkle_verify_consistency(size, old_size, &root, &old_root, proof, length));
			assert_false(merkle_verify_consistency(old_size, size, &old_root, &root, proof, length - 1));
			proof[length / 2].bytes[31] ^= 0x80;
			assert_false(merkle_verify_consistency(old_size, size, &old_root, &root, proof, length));
		}
	}
}

static void test_edges(void **state) {
	(void)state;
	uint64_t size = 8;
	struct merkle_hash proof[64];
	assert_int_equal(merkle_inclusion(8, 8, slow_source, &size, proof), -EINVAL);
	assert_int_equal(merkle_consistency(9, 8, slow_source, &size, proof), -EINVAL);
	assert_int_equal(merkle_consistency(0, 8, slow_source, &size, proof), 0);
	assert_true(merkle_verify_consistency(0, 8, &leaves[0], &leaves[1], NULL, 0));
	/* An error of the source is passed on. */
	size = 4;
	assert_int_equal(merkle_inclusion(0, 8, slow_source, &size, proof), -ENOENT);
}

int main(void) {
	make_leaves();
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_leaves_and_roots),
	    cmocka_unit_test(test_append_equals_recursion),
	    cmocka_unit_test(test_inclusion_vectors),
	    cmocka_unit_test(test_consistency_vectors),
	    cmocka_unit_test(test_all_inclusions),
	    cmocka_unit_test(test_all_consistencies),
	    cmocka_unit_test(test_edges),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

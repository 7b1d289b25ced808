/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Paths, widths and bundles of tlog-tiles by the specification's numbers, and the edge against the plain tree. */
#include "audit/tile.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/descriptor.h"

static void assert_path(unsigned level, uint64_t index, unsigned width, const char *expected) {
	char path[TILE_PATH_BYTES];
	tile_path(level, index, width, path);
	assert_string_equal(path, expected);
}

static void test_paths(void **state) {
	(void)state;
	assert_path(0, 0, 256, "tile/0/000");
	assert_path(0, 0, 44, "tile/0/000.p/44");
	assert_path(0, 999, 256, "tile/0/999");
	assert_path(1, 1000, 256, "tile/1/x001/000");
	assert_path(0, 1234067, 256, "tile/0/x001/x234/067");
	assert_path(0, 1234067, 8, "tile/0/x001/x234/067.p/8");
	assert_path(TILE_ENTRIES, 1234067, 255, "tile/entries/x001/x234/067.p/255");
	assert_path(7, UINT64_MAX >> 8, 1, "tile/7/x072/x057/x594/x037/x927/935.p/1");
}

static void test_widths(void **state) {
	(void)state;
	/* 70000: 0/{000..272}, 0/273.p/112, 1/000, 1/001.p/17, 2/000.p/1 */
	assert_int_equal(tile_width(0, 272, 70000), 256);
	assert_int_equal(tile_width(0, 273, 70000), 112);
	assert_int_equal(tile_width(0, 274, 70000), 0);
	assert_int_equal(tile_width(TILE_ENTRIES, 273, 70000), 112);
	assert_int_equal(tile_width(1, 0, 70000), 256);
	assert_int_equal(tile_width(1, 1, 70000), 17);
	assert_int_equal(tile_width(2, 0, 70000), 1);
	assert_int_equal(tile_width(3, 0, 70000), 0);
	assert_int_equal(tile_width(0, 0, 256), 256);
	assert_int_equal(tile_width(0, 1, 256), 0);
	assert_int_equal(tile_width(1, 0, 256), 1);
}

static const char bundle8[] =
    "\0\0\0\1\0\0\1\x10\0\2\x20\x21\0\2\x30\x31\0\4\x40\x41\x42\x43\0\x08\x50\x51\x52\x53\x54\x55\x56\x57"
    "\0\x10\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f";

static void test_bundle(void **state) {
	(void)state;
	static const size_t lengths[8] = {0, 1, 1, 2, 2, 4, 8, 16};
	char copy[sizeof bundle8];
	memcpy(copy, bundle8, sizeof bundle8);
	struct bundle bundle = {.bytes = (uint8_t *)copy, .length = sizeof bundle8 - 1};
	assert_true(bundle_split(&bundle, 8));
	struct merkle_tree tree = {0};
	for (unsigned i = 0; i < 8; i++) {
		size_t length = 0;
		const uint8_t *entry = bundle_entry(&bundle, i, &length);
		assert_int_equal(length, lengths[i]);
		struct merkle_hash leaf;
		merkle_leaf(entry, length, &leaf);
		merkle_append(&tree, &leaf);
	}
	struct merkle_hash root;
	merkle_root(&tree, &root);
	static const uint8_t start[] = {0x5d, 0xc9, 0xda, 0x79};
	assert_memory_equal(root.bytes, start, 4);
	/* Fewer, more, and cut anywhere. */
	assert_false(bundle_split(&bundle, 7));
	assert_false(bundle_split(&bundle, 9));
	for (bundle.length = 0; bundle.length < sizeof bundle8 - 1; bundle.length++)
		assert_false(bundle_split(&bundle, 8));
}

static unsigned full_tiles;

static int count_full(unsigned level, uint64_t index, const struct merkle_hash hashes[TILE_WIDTH], void *context) {
	(void)level;
	(void)index;
	(void)hashes;
	(void)context;
	full_tiles++;
	return 0;
}

static void test_edge_equals_tree(void **state) {
	(void)state;
	struct tile_edge *edge = calloc(1, sizeof *edge);
	struct merkle_tree tree = {0};
	struct merkle_hash root;
	struct merkle_hash expected;
	full_tiles = 0;
	for (uint32_t i = 0; i < 70000; i++) {
		struct merkle_hash leaf;
		merkle_leaf(&i, sizeof i, &leaf);
		assert_int_equal(tile_edge_append(edge, &leaf, count_full, NULL), 0);
		merkle_append(&tree, &leaf);
		if (i % 997 == 0 || i % 256 < 2 || i > 69990 || (i > 65530 && i < 65540)) {
			tile_edge_root(edge, &root);
			merkle_root(&tree, &expected);
			assert_memory_equal(&root, &expected, sizeof root);
		}
	}
	assert_int_equal(full_tiles, 273 + 1);
	free(edge);
}

static void write_file(int folder, const char *path, size_t length) {
	static const char zeros[9000];
	CLOSED_AT_END int fd = openat(folder, path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, zeros, length), length);
}

static void test_load_falls_back(void **state) {
	(void)state;
	char name[] = "/tmp/tile_test.XXXXXX";
	assert_non_null(mkdtemp(name));
	CLOSED_AT_END int folder = open(name, O_RDONLY | O_DIRECTORY);
	struct merkle_hash hashes[TILE_WIDTH];
	assert_int_equal(
	    mkdirat(folder, "tile", 0755) | mkdirat(folder, "tile/0", 0755) | mkdirat(folder, "tile/0/000.p", 0755), 0);
	assert_int_equal(tile_load(folder, 0, 0, 5, hashes), -ENOENT);
	write_file(folder, "tile/0/000.p/9", 9 * 32);
	assert_int_equal(tile_load(folder, 0, 0, 9, hashes), 0);
	assert_int_equal(tile_load(folder, 0, 0, 5, hashes), 0);
	assert_int_equal(tile_load(folder, 0, 0, 10, hashes), -ENOENT);
	write_file(folder, "tile/0/000.p/5", 5 * 32 + 1);
	assert_int_equal(tile_load(folder, 0, 0, 5, hashes), -EBADMSG);
	write_file(folder, "tile/0/000", 8192);
	assert_int_equal(tile_load(folder, 0, 0, 10, hashes), 0);
	assert_int_equal(tile_load(folder, 0, 0, 256, hashes), 0);
	write_file(folder, "tile/0/000", 8191);
	assert_int_equal(tile_load(folder, 0, 0, 256, hashes), -EBADMSG);
	(void)unlinkat(folder, "tile/0/000.p/9", 0);
	(void)unlinkat(folder, "tile/0/000.p/5", 0);
	(void)unlinkat(folder, "tile/0/000.p", AT_REMOVEDIR);
	(void)unlinkat(folder, "tile/0/000", 0);
	(void)unlinkat(folder, "tile/0", AT_REMOVEDIR);
	(void)unlinkat(folder, "tile", AT_REMOVEDIR);
	(void)rmdir(name);
}

int main(void) {
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_paths),
	    cmocka_unit_test(test_widths),
	    cmocka_unit_test(test_bundle),
	    cmocka_unit_test(test_edge_equals_tree),
	    cmocka_unit_test(test_load_falls_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The index: rows come back as they went in, by key, place and folder; totals; damage; size. */
#include "daemon/keeper/index.h"
#include "daemon/keeper/index_private.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/zone.h"
#include "settings/layout.h"

#define BASE_US INT64_C(1761955200000000) /* 2025-11-01 00:00 UTC */

struct fixture {
	char folder[64];
	struct index *index;
	struct layout *layout;
	int64_t root;
};

static struct layout *load(const char *name) {
	char path[200], message[500];
	struct layout *layout = NULL;
	(void)snprintf(path, sizeof path, "config/layouts/%s.conf", name);
	if (layout_load(path, &layout, message, sizeof message) != 0)
		fail_msg("%s", message);
	return layout;
}

static void open_index(struct fixture *fixture, bool expect_fresh) {
	bool fresh = false;
	assert_int_equal(index_open(fixture->folder, &fixture->index, &fresh), 0);
	assert_int_equal(fresh, expect_fresh);
	struct index_root root = {.name = "frigate", .layout = fixture->layout, .zone = zone_shared("UTC")};
	fixture->root = index_root(fixture->index, &root);
	assert_true(fixture->root > 0);
}

static int setup(void **state) {
	struct fixture *fixture = calloc(1, sizeof *fixture);
	(void)snprintf(fixture->folder, sizeof fixture->folder, "/tmp/index_test.XXXXXX");
	assert_non_null(mkdtemp(fixture->folder));
	fixture->layout = load("frigate");
	open_index(fixture, true);
	*state = fixture;
	return 0;
}

static int teardown(void **state) {
	struct fixture *fixture = *state;
	static const char *const names[] = {"index.db", "index.db-wal", "index.db-shm", "index.db.damaged"};
	fixture->index = index_close(fixture->index);
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		char path[128];
		(void)snprintf(path, sizeof path, "%s/%s", fixture->folder, names[i]);
		(void)unlink(path);
	}
	(void)rmdir(fixture->folder);
	(void)layout_free(fixture->layout);
	free(fixture);
	return 0;
}

/* Segment `number` of a camera in Frigate's layout, 10 s long. */
static void make(struct fixture *fixture, const char *camera, int64_t number, struct segment_row *row) {
	int64_t start = BASE_US + number * 10 * US_PER_SECOND;
	struct local_time local;
	zone_to_local(zone_shared("UTC"), start, &local, NULL);
	char folder[128];
	(void)snprintf(
	    folder, sizeof folder, "%04d-%02d-%02d/%02d/%s", local.year, local.month, local.day, local.hour, camera);
	*row = (struct segment_row){
	    .key = {.camera = index_camera(fixture->index, fixture->root, text_of(camera)),
	        .start_us = start,
	        .ordinal = UINT32_MAX},
	    .folder = index_folder(fixture->index, fixture->root, text_of(folder)),
	    .file = {.inode = (uint64_t)(500000 + number),
	        .bytes = (uint64_t)(2500000 + number % 1000),
	        .mtime_ns = (start + 10123456) * 1000 + 789,
	        .birth_ns = (start + 23456) * 1000 + 123},
	    .earliest_us = start,
	    .state = SEGMENT_SEALED,
	};
	(void)snprintf(row->name, sizeof row->name, "%02d.%02d.mp4", local.minute, local.second);
}

static void add(struct fixture *fixture, const char *camera, int64_t number, struct segment_row *row) {
	make(fixture, camera, number, row);
	assert_int_equal(index_insert(fixture->index, row), 0);
}

static void assert_row(const struct segment_row *a, const struct segment_row *b) {
	assert_int_equal(a->key.camera, b->key.camera);
	assert_int_equal(a->key.start_us, b->key.start_us);
	assert_int_equal(a->key.ordinal, b->key.ordinal);
	assert_int_equal(a->folder, b->folder);
	assert_string_equal(a->name, b->name);
	assert_memory_equal(&a->file, &b->file, sizeof a->file);
	assert_int_equal(a->end_us, b->end_us);
	assert_int_equal(a->earliest_us, b->earliest_us);
	assert_int_equal(a->state, b->state);
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->pattern, b->pattern);
	assert_int_equal(a->source, b->source);
	assert_int_equal(a->time_suspect, b->time_suspect);
	assert_int_equal(a->fold, b->fold);
	assert_int_equal(a->fold_unsettled, b->fold_unsettled);
	assert_int_equal(a->grouped, b->grouped);
	assert_int_equal(a->probed, b->probed);
	assert_int_equal(a->damage, b->damage);
	assert_int_equal(a->has_sha256, b->has_sha256);
	assert_memory_equal(a->sha256, b->sha256, HASH_BYTES);
	assert_int_equal(a->delete_errno, b->delete_errno);
}

static void rows_survive(void **state) {
	struct fixture *fixture = *state;
	struct segment_row all[200], row;
	for (int i = 0; i < 200; i++) {
		make(fixture, "gate", i, &all[i]);
		srand((unsigned)i);
		all[i].key.start_us += i % 7 == 0 ? rand() % 1000 : 0; /* then the name is stored */
		all[i].earliest_us = all[i].key.start_us - (i % 5 == 0 ? rand() : 0);
		all[i].end_us = i % 3 == 0 ? 0 : i % 3 == 1 ? all[i].file.mtime_ns / 1000 : all[i].key.start_us + rand();
		all[i].state = (enum segment_state)(i % 6);
		all[i].kind = (enum segment_kind)(i % 3);
		all[i].source = (enum start_source)(i % 4);
		all[i].pattern = (uint8_t)(i % 11 == 0 ? 200 : 0);
		all[i].time_suspect = i % 2;
		all[i].fold = i % 4 == 1;
		all[i].fold_unsettled = i % 4 == 2;
		all[i].probed = i % 2;
		all[i].damage = (uint8_t)(i % 16);
		all[i].delete_errno = i % 9 == 0 ? EROFS : 0;
		all[i].has_sha256 = i % 2;
		if (all[i].has_sha256)
			memset(all[i].sha256, i, HASH_BYTES);
		if (i % 10 == 0)
			all[i].file = (struct file_identity){.inode = UINT64_MAX, .bytes = UINT64_MAX, .mtime_ns = INT64_MIN};
		assert_int_equal(index_insert(fixture->index, &all[i]), 0);
	}
	fixture->index = index_close(fixture->index);
	open_index(fixture, false);
	for (int i = 0; i < 200; i++) {
		assert_int_equal(index_get(fixture->index, &all[i].key, &row), 0);
		assert_row(&all[i], &row);
		assert_int_equal(index_find(fixture->index, all[i].folder, text_of(all[i].name), &row), 0);
		assert_row(&all[i], &row);
	}
}

static int count_rows(const struct segment_row *row, void *context) {
	(void)row;
	(*(int *)context)++;
	return 0;
}

static void names_that_derive_are_not_stored(void **state) {
	struct fixture *fixture = *state;
	struct segment_row row;
	add(fixture, "gate", 3, &row);
	assert_true(index_name_derived(fixture->index, &row));
	row.key.start_us++;
	assert_false(index_name_derived(fixture->index, &row));
}

static void two_names_of_one_start(void **state) {
	struct fixture *fixture = *state;
	struct segment_row first, second, row;
	add(fixture, "gate", 1, &first);
	second = first;
	(void)snprintf(second.name, sizeof second.name, "copy \xff\n.mp4");
	second.key.ordinal = UINT32_MAX;
	assert_int_equal(index_insert(fixture->index, &second), 0);
	assert_int_equal(first.key.ordinal, 0);
	assert_int_equal(second.key.ordinal, 1);
	assert_int_equal(index_find(fixture->index, second.folder, text_of(second.name), &row), 0);
	assert_row(&second, &row);
	/* The same place twice is refused, and changes nothing. */
	second.key.ordinal = UINT32_MAX;
	assert_int_equal(index_insert(fixture->index, &second), -EEXIST);
	int count = 0;
	assert_int_equal(index_in_folder(fixture->index, first.folder, count_rows, &count), 0);
	assert_int_equal(count, 2);
}

static void totals_follow(void **state) {
	struct fixture *fixture = *state;
	struct segment_row row;
	struct camera_row camera;
	uint64_t bytes = 0;
	for (int i = 0; i < 10; i++) {
		add(fixture, "gate", i, &row);
		bytes += row.file.bytes;
	}
	bytes -= row.file.bytes;
	row.state = SEGMENT_OPEN;
	row.file.bytes = 5;
	assert_int_equal(index_update(fixture->index, &row), 0);
	assert_int_equal(index_camera_get(fixture->index, row.key.camera, &camera), 0);
	assert_int_equal(camera.segments, 10);
	assert_int_equal(camera.bytes, bytes + 5);
	assert_int_equal(camera.not_sealed, 1);
	assert_int_equal(camera.oldest_us, BASE_US);
	assert_int_equal(camera.newest_us, row.key.start_us);
	assert_string_equal(camera.root_name, "frigate");
	int open = 0;
	assert_int_equal(index_unsealed(fixture->index, fixture->root, count_rows, &open), 0);
	assert_int_equal(open, 1);
	assert_int_equal(index_remove(fixture->index, &row.key), 0);
	fixture->index = index_close(fixture->index);
	open_index(fixture, false);
	assert_int_equal(index_camera_get(fixture->index, row.key.camera, &camera), 0);
	assert_int_equal(camera.segments, 9);
	assert_int_equal(camera.bytes, bytes);
	assert_int_equal(camera.not_sealed, 0);
	assert_int_equal(index_longest_us(fixture->index, row.key.camera), 10123456);
}

static void walks(void **state) {
	struct fixture *fixture = *state;
	struct segment_row row, before;
	for (int i = 0; i < 1000; i++)
		add(fixture, i % 2 ? "gate" : "yard", i, &row);
	int64_t gate = index_camera(fixture->index, fixture->root, text_of("gate"));
	int count = 0;
	assert_int_equal(index_range(fixture->index, gate, BASE_US + 10 * US_PER_SECOND, BASE_US + 30 * US_PER_SECOND, 0,
	                     count_rows, &count),
	    0);
	assert_int_equal(count, 2);
	count = 0;
	assert_int_equal(index_range(fixture->index, gate, INT64_MIN, INT64_MAX, 7, count_rows, &count), 0);
	assert_int_equal(count, 7);
	assert_int_equal(index_before(fixture->index, gate, BASE_US + 30 * US_PER_SECOND, &before), 0);
	assert_int_equal(before.key.start_us, BASE_US + 10 * US_PER_SECOND);
	assert_int_equal(index_before(fixture->index, gate, BASE_US + 10 * US_PER_SECOND, &before), -ENOENT);
	assert_int_equal(index_next_start(fixture->index, gate, BASE_US + 10 * US_PER_SECOND, SEGMENT_VIDEO),
	    BASE_US + 30 * US_PER_SECOND);
	assert_int_equal(index_next_start(fixture->index, gate, BASE_US + 10 * US_PER_SECOND, SEGMENT_STILL), 0);
	/* An hour of one camera is one folder. */
	count = 0;
	assert_int_equal(
	    index_in_folder(fixture->index, index_find_folder(fixture->index, fixture->root, text_of("2025-11-01/00/gate")),
	        count_rows, &count),
	    0);
	assert_int_equal(count, 180);
}

static int take_key(const struct segment_row *row, void *context) {
	*(struct segment_key *)context = row->key;
	return 0;
}

static void unprobed_newest_first(void **state) {
	struct fixture *fixture = *state;
	struct segment_row row;
	for (int i = 0; i < 100; i++)
		add(fixture, "gate", i, &row);
	for (int i = 99; i >= 0; i--) {
		struct segment_key key = {0};
		assert_int_equal(index_unprobed(fixture->index, 1, take_key, &key), 0);
		assert_int_equal(key.start_us, BASE_US + i * 10 * US_PER_SECOND);
		assert_int_equal(index_get(fixture->index, &key, &row), 0);
		row.probed = true;
		assert_int_equal(index_update(fixture->index, &row), 0);
	}
	int count = 0;
	assert_int_equal(index_unprobed(fixture->index, 10, count_rows, &count), 0);
	assert_int_equal(count, 0);
	add(fixture, "gate", 50000, &row);
	assert_int_equal(index_unprobed(fixture->index, 10, count_rows, &count), 0);
	assert_int_equal(count, 1);
}

static int count_members(const struct member_row *row, void *context) {
	(void)row;
	(*(int *)context)++;
	return 0;
}

static void members_live_with_their_segment(void **state) {
	struct fixture *fixture = *state;
	struct segment_row row, found;
	add(fixture, "gate", 1, &row);
	struct member_row member = {.folder = row.folder, .file = {.inode = 7, .bytes = 8, .mtime_ns = 9, .birth_ns = 10}};
	(void)snprintf(member.name, sizeof member.name, "00.10.thumb");
	assert_int_equal(index_member_put(fixture->index, &row.key, &member), 0);
	assert_int_equal(index_get(fixture->index, &row.key, &found), 0);
	assert_true(found.grouped);
	struct segment_key old = found.key;
	found.key.start_us += US_PER_SECOND;
	assert_int_equal(index_move(fixture->index, &old, &found), 0);
	struct segment_key owner;
	struct member_row read;
	assert_int_equal(index_member_find(fixture->index, row.folder, text_of("00.10.thumb"), &owner, &read), 0);
	assert_int_equal(owner.start_us, found.key.start_us);
	assert_memory_equal(&read.file, &member.file, sizeof read.file);
	assert_int_equal(index_remove(fixture->index, &found.key), 0);
	int count = 0;
	assert_int_equal(index_members(fixture->index, &found.key, count_members, &count), 0);
	assert_int_equal(count, 0);
	assert_int_equal(index_member_find(fixture->index, row.folder, text_of("00.10.thumb"), &owner, &read), -ENOENT);
}

static int sum_erased(const struct erased_row *row, void *context) {
	*(uint64_t *)context += row->segments;
	return 0;
}

static void erased_spans(void **state) {
	struct fixture *fixture = *state;
	int64_t gate = index_camera(fixture->index, fixture->root, text_of("gate"));
	for (int i = 0; i < 10; i++) {
		struct erased_row row = {.camera = gate,
		    .from_us = i * 1000,
		    .to_us = i * 1000 + (i == 2 ? 9000 : 500),
		    .segments = 1u << i,
		    .rule = "retention",
		    .sequence = (uint64_t)i};
		assert_int_equal(index_erased_add(fixture->index, &row), 0);
		assert_int_equal(index_erased_add(fixture->index, &row), 0); /* replayed */
	}
	uint64_t bits = 0;
	assert_int_equal(index_erased(fixture->index, gate, 5600, 6100, sum_erased, &bits), 0);
	assert_int_equal(bits, 1u << 2 | 1u << 6);
}

static void folders_below(void **state) {
	struct fixture *fixture = *state;
	static const char *const paths[] = {"", "a", "a/b", "a/b/c", "a-b", "a0", "ab", "a/\xff"};
	for (size_t i = 0; i < ARRAY_LENGTH(paths); i++)
		assert_true(index_folder(fixture->index, fixture->root, text_of(paths[i])) > 0);
	struct folder_row row;
	int64_t id = index_find_folder(fixture->index, fixture->root, text_of(""));
	assert_int_equal(index_folder_set(fixture->index, id, 5, 6, 7), 0);
	assert_int_equal(index_folder_get(fixture->index, id, &row), 0);
	assert_int_equal(row.mtime_ns, 5);
	assert_int_equal(row.foreign, 7);
	assert_int_equal(index_find_folder(fixture->index, fixture->root, text_of("none")), -ENOENT);
	int count = 0;
	int (*each)(const struct folder_row *, void *) = (index_each_folder)(void *)count_rows;
	assert_int_equal(index_folders_below(fixture->index, fixture->root, text_of("a"), each, &count), 0);
	assert_int_equal(count, 4);
	count = 0;
	assert_int_equal(index_folders(fixture->index, fixture->root, each, &count), 0);
	assert_int_equal(count, 8);
}

static void write_over(struct fixture *fixture, off_t offset, size_t length) {
	char path[128], *junk = malloc(length);
	(void)snprintf(path, sizeof path, "%s/index.db", fixture->folder);
	int fd = open(path, O_WRONLY);
	assert_true(fd >= 0);
	memset(junk, 0x5a, length);
	assert_int_equal(pwrite(fd, junk, length, offset), length);
	(void)close(fd);
	free(junk);
}

static void damaged_head_is_set_aside(void **state) {
	struct fixture *fixture = *state;
	fixture->index = index_close(fixture->index);
	write_over(fixture, 0, 200);
	open_index(fixture, true);
	char path[128];
	(void)snprintf(path, sizeof path, "%s/index.db.damaged", fixture->folder);
	assert_int_equal(access(path, F_OK), 0);
}

static void damage_deeper_is_told(void **state) {
	struct fixture *fixture = *state;
	struct segment_row row;
	for (int i = 0; i < 20000; i++)
		add(fixture, "gate", i, &row);
	fixture->index = index_close(fixture->index);
	write_over(fixture, 200000, 400000);
	open_index(fixture, false);
	int count = 0;
	assert_int_equal(
	    index_range(fixture->index, row.key.camera, INT64_MIN, INT64_MAX, 0, count_rows, &count), -EUCLEAN);
	assert_true(index_damaged(fixture->index));
	fixture->index = index_close(fixture->index);
	assert_int_equal(index_mark_damaged(fixture->folder), 0);
	open_index(fixture, true);
}

static void keys_that_are_owed_survive(void **state) {
	struct fixture *fixture = *state;
	static const struct segment_key keys[] = {
	    {.camera = 1, .start_us = -BASE_US - 1},
	    {.camera = 1, .start_us = BASE_US},
	    {.camera = 1, .start_us = BASE_US + 10000001, .ordinal = 7},
	    {.camera = 300, .start_us = 0, .ordinal = (1u << 20) - 1},
	};
	struct segment_key read[8];
	size_t count = 9;
	assert_int_equal(index_owed_get(fixture->index, read, ARRAY_LENGTH(read), &count), 0);
	assert_int_equal(count, 0);
	assert_int_equal(index_owed_put(fixture->index, keys, ARRAY_LENGTH(keys)), 0);
	assert_int_equal(index_commit(fixture->index), 0);
	fixture->index = index_close(fixture->index);
	open_index(fixture, false);
	assert_int_equal(index_owed_get(fixture->index, read, ARRAY_LENGTH(read), &count), 0);
	assert_int_equal(count, ARRAY_LENGTH(keys));
	for (size_t i = 0; i < count; i++)
		assert_true(segment_key_equal(&read[i], &keys[i]));
	assert_int_equal(index_owed_get(fixture->index, read, 2, &count), 0);
	assert_int_equal(count, 2);
	assert_int_equal(index_owed_put(fixture->index, NULL, 0), 0);
	assert_int_equal(index_owed_get(fixture->index, read, ARRAY_LENGTH(read), &count), 0);
	assert_int_equal(count, 0);
}

static void another_zone_is_indexed_anew(void **state) {
	struct fixture *fixture = *state;
	struct segment_row row;
	struct layout *motioneye = load("motioneye");
	struct index_root root = {.name = "eye", .layout = motioneye, .zone = zone_shared("Europe/Brussels")};
	int64_t id = index_root(fixture->index, &root);
	row = (struct segment_row){
	    .key = {.camera = index_camera(fixture->index, id, text_of("c1")), .start_us = BASE_US, .ordinal = UINT32_MAX}};
	row.folder = index_folder(fixture->index, id, text_of("c1/2025-11-01"));
	row.earliest_us = BASE_US;
	(void)snprintf(row.name, sizeof row.name, "01-00-00.mp4");
	assert_int_equal(index_insert(fixture->index, &row), 0);
	assert_true(index_name_derived(fixture->index, &row));
	assert_int_equal(index_root(fixture->index, &root), id);
	assert_int_equal(index_get(fixture->index, &row.key, &row), 0);
	root.zone = zone_shared("UTC");
	assert_int_equal(index_root(fixture->index, &root), id);
	assert_int_equal(index_get(fixture->index, &row.key, &row), -ENOENT);
	(void)layout_free(motioneye);
}

/* The goal of the design: 75 bytes a segment, 110 with fingerprints, in Frigate's layout at 10 s. */
static void size_for(struct fixture *fixture, bool fingerprints, double most) {
	static const char *const cameras[] = {"front", "gate", "yard", "station-hall"};
	enum { HOURS = 24, A_FOLDER = 360 };
	struct segment_row row;
	int64_t began = clock_elapsed_us();
	for (int hour = 0; hour < HOURS; hour++)
		for (size_t camera = 0; camera < ARRAY_LENGTH(cameras); camera++)
			for (int i = 0; i < A_FOLDER; i++) {
				make(fixture, cameras[camera], hour * A_FOLDER + i, &row);
				row.probed = true;
				row.end_us = row.key.start_us + 10 * US_PER_SECOND;
				row.has_sha256 = fingerprints;
				for (size_t j = 0; j < HASH_BYTES; j++)
					row.sha256[j] = (uint8_t)rand();
				assert_int_equal(index_insert(fixture->index, &row), 0);
			}
	int64_t spent = clock_elapsed_us() - began;
	fixture->index = index_close(fixture->index);
	char path[128];
	struct stat facts;
	(void)snprintf(path, sizeof path, "%s/index.db", fixture->folder);
	assert_int_equal(stat(path, &facts), 0);
	double each = (double)facts.st_size / (HOURS * A_FOLDER * 4);
	print_message("%.1f bytes, %.2f µs a segment%s\n", each, (double)spent / (HOURS * A_FOLDER * 4),
	    fingerprints ? " with fingerprints" : "");
	assert_true(each <= most);
	open_index(fixture, false);
}

static void size_plain(void **state) {
	size_for(*state, false, 75);
}

static void size_with_fingerprints(void **state) {
	size_for(*state, true, 110);
}

int main(void) {
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(rows_survive, setup, teardown),
	    cmocka_unit_test_setup_teardown(names_that_derive_are_not_stored, setup, teardown),
	    cmocka_unit_test_setup_teardown(two_names_of_one_start, setup, teardown),
	    cmocka_unit_test_setup_teardown(totals_follow, setup, teardown),
	    cmocka_unit_test_setup_teardown(walks, setup, teardown),
	    cmocka_unit_test_setup_teardown(unprobed_newest_first, setup, teardown),
	    cmocka_unit_test_setup_teardown(members_live_with_their_segment, setup, teardown),
	    cmocka_unit_test_setup_teardown(erased_spans, setup, teardown),
	    cmocka_unit_test_setup_teardown(folders_below, setup, teardown),
	    cmocka_unit_test_setup_teardown(damaged_head_is_set_aside, setup, teardown),
	    cmocka_unit_test_setup_teardown(damage_deeper_is_told, setup, teardown),
	    cmocka_unit_test_setup_teardown(keys_that_are_owed_survive, setup, teardown),
	    cmocka_unit_test_setup_teardown(another_zone_is_indexed_anew, setup, teardown),
	    cmocka_unit_test_setup_teardown(size_plain, setup, teardown),
	    cmocka_unit_test_setup_teardown(size_with_fingerprints, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

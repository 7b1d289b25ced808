/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading and verifying: each kind of damage is found and named; proofs from tiles verify. */
#include "retention/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/merkle.h"
#include "audit_log.h"

enum { ENTRIES = 600 };

static int setup(void **state) {
	(void)state;
	scratch = scratch_make();
	struct audit_writer *writer = writer_open_as(&scratch, AUDIT_STARTED_NEW);
	append_entries(writer, ENTRIES);
	assert_null(audit_writer_close(writer));
	return 0;
}

static void assert_refused(const char *expected) {
	struct retention_log *log = reader_open(&scratch, "log");
	assert_int_equal(retention_log_verify(log, NULL, NULL), -EBADMSG);
	if (strstr(retention_log_error(log), expected) == NULL)
		fail_msg("'%s' does not say '%s'", retention_log_error(log), expected);
	retention_log_close(log);
}

static void test_verifies(void **state) {
	(void)state;
	assert_log(&scratch, "log", ENTRIES);
}

static void test_changed_entry(void **state) {
	(void)state;
	file_change(&scratch, "log/tile/entries/000", 2 + 12, 1);
	assert_refused("entry 0 is not what tile/0/000 says");
	file_change(&scratch, "log/tile/entries/000", 2 + 12, 1);
	file_change(&scratch, "log/tile/entries/002.p/88", 2 + 12, 1);
	assert_refused("entry 512 is not what tile/0/002.p/88 says");
}

static void test_changed_tiles(void **state) {
	(void)state;
	file_change(&scratch, "log/tile/0/001", 32 * 7, 0x80);
	assert_refused("entry 263 is not what tile/0/001 says");
	file_change(&scratch, "log/tile/0/001", 32 * 7, 0x80);
	file_change(&scratch, "log/tile/1/000.p/2", 33, 1);
	assert_refused("hash 1 of tile/1/000.p/2");
}

static void truncate_by(const char *path, off_t change) {
	struct stat facts;
	CLOSED_AT_END int fd = openat(scratch.fd, path, O_RDWR);
	assert_true(fd >= 0 && fstat(fd, &facts) == 0 && ftruncate(fd, facts.st_size + change) == 0);
}

static void test_lengths(void **state) {
	(void)state;
	truncate_by("log/tile/entries/001", -1);
	assert_refused("tile/entries/001 does not hold exactly 256 entries");
	truncate_by("log/tile/entries/001", 1 + 3);
	assert_refused("tile/entries/001 does not hold exactly 256 entries");
	truncate_by("log/tile/entries/001", -3);
	file_change(&scratch, "log/tile/entries/001", 0, 0);
	truncate_by("log/tile/0/000", 32);
	assert_refused("tile/0/000 does not hold exactly 256 hashes");
}

static void test_missing_files(void **state) {
	(void)state;
	static const char *const paths[] = {
	    "tile/entries/000", "tile/entries/002.p/88", "tile/0/000", "tile/0/002.p/88", "tile/1/000.p/2", "checkpoint"};
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		char path[64];
		char expected[64];
		(void)snprintf(path, sizeof path, "log/%s", paths[i]);
		(void)snprintf(expected, sizeof expected, "%s is missing", paths[i]);
		assert_int_equal(renameat(scratch.fd, path, scratch.fd, "aside"), 0);
		assert_refused(expected);
		assert_int_equal(renameat(scratch.fd, "aside", scratch.fd, path), 0);
	}
	assert_log(&scratch, "log", ENTRIES);
}

/* Two entries of one length exchanged: lengths and numbers still fit, the order does not. */
static void test_exchanged_entries(void **state) {
	(void)state;
	char first[256];
	char second[256];
	size_t length = entry_text(100, first);
	assert_int_equal(entry_text(200, second), length);
	char *bytes = NULL;
	size_t total = 0;
	assert_int_equal(descriptor_read_file(scratch.fd, "log/tile/entries/000", 1 << 20, &bytes, &total), 0);
	char *a = memmem(bytes, total, first, length);
	char *b = memmem(bytes, total, second, length);
	assert_true(a != NULL && b != NULL);
	memcpy(a, second, length);
	memcpy(b, first, length);
	assert_int_equal(descriptor_replace_file(scratch.fd, "log/tile/entries/000", bytes, total), 0);
	free(bytes);
	assert_refused("entry 100 is not what tile/0/000 says");
}

static void test_checkpoints(void **state) {
	(void)state;
	char *note = NULL;
	size_t length = 0;
	assert_int_equal(descriptor_read_file(scratch.fd, "log/checkpoint", 4096, &note, &length), 0);
	/* Another letter of base64, so that the note stays well formed. */
	uint8_t letter = (uint8_t)note[length - 20];
	file_change(&scratch, "log/checkpoint", (off_t)length - 20, letter ^ (letter == 'A' ? 'B' : 'A'));
	assert_refused("checkpoint has a wrong signature");
	assert_int_equal(descriptor_replace_file(scratch.fd, "log/checkpoint", "nonsense\n", 9), 0);
	assert_refused("checkpoint is not a signed note");
	assert_int_equal(descriptor_replace_file(scratch.fd, "log/checkpoint", note, length), 0);
	free(note);
	assert_log(&scratch, "log", ENTRIES);
	/* A key that did not sign; a list that is none. */
	struct retention_log *log = NULL;
	CLOSED_AT_END int folder = openat(scratch.fd, "log", O_RDONLY | O_DIRECTORY);
	assert_int_equal(
	    retention_log_open(folder, "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW\n", &log), 0);
	assert_int_equal(retention_log_verify(log, NULL, NULL), -EBADMSG);
	assert_non_null(strstr(retention_log_error(log), "not signed by any key"));
	retention_log_close(log);
	assert_int_equal(retention_log_open(folder, "nonsense\n", &log), -EINVAL);
	assert_int_equal(retention_log_open(folder, "", &log), -EINVAL);
}

static void test_keys_beside_the_folder(void **state) {
	(void)state;
	assert_int_equal(unlinkat(scratch.fd, "log/vkeys", 0), 0);
	assert_log(&scratch, "log", ENTRIES);
}

static void test_entries_at_the_end(void **state) {
	(void)state;
	struct retention_log *log = reader_open(&scratch, "log");
	const char *bytes = NULL;
	size_t length = 0;
	assert_int_equal(retention_log_entry(log, ENTRIES, &bytes, &length), -ENOENT);
	assert_int_equal(retention_log_entry(log, UINT64_MAX, &bytes, &length), -ENOENT);
	assert_int_equal(retention_log_entry(log, ENTRIES - 1, &bytes, &length), 0);
	/* The log grows under an open reader; the bundle it has read was partial. */
	struct audit_writer *writer = writer_open_as(&scratch, AUDIT_CONTINUED);
	append_entries(writer, 300);
	assert_int_equal(audit_writer_publish(writer), 0);
	for (uint64_t index = ENTRIES - 2; index < ENTRIES + 300; index++) {
		char text[256];
		size_t expected = entry_text(index, text);
		assert_int_equal(retention_log_entry(log, index, &bytes, &length), 0);
		assert_int_equal(length, expected);
		assert_memory_equal(bytes, text, length);
	}
	retention_log_close(log);
	assert_null(audit_writer_close(writer));
}

/* An old checkpoint stays readable after the partial files of its size are gone. */
static void test_older_checkpoint(void **state) {
	(void)state;
	char *note = NULL;
	size_t length = 0;
	assert_int_equal(descriptor_read_file(scratch.fd, "log/checkpoint", 4096, &note, &length), 0);
	struct audit_writer *writer = writer_open_as(&scratch, AUDIT_CONTINUED);
	append_entries(writer, 20);
	assert_int_equal(audit_writer_publish(writer), 0);
	assert_int_equal(descriptor_replace_file(scratch.fd, "log/checkpoint", note, length), 0);
	assert_log(&scratch, "log", ENTRIES);
	append_entries(writer, 1000);
	assert_int_equal(audit_writer_publish(writer), 0);
	assert_int_equal(descriptor_replace_file(scratch.fd, "log/checkpoint", note, length), 0);
	assert_log(&scratch, "log", ENTRIES);
	free(note);
	assert_null(audit_writer_close(writer));
}

static void test_proofs(void **state) {
	(void)state;
	struct retention_log *log = reader_open(&scratch, "log");
	struct retention_checkpoint checkpoint;
	assert_int_equal(retention_log_checkpoint(log, &checkpoint), 0);
	struct merkle_tree tree = {0};
	struct merkle_hash leaves[ENTRIES];
	struct merkle_hash roots[ENTRIES + 1];
	for (uint64_t i = 0; i < ENTRIES; i++) {
		char text[256];
		merkle_leaf(text, entry_text(i, text), &leaves[i]);
		merkle_append(&tree, &leaves[i]);
		merkle_root(&tree, &roots[i + 1]);
	}
	assert_memory_equal(roots[ENTRIES].bytes, checkpoint.root, 32);
	uint8_t proof[64][32];
	static const uint64_t sizes[] = {1, 2, 255, 256, 257, 511, 512, 513, 599, ENTRIES};
	for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
		for (uint64_t index = 0; index < sizes[s]; index += 1 + index % 13) {
			int count = retention_log_inclusion(log, index, sizes[s], proof);
			assert_true(count >= 0);
			assert_true(merkle_verify_inclusion(
			    index, sizes[s], &leaves[index], (const struct merkle_hash *)proof, (size_t)count, &roots[sizes[s]]));
		}
		for (uint64_t old = 1; old < sizes[s]; old += 1 + old % 17) {
			int count = retention_log_consistency(log, old, sizes[s], proof);
			assert_true(count >= 0);
			assert_true(merkle_verify_consistency(
			    old, sizes[s], &roots[old], &roots[sizes[s]], (const struct merkle_hash *)proof, (size_t)count));
		}
	}
	assert_int_equal(retention_log_inclusion(log, 5, 5, proof), -EINVAL);
	assert_int_equal(retention_log_inclusion(log, 5, ENTRIES + 1, proof), -ENOENT);
	assert_int_equal(retention_log_consistency(log, 6, 5, proof), -EINVAL);
	retention_log_close(log);
}

static int stop_at_once(uint64_t done, uint64_t size, void *context) {
	(void)done;
	(void)size;
	++*(int *)context;
	return 1;
}

static int count_calls(uint64_t done, uint64_t size, void *context) {
	assert_true(done <= size);
	++*(int *)context;
	return 0;
}

static void test_progress(void **state) {
	(void)state;
	struct retention_log *log = reader_open(&scratch, "log");
	int calls = 0;
	assert_int_equal(retention_log_verify(log, stop_at_once, &calls), -ECANCELED);
	assert_int_equal(calls, 1);
	assert_int_equal(retention_log_verify(log, count_calls, &calls), 0);
	assert_true(calls >= 3);
	retention_log_close(log);
}

static void test_empty_log(void **state) {
	(void)state;
	struct scratch empty = scratch_make();
	assert_null(audit_writer_close(writer_open_as(&empty, AUDIT_STARTED_NEW)));
	assert_log(&empty, "log", 0);
	scratch_remove(&empty);
}

#define WITH_LOG(test) cmocka_unit_test_setup_teardown(test, setup, scratch_teardown)

int main(void) {
	const struct CMUnitTest tests[] = {
	    WITH_LOG(test_verifies),
	    WITH_LOG(test_changed_entry),
	    WITH_LOG(test_changed_tiles),
	    WITH_LOG(test_lengths),
	    WITH_LOG(test_missing_files),
	    WITH_LOG(test_exchanged_entries),
	    WITH_LOG(test_checkpoints),
	    WITH_LOG(test_keys_beside_the_folder),
	    WITH_LOG(test_entries_at_the_end),
	    WITH_LOG(test_older_checkpoint),
	    WITH_LOG(test_proofs),
	    WITH_LOG(test_progress),
	    cmocka_unit_test(test_empty_log),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

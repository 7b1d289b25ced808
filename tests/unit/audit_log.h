/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A state folder in /tmp for the tests of the audit log, and what they all do with it. Include after cmocka.h. */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "audit/writer.h"
#include "base/descriptor.h"
#include "retention/log.h"
#include "tree.h"

struct scratch {
	char path[64];
	int fd;
};

static struct scratch scratch_make(void) {
	struct scratch scratch = {.path = "/tmp/audit_log.XXXXXX"};
	assert_non_null(mkdtemp(scratch.path));
	scratch.fd = open(scratch.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(scratch.fd >= 0);
	return scratch;
}

static void scratch_remove(struct scratch *scratch) {
	descriptor_close(&scratch->fd);
	(void)tree_remove(scratch->path);
}

static struct audit_writer *writer_open_report(const struct scratch *scratch, struct audit_start_report *ret_report) {
	struct audit_writer *writer = NULL;
	assert_int_equal(audit_writer_open(scratch->fd, NULL, 0, &writer, ret_report), 0);
	return writer;
}

static struct audit_writer *writer_open_as(const struct scratch *scratch, enum audit_start how) {
	struct audit_start_report report;
	struct audit_writer *writer = writer_open_report(scratch, &report);
	if (report.how != how)
		print_message("start %d: %s\n", (int)report.how, report.reason);
	assert_int_equal(report.how, how);
	return writer;
}

/* The entry with this index, always the same. */
static size_t entry_text(uint64_t index, char text[256]) {
	return (size_t)snprintf(text, 256, "{\"schema\":1,\"event\":{\"sequence\":%llu},\"filler\":\"%.*s\"}",
	    (unsigned long long)index, (int)(index * 7 % 100),
	    "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghij");
}

static void append_entries(struct audit_writer *writer, size_t count) {
	for (size_t i = 0; i < count; i++) {
		char text[256];
		uint64_t index = 0;
		size_t length = entry_text(audit_writer_size(writer), text);
		assert_int_equal(audit_writer_append(writer, text, length, &index), 0);
		assert_int_equal(index + 1, audit_writer_size(writer));
	}
}

static struct retention_log *reader_open(const struct scratch *scratch, const char *folder) {
	CLOSED_AT_END int fd = openat(scratch->fd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	struct retention_log *log = NULL;
	assert_int_equal(retention_log_open(fd, NULL, &log), 0);
	return log;
}

/* The log verifies, has this many entries, and each is what entry_text() says. */
static void assert_log(const struct scratch *scratch, const char *folder, uint64_t size) {
	struct retention_log *log = reader_open(scratch, folder);
	int result = retention_log_verify(log, NULL, NULL);
	if (result != 0)
		print_message("%s\n", retention_log_error(log));
	assert_int_equal(result, 0);
	struct retention_checkpoint checkpoint;
	assert_int_equal(retention_log_checkpoint(log, &checkpoint), 0);
	assert_int_equal(checkpoint.size, size);
	for (uint64_t index = 0; index < size; index++) {
		char text[256];
		const char *bytes = NULL;
		size_t length = 0;
		size_t expected = entry_text(index, text);
		assert_int_equal(retention_log_entry(log, index, &bytes, &length), 0);
		assert_int_equal(length, expected);
		assert_memory_equal(bytes, text, length);
	}
	retention_log_close(log);
}

static void file_change(const struct scratch *scratch, const char *path, off_t at, uint8_t change) {
	CLOSED_AT_END int fd = openat(scratch->fd, path, O_RDWR);
	assert_true(fd >= 0);
	uint8_t byte = 0;
	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= change;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
}

static bool file_exists(const struct scratch *scratch, const char *path) {
	struct stat facts;
	return fstatat(scratch->fd, path, &facts, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Appends an entry about the log itself, with the keys that the format has. */
static uint64_t append_about(struct audit_writer *writer, const char *action, const char *details) {
	char text[2048];
	uint64_t index = 0;
	int length = snprintf(text, sizeof text,
	    "{\"schema\":1,\"nonce\":\"000102030405060708090a0b0c0d0e0f\",\"event\":{\"sequence\":%llu,\"action\":\"%s\"},%"
	    "s}",
	    (unsigned long long)audit_writer_size(writer), action, details);
	assert_true(length > 0 && (size_t)length < sizeof text);
	assert_int_equal(audit_writer_append(writer, text, (size_t)length, &index), 0);
	return index;
}

/* Up to the entry; the next publish is the hand-over. */
static void rotate_begin(struct audit_writer *writer) {
	char vkey[512];
	char details[1400];
	assert_int_equal(audit_writer_next_key(writer, vkey, sizeof vkey), 0);
	(void)snprintf(details, sizeof details,
	    "\"key\":{\"epoch\":%llu,\"vkey\":\"%s\",\"previous\":\"%s\",\"first_size\":%llu}",
	    (unsigned long long)audit_writer_epoch(writer) + 1, vkey, audit_writer_vkey(writer),
	    (unsigned long long)audit_writer_size(writer) + 1);
	uint64_t index = append_about(writer, "key-rotated", details);
	assert_int_equal(audit_writer_hand_over(writer, index), 0);
}

static void rotate(struct audit_writer *writer) {
	rotate_begin(writer);
	assert_int_equal(audit_writer_publish(writer), 0);
}

/* The entry log-pruned, published; its index. */
static uint64_t prune_entry(struct audit_writer *writer, uint64_t below) {
	struct merkle_hash root;
	char base64[64];
	char details[200];
	assert_int_equal(audit_writer_publish(writer), 0);
	assert_int_equal(audit_writer_root(writer, below, &root), 0);
	(void)sodium_bin2base64(base64, sizeof base64, root.bytes, sizeof root.bytes, sodium_base64_VARIANT_ORIGINAL);
	(void)snprintf(
	    details, sizeof details, "\"pruned\":{\"below\":%llu,\"root\":\"%s\"}", (unsigned long long)below, base64);
	uint64_t index = append_about(writer, "log-pruned", details);
	assert_int_equal(audit_writer_publish(writer), 0);
	return index;
}

static bool keeps_nothing(const char *entry, size_t length, void *context) {
	(void)entry;
	(void)length;
	(void)context;
	return false;
}

static void prune(struct audit_writer *writer, uint64_t below) {
	assert_int_equal(audit_writer_prune_begin(writer, prune_entry(writer, below)), 0);
	struct audit_prune work = {.bundles = 1000, .keeps = keeps_nothing};
	assert_int_equal(audit_writer_prune(writer, &work), 0);
}

/* Verifies; the message of what does not hold goes to `error`. */
static int verify_with(const struct scratch *scratch, const char *folder, const char *keys, char error[512]) {
	CLOSED_AT_END int fd = openat(scratch->fd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	struct retention_log *log = NULL;
	error[0] = '\0';
	int result = retention_log_open(fd, keys, &log);
	if (result == 0) {
		result = retention_log_verify(log, NULL, NULL);
		(void)snprintf(error, 512, "%s", result == 0 ? "" : retention_log_error(log));
	}
	retention_log_close(log);
	return result;
}

/* ---- for tests that work in one folder each ---- */

static struct scratch scratch;

static int scratch_setup(void **state) {
	(void)state;
	scratch = scratch_make();
	return 0;
}

static int scratch_teardown(void **state) {
	(void)state;
	scratch_remove(&scratch);
	return 0;
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

/* Not inlined: gcc 12 then takes what strstr() finds in the text for a pointer to the local variable. */
__attribute__((noinline)) static char *scratch_text(const char *path) {
	char *text = NULL;
	size_t length = 0;
	assert_int_equal(descriptor_read_file(scratch.fd, path, 1 << 20, &text, &length), 0);
	return text;
}

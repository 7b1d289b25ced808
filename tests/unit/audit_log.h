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

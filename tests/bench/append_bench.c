/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Entries a second that are durable in the audit log, with the daemon's own writer, beside the same bytes appended to a
 * plain file with one fdatasync(2) for each batch: append_bench FOLDER BATCH MILLISECONDS prints both figures. They
 * alternate, a tenth of the time each.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/entry.h"
#include "audit/writer.h"
#include "base/clock.h"

/* As keeper does it: bundles, tiles and checkpoint when so many wait. */
enum { PUBLISH_AT = 256, TURNS = 10, BATCH_MAX = 1000 };

struct bench {
	struct audit_writer *writer;
	int plain; /* the file beside it */
	long batch;
	int64_t turn_us;
	long number;
	double entries[2], seconds[2];
};

static char *entry_make(long number, size_t *ret_length) {
	struct audit_stamp stamp = {.sequence = (uint64_t)number, .level = CLOCK_SYNCED};
	struct audit_actor actor = {
	    .is_set = true, .user_id = 1000, .user_name = "officer", .pid = 4711, .role = "officer"};
	clock_read(&stamp.clock);
	json_t *details = json_pack("{s:s, s:I}", "method", "footage.list", "start_us", (json_int_t)number * US_PER_SECOND);
	char *entry = audit_entry_format(&stamp, AUDIT_REQUEST, AUDIT_SUCCESS, NULL, &actor, details, ret_length);
	json_decref(details);
	return entry;
}

static int ours_append(struct bench *bench, const char *entry, size_t length) {
	uint64_t index = 0;
	return audit_writer_append(bench->writer, entry, length, &index);
}

static int theirs_append(struct bench *bench, const char *entry, size_t length) {
	if (write(bench->plain, entry, length) != (ssize_t)length || write(bench->plain, "\n", 1) != 1)
		return -errno;
	return 0;
}

static int ours_sync(struct bench *bench) {
	int error = audit_writer_sync(bench->writer);
	uint64_t waiting = audit_writer_size(bench->writer) - audit_writer_published(bench->writer);
	return error == 0 && waiting >= PUBLISH_AT ? audit_writer_publish(bench->writer) : error;
}

static int theirs_sync(struct bench *bench) {
	return fdatasync(bench->plain) < 0 ? -errno : 0;
}

/* One turn of ours (0) or theirs (1). */
static int turn(struct bench *bench, int which) {
	int64_t from_us = clock_elapsed_us(), now_us = from_us;
	long done = 0;
	int error = 0;
	while (error == 0 && now_us - from_us < bench->turn_us) {
		for (long i = 0; error == 0 && i < bench->batch; i++) {
			size_t length = 0;
			char *entry = entry_make(bench->number++, &length);
			error = entry == NULL ? -ENOMEM
			        : which == 0  ? ours_append(bench, entry, length)
			                      : theirs_append(bench, entry, length);
			free(entry);
		}
		if (error == 0)
			error = which == 0 ? ours_sync(bench) : theirs_sync(bench);
		done += bench->batch;
		now_us = clock_elapsed_us();
	}
	bench->entries[which] += (double)done;
	bench->seconds[which] += (double)(now_us - from_us) / US_PER_SECOND;
	return error;
}

int main(int count, char **arguments) {
	struct bench bench = {.plain = -1};
	int folder = count == 4 ? open(arguments[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	bench.batch = count == 4 ? strtol(arguments[2], NULL, 10) : 0;
	bench.turn_us = (count == 4 ? strtol(arguments[3], NULL, 10) : 0) * 1000 / TURNS;
	if (folder < 0 || bench.batch < 1 || bench.batch > BATCH_MAX || bench.turn_us < 1 || clock_open() != 0) {
		(void)fprintf(stderr, "usage: append_bench FOLDER BATCH MILLISECONDS\n");
		return 64;
	}
	struct audit_start_report report;
	int error = audit_writer_open(folder, "bench/retention/00000000", 0, &bench.writer, &report);
	bench.plain = openat(folder, "plain", O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	if (error == 0 && bench.plain < 0)
		error = -errno;
	for (int i = 0; error == 0 && i < TURNS; i++) {
		error = turn(&bench, 0);
		if (error == 0)
			error = turn(&bench, 1);
	}
	(void)audit_writer_close(bench.writer);
	if (error != 0) {
		(void)fprintf(stderr, "append_bench: %s\n", strerror(-error));
		return 1;
	}
	(void)printf("%.0f %.0f\n", bench.entries[0] / bench.seconds[0], bench.entries[1] / bench.seconds[1]);
	return 0;
}

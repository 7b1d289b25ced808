/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes an audit log of ENTRIES ordinary entries with the daemon's own writer: log_make STATE_FOLDER ENTRIES. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit/entry.h"
#include "audit/writer.h"
#include "base/clock.h"

enum { ENTRIES_A_SYNC = 4000 };

static int entry_append(struct audit_writer *writer, long number) {
	struct audit_stamp stamp = {.sequence = (uint64_t)number, .level = CLOCK_SYNCED};
	struct audit_actor actor = {
	    .is_set = true, .user_id = 1000, .user_name = "officer", .pid = 4711, .role = "officer"};
	/* Somebody to be looked for. */
	if (number % 1000 == 500)
		actor.user_name = "visitor";
	clock_read(&stamp.clock);
	json_t *details = json_pack("{s:s, s:I}", "method", "footage.list", "start_us", (json_int_t)number * US_PER_SECOND);
	size_t length = 0;
	char *entry = audit_entry_format(&stamp, AUDIT_REQUEST, AUDIT_SUCCESS, NULL, &actor, details, &length);
	json_decref(details);
	uint64_t index = 0;
	int error = entry == NULL ? -ENOMEM : audit_writer_append(writer, entry, length, &index);
	free(entry);
	if (error == 0 && number % ENTRIES_A_SYNC == ENTRIES_A_SYNC - 1)
		error = audit_writer_publish(writer);
	return error;
}

int main(int count, char **arguments) {
	long entries = count == 3 ? strtol(arguments[2], NULL, 10) : 0;
	int folder = count == 3 ? open(arguments[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	struct audit_writer *writer = NULL;
	struct audit_start_report report;
	if (entries < 1 || folder < 0 || clock_open() != 0) {
		(void)fprintf(stderr, "usage: log_make STATE_FOLDER ENTRIES\n");
		return 64;
	}
	int error = audit_writer_open(folder, "bench/retention/00000000", 0, &writer, &report);
	for (long i = 0; error == 0 && i < entries; i++)
		error = entry_append(writer, i);
	if (error == 0)
		error = audit_writer_publish(writer);
	(void)audit_writer_close(writer);
	(void)close(folder);
	if (error != 0)
		(void)fprintf(stderr, "log_make: %s\n", strerror(-error));
	return error == 0 ? 0 : 1;
}

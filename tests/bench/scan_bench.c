/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Measures the watcher program alone: scan_bench WATCHER ROOT [UID]. Plays supervisor and keeper,
 * counts what is told, and keeps only the folders, as keeper would send them after a restart.
 * Prints the first scan, then a restart on the same tree, each with the watcher's own peak memory.
 * Without UID nothing is dropped; with it the watcher gives up its rights and becomes that user.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/descriptor.h"
#include "ipc/message.h"
#include "program.h"
#include "settings/settings.h"

struct known {
	char *path;
	int64_t mtime_ns, ctime_ns;
};

struct bench {
	int channel;
	struct known *known;
	size_t count, room;
	uint64_t entries, listed;
	struct record_scan_end end;
	struct message message;
	struct message_writer out;
};

static void die(const char *what) {
	fprintf(stderr, "scan_bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static pid_t start(struct bench *bench, const char *program, const char *root, const char *uid) {
	pid_t child = program_start(program, &bench->channel);
	if (child < 0)
		die(program);
	char name[] = "bench";
	char zone[] = "UTC";
	char nothing[] = "";
	char *path = strdup(root);
	char problem[80];
	struct layout_pattern pattern = {.pattern = pattern_compile("%{name}", problem, sizeof problem)};
	struct layout layout = {.name = name, .title = name, .timezone = zone, .patterns = &pattern, .pattern_count = 1};
	struct root_settings settings_root = {.name = name, .path = path, .layout = &layout, .timezone = zone};
	struct settings settings = {.source = name,
	    .state_dir = name,
	    .run_dir = name,
	    .layouts_dir = name,
	    .roots = &settings_root,
	    .root_count = 1,
	    .retention = {.days = 30},
	    .has_retention = true};
	settings.holds.case_pattern = nothing;
	settings.clock.require = CLOCK_RTC;
	for (int i = 0; i < ROLE_COUNT; i++)
		settings.role_groups[i] = name;
	int fd = settings_seal(&settings);
	if (fd < 0) {
		errno = -fd;
		die("settings_seal");
	}
	struct record_start record = {.version = MESSAGE_VERSION, .drop = uid != NULL};
	if (uid != NULL)
		record.user = record.group = (uint32_t)strtoul(uid, NULL, 10);
	message_begin(&bench->out, MESSAGE_START);
	record_start_put(&bench->out.writer, &record);
	message_add_root(&bench->out, &(struct record_root){.root = 0});
	if (message_send_wait(bench->channel, &bench->out, &fd, 1) != 0)
		die("START");
	(void)close(fd);
	(void)pattern_free(pattern.pattern);
	free(path);
	return child;
}

static void remember(struct bench *bench, const struct record_folder_end *end) {
	if (bench->count == bench->room) {
		bench->room = bench->room == 0 ? 1024 : bench->room * 2;
		bench->known = realloc(bench->known, bench->room * sizeof *bench->known);
		if (bench->known == NULL)
			die("memory");
	}
	char *path = strndup(end->path.data, end->path.length);
	bench->known[bench->count++] = (struct known){path, end->mtime_ns, end->ctime_ns};
}

/* Takes messages until `until` came. */
static void take(struct bench *bench, enum message_type until, bool keep) {
	for (;;) {
		int received = message_receive_wait(bench->channel, &bench->message, -1);
		if (received <= 0) {
			errno = -received;
			die("the watcher ended");
		}
		struct record_folder folder;
		struct record_folder_end end;
		struct record_entry entry;
		struct record_root_found found;
		switch (bench->message.type) {
		case MESSAGE_LISTING:
			if (record_folder_get(&bench->message.reader, &folder))
				while (message_next_entry(&bench->message, &entry))
					bench->listed++;
			break;
		case MESSAGE_FOLDER_END:
			if (record_folder_end_get(&bench->message.reader, &end) && keep)
				remember(bench, &end);
			break;
		case MESSAGE_ROOT_FOUND:
			if (record_root_found_get(&bench->message.reader, &found))
				printf("%.*s %.*s error %u\n", (int)found.filesystem.length, found.filesystem.data,
				    (int)found.uuid.length, found.uuid.data, found.error);
			break;
		case MESSAGE_SCAN_END:
			(void)!record_scan_end_get(&bench->message.reader, &bench->end);
			break;
		default:
			break;
		}
		if (bench->message.type == until)
			return;
	}
}

static void run(struct bench *bench, const char *what, char **arguments, const char *uid) {
	int64_t began_us = clock_elapsed_us();
	pid_t child = start(bench, arguments[1], arguments[2], uid);
	take(bench, MESSAGE_ROOT_FOUND, false);
	int64_t found_us = clock_elapsed_us();
	bool first = bench->count == 0;
	for (size_t i = 0; i < bench->count;) {
		message_begin(&bench->out, MESSAGE_FOLDERS_KNOWN);
		record_root_put(&bench->out.writer, &(struct record_root){.root = 0});
		for (; i < bench->count && message_has_room(&bench->out); i++)
			message_add_known_folder(&bench->out, &(struct record_known_folder){.path = text_of(bench->known[i].path),
			                                          .mtime_ns = bench->known[i].mtime_ns,
			                                          .ctime_ns = bench->known[i].ctime_ns});
		if (message_send_wait(bench->channel, &bench->out, NULL, 0) != 0)
			die("FOLDERS_KNOWN");
	}
	message_begin(&bench->out, MESSAGE_SCAN);
	record_root_put(&bench->out.writer, &(struct record_root){.root = 0});
	if (message_send_wait(bench->channel, &bench->out, NULL, 0) != 0)
		die("SCAN");
	take(bench, MESSAGE_SCAN_END, first);
	int64_t done_us = clock_elapsed_us();
	char path[64];
	(void)snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)child);
	FILE *file = fopen(path, "re");
	char line[160];
	char memory[160] = "";
	while (file != NULL && fgets(line, sizeof line, file) != NULL)
		if (strncmp(line, "Pss:", 4) == 0)
			memcpy(memory, line, sizeof memory);
	if (file != NULL)
		(void)fclose(file);
	printf("%-8s %.3f s (and %.3f s to start): %llu folders, %llu read, %llu entries; %s", what,
	    (double)(done_us - found_us) / 1e6, (double)(found_us - began_us) / 1e6, (unsigned long long)bench->end.folders,
	    (unsigned long long)bench->end.folders_read, (unsigned long long)bench->end.entries, memory);
	(void)close(bench->channel);
	int status;
	struct rusage usage;
	if (wait4(child, &status, 0, &usage) != child || status != 0)
		die("the watcher failed");
	printf("         peak %ld kB, CPU %ld.%03ld s user %ld.%03ld s system\n", usage.ru_maxrss,
	    (long)usage.ru_utime.tv_sec, (long)usage.ru_utime.tv_usec / 1000, (long)usage.ru_stime.tv_sec,
	    (long)usage.ru_stime.tv_usec / 1000);
}

int main(int count, char **arguments) {
	if (count < 3 || count > 4) {
		fprintf(stderr, "usage: scan_bench WATCHER ROOT [UID]\n");
		return 64;
	}
	struct bench *bench = calloc(1, sizeof *bench);
	if (bench == NULL)
		die("memory");
	run(bench, "first", arguments, count == 4 ? arguments[3] : NULL);
	run(bench, "restart", arguments, count == 4 ? arguments[3] : NULL);
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Plays supervisor and keeper for prober or hasher, and times each answer, from the request until it is there:
 *   media_bench probe PROGRAM FILE header|streams|decode COUNT
 *   media_bench hash PROGRAM FILE COUNT
 * Prints the median in microseconds. The first answer, which loads what the library loads late, does not count.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "ipc/message.h"
#include "program.h"

enum { COUNT_MAX = 10000 };

static struct message message;
static struct message_writer out;

static void die(const char *what) {
	(void)fprintf(stderr, "media_bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static pid_t start(const char *program, int *ret_channel) {
	pid_t child = program_start(program, ret_channel);
	if (child < 0)
		die(program);
	/* As root it gives up its rights, as it does in service. */
	struct record_start record = {.version = MESSAGE_VERSION, .drop = geteuid() == 0, .user = 65534, .group = 65534};
	message_begin(&out, MESSAGE_START);
	record_start_put(&out.writer, &record);
	if (message_send_wait(*ret_channel, &out, NULL, 0) != 0)
		die("START");
	return child;
}

static void take(int channel, enum message_type type) {
	int received = message_receive_wait(channel, &message, -1);
	if (received <= 0 || message.type != type) {
		errno = received < 0 ? -received : EPROTO;
		die("no answer");
	}
}

static void ask_probe(int channel, int fd, uint32_t request, uint8_t grade) {
	message_begin(&out, MESSAGE_PROBE);
	record_probe_put(&out.writer, &(struct record_probe){.request = request, .grade = grade, .suffix = text_of("mp4")});
	if (message_send_wait(channel, &out, &fd, 1) != 0)
		die("PROBE");
	take(channel, MESSAGE_FACTS);
	struct record_facts facts;
	if (!record_facts_get(&message.reader, &facts) || facts.result != PROBE_READ || facts.duration_us <= 0) {
		(void)fprintf(
		    stderr, "media_bench: the file was not read: %.*s\n", (int)facts.reason.length, facts.reason.data);
		exit(1);
	}
}

static void ask_hash(int channel, int fd, uint32_t request) {
	message_begin(&out, MESSAGE_HASH);
	record_hash_put(&out.writer, &(struct record_hash){.request = request});
	if (message_send_wait(channel, &out, &fd, 1) != 0)
		die("HASH");
	take(channel, MESSAGE_HASHED);
	struct record_hashed hashed;
	if (!record_hashed_get(&message.reader, &hashed) || hashed.error != 0 || hashed.bytes == 0) {
		(void)fprintf(stderr, "media_bench: the file was not hashed\n");
		exit(1);
	}
}

static int by_size(const void *a, const void *b) {
	int64_t first = *(const int64_t *)a, second = *(const int64_t *)b;
	return first < second ? -1 : first > second;
}

int main(int count, char **arguments) {
	static int64_t took_us[COUNT_MAX];
	static const char *const grades[] = {
	    [PROBE_HEADER] = "header", [PROBE_STREAMS] = "streams", [PROBE_DECODE] = "decode"};
	bool probing = count == 6 && strcmp(arguments[1], "probe") == 0;
	long rounds = probing || count == 5 ? strtol(arguments[count - 1], NULL, 10) : 0;
	uint8_t grade = 0;
	while (probing && grade < ARRAY_LENGTH(grades) && strcmp(grades[grade], arguments[4]) != 0)
		grade++;
	if (rounds < 1 || rounds > COUNT_MAX || grade >= ARRAY_LENGTH(grades)) {
		(void)fprintf(
		    stderr, "usage: media_bench probe PROGRAM FILE GRADE COUNT, media_bench hash PROGRAM FILE COUNT\n");
		return 64;
	}
	int channel = -1;
	pid_t child = start(arguments[2], &channel);
	for (long i = -1; i < rounds; i++) {
		int fd = open(arguments[3], O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			die(arguments[3]);
		int64_t from_us = clock_elapsed_us();
		if (probing)
			ask_probe(channel, fd, (uint32_t)(i + 2), grade);
		else
			ask_hash(channel, fd, (uint32_t)(i + 2));
		if (i >= 0)
			took_us[i] = clock_elapsed_us() - from_us;
		(void)close(fd);
	}
	(void)close(channel);
	(void)waitpid(child, NULL, 0);
	qsort(took_us, (size_t)rounds, sizeof *took_us, by_size);
	(void)printf("%lld\n", (long long)took_us[rounds / 2]);
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzz target: probe_read() over a memfd with any bytes, in all grades. For libFuzzer
 * (LLVMFuzzerTestOneInput) and, with PROBE_FUZZ_MAIN, as a program that takes media files, changes
 * them at random for so many rounds and stops at the first answer that breaks a rule.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/descriptor.h"
#include "media/probe.h"

enum { INPUT_BYTES_MAX = 4 * 1024 * 1024, TIME_MOST_US = 10000000 };

static void check(bool holds, const char *rule) {
	if (holds)
		return;
	(void)fprintf(stderr, "probe_fuzz: broken rule: %s\n", rule);
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
	static const char *const suffixes[] = {"mp4", "mp3", "aac", ""};
	static struct probe_facts facts;
	static struct message_writer out;
	static struct message in;
	if (length > INPUT_BYTES_MAX)
		return 0;
	probe_open();
	int fd = memfd_create("probe-fuzz", MFD_CLOEXEC);
	check(fd >= 0 && descriptor_write_all(fd, bytes, length) == 0, "memfd");
	for (uint8_t grade = PROBE_HEADER; grade <= PROBE_DECODE; grade++) {
		struct record_probe request = {.grade = grade, .suffix = text_of(suffixes[length % 4])};
		int64_t began_us = clock_elapsed_us();
		probe_read(fd, &request, &facts);
		check(clock_elapsed_us() - began_us < TIME_MOST_US, "answers in time");
		check(facts.facts.duration_us >= 0 && facts.facts.start_us >= 0, "times are not negative");
		check(facts.facts.grade <= grade && facts.stream_count <= PROBE_STREAMS_MAX, "no more than was asked");
		check(facts.facts.result == PROBE_READ || facts.reason[0] != '\0', "a failure has a reason");
		message_begin(&out, MESSAGE_FACTS);
		record_facts_put(&out.writer, &facts.facts);
		for (size_t i = 0; i < facts.stream_count; i++)
			message_add_stream(&out, &facts.streams[i]);
		check(message_finish(&out, 0) == 0 && message_check(out.bytes, out.writer.used, 0, &in), "the answer is sound");
	}
	(void)close(fd);
	return 0;
}

#ifdef PROBE_FUZZ_MAIN
/* xorshift64: the same seed gives the same run. */
static uint64_t next_random(uint64_t *state) {
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Most changes go to the first 4 KiB and the last 64 KiB, where the structure is. */
static size_t pick_offset(uint64_t *random, size_t length) {
	size_t span = length;
	uint64_t where = next_random(random) % 4;
	if (where < 2 && span > 4096)
		span = 4096;
	size_t offset = (size_t)(next_random(random) % span);
	if (where == 2 && length > 65536)
		offset = length - 1 - (size_t)(next_random(random) % 65536);
	return offset;
}

static size_t change(uint8_t *bytes, size_t length, uint64_t *random) {
	static const uint8_t telling[] = {0x00, 0xff, 0x7f, 0x80, 0x01, 0x47};
	for (uint64_t i = next_random(random) % 12 + 1; i > 0; i--) {
		size_t at = pick_offset(random, length);
		uint64_t how = next_random(random);
		if (how % 3 == 0)
			bytes[at] = telling[how / 3 % sizeof telling];
		else if (how % 3 == 1)
			bytes[at] ^= (uint8_t)(1U << (how / 3 % 8));
		else
			memset(bytes + at, (int)(how / 3 % 256), length - at < 4 ? length - at : 4);
	}
	return next_random(random) % 8 == 0 ? pick_offset(random, length) + 1 : length;
}

int main(int argc, char **argv) {
	if (argc < 4) {
		(void)fprintf(stderr, "usage: probe_fuzz SEED ROUNDS FILE…\n");
		return 64;
	}
	uint64_t random = strtoull(argv[1], NULL, 10) | 1;
	unsigned long rounds = strtoul(argv[2], NULL, 10);
	for (unsigned long round = 0; round < rounds; round++) {
		char *bytes;
		size_t length;
		const char *path = argv[3 + round % (unsigned)(argc - 3)];
		if (descriptor_read_file(AT_FDCWD, path, INPUT_BYTES_MAX, &bytes, &length) < 0 || length == 0) {
			(void)fprintf(stderr, "probe_fuzz: cannot read '%s'\n", path);
			return 1;
		}
		(void)LLVMFuzzerTestOneInput((uint8_t *)bytes, change((uint8_t *)bytes, length, &random));
		free(bytes);
	}
	(void)printf("probe_fuzz: %lu rounds, no rule broken\n", rounds);
	return 0;
}
#endif

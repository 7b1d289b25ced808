/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Twin of clock.c for test builds only. RETENTION_TEST_CLOCK names a file of one line of text,
 * "wall_us boot_us boot_id synced has_rtc running", padded to 128 bytes, that a test rewrites in
 * place at any time. With running = 1, wall and boot advance with CLOCK_MONOTONIC since the line last changed.
 */
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { LINE_BYTES = 128 };

static const volatile char *injected;
static char last_line[LINE_BYTES];
static int64_t last_change_us;

int64_t clock_elapsed_us(void) {
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * US_PER_SECOND + now.tv_nsec / 1000;
}

int clock_open(void) {
	const char *path = getenv("RETENTION_TEST_CLOCK");
	if (path == NULL)
		return -ENOENT;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	void *mapping = mmap(NULL, LINE_BYTES, PROT_READ, MAP_SHARED, fd, 0);
	int error = mapping == MAP_FAILED ? -errno : 0;
	(void)close(fd);
	if (error != 0)
		return error;
	injected = mapping;
	return 0;
}

void clock_read(struct clock_reading *ret_reading) {
	char line[LINE_BYTES] = {0};
	for (size_t i = 0; i + 1 < LINE_BYTES; i++)
		line[i] = injected[i];
	if (memcmp(line, last_line, LINE_BYTES) != 0) {
		memcpy(last_line, line, LINE_BYTES);
		last_change_us = clock_elapsed_us();
	}
	struct clock_reading reading = {0};
	int synced = 0;
	int has_rtc = 0;
	int running = 0;
	(void)sscanf(line, "%" SCNd64 " %" SCNd64 " %36s %d %d %d", &reading.wall_us, &reading.boot_us, reading.boot_id,
	    &synced, &has_rtc, &running);
	int64_t passed_us = running ? clock_elapsed_us() - last_change_us : 0;
	reading.wall_us += passed_us;
	reading.boot_us += passed_us;
	reading.synced = synced != 0;
	reading.has_rtc = has_rtc != 0;
	*ret_reading = reading;
}

int64_t clock_wall_us(void) {
	struct clock_reading reading;
	clock_read(&reading);
	return reading.wall_us;
}

int64_t clock_boot_us(void) {
	struct clock_reading reading;
	clock_read(&reading);
	return reading.boot_us;
}

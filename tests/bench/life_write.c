/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A recorder and a clock that both go faster than time, for keeper linked with the injected clock:
 *   life_write CLOCK_FILE ROOT CAMERAS START SPEED LEAD SECONDS
 * The clock begins at START (seconds since 1970) and runs SPEED times as fast as real time, until this is killed.
 * From LEAD seconds of that clock on, for SECONDS of it, each camera closes a segment of ten seconds every ten seconds.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LINE_BYTES = 128, SEGMENT_S = 10, CONTENT_BYTES = 4096 };

static void die(const char *what) {
	(void)fprintf(stderr, "life_write: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int64_t elapsed_us(void) {
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void clock_set(char *line, int64_t start_us, int64_t passed_us) {
	char text[LINE_BYTES];
	memset(text, ' ', sizeof text);
	int length = snprintf(text, sizeof text, "%" PRId64 " %" PRId64 " 11111111-2222-3333-4444-555555555555 1 1 0",
	    start_us + passed_us, INT64_C(1000000000000) + passed_us);
	text[length] = ' ';
	memcpy(line, text, sizeof text - 1);
}

static void make_folders(char *path) {
	for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(path, 0755) < 0 && errno != EEXIST)
			die(path);
		*slash = '/';
	}
}

static void segment_write(const char *root, unsigned camera, time_t start_s) {
	static const char content[CONTENT_BYTES];
	char path[4096], day[24], name[24];
	struct tm start;
	if (gmtime_r(&start_s, &start) == NULL)
		die("time");
	(void)strftime(day, sizeof day, "%Y-%m-%d/%H", &start);
	(void)strftime(name, sizeof name, "%M.%S.mp4", &start);
	(void)snprintf(path, sizeof path, "%s/%s/camera-%02u/%s", root, day, camera, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0 && errno == ENOENT) {
		make_folders(path);
		fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	}
	struct timespec times[2] = {{.tv_sec = start_s + SEGMENT_S}, {.tv_sec = start_s + SEGMENT_S}};
	if (fd < 0 || write(fd, content, sizeof content) != (ssize_t)sizeof content || futimens(fd, times) < 0)
		die(path);
	(void)close(fd);
}

int main(int count, char **arguments) {
	if (count != 8) {
		(void)fprintf(stderr, "usage: life_write CLOCK_FILE ROOT CAMERAS START SPEED LEAD SECONDS\n");
		return 64;
	}
	unsigned cameras = (unsigned)strtoul(arguments[3], NULL, 10);
	int64_t start_us = strtoll(arguments[4], NULL, 10) * 1000000;
	int64_t speed = strtoll(arguments[5], NULL, 10), lead_us = strtoll(arguments[6], NULL, 10) * 1000000;
	int64_t end_us = lead_us + strtoll(arguments[7], NULL, 10) * 1000000;
	int fd = open(arguments[1], O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0 || ftruncate(fd, LINE_BYTES) < 0)
		die(arguments[1]);
	char *line = mmap(NULL, LINE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (line == MAP_FAILED)
		die(arguments[1]);
	int64_t began_us = elapsed_us(), passed_us = 0, next_us = lead_us + SEGMENT_S * INT64_C(1000000);
	unsigned camera = 0;
	/* The cameras take turns, as real ones are not in step. */
	for (;;) {
		passed_us = (elapsed_us() - began_us) * speed;
		clock_set(line, start_us, passed_us);
		while (next_us <= end_us && passed_us >= next_us) {
			segment_write(arguments[2], camera, (time_t)((start_us + next_us) / 1000000) - SEGMENT_S);
			camera = (camera + 1) % cameras;
			if (camera == 0)
				next_us += SEGMENT_S * INT64_C(1000000);
		}
		(void)usleep(10000);
	}
}

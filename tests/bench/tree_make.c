/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes a tree of segments in Frigate's layout (date/hour/camera/minute.second.mp4), each with the
 * mtime that its recorder would have left: tree_make ROOT CAMERAS SEGMENTS STEP_SECONDS NEWEST BYTES.
 * Each camera has one segment every STEP_SECONDS, the newest at NEWEST (seconds since 1970).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { CONTENT_BYTES_MAX = 1 << 20 };

static void die(const char *what) {
	(void)fprintf(stderr, "tree_make: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int make_folder(int above, const char *name) {
	if (mkdirat(above, name, 0755) < 0 && errno != EEXIST)
		die(name);
	int fd = openat(above, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		die(name);
	return fd;
}

static void make_segment(int folder, const struct tm *start, time_t start_s, const char *content, size_t bytes) {
	char name[32];
	(void)strftime(name, sizeof name, "%M.%S.mp4", start);
	int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		die(name);
	if (bytes > 0 && write(fd, content, bytes) != (ssize_t)bytes)
		die(name);
	struct timespec times[2] = {{.tv_sec = start_s + 10}, {.tv_sec = start_s + 10}};
	if (futimens(fd, times) < 0)
		die(name);
	(void)close(fd);
}

/* One camera, oldest first, a folder at a time. */
static void make_camera(int root, unsigned number, long segments, long step_s, time_t newest, size_t bytes) {
	static char content[CONTENT_BYTES_MAX];
	char camera[32], path[64] = "", last[64] = "";
	int folder = -1;
	(void)snprintf(camera, sizeof camera, "camera-%02u", number);
	for (long i = segments - 1; i >= 0; i--) {
		time_t start_s = newest - i * step_s;
		struct tm start;
		if (gmtime_r(&start_s, &start) == NULL)
			die("time");
		(void)strftime(path, sizeof path, "%Y-%m-%d %H", &start);
		if (strcmp(path, last) != 0) {
			char day[16], hour[8];
			(void)strftime(day, sizeof day, "%Y-%m-%d", &start);
			(void)strftime(hour, sizeof hour, "%H", &start);
			if (folder >= 0)
				(void)close(folder);
			int day_fd = make_folder(root, day);
			int hour_fd = make_folder(day_fd, hour);
			folder = make_folder(hour_fd, camera);
			(void)close(hour_fd);
			(void)close(day_fd);
			memcpy(last, path, sizeof last);
		}
		make_segment(folder, &start, start_s, content, bytes);
	}
	if (folder >= 0)
		(void)close(folder);
}

int main(int count, char **arguments) {
	if (count != 7) {
		(void)fprintf(stderr, "usage: tree_make ROOT CAMERAS SEGMENTS STEP_SECONDS NEWEST BYTES\n");
		return 64;
	}
	long cameras = strtol(arguments[2], NULL, 10), segments = strtol(arguments[3], NULL, 10);
	long step_s = strtol(arguments[4], NULL, 10), bytes = strtol(arguments[6], NULL, 10);
	long long newest = strtoll(arguments[5], NULL, 10);
	if (cameras < 1 || cameras > 99 || segments < 1 || step_s < 1 || bytes < 0 || bytes > CONTENT_BYTES_MAX) {
		(void)fprintf(stderr, "tree_make: a number is out of range\n");
		return 64;
	}
	int root = open(arguments[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		die(arguments[1]);
	for (long i = 0; i < cameras; i++)
		make_camera(root, (unsigned)i, segments / cameras + (i < segments % cameras ? 1 : 0), step_s, (time_t)newest,
		    (size_t)bytes);
	(void)close(root);
	return 0;
}

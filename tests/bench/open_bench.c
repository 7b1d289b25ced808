/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How long open(2) takes where others have a word in it.
 *   open_bench read FOLDER READERS MILLISECONDS    each reader opens and closes the files below FOLDER in turn
 *   open_bench new FOLDER READERS MILLISECONDS     the same, but each open is by a process that has just begun
 * print median and 99th percentile of one open in microseconds, and how many there were.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FILES_MAX = 1000, READERS_MAX = 64, BUCKETS = 200000, BUCKET_NS = 50 };

static char *files[FILES_MAX];
static size_t file_count;

struct shared {
	atomic_uint buckets[BUCKETS]; /* the last has all that took longer */
	atomic_uint failed;
};

static int64_t now_ns(void) {
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int file_add(const char *path, const struct stat *facts, int kind, struct FTW *where) {
	(void)facts;
	(void)where;
	if (kind == FTW_F && file_count < FILES_MAX)
		files[file_count++] = strdup(path);
	return 0;
}

static void open_once(struct shared *shared, const char *path) {
	int64_t from_ns = now_ns();
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int64_t bucket = (now_ns() - from_ns) / BUCKET_NS;
	if (fd < 0)
		atomic_fetch_add(&shared->failed, 1);
	else
		(void)close(fd);
	atomic_fetch_add(&shared->buckets[bucket < BUCKETS ? bucket : BUCKETS - 1], 1);
}

static void read_all(struct shared *shared, size_t first, int64_t end_ns, bool anew) {
	for (size_t i = first; now_ns() < end_ns; i++) {
		const char *path = files[i % file_count];
		if (!anew) {
			open_once(shared, path);
			continue;
		}
		pid_t pid = fork();
		if (pid == 0) {
			open_once(shared, path);
			_exit(0);
		}
		while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
}

/* In microseconds: below which this share of all opens stayed. */
static double percentile(const struct shared *shared, uint64_t total, double share) {
	uint64_t seen = 0;
	for (size_t i = 0; i < BUCKETS; i++) {
		seen += atomic_load(&shared->buckets[i]);
		if ((double)seen >= share * (double)total)
			return (double)(i + 1) * BUCKET_NS / 1000;
	}
	return (double)BUCKETS * BUCKET_NS / 1000;
}

static int measure(const char *folder, long readers, long milliseconds, bool anew) {
	struct shared *shared =
	    mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (shared == MAP_FAILED || nftw(folder, file_add, 16, FTW_PHYS) != 0 || file_count == 0) {
		(void)fprintf(stderr, "open_bench: no files below %s\n", folder);
		return 1;
	}
	int64_t end_ns = now_ns() + milliseconds * 1000000;
	for (long i = 0; i < readers; i++) {
		if (fork() == 0) {
			read_all(shared, (size_t)i * file_count / (size_t)readers, end_ns, anew);
			_exit(0);
		}
	}
	while (wait(NULL) > 0 || errno == EINTR)
		;
	uint64_t total = 0;
	for (size_t i = 0; i < BUCKETS; i++)
		total += atomic_load(&shared->buckets[i]);
	if (total == 0 || atomic_load(&shared->failed) > 0) {
		(void)fprintf(
		    stderr, "open_bench: %u of %llu opens failed\n", atomic_load(&shared->failed), (unsigned long long)total);
		return 1;
	}
	(void)printf(
	    "%.2f %.2f %llu\n", percentile(shared, total, 0.5), percentile(shared, total, 0.99), (unsigned long long)total);
	return 0;
}

int main(int count, char **arguments) {
	const char *what = count == 5 ? arguments[1] : "";
	long readers = count == 5 ? strtol(arguments[3], NULL, 10) : 0;
	long milliseconds = count == 5 ? strtol(arguments[4], NULL, 10) : 0;
	bool anew = strcmp(what, "new") == 0;
	if ((!anew && strcmp(what, "read") != 0) || readers < 1 || readers > READERS_MAX || milliseconds < 1) {
		(void)fprintf(stderr, "usage: open_bench read|new FOLDER READERS MILLISECONDS\n");
		return 64;
	}
	return measure(arguments[2], readers, milliseconds, anew);
}

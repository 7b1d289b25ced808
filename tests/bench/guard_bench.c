/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an open(2) costs under guard, beside responders that do as little as can be done:
 *
 *   guard_bench GUARD FOLDER [OPENS] [ROUNDS]
 *
 * FOLDER is an empty folder on a filesystem of its own. Prints, a line each: who answers, whether all ran
 * on one CPU, the number of readers, whether each open is by a process of its own, then median and 99th
 * percentile in microseconds.
 *
 *   none      nobody asks
 *   minimal   FAN_OPEN_PERM; reads an event, says yes
 *   pidfd     the same with FAN_REPORT_PIDFD, without which a process cannot be told from the next with its number
 *   proc      the same, and reads /proc/PID/status, exe and cgroup before it says yes
 *   guard     the program, told to a keeper that takes all
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ipc/message.h"
#include "ipc/pulse.h"
#include "program.h"
#include "settings/settings.h"

#ifndef FAN_REPORT_PIDFD
#define FAN_REPORT_PIDFD 0x80
#endif

enum {
	FILES = 1000,
	READERS_MAX = 8,
	OPENS_DEFAULT = 20000,
	ROUNDS_DEFAULT = 3,
	FRESH_DIVISOR = 20,
	SETTLE_US = 300000
};
enum responder { NONE, MINIMAL, PIDFD, PROC, GUARD, RESPONDERS };
static const char *const responder_names[RESPONDERS] = {"none", "minimal", "pidfd", "proc", "guard"};

struct plan {
	const char *guard;
	const char *folder;
	size_t opens;
	size_t rounds;
};

static void die(const char *what) {
	fprintf(stderr, "guard_bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void pin(bool pinned) {
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(0, &set);
	if (pinned && sched_setaffinity(0, sizeof set, &set) < 0)
		die("sched_setaffinity");
}

static int64_t now_ns(void) {
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* ---- who answers ---- */

static void file_read(const char *format, int pid) {
	char path[64], bytes[4096];
	(void)snprintf(path, sizeof path, format, pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	while (read(fd, bytes, sizeof bytes) > 0)
		;
	(void)close(fd);
}

static void proc_read(int pid) {
	char path[64], bytes[4096];
	file_read("/proc/%d/status", pid);
	file_read("/proc/%d/cgroup", pid);
	(void)snprintf(path, sizeof path, "/proc/%d/exe", pid);
	(void)!readlink(path, bytes, sizeof bytes);
}

static void event_answer(int group, const struct fanotify_event_metadata *event, enum responder who) {
	if (who == PROC)
		proc_read(event->pid);
	struct fanotify_response response = {.fd = event->fd, .response = FAN_ALLOW};
	(void)!write(group, &response, sizeof response);
	(void)close(event->fd);
	if (who != MINIMAL && event->event_len >= sizeof *event + 8) {
		int pidfd;
		memcpy(&pidfd, (const char *)event + event->metadata_len + 4, sizeof pidfd);
		if (pidfd >= 0)
			(void)close(pidfd);
	}
}

static void respond(const struct plan *plan, enum responder who, int ready) {
	_Alignas(8) char events[4096];
	unsigned flags = FAN_CLASS_CONTENT | FAN_CLOEXEC | FAN_UNLIMITED_QUEUE | (who == MINIMAL ? 0 : FAN_REPORT_PIDFD);
	int group = fanotify_init(flags, O_RDONLY | O_LARGEFILE | O_CLOEXEC);
	if (group < 0 ||
	    fanotify_mark(group, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_OPEN_PERM, AT_FDCWD, plan->folder) < 0)
		die("fanotify");
	(void)!write(ready, "", 1);
	for (;;) {
		ssize_t length = read(group, events, sizeof events);
		const struct fanotify_event_metadata *event = (const void *)events;
		for (; FAN_EVENT_OK(event, length); event = FAN_EVENT_NEXT(event, length))
			event_answer(group, event, who);
	}
}

/* ---- guard, and a keeper that takes all ---- */

static void keep(int channel, int ready) {
	static struct message message;
	for (bool told = false;;) {
		if (message_receive_wait(channel, &message, -1) <= 0)
			_exit(0);
		if (!told && message.type == MESSAGE_GUARD_COVERAGE) {
			struct record_guard_coverage coverage;
			told = true;
			if (!record_guard_coverage_get(&message.reader, &coverage) || coverage.level != GUARD_LEVEL_PERMISSION ||
			    coverage.by != GUARD_MARK_FILESYSTEM)
				die("guard cannot watch the whole filesystem here");
			/* It looks for what is open already first. */
			(void)usleep(SETTLE_US);
			(void)!write(ready, "", 1);
		}
	}
}

static int settings_make(const char *folder) {
	char name[] = "bench", zone[] = "UTC", nowhere[] = "/nonexistent";
	char *path = strdup(folder);
	char problem[80];
	struct layout_pattern pattern = {.pattern = pattern_compile("%{name}", problem, sizeof problem)};
	struct layout layout = {.name = name, .title = name, .timezone = zone, .patterns = &pattern, .pattern_count = 1};
	struct root_settings root = {.name = name, .path = path, .layout = &layout, .timezone = zone};
	struct settings settings = {.source = name,
	    .state_dir = nowhere,
	    .run_dir = nowhere,
	    .layouts_dir = nowhere,
	    .roots = &root,
	    .root_count = 1,
	    .retention = {.days = 30},
	    .has_retention = true,
	    .clock = {.require = CLOCK_RTC},
	    .log = {.rotate = {.days = 1}},
	    .guard = {.mode = GUARD_ATTRIBUTE}};
	settings.holds.case_pattern = name;
	for (int role = 0; role < ROLE_COUNT; role++)
		settings.role_groups[role] = name;
	int fd = settings_seal(&settings);
	if (fd < 0)
		die("settings");
	free(path);
	return fd;
}

static void guard_run(const struct plan *plan, int ready, bool pinned) {
	static struct message_writer out;
	int channel;
	pin(pinned);
	/* Readers are not children of guard's parent, so that they are nobody's own. */
	pid_t guard = program_start(plan->guard, &channel);
	if (guard < 0)
		die(plan->guard);
	int descriptors[] = {settings_make(plan->folder), pulse_make()};
	message_begin(&out, MESSAGE_START);
	record_start_put(&out.writer, &(struct record_start){.version = MESSAGE_VERSION, .drop = 1});
	if (message_send_wait(channel, &out, descriptors, 2) != 0)
		die("START");
	message_begin(&out, MESSAGE_GUARD_ROOTS);
	message_add_guard_root(&out, &(struct record_guard_root){.watched = 1});
	if (message_send_wait(channel, &out, NULL, 0) != 0)
		die("GUARD_ROOTS");
	keep(channel, ready);
}

/* ---- who opens ---- */

struct times {
	uint32_t *ns;
	size_t count;
};

static int folder_open(const struct plan *plan) {
	int fd = open(plan->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		die(plan->folder);
	return fd;
}

static uint32_t open_once(int folder, size_t number) {
	char name[16];
	(void)snprintf(name, sizeof name, "%zu", number % FILES);
	int64_t from = now_ns();
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
	int64_t to = now_ns();
	if (fd < 0)
		_exit(1);
	(void)close(fd);
	return (uint32_t)(to - from);
}

static void reader_run(int folder, uint32_t *ns, size_t count, bool fresh) {
	for (size_t i = 0; i < count; i++) {
		if (!fresh) {
			ns[i] = open_once(folder, i * 7);
			continue;
		}
		pid_t child = fork();
		if (child == 0) {
			ns[i] = open_once(folder, i * 7);
			_exit(0);
		}
		int status;
		if (child < 0 || waitpid(child, &status, 0) < 0 || status != 0)
			_exit(1);
	}
	_exit(0);
}

static void readers_run(const struct plan *plan, struct times *times, size_t readers, bool fresh) {
	int folder = folder_open(plan);
	size_t each = times->count / readers;
	pid_t children[READERS_MAX];
	for (size_t i = 0; i < readers; i++) {
		children[i] = fork();
		if (children[i] == 0)
			reader_run(folder, times->ns + i * each, each, fresh);
	}
	for (size_t i = 0; i < readers; i++) {
		int status;
		if (waitpid(children[i], &status, 0) < 0 || status != 0)
			die("a reader failed");
	}
	times->count = each * readers;
	(void)close(folder);
}

static int by_time(const void *a, const void *b) {
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
	return left < right ? -1 : left > right;
}

struct result {
	double median_us, high_us;
};

static struct result measure(const struct plan *plan, enum responder who, bool pinned, size_t readers, bool fresh) {
	size_t count = fresh ? plan->opens / FRESH_DIVISOR : plan->opens;
	uint32_t *ns = mmap(NULL, count * sizeof *ns, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int ready[2];
	if (ns == MAP_FAILED || pipe(ready) < 0)
		die("memory");
	pid_t responder = who == NONE ? -1 : fork();
	if (responder == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)close(ready[0]);
		if (who == GUARD)
			guard_run(plan, ready[1], pinned);
		pin(pinned);
		respond(plan, who, ready[1]);
	}
	(void)close(ready[1]);
	char byte;
	if (who != NONE && read(ready[0], &byte, 1) != 1)
		die("no responder");
	(void)close(ready[0]);
	pid_t openers = fork();
	struct times times = {.ns = ns, .count = count};
	if (openers == 0) {
		pin(pinned);
		readers_run(plan, &times, readers, fresh);
		_exit(0);
	}
	int status;
	if (waitpid(openers, &status, 0) < 0 || status != 0)
		die("the readers failed");
	if (responder > 0) {
		(void)kill(responder, SIGKILL);
		(void)waitpid(responder, NULL, 0);
	}
	times.count = count / readers * readers;
	qsort(ns, times.count, sizeof *ns, by_time);
	struct result result = {ns[times.count / 2] / 1000.0, ns[times.count * 99 / 100] / 1000.0};
	(void)munmap(ns, count * sizeof *ns);
	return result;
}

static int by_value(const void *a, const void *b) {
	double left = *(const double *)a, right = *(const double *)b;
	return left < right ? -1 : left > right;
}

/* All responders in turn, several times; the median of the rounds. */
static void compare(const struct plan *plan, bool pinned, size_t readers, bool fresh) {
	double medians[RESPONDERS][16], highs[RESPONDERS][16];
	for (size_t round = 0; round < plan->rounds; round++)
		for (enum responder who = NONE; who < RESPONDERS; who++) {
			struct result result = measure(plan, who, pinned, readers, fresh);
			medians[who][round] = result.median_us;
			highs[who][round] = result.high_us;
		}
	for (enum responder who = NONE; who < RESPONDERS; who++) {
		qsort(medians[who], plan->rounds, sizeof medians[who][0], by_value);
		qsort(highs[who], plan->rounds, sizeof highs[who][0], by_value);
		(void)printf("%-8s %-8s %zu %-5s %8.1f %8.1f\n", responder_names[who], pinned ? "pinned" : "free", readers,
		    fresh ? "new" : "known", medians[who][plan->rounds / 2], highs[who][plan->rounds / 2]);
	}
	(void)fflush(stdout);
}

static void files_make(const struct plan *plan) {
	int folder = folder_open(plan);
	for (int i = 0; i < FILES; i++) {
		char name[16];
		(void)snprintf(name, sizeof name, "%d", i);
		int fd = openat(folder, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
		if (fd < 0)
			die(name);
		(void)close(fd);
	}
	(void)close(folder);
}

int main(int count, char **arguments) {
	if (count < 3) {
		(void)fputs("usage: guard_bench GUARD FOLDER [OPENS] [ROUNDS]\n", stderr);
		return 2;
	}
	struct plan plan = {
	    .guard = arguments[1], .folder = arguments[2], .opens = OPENS_DEFAULT, .rounds = ROUNDS_DEFAULT};
	if (count > 3)
		plan.opens = strtoul(arguments[3], NULL, 10);
	if (count > 4)
		plan.rounds = strtoul(arguments[4], NULL, 10);
	if (plan.opens < 1000 || plan.rounds < 1 || plan.rounds > 16) {
		(void)fputs("guard_bench: at least 1000 opens, 1 to 16 rounds\n", stderr);
		return 2;
	}
	files_make(&plan);
	for (int fresh = 0; fresh < 2; fresh++)
		for (int pinned = 1; pinned >= 0; pinned--) {
			compare(&plan, pinned != 0, 1, fresh != 0);
			compare(&plan, pinned != 0, READERS_MAX, fresh != 0);
		}
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Crash campaign for the audit log: a writer that appends, syncs, publishes, changes its key and prunes is killed
 * at each of its writes, syncs, renames, unlinks and so on in turn, before it and (for a write) in the middle of it;
 * the start after it is killed at some such place, too. Then the log is opened once more and must hold:
 *   - it is continued, never renewed (but for a birth that was cut off before the first entry);
 *   - every entry that was acknowledged is there, or was pruned as an entry says;
 *   - it verifies from its first key alone;
 *   - it has grown out of every checkpoint that was handed out or could be read on the disk;
 *   - one key is left, and it goes on: another entry, another key.
 *
 *   log_crash FOLDER [STRIDE [FIRST]]    every STRIDEth place from FIRST on
 *
 * The calls are replaced when this is linked (--wrap), so that no tracing is needed and a run takes seconds.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sodium.h>

#include "audit/merkle.h"
#include "audit/writer.h"
#include "base/descriptor.h"
#include "retention/log.h"
#include "unit/tree.h"

enum { ENTRIES_MAX = 4096, NOTES_MAX = 64, NOTE_ROOM = 4096, FOLDER_MODE = 0700, EXIT_STOPPED = 3 };

/* What the child has told when it was killed. */
struct told {
	uint64_t calls;        /* made so far */
	uint64_t acknowledged; /* entries that a sync has returned for */
	struct merkle_hash leaves[ENTRIES_MAX];
	size_t note_count;
	char notes[NOTES_MAX][NOTE_ROOM];
	char first_key[512];
};
static struct told *told;
static uint64_t kill_at; /* 0: never */
static bool kill_within; /* a write is done by half */

/* True when this call is the one, and is a write to be done by half. */
static bool count_call(bool is_write) {
	told->calls++;
	if (told->calls != kill_at)
		return false;
	if (is_write && kill_within)
		return true;
	(void)raise(SIGKILL);
	return false;
}

#define WRAP(type, name, parameters, arguments) \
	type __real_##name parameters;              \
	type __wrap_##name parameters;              \
	type __wrap_##name parameters {             \
		(void)count_call(false);                \
		return __real_##name arguments;         \
	}
WRAP(int, fsync, (int fd), (fd))
WRAP(int, fdatasync, (int fd), (fd))
WRAP(int, renameat, (int old_fd, const char *old, int new_fd, const char *new), (old_fd, old, new_fd, new))
WRAP(int, unlinkat, (int fd, const char *path, int flags), (fd, path, flags))
WRAP(int, mkdirat, (int fd, const char *path, mode_t mode), (fd, path, mode))
WRAP(int, fchmod, (int fd, mode_t mode), (fd, mode))
WRAP(int, fallocate64, (int fd, int mode, off_t from, off_t length), (fd, mode, from, length))
WRAP(int, ftruncate64, (int fd, off_t length), (fd, length))

ssize_t __real_write(int fd, const void *bytes, size_t length);
ssize_t __wrap_write(int fd, const void *bytes, size_t length);
ssize_t __wrap_write(int fd, const void *bytes, size_t length) {
	if (count_call(true)) {
		(void)!__real_write(fd, bytes, length / 2);
		(void)raise(SIGKILL);
	}
	return __real_write(fd, bytes, length);
}

ssize_t __real_pwrite64(int fd, const void *bytes, size_t length, off_t at);
ssize_t __wrap_pwrite64(int fd, const void *bytes, size_t length, off_t at);
ssize_t __wrap_pwrite64(int fd, const void *bytes, size_t length, off_t at) {
	if (count_call(true)) {
		(void)!__real_pwrite64(fd, bytes, length / 2, at);
		(void)raise(SIGKILL);
	}
	return __real_pwrite64(fd, bytes, length, at);
}

/* ---- the writer ---- */

static void need(bool holds, const char *what) {
	if (holds)
		return;
	(void)fprintf(stderr, "log_crash: the writer cannot go on: %s\n", what);
	_exit(EXIT_STOPPED);
}

static uint64_t append(struct audit_writer *writer, const char *action, const char *details) {
	char text[2048];
	struct merkle_hash leaf;
	uint64_t index = 0;
	int length = snprintf(text, sizeof text,
	    "{\"schema\":1,\"nonce\":\"000102030405060708090a0b0c0d0e0f\",\"event\":{\"sequence\":%llu,\"action\":\"%s\"}%"
	    "s%s}",
	    (unsigned long long)audit_writer_size(writer), action, details[0] == '\0' ? "" : ",", details);
	merkle_leaf(text, (size_t)length, &leaf);
	need(audit_writer_append(writer, text, (size_t)length, &index) == 0 && index < ENTRIES_MAX, "append");
	told->leaves[index] = leaf;
	return index;
}

static void append_some(struct audit_writer *writer, size_t count) {
	while (count-- > 0)
		(void)append(writer, "request", "\"filler\":\"abcdefghijklmnopqrstuvwxyz\"");
}

static void acknowledge(struct audit_writer *writer) {
	need(audit_writer_sync(writer) == 0, "sync");
	told->acknowledged = audit_writer_size(writer);
}

static void hand_out(const char *note) {
	if (told->note_count == NOTES_MAX || strlen(note) >= NOTE_ROOM)
		return;
	(void)snprintf(told->notes[told->note_count], NOTE_ROOM, "%s", note);
	told->note_count++;
}

static void publish(struct audit_writer *writer) {
	need(audit_writer_publish(writer) == 0, "publish");
	told->acknowledged = audit_writer_size(writer);
	hand_out(audit_writer_checkpoint(writer));
}

static void rotate(struct audit_writer *writer) {
	char vkey[512];
	char details[1400];
	need(audit_writer_next_key(writer, vkey, sizeof vkey) == 0, "next key");
	(void)snprintf(details, sizeof details,
	    "\"key\":{\"epoch\":%llu,\"vkey\":\"%s\",\"previous\":\"%s\",\"first_size\":%llu}",
	    (unsigned long long)audit_writer_epoch(writer) + 1, vkey, audit_writer_vkey(writer),
	    (unsigned long long)audit_writer_size(writer) + 1);
	uint64_t index = append(writer, "key-rotated", details);
	need(audit_writer_hand_over(writer, index) == 0, "hand over");
	publish(writer);
}

static bool keeps_nothing(const char *entry, size_t length, void *context) {
	(void)entry, (void)length, (void)context;
	return false;
}

static void prune(struct audit_writer *writer, uint64_t below) {
	char root[64];
	char details[200];
	need(audit_writer_root_text(writer, below, root, sizeof root) == 0, "root");
	(void)snprintf(
	    details, sizeof details, "\"pruned\":{\"below\":%llu,\"root\":\"%s\"}", (unsigned long long)below, root);
	uint64_t index = append(writer, "log-pruned", details);
	publish(writer);
	need(audit_writer_prune_begin(writer, index) == 0, "begin to prune");
	struct audit_prune work = {.bundles = 100, .keeps = keeps_nothing};
	need(audit_writer_prune(writer, &work) == 0, "prune");
}

static struct audit_writer *open_writer(int state_fd, struct audit_start_report *report) {
	struct audit_writer *writer = NULL;
	need(audit_writer_open(state_fd, NULL, 65536, &writer, report) == 0, "open");
	if (told->first_key[0] == '\0')
		(void)snprintf(told->first_key, sizeof told->first_key, "%s", audit_writer_vkey(writer));
	return writer;
}

/* A life of a log: over the border of a tile, two keys, a pruning, a stop and a start. */
static void live(int state_fd) {
	struct audit_start_report report;
	struct audit_writer *writer = open_writer(state_fd, &report);
	append_some(writer, 3);
	acknowledge(writer);
	publish(writer);
	append_some(writer, 247);
	acknowledge(writer);
	append_some(writer, 2);
	acknowledge(writer);
	publish(writer);
	append_some(writer, 40);
	rotate(writer);
	append_some(writer, 250);
	acknowledge(writer);
	publish(writer);
	prune(writer, 293);
	append_some(writer, 5);
	acknowledge(writer);
	rotate(writer);
	append_some(writer, 4);
	(void)audit_writer_close(writer);
	writer = open_writer(state_fd, &report);
	append_some(writer, 6);
	rotate(writer);
	prune(writer, 550);
	(void)audit_writer_close(writer);
}

static void start_and_stop(int state_fd) {
	struct audit_start_report report;
	(void)audit_writer_close(open_writer(state_fd, &report));
}

/* True if the child was killed; false if it came to its end. */
static bool killed(void (*work)(int state_fd), int state_fd, uint64_t at, bool within) {
	told->calls = 0;
	pid_t child = fork();
	if (child == 0) {
		kill_at = at;
		kill_within = within;
		work(state_fd);
		_exit(0);
	}
	int status = 0;
	if (waitpid(child, &status, 0) != child || (WIFEXITED(status) && WEXITSTATUS(status) != 0) ||
	    (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)) {
		(void)fprintf(stderr, "log_crash: the writer ended with status %#x at call %llu\n", (unsigned)status,
		    (unsigned long long)at);
		exit(1);
	}
	return WIFSIGNALED(status);
}

/* ---- what must hold ---- */

static const char *fault(const char *what, const struct retention_log *log) {
	static char text[700];
	(void)snprintf(text, sizeof text, "%s: %s", what, log == NULL ? "" : retention_log_error(log));
	return text;
}

static const char *check_entries(struct retention_log *log, uint64_t acknowledged) {
	struct retention_log_facts facts;
	if (retention_log_facts(log, &facts) < 0)
		return fault("facts", log);
	if (facts.checkpoint.size < acknowledged)
		return "acknowledged entries are lost";
	for (uint64_t i = 0; i < acknowledged; i++) {
		const char *bytes = NULL;
		size_t length = 0;
		struct merkle_hash leaf;
		int error = retention_log_entry(log, i, &bytes, &length);
		if (error == -ENOENT && i < facts.pruned_below)
			continue;
		if (error < 0)
			return fault("an acknowledged entry cannot be read", log);
		merkle_leaf(bytes, length, &leaf);
		if (memcmp(leaf.bytes, told->leaves[i].bytes, sizeof leaf.bytes) != 0)
			return "an acknowledged entry is another one";
	}
	return NULL;
}

static const char *check_log(int state_fd, uint64_t acknowledged) {
	CLOSED_AT_END int fd = openat(state_fd, "log", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct retention_log *log = NULL;
	if (retention_log_open(fd, told->first_key, &log) < 0)
		return "the log cannot be opened";
	const char *found = retention_log_verify(log, NULL, NULL) < 0 ? fault("it does not verify", log) : NULL;
	for (size_t i = 0; found == NULL && i < told->note_count; i++)
		if (retention_log_check_checkpoint(log, told->notes[i], strlen(told->notes[i]), NULL) < 0)
			found = fault("a checkpoint that was handed out does not hold", log);
	if (found == NULL)
		found = check_entries(log, acknowledged);
	retention_log_close(log);
	return found;
}

static size_t count_keys(int state_fd) {
	size_t count = 0;
	int fd = openat(state_fd, "keys", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	if (folder == NULL)
		return 0;
	for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder))
		count += strncmp(entry->d_name, "epoch-", 6) == 0;
	(void)closedir(folder);
	return count;
}

/* The start after the crash, and that the log goes on. */
static const char *check(int state_fd, uint64_t acknowledged) {
	struct audit_start_report report;
	static char text[400];
	struct audit_writer *writer = open_writer(state_fd, &report);
	if (report.how == AUDIT_BROKEN_RENEWED && acknowledged > 0) {
		(void)snprintf(text, sizeof text, "it was renewed: %s", report.reason);
		return text;
	}
	if (report.how == AUDIT_BROKEN_RENEWED)
		(void)snprintf(told->first_key, sizeof told->first_key, "%s", audit_writer_vkey(writer));
	publish(writer);
	const char *found = check_log(state_fd, acknowledged);
	if (found != NULL)
		return found;
	if (count_keys(state_fd) != 1)
		return "not one key is left";
	append_some(writer, 2);
	rotate(writer);
	(void)audit_writer_close(writer);
	found = check_log(state_fd, told->acknowledged);
	return found == NULL && count_keys(state_fd) != 1 ? "not one key is left at last" : found;
}

/* What a reader may have seen on the disk was handed out. */
static void take_checkpoint(int state_fd) {
	char *note = NULL;
	size_t length = 0;
	if (descriptor_read_file(state_fd, "log/checkpoint", NOTE_ROOM - 1, &note, &length) == 0)
		hand_out(note);
	free(note);
}

/* One crash; 1: there were fewer calls than that. */
static int run(const char *folder, uint64_t at, bool within) {
	char path[512];
	(void)snprintf(path, sizeof path, "%s/state", folder);
	(void)tree_remove(path);
	memset(told, 0, sizeof *told);
	if (mkdir(path, FOLDER_MODE) < 0)
		return -errno;
	CLOSED_AT_END int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (!killed(live, fd, at, within))
		return 1;
	uint64_t acknowledged = told->acknowledged;
	take_checkpoint(fd);
	/* And again while it recovers: at a place that differs from crash to crash. */
	for (uint64_t i = 0; i < 3; i++) {
		if (killed(start_and_stop, fd, 1 + (at * 7 + i * 11) % 40, within))
			take_checkpoint(fd);
	}
	const char *found = check(fd, acknowledged);
	if (found == NULL)
		return 0;
	(void)fprintf(
	    stderr, "log_crash: killed %s call %llu: %s\n", within ? "within" : "before", (unsigned long long)at, found);
	return -EBADMSG;
}

int main(int count, char **values) {
	uint64_t stride = count > 2 ? strtoull(values[2], NULL, 10) : 1;
	uint64_t first = count > 3 ? strtoull(values[3], NULL, 10) : 1;
	if (count < 2 || stride == 0 || first == 0 || sodium_init() < 0) {
		(void)fprintf(stderr, "log_crash FOLDER [STRIDE [FIRST]]\n");
		return 64;
	}
	told = mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (told == MAP_FAILED)
		return 1;
	uint64_t crashes = 0;
	for (int within = 0; within < 2; within++) {
		int result = 0;
		for (uint64_t at = first; result == 0; at += stride) {
			result = run(values[1], at, within == 1);
			crashes += result == 0;
		}
		if (result < 0)
			return 1;
	}
	(void)printf("%llu crashes, every one recovered\n", (unsigned long long)crashes);
	return crashes > 0 ? 0 : 1;
}

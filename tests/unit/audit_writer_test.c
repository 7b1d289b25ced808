/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The writer: what is durable stays, through kills at random moments, torn and damaged write-ahead
 * files, full disks; what does not hold is set aside and never signed over.
 */
#include "audit/writer.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#include "audit/note.h"
#include "audit_log.h"

static mode_t mode_of(const char *path) {
	struct stat facts;
	assert_int_equal(fstatat(scratch.fd, path, &facts, AT_SYMLINK_NOFOLLOW), 0);
	return facts.st_mode & 07777;
}

static void test_new_log(void **state) {
	(void)state;
	mode_t old_mask = umask(077);
	struct audit_writer *writer = writer_open_as(&scratch, AUDIT_STARTED_NEW);
	assert_non_null(strstr(audit_writer_origin(writer), "/retention/"));
	append_entries(writer, 700);
	assert_int_equal(audit_writer_published(writer), 0);
	assert_int_equal(audit_writer_publish(writer), 0);
	assert_int_equal(audit_writer_published(writer), 700);
	(void)umask(old_mask);
	static const struct {
		const char *path;
		mode_t mode;
	} rows[] = {
	    {"keys", 0700},
	    {"keys/epoch-0.seed", 0600},
	    {"log", 0755},
	    {"log/checkpoint", 0644},
	    {"log/vkeys", 0644},
	    {"log.vkeys", 0644},
	    {"log/tile", 0755},
	    {"log/tile/0", 0755},
	    {"log/tile/0/002.p", 0755},
	    {"log/tile/0/002.p/188", 0644},
	    {"log/tile/entries/000", 0644},
	    {"log/tile/entries/002.p/188", 0644},
	    {"log/tile/1/000.p/2", 0644},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_int_equal(mode_of(rows[i].path), rows[i].mode);
	char *note = NULL;
	size_t length = 0;
	assert_int_equal(descriptor_read_file(scratch.fd, "log/checkpoint", 4096, &note, &length), 0);
	assert_string_equal(note, audit_writer_checkpoint(writer));
	free(note);
	assert_null(audit_writer_close(writer));
	assert_log(&scratch, "log", 700);
}

static void test_given_origin(void **state) {
	(void)state;
	struct audit_start_report report;
	struct audit_writer *writer = NULL;
	assert_int_equal(audit_writer_open(scratch.fd, "a b", 0, &writer, &report), -EINVAL);
	scratch_remove(&scratch);
	scratch = scratch_make();
	assert_int_equal(audit_writer_open(scratch.fd, "example.test/box", 0, &writer, &report), 0);
	assert_string_equal(audit_writer_origin(writer), "example.test/box");
	assert_memory_equal(audit_writer_vkey(writer), "example.test/box+", 17);
	assert_null(audit_writer_close(writer));
}

static void test_limits(void **state) {
	(void)state;
	struct audit_writer *writer = writer_open_as(&scratch, AUDIT_STARTED_NEW);
	char *text = calloc(1, AUDIT_ENTRY_BYTES_MAX + 1);
	memset(text, 'x', AUDIT_ENTRY_BYTES_MAX + 1);
	uint64_t index = 9;
	assert_int_equal(audit_writer_append(writer, text, AUDIT_ENTRY_BYTES_MAX + 1, &index), -EMSGSIZE);
	assert_int_equal(audit_writer_append(writer, text, 0, &index), -EINVAL);
	assert_int_equal(audit_writer_append(writer, "{\n}", 3, &index), -EINVAL);
	assert_int_equal(index, 9);
	assert_int_equal(audit_writer_append(writer, text, AUDIT_ENTRY_BYTES_MAX, &index), 0);
	assert_int_equal(index, 0);
	assert_null(audit_writer_close(writer));
	free(text);
}

/* Every size on the way over a tile's border, published one by one, leaves only the newest partial files. */
static void test_partials_are_replaced(void **state) {
	(void)state;
	struct audit_writer *writer = writer_open_as(&scratch, AUDIT_STARTED_NEW);
	append_entries(writer, 250);
	for (uint64_t size = 250; size < 262; size++) {
		assert_int_equal(audit_writer_publish(writer), 0);
		for (uint64_t width = 249; width < 256; width++) {
			char path[64];
			(void)snprintf(path, sizeof path, "log/tile/entries/000.p/%d", (int)width);
			assert_int_equal(file_exists(&scratch, path), width == size);
			(void)snprintf(path, sizeof path, "log/tile/0/000.p/%d", (int)width);
			assert_int_equal(file_exists(&scratch, path), width == size);
		}
		assert_log(&scratch, "log", size);
		append_entries(writer, 1);
	}
	assert_false(file_exists(&scratch, "log/tile/0/000.p"));
	assert_true(file_exists(&scratch, "log/tile/0/000"));
	assert_null(audit_writer_close(writer));
}

static void test_reopen_many(void **state) {
	(void)state;
	uint64_t size = 0;
	for (int i = 0; i < 40; i++) {
		struct audit_writer *writer = writer_open_as(&scratch, i == 0 ? AUDIT_STARTED_NEW : AUDIT_CONTINUED);
		assert_int_equal(audit_writer_size(writer), size);
		size_t count = (size_t)(i * i % 300);
		append_entries(writer, count);
		size += count;
		assert_null(audit_writer_close(writer));
	}
	assert_log(&scratch, "log", size);
}

/* More than a second level, and more pending than one bundle. */
static void test_two_levels(void **state) {
	(void)state;
	struct audit_writer *writer = writer_open_as(&scratch, AUDIT_STARTED_NEW);
	append_entries(writer, 70000);
	assert_null(audit_writer_close(writer));
	static const char *const there[] = {
	    "log/tile/0/272", "log/tile/0/273.p/112", "log/tile/1/000", "log/tile/1/001.p/17", "log/tile/2/000.p/1"};
	for (size_t i = 0; i < sizeof there / sizeof *there; i++)
		assert_true(file_exists(&scratch, there[i]));
	assert_log(&scratch, "log", 70000);
	assert_null(audit_writer_close(writer_open_as(&scratch, AUDIT_CONTINUED)));
}

/* Runs `work` in a child that ends without closing the writer, as a power cut would. */
static void in_child(void (*work)(struct audit_writer *writer)) {
	pid_t child = fork();
	if (child == 0) {
		struct audit_start_report report;
		struct audit_writer *writer = NULL;
		if (audit_writer_open(scratch.fd, NULL, 0, &writer, &report) < 0)
			_exit(1);
		work(writer);
		_exit(0);
	}
	int status = 0;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void work_sync_some(struct audit_writer *writer) {
	append_entries(writer, 300);
	assert_int_equal(audit_writer_publish(writer), 0);
	append_entries(writer, 5);
	assert_int_equal(audit_writer_sync(writer), 0);
	append_entries(writer, 2);
	assert_int_equal(audit_writer_sync(writer), 0);
	append_entries(writer, 3); /* never synced */
}

static void test_replay(void **state) {
	(void)state;
	in_child(work_sync_some);
	struct audit_start_report report;
	struct audit_writer *writer = writer_open_report(&scratch, &report);
	assert_int_equal(report.how, AUDIT_RECOVERED);
	assert_int_equal(report.size, 307);
	assert_int_equal(report.replayed, 7);
	assert_false(report.torn);
	assert_int_equal(audit_writer_published(writer), 300);
	assert_null(audit_writer_close(writer));
	assert_log(&scratch, "log", 307);
}

/* Where record `number` of the write-ahead file begins; the first is entry `first`. */
static off_t record_offset(uint64_t first, unsigned number) {
	off_t at = 0;
	for (unsigned i = 0; i < number; i++) {
		char text[256];
		at += 16 + (off_t)entry_text(first + i, text);
	}
	return at;
}

static void test_torn_tail(void **state) {
	(void)state;
	in_child(work_sync_some);
	file_change(&scratch, "log-pending", record_offset(300, 6) + 20, 1);
	struct audit_start_report report;
	struct audit_writer *writer = writer_open_report(&scratch, &report);
	assert_int_equal(report.how, AUDIT_RECOVERED);
	assert_int_equal(report.size, 306);
	assert_true(report.torn);
	assert_string_equal(report.reason, "");
	append_entries(writer, 4);
	assert_null(audit_writer_close(writer));
	assert_log(&scratch, "log", 310);
}

static void test_damage_in_the_middle(void **state) {
	(void)state;
	in_child(work_sync_some);
	file_change(&scratch, "log-pending", record_offset(300, 2) + 20, 1);
	struct audit_start_report report;
	struct audit_writer *writer = writer_open_report(&scratch, &report);
	assert_int_equal(report.how, AUDIT_RECOVERED);
	assert_int_equal(report.size, 302);
	assert_true(report.torn);
	assert_non_null(strstr(report.reason, "damaged at entry 302: 4 later entries"));
	assert_true(file_exists(&scratch, "log-pending.damaged-1"));
	assert_null(audit_writer_close(writer));
}

static void work_three(struct audit_writer *writer) {
	append_entries(writer, 3);
	assert_int_equal(audit_writer_sync(writer), 0);
}

static void work_one(struct audit_writer *writer) {
	append_entries(writer, 1);
	assert_int_equal(audit_writer_sync(writer), 0);
}

/* A cut-off entry's successor must not come back behind the entry that took its place. */
static void test_cut_entries_stay_cut(void **state) {
	(void)state;
	in_child(work_three);
	file_change(&scratch, "log-pending", record_offset(0, 0) + 20, 1);
	in_child(work_one); /* writes the same entry 0 over the torn one */
	struct audit_start_report report;
	struct audit_writer *writer = writer_open_report(&scratch, &report);
	assert_int_equal(report.size, 1);
	assert_false(report.torn);
	assert_string_equal(report.reason, "");
	assert_null(audit_writer_close(writer));
	assert_log(&scratch, "log", 1);
}

/* Records of an earlier round lie behind those of the new one. */
static void work_two_rounds(struct audit_writer *writer) {
	append_entries(writer, 100);
	assert_int_equal(audit_writer_publish(writer), 0);
	append_entries(writer, 1);
	assert_int_equal(audit_writer_sync(writer), 0);
}

static void test_earlier_round_is_not_replayed(void **state) {
	(void)state;
	in_child(work_two_rounds);
	struct audit_start_report report;
	struct audit_writer *writer = writer_open_report(&scratch, &report);
	assert_int_equal(report.size, 101);
	assert_int_equal(report.replayed, 1);
	assert_false(report.torn);
	assert_null(audit_writer_close(writer));
}

static void test_missing_write_ahead_file(void **state) {
	(void)state;
	in_child(work_sync_some);
	assert_int_equal(unlinkat(scratch.fd, "log-pending", 0), 0);
	struct audit_start_report report;
	struct audit_writer *writer = writer_open_report(&scratch, &report);
	assert_int_equal(report.how, AUDIT_RECOVERED);
	assert_int_equal(report.size, 300);
	assert_non_null(strstr(report.reason, "log-pending was missing"));
	assert_null(audit_writer_close(writer));
}

/* ---- what does not hold ---- */

static void make_log(size_t count) {
	struct audit_writer *writer = writer_open_as(&scratch, AUDIT_STARTED_NEW);
	append_entries(writer, count);
	assert_null(audit_writer_close(writer));
}

static void assert_renewed(const char *expected) {
	char *old_key = NULL;
	size_t length = 0;
	(void)!descriptor_read_file(scratch.fd, "keys/epoch-0.seed", 64, &old_key, &length);
	struct audit_start_report report;
	struct audit_writer *writer = writer_open_report(&scratch, &report);
	if (report.how != AUDIT_BROKEN_RENEWED || strstr(report.reason, expected) == NULL)
		fail_msg("start %d, '%s' does not say '%s'", (int)report.how, report.reason, expected);
	assert_non_null(strstr(report.reason, "log.broken-1"));
	assert_int_equal(report.size, 0);
	assert_true(file_exists(&scratch, "log.broken-1"));
	char *new_key = NULL;
	assert_int_equal(descriptor_read_file(scratch.fd, "keys/epoch-0.seed", 64, &new_key, &length), 0);
	assert_true(old_key == NULL || memcmp(old_key, new_key, 32) != 0);
	free(old_key);
	free(new_key);
	/* Cut off before the first entry said so: told again. */
	assert_null(audit_writer_close(writer));
	writer = writer_open_as(&scratch, AUDIT_BROKEN_RENEWED);
	append_entries(writer, 3);
	assert_null(audit_writer_close(writer));
	assert_null(audit_writer_close(writer_open_as(&scratch, AUDIT_CONTINUED)));
	assert_log(&scratch, "log", 3);
}

struct damage {
	const char *path;
	off_t at; /* byte to change; -1: remove the file */
	const char *reason;
};

static void test_damage_renews(void **state) {
	(void)state;
	static const struct damage rows[] = {
	    {"log/tile/0/002.p/188", 40, "do not give the root that was signed"},
	    {"log/tile/0/002.p/188", -1, "tile/0/002.p/188 is missing"},
	    {"log/tile/0/001", 100, "tile/0/001 does not give its hash in the level above"},
	    {"log/tile/0/000", 100, "tile/0/000 does not give its hash in the level above"},
	    {"log/tile/1/000.p/2", 3, "do not give the root that was signed"},
	    {"log/tile/1/000.p/2", -1, "tile/1/000.p/2 is missing"},
	    {"log/tile/entries/002.p/188", 20, "entry 512 in tile/entries/002.p/188 is not the one in the tiles"},
	    {"log/tile/entries/002.p/188", 0, "tile/entries/002.p/188 does not have the length"},
	    {"log/tile/entries/002.p/188", -1, "tile/entries/002.p/188 is missing"},
	    {"log/checkpoint", 1, "checkpoint is not signed by this log's key"},
	    {"log-state", 1, "log-state cannot be understood"},
	    {"log-state", -1, "log-state is missing"},
	    {"keys/epoch-0.seed", -1, "keys/epoch-0.seed is missing"},
	    {"keys/epoch-0.seed", 5, "checkpoint is not signed by this log's key"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		make_log(700);
		if (rows[i].at < 0)
			assert_int_equal(unlinkat(scratch.fd, rows[i].path, 0), 0);
		else
			file_change(&scratch, rows[i].path, rows[i].at, 1);
		assert_renewed(rows[i].reason);
		scratch_remove(&scratch);
		scratch = scratch_make();
	}
}

static void test_missing_log_renews(void **state) {
	(void)state;
	make_log(10);
	assert_int_equal(renameat(scratch.fd, "log", scratch.fd, "elsewhere"), 0);
	assert_renewed("log/ is missing although log-state is there");
}

/* Set aside whole: the old log verifies where it lies now. */
static void test_old_log_stays_readable(void **state) {
	(void)state;
	make_log(700);
	assert_int_equal(unlinkat(scratch.fd, "keys/epoch-0.seed", 0), 0);
	assert_renewed("keys/epoch-0.seed is missing");
	assert_log(&scratch, "log.broken-1", 700);
	assert_true(file_exists(&scratch, "log.broken-1/log-state"));
	assert_true(file_exists(&scratch, "log.broken-1/log-pending"));
}

/* A folder put back from an older copy: the state file remembers more, or the write-ahead file does. */
static void test_older_copy_renews(void **state) {
	(void)state;
	make_log(100);
	char *note = NULL;
	char *old_state = NULL;
	size_t length = 0;
	size_t state_length = 0;
	assert_int_equal(descriptor_read_file(scratch.fd, "log/checkpoint", 4096, &note, &length), 0);
	assert_int_equal(descriptor_read_file(scratch.fd, "log-state", 4096, &old_state, &state_length), 0);
	struct audit_writer *writer = writer_open_as(&scratch, AUDIT_CONTINUED);
	append_entries(writer, 50);
	assert_int_equal(audit_writer_publish(writer), 0);
	append_entries(writer, 1);
	assert_null(audit_writer_close(writer));
	/* The state alone: the checkpoint is larger than what was signed last. */
	char *new_state = NULL;
	size_t new_length = 0;
	assert_int_equal(descriptor_read_file(scratch.fd, "log-state", 4096, &new_state, &new_length), 0);
	/* State and checkpoint both: the write-ahead file begins later. */
	assert_int_equal(descriptor_replace_file(scratch.fd, "log-state", old_state, state_length), 0);
	assert_int_equal(descriptor_replace_file(scratch.fd, "log/checkpoint", note, length), 0);
	free(note);
	free(old_state);
	free(new_state);
	assert_renewed("put back to an older state");
}

static void test_missing_checkpoint_is_signed_again(void **state) {
	(void)state;
	make_log(100);
	char *note = NULL;
	char *again = NULL;
	size_t length = 0;
	assert_int_equal(descriptor_read_file(scratch.fd, "log/checkpoint", 4096, &note, &length), 0);
	assert_int_equal(unlinkat(scratch.fd, "log/checkpoint", 0), 0);
	struct audit_start_report report;
	struct audit_writer *writer = writer_open_report(&scratch, &report);
	assert_int_equal(report.how, AUDIT_RECOVERED);
	assert_non_null(strstr(report.reason, "checkpoint was missing"));
	assert_null(audit_writer_close(writer));
	assert_int_equal(descriptor_read_file(scratch.fd, "log/checkpoint", 4096, &again, &length), 0);
	assert_string_equal(note, again);
	free(note);
	free(again);
}

/* ---- kills ---- */

/* What the child has promised, in memory that outlives it. */
struct promise {
	volatile uint64_t synced;
	volatile bool opened;
};

/* Kills the child: at once after `us`, or so long after it has opened the log. */
static void kill_after(pid_t child, const struct promise *promise, bool wait_for_open, long us) {
	for (int i = 0; wait_for_open && !promise->opened && i < 10000; i++)
		(void)nanosleep(&(struct timespec){.tv_nsec = 1000 * 1000}, NULL);
	(void)nanosleep(&(struct timespec){.tv_nsec = us * 1000}, NULL);
	(void)kill(child, SIGKILL);
	int status = 0;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
}

static void child_works(const struct scratch *where, struct promise *promise, unsigned seed) {
	struct audit_start_report report;
	struct audit_writer *writer = NULL;
	if (audit_writer_open(where->fd, NULL, 64 * 1024, &writer, &report) < 0 || report.how == AUDIT_BROKEN_RENEWED)
		_exit(1);
	promise->opened = true;
	for (;;) {
		seed = seed * 1103515245 + 12345;
		append_entries(writer, seed >> 16 & 31);
		if (audit_writer_sync(writer) < 0)
			_exit(2);
		promise->synced = audit_writer_size(writer);
		if ((seed >> 24 & 3) == 0 && audit_writer_publish(writer) < 0)
			_exit(3);
	}
}

static void test_kills(void **state) {
	(void)state;
	const char *wanted = getenv("AUDIT_KILLS");
	unsigned rounds = wanted == NULL ? 60 : (unsigned)strtoul(wanted, NULL, 10);
	struct promise *promise = mmap(NULL, sizeof *promise, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(promise != MAP_FAILED);
	make_log(1);
	uint64_t last_size = 0;
	uint8_t last_root[32] = {0};
	for (unsigned round = 0; round < rounds; round++) {
		promise->opened = false;
		pid_t child = fork();
		if (child == 0)
			child_works(&scratch, promise, round);
		/* One in four while it opens, the others while it works. */
		kill_after(child, promise, round % 4 != 0, (long)(round * 7919 % 61) * 1000);
		/* As the kill left it: whatever was published verifies and grew out of what was published before. */
		struct retention_log *log = reader_open(&scratch, "log");
		struct retention_checkpoint checkpoint;
		int result = retention_log_verify(log, NULL, NULL);
		if (result != 0)
			fail_msg("round %u: %s", round, retention_log_error(log));
		assert_int_equal(retention_log_checkpoint(log, &checkpoint), 0);
		uint8_t proof[64][32];
		int count = retention_log_consistency(log, last_size, checkpoint.size, proof);
		assert_true(count >= 0);
		if (last_size > 0)
			assert_true(merkle_verify_consistency(last_size, checkpoint.size, (const struct merkle_hash *)last_root,
			    (const struct merkle_hash *)checkpoint.root, (const struct merkle_hash *)proof, (size_t)count));
		last_size = checkpoint.size;
		memcpy(last_root, checkpoint.root, sizeof last_root);
		retention_log_close(log);
	}
	struct audit_start_report report;
	struct audit_writer *writer = writer_open_report(&scratch, &report);
	if (report.how == AUDIT_BROKEN_RENEWED)
		fail_msg("renewed: %s", report.reason);
	assert_true(promise->synced > rounds);
	assert_true(report.size >= promise->synced);
	print_message("%u kills, %llu entries\n", rounds, (unsigned long long)report.size);
	assert_null(audit_writer_close(writer));
	assert_log(&scratch, "log", report.size);
	(void)munmap(promise, sizeof *promise);
}

/* Killed while a first log is made: the next start makes one, and nothing is signed twice. */
static void test_kills_at_birth(void **state) {
	(void)state;
	for (unsigned round = 0; round < 20; round++) {
		struct promise unused = {0};
		pid_t child = fork();
		if (child == 0) {
			child_works(&scratch, &unused, round);
			_exit(0);
		}
		kill_after(child, &unused, false, (long)round * 400);
		struct audit_start_report report;
		struct audit_writer *writer = writer_open_report(&scratch, &report);
		assert_null(audit_writer_close(writer));
		struct retention_log *log = reader_open(&scratch, "log");
		assert_int_equal(retention_log_verify(log, NULL, NULL), 0);
		retention_log_close(log);
		scratch_remove(&scratch);
		scratch = scratch_make();
	}
}

/* ---- a disk that refuses ---- */

/* Files may not grow past 1.5 MiB: the write-ahead file hits it while tiles still fit. */
static void refuse_growth(rlim_t bytes) {
	struct rlimit limit;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void test_refused_writes_lose_nothing(void **state) {
	(void)state;
	(void)signal(SIGXFSZ, SIG_IGN);
	struct audit_writer *writer = writer_open_as(&scratch, AUDIT_STARTED_NEW);
	append_entries(writer, 10);
	assert_int_equal(audit_writer_sync(writer), 0);
	/* No file can be written at all. */
	refuse_growth(0);
	append_entries(writer, 10);
	assert_true(audit_writer_sync(writer) < 0);
	assert_false(audit_writer_writable(writer));
	assert_true(audit_writer_publish(writer) < 0);
	assert_false(audit_writer_retry(writer));
	/* Entries are kept for the next try, but not without end. */
	append_entries(writer, 4096 - 20);
	char text[256];
	uint64_t index = 0;
	size_t length = entry_text(4096, text);
	assert_int_equal(audit_writer_append(writer, text, length, &index), -ENOSPC);
	assert_int_equal(audit_writer_size(writer), 4096);
	refuse_growth(RLIM_INFINITY);
	assert_true(audit_writer_retry(writer));
	assert_true(audit_writer_writable(writer));
	assert_int_equal(audit_writer_published(writer), 4096);
	append_entries(writer, 1);
	assert_null(audit_writer_close(writer));
	assert_log(&scratch, "log", 4097);
}

/* Synced entries survive a failure and a crash right after it. */
static void work_refused(struct audit_writer *writer) {
	(void)signal(SIGXFSZ, SIG_IGN);
	append_entries(writer, 10);
	assert_int_equal(audit_writer_sync(writer), 0);
	refuse_growth(0);
	append_entries(writer, 10);
	assert_true(audit_writer_sync(writer) < 0);
}

static void test_crash_after_a_refused_write(void **state) {
	(void)state;
	in_child(work_refused);
	struct audit_writer *writer = writer_open_as(&scratch, AUDIT_RECOVERED);
	assert_int_equal(audit_writer_size(writer), 10);
	assert_null(audit_writer_close(writer));
}

static void test_reserve(void **state) {
	(void)state;
	struct audit_start_report report;
	struct audit_writer *writer = NULL;
	assert_int_equal(audit_writer_open(scratch.fd, NULL, 3 * 1024 * 1024 + 5, &writer, &report), 0);
	struct stat facts;
	assert_int_equal(fstatat(scratch.fd, "log-reserve", &facts, 0), 0);
	assert_int_equal(facts.st_size, 3 * 1024 * 1024 + 5);
	assert_true(facts.st_blocks * 512 >= facts.st_size);
	assert_int_equal(audit_writer_reserve_left(writer), 3 * 1024 * 1024 + 5);
	assert_null(audit_writer_close(writer));
}

int main(void) {
	const struct CMUnitTest tests[] = {
	    WITH_FOLDER(test_new_log),
	    WITH_FOLDER(test_given_origin),
	    WITH_FOLDER(test_limits),
	    WITH_FOLDER(test_partials_are_replaced),
	    WITH_FOLDER(test_reopen_many),
	    WITH_FOLDER(test_two_levels),
	    WITH_FOLDER(test_replay),
	    WITH_FOLDER(test_torn_tail),
	    WITH_FOLDER(test_damage_in_the_middle),
	    WITH_FOLDER(test_cut_entries_stay_cut),
	    WITH_FOLDER(test_earlier_round_is_not_replayed),
	    WITH_FOLDER(test_missing_write_ahead_file),
	    WITH_FOLDER(test_damage_renews),
	    WITH_FOLDER(test_missing_log_renews),
	    WITH_FOLDER(test_old_log_stays_readable),
	    WITH_FOLDER(test_older_copy_renews),
	    WITH_FOLDER(test_missing_checkpoint_is_signed_again),
	    WITH_FOLDER(test_kills),
	    WITH_FOLDER(test_kills_at_birth),
	    WITH_FOLDER(test_refused_writes_lose_nothing),
	    WITH_FOLDER(test_crash_after_a_refused_write),
	    WITH_FOLDER(test_reserve),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

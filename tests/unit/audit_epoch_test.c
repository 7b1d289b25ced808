/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Epochs of keys and pruning: what is left verifies, from any key that is trusted, after any interruption. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "audit/note.h"
#include "audit_log.h"

static void assert_verifies(const char *keys) {
	char error[512];
	int result = verify_with(&scratch, "log", keys, error);
	if (result != 0)
		print_message("%s\n", error);
	assert_int_equal(result, 0);
}

static size_t count_lines(const char *text) {
	size_t count = 0;
	for (; *text != '\0'; text++)
		count += *text == '\n';
	return count;
}

static void test_rotation(void **state) {
	(void)state;
	struct audit_writer *writer = writer_open_as(&scratch, AUDIT_STARTED_NEW);
	char first[512];
	(void)snprintf(first, sizeof first, "%s", audit_writer_vkey(writer));
	for (uint64_t epoch = 0; epoch < 5; epoch++) {
		assert_int_equal(audit_writer_epoch(writer), epoch);
		append_entries(writer, 100 * (size_t)epoch);
		assert_int_equal(audit_writer_publish(writer), 0);
		append_entries(writer, 7);
		rotate(writer);
		assert_verifies(NULL);
		assert_verifies(first);
		assert_verifies(audit_writer_vkey(writer));
		append_entries(writer, 3);
		assert_int_equal(audit_writer_publish(writer), 0);
		assert_verifies(first);
		char path[64];
		(void)snprintf(path, sizeof path, "keys/epoch-%d.seed", (int)epoch);
		assert_false(file_exists(&scratch, path));
		(void)snprintf(path, sizeof path, "keys/epoch-%d.seed", (int)epoch + 1);
		assert_true(file_exists(&scratch, path));
	}
	char *inside = scratch_text("log/vkeys");
	char *beside = scratch_text("log.vkeys");
	assert_string_equal(inside, beside);
	assert_int_equal(count_lines(inside), 6);
	assert_memory_equal(inside, first, strlen(first));
	free(inside);
	free(beside);
	assert_null(audit_writer_close(writer));
	writer = writer_open_as(&scratch, AUDIT_CONTINUED);
	assert_int_equal(audit_writer_epoch(writer), 5);
	rotate(writer);
	assert_null(audit_writer_close(writer));
	assert_verifies(first);
}

/* Epochs without a single other entry: each has its checkpoint. */
static void test_idle_epochs(void **state) {
	(void)state;
	struct audit_writer *writer = writer_open_as(&scratch, AUDIT_STARTED_NEW);
	char first[512];
	(void)snprintf(first, sizeof first, "%s", audit_writer_vkey(writer));
	for (int i = 0; i < 300; i++)
		rotate(writer);
	assert_int_equal(audit_writer_published(writer), 300);
	assert_null(audit_writer_close(writer));
	assert_verifies(first);
}

/* A middle key is trusted for its own epoch and later ones; facts say from where. */
static void test_middle_key(void **state) {
	(void)state;
	char middle[512] = "";
	struct audit_writer *writer = writer_open_as(&scratch, AUDIT_STARTED_NEW);
	for (int i = 0; i < 4; i++) {
		append_entries(writer, 5);
		rotate(writer);
		if (i == 1)
			(void)snprintf(middle, sizeof middle, "%s", audit_writer_vkey(writer));
	}
	append_entries(writer, 5);
	assert_null(audit_writer_close(writer));
	CLOSED_AT_END int fd = openat(scratch.fd, "log", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct retention_log *log = NULL;
	struct retention_log_facts facts;
	assert_int_equal(retention_log_open(fd, middle, &log), 0);
	assert_int_equal(retention_log_facts(log, &facts), 0);
	assert_int_equal(facts.epoch, 4);
	assert_int_equal(facts.trusted_from, 2);
	assert_int_equal(facts.own_keys, 0);
	assert_int_equal(facts.checkpoint.size, 29);
	retention_log_close(log);
}

/* Every checkpoint that was handed out still holds, whatever comes after. */
static void test_kept_checkpoints(void **state) {
	(void)state;
	enum { KEPT = 40 };
	char *kept[KEPT];
	struct audit_writer *writer = writer_open_as(&scratch, AUDIT_STARTED_NEW);
	char first[512];
	(void)snprintf(first, sizeof first, "%s", audit_writer_vkey(writer));
	for (int i = 0; i < KEPT; i++) {
		append_entries(writer, 30);
		if (i % 5 == 4)
			rotate(writer);
		else
			assert_int_equal(audit_writer_publish(writer), 0);
		kept[i] = strdup(audit_writer_checkpoint(writer));
	}
	CLOSED_AT_END int fd = openat(scratch.fd, "log", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct retention_log *log = NULL;
	struct retention_checkpoint checkpoint;
	assert_int_equal(retention_log_open(fd, first, &log), 0);
	for (int i = 0; i < KEPT; i++) {
		int result = retention_log_check_checkpoint(log, kept[i], strlen(kept[i]), &checkpoint);
		if (result != 0)
			print_message("%d: %s\n", i, retention_log_error(log));
		assert_int_equal(result, 0);
		free(kept[i]);
	}
	retention_log_close(log);
	assert_null(audit_writer_close(writer));
}

/* An entry that names the key, durable, and no checkpoint: the next start goes on from there. */
static void test_cut_after_the_entry(void **state) {
	(void)state;
	pid_t child = fork();
	if (child == 0) {
		struct audit_writer *writer = writer_open_as(&scratch, AUDIT_STARTED_NEW);
		append_entries(writer, 10);
		assert_int_equal(audit_writer_publish(writer), 0);
		rotate_begin(writer);
		append_entries(writer, 4);
		assert_int_equal(audit_writer_sync(writer), 0);
		_exit(0);
	}
	int status = 1;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	struct audit_writer *writer = writer_open_as(&scratch, AUDIT_RECOVERED);
	assert_int_equal(audit_writer_epoch(writer), 0);
	assert_int_equal(audit_writer_publish(writer), 0);
	assert_int_equal(audit_writer_epoch(writer), 1);
	assert_verifies(NULL);
	append_entries(writer, 2);
	assert_null(audit_writer_close(writer));
	assert_verifies(NULL);
}

/* A seed that was overwritten only in part when its hand-over was public is a wiped one. */
static void test_half_wiped_key(void **state) {
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct audit_writer *writer = writer_open_as(&scratch, i == 0 ? AUDIT_STARTED_NEW : AUDIT_CONTINUED);
		char path[64];
		char *seed = NULL;
		size_t length = 0;
		(void)snprintf(path, sizeof path, "keys/epoch-%d.seed", i);
		assert_int_equal(descriptor_read_file(scratch.fd, path, 64, &seed, &length), 0);
		append_entries(writer, 10);
		rotate(writer);
		assert_null(audit_writer_close(writer));
		memset(seed, 0, 16);
		assert_int_equal(descriptor_replace_file(scratch.fd, path, seed, length), 0);
		free(seed);
		writer = writer_open_as(&scratch, AUDIT_CONTINUED);
		assert_int_equal(audit_writer_epoch(writer), (uint64_t)i + 1);
		assert_false(file_exists(&scratch, path));
		assert_null(audit_writer_close(writer));
		assert_verifies(NULL);
	}
}

/* A key that was made and never named goes away. */
static void test_cut_before_the_entry(void **state) {
	(void)state;
	char vkey[512];
	char again[512];
	struct audit_writer *writer = writer_open_as(&scratch, AUDIT_STARTED_NEW);
	append_entries(writer, 10);
	assert_int_equal(audit_writer_next_key(writer, vkey, sizeof vkey), 0);
	assert_int_equal(audit_writer_next_key(writer, again, sizeof again), 0);
	assert_string_equal(vkey, again);
	assert_true(file_exists(&scratch, "keys/epoch-1.seed"));
	assert_int_equal(audit_writer_hand_over(writer, 99), -EINVAL);
	assert_null(audit_writer_close(writer));
	writer = writer_open_as(&scratch, AUDIT_CONTINUED);
	assert_false(file_exists(&scratch, "keys/epoch-1.seed"));
	rotate(writer);
	assert_null(audit_writer_close(writer));
	assert_verifies(NULL);
}

static bool keeps_the_third(const char *entry, size_t length, void *context) {
	(void)context;
	return memmem(entry, length, "\"sequence\":600}", 15) != NULL;
}

static void test_prune(void **state) {
	(void)state;
	struct audit_writer *writer = writer_open_as(&scratch, AUDIT_STARTED_NEW);
	char first[512];
	(void)snprintf(first, sizeof first, "%s", audit_writer_vkey(writer));
	append_entries(writer, 1200);
	rotate(writer);
	append_entries(writer, 300);
	rotate(writer);
	char *kept = strdup(audit_writer_checkpoint(writer));
	assert_int_equal(audit_writer_prune_begin(writer, prune_entry(writer, 1201)), 0);
	assert_int_equal(audit_writer_pruned_below(writer), 1201);
	/* In steps; a bundle that is to stay stays, and so does the one that is only partly below. */
	struct audit_prune work = {.bundles = 1, .keeps = keeps_the_third};
	assert_int_equal(audit_writer_prune(writer, &work), 1);
	assert_verifies(first);
	work.bundles = 100;
	assert_int_equal(audit_writer_prune(writer, &work), 0);
	assert_int_equal(work.removed, 3);
	assert_int_equal(work.kept, 1);
	assert_false(file_exists(&scratch, "log/tile/entries/000"));
	assert_true(file_exists(&scratch, "log/tile/entries/002"));
	assert_true(file_exists(&scratch, "log/tile/entries/004"));
	assert_true(file_exists(&scratch, "log/tile/0/000"));
	assert_verifies(NULL);
	assert_verifies(first);
	append_entries(writer, 600);
	assert_null(audit_writer_close(writer));

	writer = writer_open_as(&scratch, AUDIT_CONTINUED);
	assert_int_equal(audit_writer_pruned_below(writer), 1201);
	/* The next one takes the whole of it, the entry that said so first included. */
	rotate(writer);
	prune(writer, 2000);
	assert_false(file_exists(&scratch, "log/tile/entries/002"));
	assert_false(file_exists(&scratch, "log/tile/entries/006"));
	assert_true(file_exists(&scratch, "log/tile/entries/007"));
	assert_verifies(first);
	struct retention_log *log = reader_open(&scratch, "log");
	struct retention_checkpoint checkpoint;
	const char *bytes = NULL;
	size_t length = 0;
	uint8_t proof[64][32];
	assert_int_equal(retention_log_check_checkpoint(log, kept, strlen(kept), &checkpoint), 0);
	assert_int_equal(retention_log_entry(log, 5, &bytes, &length), -ENOENT);
	assert_non_null(strstr(retention_log_error(log), "pruned"));
	assert_true(retention_log_inclusion(log, 5, checkpoint.size, proof) > 0);
	assert_int_equal(retention_log_check_entry(log, 1999, &bytes, &length), 0);
	retention_log_close(log);
	free(kept);
	assert_null(audit_writer_close(writer));
}

static void test_prune_refuses(void **state) {
	(void)state;
	struct audit_writer *writer = writer_open_as(&scratch, AUDIT_STARTED_NEW);
	append_entries(writer, 900);
	assert_int_equal(audit_writer_prune_begin(writer, 5), -EINVAL); /* not published */
	assert_int_equal(audit_writer_publish(writer), 0);
	assert_int_equal(audit_writer_prune_begin(writer, 5), -EINVAL); /* not such an entry */
	uint64_t index = append_about(
	    writer, "log-pruned", "\"pruned\":{\"below\":512,\"root\":\"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\"}");
	assert_int_equal(audit_writer_publish(writer), 0);
	assert_int_equal(audit_writer_prune_begin(writer, index), -EINVAL); /* another root */
	prune(writer, 512);
	index = prune_entry(writer, 300);
	assert_int_equal(audit_writer_prune_begin(writer, index), -EINVAL); /* less than before */
	assert_null(audit_writer_close(writer));
	assert_verifies(NULL);
}

int main(void) {
	const struct CMUnitTest tests[] = {
	    WITH_FOLDER(test_rotation),
	    WITH_FOLDER(test_idle_epochs),
	    WITH_FOLDER(test_middle_key),
	    WITH_FOLDER(test_kept_checkpoints),
	    WITH_FOLDER(test_cut_after_the_entry),
	    WITH_FOLDER(test_half_wiped_key),
	    WITH_FOLDER(test_cut_before_the_entry),
	    WITH_FOLDER(test_prune),
	    WITH_FOLDER(test_prune_refuses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

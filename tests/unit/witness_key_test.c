/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The key that witnesses know a log by: one for as long as the log lasts, and needed by nobody else. */
#include "audit/witness_key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/note.h"
#include "audit_log.h"

static const char seed_path[] = "keys/witness.seed";

static struct note_verifier verifier(const char *vkey) {
	struct note_verifier found;
	assert_true(note_verifier_parse(vkey, strlen(vkey), &found));
	return found;
}

/* Under the newest checkpoint, the witness key's line makes a note that a witness with that one key takes. */
static void assert_line(const struct audit_writer *writer, const char *vkey) {
	const struct note_verifier key = verifier(vkey);
	struct checkpoint_body body;
	uint64_t signed_by = 0;
	char line[1024], note[20000];
	const char *checkpoint = audit_writer_checkpoint(writer);
	size_t length = strlen(checkpoint);
	assert_int_equal(checkpoint_signed_by(checkpoint, length, &key, 1, &body, &signed_by), NOTE_NO_KNOWN_KEY);
	assert_int_equal(audit_writer_witness_line(writer, line, sizeof line), 0);
	(void)snprintf(note, sizeof note, "%s%s", checkpoint, line);
	length = strlen(note);
	assert_int_equal(checkpoint_signed_by(note, length, &key, 1, &body, &signed_by), NOTE_OK);
	assert_int_equal(body.size, audit_writer_published(writer));
	assert_int_equal(audit_writer_witness_line(writer, line, 20), -EMSGSIZE);
}

static void read_seed(uint8_t seed[32]) {
	char *bytes = NULL;
	size_t length = 0;
	assert_int_equal(descriptor_read_file(scratch.fd, seed_path, 64, &bytes, &length), 0);
	assert_int_equal(length, 32);
	memcpy(seed, bytes, 32);
	free(bytes);
}

static void test_it_outlives_epochs_and_runs(void **state) {
	(void)state;
	struct stat facts;
	char kept[512];
	mode_t old_mask = umask(0);
	struct audit_writer *writer = writer_open_as(&scratch, AUDIT_STARTED_NEW);
	(void)umask(old_mask);
	assert_int_equal(fstatat(scratch.fd, seed_path, &facts, 0), 0);
	assert_int_equal(facts.st_mode & 07777, 0600);
	(void)snprintf(kept, sizeof kept, "%s", audit_writer_witness_vkey(writer));
	assert_string_equal(verifier(kept).name, audit_writer_origin(writer));
	assert_line(writer, kept); /* of an empty log, too */
	for (int epoch = 0; epoch < 3; epoch++) {
		const struct note_verifier witness = verifier(kept), own = verifier(audit_writer_vkey(writer));
		assert_memory_not_equal(witness.id, own.id, sizeof own.id);
		append_entries(writer, 5);
		rotate(writer);
		assert_string_equal(audit_writer_witness_vkey(writer), kept);
		assert_line(writer, kept);
	}
	assert_null(audit_writer_close(writer));
	writer = writer_open_as(&scratch, AUDIT_CONTINUED);
	assert_string_equal(audit_writer_witness_vkey(writer), kept);
	assert_line(writer, kept);
	assert_null(audit_writer_close(writer));
	/* The log is verified by its epochs; this key verifies nothing. */
	char error[512];
	assert_int_equal(verify_with(&scratch, "log", NULL, error), 0);
	assert_int_not_equal(verify_with(&scratch, "log", kept, error), 0);
}

static void damage(int how) {
	static const uint8_t zeros[32];
	int length = how == 1 ? 31 : how == 2 ? 32 : 4000;
	if (how == 0) {
		assert_int_equal(unlinkat(scratch.fd, seed_path, 0), 0);
		return;
	}
	CLOSED_AT_END int fd = openat(scratch.fd, seed_path, O_RDWR | O_TRUNC);
	assert_true(fd >= 0);
	if (length <= 32)
		assert_int_equal(write(fd, zeros, (size_t)length), length);
	else
		assert_int_equal(ftruncate(fd, length), 0);
}

static void test_a_lost_key_is_no_end_of_the_log(void **state) {
	(void)state;
	char origin[512], kept[512];
	struct audit_writer *writer = writer_open_as(&scratch, AUDIT_STARTED_NEW);
	append_entries(writer, 10);
	(void)snprintf(origin, sizeof origin, "%s", audit_writer_origin(writer));
	for (int how = 0; how < 4; how++) {
		struct audit_start_report report;
		(void)snprintf(kept, sizeof kept, "%s", audit_writer_witness_vkey(writer));
		assert_null(audit_writer_close(writer));
		damage(how);
		writer = writer_open_report(&scratch, &report);
		assert_int_equal(report.how, AUDIT_RECOVERED);
		assert_non_null(strstr(report.reason, "keys/witness.seed"));
		assert_string_equal(audit_writer_origin(writer), origin);
		assert_string_not_equal(audit_writer_witness_vkey(writer), kept);
		assert_line(writer, audit_writer_witness_vkey(writer));
	}
	assert_null(audit_writer_close(writer));
	assert_null(audit_writer_close(writer_open_as(&scratch, AUDIT_CONTINUED)));
	assert_log(&scratch, "log", 10);
}

static void test_a_renewed_log_has_another(void **state) {
	(void)state;
	uint8_t before[32], after[32];
	char kept[512];
	struct audit_writer *writer = writer_open_as(&scratch, AUDIT_STARTED_NEW);
	append_entries(writer, 10);
	(void)snprintf(kept, sizeof kept, "%s", audit_writer_witness_vkey(writer));
	assert_null(audit_writer_close(writer));
	read_seed(before);
	assert_int_equal(unlinkat(scratch.fd, "log-state", 0), 0);
	writer = writer_open_as(&scratch, AUDIT_BROKEN_RENEWED);
	read_seed(after);
	assert_memory_not_equal(before, after, 32);
	const struct note_verifier old = verifier(kept), new = verifier(audit_writer_witness_vkey(writer));
	assert_string_not_equal(old.name, new.name);
	assert_line(writer, audit_writer_witness_vkey(writer));
	assert_null(audit_writer_close(writer));
	assert_false(file_exists(&scratch, "log.broken-1/keys"));
}

int main(void) {
	const struct CMUnitTest tests[] = {
	    WITH_FOLDER(test_it_outlives_epochs_and_runs),
	    WITH_FOLDER(test_a_lost_key_is_no_end_of_the_log),
	    WITH_FOLDER(test_a_renewed_log_has_another),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

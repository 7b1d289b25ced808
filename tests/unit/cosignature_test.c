/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Cosignatures against the vector of our own witness key, and every way to be wrong by one bit. */
#include "audit/cosignature.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "audit/writer.h"
#include "base/descriptor.h"
#include "unit/tree.h"

static const char key[] = "witness.example.test/w1+e07bb2cd+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X";
static const char note[] =
    "example.test/recorder/audit\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n\n"
    "\xe2\x80\x94 example.test/recorder/audit "
    "UcN8dnD3cisDzdmIEzznZF7fml4eITGhl1/Vni++OGonVW+siEkngn8SFmbMBRsi5mJZBnvoLiWB6cv496GaoPQeiw4=\n";
static const char line[] =
    "\xe2\x80\x94 witness.example.test/w1 "
    "4HuyzQAAAABpVbkAt5q1ojaOgUIrvSfW9PTlY+U8rdC+45LNEdEkRUmC+SB9SHgZJZK/TUed/wJfV/dZiXj7jlzUn1fBL7vUvW6pCA==\n";

static struct note_verifier cosigner(void) {
	struct note_verifier found;
	assert_true(cosigner_parse(key, strlen(key), &found));
	return found;
}

static enum cosignature_result check(const char *text, const char *signature) {
	struct note_verifier by = cosigner();
	uint64_t seconds = 0;
	return cosignature_check(&by, text_of(text), text_of(signature), &seconds);
}

static void test_the_vector_holds(void **state) {
	(void)state;
	struct note_verifier by = cosigner();
	uint64_t seconds = 0;
	assert_int_equal(cosignature_check(&by, text_of(note), text_of(line), &seconds), COSIGNATURE_GOOD);
	assert_int_equal(seconds, 1767225600);
	assert_string_equal(by.name, "witness.example.test/w1");
	/* The newline at its end does not matter, nor what has signed the note. */
	char bare[256];
	(void)snprintf(bare, sizeof bare, "%.*s", (int)strlen(line) - 1, line);
	assert_int_equal(check(note, bare), COSIGNATURE_GOOD);
	char unsigned_note[128];
	(void)snprintf(unsigned_note, sizeof unsigned_note, "%.*s", (int)(strstr(note, "\n\n") + 2 - note), note);
	assert_int_equal(check(unsigned_note, line), COSIGNATURE_GOOD);
}

static void test_each_change_of_the_text_or_the_signature_is_found(void **state) {
	(void)state;
	size_t text = (size_t)(strstr(note, "\n\n") + 1 - note);
	char changed[sizeof note];
	for (size_t i = 0; i < text; i++) {
		memcpy(changed, note, sizeof note);
		changed[i] = (char)(changed[i] ^ 1);
		assert_int_not_equal(check(changed, line), COSIGNATURE_GOOD);
	}
	char other[sizeof line];
	size_t payload = strlen("\xe2\x80\x94 witness.example.test/w1 ");
	for (size_t i = 0; i < sizeof line - 2; i++) {
		memcpy(other, line, sizeof line);
		other[i] = other[i] == 'A' ? 'B' : 'A';
		enum cosignature_result result = check(note, other);
		assert_int_not_equal(result, COSIGNATURE_GOOD);
		/* Name and id are intact: it claims to be this witness's. The last digits are padding. */
		if (i > payload + 6 && i < sizeof line - 6)
			assert_int_equal(result, COSIGNATURE_BAD);
	}
}

static void test_lines_of_others_are_not_judged(void **state) {
	(void)state;
	assert_int_equal(check(note, ""), COSIGNATURE_OTHER);
	assert_int_equal(check(note, "\n"), COSIGNATURE_OTHER);
	assert_int_equal(check(note, "witness.example.test/w1 4Huy"), COSIGNATURE_OTHER);
	assert_int_equal(check(note, "\xe2\x80\x94 another.example/w 4HuyzQAAAABpVbkA"), COSIGNATURE_OTHER);
	assert_int_equal(check(note, "\xe2\x80\x94 witness.example.test/w1 4HuyzQ=="), COSIGNATURE_BAD);
	assert_int_equal(check("no note", line), COSIGNATURE_BAD);
}

static void test_keys(void **state) {
	(void)state;
	struct note_verifier found;
	char changed[sizeof key];
	for (size_t i = 0; i < sizeof key - 1; i++) {
		memcpy(changed, key, sizeof key);
		changed[i] = (char)(changed[i] ^ 1);
		assert_false(cosigner_parse(changed, strlen(changed), &found));
	}
	assert_false(cosigner_parse(key, strlen(key) - 1, &found));
	/* A log's key is none of a witness. */
	static const char log_key[] = "example.test/recorder/audit+51c37c76+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4";
	assert_false(cosigner_parse(log_key, strlen(log_key), &found));
}

static void test_lines_go_into_the_checkpoint_once(void **state) {
	(void)state;
	char folder[] = "/tmp/cosignature-test-XXXXXX";
	struct audit_writer *writer = NULL;
	struct audit_start_report report;
	uint64_t index = 0;
	assert_non_null(mkdtemp(folder));
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(audit_writer_open(fd, "example.test/log", 0, &writer, &report), 0);
	assert_int_equal(audit_writer_append(writer, "{}", 2, &index), 0);
	assert_int_equal(audit_writer_publish(writer), 0);
	assert_int_equal(audit_writer_countersign(writer, 2, line), -ESTALE);
	assert_int_equal(audit_writer_countersign(writer, 1, "no line\n"), -EINVAL);
	assert_int_equal(audit_writer_countersign(writer, 1, "\xe2\x80\x94 no newline AAAAAAAA"), -EINVAL);
	for (int i = 0; i < 3; i++)
		assert_int_equal(audit_writer_countersign(writer, 1, line), 0);
	static const char *const files[] = {"log/checkpoint", "log/checkpoint.witnessed"};
	for (size_t i = 0; i < 2; i++) {
		char *text = NULL;
		size_t length = 0;
		assert_int_equal(descriptor_read_file(fd, files[i], 65536, &text, &length), 0);
		assert_non_null(strstr(text, line));
		assert_null(strstr(strstr(text, line) + 1, line));
		assert_non_null(strstr(text, "\xe2\x80\x94 example.test/log "));
		free(text);
	}
	/* The next checkpoint has no cosignature yet; the last that has one stays. */
	assert_int_equal(audit_writer_append(writer, "{}", 2, &index), 0);
	assert_int_equal(audit_writer_publish(writer), 0);
	assert_null(strstr(audit_writer_checkpoint(writer), line));
	assert_int_equal(faccessat(fd, "log/checkpoint.witnessed", F_OK, 0), 0);
	(void)audit_writer_close(writer);
	/* It opens again. */
	assert_int_equal(audit_writer_open(fd, NULL, 0, &writer, &report), 0);
	assert_int_equal(report.how, AUDIT_CONTINUED);
	(void)audit_writer_close(writer);
	(void)close(fd);
	(void)tree_remove(folder);
}

int main(void) {
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_the_vector_holds),
	    cmocka_unit_test(test_each_change_of_the_text_or_the_signature_is_found),
	    cmocka_unit_test(test_lines_of_others_are_not_judged),
	    cmocka_unit_test(test_keys),
	    cmocka_unit_test(test_lines_go_into_the_checkpoint_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

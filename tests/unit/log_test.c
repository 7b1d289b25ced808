/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A log line is one line, whatever a file is called. */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char written[8192];
static int saved_stderr;
static int pipe_fds[2];

static void capture_begin(void) {
	assert_int_equal(pipe2(pipe_fds, O_NONBLOCK | O_CLOEXEC), 0);
	saved_stderr = dup(STDERR_FILENO);
	assert_true(dup2(pipe_fds[1], STDERR_FILENO) >= 0);
}

static void capture_end(void) {
	assert_true(dup2(saved_stderr, STDERR_FILENO) >= 0);
	ssize_t length = read(pipe_fds[0], written, sizeof written - 1);
	written[length < 0 ? 0 : length] = '\0';
	close(saved_stderr);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

static void control_characters_are_escaped(void **state) {
	(void)state;
	unsetenv("JOURNAL_STREAM");
	log_open("keeper", LOG_LEVEL_INFO);
	capture_begin();
	log_error("cannot open '%s'", "a\nkeeper: all is well\x1b[2J\x7f\r\t");
	capture_end();
	assert_string_equal(written, "keeper: cannot open 'a\\x0akeeper: all is well\\x1b[2J\\x7f\\x0d\\x09'\n");
}

static void control_characters_of_utf8_are_escaped(void **state) {
	(void)state;
	log_open("keeper", LOG_LEVEL_INFO);
	capture_begin();
	log_info("caf\xc3\xa9 \xc2\x9b"
	         "2J");
	capture_end();
	assert_string_equal(written, "keeper: caf\xc3\xa9 \\xc2\\x9b2J\n");
}

static void journal_lines_carry_their_priority(void **state) {
	(void)state;
	setenv("JOURNAL_STREAM", "1:2", 1);
	log_open("keeper", LOG_LEVEL_INFO);
	unsetenv("JOURNAL_STREAM");
	capture_begin();
	log_warning("disk is full");
	capture_end();
	assert_string_equal(written, "<4>disk is full\n");
}

static void lower_levels_are_silent(void **state) {
	(void)state;
	log_open("keeper", LOG_LEVEL_WARNING);
	capture_begin();
	log_notice("not seen");
	log_debug("not seen");
	capture_end();
	assert_string_equal(written, "");
}

static void errno_is_named_and_kept(void **state) {
	(void)state;
	log_open("keeper", LOG_LEVEL_INFO);
	capture_begin();
	errno = EBUSY;
	log_error_errno(-ENOENT, "cannot open 'x'");
	int after = errno;
	capture_end();
	assert_int_equal(after, EBUSY);
	assert_string_equal(written, "keeper: cannot open 'x': No such file or directory\n");
}

static void long_messages_stay_one_line(void **state) {
	(void)state;
	static char text[5000];
	static char program[3000];
	memset(text, '\n', sizeof text - 1);
	memset(program, 'p', sizeof program - 1);
	log_open("keeper", LOG_LEVEL_INFO);
	capture_begin();
	log_info("%s", text);
	capture_end();
	assert_int_equal(written[strlen(written) - 1], '\n');
	assert_true(strlen(written) < 2400);
	assert_ptr_equal(strchr(written, '\n'), written + strlen(written) - 1);

	log_open(program, LOG_LEVEL_INFO);
	capture_begin();
	log_info("%s", text);
	capture_end();
	assert_ptr_equal(strchr(written, '\n'), written + strlen(written) - 1);
	log_open("keeper", LOG_LEVEL_INFO);
}

int main(void) {
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(control_characters_are_escaped),
	    cmocka_unit_test(control_characters_of_utf8_are_escaped),
	    cmocka_unit_test(journal_lines_carry_their_priority),
	    cmocka_unit_test(lower_levels_are_silent),
	    cmocka_unit_test(errno_is_named_and_kept),
	    cmocka_unit_test(long_messages_stay_one_line),
	};
	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Real processes to look at, and what is told of them. */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/attributes.h"
#include "base/clock.h"
#include "base/descriptor.h"
#include "daemon/guard/accessor.h"
#include "ipc/message.h"

/* What the cache tells of one accessor, as keeper receives it. */
struct told {
	struct record_accessor accessor;
	struct record_ancestor ancestors[ANCESTORS_MAX];
	size_t ancestor_count;
	struct message message;
};

static struct settings settings;
static struct accessors *accessors;
static struct told told;

static int open_accessors(void **state) {
	(void)state;
	struct rlimit limit = {8192, 8192};
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	(void)signal(SIGPIPE, SIG_IGN);
	memset(&settings, 0, sizeof settings);
	accessors = accessors_new(&settings, 1);
	return accessors == NULL ? -1 : 0;
}

static int close_accessors(void **state) {
	(void)state;
	accessors = accessors_free(accessors);
	return 0;
}

static void tell(struct accessor *accessor, size_t root) {
	static struct message_writer out;
	accessor_tell(accessors, accessor, root, &out);
	assert_int_equal(message_finish(&out, 0), 0);
	assert_true(message_check(out.writer.bytes, out.writer.used, 0, &told.message));
	assert_true(record_accessor_get(&told.message.reader, &told.accessor));
	told.ancestor_count = 0;
	while (told.ancestor_count < ANCESTORS_MAX &&
	       message_next_ancestor(&told.message, &told.ancestors[told.ancestor_count]))
		told.ancestor_count++;
}

/* Looks, completes and tells; what is told is in `told`. */
static struct accessor *look(pid_t pid) {
	struct accessor *accessor = accessors_look(accessors, pid, ACCESSOR_NO_PIDFD);
	assert_non_null(accessor);
	(void)accessor_complete(accessors, accessor);
	/* As guard does, for a moment. */
	while (accessor_awaits(accessors, accessor)) {
		struct pollfd wait = {.fd = accessors_descriptor(accessors), .events = POLLIN};
		(void)poll(&wait, 1, 100);
		(void)accessors_receive(accessors);
	}
	tell(accessor, 0);
	return accessor;
}

static void assert_text(struct text text, const char *expected) {
	char copy[4096];
	assert_true(text_copy(copy, sizeof copy, text));
	assert_string_equal(copy, expected);
}

/* ---- children ---- */

struct child {
	pid_t pid;
	int talk; /* our end of a pair of sockets; the child has the other one as descriptor 3 */
};

enum { CHILD_END = 3 };

/* Runs `body` in a child; what it returns is its status. It says when it is ready. */
static struct child run(int (*body)(void *context), void *context) {
	int ends[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nothing behind */
		(void)close(ends[0]);
		if (ends[1] != CHILD_END) {
			(void)dup2(ends[1], CHILD_END);
			(void)close(ends[1]);
		}
		_exit(body(context));
	}
	(void)close(ends[1]);
	return (struct child){pid, ends[0]};
}

/* One byte each way. */
static UNUSED void say(int fd) {
	ssize_t written = write(fd, "x", 1);
	(void)written;
}

static UNUSED bool hear(int fd) {
	char byte;
	return read(fd, &byte, 1) == 1;
}

/* A child that is another program: it is so once execve(2) has closed its end. */
static int exec_program(void *arguments) {
	char *const *argv = arguments;
	(void)fcntl(CHILD_END, F_SETFD, FD_CLOEXEC);
	(void)execv(argv[0], argv);
	return 127;
}

static UNUSED struct child run_program(const char *const *arguments) {
	struct child child = run(exec_program, (void *)(uintptr_t)arguments);
	char byte;
	assert_int_equal(read(child.talk, &byte, 1), 0);
	return child;
}

static void end(struct child *child) {
	(void)kill(child->pid, SIGKILL);
	(void)waitpid(child->pid, NULL, 0);
	descriptor_close(&child->talk);
}

/* Says that it is ready and waits to be ended. */
static UNUSED int stay(void *context) {
	(void)context;
	say(CHILD_END);
	(void)hear(CHILD_END);
	return 0;
}

static UNUSED struct child run_ready(int (*body)(void *context), void *context) {
	struct child child = run(body, context);
	assert_true(hear(child.talk));
	return child;
}

static UNUSED void copy_file(const char *from, const char *to) {
	int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	assert_true(in >= 0 && out >= 0);
	char block[65536];
	for (ssize_t length = read(in, block, sizeof block); length > 0; length = read(in, block, sizeof block))
		assert_int_equal(descriptor_write_all(out, block, (size_t)length), 0);
	(void)close(in);
	(void)close(out);
}

static UNUSED void skip_unless_root(void) {
	if (geteuid() != 0)
		skip();
}

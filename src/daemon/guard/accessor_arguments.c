/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The reader of arguments, and how it is asked. */
#include "accessor_arguments.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/descriptor.h"

static const size_t ANSWER_HEAD = offsetof(struct arguments_answer, text);

/* ---- the reader ---- */

/* Receives a question: its number and the descriptor of a cmdline. False at the end. */
static bool receive_question(int channel, uint32_t *ret_number, int *ret_fd) {
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = {ret_number, sizeof *ret_number};
	struct msghdr message = {
	    .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
	ssize_t length;
	do
		length = recvmsg(channel, &message, MSG_CMSG_CLOEXEC);
	while (length < 0 && errno == EINTR);
	const struct cmsghdr *passed = CMSG_FIRSTHDR(&message);
	if (length != sizeof *ret_number || passed == NULL || passed->cmsg_type != SCM_RIGHTS)
		return false;
	memcpy(ret_fd, CMSG_DATA(passed), sizeof *ret_fd);
	return true;
}

static void read_arguments(int fd, struct arguments_answer *answer) {
	char rest[4096];
	ssize_t length = pread(fd, answer->text, sizeof answer->text, 0);
	while (length > 0 && answer->bytes < ARGUMENTS_COUNTED) {
		answer->bytes += (uint32_t)length;
		length = pread(fd, rest, sizeof rest, answer->bytes);
	}
}

/* Nothing is kept but the channel: no file, no user, no capability. */
static bool give_up_rights(int channel) {
	static const uid_t NOBODY = 65534;
	if (dup2(channel, 0) < 0)
		return false;
#ifdef SYS_close_range
	if (syscall(SYS_close_range, 1U, ~0U, 0) < 0)
#endif
		for (int fd = 1; fd < 1024; fd++)
			(void)close(fd);
	(void)prctl(PR_SET_NAME, "guard-arguments", 0, 0, 0);
	if (geteuid() == 0 && (syscall(SYS_setgroups, 0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
	                          setresuid(NOBODY, NOBODY, NOBODY) < 0))
		return false;
	/* After the change of user, which would take the first away again. */
	return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

static NO_RETURN void reader_run(int channel) {
	if (!give_up_rights(channel))
		_exit(1);
	struct arguments_answer answer;
	int fd;
	while (receive_question(0, &answer.number, &fd)) {
		answer.bytes = 0;
		read_arguments(fd, &answer);
		(void)close(fd);
		size_t told = answer.bytes < sizeof answer.text ? answer.bytes : sizeof answer.text;
		if (send(0, &answer, ANSWER_HEAD + told, MSG_NOSIGNAL) < 0)
			break;
	}
	_exit(0);
}

/* ---- who asks ---- */

int arguments_open(struct arguments *arguments) {
	*arguments = (struct arguments){.channel = -1};
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	pid_t reader = fork();
	if (reader == 0)
		reader_run(ends[1]);
	int error = reader < 0 ? -errno : 0;
	(void)close(ends[1]);
	if (error != 0) {
		(void)close(ends[0]);
		return error;
	}
	arguments->channel = ends[0];
	arguments->reader = reader;
	return 0;
}

/* The end of the channel ends the reader; one that is stuck ends when it is not stuck any more. */
void arguments_close(struct arguments *arguments) {
	descriptor_close(&arguments->channel);
	arguments->reader = 0;
}

static bool send_question(const struct arguments *arguments, uint32_t number, int fd) {
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {.bytes = {0}};
	struct iovec part = {&number, sizeof number};
	struct msghdr message = {
	    .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
	struct cmsghdr *passed = CMSG_FIRSTHDR(&message);
	passed->cmsg_level = SOL_SOCKET;
	passed->cmsg_type = SCM_RIGHTS;
	passed->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(passed), &fd, sizeof fd);
	return sendmsg(arguments->channel, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)sizeof number;
}

uint32_t arguments_ask(struct arguments *arguments, const struct process_handle *process) {
	if (arguments->channel < 0 || arguments->asked - arguments->answered >= ARGUMENTS_ASKED)
		return 0;
	CLOSED_AT_END int fd = openat(process->folder, "cmdline", O_RDONLY | O_CLOEXEC);
	uint32_t number = arguments->asked == UINT32_MAX ? 1 : arguments->asked + 1;
	if (fd < 0 || !send_question(arguments, number, fd))
		return 0;
	if (arguments->asked == arguments->answered)
		arguments->since_us = clock_elapsed_us();
	arguments->asked = number;
	return number;
}

bool arguments_take(struct arguments *arguments, struct arguments_answer *ret_answer) {
	if (arguments->channel < 0)
		return false;
	ssize_t length = recv(arguments->channel, ret_answer, sizeof *ret_answer, MSG_DONTWAIT);
	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (length < (ssize_t)ANSWER_HEAD) { /* the reader is gone */
		descriptor_close(&arguments->channel);
		arguments->answered = arguments->asked;
		return false;
	}
	arguments->answered = ret_answer->number;
	arguments->since_us = clock_elapsed_us();
	return true;
}

bool arguments_are_stuck(const struct arguments *arguments) {
	return arguments->asked != arguments->answered && clock_elapsed_us() - arguments->since_us >= ARGUMENTS_STUCK_US;
}

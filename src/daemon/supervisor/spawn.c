/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/descriptor.h"

enum { SPAWN_REPORT = SPAWN_CHANNEL + 1, HIGH_DESCRIPTOR = 16 };

/* Between fork and exec: 0 or an errno. */
static int descriptors_arrange(int channel, int report) {
	/* Above the places they go to first, so that none is overwritten. */
	int high_channel = fcntl(channel, F_DUPFD_CLOEXEC, HIGH_DESCRIPTOR);
	int high_report = fcntl(report, F_DUPFD_CLOEXEC, HIGH_DESCRIPTOR);
	int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (high_channel < 0 || high_report < 0 || nothing < 0)
		return errno;
	if (dup2(nothing, STDIN_FILENO) < 0 || dup2(nothing, STDOUT_FILENO) < 0 || dup2(high_channel, SPAWN_CHANNEL) < 0 ||
	    dup3(high_report, SPAWN_REPORT, O_CLOEXEC) < 0)
		return errno;
	closefrom(SPAWN_REPORT + 1);
	return 0;
}

static NO_RETURN void child_run(const char *path, int channel, int report, pid_t parent) {
	sigset_t none;
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	/* A group of its own: an interrupt from the terminal is for the supervisor, which stops the rest in order. */
	(void)setpgid(0, 0);
	int error = prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 ? errno : 0;
	if (getppid() != parent)
		_exit(EXIT_FAILURE);
	if (error == 0) {
		error = descriptors_arrange(channel, report);
		if (error == 0)
			report = SPAWN_REPORT;
	}
	if (error == 0) {
		(void)execv(path, (char *[]){(char *)(uintptr_t)path, NULL});
		error = errno;
	}
	_exit(write(report, &error, sizeof error) == (ssize_t)sizeof error ? 127 : 126);
}

int spawn(const char *path, int channel, pid_t *ret_pid, int *ret_report) {
	int report[2];
	if (pipe2(report, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	pid_t parent = getpid();
	pid_t pid = fork();
	if (pid == 0)
		child_run(path, channel, report[1], parent);
	int error = pid < 0 ? -errno : 0;
	descriptor_close(&report[1]);
	if (error != 0) {
		descriptor_close(&report[0]);
		return error;
	}
	*ret_pid = pid;
	*ret_report = report[0];
	return 0;
}

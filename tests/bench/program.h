/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Starts a program as the supervisor does: its channel is descriptor 3. */
#pragma once

#include <errno.h>
#include <unistd.h>

#include "ipc/child.h"
#include "ipc/message.h"

/* Our end of its channel in *ret_channel. The process, or -1 with errno set. */
static pid_t program_start(const char *program, int *ret_channel) {
	int ends[2];
	int error = message_pair(ends);
	if (error != 0) {
		errno = -error;
		return -1;
	}
	pid_t child = fork();
	if (child == 0) {
		if (dup2(ends[1], CHILD_CHANNEL) >= 0)
			(void)execl(program, program, (char *)NULL);
		_exit(127);
	}
	(void)close(ends[1]);
	*ret_channel = ends[0];
	return child;
}

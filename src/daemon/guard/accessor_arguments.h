/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Arguments of a process. Reading them is reading its memory: a page that is on a stuck disk, or on a file server
 * that the process itself runs, would hold the reader for ever, and not even SIGKILL would free a guard that stands
 * there while others wait for its word. So a small process of its own reads them, with no rights but a descriptor
 * of that one file, and guard waits a moment for what it says. While it is stuck, arguments are not told.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "accessor_process.h"
#include "base/attributes.h"

enum { ARGUMENTS_WAIT_MS = 50 };

struct arguments {
	int channel; /* -1: there is no reader */
	pid_t reader;
	uint32_t sequence;
	bool waiting; /* the reader owes an answer */
};

/*
 * Starts the reader. Before any fanotify group is made: it keeps no descriptor of ours but its channel. 0 or a
 * negative errno.
 */
MUST_USE int arguments_open(struct arguments *arguments);
void arguments_close(struct arguments *arguments);

/*
 * The first bytes of them, and in ret_bytes how many there are in all (counted up to ARGUMENTS_COUNTED). 0 when they
 * cannot be told within ARGUMENTS_WAIT_MS, or there are none.
 */
size_t arguments_read(
    struct arguments *arguments, const struct process_handle *process, char *text, size_t room, uint32_t *ret_bytes);

enum { ARGUMENTS_TOLD = 1024, ARGUMENTS_COUNTED = 2 << 20 };

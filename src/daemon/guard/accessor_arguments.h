/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Arguments of a process. Reading them is reading its memory: a page that is on a stuck disk, or on a file server
 * that the process itself runs, would hold the reader for ever, and not even SIGKILL would free a guard that stands
 * there while others wait for its word. So a small process of its own reads them, with no rights but a descriptor
 * of that one file. Guard asks and goes on; what is answered comes later, in the order of the questions.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "accessor_process.h"
#include "base/attributes.h"

enum {
	ARGUMENTS_TOLD = 1024,
	ARGUMENTS_COUNTED = 2 << 20,
	ARGUMENTS_ASKED = 128,        /* questions at once */
	ARGUMENTS_STUCK_US = 1000000, /* a reader that takes longer for one is stuck, or this machine is */
};

struct arguments {
	int channel;       /* poll it for answers; -1: there is no reader */
	uint32_t asked;    /* number of the last question; they begin with 1 */
	uint32_t answered; /* and of the last answer */
	int64_t since_us;  /* by clock_elapsed_us(): when the reader had the oldest question that is open */
	pid_t reader;      /* for tests */
};

struct arguments_answer {
	uint32_t number;
	uint32_t bytes; /* in all, counted up to ARGUMENTS_COUNTED */
	char text[ARGUMENTS_TOLD];
};

/*
 * Starts the reader. Before any fanotify group is made: it keeps no descriptor of ours but its channel. 0 or a
 * negative errno.
 */
MUST_USE int arguments_open(struct arguments *arguments);
void arguments_close(struct arguments *arguments);

/* Asks for those of a process: the question's number, or 0 where it cannot be asked now (too many are open). */
uint32_t arguments_ask(struct arguments *arguments, const struct process_handle *process);
/* The next answer that is there; text holds the first min(bytes, ARGUMENTS_TOLD) of them. False: none yet. */
MUST_USE bool arguments_take(struct arguments *arguments, struct arguments_answer *ret_answer);
/* No answer for too long: nobody should wait for one. */
bool arguments_are_stuck(const struct arguments *arguments);

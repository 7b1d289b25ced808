/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parents of an accessor: a small cache of processes, since those that open footage have the same few. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "accessor_process.h"
#include "base/attributes.h"

enum { PARENTS_KEPT = 128, PARENT_EXECUTABLE_BYTES = 512 };

struct parent {
	struct process_handle process;
	uint32_t real_user;
	pid_t parent;
	const struct server_program *server; /* NULL: none that is known */
	int64_t start_us;
	int64_t checked_us; /* by clock_elapsed_us() */
	char command[COMMAND_BYTES];
	char executable[PARENT_EXECUTABLE_BYTES];
};

struct parents {
	struct process_source *source;
	uint64_t looks;
	pid_t pids[PARENTS_KEPT];    /* apart from the rest: this is what is searched */
	uint64_t seen[PARENTS_KEPT]; /* number of the last look; 0: free */
	struct parent kept[PARENTS_KEPT];
};

void parents_init(struct parents *parents, struct process_source *source);
void parents_release(struct parents *parents);
/*
 * What this process is now, or was at a look less than `age_us` ago; NULL when it is gone. Valid until the next
 * PARENTS_KEPT - 1 looks.
 */
const struct parent *parent_look(struct parents *parents, pid_t pid, int64_t age_us);

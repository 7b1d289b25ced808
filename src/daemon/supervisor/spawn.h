/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Starting a program with nothing but its channel. */
#pragma once

#include <sys/types.h>

#include "base/attributes.h"

/* Where a child finds its channel. */
enum { SPAWN_CHANNEL = 3 };

/*
 * Forks and executes `path` with `channel` as descriptor 3, /dev/null as input and output, our
 * standard error, and nothing else open. It ends when we end. `channel` stays the caller's.
 *
 * ret_report: a pipe that ends when the program runs, or gives an errno (an int) when it cannot.
 * 0 or a negative errno.
 */
MUST_USE int spawn(const char *path, int channel, pid_t *ret_pid, int *ret_report);

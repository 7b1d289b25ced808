/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The programs that run or will: keeper, always wanted, and those that keeper asks for. What happens
 * to each is decided in child_table.c.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "base/attributes.h"
#include "child_table.h"
#include "sandbox/process.h"
#include "watchdog.h"

struct event;
struct supervisor;

enum { CHILD_ROOTS_MAX = 256, CHILDREN_MAX = 640 };

struct child {
	LIST_ENTRY(child) next;
	struct supervisor *supervisor;
	enum process process;
	uint32_t key; /* keeper's number for it */
	size_t root_count;
	uint16_t roots[CHILD_ROOTS_MAX];

	enum child_state state;
	pid_t pid;       /* 0: none */
	pid_t ended_pid; /* of the last one */
	int status;      /* of the last end, as waitpid(2) gives it */
	bool orphan;     /* the keeper that asked for it is gone */
	bool blocked;    /* backed off long enough, but one before it on the same roots has not ended */
	int keeper_end;  /* its channel, until keeper has it; -1 */
	int report;      /* spawn()'s, -1 */
	struct event *report_event;
	struct event *timer;
	struct watchdog watchdog; /* guard only */
	uint32_t failures;        /* unasked ends in a row */
	int64_t started_us;       /* by clock_elapsed_us() */
	int64_t ended_us;
	int64_t alive_us; /* guard: on the wall clock, when it was last known to work; 0 where nobody looked */
};

struct children {
	LIST_HEAD(, child) list;
	size_t count;
	struct child *keeper;
};

/* Makes keeper's entry and wants it. 0 or a negative errno. */
MUST_USE int children_open(struct supervisor *supervisor);
/* Frees all entries; a process that is left cannot be killed now (a hung disk), which is told in the log. */
void children_close(struct supervisor *supervisor);

/* What keeper asks for, checked against the settings; a refusal is told with its reason. */
struct child_wish {
	enum process process;
	uint32_t key;
	const uint16_t *roots;
	size_t root_count;
};
void children_want(struct supervisor *supervisor, const struct child_wish *wish);

/* Passes keeper's CHILD_RELEASED or CHILD_KILL on; one that is not there (any more) is no error. */
void children_tell(struct supervisor *supervisor, enum process process, uint32_t key, enum child_event event);

/* Guard stands still, for which `why` is the reason: ends it, so that nobody waits for its word. */
void child_stands_still(struct child *child, const char *why);

/* A killed guard is dead, but not ours to collect yet. */
void child_is_dead(struct child *child);

/* Collects the status of every process that has ended, and ends a guard that was stopped. */
void children_reap(struct supervisor *supervisor);

/* Keeper's channel is gone: collects keeper, or ends it. */
void children_keeper_unlinked(struct supervisor *supervisor);

/* The whole daemon stops. */
void children_stop(struct supervisor *supervisor);
bool children_any_alive(const struct supervisor *supervisor);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One process, as /proc and its pidfd show it. All is read through a descriptor of its folder, which never turns
 * into another process: after its end reading fails. Nothing here waits for a disk or for the process: no file
 * is used that takes its memory lock, and the program's device and inode are those that the kernel knows.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attributes.h"

enum { COMMAND_BYTES = 64, GROUPS_BYTES = 512, CGROUP_BYTES = 512, TERMINAL_BYTES = 32 };

/* What this kernel offers, and /proc itself. */
struct process_source {
	int proc;        /* descriptor of /proc */
	bool pidfds;     /* pidfd_open(2) */
	bool pidfd_info; /* PIDFD_GET_INFO: users and parent in one call */
	long ticks_per_second;
	int64_t boot_us; /* wall clock at boot, kept while it moves by less than a tick or so */
	uint64_t mount_namespace;
	uint64_t network_namespace;
};

struct process_handle {
	pid_t pid;
	int pidfd;
	int folder;     /* /proc/PID, or /proc/PID/task/TID where the first thread has ended */
	int command;    /* its comm */
	int status;     /* kept open where there is no PIDFD_GET_INFO */
	bool by_thread; /* the first thread has ended: another one stands for it */
};

#define PROCESS_NULL                                                     \
	(struct process_handle) {                                            \
		.pid = 0, .pidfd = -1, .folder = -1, .command = -1, .status = -1 \
	}

/* Ids of one thread. */
struct process_ids {
	uint32_t real_user;
	uint32_t effective_user;
	uint32_t filesystem_user;
	uint32_t group; /* effective */
	uint32_t parent;
};

struct process_stat {
	pid_t parent;
	pid_t session;
	uint32_t terminal;
	bool kernel;
	uint32_t threads;
	uint64_t start_ticks; /* since boot */
	uint64_t stack;       /* where its stack begins: another one after each execve(2) */
	char command[COMMAND_BYTES];
};

struct process_program {
	uint64_t device;
	uint64_t inode;
};

/* 0 or a negative errno. */
MUST_USE int process_source_open(struct process_source *source);
void process_source_close(struct process_source *source);

/*
 * Opens the process of this number. `pidfd` (or -1) is taken over, also on failure. 0, or -ESRCH when it is gone.
 * That the number still means the process of the pidfd is known once process_alive() says so.
 */
MUST_USE int process_open(
    const struct process_source *source, pid_t pid, int pidfd, struct process_handle *ret_process);
void process_close(struct process_handle *process);

/* False once it was waited for. One that has only ended counts as alive: it keeps its number. */
MUST_USE bool process_alive(const struct process_source *source, struct process_handle *process);

/* 0 or a negative errno, -ESRCH when it is gone. */
MUST_USE int process_read_ids(
    const struct process_source *source, struct process_handle *process, struct process_ids *ret_ids);
/*
 * The same of the thread that is at work for somebody: of those that stand still, as one does whose open waits for an
 * answer, the one whose ids differ from the first thread's. For servers that give each thread another user.
 */
MUST_USE int process_read_ids_of_thread(
    const struct process_source *source, struct process_handle *process, struct process_ids *ret_ids);
MUST_USE int process_read_stat(const struct process_handle *process, struct process_stat *ret_stat);
/* The name that the process gives itself; "" when it is gone. */
void process_read_command(struct process_handle *process, char text[COMMAND_BYTES]);
/* Device and inode of the program; false where there is none (kernel threads) or the process is gone. */
MUST_USE bool process_read_program(const struct process_handle *process, struct process_program *ret_program);
/* Its path without " (deleted)", cut at `room`: its length, or a negative errno. Ended by a zero byte. */
MUST_USE ssize_t process_read_executable(const struct process_handle *process, char *path, size_t room);
/* Supplementary groups, "4 24 27", cut with "...". */
void process_read_groups(struct process_handle *process, char text[GROUPS_BYTES]);
/* A number in a file of its own (loginuid, sessionid); 4294967295 where there is none. */
uint32_t process_read_number(const struct process_handle *process, const char *name);
/* The inode of a namespace ("ns/mnt"); 0 where it cannot be told. */
uint64_t process_read_namespace(const struct process_handle *process, const char *name);
/*
 * The control group that says most: the one of cgroup 2, else systemd's own hierarchy, else any that is not the
 * root. And where in it the systemd unit stands (`ret_unit` into `text`; none: length 0).
 */
void process_read_cgroup(
    const struct process_handle *process, char text[CGROUP_BYTES], size_t *ret_unit_offset, size_t *ret_unit_length);

/* "pts/3" from the number in stat; "" for none. */
void terminal_name(uint32_t terminal, char text[TERMINAL_BYTES]);
/* Microseconds on the wall clock. */
int64_t process_start_us(struct process_source *source, uint64_t start_ticks);
/* The unit in a control group's path, as systemd names it: the first component after its slices. */
void cgroup_unit(const char *cgroup, size_t *ret_offset, size_t *ret_length);

/* Whether the first thread has ended and another one goes on: then that one stands for the process. */
void process_follow_thread(struct process_handle *process);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who opens: what /proc and the kernel say of a process, read while it stands still and before it is
 * answered, kept with its pidfd, and checked again (same process, same program, same users) at each
 * further open. Programs that change their user while they run (smbd, sshd, ftp servers) are looked
 * at anew each time. Nothing here opens a path outside /proc, asks a name service, waits, or
 * allocates after accessors_new(): guard answers while disks hang.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attributes.h"
#include "ipc/message.h"
#include "settings/settings.h"

enum {
	ACCESSORS_KEPT = 512, /* the least recently seen makes room */
	ANCESTORS_MAX = 16,
	EXECUTABLE_BYTES = 1024,
	ARGUMENTS_BYTES = 1024,
};

/* `pidfd` of accessors_look() where there is none. */
enum {
	ACCESSOR_NO_PIDFD = -1,   /* this kernel gives none: one is opened here, by the number */
	ACCESSOR_PIDFD_GONE = -3, /* the kernel would have given one, but the process was gone (FAN_NOPIDFD) */
};

struct accessors;
struct accessor;

/*
 * A child of our supervisor that runs from the folder of our own programs is ACCESSOR_OWN; so are the supervisor and
 * this process. Opens all that is needed later and starts the process that reads arguments (accessor_arguments.h): call
 * it before the sandbox and before any fanotify group is made. `settings` must live until accessors_configure() gives
 * others or until accessors_free(). NULL when memory is short or /proc is not there.
 */
MUST_USE struct accessors *accessors_new(const struct settings *settings, pid_t supervisor);
struct accessors *accessors_free(struct accessors *accessors);
void accessors_configure(struct accessors *accessors, const struct settings *settings);

/*
 * Before the answer. `pidfd` is taken over. Reads only what is gone once the process goes on: program, users, login,
 * start, parents, cgroup, and the clients of a server. Never NULL: a process that cannot be looked at is one with
 * reliable false. What is returned stays valid for ACCESSORS_KEPT - 1 further looks.
 */
struct accessor *accessors_look(struct accessors *accessors, pid_t pid, int pidfd);

/* Whose traffic this is in a root (by its index in the settings). */
enum accessor_part accessor_part(const struct accessors *accessors, const struct accessor *accessor, size_t root);
/* Ask after accessor_complete(): what it learns may be another program or client, and that has another number. */
uint32_t accessor_number(const struct accessor *accessor);
pid_t accessor_pid(const struct accessor *accessor);
/* The process was still that one when it had been looked at. */
bool accessor_is_reliable(const struct accessor *accessor);

/*
 * After the answer, once for each that accessors_look() gave: reads what may take its time (groups; for whom it works,
 * by its sockets or its parents') and asks for its arguments, which come later: accessors_receive(). True when keeper
 * must be told (ACCESSOR): new, or changed since it was told.
 */
bool accessor_complete(struct accessors *accessors, struct accessor *accessor);
/* To be polled for POLLIN, then accessors_receive() is called; -1 for none. Not the same for ever: it ends as -1. */
int accessors_descriptor(const struct accessors *accessors);
/* The next one whose arguments are known now: keeper is told (again). NULL when there are no more. */
struct accessor *accessors_receive(struct accessors *accessors);
/* Its arguments are still to come, and soon. */
bool accessor_awaits(const struct accessors *accessors, const struct accessor *accessor);

/* The message for keeper; texts point into the accessor. Ancestors are added by message_add_ancestor(). */
void accessor_tell(
    const struct accessors *accessors, const struct accessor *accessor, size_t root, struct message_writer *out);
/* Keeper is a new one: all must be told again. */
void accessors_forget_told(struct accessors *accessors);

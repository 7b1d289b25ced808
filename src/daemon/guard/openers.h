/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who opened last, by process number. A program that writes a file and ends is gone when its
 * closing is read; but it opened the file, and stood still then. A later process with its number that
 * closes something has opened it too, and is the one kept here.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct accessor;
struct accessors;

enum { OPENERS = 1024 };

struct openers {
	uint64_t looks; /* at accessors: they stay valid for ACCESSORS_KEPT - 1 of them */
	struct {
		pid_t pid;
		struct accessor *accessor;
		uint64_t look;
	} last[OPENERS];
};

/* accessors_look(), counted. */
struct accessor *openers_look(struct openers *openers, struct accessors *accessors, pid_t pid, int pidfd);
void openers_note(struct openers *openers, pid_t pid, struct accessor *accessor);
/* NULL for one that is not known any more. */
struct accessor *openers_find(const struct openers *openers, pid_t pid);

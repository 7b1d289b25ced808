/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files below a root that are open already when its marks are placed: found by /proc/PID/fd, in small
 * steps between the answers. What is only mapped, with its descriptor closed, is not found.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct guard;

enum { FOUND_NAMES_BYTES = 4096 };

struct found {
	bool wanted; /* a root has been marked since the last look began */
	int proc;    /* open while a look is under way; -1 */
	size_t at;   /* in names */
	size_t length;
	_Alignas(8) char names[FOUND_NAMES_BYTES];
};

/* Looks at some processes. True while more are waiting. */
bool found_step(struct guard *guard);
void found_release(struct guard *guard);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Marks on folders: a walk in small steps between the answers, and again for each folder that appears.
 * Opens folders only, never a file.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

struct guard;

struct walk_item {
	uint16_t root;
	char *path; /* below the root; "" is the root itself */
};

struct walk {
	struct walk_item *items; /* the last is the next */
	size_t count;
	size_t room;
};

/* A folder to be marked, with all below it. */
void walk_push(struct guard *guard, size_t root, struct text path);
/* Marks some folders. True while more are waiting. */
bool walk_step(struct guard *guard);
/* A root is not watched any more; `all`: nor is any other whose folders are marked. */
void walk_forget(struct guard *guard, size_t root, bool all);
void walk_release(struct guard *guard);

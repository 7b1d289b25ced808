/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where below a watched root a descriptor is, whatever mount it was opened through. Opens nothing but O_PATH. */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

struct guard;

struct place {
	int root;       /* index in the settings; -1: below none that is watched */
	bool uncertain; /* on a root's volume, but its path cannot be told: `below` is empty */
	uint64_t inode;
	uint64_t bytes;
	struct text below; /* points into path */
	char path[PATH_MAX];
};

/* `fd` may be O_PATH. */
void place_of(struct guard *guard, int fd, struct place *ret_place);

/* The path of a descriptor as we see it; empty when it cannot be told. Into `room` bytes. */
struct text place_path(const struct guard *guard, int fd, char *path, size_t room);

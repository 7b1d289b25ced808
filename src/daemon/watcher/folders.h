/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A table of folders by path with the times of their last complete listing: what keeper says it
 * knows before a scan, and what has no watch and is compared each minute.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/bytes.h"

/* More folders than any archive in reference has, by two orders; over it a folder is simply read again. */
enum { FOLDERS_MAX = 1 << 20 };

struct folder {
	int64_t mtime_ns; /* 0: must be read again */
	int64_t ctime_ns;
	bool seen;      /* visited since the scan began */
	uint32_t error; /* errno of the last visit: told once, not each minute */
	uint16_t length;
	char path[]; /* relative to the root, NUL-terminated; "" is the root */
};

struct folders {
	struct folder **slots; /* open addressing; FOLDER_REMOVED marks a hole */
	size_t room;           /* a power of two, or 0 */
	size_t used;           /* slots that are not empty, holes included */
	size_t count;
};

/* Adds the folder or sets its times. Returns it, or NULL without memory or over FOLDERS_MAX. */
struct folder *folders_put(struct folders *folders, struct text path, int64_t mtime_ns, int64_t ctime_ns);
struct folder *folders_find(const struct folders *folders, struct text path);
void folders_remove(struct folders *folders, struct text path);
void folders_release(struct folders *folders);

/* The folder in the first filled slot from *position on, which moves behind it; NULL at the end. Removing while walking
 * is safe. */
struct folder *folders_next(const struct folders *folders, size_t *position);

/* An array of all folders (count of them), most recently changed first (those to be read again before all), for the
 * caller to free. NULL without memory or when empty. */
struct folder **folders_newest_first(const struct folders *folders);

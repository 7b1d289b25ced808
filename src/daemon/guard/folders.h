/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Folders by what their mark gives back, for the levels that may not ask the kernel for the path: a
 * file handle (fanotify without privilege) or a watch number (inotify).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"

enum { FOLDER_KEY_BYTES = 136 };

struct folder_key {
	uint32_t length;
	unsigned char bytes[FOLDER_KEY_BYTES];
};

struct folder {
	uint16_t root;
	const char *path; /* below the root */
};

struct folders;

/* The key of an open folder, by its handle. 0 or a negative errno. */
MUST_USE int folder_key_of(int fd, struct folder_key *ret_key);
/* The same from an event: bytes of a struct file_handle, and how many there are. */
MUST_USE int folder_key_of_handle(const unsigned char *handle, size_t length, struct folder_key *ret_key);
struct folder_key folder_key_of_watch(int watch);

/* Adds, or gives a folder another path. `folders` is made with the first. 0 or -ENOMEM. */
MUST_USE int folders_put(struct folders **folders, const struct folder_key *key, uint16_t root, const char *path);
/* NULL for an unknown one. Valid until the next change. */
const struct folder *folders_find(const struct folders *folders, const struct folder_key *key);
void folders_remove(struct folders *folders, const struct folder_key *key);
struct folders *folders_free(struct folders *folders);

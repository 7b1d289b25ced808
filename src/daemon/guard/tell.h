/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From what was seen to what keeper is told. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "ipc/message.h"

struct accessor;
struct guard;
struct place;

struct access_seen {
	enum access_what what;
	bool told_before; /* accessor_complete() had nothing new */
	int64_t at_us;
};

/* An open by a known process. Nothing is told of our own programs, and of what is below no root. */
void tell_access(
    struct guard *guard, const struct accessor *accessor, const struct place *place, const struct access_seen *seen);

/* Command lines that have come since: told with what waits to be sent, else once more. */
void tell_arguments(struct guard *guard);

/* An event that has a folder and a name, and no process. */
struct named_event {
	struct text name;
	bool folder; /* the name is a folder's */
	bool opened;
	bool appeared;
	int64_t at_us;
};
void tell_named(struct guard *guard, size_t root, struct text folder, const struct named_event *event);

struct alteration_seen {
	const struct accessor *accessor; /* NULL: the kernel did not tell */
	bool told_before;
	uint32_t pid;
	enum alteration_what what;
	int64_t at_us;
};
void tell_alteration(struct guard *guard, size_t root, struct text path, const struct alteration_seen *seen);

/* Joins a folder and a name; empty when that is too long. Into PATH_MAX bytes. */
struct text path_join(char *path, struct text folder, struct text name);

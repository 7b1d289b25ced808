/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names to numbers, once and here: no other program of the daemon asks the system's user database. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/attributes.h"
#include "sandbox/process.h"

struct options;
struct settings;

struct identity {
	bool drop; /* false as an ordinary user: children stay who they are */
	uid_t user;
	gid_t group;
	uid_t probe_user;
	gid_t probe_group;
	bool publishes; /* publish_user and publish_group are known */
	uid_t publish_user;
	gid_t publish_group;
};

/* 0, or a negative errno after a log line that says what to do. */
MUST_USE int identity_find(const struct options *options, struct identity *ret_identity);

/* Looks up whom publisher becomes, once there is something to publish. 0, or a negative errno after a log line. */
MUST_USE int identity_find_publisher(const struct options *options, struct identity *identity);

/* Whom a child becomes: guard stays root. */
void identity_of(const struct identity *identity, enum process process, uid_t *ret_user, gid_t *ret_group);

/*
 * Sets role_gids, and user_id of `recorder` and `guard.allow`. A group or user that does not exist is told
 * in the log: nobody has that role, and nobody is that program.
 */
void identity_resolve(struct settings *settings);

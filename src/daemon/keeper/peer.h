/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who is at the other end of the control socket, as the kernel says, and what that person may do. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attributes.h"
#include "settings/settings.h"

/* Names of users, read once while /etc/passwd can still be opened: the sandbox closes it, and an entry should name a
 * person. */
struct user_names;
MUST_USE struct user_names *user_names_read(void);
struct user_names *user_names_free(struct user_names *names);
/* NULL for an unknown one. */
const char *user_names_find(const struct user_names *names, uid_t user);

struct peer {
	uid_t user;
	pid_t pid;
	gid_t *groups; /* the primary one first */
	size_t group_count;
};
/* SO_PEERCRED and SO_PEERGROUPS (Linux 4.13; without it the primary group alone). 0 or a negative errno. */
MUST_USE int peer_read(int fd, struct peer *ret_peer);
void peer_release(struct peer *peer);
/* Bits (1u << enum role). root and the user that the daemon runs as for a trial have all. */
uint32_t peer_roles(const struct peer *peer, const struct settings *settings, bool trial);

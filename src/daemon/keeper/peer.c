/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Credentials of a client and the roles that its groups give. */
#include "peer.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { USER_NAMES_MAX = 4096, PEER_GROUPS_MAX = 65536 };

struct user_name {
	uid_t user;
	char name[64];
};

struct user_names {
	size_t count;
	struct user_name list[];
};

struct user_names *user_names_read(void) {
	struct user_names *names = calloc(1, sizeof(*names) + 64 * sizeof(struct user_name));
	FILE *file = fopen("/etc/passwd", "re");
	size_t room = 64;
	const struct passwd *line;
	while (names != NULL && file != NULL && names->count < USER_NAMES_MAX && (line = fgetpwent(file)) != NULL) {
		if (names->count == room) {
			struct user_names *more = realloc(names, sizeof(*names) + 2 * room * sizeof(struct user_name));
			if (!more)
				break;
			names = more;
			room *= 2;
		}
		struct user_name *entry = &names->list[names->count++];
		entry->user = line->pw_uid;
		snprintf(entry->name, sizeof(entry->name), "%s", line->pw_name);
	}
	if (file)
		(void)fclose(file);
	return names;
}

struct user_names *user_names_free(struct user_names *names) {
	free(names);
	return NULL;
}

const char *user_names_find(const struct user_names *names, uid_t user) {
	for (size_t i = 0; names && i < names->count; i++)
		if (names->list[i].user == user)
			return names->list[i].name;
	return NULL;
}

static int groups_read(int fd, struct peer *peer) {
	socklen_t length = 0;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &length) < 0 && errno != ERANGE)
		return errno == ENOPROTOOPT ? 0 : -errno;
	size_t count = length / sizeof(gid_t);
	if (count == 0)
		return 0;
	if (count > PEER_GROUPS_MAX)
		return -E2BIG;
	gid_t *groups = realloc(peer->groups, (count + 1) * sizeof(gid_t));
	if (!groups)
		return -ENOMEM;
	peer->groups = groups;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups + 1, &length) < 0)
		return -errno;
	peer->group_count = 1 + length / sizeof(gid_t);
	return 0;
}

int peer_read(int fd, struct peer *ret_peer) {
	struct ucred credentials;
	socklen_t length = sizeof(credentials);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) < 0)
		return -errno;
	struct peer peer = {.user = credentials.uid, .pid = credentials.pid, .group_count = 1};
	peer.groups = malloc(sizeof(gid_t));
	if (!peer.groups)
		return -ENOMEM;
	peer.groups[0] = credentials.gid;
	int error = groups_read(fd, &peer);
	if (error < 0) {
		peer_release(&peer);
		return error;
	}
	*ret_peer = peer;
	return 0;
}

void peer_release(struct peer *peer) {
	free(peer->groups);
	memset(peer, 0, sizeof(*peer));
}

uint32_t peer_roles(const struct peer *peer, const struct settings *settings, bool trial) {
	if (peer->user == 0 || (trial && peer->user == geteuid()))
		return (1u << ROLE_COUNT) - 1;
	uint32_t roles = 0;
	for (unsigned role = 0; role < ROLE_COUNT; role++)
		for (size_t i = 0; i < peer->group_count; i++)
			if (settings->role_gids[role] != (gid_t)-1 && settings->role_gids[role] == peer->groups[i])
				roles |= 1u << role;
	return roles;
}

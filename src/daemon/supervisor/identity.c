/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "identity.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "options.h"
#include "settings/settings.h"

static int user_find(const char *name, const char *option, uid_t *ret_user, gid_t *ret_group) {
	errno = 0;
	const struct passwd *entry = getpwnam(name);
	if (entry == NULL) {
		int error = errno;
		if (error != 0 && error != ENOENT && error != ESRCH) {
			log_error_errno(error, "cannot look up the user '%s'", name);
			return -error;
		}
		log_error(
		    "no user '%s' on this system: create it with 'systemd-sysusers', or with 'useradd --system --user-group "
		    "--home-dir /nonexistent --shell /usr/sbin/nologin %s'; or name another with %s",
		    name, name, option);
		return -ENOENT;
	}
	*ret_user = entry->pw_uid;
	*ret_group = entry->pw_gid;
	return 0;
}

int identity_find(const struct options *options, struct identity *ret_identity) {
	struct identity found = {.drop = geteuid() == 0, .user = geteuid(), .group = getegid()};
	found.probe_user = found.user;
	found.probe_group = found.group;
	if (found.drop) {
		int error = user_find(options->user, "--user", &found.user, &found.group);
		if (error == 0)
			error = user_find(options->probe_user, "--probe-user", &found.probe_user, &found.probe_group);
		if (error != 0)
			return error;
	}
	*ret_identity = found;
	return 0;
}

void identity_of(const struct identity *identity, enum process process, uid_t *ret_user, gid_t *ret_group) {
	bool probes = process == PROCESS_PROBER || process == PROCESS_HASHER;
	*ret_user = probes ? identity->probe_user : identity->user;
	*ret_group = probes ? identity->probe_group : identity->group;
}

void identity_resolve_roles(struct settings *settings) {
	char missing[512] = "";
	size_t used = 0;
	for (int role = 0; role < ROLE_COUNT; role++) {
		settings->role_gids[role] = (gid_t)-1;
		const char *name = settings->role_groups[role];
		if (name == NULL || name[0] == '\0')
			continue;
		const struct group *entry = getgrnam(name);
		if (entry != NULL) {
			settings->role_gids[role] = entry->gr_gid;
			continue;
		}
		int length = snprintf(missing + used, sizeof missing - used, "%s'%s' (%s)", used > 0 ? ", " : "", name,
		    role_name((enum role)role));
		if (length > 0 && (size_t)length < sizeof missing - used)
			used += (size_t)length;
	}
	if (used > 0)
		log_notice("no such groups on this system, nobody has these roles by a group: %s", missing);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "identity.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

int identity_find_publisher(const struct options *options, struct identity *identity) {
	if (identity->publishes)
		return 0;
	identity->publish_user = identity->user;
	identity->publish_group = identity->group;
	if (identity->drop) {
		int error =
		    user_find(options->publish_user, "--publish-user", &identity->publish_user, &identity->publish_group);
		if (error != 0)
			return error;
	}
	identity->publishes = true;
	return 0;
}

void identity_of(const struct identity *identity, enum process process, uid_t *ret_user, gid_t *ret_group) {
	*ret_user = identity->user;
	*ret_group = identity->group;
	if (process == PROCESS_PROBER || process == PROCESS_HASHER) {
		*ret_user = identity->probe_user;
		*ret_group = identity->probe_group;
	} else if (process == PROCESS_PUBLISHER) {
		*ret_user = identity->publish_user;
		*ret_group = identity->publish_group;
	} else if (process == PROCESS_GUARD) {
		*ret_user = geteuid();
		*ret_group = getegid();
	}
}

/* Names that were not found, for one log line. */
struct missing {
	char text[512];
	size_t used;
};

static void missing_add(struct missing *missing, const char *name, const char *what) {
	size_t room = sizeof missing->text - missing->used;
	int length =
	    snprintf(missing->text + missing->used, room, "%s'%s' (%s)", missing->used > 0 ? ", " : "", name, what);
	if (length > 0 && (size_t)length < room)
		missing->used += (size_t)length;
	else
		missing->text[missing->used] = '\0';
}

/* A name, or a number: users of containers often have no name here. */
static uid_t user_of(const char *name) {
	const struct passwd *entry = getpwnam(name);
	if (entry != NULL)
		return entry->pw_uid;
	size_t digits = strspn(name, "0123456789");
	if (digits == 0 || digits > 9 || name[digits] != '\0')
		return (uid_t)-1;
	return (uid_t)strtoul(name, NULL, 10);
}

static void resolve_users(struct accessor_settings *list, size_t count, const char *what, struct missing *missing) {
	for (size_t i = 0; i < count; i++) {
		if (list[i].user == NULL)
			continue;
		list[i].user_id = user_of(list[i].user);
		if (list[i].user_id == (uid_t)-1)
			missing_add(missing, list[i].user, what);
	}
}

static void resolve_roles(struct settings *settings) {
	struct missing missing = {0};
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
		missing_add(&missing, name, role_name((enum role)role));
	}
	if (missing.used > 0)
		log_notice("no such groups on this system, nobody has these roles by a group: %s", missing.text);
}

void identity_resolve(struct settings *settings) {
	struct missing missing = {0};
	resolve_roles(settings);
	for (size_t i = 0; i < settings->root_count; i++)
		resolve_users(
		    settings->roots[i].recorders, settings->roots[i].recorder_count, settings->roots[i].name, &missing);
	resolve_users(settings->guard.allow, settings->guard.allow_count, "guard.allow", &missing);
	if (missing.used > 0)
		log_warning("no such users on this system, guard takes nobody for them: %s", missing.text);
}

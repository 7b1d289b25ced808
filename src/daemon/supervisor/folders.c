/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "folders.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "base/log.h"
#include "settings/settings.h"

enum { CLIENTS_WAITING = 64 };

static const char socket_name[] = "control.sock";

/* mkdir -p; the folders above get 0755. 0 or a negative errno. */
static int folder_make(const char *path, mode_t mode) {
	char part[PATH_MAX];
	int length = snprintf(part, sizeof part, "%s", path);
	if (length < 0 || (size_t)length >= sizeof part)
		return -ENAMETOOLONG;
	for (char *slash = strchr(part + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(part, 0755) < 0 && errno != EEXIST && errno != EROFS)
			return -errno;
		*slash = '/';
	}
	if (mkdir(path, mode) < 0)
		return errno == EEXIST ? 0 : -errno;
	/* Whatever the umask took away. */
	return chmod(path, mode) < 0 ? -errno : 0;
}

static bool folder_is_empty(int fd) {
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = copy < 0 ? NULL : fdopendir(copy);
	if (folder == NULL) {
		descriptor_close(&copy);
		return false;
	}
	bool empty = true;
	for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			empty = false;
	(void)closedir(folder);
	return empty;
}

struct owner {
	uid_t user;
	gid_t group;
};

/* Makes the folder if need be and opens it. A descriptor, or a negative errno after a log line. */
static int folder_open(const char *key, const char *path, mode_t mode, struct owner owner) {
	int error = folder_make(path, mode);
	int fd = -1;
	struct stat facts = {0};
	if (error >= 0) {
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		error = fd < 0 || fstat(fd, &facts) < 0 ? -errno : 0;
	}
	/* An empty one that an administrator made as root is handed over; never one that holds other people's files. */
	if (error == 0 && facts.st_uid != owner.user && geteuid() == 0 && folder_is_empty(fd)) {
		facts.st_uid = owner.user;
		error = fchown(fd, owner.user, owner.group) < 0 ? -errno : 0;
	}
	if (error != 0) {
		log_error_errno(error, "cannot make or open %s '%s'", key, path);
	} else if (facts.st_uid != owner.user) {
		log_error(
		    "%s '%s' belongs to user %u, but must be user %u's: 'chown -R %u:%u %s' if nothing else uses it, or name "
		    "another folder",
		    key, path, facts.st_uid, owner.user, owner.user, owner.group, path);
		error = -EPERM;
	}
	if (error != 0)
		descriptor_close(&fd);
	return error != 0 ? error : fd;
}

static void say_locked(const char *key, const char *path, int lock) {
	char holder[16] = "";
	ssize_t length = pread(lock, holder, sizeof holder - 1, 0);
	long pid = length > 0 ? strtol(holder, NULL, 10) : 0;
	if (pid > 0)
		log_error("another retentiond (process %ld) runs on %s '%s': stop it, or give this one folders of its own", pid,
		    key, path);
	else
		log_error("another retentiond runs on %s '%s': stop it, or give this one folders of its own", key, path);
}

static int lock_take(const char *key, const char *path, int lock) {
	if (flock(lock, LOCK_EX | LOCK_NB) == 0)
		return 0;
	int error = -errno;
	if (error == -EWOULDBLOCK)
		say_locked(key, path, lock);
	else
		log_error_errno(error, "cannot lock %s '%s'", key, path);
	return error;
}

static int state_open(struct folders *folders, const struct settings *settings, const struct identity *identity) {
	struct owner owner = {.user = identity->user, .group = identity->group};
	CLOSED_AT_END int state = folder_open("state_dir", settings->state_dir, 0750, owner);
	if (state < 0)
		return state;
	folders->state_lock = openat(state, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (folders->state_lock < 0) {
		int error = -errno;
		log_error_errno(error, "cannot open '%s/lock'", settings->state_dir);
		return error;
	}
	int error = lock_take("state_dir", settings->state_dir, folders->state_lock);
	if (error != 0)
		return error;
	/* For the message above only; the lock is what counts. */
	char own[16];
	int length = snprintf(own, sizeof own, "%d\n", (int)getpid());
	if (ftruncate(folders->state_lock, 0) < 0 ||
	    descriptor_pwrite_all(folders->state_lock, own, (size_t)length, 0) != 0)
		log_warning_errno(errno, "cannot write '%s/lock', going on", settings->state_dir);
	return 0;
}

static int socket_open(struct folders *folders, const struct settings *settings) {
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int length = snprintf(address.sun_path, sizeof address.sun_path, "%s/%s", settings->run_dir, socket_name);
	if (length < 0 || (size_t)length >= sizeof address.sun_path) {
		log_error("run_dir '%s' is too long: a socket's path may have %zu bytes with '/%s'", settings->run_dir,
		    sizeof address.sun_path - 1, socket_name);
		return -ENAMETOOLONG;
	}
	/* The lock is ours, so a socket that is there was left behind. */
	if (unlinkat(folders->run_lock, socket_name, 0) < 0 && errno != ENOENT) {
		int error = -errno;
		log_error_errno(error, "cannot remove the old socket '%s'", address.sun_path);
		return error;
	}
	CLOSED_AT_END int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* Anyone may connect: roles come from the peer's groups, and denials are entries in the log. */
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) < 0 ||
	    chmod(address.sun_path, 0666) < 0 || listen(fd, CLIENTS_WAITING) < 0) {
		int error = -errno;
		log_error_errno(error, "cannot listen on '%s'", address.sun_path);
		return error;
	}
	folders->control_socket = fd;
	fd = -1;
	return 0;
}

int folders_open(struct folders *folders, const struct settings *settings, const struct identity *identity) {
	int error = state_open(folders, settings, identity);
	if (error != 0)
		return error;
	folders->run_lock = folder_open("run_dir", settings->run_dir, 0755, (struct owner){geteuid(), getegid()});
	if (folders->run_lock < 0)
		return folders->run_lock;
	error = lock_take("run_dir", settings->run_dir, folders->run_lock);
	return error == 0 ? socket_open(folders, settings) : error;
}

void folders_close(struct folders *folders) {
	if (folders->control_socket >= 0)
		(void)unlinkat(folders->run_lock, socket_name, 0);
	descriptor_close(&folders->control_socket);
	descriptor_close(&folders->run_lock);
	descriptor_close(&folders->state_lock);
}

bool folders_have_state(const struct settings *settings) {
	char path[PATH_MAX];
	int length = snprintf(path, sizeof path, "%s/state.db", settings->state_dir);
	return length > 0 && (size_t)length < sizeof path && faccessat(AT_FDCWD, path, F_OK, AT_EACCESS) == 0;
}

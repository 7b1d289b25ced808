/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "root.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "facts.h"

enum { QUARANTINE_COUNT_MAX = 1000000 };

static int make_folder(const char *path, uid_t user, gid_t group) {
	if (mkdir(path, 0700) < 0)
		return errno == EEXIST ? 0 : -errno;
	if (user != 0 && chown(path, user, group) < 0)
		return -errno;
	return 0;
}

int root_prepare(const struct root_settings *settings, uid_t user, gid_t group) {
	if (settings->vault == NULL || !settings->layout->slots)
		return 0;
	char path[PATH_MAX];
	const char *slash = strrchr(settings->vault, '/');
	if (slash == NULL || strlen(settings->vault) + sizeof "/quarantine" > sizeof path)
		return -EINVAL;
	/* Not where a mount is missing: the vault would come to lie on the disk below it. A rename could not reach it
	 * either. */
	(void)snprintf(path, sizeof path, "%.*s/", (int)(slash - settings->vault), settings->vault);
	struct stat root;
	struct stat parent;
	if (stat(settings->path, &root) < 0 || stat(path, &parent) < 0)
		return -errno;
	if (root.st_dev != parent.st_dev)
		return -EXDEV;
	int error = make_folder(settings->vault, user, group);
	(void)snprintf(path, sizeof path, "%s/quarantine", settings->vault);
	return error == 0 ? make_folder(path, user, group) : error;
}

int root_open(struct root *root) {
	if (root->fd >= 0)
		return 0;
	CLOSED_AT_END int fd = open(root->settings->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	struct facts facts;
	int error = facts_of_descriptor(fd, &facts);
	if (error < 0)
		return error;
	if (root->known && (facts.device != root->device || facts.inode != root->inode || facts.birth_ns != root->birth_ns))
		return -ESTALE;
	root->known = true;
	root->device = facts.device;
	root->inode = facts.inode;
	root->birth_ns = facts.birth_ns;
	root->fd = fd;
	fd = -1;
	return 0;
}

int root_open_quarantine(struct root *root) {
	if (root->quarantine_fd >= 0)
		return 0;
	if (root->settings->vault == NULL)
		return -ENOTSUP;
	CLOSED_AT_END int vault = open(root->settings->vault, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (vault < 0)
		return -errno;
	if (mkdirat(vault, "quarantine", 0700) < 0 && errno != EEXIST)
		return -errno;
	int fd = openat(vault, "quarantine", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	root->quarantine_fd = fd;
	return 0;
}

void root_close(struct root *root) {
	descriptor_close(&root->fd);
	descriptor_close(&root->quarantine_fd);
}

int64_t root_count_quarantined(struct root *root) {
	int fd = openat(root->quarantine_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	DIR *folder = fdopendir(fd);
	if (folder == NULL) {
		int error = -errno;
		(void)close(fd);
		return error;
	}
	int64_t count = 0;
	for (struct dirent *entry = readdir(folder); entry != NULL && count < QUARANTINE_COUNT_MAX; entry = readdir(folder))
		if (entry->d_name[0] != '.')
			count++;
	(void)closedir(folder);
	return count;
}

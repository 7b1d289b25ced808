/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/descriptor.h"

int output_file_open(const char *path, struct output_file *ret_file) {
	struct output_file file = {.path = path};
	if (asprintf(&file.partial, "%s.partial", path) < 0)
		return -ENOMEM;
	/* What is left of an earlier try is begun anew; not through a link. */
	int fd = open(file.partial, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	file.stream = fd < 0 ? NULL : fdopen(fd, "w");
	if (file.stream == NULL) {
		int error = -errno;
		descriptor_close(&fd);
		free(file.partial);
		return error;
	}
	*ret_file = file;
	return 0;
}

static int folder_sync(const char *path) {
	char *copy = strdup(path);
	if (copy == NULL)
		return -ENOMEM;
	CLOSED_AT_END int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(copy);
	/* A memory stick's file system may not know how to sync a folder. */
	return fd < 0 ? -errno : fsync(fd) < 0 && errno != EINVAL ? -errno : 0;
}

int output_file_commit(struct output_file *file) {
	int error = fflush(file->stream) != 0 || fsync(fileno(file->stream)) < 0 ? -errno : 0;
	if (fclose(file->stream) != 0 && error == 0)
		error = -errno;
	file->stream = NULL;
	if (error == 0 && rename(file->partial, file->path) < 0)
		error = -errno;
	if (error == 0) {
		free(file->partial);
		file->partial = NULL;
		return folder_sync(file->path);
	}
	output_file_abandon(file);
	return error;
}

void output_file_abandon(struct output_file *file) {
	if (file->stream != NULL)
		(void)fclose(file->stream);
	if (file->partial != NULL)
		(void)unlink(file->partial);
	free(file->partial);
	*file = (struct output_file){0};
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Questions about paths that a configuration has to answer. */
#include "settings/parse.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/descriptor.h"

const char *path_fault(char *path) {
	size_t length = strlen(path);
	while (length > 1 && path[length - 1] == '/')
		path[--length] = '\0';
	if (path[0] != '/')
		return "is not absolute; write it from '/'";
	if (length == 1)
		return "is the whole system; write a folder of its own";
	if (length >= PATH_MAX)
		return "is too long; write a shorter one";
	for (const char *at = path; at != NULL; at = strchr(at + 1, '/')) {
		size_t name = strcspn(at + 1, "/");
		if (name == 0 || (name == 1 && at[1] == '.') || (name == 2 && at[1] == '.' && at[2] == '.'))
			return "has '//', '.' or '..' in it; write the plain path";
	}
	return NULL;
}

bool path_is_within(const char *inner, const char *outer) {
	size_t length = strlen(outer);
	return strncmp(inner, outer, length) == 0 && (inner[length] == '\0' || inner[length] == '/');
}

bool path_is_linked(const char *path, char **ret_real) {
	char *real = realpath(path, NULL);
	if (real != NULL && strcmp(real, path) != 0) {
		*ret_real = real;
		return true;
	}
	free(real);
	return false;
}

void path_check(struct config_source *source, const config_setting_t *in, const char *key, char *path) {
	char *real = NULL;
	if (path == NULL)
		return;
	const config_setting_t *at = config_setting_get_member(in, key);
	const char *fault = path_fault(path);
	if (fault != NULL)
		config_refuse(source, at, "'%s' %s", key, fault);
	else if (path_is_linked(path, &real))
		config_refuse(source, at, "'%s' leads over a symbolic link; write %s = \"%s\";", key, key, real);
	free(real);
}

/* "Europe/Brussels" of "/usr/share/zoneinfo/Europe/Brussels". */
static char *zone_of_link(const char *link) {
	static const char *const folders[] = {"/zoneinfo/posix/", "/zoneinfo/right/", "/zoneinfo/"};
	for (size_t i = 0; i < ARRAY_LENGTH(folders); i++) {
		const char *at = strstr(link, folders[i]);
		if (at != NULL && at[strlen(folders[i])] != '\0')
			return strdup(at + strlen(folders[i]));
	}
	return NULL;
}

char *system_timezone(void) {
	char link[PATH_MAX];
	ssize_t length = readlink("/etc/localtime", link, sizeof(link) - 1);
	if (length > 0) {
		link[length] = '\0';
		char *name = zone_of_link(link);
		if (name != NULL)
			return name;
	}
	char *text = NULL;
	if (descriptor_read_file(AT_FDCWD, "/etc/timezone", 256, &text, &(size_t){0}) == 0) {
		text[strcspn(text, " \t\n")] = '\0';
		if (text[0] != '\0')
			return text;
		free(text);
	}
	return strdup("UTC");
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mounts.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TABLE_MAX = 8 << 20 };

int mounts_read(int mountinfo_fd, char **ret_table) {
	size_t room = 1 << 14, used = 0;
	char *table = malloc(room);
	/* seq_file: a read after a seek to 0 makes the table anew. */
	if (table == NULL || lseek(mountinfo_fd, 0, SEEK_SET) < 0) {
		int error = table == NULL ? -ENOMEM : -errno;
		free(table);
		return error;
	}
	for (;;) {
		if (used + 1 == room) {
			char *grown = room >= TABLE_MAX ? NULL : realloc(table, room * 2);
			if (grown == NULL) {
				free(table);
				return -ENOMEM;
			}
			table = grown;
			room *= 2;
		}
		ssize_t got = read(mountinfo_fd, table + used, room - used - 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			int error = -errno;
			free(table);
			return error;
		}
		if (got == 0)
			break;
		used += (size_t)got;
	}
	table[used] = '\0';
	*ret_table = table;
	return 0;
}

/* The next field of a line, its length; NULL at the line's end. */
static const char *field(const char **at, size_t *ret_length) {
	const char *start = *at;
	size_t length = strcspn(start, " \n");
	if (length == 0)
		return NULL;
	*at = start + length + (start[length] == ' ' ? 1 : 0);
	*ret_length = length;
	return start;
}

static bool is_octal(const char *text, size_t length) {
	for (size_t i = 0; i < length; i++)
		if (text[i] < '0' || text[i] > '7')
			return false;
	return true;
}

/* "\040" is a space. False where it does not fit. */
static bool unescape(const char *from, size_t length, char to[PATH_MAX]) {
	size_t used = 0;
	for (size_t i = 0; i < length && used + 1 < PATH_MAX; i++) {
		if (from[i] == '\\' && i + 3 < length && is_octal(from + i + 1, 3)) {
			to[used++] = (char)((from[i + 1] - '0') * 64 + (from[i + 2] - '0') * 8 + (from[i + 3] - '0'));
			i += 3;
		} else {
			to[used++] = from[i];
		}
	}
	to[used] = '\0';
	return used + 1 < PATH_MAX;
}

static bool is_above(const char *point, size_t length, const char *path) {
	if (length == 1)
		return path[0] == '/';
	return strncmp(path, point, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

int mounts_find(const char *table, const char *path, struct mount *ret_mount) {
	struct mount best = {0};
	for (const char *line = table; *line != '\0';) {
		const char *at = line;
		const char *fields[5];
		size_t lengths[5];
		bool whole = true;
		for (size_t i = 0; whole && i < 5; i++)
			whole = (fields[i] = field(&at, &lengths[i])) != NULL;
		char point[PATH_MAX];
		if (whole && unescape(fields[4], lengths[4], point)) {
			size_t length = strlen(point);
			if (length >= best.point_length && is_above(point, length, path))
				best = (struct mount){.id = strtoll(fields[0], NULL, 10), .point_length = length};
		}
		const char *end = strchr(line, '\n');
		if (end == NULL)
			break;
		line = end + 1;
	}
	if (best.point_length == 0)
		return -ENOENT;
	*ret_mount = best;
	return 0;
}

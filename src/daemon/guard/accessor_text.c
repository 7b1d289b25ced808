/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text of /proc. */
#include "accessor_text.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

ssize_t text_read(int fd, char *text, size_t room) {
	text[0] = '\0';
	ssize_t length = pread(fd, text, room - 1, 0);
	if (length < 0)
		return -errno;
	text[length] = '\0';
	return length;
}

const char *text_line(const char *text, const char *name) {
	size_t length = strlen(name);
	for (const char *line = text; line != NULL && *line != '\0';) {
		if (strncmp(line, name, length) == 0)
			return line + length;
		line = strchr(line, '\n');
		if (line != NULL)
			line++;
	}
	return NULL;
}

bool text_numbers(const char *text, uint64_t *ret_numbers, size_t count) {
	if (text == NULL)
		return false;
	for (size_t i = 0; i < count; i++) {
		text += strspn(text, "\t ");
		bool negative = *text == '-';
		if (negative)
			text++;
		uint64_t number = 0;
		const char *start = text;
		for (; *text >= '0' && *text <= '9'; text++)
			number = number * 10 + (uint64_t)(*text - '0');
		if (text == start)
			return false;
		ret_numbers[i] = negative ? 0 - number : number;
	}
	return true;
}

void text_cut(char *to, size_t room, const char *from, size_t length) {
	if (length >= room)
		length = room - 1;
	memcpy(to, from, length);
	to[length] = '\0';
}

const char *text_base(const char *path) {
	const char *slash = strrchr(path, '/');
	return slash == NULL ? path : slash + 1;
}

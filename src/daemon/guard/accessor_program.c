/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What runs in a process, and where: its program, name, control group, namespaces, terminal. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "accessor_process.h"
#include "accessor_text.h"
#include "base/descriptor.h"

enum { CGROUP_FILE_BYTES = 4096, LINK_BYTES = 64 };

void process_read_command(struct process_handle *process, char text[COMMAND_BYTES]) {
	text[0] = '\0';
	if (process->command < 0)
		process->command = openat(process->folder, "comm", O_RDONLY | O_CLOEXEC);
	if (process->command < 0)
		return;
	ssize_t length = text_read(process->command, text, COMMAND_BYTES);
	if (length > 0 && text[length - 1] == '\n')
		text[length - 1] = '\0';
}

/* Only what the kernel has in memory is asked for, and nothing is brought up to date: no file server is asked. */
static int program_state(const struct process_handle *process, struct statx *ret_state) {
	return statx(process->folder, "exe", AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_INO, ret_state);
}

bool process_read_program(const struct process_handle *process, struct process_program *ret_program) {
	struct statx state;
	if (program_state(process, &state) < 0)
		return false;
	*ret_program = (struct process_program){
	    .device = makedev(state.stx_dev_major, state.stx_dev_minor),
	    .inode = state.stx_ino,
	};
	return true;
}

ssize_t process_read_executable(const struct process_handle *process, char *path, size_t room) {
	static const char DELETED[] = " (deleted)";
	path[0] = '\0';
	ssize_t length = readlinkat(process->folder, "exe", path, room - 1);
	if (length < 0)
		return -errno;
	path[length] = '\0';
	size_t suffix = sizeof DELETED - 1;
	struct statx state;
	if ((size_t)length > suffix && strcmp(path + length - suffix, DELETED) == 0 &&
	    program_state(process, &state) == 0 && state.stx_nlink == 0) {
		length -= (ssize_t)suffix;
		path[length] = '\0';
	}
	return length;
}

uint32_t process_read_number(const struct process_handle *process, const char *name) {
	char text[32];
	uint64_t number;
	CLOSED_AT_END int fd = openat(process->folder, name, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && text_read(fd, text, sizeof text) > 0 && text_numbers(text, &number, 1) ? (uint32_t)number
	                                                                                         : UINT32_MAX;
}

/* "mnt:[4026531841]" */
uint64_t process_read_namespace(const struct process_handle *process, const char *name) {
	char link[LINK_BYTES];
	uint64_t number;
	ssize_t length = readlinkat(process->folder, name, link, sizeof link - 1);
	if (length < 0)
		return 0;
	link[length] = '\0';
	const char *open = strchr(link, '[');
	return open != NULL && text_numbers(open + 1, &number, 1) ? number : 0;
}

/* ---- control group ---- */

void cgroup_unit(const char *cgroup, size_t *ret_offset, size_t *ret_length) {
	static const char *const KINDS[] = {".service", ".scope", ".socket", ".mount", ".swap"};
	static const char SLICE[] = ".slice";
	*ret_offset = *ret_length = 0;
	for (const char *part = cgroup; *part == '/'; part += strcspn(part, "/")) {
		part++;
		size_t length = strcspn(part, "/");
		if (length > sizeof SLICE - 1 && strncmp(part + length - (sizeof SLICE - 1), SLICE, sizeof SLICE - 1) == 0)
			continue;
		for (size_t i = 0; i < ARRAY_LENGTH(KINDS); i++) {
			size_t suffix = strlen(KINDS[i]);
			if (length > suffix && strncmp(part + length - suffix, KINDS[i], suffix) == 0) {
				size_t escaped = part[0] == '_' ? 1 : 0;
				*ret_offset = (size_t)(part - cgroup) + escaped;
				*ret_length = length - escaped;
			}
		}
		return;
	}
}

/* "4:memory:/system.slice/x.service" */
void process_read_cgroup(
    const struct process_handle *process, char text[CGROUP_BYTES], size_t *ret_unit_offset, size_t *ret_unit_length) {
	enum { WORTH_ROOT, WORTH_OTHER, WORTH_SYSTEMD, WORTH_UNIFIED };
	char file[CGROUP_FILE_BYTES];
	text[0] = '\0';
	*ret_unit_offset = *ret_unit_length = 0;
	CLOSED_AT_END int fd = openat(process->folder, "cgroup", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || text_read(fd, file, sizeof file) <= 0)
		return;
	int best = -1;
	for (const char *line = file; *line != '\0';) {
		size_t length = strcspn(line, "\n");
		const char *names = memchr(line, ':', length);
		const char *path = names == NULL ? NULL : memchr(names + 1, ':', length - (size_t)(names + 1 - line));
		if (path != NULL) {
			path++;
			size_t path_length = length - (size_t)(path - line);
			int worth = path_length <= 1                               ? WORTH_ROOT
			            : names[1] == ':'                              ? WORTH_UNIFIED
			            : strncmp(names + 1, "name=systemd:", 13) == 0 ? WORTH_SYSTEMD
			                                                           : WORTH_OTHER;
			if (worth > best) {
				best = worth;
				text_cut(text, CGROUP_BYTES, path, path_length);
			}
		}
		line += length + (line[length] == '\n' ? 1 : 0);
	}
	cgroup_unit(text, ret_unit_offset, ret_unit_length);
}

/* ---- terminal ---- */

void terminal_name(uint32_t terminal, char text[TERMINAL_BYTES]) {
	enum { TTY = 4, SERIAL_FROM = 64, AMA = 204, AMA_FROM = 64, AMA_TO = 79, PTS_FROM = 136, PTS_TO = 143 };
	uint32_t major = terminal >> 8 & 0xfff;
	uint32_t minor = (terminal & 0xff) | (terminal >> 12 & 0xfff00);
	if (terminal == 0)
		text[0] = '\0';
	else if (major >= PTS_FROM && major <= PTS_TO)
		(void)snprintf(text, TERMINAL_BYTES, "pts/%u", minor + (major - PTS_FROM) * 256);
	else if (major == TTY && minor < SERIAL_FROM)
		(void)snprintf(text, TERMINAL_BYTES, "tty%u", minor);
	else if (major == TTY)
		(void)snprintf(text, TERMINAL_BYTES, "ttyS%u", minor - SERIAL_FROM);
	else if (major == AMA && minor >= AMA_FROM && minor <= AMA_TO)
		(void)snprintf(text, TERMINAL_BYTES, "ttyAMA%u", minor - AMA_FROM);
	else
		(void)snprintf(text, TERMINAL_BYTES, "%u:%u", major, minor);
}

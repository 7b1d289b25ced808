/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Programs that serve others: a row each. */
#include <string.h>

#include "accessor_remote.h"
#include "accessor_text.h"

static const struct server_program PROGRAMS[] = {
    {.name = "sshd", .protocol = "ssh", .switches = true},
    {.name = "sshd-session", .protocol = "ssh", .switches = true},
    {.name = "dropbear", .protocol = "ssh"},
    {.name = "smbd", .protocol = "smb", .switches = true},
    {.name = "vsftpd", .protocol = "ftp", .switches = true},
    {.name = "proftpd", .protocol = "ftp", .switches = true},
    {.name = "pure-ftpd", .protocol = "ftp", .switches = true},
    {.name = "in.ftpd", .protocol = "ftp", .switches = true},
    {.name = "ftpd", .protocol = "ftp", .switches = true},
    {.name = "bftpd", .protocol = "ftp", .switches = true},
    {.name = "afpd", .protocol = "afp", .switches = true},
    {.name = "ganesha.nfsd", .protocol = "nfs", .many = true, .switches = true},
    {.name = "rsync", .argument = "--daemon", .protocol = "rsync"},
    {.name = "nginx", .protocol = "http", .many = true},
    {.name = "apache2", .protocol = "http", .many = true},
    {.name = "httpd", .protocol = "http", .many = true},
    {.name = "lighttpd", .protocol = "http", .many = true},
    {.name = "caddy", .protocol = "http", .many = true},
    {.name = "python*", .argument = "http.server", .protocol = "http", .many = true},
    {.name = "busybox", .argument = "httpd", .protocol = "http"},
    {.name = "mediamtx", .protocol = "rtsp", .many = true},
};

static const struct {
	uint16_t port;
	const char *protocol;
} PORTS[] = {
    {21, "ftp"},
    {22, "ssh"},
    {80, "http"},
    {139, "smb"},
    {443, "http"},
    {445, "smb"},
    {548, "afp"},
    {554, "rtsp"},
    {873, "rsync"},
    {2049, "nfs"},
    {8000, "http"},
    {8080, "http"},
    {8443, "http"},
    {8554, "rtsp"},
};

static bool name_fits(const char *name, const char *program) {
	if (name[0] != program[0])
		return false;
	size_t length = strlen(name);
	return name[length - 1] == '*' ? strncmp(name, program, length - 1) == 0 : strcmp(name, program) == 0;
}

/* Arguments are separated, and the last one ended, by zero bytes. */
static bool has_argument(const char *argument, const char *arguments, size_t bytes) {
	for (size_t at = 0; at < bytes;) {
		size_t length = strnlen(arguments + at, bytes - at);
		if (length == strlen(argument) && memcmp(arguments + at, argument, length) == 0)
			return true;
		at += length + 1;
	}
	return false;
}

const struct server_program *server_program_of(const char *executable, const char *arguments, size_t arguments_bytes) {
	const char *program = text_base(executable);
	for (size_t i = 0; i < ARRAY_LENGTH(PROGRAMS); i++)
		if (name_fits(PROGRAMS[i].name, program) &&
		    (PROGRAMS[i].argument == NULL || has_argument(PROGRAMS[i].argument, arguments, arguments_bytes)))
			return &PROGRAMS[i];
	return NULL;
}

bool server_program_is_possible(const char *executable) {
	const char *program = text_base(executable);
	for (size_t i = 0; i < ARRAY_LENGTH(PROGRAMS); i++)
		if (name_fits(PROGRAMS[i].name, program))
			return true;
	return false;
}

const char *protocol_of_port(uint16_t local_port) {
	for (size_t i = 0; i < ARRAY_LENGTH(PORTS); i++)
		if (PORTS[i].port == local_port)
			return PORTS[i].protocol;
	return "tcp";
}

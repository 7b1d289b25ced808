/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "notify.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "base/log.h"

static int socket_connect(const char *name) {
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t length = strlen(name);
	if ((name[0] != '/' && name[0] != '@') || length >= sizeof address.sun_path)
		return -EINVAL;
	memcpy(address.sun_path, name, length);
	/* '@' stands for the zero byte of an abstract name, which has no end mark. */
	size_t size = offsetof(struct sockaddr_un, sun_path) + length + 1;
	if (name[0] == '@') {
		address.sun_path[0] = '\0';
		size--;
	}
	CLOSED_AT_END int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, (socklen_t)size) < 0)
		return -errno;
	int kept = fd;
	fd = -1;
	return kept;
}

static int64_t watchdog_read(void) {
	const char *interval = getenv("WATCHDOG_USEC");
	const char *meant = getenv("WATCHDOG_PID");
	if (interval == NULL || (meant != NULL && strtol(meant, NULL, 10) != (long)getpid()))
		return 0;
	long long value = strtoll(interval, NULL, 10);
	return value > 0 ? (int64_t)value : 0;
}

void notify_open(struct notify *notify) {
	static const char *const taken[] = {
	    "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"};
	*notify = (struct notify){.fd = -1, .watchdog_us = watchdog_read()};
	const char *name = getenv("NOTIFY_SOCKET");
	if (name != NULL && name[0] != '\0') {
		notify->fd = socket_connect(name);
		if (notify->fd < 0)
			log_warning_errno(notify->fd, "cannot reach the service manager at '%s', going on without", name);
	}
	for (size_t i = 0; i < ARRAY_LENGTH(taken); i++)
		(void)unsetenv(taken[i]);
}

void notify_close(struct notify *notify) {
	descriptor_close(&notify->fd);
}

void notify_send(const struct notify *notify, const char *format, ...) {
	if (notify->fd < 0)
		return;
	char text[1536];
	va_list arguments;
	va_start(arguments, format);
	int length = vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	if (length > 0)
		(void)send(notify->fd, text, (size_t)length < sizeof text ? (size_t)length : sizeof text - 1,
		    MSG_NOSIGNAL | MSG_DONTWAIT);
}

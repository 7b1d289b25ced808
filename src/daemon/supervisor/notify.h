/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Words to the service manager (sd_notify(3)): one datagram each, to the socket that NOTIFY_SOCKET
 * names. Without one, nothing is sent.
 */
#pragma once

#include <stdint.h>

#include "base/attributes.h"

struct notify {
	int fd;              /* connected, or -1 */
	int64_t watchdog_us; /* how often WATCHDOG=1 is expected, 0 for never */
};

/* Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, and takes them and LISTEN_* out of the environment, so that no
 * child has them. */
void notify_open(struct notify *notify);
void notify_close(struct notify *notify);

/* Sends lines such as "READY=1". A manager that does not listen is no error. */
void notify_send(const struct notify *notify, const char *format, ...) PRINTF_LIKE(2, 3);

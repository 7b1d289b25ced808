/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names of hosts to addresses, without a thread: libcurl's own resolver would start one for each
 * name. A lookup waits, at most a few seconds (two for each name server), so what it found, or that it
 * found nothing, is kept for a while. Numeric addresses never wait.
 */
#pragma once

#include <stdbool.h>
#include <sys/socket.h>

#include "base/attributes.h"

enum { LOOKUP_HOST_BYTES = 256, LOOKUP_ADDRESSES_MAX = 4, LOOKUP_TEXT_BYTES = 64 };

/* An address of `publish`, taken apart: "tls://log.example:6514", "https://[2001:db8::1]/prefix". */
struct target {
	char scheme[8];
	char host[LOOKUP_HOST_BYTES]; /* without brackets */
	char port[8];
	bool numeric;
};
/* False for anything but udp, tcp, tls (with a port), http and https. */
MUST_USE bool target_parse(const char *address, struct target *ret_target);

struct lookup {
	char host[LOOKUP_HOST_BYTES];
	char addresses[LOOKUP_ADDRESSES_MAX][LOOKUP_TEXT_BYTES]; /* numeric */
	size_t count;                                            /* 0: nothing was found; error says why */
	int error;                                               /* of getaddrinfo(3) */
	long long until_us;                                      /* clock_elapsed_us() */
};

/* Before the first lookup, and before the sandbox: how long the C library may wait. */
void lookup_open(void);
/* What is known of the host: owned here, valid until the next call. */
const struct lookup *lookup_host(const char *host);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For whom a process works: the clients whose TCP connections it holds. Its sockets are in /proc/PID/fd; what they
 * are connected to is asked from the kernel (sock_diag), or read from the process's own /proc/PID/net/tcp where it
 * is in another network namespace or the kernel has no sock_diag. A connection counts as a client's when it came in:
 * its local port is one that somebody listens on.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "accessor_process.h"
#include "base/attributes.h"

enum { ADDRESS_BYTES = 64, PROTOCOL_BYTES = 16 };

struct remote {
	char address[ADDRESS_BYTES]; /* of the only client; "" for none or several */
	uint16_t port;               /* 0 where the client has several connections to a server of many */
	uint16_t local_port;
	uint16_t count;   /* different addresses */
	uint64_t sockets; /* tells one set of sockets from another; 0: it has none */
};

/* What is known of programs that serve others. */
struct server_program {
	const char *name;     /* of the program file, or its beginning where that ends in a '*' */
	const char *argument; /* which must be among its arguments; or NULL */
	const char *protocol;
	bool many;     /* one process serves several clients at once */
	bool switches; /* changes its user while it runs */
};

struct remotes;

/* Opens the netlink socket and asks once, so that the kernel has loaded what it needs. NULL when memory is short. */
MUST_USE struct remotes *remotes_new(void);
struct remotes *remotes_free(struct remotes *remotes);

/* Which sockets the process has: 0 for none (standard input, output and error are not looked at with `beyond_standard`
 * as long as they are all it has). Cheap: nobody is asked what they are. */
uint64_t remote_sockets(const struct process_handle *process, bool beyond_standard);
/* Looks, unless the sockets are those of `remote` already. True when something else is in `remote` now. */
bool remote_look(struct remotes *remotes, const struct process_source *source, const struct process_handle *process,
    bool many, struct remote *remote);

/* NULL for a program that is not known. `arguments` may be empty: then a row that needs one does not fit. */
const struct server_program *server_program_of(const char *executable, const char *arguments, size_t arguments_bytes);
/* Whether it is one with some arguments. */
bool server_program_is_possible(const char *executable);
/* For a server that is not known by its program. Never NULL. */
const char *protocol_of_port(uint16_t local_port);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control socket: JSON-RPC 2.0, one object a line. Roles come from the peer's credentials and
 * groups. Limits: 64 KiB a line, 64 clients, 256 waiting replies; over them a clear error and a
 * closed connection, never a stalled daemon. Every request is an audit entry, denied ones too.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "audit/entry.h"
#include "base/attributes.h"
#include "settings/settings.h"

struct keeper;
struct control;
struct request; /* one call that waits for its answer */

/* JSON-RPC codes; `reason` in data is for programs. */
enum control_error {
	CONTROL_PARSE = -32700,
	CONTROL_INVALID = -32600,
	CONTROL_NO_METHOD = -32601,
	CONTROL_PARAMS = -32602,
	CONTROL_INTERNAL = -32603,
	CONTROL_DENIED = -32001,
	CONTROL_NOT_FOUND = -32002,
	CONTROL_REFUSED = -32003,  /* the rules do not allow it now; reason says which */
	CONTROL_APPROVAL = -32004, /* waits for a second person */
	CONTROL_BUSY = -32005,
};

/* Takes over the listening descriptor. */
MUST_USE int control_open(struct keeper *keeper, int listen_fd, struct control **ret_control);
struct control *control_close(struct control *control);

/* Answers once; the result is taken over. */
void request_reply(struct request *request, json_t *result);
/* The same with descriptors by SCM_RIGHTS beside the first byte of the line; they stay the caller's. */
void request_reply_descriptors(struct request *request, json_t *result, const int *descriptors, size_t count);
void request_fail(struct request *request, enum control_error code, const char *reason, const char *format, ...)
    PRINTF_LIKE(4, 5);
void request_actor(const struct request *request, struct audit_actor *ret_actor);
/* An entry of its own says more than the one about the request would: log-read. */
void request_recorded(struct request *request);
bool request_has_role(const struct request *request, enum role role);

/* Method tables: one in each methods_*.c. */
struct control_method {
	const char *name; /* "hold.place" */
	uint32_t roles;   /* bits (1u << enum role); 0: any role */
	bool mutates;     /* then `--dry-run` is a parameter and the request is an entry of its own right */
	void (*call)(struct keeper *keeper, struct request *request, const json_t *params);
};
extern const struct control_method methods_status[], methods_footage[], methods_hold[], methods_deletion[],
    methods_log[], methods_admin[], methods_key[], methods_report[], methods_witness[];

/*
 * Whoever asked for a reload gets the supervisor's verdict (RELOAD_RESULT); called by main.c. `reason` is
 * what was wrong when it was not accepted.
 */
void control_reload_result(struct keeper *keeper, bool accepted, const char *reason);
/* Who asked by the control socket for the reload that is under way; nobody where it was a signal. Names live as long as
 * the request. */
void control_reload_actor(struct keeper *keeper, struct audit_actor *ret_actor);
/* The request waits for that verdict; it is answered after 30 s in any case. */
void control_await_reload(struct request *request);

/* For events.subscribe: which events this client gets. False: too many or too long a name. */
MUST_USE bool request_subscribe(struct request *request, const json_t *events);

/* Streams an event to those who subscribed ("hold.placed", "log.entry", …); `data` is borrowed; NULL is null. */
void control_event(struct keeper *keeper, const char *event, const json_t *data);

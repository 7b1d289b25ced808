/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What control*.c share: control.c has the socket, its events and the reload, control_client.c each connection and what
 * waits to be sent, control_request.c each call from its line to its answer. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <event2/event.h>
#include <jansson.h>

#include "base/bytes.h"
#include "control.h"
#include "peer.h"
#include "protocol.h"

enum {
	CONTROL_CLIENTS_MAX = 64,
	CONTROL_CLIENTS_PER_USER_MAX = 48, /* of one user, root apart: nobody keeps all others out */
	CONTROL_REQUESTS_MAX = 256,
	CONTROL_OUTPUT_BYTES_MAX = 256 * 1024,     /* waiting, when more is to be sent */
	CONTROL_REPLY_BYTES_MAX = 8 * 1024 * 1024, /* one answer, however many cameras */
	CONTROL_DESCRIPTORS_MAX = 64,              /* of one answer */
	CONTROL_SUBSCRIPTIONS_MAX = 16,
	CONTROL_SUBSCRIPTION_BYTES = 40,
};

struct output; /* a line that waits to be sent */

struct client {
	struct client *next;
	struct control *control;
	int fd;
	struct peer peer;
	struct event *readable, *writable;
	struct output *first, **last;
	size_t queued;
	bool closing; /* no more requests; goes when the output is gone */
	bool broken;  /* goes at once, by the sweep: never from within a method */
	size_t subscription_count;
	char subscriptions[CONTROL_SUBSCRIPTIONS_MAX][CONTROL_SUBSCRIPTION_BYTES];
	struct line_buffer input;
};

struct request {
	struct request *next, **previous; /* of those not answered */
	struct control *control;          /* NULL: closed meanwhile */
	struct client *client;            /* NULL: went meanwhile */
	json_t *id, *params;
	char method[PROTOCOL_METHOD_BYTES];
	bool mutates, recorded;
	int64_t reload_since_us; /* waits for the supervisor's verdict; 0 if not */
	uint32_t roles, allowing;
	uid_t user;
	pid_t pid;
};

struct control {
	struct keeper *keeper;
	int listen_fd;
	struct event *accepting, *tick, *sweep;
	struct client *clients;
	size_t client_count;
	struct request *requests;
	size_t request_count;
	struct access *access;
	struct user_names *names;
};

/* ---- control_client.c ---- */

/* Takes the descriptor over; NULL where memory is short or the peer is gone. */
struct client *client_new(struct control *control, int fd);
void client_free(struct client *client);
/* Goes at the next turn of the loop. */
void client_break(struct client *client);
/* Takes the line over; descriptors are duplicated. NULL: memory was short, and the client goes. */
void client_send(struct client *client, char *line, const int *descriptors, size_t count);
bool client_wants(const struct client *client, const char *event);

/* ---- control_request.c ---- */

/* A line that came: a call, or refused. */
void request_line(struct client *client, struct text line);
/* A line that is no call: answered and recorded. */
void request_refuse(struct client *client, const json_t *id, int code, const char *reason, const char *message);

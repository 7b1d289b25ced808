/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control socket: accepting, what all clients are told, and the reload that some of them wait for. */
#include "control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "access.h"
#include "base/clock.h"
#include "base/descriptor.h"
#include "control_private.h"
#include "keeper.h"
#include "record.h"

enum { TICK_SECONDS = 5, RELOAD_WAIT_US = 30 * 1000 * 1000 };

/* ---- reload ---- */

void control_await_reload(struct request *request) {
	request->reload_since_us = clock_elapsed_us();
}

void control_reload_actor(struct keeper *keeper, struct audit_actor *ret_actor) {
	for (const struct request *request = keeper->control ? keeper->control->requests : NULL; request;
	     request = request->next)
		if (request->reload_since_us != 0)
			request_actor(request, ret_actor);
}

static void reload_answer(struct request *request, bool accepted, const char *reason) {
	if (accepted)
		request_reply(request, json_pack("{s:i, s:b}", "schema", 1, "accepted", 1));
	else
		request_fail(request, CONTROL_REFUSED, "configuration", "%s", reason);
}

void control_reload_result(struct keeper *keeper, bool accepted, const char *reason) {
	struct request *next = NULL;
	for (struct request *request = keeper->control ? keeper->control->requests : NULL; request; request = next) {
		next = request->next;
		if (request->reload_since_us != 0)
			reload_answer(request, accepted, reason);
	}
}

static void reload_expire(struct control *control) {
	struct request *next = NULL;
	int64_t now = clock_elapsed_us();
	for (struct request *request = control->requests; request; request = next) {
		next = request->next;
		if (request->reload_since_us != 0 && now - request->reload_since_us > RELOAD_WAIT_US)
			request_fail(
			    request, CONTROL_BUSY, "no_answer", "the supervisor did not answer in 30 s; see its log lines");
	}
}

/* ---- events ---- */

static void event_stream(struct control *control, const char *event, const char *data, size_t length) {
	for (struct client *client = control->clients; client; client = client->next)
		if (!client->broken && client_wants(client, event))
			client_send(client, protocol_event(event, data, length), NULL, 0);
}

void control_event(struct keeper *keeper, const char *event, const json_t *data) {
	if (!keeper->control || !keeper->control->clients)
		return;
	char *text = data ? json_dumps(data, JSON_COMPACT) : strdup("null");
	if (text)
		event_stream(keeper->control, event, text, strlen(text));
	free(text);
}

static void on_log_entry(const char *entry, size_t length, void *context) {
	struct keeper *keeper = context;
	if (length > 0 && entry[length - 1] == '\n')
		length--;
	if (keeper->control)
		event_stream(keeper->control, "log.entry", entry, length);
}

/* ---- clients ---- */

static void on_sweep(evutil_socket_t fd, short what, void *context) {
	(void)fd, (void)what;
	struct control *control = context;
	for (struct client **link = &control->clients; *link;) {
		struct client *client = *link;
		if (client->broken) {
			*link = client->next;
			client_free(client);
		} else {
			link = &client->next;
		}
	}
}

static size_t clients_of(const struct control *control, uid_t user) {
	size_t count = 0;
	for (const struct client *client = control->clients; client; client = client->next)
		count += client->peer.user == user ? 1 : 0;
	return count;
}

static void on_connection(evutil_socket_t listen_fd, short what, void *context) {
	(void)what;
	struct control *control = context;
	for (int n = 0; n < 16; n++) {
		int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0) {
			/* Out of descriptors: the connection stays in the backlog; ask again at the next tick, not in a busy loop.
			 */
			if (errno == EMFILE || errno == ENFILE || errno == ENOMEM)
				event_del(control->accepting);
			return;
		}
		struct client *client = client_new(control, fd);
		if (!client)
			continue;
		client->next = control->clients;
		control->clients = client;
		if (control->client_count > CONTROL_CLIENTS_MAX ||
		    (client->peer.user != 0 && clients_of(control, client->peer.user) > CONTROL_CLIENTS_PER_USER_MAX)) {
			client->closing = true;
			event_del(client->readable);
			client_send(client,
			    protocol_error(NULL, CONTROL_BUSY, "too_many_clients",
			        "too many clients are connected (64 in all, 48 of one user); try again later"),
			    NULL, 0);
		}
	}
}

static void on_tick(evutil_socket_t fd, short what, void *context) {
	(void)fd, (void)what;
	struct control *control = context;
	access_tick(control->keeper, control->access);
	reload_expire(control);
	event_add(control->accepting, NULL);
}

/* ---- open and close ---- */

int control_open(struct keeper *keeper, int listen_fd, struct control **ret_control) {
	struct control *control = calloc(1, sizeof(*control));
	if (!control) {
		descriptor_close(&listen_fd);
		return -ENOMEM;
	}
	control->keeper = keeper;
	control->listen_fd = listen_fd;
	control->access = access_new();
	control->names = keeper->user_names;
	keeper->user_names = NULL;
	int flags = fcntl(listen_fd, F_GETFL);
	int error = flags < 0 || fcntl(listen_fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
	control->accepting = event_new(keeper->base, listen_fd, EV_READ | EV_PERSIST, on_connection, control);
	control->tick = event_new(keeper->base, -1, EV_PERSIST, on_tick, control);
	control->sweep = event_new(keeper->base, -1, 0, on_sweep, control);
	const struct timeval every = {.tv_sec = TICK_SECONDS};
	if (error == 0 && (!control->access || !control->accepting || !control->tick || !control->sweep ||
	                      event_add(control->accepting, NULL) < 0 || event_add(control->tick, &every) < 0))
		error = -ENOMEM;
	if (error < 0) {
		control_close(control);
		return error;
	}
	record_subscribe(keeper, on_log_entry, keeper);
	*ret_control = control;
	return 0;
}

struct control *control_close(struct control *control) {
	if (!control)
		return NULL;
	while (control->clients) {
		struct client *client = control->clients;
		control->clients = client->next;
		client_free(client);
	}
	/* What still waits is freed by whoever answers it. */
	for (struct request *request = control->requests; request; request = request->next)
		request->control = NULL;
	if (control->accepting)
		event_free(control->accepting);
	if (control->tick)
		event_free(control->tick);
	if (control->sweep)
		event_free(control->sweep);
	if (control->access)
		control->access = access_free(control->keeper, control->access);
	control->names = user_names_free(control->names);
	descriptor_close(&control->listen_fd);
	free(control);
	return NULL;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Clients of the control socket: accepting, reading lines, finding the method, answering.
 *
 * A request belongs to whoever will answer it, from its call until request_reply() or
 * request_fail(); a client that goes meanwhile leaves it behind without a client, and the answer is
 * dropped. A client never blocks the daemon: what it does not read is kept up to a bound, then the
 * connection is closed.
 */
#include "control.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "access.h"
#include "base/clock.h"
#include "base/descriptor.h"
#include "base/log.h"
#include "keeper.h"
#include "peer.h"
#include "protocol.h"
#include "record.h"

enum {
	CLIENTS_MAX = 64,
	CLIENTS_PER_USER_MAX = 48, /* of one user, root apart: nobody keeps all others out */
	REQUESTS_MAX = 256,
	OUTPUT_BYTES_MAX = 256 * 1024,     /* waiting, when more is to be sent */
	REPLY_BYTES_MAX = 8 * 1024 * 1024, /* one answer, however many cameras */
	REPLY_DESCRIPTORS_MAX = 64,
	SUBSCRIPTIONS_MAX = 16,
	SUBSCRIPTION_BYTES = 40,
	TICK_SECONDS = 5,
	RELOAD_WAIT_US = 30 * 1000 * 1000,
};

struct output {
	struct output *next;
	char *bytes;
	size_t length, sent;
	size_t descriptor_count;
	int descriptors[];
};

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
	char subscriptions[SUBSCRIPTIONS_MAX][SUBSCRIPTION_BYTES];
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

static const struct control_method *const METHOD_TABLES[] = {methods_status, methods_footage, methods_hold,
    methods_deletion, methods_log, methods_admin, methods_key, methods_report, methods_witness};

/* ---- output ---- */

static void output_free(struct output *output) {
	for (size_t i = 0; i < output->descriptor_count; i++)
		descriptor_close(&output->descriptors[i]);
	free(output->bytes);
	free(output);
}

static void client_break(struct client *client) {
	client->broken = true;
	event_active(client->control->sweep, EV_TIMEOUT, 0);
}

static ssize_t output_send(int fd, const struct output *output) {
	struct iovec part = {.iov_base = output->bytes + output->sent, .iov_len = output->length - output->sent};
	struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * REPLY_DESCRIPTORS_MAX)];
	} ancillary;
	if (output->sent == 0 && output->descriptor_count > 0) {
		size_t length = output->descriptor_count * sizeof(int);
		memset(&ancillary, 0, sizeof(ancillary));
		header.msg_control = ancillary.bytes;
		header.msg_controllen = CMSG_SPACE(length);
		struct cmsghdr *message = CMSG_FIRSTHDR(&header);
		message->cmsg_level = SOL_SOCKET;
		message->cmsg_type = SCM_RIGHTS;
		message->cmsg_len = CMSG_LEN(length);
		memcpy(CMSG_DATA(message), output->descriptors, length);
	}
	return sendmsg(fd, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void client_flush(struct client *client) {
	while (client->first && !client->broken) {
		struct output *output = client->first;
		ssize_t sent = output_send(client->fd, output);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0) {
			if (errno == EAGAIN)
				event_add(client->writable, NULL);
			else
				client_break(client);
			return;
		}
		output->sent += (size_t)sent;
		client->queued -= (size_t)sent;
		if (output->sent < output->length)
			continue;
		client->first = output->next;
		if (!client->first)
			client->last = &client->first;
		output_free(output);
	}
	/* A client may shut its writing side and wait for what it asked. */
	bool waits = false;
	for (struct request *request = client->control->requests; request && !waits; request = request->next)
		waits = request->client == client;
	if (client->closing && !client->first && !waits)
		client_break(client);
}

static void client_writable(evutil_socket_t fd, short what, void *context) {
	(void)fd, (void)what;
	client_flush(context);
}

/* Takes the line over; descriptors are duplicated. */
static void client_send(struct client *client, char *line, const int *descriptors, size_t count) {
	struct output *output = calloc(1, sizeof(*output) + count * sizeof(int));
	if (!line || !output || client->broken || client->queued > OUTPUT_BYTES_MAX) {
		if (!client->broken && client->queued > OUTPUT_BYTES_MAX)
			log_warning("a client of the control socket (pid %ld) does not read its answers; closing its connection",
			    (long)client->peer.pid);
		free(line);
		free(output);
		client_break(client);
		return;
	}
	output->bytes = line;
	output->length = strlen(line);
	for (size_t i = 0; i < count; i++) {
		output->descriptors[i] = fcntl(descriptors[i], F_DUPFD_CLOEXEC, 3);
		output->descriptor_count++;
		if (output->descriptors[i] < 0) {
			output_free(output);
			client_break(client);
			return;
		}
	}
	*client->last = output;
	client->last = &output->next;
	client->queued += output->length;
	client_flush(client);
}

/* ---- requests ---- */

static struct request *request_new(struct client *client, struct protocol_call *call) {
	struct control *control = client->control;
	struct request *request = calloc(1, sizeof(*request));
	if (!request)
		return NULL;
	request->control = control;
	request->client = client;
	request->id = json_incref(call->id);
	request->params = json_incref(call->params);
	memcpy(request->method, call->method, sizeof(request->method));
	request->roles = peer_roles(&client->peer, control->keeper->settings, control->keeper->trial);
	request->user = client->peer.user;
	request->pid = client->peer.pid;
	request->next = control->requests;
	request->previous = &control->requests;
	if (request->next)
		request->next->previous = &request->next;
	control->requests = request;
	control->request_count++;
	return request;
}

static void request_free(struct request *request) {
	if (request->control) {
		*request->previous = request->next;
		if (request->next)
			request->next->previous = request->previous;
		request->control->request_count--;
	}
	json_decref(request->id);
	json_decref(request->params);
	free(request);
}

void request_actor(const struct request *request, struct audit_actor *ret_actor) {
	*ret_actor = (struct audit_actor){.is_set = true, .user_id = request->user, .pid = request->pid};
	ret_actor->user_name = request->control ? user_names_find(request->control->names, request->user) : NULL;
	uint32_t by = request->allowing ? request->roles & request->allowing : request->roles;
	if (request->user == 0)
		ret_actor->role = "root";
	else if (by != 0)
		ret_actor->role = role_name((enum role)__builtin_ctz(by));
}

bool request_has_role(const struct request *request, enum role role) {
	return (request->roles & (1u << role)) != 0;
}

static void request_record(const struct request *request, enum audit_outcome outcome, const char *reason, bool denied) {
	if (request->recorded && outcome == AUDIT_SUCCESS)
		return;
	struct access_request entry = {.method = request->method,
	    .params = request->params,
	    .outcome = outcome,
	    .reason = reason,
	    .denied = denied,
	    .joins = !request->mutates};
	request_actor(request, &entry.actor);
	access_record(request->control->keeper, request->control->access, &entry);
}

void request_reply_descriptors(struct request *request, json_t *result, const int *descriptors, size_t count) {
	if (!request->control) {
		json_decref(result);
		request_free(request);
		return;
	}
	char *line = result ? protocol_result(request->id, result) : NULL;
	json_decref(result);
	if (!line || strlen(line) > REPLY_BYTES_MAX || count > REPLY_DESCRIPTORS_MAX) {
		const char *why =
		    line ? "the answer is too large; ask for less at a time" : "out of memory, or bytes that are not UTF-8";
		free(line);
		request_fail(request, CONTROL_INTERNAL, "answer", "%s", why);
		return;
	}
	request_record(request, AUDIT_SUCCESS, NULL, false);
	struct client *client = request->client;
	request->client = NULL;
	if (client)
		client_send(client, line, descriptors, count);
	else
		free(line);
	request_free(request);
}

void request_reply(struct request *request, json_t *result) {
	request_reply_descriptors(request, result, NULL, 0);
}

void request_fail(struct request *request, enum control_error code, const char *reason, const char *format, ...) {
	char message[1024];
	va_list arguments;
	va_start(arguments, format);
	(void)vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	if (request->control) {
		request_record(request, AUDIT_FAILURE, reason, code == CONTROL_DENIED);
		struct client *client = request->client;
		request->client = NULL;
		if (client)
			client_send(client, protocol_error(request->id, code, reason, message), NULL, 0);
	}
	request_free(request);
}

void request_recorded(struct request *request) {
	request->recorded = true;
}

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

bool request_subscribe(struct request *request, const json_t *events) {
	struct client *client = request->client;
	size_t count = json_array_size(events);
	if (!client || count > SUBSCRIPTIONS_MAX)
		return false;
	for (size_t i = 0; i < count; i++)
		if (json_string_length(json_array_get(events, i)) >= SUBSCRIPTION_BYTES ||
		    !json_is_string(json_array_get(events, i)))
			return false;
	for (size_t i = 0; i < count; i++)
		snprintf(client->subscriptions[i], SUBSCRIPTION_BYTES, "%s", json_string_value(json_array_get(events, i)));
	client->subscription_count = count;
	return true;
}

static bool client_wants(const struct client *client, const char *event) {
	for (size_t i = 0; i < client->subscription_count; i++)
		if (strcmp(client->subscriptions[i], event) == 0)
			return true;
	return false;
}

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

static void client_free(struct client *client) {
	struct control *control = client->control;
	for (struct request *request = control->requests; request; request = request->next)
		if (request->client == client)
			request->client = NULL;
	while (client->first) {
		struct output *output = client->first;
		client->first = output->next;
		output_free(output);
	}
	if (client->readable)
		event_free(client->readable);
	if (client->writable)
		event_free(client->writable);
	descriptor_close(&client->fd);
	peer_release(&client->peer);
	free(client);
	control->client_count--;
}

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

static const struct control_method *method_find(const char *name) {
	for (size_t table = 0; table < ARRAY_LENGTH(METHOD_TABLES); table++)
		for (const struct control_method *method = METHOD_TABLES[table]; method->name; method++)
			if (strcmp(method->name, name) == 0)
				return method;
	return NULL;
}

static void roles_text(uint32_t roles, char *text, size_t room) {
	size_t used = 0;
	text[0] = '\0';
	for (unsigned role = 0; role < ROLE_COUNT; role++)
		if ((roles == 0 || (roles & (1u << role))) && used < room)
			used +=
			    (size_t)snprintf(text + used, room - used, "%s%s", used > 0 ? ", " : "", role_name((enum role)role));
}

static void request_run(struct request *request, struct keeper *keeper) {
	const struct control_method *method = method_find(request->method);
	if (!method) {
		request_fail(request, CONTROL_NO_METHOD, "unknown_method", "there is no method '%s'", request->method);
		return;
	}
	request->mutates = method->mutates;
	request->allowing = method->roles;
	bool allowed = method->roles ? (request->roles & method->roles) != 0 : request->roles != 0;
	if (!allowed) {
		char roles[128];
		roles_text(method->roles, roles, sizeof(roles));
		request_fail(request, CONTROL_DENIED, "role", "'%s' is for these roles: %s; you are in none of their groups",
		    method->name, roles);
		return;
	}
	method->call(keeper, request, request->params);
}

/* A line that is no call: answered and recorded. */
static void client_refuse(struct client *client, const json_t *id, int code, const char *reason, const char *message) {
	struct access_request entry = {.method = "(malformed)", .outcome = AUDIT_FAILURE, .reason = reason, .joins = true};
	entry.actor = (struct audit_actor){.is_set = true,
	    .user_id = client->peer.user,
	    .user_name = user_names_find(client->control->names, client->peer.user),
	    .pid = client->peer.pid};
	access_record(client->control->keeper, client->control->access, &entry);
	client_send(client, protocol_error(id, code, reason, message), NULL, 0);
}

static void client_line(struct client *client, struct text line) {
	struct protocol_call call;
	const char *problem = "";
	int error = protocol_parse(line, &call, &problem);
	struct control *control = client->control;
	if (error != 0) {
		client_refuse(client, call.id, error, "malformed", problem);
	} else if (control->request_count >= REQUESTS_MAX) {
		client_refuse(
		    client, call.id, CONTROL_BUSY, "too_many_requests", "256 requests wait for their answers; try again");
		client->closing = true;
	} else {
		struct request *request = request_new(client, &call);
		if (request)
			request_run(request, control->keeper);
		else
			client_break(client);
	}
	protocol_call_release(&call);
}

/* Lines that are complete, a bounded number in a row: the rest at the next turn of the loop. */
static void client_lines(struct client *client) {
	struct text line;
	int found = 0;
	for (int n = 0; n < 16 && !client->closing && !client->broken; n++) {
		found = line_buffer_next(&client->input, &line);
		if (found <= 0)
			break;
		if (line.length > 0)
			client_line(client, line);
	}
	if (found < 0) {
		client->closing = true;
		client_refuse(
		    client, NULL, CONTROL_INVALID, "too_long", "a line is at most 65,536 bytes; closing the connection");
	}
	if (found > 0)
		event_active(client->readable, EV_TIMEOUT, 0);
	if (client->closing) {
		event_del(client->readable);
		client_flush(client);
	}
}

static void client_readable(evutil_socket_t fd, short what, void *context) {
	struct client *client = context;
	if (client->broken || client->closing)
		return;
	if (what & EV_READ) {
		size_t room;
		char *space = line_buffer_space(&client->input, &room);
		ssize_t length = room > 0 ? recv(fd, space, room, MSG_DONTWAIT) : -1;
		if (length == 0 || (length < 0 && room > 0 && errno != EAGAIN && errno != EINTR)) {
			client->closing = true;
			event_del(client->readable);
			client_flush(client);
			return;
		}
		if (length > 0)
			line_buffer_added(&client->input, (size_t)length);
	}
	client_lines(client);
}

static struct client *client_new(struct control *control, int fd) {
	struct client *client = calloc(1, sizeof(*client));
	if (!client) {
		descriptor_close(&fd);
		return NULL;
	}
	client->control = control;
	client->fd = fd;
	client->last = &client->first;
	control->client_count++;
	client->readable = event_new(control->keeper->base, fd, EV_READ | EV_PERSIST, client_readable, client);
	client->writable = event_new(control->keeper->base, fd, EV_WRITE, client_writable, client);
	int error = peer_read(fd, &client->peer);
	if (error < 0 || !client->readable || !client->writable || event_add(client->readable, NULL) < 0) {
		client_free(client);
		return NULL;
	}
	return client;
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
		if (control->client_count > CLIENTS_MAX ||
		    (client->peer.user != 0 && clients_of(control, client->peer.user) > CLIENTS_PER_USER_MAX)) {
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

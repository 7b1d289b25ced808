/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libretention: one connection, one call at a time; lines in, lines out, descriptors beside them. */
#include "retention/client.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/attributes.h"
#include "base/clock.h"
#include "base/descriptor.h"

enum {
	LINE_BYTES_MAX = 16 * 1024 * 1024, /* an answer; more is not one of the daemon's */
	EVENTS_MAX = 4096,                 /* kept while a call waits */
	DESCRIPTORS_MAX = 64,
	READ_BYTES = 65536,
};

struct event_text {
	struct event_text *next;
	char *text;
};

struct retention_client {
	int fd;
	int timeout_ms;
	long long next_id;
	char *buffer;
	size_t used, room, scanned;
	int descriptors[DESCRIPTORS_MAX];
	size_t descriptor_count;
	struct event_text *events, **events_end;
	size_t event_count;
	int error_code;
	char error_reason[64];
	char error_message[1200];
};

int retention_client_connect(const char *socket_path, struct retention_client **ret_client) {
	if (!socket_path)
		socket_path = getenv("RETENTION_SOCKET");
	if (!socket_path || socket_path[0] == '\0')
		socket_path = RETENTION_CLIENT_SOCKET;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (strlen(socket_path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, socket_path, strlen(socket_path) + 1);
	struct retention_client *client = calloc(1, sizeof(*client));
	if (!client)
		return -ENOMEM;
	client->events_end = &client->events;
	client->next_id = 1;
	client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (client->fd < 0 || connect(client->fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		int error = -errno;
		retention_client_disconnect(client);
		return error;
	}
	*ret_client = client;
	return 0;
}

static void descriptors_drop(struct retention_client *client) {
	while (client->descriptor_count > 0)
		descriptor_close(&client->descriptors[--client->descriptor_count]);
}

void retention_client_disconnect(struct retention_client *client) {
	if (!client)
		return;
	descriptors_drop(client);
	while (client->events) {
		struct event_text *event = client->events;
		client->events = event->next;
		free(event->text);
		free(event);
	}
	descriptor_close(&client->fd);
	free(client->buffer);
	free(client);
}

void retention_client_set_timeout(struct retention_client *client, int milliseconds) {
	client->timeout_ms = milliseconds;
}

int retention_client_error_code(const struct retention_client *client) {
	return client->error_code;
}

const char *retention_client_error_message(const struct retention_client *client) {
	return client->error_message;
}

const char *retention_client_error_reason(const struct retention_client *client) {
	return client->error_reason;
}

int retention_client_descriptor(const struct retention_client *client) {
	return client->fd;
}

void retention_client_free(char *text) {
	free(text);
}

/* ---- lines ---- */

static void descriptors_take(struct retention_client *client, struct msghdr *header) {
	for (struct cmsghdr *message = CMSG_FIRSTHDR(header); message; message = CMSG_NXTHDR(header, message)) {
		if (message->cmsg_level != SOL_SOCKET || message->cmsg_type != SCM_RIGHTS)
			continue;
		size_t count = (message->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(message) + i * sizeof(int), sizeof(fd));
			if (client->descriptor_count < DESCRIPTORS_MAX)
				client->descriptors[client->descriptor_count++] = fd;
			else
				descriptor_close(&fd);
		}
	}
}

/* Reads what is there. 1, 0 at the end, or a negative errno. */
static int buffer_fill(struct retention_client *client) {
	if (client->room - client->used < READ_BYTES) {
		size_t room = client->room ? 2 * client->room : 2 * READ_BYTES;
		if (room > 2 * (size_t)LINE_BYTES_MAX)
			return -EMSGSIZE;
		char *buffer = realloc(client->buffer, room);
		if (!buffer)
			return -ENOMEM;
		client->buffer = buffer;
		client->room = room;
	}
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * DESCRIPTORS_MAX)];
	} ancillary;
	struct iovec part = {.iov_base = client->buffer + client->used, .iov_len = READ_BYTES};
	struct msghdr header = {
	    .msg_iov = &part, .msg_iovlen = 1, .msg_control = ancillary.bytes, .msg_controllen = sizeof(ancillary.bytes)};
	ssize_t length = recvmsg(client->fd, &header, MSG_CMSG_CLOEXEC);
	if (length < 0)
		return errno == EINTR ? -EINTR : -errno;
	descriptors_take(client, &header);
	client->used += (size_t)length;
	return length > 0;
}

/* Waits until `deadline_us` (INT64_MAX: for ever). 0, -ETIMEDOUT, or -EINTR for a signal. */
static int readable_wait(const struct retention_client *client, int64_t deadline_us) {
	struct pollfd entry = {.fd = client->fd, .events = POLLIN};
	int wait_ms = -1;
	if (deadline_us != INT64_MAX) {
		int64_t left_us = deadline_us - clock_elapsed_us();
		wait_ms = left_us > 0 ? (int)((left_us + 999) / 1000) : 0;
	}
	int ready = poll(&entry, 1, wait_ms);
	return ready < 0 ? -errno : ready == 0 ? -ETIMEDOUT : 0;
}

/* The next line as a new JSON value. 0 or a negative errno. */
static int line_read(struct retention_client *client, int64_t deadline_us, json_t **ret_value) {
	for (;;) {
		char *end = client->used > client->scanned
		                ? memchr(client->buffer + client->scanned, '\n', client->used - client->scanned)
		                : NULL;
		if (end) {
			size_t length = (size_t)(end - client->buffer);
			json_t *value = json_loadb(client->buffer, length, 0, NULL);
			client->used -= length + 1;
			memmove(client->buffer, end + 1, client->used);
			client->scanned = 0;
			if (!json_is_object(value)) {
				json_decref(value);
				return -EPROTO;
			}
			*ret_value = value;
			return 0;
		}
		client->scanned = client->used;
		if (client->used > LINE_BYTES_MAX)
			return -EMSGSIZE;
		int error = readable_wait(client, deadline_us);
		if (error < 0)
			return error;
		error = buffer_fill(client);
		if (error <= 0)
			return error < 0 ? error : -EPIPE;
	}
}

static int line_write(struct retention_client *client, const char *text, size_t length) {
	while (length > 0) {
		ssize_t sent = send(client->fd, text, length, MSG_NOSIGNAL);
		if (sent < 0 && errno != EINTR)
			return -errno;
		if (sent > 0) {
			text += sent;
			length -= (size_t)sent;
		}
	}
	return 0;
}

/* ---- calls ---- */

static void event_keep(struct retention_client *client, const json_t *line) {
	struct event_text *event = client->event_count < EVENTS_MAX ? calloc(1, sizeof(*event)) : NULL;
	if (!event)
		return;
	event->text = json_dumps(json_object_get(line, "params"), JSON_COMPACT);
	if (!event->text) {
		free(event);
		return;
	}
	*client->events_end = event;
	client->events_end = &event->next;
	client->event_count++;
}

static int request_send(struct retention_client *client, const char *method, const char *params) {
	json_error_t error;
	json_t *object = params ? json_loads(params, JSON_REJECT_DUPLICATES, &error) : json_object();
	if (!json_is_object(object)) {
		json_decref(object);
		return -EINVAL;
	}
	json_t *request = json_pack("{s:s, s:I, s:s, s:o}", "jsonrpc", "2.0", "id", (json_int_t)client->next_id, "method",
	    method, "params", object);
	char *line = request ? json_dumps(request, JSON_COMPACT) : NULL;
	json_decref(request);
	if (!line)
		return -EINVAL;
	int result = line_write(client, line, strlen(line));
	free(line);
	return result < 0 ? result : line_write(client, "\n", 1);
}

static int refusal_take(struct retention_client *client, const json_t *error) {
	const char *message = json_string_value(json_object_get(error, "message"));
	const char *reason = json_string_value(json_object_get(json_object_get(error, "data"), "reason"));
	client->error_code = (int)json_integer_value(json_object_get(error, "code"));
	snprintf(client->error_message, sizeof(client->error_message), "%s", message ? message : "refused");
	snprintf(client->error_reason, sizeof(client->error_reason), "%s", reason ? reason : "");
	return -EREMOTEIO;
}

/* Waits for the answer to `id`; events that come before it are kept. */
static int answer_wait(struct retention_client *client, long long id, char **ret_result) {
	int64_t deadline_us = client->timeout_ms > 0 ? clock_elapsed_us() + client->timeout_ms * INT64_C(1000) : INT64_MAX;
	for (;;) {
		json_t *line = NULL;
		int error = line_read(client, deadline_us, &line);
		if (error < 0)
			return error;
		const json_t *line_id = json_object_get(line, "id");
		const json_t *refusal = json_object_get(line, "error");
		if (json_object_get(line, "method")) {
			event_keep(client, line);
		} else if (refusal && (json_is_null(line_id) || json_integer_value(line_id) == id)) {
			error = refusal_take(client, refusal);
			json_decref(line);
			return error;
		} else if (json_integer_value(line_id) == id) {
			*ret_result = json_dumps(json_object_get(line, "result"), JSON_COMPACT | JSON_ENCODE_ANY);
			json_decref(line);
			return *ret_result ? 0 : -EPROTO;
		}
		json_decref(line);
	}
}

int retention_client_call(struct retention_client *client, const char *method, const char *params, char **ret_result) {
	client->error_code = 0;
	client->error_message[0] = client->error_reason[0] = '\0';
	descriptors_drop(client);
	int error = request_send(client, method, params);
	/* A daemon that has no room answers and closes: its words are worth more than EPIPE. */
	if (error < 0 && error != -EPIPE)
		return error;
	return answer_wait(client, client->next_id++, ret_result);
}

int retention_client_call_descriptors(struct retention_client *client, const char *method, const char *params,
    char **ret_result, int *ret_descriptors, size_t room, size_t *ret_count) {
	int error = retention_client_call(client, method, params, ret_result);
	if (error == 0) {
		size_t count = client->descriptor_count < room ? client->descriptor_count : room;
		for (size_t i = 0; i < count; i++) {
			ret_descriptors[i] = client->descriptors[i];
			client->descriptors[i] = -1;
		}
		*ret_count = count;
	}
	descriptors_drop(client);
	return error;
}

int retention_client_subscribe(struct retention_client *client, const char *events) {
	char *params = NULL, *result = NULL;
	if (asprintf(&params, "{\"events\":%s}", events) < 0)
		return -ENOMEM;
	int error = retention_client_call(client, "events.subscribe", params, &result);
	free(params);
	free(result);
	return error;
}

int retention_client_next_event(struct retention_client *client, int milliseconds, char **ret_event) {
	int64_t deadline_us = milliseconds < 0 ? INT64_MAX : clock_elapsed_us() + milliseconds * INT64_C(1000);
	while (!client->events) {
		json_t *line = NULL;
		int error = line_read(client, deadline_us, &line);
		if (error < 0)
			return error;
		if (json_object_get(line, "method"))
			event_keep(client, line);
		json_decref(line);
	}
	struct event_text *event = client->events;
	client->events = event->next;
	if (!client->events)
		client->events_end = &client->events;
	client->event_count--;
	*ret_event = event->text;
	free(event);
	return 0;
}

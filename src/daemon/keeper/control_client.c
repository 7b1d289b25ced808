/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One connection to the control socket: its lines, what waits to be sent to it, and when it goes.
 *
 * A client never blocks the daemon: what it does not read is kept up to a bound, then the connection is closed.
 */
#include "control_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "base/log.h"
#include "keeper.h"

struct output {
	struct output *next;
	char *bytes;
	size_t length, sent;
	size_t descriptor_count;
	int descriptors[];
};

/* ---- output ---- */

static void output_free(struct output *output) {
	for (size_t i = 0; i < output->descriptor_count; i++)
		descriptor_close(&output->descriptors[i]);
	free(output->bytes);
	free(output);
}

void client_break(struct client *client) {
	client->broken = true;
	event_active(client->control->sweep, EV_TIMEOUT, 0);
}

static ssize_t output_send(int fd, const struct output *output) {
	struct iovec part = {.iov_base = output->bytes + output->sent, .iov_len = output->length - output->sent};
	struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * CONTROL_DESCRIPTORS_MAX)];
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

void client_send(struct client *client, char *line, const int *descriptors, size_t count) {
	struct output *output = calloc(1, sizeof(*output) + count * sizeof(int));
	if (!line || !output || client->broken || client->queued > CONTROL_OUTPUT_BYTES_MAX) {
		if (!client->broken && client->queued > CONTROL_OUTPUT_BYTES_MAX)
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

/* ---- input ---- */

/* Lines that are complete, a bounded number in a row: the rest at the next turn of the loop. */
static void client_lines(struct client *client) {
	struct text line;
	int found = 0;
	for (int n = 0; n < 16 && !client->closing && !client->broken; n++) {
		found = line_buffer_next(&client->input, &line);
		if (found <= 0)
			break;
		if (line.length > 0)
			request_line(client, line);
	}
	if (found < 0) {
		client->closing = true;
		request_refuse(
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

/* ---- coming and going ---- */

void client_free(struct client *client) {
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

struct client *client_new(struct control *control, int fd) {
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

bool client_wants(const struct client *client, const char *event) {
	for (size_t i = 0; i < client->subscription_count; i++)
		if (strcmp(client->subscriptions[i], event) == 0)
			return true;
	return false;
}

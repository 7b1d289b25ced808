/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A channel reads as long as it is not paused and it has a queue only while the peer does not read.
 * The receive buffer is on the stack: a box with many volumes has many channels.
 */
#include "ipc/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include <event2/event.h>

/* A queue holds at most CHANNEL_QUEUE_MAX messages and this many bytes. */
enum { QUEUE_BYTES_MAX = 32 * 1024 * 1024 };

struct queued {
	STAILQ_ENTRY(queued) next;
	size_t descriptor_count;
	int descriptors[MESSAGE_DESCRIPTORS_MAX];
	size_t length;
	char bytes[];
};

struct channel {
	int fd;
	const struct channel_handler *handler;
	void *context;
	struct event *reading;
	struct event *writing;
	struct event *failing; /* made active to end the channel outside of channel_send() */
	STAILQ_HEAD(, queued) queue;
	size_t queue_count;
	size_t queue_bytes;
	bool paused;
	bool peer_gone; /* nothing can be sent any more; what it sent before it went is still read */
	bool ended;     /* on_end was called */
	int error;
	bool *freed; /* set by channel_free() for a callback's caller */
};

static void queued_free(struct queued *queued) {
	for (size_t i = 0; i < queued->descriptor_count; i++)
		(void)close(queued->descriptors[i]);
	free(queued);
}

static void queue_pop(struct channel *channel) {
	struct queued *first = STAILQ_FIRST(&channel->queue);
	STAILQ_REMOVE_HEAD(&channel->queue, next);
	channel->queue_count--;
	channel->queue_bytes -= first->length;
	queued_free(first);
}

static void queue_clear(struct channel *channel) {
	while (!STAILQ_EMPTY(&channel->queue))
		queue_pop(channel);
}

/* Nothing more is read or sent; the caller must not touch the channel afterwards. */
static void channel_end(struct channel *channel, int error) {
	if (channel->ended)
		return;
	channel->ended = true;
	(void)event_del(channel->reading);
	(void)event_del(channel->writing);
	queue_clear(channel);
	channel->handler->on_end(channel, error, channel->context);
}

/* Ends the channel from the loop, with the first error that happened. */
static void channel_fail(struct channel *channel, int error) {
	if (channel->error != 0 || channel->ended)
		return;
	channel->error = error;
	queue_clear(channel);
	(void)event_del(channel->writing);
	event_active(channel->failing, EV_TIMEOUT, 0);
}

static void on_failing(evutil_socket_t fd, short what, void *context) {
	(void)fd;
	(void)what;
	struct channel *channel = context;
	channel_end(channel, channel->error);
}

/* A send failed for good. A peer that is gone may have left a last word (why it went), so the end comes from reading.
 */
static void sending_failed(struct channel *channel, int error) {
	if (error != -EPIPE) {
		channel_fail(channel, error);
		return;
	}
	channel->peer_gone = true;
	queue_clear(channel);
	(void)event_del(channel->writing);
}

static void on_writable(evutil_socket_t fd, short what, void *context) {
	(void)what;
	struct channel *channel = context;
	while (!STAILQ_EMPTY(&channel->queue)) {
		struct queued *first = STAILQ_FIRST(&channel->queue);
		struct text bytes = {.data = first->bytes, .length = first->length};
		int error = message_send_bytes(fd, bytes, first->descriptors, first->descriptor_count);
		if (error == -EAGAIN)
			return;
		if (error != 0) {
			sending_failed(channel, error);
			return;
		}
		queue_pop(channel);
	}
	(void)event_del(channel->writing);
}

static void on_readable(evutil_socket_t fd, short what, void *context) {
	(void)what;
	struct channel *channel = context;
	struct message message;
	bool freed = false;
	channel->freed = &freed;
	for (int i = 0; i < CHANNEL_MESSAGES_PER_TURN && !channel->paused && channel->error == 0; i++) {
		int got = message_receive(fd, &message);
		if (got == -EAGAIN)
			break;
		if (got <= 0) {
			channel->freed = NULL;
			channel_end(channel, got);
			return;
		}
		channel->handler->on_message(channel, &message, channel->context);
		message_close_descriptors(&message);
		if (freed)
			return;
	}
	channel->freed = NULL;
}

struct channel *channel_new(struct event_base *base, int fd, const struct channel_handler *handler, void *context) {
	struct channel *channel = calloc(1, sizeof *channel);
	if (channel == NULL)
		return NULL;
	STAILQ_INIT(&channel->queue);
	channel->fd = -1; /* the caller's until all is well */
	channel->handler = handler;
	channel->context = context;
	channel->reading = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, channel);
	channel->writing = event_new(base, fd, EV_WRITE | EV_PERSIST, on_writable, channel);
	channel->failing = event_new(base, -1, 0, on_failing, channel);
	if (channel->reading == NULL || channel->writing == NULL || channel->failing == NULL ||
	    event_add(channel->reading, NULL) < 0)
		return channel_free(channel);
	channel->fd = fd;
	return channel;
}

struct channel *channel_free(struct channel *channel) {
	if (channel == NULL)
		return NULL;
	if (channel->freed != NULL)
		*channel->freed = true;
	queue_clear(channel);
	if (channel->reading != NULL)
		event_free(channel->reading);
	if (channel->writing != NULL)
		event_free(channel->writing);
	if (channel->failing != NULL)
		event_free(channel->failing);
	if (channel->fd >= 0)
		(void)close(channel->fd);
	free(channel);
	return NULL;
}

/* 0, or a negative errno with nothing queued. */
static int queue_push(struct channel *channel, struct text bytes, const int *descriptors, size_t count) {
	if (channel->queue_count >= CHANNEL_QUEUE_MAX || channel->queue_bytes + bytes.length > QUEUE_BYTES_MAX)
		return -ENOBUFS;
	struct queued *queued = malloc(sizeof *queued + bytes.length);
	if (queued == NULL)
		return -ENOMEM;
	queued->descriptor_count = 0;
	queued->length = bytes.length;
	memcpy(queued->bytes, bytes.data, bytes.length);
	for (size_t i = 0; i < count; i++) {
		int copy = fcntl(descriptors[i], F_DUPFD_CLOEXEC, 0);
		if (copy < 0) {
			int error = -errno;
			queued_free(queued);
			return error;
		}
		queued->descriptors[queued->descriptor_count++] = copy;
	}
	if (STAILQ_EMPTY(&channel->queue) && event_add(channel->writing, NULL) < 0) {
		queued_free(queued);
		return -ENOMEM;
	}
	STAILQ_INSERT_TAIL(&channel->queue, queued, next);
	channel->queue_count++;
	channel->queue_bytes += bytes.length;
	return 0;
}

void channel_send(struct channel *channel, struct message_writer *out, const int *descriptors, size_t count) {
	if (channel->ended || channel->error != 0 || channel->peer_gone)
		return;
	int error = message_finish(out, count);
	struct text bytes = {.data = (const char *)out->bytes, .length = out->writer.used};
	if (error == 0) {
		error = -EAGAIN;
		if (STAILQ_EMPTY(&channel->queue))
			error = message_send_bytes(channel->fd, bytes, descriptors, count);
		if (error == -EAGAIN)
			error = queue_push(channel, bytes, descriptors, count);
	}
	if (error != 0)
		sending_failed(channel, error);
}

size_t channel_queued(const struct channel *channel) {
	return channel->queue_count;
}

void channel_pause(struct channel *channel) {
	channel->paused = true;
	(void)event_del(channel->reading);
}

void channel_resume(struct channel *channel) {
	if (!channel->paused || channel->ended)
		return;
	channel->paused = false;
	if (event_add(channel->reading, NULL) < 0)
		channel_fail(channel, -ENOMEM);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One end of a message pair on a libevent loop, for the programs that serve several at once
 * (supervisor, keeper). What cannot be sent at once is queued, up to a bound; a channel whose peer
 * does not read past it is a failed one, so that a stuck child never holds up the rest.
 */
#pragma once

#include <stddef.h>

#include "base/attributes.h"
#include "ipc/message.h"

struct channel;
struct event_base;

/* The channel's user. Either callback may free the channel. */
struct channel_handler {
	/* One checked message. Descriptors that are not taken are closed afterwards. */
	void (*on_message)(struct channel *channel, struct message *message, void *context);
	/* The peer closed (error 0), broke the protocol (-EPROTO), did not read (-ENOBUFS), or a socket error. Called once,
	 * never from within channel_send(). */
	void (*on_end)(struct channel *channel, int error, void *context);
};

/* Takes over `fd`. NULL when memory is short. `handler` is kept, not copied. */
MUST_USE struct channel *channel_new(
    struct event_base *base, int fd, const struct channel_handler *handler, void *context);

/* Closes. Takes NULL. Returns NULL. */
struct channel *channel_free(struct channel *channel);

/* Sends or queues; descriptors are duplicated if queued and stay the caller's. Failures come by on_end. */
void channel_send(struct channel *channel, struct message_writer *out, const int *descriptors, size_t count);

/* Messages waiting to be sent: a measure for back-pressure. */
size_t channel_queued(const struct channel *channel);

/* Stops and resumes reading: back-pressure towards the peer. */
void channel_pause(struct channel *channel);
void channel_resume(struct channel *channel);

/* Messages handled in a row before other events get their turn. */
enum { CHANNEL_MESSAGES_PER_TURN = 16, CHANNEL_QUEUE_MAX = 4096 };

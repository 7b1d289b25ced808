/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Events that were read from inotify and wait to be handled: the kernel's own queue is short, and
 * while a scan waits for keeper it must not fill. Bounded: over EVENT_QUEUE_BYTES_MAX what comes is
 * dropped and counts as an overflow, which is followed by a full comparison.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct event_queue {
	char *bytes; /* struct inotify_event, each with its name */
	size_t used;
	size_t room;
	bool overflowed;
};

enum { EVENT_QUEUE_BYTES_MAX = 2 << 20 };

/* Reads all that inotify has now. Never blocks, never fails: what cannot be kept is an overflow. */
void event_queue_drain(struct event_queue *queue, int inotify_fd);

/* Gives the waiting events to the caller, who releases them; the queue is empty then. */
struct event_queue event_queue_take(struct event_queue *queue);
void event_queue_release(struct event_queue *queue);

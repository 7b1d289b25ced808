/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "queue.h"

#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

enum { READ_BYTES = 16384 };

static bool keep(struct event_queue *queue, const char *bytes, size_t length) {
	if (queue->used + length > EVENT_QUEUE_BYTES_MAX)
		return false;
	if (queue->used + length > queue->room) {
		size_t room = queue->used + length + queue->used / 2;
		char *grown = realloc(queue->bytes, room);
		if (grown == NULL)
			return false;
		queue->bytes = grown;
		queue->room = room;
	}
	memcpy(queue->bytes + queue->used, bytes, length);
	queue->used += length;
	return true;
}

void event_queue_drain(struct event_queue *queue, int inotify_fd) {
	_Alignas(struct inotify_event) char bytes[READ_BYTES];
	for (;;) {
		ssize_t length = read(inotify_fd, bytes, sizeof bytes);
		if (length <= 0)
			return;
		if (!keep(queue, bytes, (size_t)length))
			queue->overflowed = true;
	}
}

struct event_queue event_queue_take(struct event_queue *queue) {
	struct event_queue taken = *queue;
	*queue = (struct event_queue){0};
	return taken;
}

void event_queue_release(struct event_queue *queue) {
	free(queue->bytes);
	*queue = (struct event_queue){0};
}

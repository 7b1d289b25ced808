/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * First everybody's answer, one after the other, then what takes longer. An event's descriptor stays
 * open meanwhile: opens by it and of it are seen by nobody. Between an opener's question and its answer
 * stand only accessors_look() and, in block mode, place_of().
 */
#include "opens.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/descriptor.h"
#include "base/log.h"
#include "guard.h"
#include "kernel.h"
#include "policy.h"
#include "tell.h"

enum {
	EVENT_BYTES = sizeof(struct fanotify_event_metadata) + sizeof(struct info_pidfd),
	TELL_AFTER = 8, /* answers */
};

/* `bytes` begin with `event`. */
static int pidfd_of(const struct fanotify_event_metadata *event, const unsigned char *bytes) {
	const unsigned char *at = bytes + event->metadata_len;
	const unsigned char *end = bytes + event->event_len;
	struct info_pidfd info;
	while ((size_t)(end - at) >= sizeof info.header) {
		memcpy(&info.header, at, sizeof info.header);
		if (info.header.length < sizeof info.header || info.header.length > end - at)
			break;
		if (info.header.type == INFO_PIDFD && info.header.length >= sizeof info) {
			memcpy(&info, at, sizeof info);
			return info.pidfd >= 0 ? info.pidfd : info.pidfd == FAN_NOPIDFD ? ACCESSOR_PIDFD_GONE : ACCESSOR_NO_PIDFD;
		}
		at += info.header.length;
	}
	return ACCESSOR_NO_PIDFD;
}

static void answer(const struct guard *guard, int fd, bool allow) {
	if (guard->level != GUARD_LEVEL_PERMISSION)
		return;
	struct fanotify_response response = {.fd = fd, .response = allow ? FAN_ALLOW : FAN_DENY};
	/* Fails only where nobody waits any more: the opener was killed. */
	while (write(guard->opens.fd, &response, sizeof response) < 0 && errno == EINTR)
		;
}

/* Whether it may, where that depends on the path. */
static bool allows(struct guard *guard, struct seen *seen) {
	place_of(guard, seen->fd, &seen->place);
	seen->placed = true;
	if (seen->place.root < 0)
		return true;
	size_t root = (size_t)seen->place.root;
	return policy_allows(
	    guard->settings->guard.mode, guard->refuse_all, accessor_part(guard->accessors, seen->accessor, root));
}

/* Our own files are let go before the answer: reaper asks next whether anybody has the file open. */
static void answer_own(const struct guard *guard, int fd) {
	(void)close(fd);
	answer(guard, fd, true);
}

/* Looks and answers; `pidfd` is taken over. True when there is something to tell. */
static bool event_answer(
    struct guard *guard, const struct fanotify_event_metadata *event, int pidfd, struct seen *seen) {
	if (event->pid == guard->own) {
		answer_own(guard, event->fd);
		descriptor_close(&pidfd);
		return false;
	}
	seen->fd = event->fd;
	seen->accessor = openers_look(&guard->openers, guard->accessors, event->pid, pidfd);
	openers_note(&guard->openers, event->pid, seen->accessor);
	seen->denied = seen->placed = false;
	if (accessor_part(guard->accessors, seen->accessor, 0) == ACCESSOR_OWN) {
		answer_own(guard, event->fd);
		seen->fd = -1;
		return true;
	}
	if (guard->settings->guard.mode == GUARD_BLOCK && guard->level == GUARD_LEVEL_PERMISSION)
		seen->denied = !allows(guard, seen);
	answer(guard, event->fd, !seen->denied);
	seen->at_us = clock_wall_us();
	return true;
}

static void seen_tell(struct guard *guard, struct seen *seen) {
	bool news = accessor_complete(guard->accessors, seen->accessor);
	if (seen->fd < 0)
		return;
	if (!seen->placed)
		place_of(guard, seen->fd, &seen->place);
	descriptor_close(&seen->fd);
	tell_access(guard, seen->accessor, &seen->place,
	    &(struct access_seen){
	        .what = seen->denied ? ACCESS_DENIED : ACCESS_OPENED, .told_before = !news, .at_us = seen->at_us});
}

/* The kernel had an event and no descriptor for it; whoever waited was refused by the kernel. */
static void event_lose(struct guard *guard, int error) {
	int64_t now_us = clock_wall_us();
	log_debug("an open could not be read: %s", strerror(error < 0 ? -error : error));
	outgoing_lose(&guard->outgoing, GUARD_LOSS_READ, now_us, now_us, 1);
}

/* Nothing to answer: the queue overflowed, or the kernel had no descriptor for an event. */
static void event_miss(struct guard *guard, const struct fanotify_event_metadata *event, int pidfd) {
	if ((event->mask & FAN_Q_OVERFLOW) != 0)
		outgoing_lose(&guard->outgoing, GUARD_LOSS_OVERFLOW, guard->opens_read_us, clock_wall_us(), 0);
	else
		event_lose(guard, event->fd);
	descriptor_close(&pidfd);
}

/* How many are to be told then: those from seen[count] on are new. */
static size_t batch_answer(struct guard *guard, const unsigned char *events, size_t length, size_t count) {
	struct fanotify_event_metadata event;
	for (size_t at = 0; length - at >= sizeof event; at += event.event_len) {
		memcpy(&event, events + at, sizeof event);
		if (event.event_len < sizeof event || event.event_len > length - at)
			break;
		int pidfd = pidfd_of(&event, events + at);
		if (event.fd < 0)
			event_miss(guard, &event, pidfd);
		else if (event_answer(guard, &event, pidfd, &guard->seen[count]))
			count++;
	}
	return count;
}

/* Reads and answers once. How many are in guard->seen then; `ret_error` is not 0 when there was nothing to read. */
static size_t opens_answer(struct guard *guard, size_t count, int *ret_error) {
	unsigned char events[OPENS_A_TURN * EVENT_BYTES];
	/* Without pidfd events are shorter: never more of them than there are places. */
	size_t room = (OPENS_A_TURN - count) * (guard->opens.pidfd ? EVENT_BYTES : sizeof(struct fanotify_event_metadata));
	ssize_t length = read(guard->opens.fd, events, room);
	*ret_error = length < 0 ? -errno : 0;
	if (length >= 0)
		return batch_answer(guard, events, (size_t)length, count);
	/* One event could not be handed over and is gone (ENXIO, EMFILE …); the next one can. */
	if (errno != EAGAIN && errno != EINTR)
		event_lose(guard, errno);
	return count;
}

int opens_turn(struct guard *guard) {
	size_t count = 0;
	int error = 0;
	/* While others wait, they come first; but what is read of a process afterwards is gone when it is. */
	while (count < TELL_AFTER && error == 0)
		count = opens_answer(guard, count, &error);
	for (size_t i = 0; i < count; i++)
		seen_tell(guard, &guard->seen[i]);
	if (error == 0 || error == -EINTR)
		return 1;
	if (error == -EAGAIN)
		guard->opens_read_us = clock_wall_us();
	return error == -EBADF || error == -EINVAL ? error : 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "watchdog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/descriptor.h"
#include "children.h"
#include "ipc/pulse.h"

enum { LOOK_SECONDS = 1, LINE_BYTES = 512, PATH_BYTES = 32 };

char watchdog_state_of(const char *line) {
	const char *end = strrchr(line, ')');
	return end != NULL && end[1] == ' ' && end[2] != '\0' ? end[2] : '?';
}

const char *watchdog_judge(char state, int64_t busy_since_us, int64_t now_us) {
	/* A debugger's stop is told to the debugger only, not to us. */
	if (state == 'T' || state == 't')
		return "is stopped";
	if (busy_since_us != 0 && now_us - busy_since_us > PULSE_BUSY_MAX_MS * INT64_C(1000))
		return "has been busy with one turn for too long";
	return NULL;
}

static char state_read(const struct watchdog *watchdog) {
	char line[LINE_BYTES];
	ssize_t length = watchdog->state_fd < 0 ? -1 : pread(watchdog->state_fd, line, sizeof line - 1, 0);
	if (length <= 0)
		return '?';
	line[length] = '\0';
	return watchdog_state_of(line);
}

static void on_look(evutil_socket_t fd, short what, void *context) {
	(void)fd;
	(void)what;
	struct child *child = context;
	struct watchdog *watchdog = &child->watchdog;
	if (watchdog->condemned) {
		/* While a debugger holds on to it waitpid(2) does not tell us; its descriptors are closed. */
		if (state_read(watchdog) == 'Z')
			child_is_dead(child);
		return;
	}
	/* Before the look: what it finds was so at this time or later. */
	int64_t wall_us = clock_wall_us(), now_us = clock_elapsed_us();
	int64_t busy_since_us = atomic_load(&watchdog->pulse->busy_since_us);
	const char *why = watchdog_judge(state_read(watchdog), busy_since_us, now_us);
	if (why != NULL)
		child_stands_still(child, why);
	else if (busy_since_us == 0 && !atomic_load(&watchdog->pulse->untold))
		watchdog->seen_us = wall_us;
}

int watchdog_prepare(struct watchdog *watchdog) {
	watchdog_end(watchdog);
	int fd = pulse_make();
	if (fd < 0)
		return fd;
	watchdog->pulse = pulse_map(fd);
	if (watchdog->pulse == NULL) {
		int error = -errno;
		descriptor_close(&fd);
		return error;
	}
	watchdog->pulse_fd = fd;
	return 0;
}

int watchdog_begin(struct watchdog *watchdog, struct event_base *base, struct child *child) {
	char path[PATH_BYTES];
	(void)snprintf(path, sizeof path, "/proc/%d/stat", (int)child->pid);
	watchdog->state_fd = open(path, O_RDONLY | O_CLOEXEC);
	watchdog->timer = event_new(base, -1, EV_PERSIST, on_look, child);
	if (watchdog->timer == NULL || event_add(watchdog->timer, &(struct timeval){.tv_sec = LOOK_SECONDS}) < 0)
		return -ENOMEM;
	return 0;
}

void watchdog_end(struct watchdog *watchdog) {
	if (watchdog->timer != NULL)
		event_free(watchdog->timer);
	pulse_unmap(watchdog->pulse);
	descriptor_close(&watchdog->pulse_fd);
	descriptor_close(&watchdog->state_fd);
	*watchdog = WATCHDOG_NONE;
}

int64_t watchdog_alive_us(const struct watchdog *watchdog, int64_t now_us) {
	int64_t told_us = watchdog->pulse == NULL ? 0 : atomic_load(&watchdog->pulse->alive_us);
	int64_t alive_us = told_us > watchdog->seen_us ? told_us : watchdog->seen_us;
	return alive_us < 0 ? 0 : alive_us > now_us ? now_us : alive_us;
}

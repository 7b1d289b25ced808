/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ipc/child.h"

#include <errno.h>

#include "base/log.h"

int child_start(enum process process, int time_ms, struct message *message, struct record_start *ret_start) {
	log_open(process_name(process), LOG_LEVEL_INFO);
	int received = message_receive_wait(CHILD_CHANNEL, message, time_ms);
	if (received <= 0)
		return received;
	struct record_start start;
	if (message->type != MESSAGE_START || !record_start_get(&message->reader, &start) ||
	    start.version != MESSAGE_VERSION) {
		message_close_descriptors(message);
		return -EPROTO;
	}
	if (start.verbose != 0)
		log_open(process_name(process), LOG_LEVEL_DEBUG);
	*ret_start = start;
	return 1;
}

int child_begin(enum process process, int time_ms, struct message *message, struct record_start *ret_start) {
	int started = child_start(process, time_ms, message, ret_start);
	if (started < 0)
		log_error_errno(started, "cannot take the supervisor's START, ending");
	return started;
}

struct sandbox_request child_sandbox(enum process process, const struct record_start *start) {
	return (struct sandbox_request){
	    .process = process, .drop = start->drop != 0, .user = start->user, .group = start->group};
}

int child_serve(
    int idle_ms, struct message *message, int (*answer)(struct message *message, void *context), void *context) {
	for (;;) {
		int received = message_receive_wait(CHILD_CHANNEL, message, idle_ms);
		if (received <= 0)
			return received;
		int error = answer(message, context);
		if (error < 0)
			return error == -EPIPE ? 0 : error;
	}
}

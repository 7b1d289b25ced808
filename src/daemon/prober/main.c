/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * prober: tells what the media in a file say of themselves. Hostile bytes may take it over: it has one
 * descriptor at a time and a channel, nothing else, and what it says is a claim. Ends by itself when idle.
 */
#include <errno.h>
#include <linux/ioprio.h>
#include <malloc.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "ipc/message.h"
#include "media/probe.h"
#include "sandbox/sandbox.h"

enum { CHANNEL = 3, IDLE_MS = 30000, START_MS = 10000, HEAP_KEPT_BYTES = 8 * 1024 * 1024 };

/* 1 for a message, 0 for the end of the channel or none within the time, or a negative errno. */
static int wait_message(struct message *message, int time_ms) {
	for (;;) {
		int received = message_receive(CHANNEL, message);
		if (received != -EAGAIN)
			return received;
		struct pollfd wait = {.fd = CHANNEL, .events = POLLIN};
		int ready = poll(&wait, 1, time_ms);
		if (ready == 0)
			return 0;
		if (ready < 0 && errno != EINTR)
			return -errno;
	}
}

/* The backlog yields the disk to the recorder. Best effort: not all schedulers know priorities. */
static void set_disk_priority(bool idle) {
	int priority = idle ? IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0) : IOPRIO_PRIO_VALUE(IOPRIO_CLASS_NONE, 0);
	(void)syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, priority);
}

static int answer_probe(struct message *message, struct message_writer *out) {
	static struct probe_facts facts;
	struct record_probe request;
	int fd = message_take_descriptor(message, 0);
	message_close_descriptors(message);
	if (message->type != MESSAGE_PROBE || !record_probe_get(&message->reader, &request) || fd < 0) {
		if (fd >= 0)
			(void)close(fd);
		return -EPROTO;
	}
	set_disk_priority(request.idle != 0);
	probe_read(fd, &request, &facts);
	(void)close(fd);
	message_begin(out, MESSAGE_FACTS);
	record_facts_put(&out->writer, &facts.facts);
	for (size_t i = 0; i < facts.stream_count; i++)
		message_add_stream(out, &facts.streams[i]);
	return message_send_wait(CHANNEL, out, NULL, 0);
}

static int serve(struct message *message) {
	static struct message_writer out;
	for (;;) {
		int received = wait_message(message, IDLE_MS);
		if (received <= 0)
			return received;
		int error = answer_probe(message, &out);
		if (error < 0)
			return error == -EPIPE ? 0 : error;
	}
}

int main(void) {
	static struct message message;
	log_open("prober", LOG_LEVEL_INFO);
	struct record_start start;
	int received = wait_message(&message, START_MS);
	if (received == 0)
		return 0;
	bool started = received > 0 && message.type == MESSAGE_START && record_start_get(&message.reader, &start) &&
	               start.version == MESSAGE_VERSION;
	message_close_descriptors(&message);
	if (!started) {
		log_error("the first message is no start of this version, ending");
		return 1;
	}
	if (start.verbose != 0)
		log_open("prober", LOG_LEVEL_DEBUG);
	/* Buffers of one file serve the next: giving them back costs more than reading the file. */
	(void)mallopt(M_MMAP_THRESHOLD, HEAP_KEPT_BYTES);
	(void)mallopt(M_TRIM_THRESHOLD, HEAP_KEPT_BYTES);
	probe_open();
	int error = sandbox_enter(&(struct sandbox_request){
	    .process = PROCESS_PROBER, .drop = start.drop != 0, .user = start.user, .group = start.group});
	if (error == 0)
		error = serve(&message);
	if (error < 0)
		log_error_errno(error, "cannot go on, ending");
	return error < 0 ? 1 : 0;
}

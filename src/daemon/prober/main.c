/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * prober: tells what the media in a file say of themselves. Hostile bytes may take it over: it has one
 * descriptor at a time and a channel, nothing else, and what it says is a claim. Ends by itself when idle.
 */
#include <errno.h>
#include <malloc.h>
#include <unistd.h>

#include "base/disk_priority.h"
#include "base/log.h"
#include "ipc/child.h"
#include "ipc/message.h"
#include "media/probe.h"
#include "sandbox/sandbox.h"

enum { IDLE_MS = 30000, START_MS = 10000, HEAP_KEPT_BYTES = 8 * 1024 * 1024 };

static int answer_probe(struct message *message, void *context) {
	(void)context;
	static struct message_writer out;
	static struct probe_facts facts;
	struct record_probe request;
	int fd = message_take_descriptor(message, 0);
	message_close_descriptors(message);
	if (message->type != MESSAGE_PROBE || !record_probe_get(&message->reader, &request) || fd < 0) {
		if (fd >= 0)
			(void)close(fd);
		return -EPROTO;
	}
	disk_priority_set_idle(request.idle != 0);
	probe_read(fd, &request, &facts);
	(void)close(fd);
	message_begin(&out, MESSAGE_FACTS);
	record_facts_put(&out.writer, &facts.facts);
	for (size_t i = 0; i < facts.stream_count; i++)
		message_add_stream(&out, &facts.streams[i]);
	return message_send_wait(CHILD_CHANNEL, &out, NULL, 0);
}

int main(void) {
	static struct message message;
	struct record_start start;
	int started = child_begin(PROCESS_PROBER, START_MS, &message, &start);
	if (started <= 0)
		return started < 0;
	message_close_descriptors(&message);
	/* Buffers of one file serve the next: giving them back costs more than reading the file. */
	(void)mallopt(M_MMAP_THRESHOLD, HEAP_KEPT_BYTES);
	(void)mallopt(M_TRIM_THRESHOLD, HEAP_KEPT_BYTES);
	probe_open();
	struct sandbox_request sandbox = child_sandbox(PROCESS_PROBER, &start);
	int error = sandbox_enter(&sandbox);
	if (error == 0)
		error = child_serve(IDLE_MS, &message, answer_probe, NULL);
	if (error < 0)
		log_error_errno(error, "cannot go on, ending");
	return error < 0 ? 1 : 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hasher: SHA-256 of the files that keeper hands over as descriptors. Ends by itself when idle. */
#include <errno.h>
#include <linux/ioprio.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "digest.h"
#include "ipc/message.h"
#include "sandbox/sandbox.h"

enum { CHANNEL = 3, IDLE_MS = 30000, START_MS = 10000 };

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

/* What is for later yields the disk to the recorder. Best effort: not all schedulers know priorities. */
static void set_disk_priority(bool idle) {
	int priority = idle ? IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0) : IOPRIO_PRIO_VALUE(IOPRIO_CLASS_NONE, 0);
	(void)syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, priority);
}

static int answer_hash(struct digest *digest, struct message *message, struct message_writer *out) {
	struct record_hash request;
	int fd = message_take_descriptor(message, 0);
	message_close_descriptors(message);
	if (message->type != MESSAGE_HASH || !record_hash_get(&message->reader, &request) || fd < 0) {
		if (fd >= 0)
			(void)close(fd);
		return -EPROTO;
	}
	struct record_hashed answer = {.request = request.request};
	set_disk_priority(request.idle != 0);
	int error = digest_read(digest, fd, request.idle != 0, &answer.bytes, answer.sha256);
	answer.error = (uint32_t)-error;
	(void)close(fd);
	message_begin(out, MESSAGE_HASHED);
	record_hashed_put(&out->writer, &answer);
	return message_send_wait(CHANNEL, out, NULL, 0);
}

static int serve(struct digest *digest, struct message *message) {
	static struct message_writer out;
	for (;;) {
		int received = wait_message(message, IDLE_MS);
		if (received <= 0)
			return received;
		int error = answer_hash(digest, message, &out);
		if (error < 0)
			return error == -EPIPE ? 0 : error;
	}
}

int main(void) {
	static struct message message;
	log_open("hasher", LOG_LEVEL_INFO);
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
		log_open("hasher", LOG_LEVEL_DEBUG);
	struct digest *digest = digest_new();
	if (digest == NULL) {
		log_error("libcrypto has no SHA-256, ending");
		return 1;
	}
	int error = sandbox_enter(&(struct sandbox_request){
	    .process = PROCESS_HASHER, .drop = start.drop != 0, .user = start.user, .group = start.group});
	if (error == 0)
		error = serve(digest, &message);
	if (error < 0)
		log_error_errno(error, "cannot go on, ending");
	digest = digest_free(digest);
	return error < 0 ? 1 : 0;
}

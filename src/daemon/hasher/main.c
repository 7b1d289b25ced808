/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hasher: SHA-256 of the files that keeper hands over as descriptors. Ends by itself when idle. */
#include <errno.h>
#include <unistd.h>

#include "base/disk_priority.h"
#include "base/log.h"
#include "digest.h"
#include "ipc/child.h"
#include "ipc/message.h"
#include "sandbox/sandbox.h"

enum { IDLE_MS = 30000, START_MS = 10000 };

static int answer_hash(struct message *message, void *context) {
	static struct message_writer out;
	struct digest *digest = context;
	struct record_hash request;
	int fd = message_take_descriptor(message, 0);
	message_close_descriptors(message);
	if (message->type != MESSAGE_HASH || !record_hash_get(&message->reader, &request) || fd < 0) {
		if (fd >= 0)
			(void)close(fd);
		return -EPROTO;
	}
	struct record_hashed answer = {.request = request.request};
	disk_priority_set_idle(request.idle != 0);
	int error = digest_read(digest, fd, request.idle != 0, &answer.bytes, answer.sha256);
	answer.error = (uint32_t)-error;
	(void)close(fd);
	message_begin(&out, MESSAGE_HASHED);
	record_hashed_put(&out.writer, &answer);
	return message_send_wait(CHILD_CHANNEL, &out, NULL, 0);
}

int main(void) {
	static struct message message;
	struct record_start start;
	int started = child_begin(PROCESS_HASHER, START_MS, &message, &start);
	if (started <= 0)
		return started < 0;
	message_close_descriptors(&message);
	struct digest *digest = digest_new();
	if (digest == NULL) {
		log_error("libcrypto has no SHA-256, ending");
		return 1;
	}
	struct sandbox_request sandbox = child_sandbox(PROCESS_HASHER, &start);
	int error = sandbox_enter(&sandbox);
	if (error == 0)
		error = child_serve(IDLE_MS, &message, answer_hash, digest);
	if (error < 0)
		log_error_errno(error, "cannot go on, ending");
	digest = digest_free(digest);
	return error < 0 ? 1 : 0;
}

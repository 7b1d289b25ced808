/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * publisher: the one process that talks to the network. Keeper says what goes where (DELIVER); what
 * came of it goes back (DELIVERED). It has no file, decides nothing and keeps nothing: what it had in
 * hand when it ended is sent again by the next one. Ends by itself when idle.
 */
#include <curl/curl.h>
#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "ipc/child.h"
#include "publisher.h"
#include "sandbox/sandbox.h"

enum { IDLE_MS = 30000, START_MS = 10000 };

/* ---- deliveries ---- */

static void refuse(struct publisher *publisher, uint64_t id, enum delivery_result result, const char *reason) {
	struct transfer none = {.count = 1, .batch = {{.id = id}}};
	transfer_end(publisher, &none, result, 0, reason);
}

static char *text_duplicate(struct text text) {
	return text.length == 0 ? strdup("") : strndup(text.data, text.length);
}

static int take_delivery(struct publisher *publisher, struct message *message) {
	struct record_deliver record;
	message_close_descriptors(message);
	if (message->type != MESSAGE_DELIVER || !record_deliver_get(&message->reader, &record))
		return -EPROTO;
	if (publisher->waiting_count == WAITING_MAX) {
		refuse(publisher, record.id, DELIVERY_FAILED, "too much at once");
		return 0;
	}
	struct delivery delivery = {.id = record.id,
	    .kind = record.kind,
	    .address = text_duplicate(record.address),
	    .body = text_duplicate(record.body),
	    .length = record.body.length};
	if (delivery.address == NULL || delivery.body == NULL) {
		free(delivery.address);
		free(delivery.body);
		refuse(publisher, record.id, DELIVERY_FAILED, "memory is short");
		return 0;
	}
	publisher->waiting[publisher->waiting_count++] = delivery;
	return 0;
}

/* Takes what keeper has sent by now: 1 to go on, 0 when it is gone, or a negative errno. */
static int receive(struct publisher *publisher) {
	static struct message message;
	for (;;) {
		int received = message_receive(CHILD_CHANNEL, &message);
		if (received == -EAGAIN)
			return 1;
		int error = received > 0 ? take_delivery(publisher, &message) : received;
		if (received <= 0 || error < 0)
			return error;
	}
}

/* ---- transfers ---- */

static bool is_busy(const struct publisher *publisher, const char *address) {
	for (size_t i = 0; i < TRANSFERS_MAX; i++) {
		const struct transfer *transfer = &publisher->transfers[i];
		if (transfer->state != TRANSFER_FREE && strcmp(transfer->batch[0].address, address) == 0)
			return true;
	}
	return false;
}

static struct transfer *free_transfer(struct publisher *publisher) {
	for (size_t i = 0; i < TRANSFERS_MAX; i++)
		if (publisher->transfers[i].state == TRANSFER_FREE)
			return &publisher->transfers[i];
	return NULL;
}

/* Moves the first waiting delivery and those that may go with it. */
static void take_batch(struct publisher *publisher, size_t first, struct transfer *transfer) {
	transfer->batch[transfer->count++] = publisher->waiting[first];
	size_t kept = first;
	for (size_t i = first + 1; i < publisher->waiting_count; i++) {
		const struct delivery *delivery = &publisher->waiting[i];
		if (transfer->count < BATCH_MAX && delivery->kind == DELIVERY_SYSLOG &&
		    strcmp(delivery->address, transfer->batch[0].address) == 0)
			transfer->batch[transfer->count++] = *delivery;
		else
			publisher->waiting[kept++] = *delivery;
	}
	publisher->waiting_count = kept;
}

static void begin(struct publisher *publisher, struct transfer *transfer) {
	const struct delivery *delivery = &transfer->batch[0];
	bool is_witness = delivery->kind == DELIVERY_WITNESS;
	if (!target_parse(delivery->address, &transfer->target) ||
	    is_witness != (strncmp(transfer->target.scheme, "http", 4) == 0)) {
		transfer_end(publisher, transfer, DELIVERY_INVALID, 0, "not an address to publish to");
		return;
	}
	if (is_witness)
		witness_begin(publisher, transfer);
	else
		syslog_begin(publisher, transfer);
}

static void begin_all(struct publisher *publisher) {
	size_t i = 0;
	while (i < publisher->waiting_count) {
		struct transfer *transfer = free_transfer(publisher);
		if (transfer == NULL)
			return;
		if (is_busy(publisher, publisher->waiting[i].address)) {
			i++;
			continue;
		}
		take_batch(publisher, i, transfer);
		begin(publisher, transfer);
		i = 0;
	}
}

static bool is_at_work(const struct publisher *publisher) {
	for (size_t i = 0; i < TRANSFERS_MAX; i++)
		if (publisher->transfers[i].state != TRANSFER_FREE)
			return true;
	return publisher->waiting_count > 0;
}

static void finish_some(struct publisher *publisher) {
	int left = 0;
	for (CURLMsg *done = curl_multi_info_read(publisher->multi, &left); done != NULL;
	     done = curl_multi_info_read(publisher->multi, &left)) {
		struct transfer *transfer = NULL;
		if (done->msg != CURLMSG_DONE ||
		    curl_easy_getinfo(done->easy_handle, CURLINFO_PRIVATE, (char **)&transfer) != CURLE_OK)
			continue;
		if (transfer->state == TRANSFER_CONNECTING)
			syslog_connected(publisher, transfer, done->data.result);
		else
			witness_done(publisher, transfer, done->data.result);
	}
}

/* Waits for anything to do. */
static int wait_for_work(struct publisher *publisher) {
	struct curl_waitfd waits[1 + TRANSFERS_MAX] = {{.fd = CHILD_CHANNEL, .events = CURL_WAIT_POLLIN}};
	unsigned count = 1;
	int wait_ms = IDLE_MS;
	for (size_t i = 0; i < TRANSFERS_MAX; i++) {
		int soon_ms = IDLE_MS;
		if (syslog_wait(&publisher->transfers[i], &waits[count], &soon_ms))
			count++;
		wait_ms = soon_ms < wait_ms ? soon_ms : wait_ms;
	}
	return curl_multi_poll(publisher->multi, waits, count, wait_ms, NULL) == CURLM_OK ? 0 : -EIO;
}

static int serve(struct publisher *publisher) {
	int64_t busy_us = clock_elapsed_us();
	while (!publisher->keeper_gone) {
		int running = 0;
		begin_all(publisher);
		if (curl_multi_perform(publisher->multi, &running) != CURLM_OK)
			return -EIO;
		finish_some(publisher);
		for (size_t i = 0; i < TRANSFERS_MAX; i++)
			syslog_go_on(publisher, &publisher->transfers[i]);
		if (is_at_work(publisher))
			busy_us = clock_elapsed_us();
		else if (clock_elapsed_us() - busy_us >= IDLE_MS * INT64_C(1000))
			return 0;
		int error = wait_for_work(publisher);
		int received = error == 0 ? receive(publisher) : error;
		if (received <= 0)
			return received;
	}
	return 0;
}

int main(void) {
	static struct message message;
	static struct publisher publisher;
	struct record_start start;
	(void)signal(SIGPIPE, SIG_IGN);
	int started = child_begin(PROCESS_PUBLISHER, START_MS, &message, &start);
	if (started <= 0)
		return started < 0;
	message_close_descriptors(&message);
	lookup_open();
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || (publisher.multi = curl_multi_init()) == NULL) {
		log_error("cannot set up the network library, ending");
		return 1;
	}
	struct sandbox_request sandbox = child_sandbox(PROCESS_PUBLISHER, &start);
	int error = sandbox_enter(&sandbox);
	if (error == 0)
		error = serve(&publisher);
	if (error < 0)
		log_error_errno(error, "cannot go on, ending");
	return error < 0 ? 1 : 0;
}

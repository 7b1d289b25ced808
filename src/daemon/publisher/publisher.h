/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Deliveries and transfers. A delivery is one DELIVER of keeper. A transfer is a connection to one
 * address with the deliveries that go over it, in their order: several syslog messages, or one request
 * to a witness. One transfer an address at a time, sixteen in all, so that a dead one holds up no other.
 */
#pragma once

#include <curl/curl.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ipc/message.h"
#include "lookup.h"

enum {
	TRANSFERS_MAX = 16,
	WAITING_MAX = 256, /* deliveries; keeper has far fewer under way */
	BATCH_MAX = 16,    /* syslog messages over one connection */
	CONNECT_MS = 5000,
	WHOLE_MS = 20000,
	ANSWER_BYTES_MAX = 16384,
	REASON_BYTES = 512,
};

struct delivery {
	uint64_t id;
	uint8_t kind; /* enum delivery_kind */
	char *address;
	char *body;
	size_t length;
};

enum transfer_state {
	TRANSFER_FREE,
	TRANSFER_CONNECTING, /* syslog: libcurl connects */
	TRANSFER_SENDING,
	TRANSFER_DRAINING, /* everything is sent; has the other side taken it? */
	TRANSFER_ASKING,   /* HTTP: libcurl does it all */
};

struct transfer {
	enum transfer_state state;
	struct target target;
	struct delivery batch[BATCH_MAX];
	size_t count;
	CURL *easy;
	struct curl_slist *addresses; /* of CURLOPT_RESOLVE */
	struct curl_slist *headers;
	curl_socket_t fd;
	int64_t deadline_us; /* clock_elapsed_us(), while draining */
	char *bytes;         /* syslog: the whole stream */
	size_t length;
	size_t sent;
	char answer[ANSWER_BYTES_MAX]; /* HTTP */
	size_t answer_length;
	bool answer_cut;
	char error[CURL_ERROR_SIZE];
};

struct publisher {
	CURLM *multi;
	struct delivery waiting[WAITING_MAX];
	size_t waiting_count;
	struct transfer transfers[TRANSFERS_MAX];
	bool keeper_gone;
};

/* ---- publisher.c ---- */

/* Answers all deliveries of the transfer alike and frees it. `status` and the answer are of HTTP. */
void transfer_end(struct publisher *publisher, struct transfer *transfer, enum delivery_result result, long status,
    const char *reason);
/* The common options of a libcurl handle. False when memory is short or the name is not known; then `reason` is set. */
bool transfer_prepare(struct publisher *publisher, struct transfer *transfer, const char *url, char *reason);

/* ---- syslog.c ---- */

/* Begins to send the batch by UDP, TCP (RFC 6587, octet counting) or TLS (RFC 5425). May end the transfer. */
void syslog_begin(struct publisher *publisher, struct transfer *transfer);
/* libcurl has connected, or not. */
void syslog_connected(struct publisher *publisher, struct transfer *transfer, CURLcode result);
/* Goes on with what can be done now. */
void syslog_go_on(struct publisher *publisher, struct transfer *transfer);
/* What to wait for; false: nothing. ret_wait_ms: look again after so long. */
bool syslog_wait(const struct transfer *transfer, struct curl_waitfd *ret_wait, int *ret_wait_ms);

/* ---- witness.c ---- */

/* Begins the POST. May end the transfer. */
void witness_begin(struct publisher *publisher, struct transfer *transfer);
void witness_done(struct publisher *publisher, struct transfer *transfer, CURLcode result);

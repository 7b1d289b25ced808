/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Syslog has no acknowledgement. What can be known is used: over UDP a port where nobody listens
 * (ICMP); over TCP the end of the other side's stream, which comes once it has read to the end of ours;
 * over TLS that the other side's kernel has all bytes. Where that fails the messages count as not sent
 * and come again: rather twice than never, and `sequence` tells the one from the other.
 */
#include <errno.h>
#include <linux/sockios.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/descriptor.h"
#include "publisher.h"

enum { DRAIN_MS = 5000, DRAIN_STEP_MS = 20, REFUSAL_MS = 50 };

static void fail(struct publisher *publisher, struct transfer *transfer, const char *what, const char *why) {
	char reason[REASON_BYTES];
	(void)snprintf(reason, sizeof reason, "%s: %s", what, why);
	transfer_end(publisher, transfer, DELIVERY_FAILED, 0, reason);
}

/* ---- UDP ---- */

static int udp_connect(const struct target *target, char *reason) {
	const struct lookup *found = target->numeric ? NULL : lookup_host(target->host);
	if (found != NULL && found->count == 0) {
		(void)snprintf(reason, REASON_BYTES, "the name is not known: %s", gai_strerror(found->error));
		return -1;
	}
	const struct addrinfo hints = {
	    .ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
	struct addrinfo *address = NULL;
	int error = getaddrinfo(found == NULL ? target->host : found->addresses[0], target->port, &hints, &address);
	if (error != 0) {
		(void)snprintf(reason, REASON_BYTES, "not an address: %s", gai_strerror(error));
		return -1;
	}
	int fd = socket(address->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, address->ai_addr, address->ai_addrlen) < 0)
		descriptor_close(&fd);
	if (fd < 0)
		(void)snprintf(reason, REASON_BYTES, "no way there: %s", strerror(errno));
	freeaddrinfo(address);
	return fd;
}

/* 0, or an errno: nobody listens there. */
static int udp_send(int fd, const struct transfer *transfer) {
	for (size_t i = 0; i < transfer->count; i++)
		if (send(fd, transfer->batch[i].body, transfer->batch[i].length, MSG_NOSIGNAL) < 0)
			return errno;
	struct pollfd refused = {.fd = fd};
	int error = 0;
	socklen_t length = sizeof error;
	if (poll(&refused, 1, REFUSAL_MS) > 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
		error = errno;
	return error;
}

static void udp_begin(struct publisher *publisher, struct transfer *transfer) {
	char reason[REASON_BYTES];
	CLOSED_AT_END int fd = udp_connect(&transfer->target, reason);
	if (fd < 0) {
		transfer_end(publisher, transfer, DELIVERY_FAILED, 0, reason);
		return;
	}
	int error = udp_send(fd, transfer);
	if (error == EMSGSIZE)
		transfer_end(publisher, transfer, DELIVERY_INVALID, 0, "too long for a datagram");
	else if (error != 0)
		fail(publisher, transfer, "not taken", strerror(error));
	else
		transfer_end(publisher, transfer, DELIVERY_DONE, 0, "");
}

/* ---- TCP and TLS ---- */

/* "LENGTH SPACE MESSAGE" for each. */
static bool stream_make(struct transfer *transfer) {
	size_t room = 0;
	for (size_t i = 0; i < transfer->count; i++)
		room += transfer->batch[i].length + 16;
	transfer->bytes = malloc(room + 1);
	if (transfer->bytes == NULL)
		return false;
	for (size_t i = 0; i < transfer->count; i++) {
		const struct delivery *delivery = &transfer->batch[i];
		transfer->length += (size_t)snprintf(transfer->bytes + transfer->length, 16, "%zu ", delivery->length);
		memcpy(transfer->bytes + transfer->length, delivery->body, delivery->length);
		transfer->length += delivery->length;
	}
	return true;
}

void syslog_begin(struct publisher *publisher, struct transfer *transfer) {
	if (strcmp(transfer->target.scheme, "udp") == 0) {
		udp_begin(publisher, transfer);
		return;
	}
	bool is_tls = strcmp(transfer->target.scheme, "tls") == 0;
	bool is_v6 = strchr(transfer->target.host, ':') != NULL;
	char url[LOOKUP_HOST_BYTES + 64];
	char reason[REASON_BYTES] = "memory is short";
	(void)snprintf(url, sizeof url, "%s://%s%s%s:%s/", is_tls ? "https" : "http", is_v6 ? "[" : "",
	    transfer->target.host, is_v6 ? "]" : "", transfer->target.port);
	if (!stream_make(transfer) || !transfer_prepare(publisher, transfer, url, reason)) {
		transfer_end(publisher, transfer, DELIVERY_FAILED, 0, reason);
		return;
	}
	(void)curl_easy_setopt(transfer->easy, CURLOPT_CONNECT_ONLY, 1L);
	(void)curl_easy_setopt(transfer->easy, CURLOPT_SSL_ENABLE_ALPN, 0L);
	transfer->state = TRANSFER_CONNECTING;
	if (curl_multi_add_handle(publisher->multi, transfer->easy) != CURLM_OK)
		transfer_end(publisher, transfer, DELIVERY_FAILED, 0, reason);
}

void syslog_connected(struct publisher *publisher, struct transfer *transfer, CURLcode result) {
	if (result == CURLE_OK)
		result = curl_easy_getinfo(transfer->easy, CURLINFO_ACTIVESOCKET, &transfer->fd);
	if (result != CURLE_OK) {
		fail(publisher, transfer, "cannot connect", transfer->error[0] ? transfer->error : curl_easy_strerror(result));
		return;
	}
	transfer->state = TRANSFER_SENDING;
	transfer->deadline_us = clock_elapsed_us() + WHOLE_MS * INT64_C(1000);
	syslog_go_on(publisher, transfer);
}

static void send_more(struct publisher *publisher, struct transfer *transfer) {
	while (transfer->sent < transfer->length) {
		size_t sent = 0;
		CURLcode result =
		    curl_easy_send(transfer->easy, transfer->bytes + transfer->sent, transfer->length - transfer->sent, &sent);
		if (result == CURLE_AGAIN)
			return;
		if (result != CURLE_OK) {
			fail(publisher, transfer, "lost the connection", curl_easy_strerror(result));
			return;
		}
		transfer->sent += sent;
	}
	transfer->state = TRANSFER_DRAINING;
	transfer->deadline_us = clock_elapsed_us() + DRAIN_MS * INT64_C(1000);
	if (strcmp(transfer->target.scheme, "tcp") == 0)
		(void)shutdown(transfer->fd, SHUT_WR);
}

static bool is_taken(const struct transfer *transfer) {
	int left = 0;
	return ioctl(transfer->fd, SIOCOUTQ, &left) == 0 && left == 0;
}

/* True once the other side has ended its stream or sent more than it may; ret_error: a negative errno. */
static bool has_ended(const struct transfer *transfer, int *ret_error) {
	char ignored[512];
	for (int i = 0; i < 64; i++) {
		ssize_t got = recv(transfer->fd, ignored, sizeof ignored, MSG_DONTWAIT);
		if (got > 0)
			continue;
		*ret_error = got < 0 ? -errno : 0;
		return got == 0 || (errno != EAGAIN && errno != EINTR);
	}
	return true;
}

static void drain_tcp(struct publisher *publisher, struct transfer *transfer) {
	int error = 0;
	bool late = clock_elapsed_us() >= transfer->deadline_us;
	if (has_ended(transfer, &error) && error != 0)
		fail(publisher, transfer, "lost the connection", strerror(-error));
	else if (error == 0 || (late && is_taken(transfer)))
		transfer_end(publisher, transfer, DELIVERY_DONE, 0, "");
	else if (late)
		fail(publisher, transfer, "not taken", strerror(ETIMEDOUT));
}

static void drain_tls(struct publisher *publisher, struct transfer *transfer) {
	char ignored[512];
	size_t got = 0;
	CURLcode result = curl_easy_recv(transfer->easy, ignored, sizeof ignored, &got);
	if (result != CURLE_OK && result != CURLE_AGAIN)
		fail(publisher, transfer, "lost the connection", curl_easy_strerror(result));
	else if (is_taken(transfer))
		transfer_end(publisher, transfer, DELIVERY_DONE, 0, "");
	else if (clock_elapsed_us() >= transfer->deadline_us)
		fail(publisher, transfer, "not taken", strerror(ETIMEDOUT));
}

void syslog_go_on(struct publisher *publisher, struct transfer *transfer) {
	if (transfer->state == TRANSFER_SENDING) {
		send_more(publisher, transfer);
		if (transfer->state == TRANSFER_SENDING && clock_elapsed_us() >= transfer->deadline_us)
			fail(publisher, transfer, "not taken", strerror(ETIMEDOUT));
	}
	if (transfer->state != TRANSFER_DRAINING)
		return;
	if (strcmp(transfer->target.scheme, "tcp") == 0)
		drain_tcp(publisher, transfer);
	else
		drain_tls(publisher, transfer);
}

bool syslog_wait(const struct transfer *transfer, struct curl_waitfd *ret_wait, int *ret_wait_ms) {
	bool sending = transfer->state == TRANSFER_SENDING;
	if (!sending && transfer->state != TRANSFER_DRAINING)
		return false;
	int64_t left_ms = (transfer->deadline_us - clock_elapsed_us()) / 1000 + 1;
	/* That the kernel has sent all it had wakes nobody. */
	bool looks_again = !sending && strcmp(transfer->target.scheme, "tls") == 0;
	*ret_wait_ms = looks_again ? DRAIN_STEP_MS : left_ms < 1 ? 1 : (int)left_ms;
	*ret_wait = (struct curl_waitfd){.fd = transfer->fd,
	    .events = (short)(sending       ? CURL_WAIT_POLLOUT
	                      : looks_again ? 0
	                                    : CURL_WAIT_POLLIN)};
	return true;
}

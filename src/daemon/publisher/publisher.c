/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "publisher.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/log.h"
#include "ipc/child.h"

static void answer(struct publisher *publisher, const struct record_delivered *delivered) {
	static struct message_writer out;
	message_begin(&out, MESSAGE_DELIVERED);
	record_delivered_put(&out.writer, delivered);
	if (message_send_wait(CHILD_CHANNEL, &out, NULL, 0) != 0)
		publisher->keeper_gone = true;
}

static void transfer_release(struct publisher *publisher, struct transfer *transfer) {
	if (transfer->easy != NULL) {
		(void)curl_multi_remove_handle(publisher->multi, transfer->easy);
		curl_easy_cleanup(transfer->easy);
	}
	curl_slist_free_all(transfer->addresses);
	curl_slist_free_all(transfer->headers);
	free(transfer->bytes);
	for (size_t i = 0; i < transfer->count; i++) {
		free(transfer->batch[i].address);
		free(transfer->batch[i].body);
	}
	memset(transfer, 0, sizeof *transfer);
}

void transfer_end(struct publisher *publisher, struct transfer *transfer, enum delivery_result result, long status,
    const char *reason) {
	char *type = NULL;
	if (transfer->easy != NULL)
		(void)curl_easy_getinfo(transfer->easy, CURLINFO_CONTENT_TYPE, &type);
	struct record_delivered delivered = {.result = (uint8_t)result,
	    .status = (uint16_t)(status < 0 || status > 999 ? 0 : status),
	    .content_type = text_of(type != NULL && strlen(type) <= 128 ? type : ""),
	    .body = {transfer->answer, transfer->answer_length},
	    .reason = {reason, strnlen(reason, REASON_BYTES)}};
	for (size_t i = 0; i < transfer->count; i++) {
		delivered.id = transfer->batch[i].id;
		answer(publisher, &delivered);
	}
	transfer_release(publisher, transfer);
}

/* "host:port:address,address", so that libcurl looks nothing up. */
static bool name_resolve(struct transfer *transfer, char *reason) {
	const struct target *target = &transfer->target;
	const struct lookup *found = lookup_host(target->host);
	char entry[LOOKUP_HOST_BYTES + 16 + LOOKUP_ADDRESSES_MAX * (LOOKUP_TEXT_BYTES + 4)];
	if (found->count == 0) {
		(void)snprintf(reason, REASON_BYTES, "the name '%s' is not known: %s", target->host,
		    found->error == 0 ? "it is too long" : gai_strerror(found->error));
		return false;
	}
	int used = snprintf(entry, sizeof entry, "%s:%s:", target->host, target->port);
	for (size_t i = 0; i < found->count && used > 0 && (size_t)used < sizeof entry; i++) {
		bool is_v6 = strchr(found->addresses[i], ':') != NULL;
		used += snprintf(entry + used, sizeof entry - (size_t)used, "%s%s%s%s", i > 0 ? "," : "", is_v6 ? "[" : "",
		    found->addresses[i], is_v6 ? "]" : "");
	}
	transfer->addresses = curl_slist_append(NULL, entry);
	return transfer->addresses != NULL;
}

bool transfer_prepare(struct publisher *publisher, struct transfer *transfer, const char *url, char *reason) {
	(void)publisher;
	if (!transfer->target.numeric && !name_resolve(transfer, reason))
		return false;
	CURL *easy = transfer->easy = curl_easy_init();
	if (easy == NULL)
		return false;
	(void)curl_easy_setopt(easy, CURLOPT_RESOLVE, transfer->addresses);
	(void)curl_easy_setopt(easy, CURLOPT_URL, url);
	(void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	(void)curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	(void)curl_easy_setopt(easy, CURLOPT_PROXY, "");
	(void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	(void)curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)WHOLE_MS);
	(void)curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
	(void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	(void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	(void)curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	(void)curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	(void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error);
	(void)curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	return true;
}

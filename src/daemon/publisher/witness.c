/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The request to a witness (C2SP tlog-witness): a POST, its answer handed to keeper as it came. What it means is not
 * judged here. */
#include <stdio.h>
#include <string.h>

#include "publisher.h"

static size_t take_answer(char *bytes, size_t size, size_t count, void *context) {
	struct transfer *transfer = context;
	size_t room = sizeof transfer->answer - transfer->answer_length;
	if (count > room) {
		transfer->answer_cut = true;
		return 0; /* which ends the transfer */
	}
	memcpy(transfer->answer + transfer->answer_length, bytes, count * size);
	transfer->answer_length += count;
	return count;
}

void witness_begin(struct publisher *publisher, struct transfer *transfer) {
	char url[1100];
	char reason[REASON_BYTES] = "memory is short";
	const struct delivery *delivery = &transfer->batch[0];
	(void)snprintf(url, sizeof url, "%s/add-checkpoint", delivery->address);
	/* No question first whether the body is welcome: it is small. */
	transfer->headers = curl_slist_append(NULL, "Expect:");
	if (transfer->headers == NULL || !transfer_prepare(publisher, transfer, url, reason)) {
		transfer_end(publisher, transfer, DELIVERY_FAILED, 0, reason);
		return;
	}
	CURL *easy = transfer->easy;
	(void)curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
	(void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
	(void)curl_easy_setopt(easy, CURLOPT_POSTFIELDS, delivery->body);
	(void)curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)delivery->length);
	(void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_answer);
	(void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	(void)curl_easy_setopt(easy, CURLOPT_USERAGENT, "retentiond/" RETENTION_VERSION);
	transfer->state = TRANSFER_ASKING;
	if (curl_multi_add_handle(publisher->multi, easy) != CURLM_OK)
		transfer_end(publisher, transfer, DELIVERY_FAILED, 0, reason);
}

void witness_done(struct publisher *publisher, struct transfer *transfer, CURLcode result) {
	long status = 0;
	(void)curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	if (result == CURLE_OK)
		transfer_end(publisher, transfer, DELIVERY_DONE, status, "");
	else
		transfer_end(publisher, transfer, DELIVERY_FAILED, status,
		    transfer->answer_cut      ? "the answer is too long"
		    : transfer->error[0] != 0 ? transfer->error
		                              : curl_easy_strerror(result));
}

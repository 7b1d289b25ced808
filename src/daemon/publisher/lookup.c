/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lookup.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"

enum { KNOWN_MAX = 16, KEPT_SECONDS = 60, FAILURE_KEPT_SECONDS = 20 };

static bool is_numeric(const char *host) {
	struct in6_addr binary;
	return inet_pton(AF_INET, host, &binary) == 1 || inet_pton(AF_INET6, host, &binary) == 1;
}

static const char *default_port(const char *scheme) {
	return strcmp(scheme, "http") == 0 ? "80" : strcmp(scheme, "https") == 0 ? "443" : NULL;
}

bool target_parse(const char *address, struct target *ret_target) {
	static const char *const schemes[] = {"udp", "tcp", "tls", "http", "https"};
	struct target target = {.scheme = ""};
	const char *rest = strstr(address, "://");
	if (rest == NULL ||
	    !text_copy(target.scheme, sizeof target.scheme, (struct text){address, (size_t)(rest - address)}))
		return false;
	bool known = false;
	for (size_t i = 0; i < ARRAY_LENGTH(schemes); i++)
		known = known || strcmp(target.scheme, schemes[i]) == 0;
	rest += 3;
	bool bracketed = *rest == '[';
	rest += bracketed;
	size_t length = strcspn(rest, bracketed ? "]" : ":/");
	if (!known || length == 0 || !text_copy(target.host, sizeof target.host, (struct text){rest, length}))
		return false;
	rest += length + (bracketed && rest[length] == ']');
	const char *port = default_port(target.scheme);
	if (*rest == ':') {
		length = strspn(rest + 1, "0123456789");
		if (!text_copy(target.port, sizeof target.port, (struct text){rest + 1, length}))
			return false;
	} else if (port == NULL || !text_copy(target.port, sizeof target.port, text_of(port))) {
		return false;
	}
	target.numeric = is_numeric(target.host);
	*ret_target = target;
	return target.port[0] != '\0';
}

void lookup_open(void) {
	/* resolv.conf(5): two seconds for each name server, one round. */
	(void)setenv("RES_OPTIONS", "timeout:2 attempts:1", 1);
}

static void ask(struct lookup *known, const char *host) {
	const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
	struct addrinfo *list = NULL;
	*known = (struct lookup){.error = 0};
	if (!text_copy(known->host, sizeof known->host, text_of(host)))
		return;
	known->error = getaddrinfo(host, NULL, &hints, &list);
	for (const struct addrinfo *each = list; each != NULL && known->count < LOOKUP_ADDRESSES_MAX; each = each->ai_next)
		if (getnameinfo(each->ai_addr, each->ai_addrlen, known->addresses[known->count], LOOKUP_TEXT_BYTES, NULL, 0,
		        NI_NUMERICHOST) == 0)
			known->count++;
	if (list != NULL)
		freeaddrinfo(list);
	int64_t kept = known->count > 0 ? KEPT_SECONDS : FAILURE_KEPT_SECONDS;
	known->until_us = clock_elapsed_us() + kept * US_PER_SECOND;
}

const struct lookup *lookup_host(const char *host) {
	static struct lookup known[KNOWN_MAX];
	static size_t next;
	for (size_t i = 0; i < KNOWN_MAX; i++) {
		if (strcmp(known[i].host, host) != 0)
			continue;
		if (known[i].until_us <= clock_elapsed_us())
			ask(&known[i], host);
		return &known[i];
	}
	struct lookup *oldest = &known[next++ % KNOWN_MAX];
	ask(oldest, host);
	return oldest;
}

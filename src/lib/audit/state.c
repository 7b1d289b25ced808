/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * log-state, the last size and root that were signed, durable before the checkpoint is:
 *   retention-log-state 1
 *   origin <origin>
 *   size <decimal>
 *   root <64 hex digits>
 *   renewed <why>           only while the log is empty and another one was set aside
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "audit/writer_state.h"
#include "base/bytes.h"
#include "base/descriptor.h"

static const char state_name[] = "log-state";
static const char state_format[] = "retention-log-state 1";

int log_state_write(struct store *store, const struct log_state *state) {
	char root[2 * MERKLE_HASH_BYTES + 1];
	char text[1024];
	(void)sodium_bin2hex(root, sizeof root, state->root.bytes, MERKLE_HASH_BYTES);
	bool renewed = state->size == 0 && state->renewed[0] != '\0';
	int length =
	    snprintf(text, sizeof text, "%s\norigin %s\nsize %" PRIu64 "\nroot %s\n%s%s%s", state_format, state->origin,
	        state->size, root, renewed ? "renewed " : "", renewed ? state->renewed : "", renewed ? "\n" : "");
	if (length < 0 || (size_t)length >= sizeof text)
		return -EINVAL;
	return store_put(store, state_name, text, (size_t)length, 0600);
}

/* The value of the next line, which must begin with `key`; NULL otherwise. */
static char *next_value(char **rest, const char *key) {
	char *line = *rest;
	char *end = strchr(line, '\n');
	size_t length = strlen(key);
	if (end == NULL || strncmp(line, key, length) != 0)
		return NULL;
	*end = '\0';
	*rest = end + 1;
	return line + length;
}

static bool state_parse(char *text, struct log_state *state) {
	char *format = next_value(&text, state_format);
	char *origin = next_value(&text, "origin ");
	char *size = next_value(&text, "size ");
	char *root = next_value(&text, "root ");
	if (format == NULL || *format != '\0' || origin == NULL || size == NULL || root == NULL || *size < '0' ||
	    *size > '9')
		return false;
	char *end = NULL;
	errno = 0;
	state->size = strtoull(size, &end, 10);
	size_t root_length = 0;
	if (errno != 0 || *end != '\0' || !text_copy(state->origin, sizeof state->origin, text_of(origin)) ||
	    strlen(root) != 2 * (size_t)MERKLE_HASH_BYTES ||
	    sodium_hex2bin(state->root.bytes, MERKLE_HASH_BYTES, root, strlen(root), NULL, &root_length, NULL) != 0 ||
	    root_length != MERKLE_HASH_BYTES)
		return false;
	if (*text == '\0')
		return true;
	char *renewed = next_value(&text, "renewed ");
	return renewed != NULL && *text == '\0' && text_copy(state->renewed, sizeof state->renewed, text_of(renewed));
}

int log_state_read(const struct store *store, struct log_state *ret_state) {
	char *text = NULL;
	size_t length = 0;
	int error = descriptor_read_file(store->state_fd, state_name, 4096, &text, &length);
	if (error < 0)
		return error == -EFBIG || error == -EINVAL ? -EBADMSG : error;
	*ret_state = (struct log_state){0};
	bool good = strlen(text) == length && state_parse(text, ret_state);
	free(text);
	return good ? 0 : -EBADMSG;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * log-state, the last size and root that were signed, durable before the checkpoint is:
 *   retention-log-state 1
 *   origin <origin>
 *   size <decimal>
 *   root <64 hex digits>
 *   epoch <n>               whose key signs it; left out for 0
 *   hand-over <index>       only for the checkpoint that the epoch before signs too: the entry that names the key
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
	char epoch[64] = "";
	char hand_over[64] = "";
	if (state->epoch > 0)
		(void)snprintf(epoch, sizeof epoch, "epoch %" PRIu64 "\n", state->epoch);
	if (state->is_hand_over)
		(void)snprintf(hand_over, sizeof hand_over, "hand-over %" PRIu64 "\n", state->hand_over_index);
	bool renewed = state->size == 0 && state->renewed[0] != '\0';
	int length = snprintf(text, sizeof text, "%s\norigin %s\nsize %" PRIu64 "\nroot %s\n%s%s%s%s%s", state_format,
	    state->origin, state->size, root, epoch, hand_over, renewed ? "renewed " : "", renewed ? state->renewed : "",
	    renewed ? "\n" : "");
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

static bool number_parse(const char *text, uint64_t *ret_number) {
	char *end = NULL;
	if (text == NULL || *text < '0' || *text > '9')
		return false;
	errno = 0;
	*ret_number = strtoull(text, &end, 10);
	return errno == 0 && *end == '\0';
}

/* The lines that are not always there; true if they are what they must be, and nothing else follows. */
static bool state_parse_rest(char *text, struct log_state *state) {
	char *epoch = next_value(&text, "epoch ");
	char *hand_over = next_value(&text, "hand-over ");
	char *renewed = next_value(&text, "renewed ");
	state->is_hand_over = hand_over != NULL;
	return *text == '\0' && (epoch == NULL || number_parse(epoch, &state->epoch)) &&
	       (hand_over == NULL || (state->epoch > 0 && number_parse(hand_over, &state->hand_over_index))) &&
	       (renewed == NULL || text_copy(state->renewed, sizeof state->renewed, text_of(renewed)));
}

static bool state_parse(char *text, struct log_state *state) {
	char *format = next_value(&text, state_format);
	char *origin = next_value(&text, "origin ");
	char *size = next_value(&text, "size ");
	char *root = next_value(&text, "root ");
	if (format == NULL || *format != '\0' || origin == NULL || root == NULL || !number_parse(size, &state->size))
		return false;
	size_t root_length = 0;
	return text_copy(state->origin, sizeof state->origin, text_of(origin)) &&
	       strlen(root) == 2 * (size_t)MERKLE_HASH_BYTES &&
	       sodium_hex2bin(state->root.bytes, MERKLE_HASH_BYTES, root, strlen(root), NULL, &root_length, NULL) == 0 &&
	       root_length == MERKLE_HASH_BYTES && state_parse_rest(text, state);
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

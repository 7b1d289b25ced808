/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/cosignature.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "audit/base64.h"
#include "audit/sha256.h"

enum {
	ALGORITHM_COSIGNATURE = 4,
	ID_BYTES = 4,
	KEY_BYTES = 32,
	TIME_BYTES = 8,
	SIGNATURE_BYTES = 64,
	PAYLOAD_BYTES = ID_BYTES + TIME_BYTES + SIGNATURE_BYTES,
};

static const char dash[] = "\xe2\x80\x94 ";

static void cosigner_id(const char *name, const uint8_t public_key[KEY_BYTES], uint8_t ret_id[ID_BYTES]) {
	const uint8_t middle[] = {'\n', ALGORITHM_COSIGNATURE};
	uint8_t digest[32];
	const struct sha256_part parts[] = {{name, strlen(name)}, {middle, sizeof middle}, {public_key, KEY_BYTES}};
	sha256_parts(parts, 3, digest);
	memcpy(ret_id, digest, ID_BYTES);
}

static bool split(struct text *rest, char separator, struct text *ret_part) {
	const char *found = rest->length == 0 ? NULL : memchr(rest->data, separator, rest->length);
	if (found == NULL)
		return false;
	*ret_part = (struct text){rest->data, (size_t)(found - rest->data)};
	*rest = (struct text){found + 1, rest->length - ret_part->length - 1};
	return true;
}

bool cosigner_parse(const char *text, size_t length, struct cosigner *ret_cosigner) {
	struct text rest = {text, length};
	struct text name;
	struct text id;
	struct cosigner cosigner = {0};
	uint8_t key[1 + KEY_BYTES];
	size_t key_length = 0;
	/* base64 may hold a '+' too, so it is what is left after the first two. */
	if (!split(&rest, '+', &name) || !split(&rest, '+', &id) || name.length == 0 ||
	    memchr(name.data, ' ', name.length) != NULL || !text_copy(cosigner.name, sizeof cosigner.name, name) ||
	    id.length != 2 * (size_t)ID_BYTES || !base64_read(rest, BASE64_PADDED, key, sizeof key, &key_length) ||
	    key_length != sizeof key || key[0] != ALGORITHM_COSIGNATURE)
		return false;
	memcpy(cosigner.public_key, key + 1, KEY_BYTES);
	cosigner_id(cosigner.name, cosigner.public_key, cosigner.id);
	char expected[2 * ID_BYTES + 1];
	(void)sodium_bin2hex(expected, sizeof expected, cosigner.id, ID_BYTES);
	if (memcmp(expected, id.data, id.length) != 0)
		return false;
	*ret_cosigner = cosigner;
	return true;
}

/* The text with its last newline; empty where the note has no signatures. */
static struct text note_text(struct text note) {
	for (size_t i = note.length; i > 1; i--)
		if (note.data[i - 1] == '\n' && note.data[i - 2] == '\n')
			return (struct text){note.data, i - 1};
	return TEXT_NULL;
}

static uint64_t read_seconds(const uint8_t bytes[TIME_BYTES]) {
	uint64_t value = 0;
	for (size_t i = 0; i < TIME_BYTES; i++)
		value = value << 8 | bytes[i];
	return value;
}

static bool signature_holds(const struct cosigner *cosigner, struct text text, const uint8_t payload[PAYLOAD_BYTES]) {
	size_t room = text.length + 64;
	char *message = malloc(room);
	if (message == NULL)
		return false;
	int head = snprintf(message, room, "cosignature/v1\ntime %" PRIu64 "\n", read_seconds(payload + ID_BYTES));
	memcpy(message + head, text.data, text.length);
	bool holds = crypto_sign_verify_detached(payload + ID_BYTES + TIME_BYTES, (const uint8_t *)message,
	                 (size_t)head + text.length, cosigner->public_key) == 0;
	free(message);
	return holds;
}

enum cosignature_result cosignature_check(
    const struct cosigner *cosigner, struct text note, struct text line, uint64_t *ret_seconds) {
	uint8_t payload[PAYLOAD_BYTES];
	size_t length = 0;
	struct text name;
	struct text text = note_text(note);
	if (line.length > 0 && line.data[line.length - 1] == '\n')
		line.length--;
	if (line.length <= sizeof dash - 1 || memcmp(line.data, dash, sizeof dash - 1) != 0)
		return COSIGNATURE_OTHER;
	line = (struct text){line.data + sizeof dash - 1, line.length - (sizeof dash - 1)};
	if (!split(&line, ' ', &name) || !text_equal(name, text_of(cosigner->name)) ||
	    !base64_read(line, BASE64_PADDED, payload, sizeof payload, &length) || length < ID_BYTES ||
	    memcmp(payload, cosigner->id, ID_BYTES) != 0)
		return COSIGNATURE_OTHER;
	if (length != PAYLOAD_BYTES || text.length == 0 || !signature_holds(cosigner, text, payload))
		return COSIGNATURE_BAD;
	*ret_seconds = read_seconds(payload + ID_BYTES);
	return COSIGNATURE_GOOD;
}

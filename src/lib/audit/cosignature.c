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
	TIME_BYTES = 8,
	SIGNATURE_BYTES = 64,
	PAYLOAD_BYTES = ID_BYTES + TIME_BYTES + SIGNATURE_BYTES,
};

static const char dash[] = "\xe2\x80\x94 ";

bool cosigner_parse(const char *text, size_t length, struct note_verifier *ret_cosigner) {
	return note_key_parse(text, length, ALGORITHM_COSIGNATURE, ret_cosigner);
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

static bool signature_holds(
    const struct note_verifier *cosigner, struct text text, const uint8_t payload[PAYLOAD_BYTES]) {
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
    const struct note_verifier *cosigner, struct text note, struct text line, uint64_t *ret_seconds) {
	uint8_t payload[PAYLOAD_BYTES];
	size_t length = 0;
	struct text name;
	struct text text = note_text(note);
	if (line.length > 0 && line.data[line.length - 1] == '\n')
		line.length--;
	if (line.length <= sizeof dash - 1 || memcmp(line.data, dash, sizeof dash - 1) != 0)
		return COSIGNATURE_OTHER;
	line = (struct text){line.data + sizeof dash - 1, line.length - (sizeof dash - 1)};
	if (!text_take(&line, ' ', &name) || !text_equal(name, text_of(cosigner->name)) ||
	    !base64_read(line, BASE64_PADDED, payload, sizeof payload, &length) || length < ID_BYTES ||
	    memcmp(payload, cosigner->id, ID_BYTES) != 0)
		return COSIGNATURE_OTHER;
	if (length != PAYLOAD_BYTES || text.length == 0 || !signature_holds(cosigner, text, payload))
		return COSIGNATURE_BAD;
	*ret_seconds = read_seconds(payload + ID_BYTES);
	return COSIGNATURE_GOOD;
}

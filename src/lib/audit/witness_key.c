/* SPDX-License-Identifier: GPL-2.0-or-later */
/* keys/witness.seed: made with the log, gone with it, and never needed to go on: one that is lost is made anew. */
#include "audit/witness_key.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "audit/writer_state.h"
#include "base/bytes.h"
#include "base/descriptor.h"

static void key_take(struct audit_writer *writer, const uint8_t seed[SEED_BYTES]) {
	note_signer_from_seed(writer->origin, seed, &writer->witness_signer);
	note_verifier_format(&writer->witness_signer.verifier, writer->witness_vkey);
}

int witness_key_make(struct audit_writer *writer) {
	uint8_t seed[SEED_BYTES];
	int error = seed_file_make(&writer->store, WITNESS_SEED_PATH, seed);
	if (error == 0)
		key_take(writer, seed);
	sodium_memzero(seed, sizeof seed);
	return error;
}

int witness_key_open(struct audit_writer *writer, bool *ret_made) {
	uint8_t seed[SEED_BYTES];
	int error = seed_file_read(&writer->store, WITNESS_SEED_PATH, seed);
	if (error == 0)
		key_take(writer, seed);
	sodium_memzero(seed, sizeof seed);
	*ret_made = error != 0;
	/* Want of memory or rights says nothing about the file. */
	bool is_lost = error == -ENOENT || error == -EBADMSG || error == -EIO;
	return is_lost ? witness_key_make(writer) : error;
}

int witness_key_wipe(struct store *store) {
	return seed_file_wipe(store, WITNESS_SEED_PATH);
}

const char *audit_writer_witness_vkey(const struct audit_writer *writer) {
	return writer->witness_vkey;
}

int audit_writer_witness_line(const struct audit_writer *writer, char *ret_line, size_t room) {
	struct checkpoint_body body;
	char note[CHECKPOINT_BYTES];
	size_t length = 0;
	if (!checkpoint_parse(writer->checkpoint, strlen(writer->checkpoint), &body))
		return -ENODATA;
	if (!checkpoint_sign(body.origin, body.size, &body.root, &writer->witness_signer, 1, note, sizeof note, &length))
		return -EMSGSIZE;
	return text_copy(ret_line, room, text_of(strstr(note, "\n\n") + 2)) ? 0 : -EMSGSIZE;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Signed notes and checkpoints: C2SP signed-note, tlog-checkpoint. Keys as verifier-key and signer-key text. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audit/merkle.h"
#include "base/attributes.h"

enum { NOTE_NAME_BYTES = 256, NOTE_BYTES_MAX = 65536, VKEY_BYTES = 512 };

struct note_verifier {
	char name[NOTE_NAME_BYTES];
	uint8_t id[4];
	uint8_t public_key[32];
};
struct note_signer {
	struct note_verifier verifier;
	uint8_t seed[32];
};

/* "name+hash+base64"; only algorithm 1 (Ed25519). False for anything else, a wrong hash or length included. */
MUST_USE bool note_verifier_parse(const char *text, size_t length, struct note_verifier *ret_verifier);
/* The same for any algorithm's byte with a public key of 32 bytes: cosignatures have another one. */
MUST_USE bool note_key_parse(const char *text, size_t length, uint8_t algorithm, struct note_verifier *ret_key);
/* The first four bytes of SHA-256 over name, newline, algorithm, key. */
void note_key_id(const char *name, uint8_t algorithm, const uint8_t public_key[32], uint8_t ret_id[4]);
void note_verifier_format(const struct note_verifier *verifier, char text[VKEY_BYTES]);
/* From a 32-byte seed (libsodium). */
void note_signer_from_seed(const char *name, const uint8_t seed[32], struct note_signer *ret_signer);

/* Body ("origin\nsize\nbase64 root\n"), an empty line and one signature line for each signer. False if it does not fit.
 */
MUST_USE bool checkpoint_sign(const char *origin, uint64_t size, const struct merkle_hash *root,
    const struct note_signer *signers, size_t signer_count, char *note, size_t room, size_t *ret_length);

/* What a checkpoint's text says. */
struct checkpoint_body {
	char origin[NOTE_NAME_BYTES];
	uint64_t size;
	struct merkle_hash root;
};
/* Only the text: no signature is checked. False if it is no signed checkpoint. */
MUST_USE bool checkpoint_parse(const char *note, size_t length, struct checkpoint_body *ret_body);

enum note_result { NOTE_OK, NOTE_MALFORMED, NOTE_NO_KNOWN_KEY, NOTE_BAD_SIGNATURE };
/* As checkpoint_open(), with at most NOTE_CHECKED_MAX verifiers; ret_signed has bit i for each that signed. */
enum { NOTE_CHECKED_MAX = 64 };
MUST_USE enum note_result checkpoint_signed_by(const char *note, size_t length, const struct note_verifier *verifiers,
    size_t verifier_count, struct checkpoint_body *ret_body, uint64_t *ret_signed);
/* Parses and checks: unknown keys are ignored, a known key that fails refuses the whole note, none known is a failure.
 * ret_key: which verifier signed. */
MUST_USE enum note_result checkpoint_open(const char *note, size_t length, const struct note_verifier *verifiers,
    size_t verifier_count, char ret_origin[NOTE_NAME_BYTES], uint64_t *ret_size, struct merkle_hash *ret_root,
    size_t *ret_key);

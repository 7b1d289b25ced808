/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A note (C2SP signed-note): text that ends in a newline, an empty line, then signature lines
 *   U+2014 SPACE name SPACE base64(id[4] signature[64]) NEWLINE
 * The id is the start of SHA-256(name, 0x0a, algorithm, public key); algorithm 1 is Ed25519, over
 * the text with its last newline. A checkpoint's text is origin, size, base64(root), a line each.
 */
#include "audit/note.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "audit/base64.h"
#include "audit/sha256.h"
#include "audit/utf8.h"
#include "base/bytes.h"

enum {
	ALGORITHM_ED25519 = 1,
	ID_BYTES = 4,
	KEY_BYTES = 32,
	SIGNATURE_BYTES = 64,
	SIGNATURES_MAX = 100,
	SIGNATURE_TEXT_BYTES = 93, /* base64 of 68 bytes and a NUL */
	ROOT_TEXT_BYTES = 45,
};

static const char dash[] = "\xe2\x80\x94 ";
static const size_t dash_length = sizeof dash - 1;

static bool is_space(uint32_t code) {
	return code == 0x20 || (code >= 0x09 && code <= 0x0d) || code == 0x85 || code == 0xa0 || code == 0x1680 ||
	       (code >= 0x2000 && code <= 0x200a) || code == 0x2028 || code == 0x2029 || code == 0x202f || code == 0x205f ||
	       code == 0x3000;
}

static bool name_is_valid(struct text name) {
	if (name.length == 0 || name.length >= NOTE_NAME_BYTES)
		return false;
	for (size_t i = 0; i < name.length;) {
		uint32_t code = 0;
		size_t count = utf8_character(name.data + i, name.length - i, &code);
		if (count == 0 || is_space(code) || code < 0x20 || code == '+')
			return false;
		i += count;
	}
	return true;
}

void note_key_id(const char *name, uint8_t algorithm, const uint8_t public_key[KEY_BYTES], uint8_t ret_id[ID_BYTES]) {
	const uint8_t middle[] = {'\n', algorithm};
	uint8_t digest[32];
	const struct sha256_part parts[] = {{name, strlen(name)}, {middle, sizeof middle}, {public_key, KEY_BYTES}};
	sha256_parts(parts, 3, digest);
	memcpy(ret_id, digest, ID_BYTES);
}

bool note_key_parse(const char *text, size_t length, uint8_t algorithm, struct note_verifier *ret_key) {
	struct text rest = {text, length};
	struct text name;
	struct text id;
	/* base64 may hold a '+' too, so it is what is left after the first two. */
	if (!text_take(&rest, '+', &name) || !text_take(&rest, '+', &id) || id.length != 2 * (size_t)ID_BYTES ||
	    !name_is_valid(name))
		return false;
	struct note_verifier read = {0};
	uint8_t key[1 + KEY_BYTES];
	size_t key_length = 0;
	if (!text_copy(read.name, sizeof read.name, name) ||
	    !base64_read(rest, BASE64_PADDED, key, sizeof key, &key_length) || key_length != sizeof key ||
	    key[0] != algorithm)
		return false;
	memcpy(read.public_key, key + 1, KEY_BYTES);
	note_key_id(read.name, algorithm, read.public_key, read.id);
	char expected[2 * ID_BYTES + 1];
	(void)sodium_bin2hex(expected, sizeof expected, read.id, ID_BYTES);
	if (memcmp(expected, id.data, id.length) != 0)
		return false;
	*ret_key = read;
	return true;
}

bool note_verifier_parse(const char *text, size_t length, struct note_verifier *ret_verifier) {
	return note_key_parse(text, length, ALGORITHM_ED25519, ret_verifier);
}

void note_verifier_format(const struct note_verifier *verifier, char text[VKEY_BYTES]) {
	uint8_t key[1 + KEY_BYTES] = {ALGORITHM_ED25519};
	memcpy(key + 1, verifier->public_key, KEY_BYTES);
	char id[2 * ID_BYTES + 1];
	char base64[ROOT_TEXT_BYTES];
	(void)sodium_bin2hex(id, sizeof id, verifier->id, ID_BYTES);
	(void)sodium_bin2base64(base64, sizeof base64, key, sizeof key, sodium_base64_VARIANT_ORIGINAL);
	(void)snprintf(text, VKEY_BYTES, "%s+%s+%s", verifier->name, id, base64);
}

void note_signer_from_seed(const char *name, const uint8_t seed[32], struct note_signer *ret_signer) {
	struct note_signer signer = {0};
	uint8_t secret[crypto_sign_SECRETKEYBYTES];
	(void)snprintf(signer.verifier.name, sizeof signer.verifier.name, "%s", name);
	(void)crypto_sign_seed_keypair(signer.verifier.public_key, secret, seed);
	sodium_memzero(secret, sizeof secret);
	note_key_id(signer.verifier.name, ALGORITHM_ED25519, signer.verifier.public_key, signer.verifier.id);
	memcpy(signer.seed, seed, sizeof signer.seed);
	*ret_signer = signer;
	sodium_memzero(&signer, sizeof signer);
}

/* Appends one signature line over the first `text_length` bytes. */
static void put_signature(struct byte_writer *out, size_t text_length, const struct note_signer *signer) {
	uint8_t public_key[crypto_sign_PUBLICKEYBYTES];
	uint8_t secret[crypto_sign_SECRETKEYBYTES];
	uint8_t payload[ID_BYTES + SIGNATURE_BYTES];
	char base64[SIGNATURE_TEXT_BYTES];
	(void)crypto_sign_seed_keypair(public_key, secret, signer->seed);
	memcpy(payload, signer->verifier.id, ID_BYTES);
	(void)crypto_sign_detached(payload + ID_BYTES, NULL, out->bytes, text_length, secret);
	sodium_memzero(secret, sizeof secret);
	(void)sodium_bin2base64(base64, sizeof base64, payload, sizeof payload, sodium_base64_VARIANT_ORIGINAL);
	byte_put_raw(out, dash, dash_length);
	byte_put_raw(out, signer->verifier.name, strlen(signer->verifier.name));
	byte_put_raw(out, " ", 1);
	byte_put_raw(out, base64, strlen(base64));
	byte_put_raw(out, "\n", 1);
}

bool checkpoint_sign(const char *origin, uint64_t size, const struct merkle_hash *root,
    const struct note_signer *signers, size_t signer_count, char *note, size_t room, size_t *ret_length) {
	char base64[ROOT_TEXT_BYTES];
	char body[NOTE_NAME_BYTES + ROOT_TEXT_BYTES + 24];
	if (!name_is_valid(text_of(origin)) || signer_count == 0 || signer_count > SIGNATURES_MAX || room == 0)
		return false;
	(void)sodium_bin2base64(base64, sizeof base64, root->bytes, sizeof root->bytes, sodium_base64_VARIANT_ORIGINAL);
	int length = snprintf(body, sizeof body, "%s\n%" PRIu64 "\n%s\n", origin, size, base64);
	if (length < 0 || (size_t)length >= sizeof body)
		return false;
	struct byte_writer out;
	byte_writer_init(&out, note, room - 1);
	byte_put_raw(&out, body, (size_t)length);
	byte_put_raw(&out, "\n", 1);
	for (size_t i = 0; i < signer_count && !out.failed; i++)
		put_signature(&out, (size_t)length, &signers[i]);
	if (out.failed)
		return false;
	note[out.used] = '\0';
	*ret_length = out.used;
	return true;
}

/* Splits at the last empty line; the text keeps its last newline. */
static bool note_split(struct text note, struct text *ret_text, struct text *ret_signatures) {
	if (note.length == 0 || note.length > NOTE_BYTES_MAX || note.data[note.length - 1] != '\n' ||
	    utf8_valid_length(note.data, note.length) != note.length)
		return false;
	for (size_t i = 0; i < note.length; i++)
		if ((uint8_t)note.data[i] < 0x20 && note.data[i] != '\n')
			return false;
	for (size_t i = note.length - 1; i > 0; i--) {
		if (note.data[i] == '\n' && note.data[i - 1] == '\n') {
			*ret_text = (struct text){note.data, i};
			*ret_signatures = (struct text){note.data + i + 1, note.length - i - 1};
			return ret_signatures->length > 0;
		}
	}
	return false;
}

static bool size_parse(struct text digits, uint64_t *ret_size) {
	if (digits.length == 0 || digits.length > 20 || (digits.data[0] == '0' && digits.length > 1))
		return false;
	uint64_t size = 0;
	for (size_t i = 0; i < digits.length; i++) {
		if (digits.data[i] < '0' || digits.data[i] > '9' || __builtin_mul_overflow(size, (uint64_t)10, &size) ||
		    __builtin_add_overflow(size, (uint64_t)(digits.data[i] - '0'), &size))
			return false;
	}
	*ret_size = size;
	return true;
}

static bool body_parse(struct text text, struct checkpoint_body *ret_body) {
	struct text origin;
	struct text size;
	struct text root;
	size_t root_length = 0;
	if (!text_take(&text, '\n', &origin) || !text_take(&text, '\n', &size) || !text_take(&text, '\n', &root))
		return false;
	if (!name_is_valid(origin) || !text_copy(ret_body->origin, sizeof ret_body->origin, origin) ||
	    !size_parse(size, &ret_body->size) ||
	    !base64_read(root, BASE64_PADDED, ret_body->root.bytes, MERKLE_HASH_BYTES, &root_length) ||
	    root_length != MERKLE_HASH_BYTES)
		return false;
	/* Extension lines are allowed, and not used by us. */
	struct text extension;
	while (text_take(&text, '\n', &extension))
		if (extension.length == 0)
			return false;
	return text.length == 0;
}

/* One signature line: name and payload. */
struct signature {
	struct text name;
	uint8_t payload[256];
	size_t length;
};

static bool signature_parse(struct text line, struct signature *ret_signature) {
	if (line.length < dash_length || memcmp(line.data, dash, dash_length) != 0)
		return false;
	line.data += dash_length;
	line.length -= dash_length;
	/* Longer ones (post-quantum cosignatures) are none that we know; they are skipped by their shape. */
	if (!text_take(&line, ' ', &ret_signature->name) || !name_is_valid(ret_signature->name) || line.length == 0)
		return false;
	if (line.length > sizeof ret_signature->payload) {
		ret_signature->length = 0;
		return true;
	}
	return base64_read(
	           line, BASE64_PADDED, ret_signature->payload, sizeof ret_signature->payload, &ret_signature->length) &&
	       ret_signature->length > ID_BYTES;
}

/* Told of each valid signature by a verifier. */
typedef void (*signed_function)(size_t verifier, void *context);

struct verifiers {
	const struct note_verifier *list;
	size_t count;
	signed_function each;
	void *context;
};

/* Whether the signature is one of the verifiers', and if so, good. */
static bool signature_check(const struct signature *signature, struct text text, const struct verifiers *verifiers) {
	for (size_t i = 0; i < verifiers->count; i++) {
		const struct note_verifier *verifier = &verifiers->list[i];
		if (signature->length < ID_BYTES || memcmp(signature->payload, verifier->id, ID_BYTES) != 0 ||
		    !text_equal(signature->name, text_of(verifier->name)))
			continue;
		if (signature->length != ID_BYTES + SIGNATURE_BYTES ||
		    crypto_sign_verify_detached(
		        signature->payload + ID_BYTES, (const uint8_t *)text.data, text.length, verifier->public_key) != 0)
			return false;
		verifiers->each(i, verifiers->context);
	}
	return true;
}

static enum note_result note_check(
    struct text note, const struct verifiers *verifiers, struct checkpoint_body *ret_body) {
	struct text text;
	struct text signatures;
	if (!note_split(note, &text, &signatures) || !body_parse(text, ret_body))
		return NOTE_MALFORMED;
	struct text line;
	for (size_t count = 0; text_take(&signatures, '\n', &line); count++) {
		struct signature signature;
		if (count == SIGNATURES_MAX || !signature_parse(line, &signature))
			return NOTE_MALFORMED;
		if (!signature_check(&signature, text, verifiers))
			return NOTE_BAD_SIGNATURE;
	}
	return signatures.length > 0 ? NOTE_MALFORMED : NOTE_OK;
}

static void note_last(size_t verifier, void *context) {
	/* Of several, the newest epoch's: its key stands last in the list. */
	size_t *known = context;
	if (*known == SIZE_MAX || verifier > *known)
		*known = verifier;
}

enum note_result checkpoint_open(const char *note, size_t length, const struct note_verifier *verifiers,
    size_t verifier_count, char ret_origin[NOTE_NAME_BYTES], uint64_t *ret_size, struct merkle_hash *ret_root,
    size_t *ret_key) {
	struct checkpoint_body body;
	size_t known = SIZE_MAX;
	enum note_result result = note_check(
	    (struct text){note, length}, &(struct verifiers){verifiers, verifier_count, note_last, &known}, &body);
	if (result != NOTE_OK)
		return result;
	if (known == SIZE_MAX)
		return NOTE_NO_KNOWN_KEY;
	memcpy(ret_origin, body.origin, sizeof body.origin);
	*ret_size = body.size;
	*ret_root = body.root;
	*ret_key = known;
	return NOTE_OK;
}

static void note_bit(size_t verifier, void *context) {
	uint64_t *bits = context;
	*bits |= UINT64_C(1) << verifier;
}

enum note_result checkpoint_signed_by(const char *note, size_t length, const struct note_verifier *verifiers,
    size_t verifier_count, struct checkpoint_body *ret_body, uint64_t *ret_signed) {
	struct checkpoint_body body;
	uint64_t bits = 0;
	if (verifier_count > NOTE_CHECKED_MAX)
		return NOTE_NO_KNOWN_KEY;
	enum note_result result =
	    note_check((struct text){note, length}, &(struct verifiers){verifiers, verifier_count, note_bit, &bits}, &body);
	if (result != NOTE_OK)
		return result;
	if (bits == 0)
		return NOTE_NO_KNOWN_KEY;
	*ret_body = body;
	*ret_signed = bits;
	return NOTE_OK;
}

bool checkpoint_parse(const char *note, size_t length, struct checkpoint_body *ret_body) {
	struct checkpoint_body body;
	if (note_check((struct text){note, length}, &(struct verifiers){NULL, 0, NULL, NULL}, &body) != NOTE_OK)
		return false;
	*ret_body = body;
	return true;
}

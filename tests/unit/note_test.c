/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Signed notes against the vectors of golang.org/x/mod and C2SP, and against our own log and witness keys. */
#include "audit/note.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

static const char log_name[] = "example.test/recorder/audit";
static const char log_vkey[] = "example.test/recorder/audit+51c37c76+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4";
static const char checkpoint_body[] = "example.test/recorder/audit\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n";
static const char log_line[] =
    "\xe2\x80\x94 example.test/recorder/audit "
    "UcN8dnD3cisDzdmIEzznZF7fml4eITGhl1/Vni++OGonVW+siEkngn8SFmbMBRsi5mJZBnvoLiWB6cv496GaoPQeiw4=\n";
static const char witness_line[] = "\xe2\x80\x94 witness.example.test/w1 "
                                   "4HuyzQAAAABpVbkAt5q1ojaOgUIrvSfW9PTlY+U8rdC+45LNEdEkRUmC+SB9SHgZJZK/"
                                   "TUed/wJfV/dZiXj7jlzUn1fBL7vUvW6pCA==\n";
static const char root8[] = "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328";

static const char *const good_vkeys[] = {
    "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop",
    "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
    "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
    "example.test/recorder/audit+51c37c76+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4",
};

static void make_seed(uint8_t first, uint8_t seed[32]) {
	for (uint8_t i = 0; i < 32; i++)
		seed[i] = (uint8_t)(first + i);
}

static struct merkle_hash hash_of(const char *hex) {
	struct merkle_hash hash;
	size_t length = 0;
	assert_int_equal(sodium_hex2bin(hash.bytes, 32, hex, strlen(hex), NULL, &length, NULL), 0);
	assert_int_equal(length, 32);
	return hash;
}

static struct note_verifier parse(const char *vkey) {
	struct note_verifier verifier;
	assert_true(note_verifier_parse(vkey, strlen(vkey), &verifier));
	return verifier;
}

static void test_vkeys_round_trip(void **state) {
	(void)state;
	for (size_t i = 0; i < sizeof good_vkeys / sizeof *good_vkeys; i++) {
		struct note_verifier verifier = parse(good_vkeys[i]);
		char text[VKEY_BYTES];
		note_verifier_format(&verifier, text);
		assert_string_equal(text, good_vkeys[i]);
	}
}

static void test_vkeys_refused(void **state) {
	(void)state;
	static const char *const bad[] = {
	    "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
	    "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
	    "",
	    "+",
	    "++",
	    "PeterNeumann+c74f20a3",
	    "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
	    "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
	    /* A cosigner's key is none that signs a log. */
	    "witness.example.test/w1+e07bb2cd+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X",
	};
	struct note_verifier verifier;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(note_verifier_parse(bad[i], strlen(bad[i]), &verifier));
	/* Any change of one byte, and any shortening. */
	for (size_t key = 0; key < sizeof good_vkeys / sizeof *good_vkeys; key++) {
		char text[VKEY_BYTES];
		size_t length = strlen(good_vkeys[key]);
		for (size_t i = 0; i < length; i++) {
			(void)snprintf(text, sizeof text, "%s", good_vkeys[key]);
			for (int change = 1; change < 256; change++) {
				text[i] = (char)(good_vkeys[key][i] ^ change);
				assert_false(note_verifier_parse(text, length, &verifier));
			}
			assert_false(note_verifier_parse(good_vkeys[key], i, &verifier));
		}
	}
}

static void test_signer_from_seed(void **state) {
	(void)state;
	uint8_t seed[32] = {0};
	struct note_signer signer;
	char text[VKEY_BYTES];
	note_signer_from_seed("EnochRoot", seed, &signer);
	note_verifier_format(&signer.verifier, text);
	assert_string_equal(text, good_vkeys[1]);
	make_seed(0, seed);
	note_signer_from_seed(log_name, seed, &signer);
	note_verifier_format(&signer.verifier, text);
	assert_string_equal(text, log_vkey);
	static const uint8_t id[4] = {0x51, 0xc3, 0x7c, 0x76};
	assert_memory_equal(signer.verifier.id, id, 4);
}

/* The public signatures over plain text: same bytes under the same rules, checked with the keys that we parsed. */
static void test_foreign_signatures(void **state) {
	(void)state;
	static const char neumann[] =
	    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
	const struct {
		const char *vkey, *text, *base64;
	} rows[] = {
	    {good_vkeys[0], neumann,
	        "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="},
	    {good_vkeys[1], neumann,
	        "rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ="},
	    {good_vkeys[2], "This is an example message.\n",
	        "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM="},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct note_verifier verifier = parse(rows[i].vkey);
		uint8_t payload[68];
		size_t length = 0;
		assert_int_equal(sodium_base642bin(payload, sizeof payload, rows[i].base64, strlen(rows[i].base64), NULL,
		                     &length, NULL, sodium_base64_VARIANT_ORIGINAL),
		    0);
		assert_int_equal(length, 68);
		assert_memory_equal(payload, verifier.id, 4);
		assert_int_equal(crypto_sign_verify_detached(
		                     payload + 4, (const uint8_t *)rows[i].text, strlen(rows[i].text), verifier.public_key),
		    0);
	}
	/* And the other way: our signer makes those bytes. */
	uint8_t seed[32] = {0};
	struct note_signer signer;
	note_signer_from_seed("EnochRoot", seed, &signer);
	uint8_t public_key[32], secret[64], signature[64];
	crypto_sign_seed_keypair(public_key, secret, signer.seed);
	crypto_sign_detached(signature, NULL, (const uint8_t *)neumann, strlen(neumann), secret);
	uint8_t expected[68];
	size_t length = 0;
	assert_int_equal(sodium_base642bin(expected, sizeof expected, rows[1].base64, strlen(rows[1].base64), NULL, &length,
	                     NULL, sodium_base64_VARIANT_ORIGINAL),
	    0);
	assert_memory_equal(expected + 4, signature, 64);
}

static void test_sign_vector(void **state) {
	(void)state;
	uint8_t seed[32];
	struct note_signer signers[2];
	make_seed(0, seed);
	note_signer_from_seed(log_name, seed, &signers[0]);
	make_seed(64, seed);
	note_signer_from_seed(log_name, seed, &signers[1]);
	struct merkle_hash root = hash_of(root8);
	char note[2048];
	char expected[2048];
	size_t length = 0;
	assert_true(checkpoint_sign(log_name, 8, &root, signers, 1, note, sizeof note, &length));
	(void)snprintf(expected, sizeof expected, "%s\n%s", checkpoint_body, log_line);
	assert_string_equal(note, expected);
	assert_int_equal(length, strlen(expected));
	/* Exactly enough room, and one byte less. */
	assert_true(checkpoint_sign(log_name, 8, &root, signers, 1, note, length + 1, &length));
	assert_false(checkpoint_sign(log_name, 8, &root, signers, 1, note, length, &length));
	assert_false(checkpoint_sign("a name", 8, &root, signers, 1, note, sizeof note, &length));
	assert_false(checkpoint_sign("a+name", 8, &root, signers, 1, note, sizeof note, &length));
	/* Two epochs at a hand-over. */
	assert_true(checkpoint_sign(log_name, 8, &root, signers, 2, note, sizeof note, &length));
	struct note_verifier verifiers[2] = {signers[0].verifier, signers[1].verifier};
	char origin[NOTE_NAME_BYTES];
	uint64_t size = 0;
	size_t key = 9;
	assert_int_equal(checkpoint_open(note, length, verifiers, 2, origin, &size, &root, &key), NOTE_OK);
	assert_int_equal(key, 1);
	assert_int_equal(checkpoint_open(note, length, verifiers, 1, origin, &size, &root, &key), NOTE_OK);
	assert_int_equal(key, 0);
}

static enum note_result open_text(const char *text, size_t length) {
	struct note_verifier verifier = parse(log_vkey);
	char origin[NOTE_NAME_BYTES];
	uint64_t size = 0;
	struct merkle_hash root;
	size_t key = 0;
	return checkpoint_open(text, length, &verifier, 1, origin, &size, &root, &key);
}

static void test_open_vector(void **state) {
	(void)state;
	struct note_verifier verifiers[2] = {parse(good_vkeys[0]), parse(log_vkey)};
	char note[2048];
	char origin[NOTE_NAME_BYTES];
	uint64_t size = 0;
	struct merkle_hash root;
	size_t key = 0;
	int length = snprintf(note, sizeof note, "%s\n%s%s", checkpoint_body, log_line, witness_line);
	assert_int_equal(checkpoint_open(note, (size_t)length, verifiers, 2, origin, &size, &root, &key), NOTE_OK);
	struct merkle_hash expected = hash_of(root8);
	assert_string_equal(origin, log_name);
	assert_int_equal(size, 8);
	assert_memory_equal(&root, &expected, 32);
	assert_int_equal(key, 1);
	/* Only an unknown signature is none. */
	assert_int_equal(
	    checkpoint_open(note, (size_t)length, verifiers, 1, origin, &size, &root, &key), NOTE_NO_KNOWN_KEY);
	/* An extension line that is signed is allowed; here the signature no longer fits. */
	length = snprintf(note, sizeof note, "%sextension\n\n%s", checkpoint_body, log_line);
	assert_int_equal(open_text(note, (size_t)length), NOTE_BAD_SIGNATURE);
	/* A known key that fails refuses all, even beside a good line. */
	char bad_line[256];
	(void)snprintf(bad_line, sizeof bad_line, "%s", log_line);
	bad_line[strlen(bad_line) - 20] ^= 1;
	length = snprintf(note, sizeof note, "%s\n%s%s", checkpoint_body, log_line, bad_line);
	assert_int_equal(open_text(note, (size_t)length), NOTE_BAD_SIGNATURE);
}

static void test_every_byte_counts(void **state) {
	(void)state;
	char note[1024];
	size_t length = (size_t)snprintf(note, sizeof note, "%s\n%s", checkpoint_body, log_line);
	assert_int_equal(open_text(note, length), NOTE_OK);
	for (size_t i = 0; i < length; i++) {
		note[i] ^= 1;
		assert_int_not_equal(open_text(note, length), NOTE_OK);
		note[i] ^= 1;
		assert_int_not_equal(open_text(note, i), NOTE_OK);
	}
}

static void test_malformed(void **state) {
	(void)state;
	static const char *const bodies[] = {
	    "a b\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n",
	    "a+b\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n",
	    "a\n08\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n",
	    "a\n-8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n",
	    "a\n18446744073709551616\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n",
	    "a\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg\n",
	    "a\n8\nXcna\n",
	    "a\n8\n",
	    "a\n\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n",
	    "\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n",
	    "a\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n\nb\n",
	    "a\xff\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n",
	    "a\n8\r\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n",
	    "",
	    "\n",
	};
	for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
		char note[1024];
		int length = snprintf(note, sizeof note, "%s\n%s", bodies[i], log_line);
		assert_int_equal(open_text(note, (size_t)length), NOTE_MALFORMED);
	}
	/* The largest size is one. */
	char note[1024];
	int length = snprintf(
	    note, sizeof note, "a\n18446744073709551615\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n\n%s", log_line);
	assert_int_equal(open_text(note, (size_t)length), NOTE_BAD_SIGNATURE);
	/* No signature at all. */
	length = snprintf(note, sizeof note, "%s\n", checkpoint_body);
	assert_int_equal(open_text(note, (size_t)length), NOTE_MALFORMED);
	length = snprintf(note, sizeof note, "%s\nsomething else\n", checkpoint_body);
	assert_int_equal(open_text(note, (size_t)length), NOTE_MALFORMED);
}

int main(void) {
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_vkeys_round_trip),
	    cmocka_unit_test(test_vkeys_refused),
	    cmocka_unit_test(test_signer_from_seed),
	    cmocka_unit_test(test_foreign_signatures),
	    cmocka_unit_test(test_sign_vector),
	    cmocka_unit_test(test_open_vector),
	    cmocka_unit_test(test_every_byte_counts),
	    cmocka_unit_test(test_malformed),
	};
	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}

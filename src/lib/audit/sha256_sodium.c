/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SHA-256 by libsodium: portable C, small; for keeper. */
#include "audit/sha256.h"

#include <sodium.h>

void sha256_parts(const struct sha256_part *parts, size_t count, uint8_t ret_digest[32]) {
	crypto_hash_sha256_state state;
	(void)crypto_hash_sha256_init(&state);
	for (size_t i = 0; i < count; i++)
		if (parts[i].length > 0)
			(void)crypto_hash_sha256_update(&state, parts[i].bytes, parts[i].length);
	(void)crypto_hash_sha256_final(&state, ret_digest);
}

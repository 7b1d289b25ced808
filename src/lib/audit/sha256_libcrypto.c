/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SHA-256 by libcrypto, through its plain functions: the general ones (EVP) cost more for a call than the
 * hash of a small entry does, and a verifier makes two of them for each. libcrypto marks the plain ones as
 * deprecated since 3.0; they use the processor's instructions like the others.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "audit/sha256.h"

#include <stdlib.h>

#include <openssl/sha.h>

void sha256_parts(const struct sha256_part *parts, size_t count, uint8_t ret_digest[32]) {
	SHA256_CTX context;
	/* Without a hash nothing that follows could be believed; a wrong one must never be returned. */
	if (SHA256_Init(&context) != 1)
		abort();
	for (size_t i = 0; i < count; i++)
		if (SHA256_Update(&context, parts[i].bytes, parts[i].length) != 1)
			abort();
	if (SHA256_Final(ret_digest, &context) != 1)
		abort();
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SHA-256 by libcrypto. Fetching the algorithm costs more than hashing a small entry, so it is
 * fetched once and one context is reused for the life of the process (there are no threads).
 */
#include "audit/sha256.h"

#include <stdlib.h>

#include <openssl/evp.h>

static EVP_MD_CTX *sha256_context;

static EVP_MD_CTX *context_ready(void) {
	if (sha256_context == NULL) {
		EVP_MD *algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
		sha256_context = EVP_MD_CTX_new();
		/* The context keeps its own reference to the algorithm from here on. */
		if (algorithm == NULL || sha256_context == NULL || EVP_DigestInit_ex(sha256_context, algorithm, NULL) != 1)
			abort();
		EVP_MD_free(algorithm);
	}
	return sha256_context;
}

void sha256_parts(const struct sha256_part *parts, size_t count, uint8_t ret_digest[32]) {
	EVP_MD_CTX *context = context_ready();
	/* Without a hash nothing that follows could be believed; a wrong one must never be returned. */
	if (EVP_DigestInit_ex(context, NULL, NULL) != 1)
		abort();
	for (size_t i = 0; i < count; i++)
		if (EVP_DigestUpdate(context, parts[i].bytes, parts[i].length) != 1)
			abort();
	if (EVP_DigestFinal_ex(context, ret_digest, NULL) != 1)
		abort();
}

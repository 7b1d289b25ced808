/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "keyed_hash.h"

#include <string.h>
#include <sys/random.h>

#include "audit/sha256.h"

void hash_key_make(struct hash_key *ret_key) {
	size_t made = 0;
	while (made < sizeof ret_key->bytes) {
		ssize_t more = getrandom(ret_key->bytes + made, sizeof ret_key->bytes - made, 0);
		made += more > 0 ? (size_t)more : 0;
	}
}

uint64_t keyed_hash(const struct hash_key *key, const void *bytes, size_t length) {
	uint8_t digest[32];
	uint64_t value = 0;
	const struct sha256_part parts[] = {
	    {.bytes = key->bytes, .length = sizeof key->bytes}, {.bytes = bytes, .length = length}};
	sha256_parts(parts, 2, digest);
	memcpy(&value, digest, sizeof value);
	return value;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A hash of 64 bits with a key that only this process has: nobody can choose names or programs that collide. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct hash_key {
	uint8_t bytes[32];
};

/* From getrandom(2). */
void hash_key_make(struct hash_key *ret_key);
/* The first bytes of SHA-256 over the key and the text; its length is fixed by what the caller writes into it. */
uint64_t keyed_hash(const struct hash_key *key, const void *bytes, size_t length);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SHA-256 with two makers, chosen where a program is linked: sha256_sodium.c for keeper (small,
 * idle most of its life) and sha256_libcrypto.c where much is hashed (verifying, footage): it uses
 * the processor's instructions and is five times as fast.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* SHA-256 over the parts in a row. */
struct sha256_part {
	const void *bytes;
	size_t length;
};
void sha256_parts(const struct sha256_part *parts, size_t count, uint8_t ret_digest[32]);

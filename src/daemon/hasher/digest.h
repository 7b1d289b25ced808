/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SHA-256 of a whole file by descriptor. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"

enum { SHA256_BYTES = 32 };

struct digest;

/* Fetches the algorithm and makes the buffer: before the sandbox, as libcrypto may open files then. NULL on failure. */
MUST_USE struct digest *digest_new(void);
/* Takes NULL. Returns NULL. */
struct digest *digest_free(struct digest *digest);

/*
 * Reads `fd` from its beginning to its end. `idle`: what it read is dropped from the page cache again,
 * so that a backlog does not push out what recorders write. 0 with both results set, or a negative
 * errno; the descriptor stays the caller's.
 */
MUST_USE int digest_read(
    struct digest *digest, int fd, bool idle, uint64_t *ret_bytes, uint8_t ret_sha256[SHA256_BYTES]);

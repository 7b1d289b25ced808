/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The newest entries in memory, as the bytes of entry bundles: those of the last bundle that is not full, and all that
 * are not published. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "audit/merkle.h"
#include "base/attributes.h"

struct tail_entry {
	size_t offset; /* of its length field in bytes */
	struct merkle_hash leaf;
};

struct tail {
	uint64_t base; /* index of the first entry; a multiple of 256 */
	struct tail_entry *entries;
	size_t count;
	size_t room;
	uint8_t *bytes;
	size_t used;
	size_t bytes_room;
};

void tail_release(struct tail *tail);
/* 0 or -ENOMEM, which changes nothing. */
MUST_USE int tail_append(struct tail *tail, const uint8_t *entry, size_t length);
/* Bytes of the bundle form of entries [from, to), indexes in the log. */
const uint8_t *tail_bytes(const struct tail *tail, uint64_t from, uint64_t to, size_t *ret_length);
const uint8_t *tail_entry_bytes(const struct tail *tail, uint64_t index, size_t *ret_length);
const struct merkle_hash *tail_leaf(const struct tail *tail, uint64_t index);
/* Forgets the entries of all bundles that are full at `size`. */
void tail_trim(struct tail *tail, uint64_t size);

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/tail.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "audit/tile.h"
#include "base/array.h"

void tail_release(struct tail *tail) {
	free(tail->entries);
	free(tail->bytes);
	*tail = (struct tail){0};
}

static int tail_grow(struct tail *tail, size_t length) {
	if (!array_room(&tail->entries, &tail->room, tail->count, sizeof *tail->entries))
		return -ENOMEM;
	if (tail->bytes_room - tail->used < length) {
		size_t room = 2 * (tail->used + length) + 16384;
		uint8_t *bytes = realloc(tail->bytes, room);
		if (bytes == NULL)
			return -ENOMEM;
		tail->bytes = bytes;
		tail->bytes_room = room;
	}
	return 0;
}

int tail_append(struct tail *tail, const uint8_t *entry, size_t length) {
	int error = tail_grow(tail, 2 + length);
	if (error < 0)
		return error;
	struct tail_entry *added = &tail->entries[tail->count++];
	added->offset = tail->used;
	merkle_leaf(entry, length, &added->leaf);
	tail->bytes[tail->used] = (uint8_t)(length >> 8);
	tail->bytes[tail->used + 1] = (uint8_t)length;
	memcpy(tail->bytes + tail->used + 2, entry, length);
	tail->used += 2 + length;
	return 0;
}

static size_t offset_of(const struct tail *tail, uint64_t index) {
	size_t i = (size_t)(index - tail->base);
	return i == tail->count ? tail->used : tail->entries[i].offset;
}

const uint8_t *tail_bytes(const struct tail *tail, uint64_t from, uint64_t to, size_t *ret_length) {
	*ret_length = offset_of(tail, to) - offset_of(tail, from);
	return tail->bytes + offset_of(tail, from);
}

const uint8_t *tail_entry_bytes(const struct tail *tail, uint64_t index, size_t *ret_length) {
	const uint8_t *bytes = tail_bytes(tail, index, index + 1, ret_length);
	*ret_length -= 2;
	return bytes + 2;
}

const struct merkle_hash *tail_leaf(const struct tail *tail, uint64_t index) {
	return &tail->entries[index - tail->base].leaf;
}

void tail_trim(struct tail *tail, uint64_t size) {
	uint64_t base = size - size % TILE_WIDTH;
	size_t gone = (size_t)(base - tail->base);
	if (gone == 0)
		return;
	size_t start = offset_of(tail, base);
	tail->count -= gone;
	tail->used -= start;
	memmove(tail->entries, tail->entries + gone, tail->count * sizeof *tail->entries);
	memmove(tail->bytes, tail->bytes + start, tail->used);
	for (size_t i = 0; i < tail->count; i++)
		tail->entries[i].offset -= start;
	tail->base = base;
	/* A burst should not stay in memory for ever. */
	if (tail->bytes_room > 1024 * 1024 && tail->used < tail->bytes_room / 4) {
		uint8_t *smaller = realloc(tail->bytes, tail->used + 16384);
		if (smaller != NULL) {
			tail->bytes = smaller;
			tail->bytes_room = tail->used + 16384;
		}
	}
}

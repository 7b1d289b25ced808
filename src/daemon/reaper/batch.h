/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An erase batch in memory: collected from its parts, then worked off in order. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "ipc/message.h"

/* 65,536 items is what an item's number can tell apart; the texts are bounded for memory's sake. */
enum { BATCH_ITEMS_MAX = 65536, BATCH_TEXT_BYTES_MAX = 32 * 1024 * 1024 };

struct batch_item {
	uint16_t item;
	uint16_t group;
	uint8_t way;     /* enum erase_way */
	bool sound;      /* name and folder are ones that can exist */
	uint32_t folder; /* offsets in `texts` */
	uint32_t name;
	uint64_t inode;
	uint64_t bytes;
	int64_t mtime_ns;
	int64_t birth_ns;
};

struct batch_result {
	uint8_t outcome; /* enum erase_outcome */
	bool open_elsewhere;
	uint32_t error; /* errno */
	uint32_t links_left;
};

struct batch {
	bool used;
	uint32_t number;
	uint16_t root;
	bool complete; /* the last part is here */
	bool stopped;  /* ERASE_STOP came: nothing more is removed */
	struct batch_item *items;
	struct batch_result *results; /* one an item, once complete */
	size_t count;
	size_t room;
	char *texts;
	size_t text_bytes;
	size_t text_room;
};

/* Adds a part, of a new batch or of this one. 0, -EPROTO for what cannot be part of it, -E2BIG over a limit, -ENOMEM.
 */
MUST_USE int batch_append(struct batch *batch, const struct record_erase *head, struct message *part);
const char *batch_text(const struct batch *batch, uint32_t offset);
/* Frees what it holds; ready for another. */
void batch_clear(struct batch *batch);

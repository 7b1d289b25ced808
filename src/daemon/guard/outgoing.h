/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What guard has to tell and keeper has not taken yet: a bounded memory, all of it there from the
 * start. When it is full, what happens is counted, and one GUARD_LOSS with exact bounds stands in
 * its place, in order, as soon as there is room. Nothing here waits.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "ipc/message.h"

enum {
	OUTGOING_BYTES = 4 * 1024 * 1024,
	OUTGOING_WHYS = 4,  /* of enum guard_loss_why */
	OUTGOING_OPEN = 64, /* messages that may be replaced */
};

struct loss {
	int64_t from_us;
	int64_t to_us;
	uint64_t lost;
	bool open; /* something was lost and is not told yet */
};

struct outgoing {
	uint8_t *memory;
	size_t room;
	size_t head; /* the oldest entry */
	size_t tail; /* where the next one goes */
	bool wrapped;
	struct loss losses[OUTGOING_WHYS];
	struct {
		uint8_t *bytes; /* of the last access, not sent yet; NULL: none to join */
		uint64_t inode;
		uint32_t accessor;
		uint16_t root;
		uint8_t what;
	} last;
	/* Messages that may still be replaced: none of them is sent yet. */
	struct {
		size_t at;
		uint32_t accessor;
	} open[OUTGOING_OPEN];
	size_t open_count;
	struct message_writer out;
};

/* `room` bytes of memory that the caller gives. */
void outgoing_init(struct outgoing *outgoing, uint8_t *memory, size_t room);

/* Keeps one access, joined with the one before where it is the same file by the same accessor. Counted as lost when
 * there is no room. */
void outgoing_access(struct outgoing *outgoing, const struct record_access *access);
void outgoing_alteration(struct outgoing *outgoing, const struct record_alteration *alteration);
/* Keeps a whole message; false, with nothing kept, when there is no room or something lost waits to be told. */
MUST_USE bool outgoing_message(struct outgoing *outgoing, struct message_writer *message);
/*
 * The same, and until it is sent outgoing_replace() may put a message about the same accessor in its place, which is
 * up to `more` bytes longer.
 */
MUST_USE bool outgoing_message_open(
    struct outgoing *outgoing, struct message_writer *message, uint32_t accessor, size_t more);
/* False, with nothing changed, where it is sent already. */
MUST_USE bool outgoing_replace(struct outgoing *outgoing, struct message_writer *message, uint32_t accessor);
/* Something is kept that may be replaced. */
bool outgoing_awaits(const struct outgoing *outgoing);
/* Something was lost: widens what is told of it. */
void outgoing_lose(struct outgoing *outgoing, enum guard_loss_why why, int64_t from_us, int64_t to_us, uint64_t lost);

bool outgoing_is_empty(const struct outgoing *outgoing);
/* Something was lost and is not told yet. */
bool outgoing_has_loss(const struct outgoing *outgoing);
size_t outgoing_bytes(const struct outgoing *outgoing);

/* Sends as much as the other end takes. 0 when all is sent, -EAGAIN, or another negative errno (-EPIPE: nobody there).
 */
MUST_USE int outgoing_send(struct outgoing *outgoing, int channel);

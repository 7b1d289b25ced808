/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A ring of entries, each in one piece: a head, then an encoded list item of ACCESSES or ALTERATIONS,
 * or a whole message. Neighbours of one kind are sent as one message.
 */
#include "outgoing.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* ENTRY_OPEN: a message behind its length, in more room than it takes. */
enum entry_kind { ENTRY_SKIP, ENTRY_ACCESS, ENTRY_ALTERATION, ENTRY_MESSAGE, ENTRY_OPEN };

struct entry_head {
	uint32_t length; /* of what follows */
	uint32_t kind;
};

enum {
	/* Once something was lost, it goes on being counted until so much is free: one loss, not a thousand. */
	ROOM_AFTER_LOSS_DIVISOR = 8,
	/* Where count and last_us stand in an encoded access. */
	ACCESS_COUNT_AT = 4 + 2 + 1,
	ACCESS_LAST_AT = ACCESS_COUNT_AT + 4 + 8,
};
static_assert(RECORD_BYTES_access == 4 + 2 + 1 + 4 + 8 + 8 + 8 + 8 + 2 + PATH_BYTES_MAX, "offsets above");

void outgoing_init(struct outgoing *outgoing, uint8_t *memory, size_t room) {
	memset(outgoing, 0, offsetof(struct outgoing, out));
	outgoing->memory = memory;
	outgoing->room = room;
}

bool outgoing_is_empty(const struct outgoing *outgoing) {
	return outgoing->head == outgoing->tail && !outgoing->wrapped;
}

size_t outgoing_bytes(const struct outgoing *outgoing) {
	return outgoing->wrapped ? outgoing->room - outgoing->head + outgoing->tail : outgoing->tail - outgoing->head;
}

static size_t entry_bytes(size_t length) {
	return sizeof(struct entry_head) + (length + 7) / 8 * 8;
}

static void head_put(struct outgoing *outgoing, size_t at, enum entry_kind kind, size_t length) {
	struct entry_head head = {.length = (uint32_t)length, .kind = kind};
	memcpy(outgoing->memory + at, &head, sizeof head);
}

/* Room for an entry in one piece, which then exists; NULL when there is none. */
static uint8_t *entry_make(struct outgoing *outgoing, enum entry_kind kind, size_t length) {
	size_t needed = entry_bytes(length);
	if (outgoing_is_empty(outgoing))
		outgoing->head = outgoing->tail = 0;
	if (!outgoing->wrapped && outgoing->room - outgoing->tail < needed) {
		if (outgoing->head < needed)
			return NULL;
		if (outgoing->room - outgoing->tail >= sizeof(struct entry_head))
			head_put(outgoing, outgoing->tail, ENTRY_SKIP, 0);
		outgoing->tail = 0;
		outgoing->wrapped = true;
	}
	if (outgoing->wrapped && outgoing->head - outgoing->tail < needed)
		return NULL;
	head_put(outgoing, outgoing->tail, kind, length);
	uint8_t *bytes = outgoing->memory + outgoing->tail + sizeof(struct entry_head);
	outgoing->tail += needed;
	return bytes;
}

/* The entry at *at, which moves to its own place if it skipped the end; false when there is none. */
static bool entry_at(const struct outgoing *outgoing, size_t *at, bool *wrapped, struct entry_head *ret_head) {
	for (;;) {
		if (*at == outgoing->tail && !*wrapped)
			return false;
		if (outgoing->room - *at >= sizeof *ret_head) {
			memcpy(ret_head, outgoing->memory + *at, sizeof *ret_head);
			if (ret_head->kind != ENTRY_SKIP)
				return true;
		}
		*at = 0;
		*wrapped = false;
	}
}

/* ---- losses ---- */

void outgoing_lose(struct outgoing *outgoing, enum guard_loss_why why, int64_t from_us, int64_t to_us, uint64_t lost) {
	struct loss *loss = &outgoing->losses[why];
	if (!loss->open)
		*loss = (struct loss){.from_us = from_us, .to_us = to_us, .open = true};
	if (from_us < loss->from_us)
		loss->from_us = from_us;
	if (to_us > loss->to_us)
		loss->to_us = to_us;
	loss->lost += lost;
	/* What comes later is told behind the loss. */
	outgoing->last.bytes = NULL;
}

bool outgoing_has_loss(const struct outgoing *outgoing) {
	for (unsigned why = 0; why < OUTGOING_WHYS; why++)
		if (outgoing->losses[why].open)
			return true;
	return false;
}

static bool message_keep(struct outgoing *outgoing, struct message_writer *message) {
	if (message_finish(message, 0) != 0)
		return false;
	uint8_t *bytes = entry_make(outgoing, ENTRY_MESSAGE, message->writer.used);
	if (bytes == NULL)
		return false;
	memcpy(bytes, message->bytes, message->writer.used);
	outgoing->last.bytes = NULL;
	return true;
}

/* Tells what was lost, once there is room to go on. False while there is not. */
static bool losses_settle(struct outgoing *outgoing) {
	size_t free_bytes = outgoing->room - outgoing_bytes(outgoing);
	for (unsigned why = 0; why < OUTGOING_WHYS; why++) {
		struct loss *loss = &outgoing->losses[why];
		if (!loss->open)
			continue;
		if (why == GUARD_LOSS_MEMORY && free_bytes < outgoing->room / ROOM_AFTER_LOSS_DIVISOR)
			return false;
		message_begin(&outgoing->out, MESSAGE_GUARD_LOSS);
		record_guard_loss_put(&outgoing->out.writer,
		    &(struct record_guard_loss){
		        .from_us = loss->from_us, .to_us = loss->to_us, .lost = loss->lost, .why = (uint8_t)why});
		if (!message_keep(outgoing, &outgoing->out))
			return false;
		*loss = (struct loss){0};
	}
	return true;
}

/* ---- keeping ---- */

static bool access_join(struct outgoing *outgoing, const struct record_access *access) {
	uint8_t *bytes = outgoing->last.bytes;
	if (bytes == NULL || outgoing->last.inode != access->inode || outgoing->last.accessor != access->accessor ||
	    outgoing->last.root != access->root || outgoing->last.what != access->what || access->inode == 0)
		return false;
	struct byte_reader reader;
	struct byte_writer writer;
	byte_reader_init(&reader, bytes + ACCESS_COUNT_AT, 4);
	uint32_t count = byte_get_u32(&reader);
	if (count > UINT32_MAX - access->count)
		return false;
	byte_writer_init(&writer, bytes + ACCESS_COUNT_AT, 4);
	byte_put_u32(&writer, count + access->count);
	byte_writer_init(&writer, bytes + ACCESS_LAST_AT, 8);
	byte_put_i64(&writer, access->last_us);
	return true;
}

void outgoing_access(struct outgoing *outgoing, const struct record_access *access) {
	if (access_join(outgoing, access))
		return;
	size_t length = RECORD_BYTES_access - PATH_BYTES_MAX + access->path.length;
	uint8_t *bytes = losses_settle(outgoing) ? entry_make(outgoing, ENTRY_ACCESS, length) : NULL;
	if (bytes == NULL) {
		outgoing_lose(outgoing, GUARD_LOSS_MEMORY, access->first_us, access->last_us, access->count);
		return;
	}
	struct byte_writer writer;
	byte_writer_init(&writer, bytes, length);
	record_access_put(&writer, access);
	outgoing->last.bytes = bytes;
	outgoing->last.inode = access->inode;
	outgoing->last.accessor = access->accessor;
	outgoing->last.root = access->root;
	outgoing->last.what = access->what;
}

void outgoing_alteration(struct outgoing *outgoing, const struct record_alteration *alteration) {
	size_t length = RECORD_BYTES_alteration - PATH_BYTES_MAX + alteration->path.length;
	uint8_t *bytes = losses_settle(outgoing) ? entry_make(outgoing, ENTRY_ALTERATION, length) : NULL;
	if (bytes == NULL) {
		outgoing_lose(outgoing, GUARD_LOSS_MEMORY, alteration->at_us, alteration->at_us, 0);
		return;
	}
	struct byte_writer writer;
	byte_writer_init(&writer, bytes, length);
	record_alteration_put(&writer, alteration);
	outgoing->last.bytes = NULL;
}

bool outgoing_message(struct outgoing *outgoing, struct message_writer *message) {
	return losses_settle(outgoing) && message_keep(outgoing, message);
}

/* ---- messages that may be replaced ---- */

static void open_put(uint8_t *bytes, const struct message_writer *message) {
	uint32_t length = (uint32_t)message->writer.used;
	memcpy(bytes, &length, sizeof length);
	memcpy(bytes + sizeof length, message->bytes, length);
}

bool outgoing_message_open(struct outgoing *outgoing, struct message_writer *message, uint32_t accessor, size_t more) {
	if (outgoing->open_count == OUTGOING_OPEN)
		return outgoing_message(outgoing, message);
	if (!losses_settle(outgoing) || message_finish(message, 0) != 0)
		return false;
	uint8_t *bytes = entry_make(outgoing, ENTRY_OPEN, sizeof(uint32_t) + message->writer.used + more);
	if (bytes == NULL)
		return false;
	open_put(bytes, message);
	outgoing->last.bytes = NULL;
	outgoing->open[outgoing->open_count].at = (size_t)(bytes - outgoing->memory);
	outgoing->open[outgoing->open_count++].accessor = accessor;
	return true;
}

bool outgoing_replace(struct outgoing *outgoing, struct message_writer *message, uint32_t accessor) {
	for (size_t i = 0; i < outgoing->open_count; i++) {
		if (outgoing->open[i].accessor != accessor)
			continue;
		uint8_t *bytes = outgoing->memory + outgoing->open[i].at;
		struct entry_head head;
		memcpy(&head, bytes - sizeof head, sizeof head);
		if (message_finish(message, 0) != 0 || message->writer.used > head.length - sizeof(uint32_t))
			return false;
		open_put(bytes, message);
		outgoing->open[i] = outgoing->open[--outgoing->open_count];
		return true;
	}
	return false;
}

bool outgoing_awaits(const struct outgoing *outgoing) {
	return outgoing->open_count > 0;
}

/* ---- sending ---- */

/* A whole message of this entry. */
static struct text message_of(const struct outgoing *outgoing, size_t at, const struct entry_head *head) {
	const char *bytes = (const char *)outgoing->memory + at + sizeof *head;
	uint32_t length = head->length;
	if (head->kind == ENTRY_OPEN) {
		memcpy(&length, bytes, sizeof length);
		bytes += sizeof length;
	}
	return (struct text){.data = bytes, .length = length};
}

/* Gathers neighbours of one kind into one message; *at is then behind them. */
static void items_gather(struct outgoing *outgoing, enum entry_kind kind, size_t *at, bool *wrapped) {
	struct message_writer *out = &outgoing->out;
	struct entry_head head;
	message_begin(out, kind == ENTRY_ACCESS ? MESSAGE_ACCESSES : MESSAGE_ALTERATIONS);
	while (message_has_room(out) && entry_at(outgoing, at, wrapped, &head) && head.kind == (uint32_t)kind) {
		byte_put_raw(&out->writer, outgoing->memory + *at + sizeof head, head.length);
		out->items++;
		*at += entry_bytes(head.length);
	}
}

int outgoing_send(struct outgoing *outgoing, int channel) {
	(void)losses_settle(outgoing);
	outgoing->open_count = 0;
	size_t at = outgoing->head;
	bool wrapped = outgoing->wrapped;
	struct entry_head head;
	while (entry_at(outgoing, &at, &wrapped, &head)) {
		int error;
		if (head.kind == ENTRY_MESSAGE || head.kind == ENTRY_OPEN) {
			error = message_send_bytes(channel, message_of(outgoing, at, &head), NULL, 0);
			at += entry_bytes(head.length);
		} else {
			items_gather(outgoing, (enum entry_kind)head.kind, &at, &wrapped);
			error = message_send(channel, &outgoing->out, NULL, 0);
		}
		if (error != 0)
			return error;
		outgoing->head = at;
		outgoing->wrapped = wrapped;
		outgoing->last.bytes = NULL;
		(void)losses_settle(outgoing);
		at = outgoing->head;
		wrapped = outgoing->wrapped;
	}
	outgoing->head = outgoing->tail = 0;
	outgoing->wrapped = false;
	return 0;
}

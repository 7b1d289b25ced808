/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Structs, encoders and decoders of the catalogue. A decoded text points into the receive buffer
 * and lives until the next receive.
 *
 *   struct message_writer out;
 *   message_begin(&out, MESSAGE_ERASE);
 *   record_erase_put(&out.writer, &(struct record_erase){...});
 *   while (message_has_room(&out)) message_add_erase_item(&out, &item);
 *   message_send(fd, &out, NULL, 0);
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/bytes.h"
#include "ipc/catalogue.h"

enum { MESSAGE_BYTES_MAX = 65536, MESSAGE_DESCRIPTORS_MAX = 64, HASH_BYTES = 32 };

/* Fields as C types. */
#define FIELD_TYPE_U8(name) uint8_t name;
#define FIELD_TYPE_U16(name) uint16_t name;
#define FIELD_TYPE_U32(name) uint32_t name;
#define FIELD_TYPE_U64(name) uint64_t name;
#define FIELD_TYPE_I64(name) int64_t name;
#define FIELD_TYPE_TEXT(name) struct text name;
#define FIELD_TYPE_HASH(name) uint8_t name[HASH_BYTES];
#define FIELD_TYPE(kind, name, limit) FIELD_TYPE_##kind(name)

/* Fields as the most bytes they take. */
#define FIELD_BYTES_U8(limit) 1
#define FIELD_BYTES_U16(limit) 2
#define FIELD_BYTES_U32(limit) 4
#define FIELD_BYTES_U64(limit) 8
#define FIELD_BYTES_I64(limit) 8
#define FIELD_BYTES_TEXT(limit) (2 + (limit))
#define FIELD_BYTES_HASH(limit) 32
#define FIELD_BYTES(kind, name, limit) +FIELD_BYTES_##kind(limit)

/* All records that the catalogue uses. */
#define RECORD_LIST(RECORD) \
	RECORD(start)           \
	RECORD(root)            \
	RECORD(child)           \
	RECORD(child_down)      \
	RECORD(notice)          \
	RECORD(reload_result)   \
	RECORD(root_found)      \
	RECORD(known_folder)    \
	RECORD(folder)          \
	RECORD(folder_end)      \
	RECORD(entry)           \
	RECORD(scan_end)        \
	RECORD(watch_coverage)  \
	RECORD(open)            \
	RECORD(answer)          \
	RECORD(probe)           \
	RECORD(stream)          \
	RECORD(facts)           \
	RECORD(hash)            \
	RECORD(hashed)          \
	RECORD(erase)           \
	RECORD(erase_item)      \
	RECORD(batch)           \
	RECORD(erased)          \
	RECORD(erased_item)     \
	RECORD(guard_root)      \
	RECORD(guard_rule)      \
	RECORD(accessor)        \
	RECORD(ancestor)        \
	RECORD(access)          \
	RECORD(alteration)      \
	RECORD(guard_loss)      \
	RECORD(guard_coverage)  \
	RECORD(deliver)         \
	RECORD(delivered)

#define DECLARE_RECORD(name)                                                                  \
	struct record_##name {                                                                    \
		RECORD_##name(FIELD_TYPE)                                                             \
	};                                                                                        \
	enum { RECORD_BYTES_##name = 0 RECORD_##name(FIELD_BYTES) };                              \
	void record_##name##_put(struct byte_writer *writer, const struct record_##name *record); \
	MUST_USE bool record_##name##_get(struct byte_reader *reader, struct record_##name *ret_record);
RECORD_LIST(DECLARE_RECORD)
#undef DECLARE_RECORD
enum { RECORD_BYTES_nothing = 0 };

/* Message numbers. */
enum message_type {
#define DECLARE_MESSAGE(name, number, record, list, descriptors) MESSAGE_##name = (number),
	MESSAGE_CATALOGUE(DECLARE_MESSAGE)
#undef DECLARE_MESSAGE
};

/* "LISTING", or "unknown". */
const char *message_name(unsigned type);

/* ---- sending ---- */

struct message_writer {
	uint8_t bytes[MESSAGE_BYTES_MAX];
	struct byte_writer writer;
	enum message_type type;
	uint16_t items;
};

/* Starts a message; the caller puts its record next, then adds list items. */
void message_begin(struct message_writer *out, enum message_type type);

/* True while another list item of this message's kind fits, however long its texts. */
bool message_has_room(const struct message_writer *out);

/* Adds one list item: message_add_entry(out, &entry) and so on for each record. */
#define DECLARE_ADD(name) void message_add_##name(struct message_writer *out, const struct record_##name *record);
RECORD_LIST(DECLARE_ADD)
#undef DECLARE_ADD

/*
 * Sends the message; the descriptors stay the caller's. 0, -EAGAIN when the peer does not read fast
 * enough, -EPIPE when it is gone, -EMSGSIZE for a message that was written wrongly (a bug of ours).
 */
MUST_USE int message_send(int fd, struct message_writer *out, const int *descriptors, size_t count);

/* The same, waiting (poll) until the peer reads. For programs that have nothing else to do meanwhile. */
MUST_USE int message_send_wait(int fd, struct message_writer *out, const int *descriptors, size_t count);

/* The two halves of message_send(), for a queue: writes the number of items into the bytes (-EMSGSIZE as above) … */
MUST_USE int message_finish(struct message_writer *out, size_t count);
/* … and sends such bytes, then or later. */
MUST_USE int message_send_bytes(int fd, struct text bytes, const int *descriptors, size_t count);

/* ---- receiving ---- */

struct message {
	enum message_type type;
	struct byte_reader reader; /* at the record, then at the list */
	uint16_t items;            /* list items not read yet */
	int descriptors[MESSAGE_DESCRIPTORS_MAX];
	size_t descriptor_count;
	uint8_t bytes[MESSAGE_BYTES_MAX];
};

/*
 * Receives one message and checks its type, length, number of descriptors and every field of its
 * record and list. Returns 1 for a message, 0 for the end of the channel, -EAGAIN for none now,
 * -EPROTO for one that breaks the catalogue (its descriptors are closed; end the peer), or another
 * negative errno. The descriptors received are the caller's: take them with message_take_descriptor(),
 * close the rest with message_close_descriptors().
 */
MUST_USE int message_receive(int fd, struct message *message);

/* The same, waiting (poll) for at most `time_ms` milliseconds, -1 for ever; 0 also when none came within that time. */
MUST_USE int message_receive_wait(int fd, struct message *message, int time_ms);

/* Reads the record of a message that message_receive() has checked: record_x_get(&message->reader, &x). */
/* The next list item: false when there are no more. message_next_entry(message, &entry) and so on. */
#define DECLARE_NEXT(name) MUST_USE bool message_next_##name(struct message *message, struct record_##name *ret_record);
RECORD_LIST(DECLARE_NEXT)
#undef DECLARE_NEXT

/* Gives the descriptor at `index` to the caller, -1 if there is none. */
int message_take_descriptor(struct message *message, size_t index);
void message_close_descriptors(struct message *message);

/* The same check on bytes that came from elsewhere (the fuzzer). `count` descriptors are assumed. */
MUST_USE bool message_check(const uint8_t *bytes, size_t length, size_t count, struct message *ret_message);

/* A pair of connected ends, close-on-exec, with buffers for several whole messages. 0 or a negative errno. */
MUST_USE int message_pair(int ret_ends[2]);

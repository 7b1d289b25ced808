/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages as a program that was taken over might send them: the first byte is the number of
 * descriptors, the rest the message. What message_check() accepts must be readable to its end.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "ipc/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static struct message message;

static void demand(bool holds) {
	if (!holds)
		abort();
}

/* The record and each list item by the readers that the programs use. */
#define READ_RECORD(name)                                      \
	do {                                                       \
		struct record_##name record;                           \
		demand(record_##name##_get(&message.reader, &record)); \
	} while (0)
#define READ_LIST(name)                                \
	do {                                               \
		struct record_##name record;                   \
		while (message_next_##name(&message, &record)) \
			demand(true);                              \
	} while (0)

struct record_nothing {
	char unused;
};
static bool record_nothing_get(struct byte_reader *reader, struct record_nothing *ret_record) {
	ret_record->unused = 0;
	return !reader->failed;
}
static bool message_next_nothing(struct message *from, struct record_nothing *ret_record) {
	ret_record->unused = 0;
	demand(from->items == 0);
	return false;
}

static void message_read(void) {
	switch (message.type) {
#define READ_MESSAGE(name, number, record, list, descriptors) \
	case MESSAGE_##name:                                      \
		READ_RECORD(record);                                  \
		READ_LIST(list);                                      \
		break;
		MESSAGE_CATALOGUE(READ_MESSAGE)
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
	if (length < 1 || !message_check(bytes + 1, length - 1, bytes[0], &message))
		return 0;
	message_read();
	demand(message.items == 0);
	demand(byte_reader_done(&message.reader));
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * On the wire: u16 type, u16 number of list items, the record's fields, the items' fields; integers
 * little-endian, a text as u16 length and bytes.
 */
#include "ipc/message.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEADER_BYTES = 4 };

/* What the receiver would refuse is refused here already, as a bug of the sender. */
#define PUT_U8(name, limit)            \
	byte_put_u8(writer, record->name); \
	if (record->name > (limit))        \
		writer->failed = true;
#define PUT_U16(name, limit) byte_put_u16(writer, record->name);
#define PUT_U32(name, limit) byte_put_u32(writer, record->name);
#define PUT_U64(name, limit) byte_put_u64(writer, record->name);
#define PUT_I64(name, limit) byte_put_i64(writer, record->name);
#define PUT_TEXT(name, limit)            \
	byte_put_text(writer, record->name); \
	if (record->name.length > (limit))   \
		writer->failed = true;
#define PUT_HASH(name, limit) byte_put_raw(writer, record->name, HASH_BYTES);
#define PUT_FIELD(kind, name, limit) PUT_##kind(name, limit)

#define GET_U8(name, limit)            \
	record.name = byte_get_u8(reader); \
	if (record.name > (limit))         \
		reader->failed = true;
#define GET_U16(name, limit) record.name = byte_get_u16(reader);
#define GET_U32(name, limit) record.name = byte_get_u32(reader);
#define GET_U64(name, limit) record.name = byte_get_u64(reader);
#define GET_I64(name, limit) record.name = byte_get_i64(reader);
#define GET_TEXT(name, limit) record.name = byte_get_text(reader, limit);
#define GET_HASH(name, limit) byte_get_raw(reader, record.name, HASH_BYTES);
#define GET_FIELD(kind, name, limit) GET_##kind(name, limit)

#define DEFINE_RECORD(name)                                                                    \
	void record_##name##_put(struct byte_writer *writer, const struct record_##name *record) { \
		RECORD_##name(PUT_FIELD)                                                               \
	}                                                                                          \
	bool record_##name##_get(struct byte_reader *reader, struct record_##name *ret_record) {   \
		struct record_##name record = {0};                                                     \
		RECORD_##name(GET_FIELD) if (reader->failed) return false;                             \
		*ret_record = record;                                                                  \
		return true;                                                                           \
	}                                                                                          \
	static bool skip_##name(struct byte_reader *reader) {                                      \
		struct record_##name record;                                                           \
		return record_##name##_get(reader, &record);                                           \
	}                                                                                          \
	void message_add_##name(struct message_writer *out, const struct record_##name *record) {  \
		record_##name##_put(&out->writer, record);                                             \
		if (out->items++ == UINT16_MAX)                                                        \
			out->writer.failed = true;                                                         \
	}                                                                                          \
	bool message_next_##name(struct message *message, struct record_##name *ret_record) {      \
		if (message->items == 0)                                                               \
			return false;                                                                      \
		message->items--;                                                                      \
		return record_##name##_get(&message->reader, ret_record);                              \
	}
RECORD_LIST(DEFINE_RECORD)

static bool skip_nothing(struct byte_reader *reader) {
	return !reader->failed;
}

/* The catalogue as a table. */
struct message_row {
	unsigned type;
	const char *name;
	bool (*skip_record)(struct byte_reader *reader);
	bool (*skip_item)(struct byte_reader *reader);
	size_t item_bytes;
	size_t descriptors;
};

static const struct message_row rows[] = {
#define DEFINE_ROW(name, number, record, list, descriptors) \
	{number, #name, skip_##record, skip_##list, RECORD_BYTES_##list, descriptors},
    MESSAGE_CATALOGUE(DEFINE_ROW)
#undef DEFINE_ROW
};

/* Every record fits a message, with at least one list item. */
#define CHECK_SIZE(name, number, record, list, descriptors)                                                            \
	static_assert(HEADER_BYTES + RECORD_BYTES_##record + RECORD_BYTES_##list <= MESSAGE_BYTES_MAX, #name " too long"); \
	static_assert((descriptors) <= MESSAGE_DESCRIPTORS_MAX, #name " has too many descriptors");
MESSAGE_CATALOGUE(CHECK_SIZE)

static const struct message_row *row_of(unsigned type) {
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		if (rows[i].type == type)
			return &rows[i];
	return NULL;
}

const char *message_name(unsigned type) {
	const struct message_row *row = row_of(type);
	return row == NULL ? "unknown" : row->name;
}

void message_begin(struct message_writer *out, enum message_type type) {
	out->type = type;
	out->items = 0;
	byte_writer_init(&out->writer, out->bytes, sizeof out->bytes);
	byte_put_u16(&out->writer, (uint16_t)type);
	byte_put_u16(&out->writer, 0);
}

bool message_has_room(const struct message_writer *out) {
	const struct message_row *row = row_of(out->type);
	return row != NULL && out->items < UINT16_MAX && out->writer.room - out->writer.used >= row->item_bytes;
}

int message_finish(struct message_writer *out, size_t count) {
	const struct message_row *row = row_of(out->type);
	if (row == NULL || out->writer.failed || count > row->descriptors)
		return -EMSGSIZE;
	out->bytes[2] = (uint8_t)out->items;
	out->bytes[3] = (uint8_t)(out->items >> 8);
	return 0;
}

int message_send_bytes(int fd, struct text bytes, const int *descriptors, size_t count) {
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int) * MESSAGE_DESCRIPTORS_MAX)];
	} control;
	struct iovec part = {.iov_base = (char *)(uintptr_t)bytes.data, .iov_len = bytes.length};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	if (count > 0) {
		size_t length = CMSG_SPACE(sizeof(int) * count);
		memset(control.bytes, 0, length);
		message.msg_control = control.bytes;
		message.msg_controllen = length;
		struct cmsghdr *header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int) * count);
		memcpy(CMSG_DATA(header), descriptors, sizeof(int) * count);
	}
	for (;;) {
		if (sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
			return 0;
		if (errno != EINTR)
			return errno == EWOULDBLOCK || errno == ENOBUFS ? -EAGAIN : errno == ECONNRESET ? -EPIPE : -errno;
	}
}

int message_send(int fd, struct message_writer *out, const int *descriptors, size_t count) {
	int error = message_finish(out, count);
	struct text bytes = {.data = (const char *)out->bytes, .length = out->writer.used};
	return error == 0 ? message_send_bytes(fd, bytes, descriptors, count) : error;
}

int message_send_wait(int fd, struct message_writer *out, const int *descriptors, size_t count) {
	for (;;) {
		int error = message_send(fd, out, descriptors, count);
		if (error != -EAGAIN)
			return error;
		struct pollfd wait = {.fd = fd, .events = POLLOUT};
		if (poll(&wait, 1, -1) < 0 && errno != EINTR)
			return -errno;
	}
}

/* Reads type and count, then walks over record and list, so that later reads cannot fail. */
static bool check(struct message *message, size_t length, size_t count) {
	struct byte_reader reader;
	byte_reader_init(&reader, message->bytes, length);
	unsigned type = byte_get_u16(&reader);
	uint16_t items = byte_get_u16(&reader);
	const struct message_row *row = row_of(type);
	if (reader.failed || row == NULL || count > row->descriptors)
		return false;
	if (items > 0 && row->item_bytes == 0)
		return false;
	message->type = (enum message_type)type;
	message->items = items;
	message->reader = reader;
	if (!row->skip_record(&reader))
		return false;
	for (uint16_t i = 0; i < items; i++)
		if (!row->skip_item(&reader))
			return false;
	return byte_reader_done(&reader);
}

bool message_check(const uint8_t *bytes, size_t length, size_t count, struct message *ret_message) {
	if (length > MESSAGE_BYTES_MAX)
		return false;
	memcpy(ret_message->bytes, bytes, length);
	ret_message->descriptor_count = 0;
	return check(ret_message, length, count);
}

/* Takes the descriptors out of the control data. False where there is control data of another kind. */
static bool take_control(struct message *message, struct msghdr *received) {
	bool clean = (received->msg_flags & MSG_CTRUNC) == 0;
	for (struct cmsghdr *header = CMSG_FIRSTHDR(received); header != NULL; header = CMSG_NXTHDR(received, header)) {
		if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) {
			clean = false;
			continue;
		}
		size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof fd);
			if (message->descriptor_count < MESSAGE_DESCRIPTORS_MAX) {
				message->descriptors[message->descriptor_count++] = fd;
			} else {
				(void)close(fd);
				clean = false;
			}
		}
	}
	return clean;
}

int message_receive(int fd, struct message *message) {
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int) * MESSAGE_DESCRIPTORS_MAX)];
	} control;
	struct iovec part = {.iov_base = message->bytes, .iov_len = sizeof message->bytes};
	struct msghdr received = {
	    .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
	message->descriptor_count = 0;
	ssize_t length;
	do
		length = recvmsg(fd, &received, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	while (length < 0 && errno == EINTR);
	if (length < 0)
		return errno == EWOULDBLOCK ? -EAGAIN : errno == ECONNRESET ? 0 : -errno;
	bool clean = take_control(message, &received);
	if (length == 0 && message->descriptor_count == 0)
		return 0;
	if (!clean || (received.msg_flags & MSG_TRUNC) != 0 || !check(message, (size_t)length, message->descriptor_count)) {
		message_close_descriptors(message);
		return -EPROTO;
	}
	return 1;
}

int message_receive_wait(int fd, struct message *message, int time_ms) {
	for (;;) {
		int received = message_receive(fd, message);
		if (received != -EAGAIN)
			return received;
		struct pollfd wait = {.fd = fd, .events = POLLIN};
		int ready = poll(&wait, 1, time_ms);
		if (ready == 0)
			return 0;
		if (ready < 0 && errno != EINTR)
			return -errno;
	}
}

int message_take_descriptor(struct message *message, size_t index) {
	if (index >= message->descriptor_count)
		return -1;
	int fd = message->descriptors[index];
	message->descriptors[index] = -1;
	return fd;
}

void message_close_descriptors(struct message *message) {
	for (size_t i = 0; i < message->descriptor_count; i++)
		if (message->descriptors[i] >= 0)
			(void)close(message->descriptors[i]);
	message->descriptor_count = 0;
}

int message_pair(int ret_ends[2]) {
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	/* Best effort: the default holds three whole messages, which works and is only slower. */
	int bytes = 8 * MESSAGE_BYTES_MAX;
	for (int i = 0; i < 2; i++)
		(void)setsockopt(ends[i], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
	ret_ends[0] = ends[0];
	ret_ends[1] = ends[1];
	return 0;
}

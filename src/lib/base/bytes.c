/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bounds are checked here and nowhere else. */
#include "base/bytes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct text text_of(const char *string) {
	return string == NULL ? TEXT_NULL : (struct text){string, strlen(string)};
}

bool text_equal(struct text a, struct text b) {
	return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

bool text_copy(char *to, size_t room, struct text from) {
	if (room == 0)
		return false;
	to[0] = '\0';
	if (from.length >= room || (from.length > 0 && memchr(from.data, '\0', from.length) != NULL))
		return false;
	if (from.length > 0)
		memcpy(to, from.data, from.length);
	to[from.length] = '\0';
	return true;
}

void byte_writer_init(struct byte_writer *writer, void *bytes, size_t room) {
	*writer = (struct byte_writer){.bytes = bytes, .room = room};
}

void byte_put_raw(struct byte_writer *writer, const void *bytes, size_t length) {
	if (writer->failed || length > writer->room - writer->used) {
		writer->failed = true;
		return;
	}
	if (length > 0)
		memcpy(writer->bytes + writer->used, bytes, length);
	writer->used += length;
}

static void put_integer(struct byte_writer *writer, uint64_t value, size_t width) {
	uint8_t bytes[8];
	for (size_t i = 0; i < width; i++)
		bytes[i] = (uint8_t)(value >> (8 * i));
	byte_put_raw(writer, bytes, width);
}

void byte_put_u8(struct byte_writer *writer, uint8_t value) {
	put_integer(writer, value, 1);
}

void byte_put_u16(struct byte_writer *writer, uint16_t value) {
	put_integer(writer, value, 2);
}

void byte_put_u32(struct byte_writer *writer, uint32_t value) {
	put_integer(writer, value, 4);
}

void byte_put_u64(struct byte_writer *writer, uint64_t value) {
	put_integer(writer, value, 8);
}

void byte_put_i64(struct byte_writer *writer, int64_t value) {
	put_integer(writer, (uint64_t)value, 8);
}

void byte_put_text(struct byte_writer *writer, struct text value) {
	if (value.length > UINT16_MAX) {
		writer->failed = true;
		return;
	}
	byte_put_u16(writer, (uint16_t)value.length);
	byte_put_raw(writer, value.data, value.length);
}

void byte_reader_init(struct byte_reader *reader, const void *bytes, size_t length) {
	*reader = (struct byte_reader){.bytes = bytes, .left = length};
}

static const uint8_t *take(struct byte_reader *reader, size_t length) {
	if (reader->failed || length > reader->left) {
		reader->failed = true;
		return NULL;
	}
	const uint8_t *start = reader->bytes;
	reader->bytes += length;
	reader->left -= length;
	return start;
}

static uint64_t get_integer(struct byte_reader *reader, size_t width) {
	const uint8_t *bytes = take(reader, width);
	uint64_t value = 0;
	for (size_t i = 0; bytes != NULL && i < width; i++)
		value |= (uint64_t)bytes[i] << (8 * i);
	return value;
}

uint8_t byte_get_u8(struct byte_reader *reader) {
	return (uint8_t)get_integer(reader, 1);
}

uint16_t byte_get_u16(struct byte_reader *reader) {
	return (uint16_t)get_integer(reader, 2);
}

uint32_t byte_get_u32(struct byte_reader *reader) {
	return (uint32_t)get_integer(reader, 4);
}

uint64_t byte_get_u64(struct byte_reader *reader) {
	return get_integer(reader, 8);
}

int64_t byte_get_i64(struct byte_reader *reader) {
	return (int64_t)get_integer(reader, 8);
}

struct text byte_get_text(struct byte_reader *reader, size_t limit) {
	size_t length = byte_get_u16(reader);
	if (length > limit)
		reader->failed = true;
	const uint8_t *bytes = take(reader, length);
	return bytes == NULL ? TEXT_NULL : (struct text){(const char *)bytes, length};
}

void byte_get_raw(struct byte_reader *reader, void *bytes, size_t length) {
	const uint8_t *from = take(reader, length);
	if (from != NULL && length > 0)
		memcpy(bytes, from, length);
}

bool byte_reader_done(const struct byte_reader *reader) {
	return !reader->failed && reader->left == 0;
}

bool text_take(struct text *rest, char separator, struct text *ret_part) {
	const char *found = rest->length == 0 ? NULL : memchr(rest->data, separator, rest->length);
	if (found == NULL)
		return false;
	*ret_part = (struct text){rest->data, (size_t)(found - rest->data)};
	*rest = (struct text){found + 1, rest->length - ret_part->length - 1};
	return true;
}

uint64_t text_hash(struct text text) {
	uint64_t hash = UINT64_C(14695981039346656037);
	for (size_t i = 0; i < text.length; i++)
		hash = (hash ^ (uint8_t)text.data[i]) * UINT64_C(1099511628211);
	return hash;
}

const char *count_text(uint64_t value, char text[32]) {
	char digits[24];
	int length = snprintf(digits, sizeof digits, "%" PRIu64, value);
	size_t used = 0;
	for (int i = 0; i < length; i++) {
		if (i > 0 && (length - i) % 3 == 0)
			text[used++] = ',';
		text[used++] = digits[i];
	}
	text[used] = '\0';
	return text;
}

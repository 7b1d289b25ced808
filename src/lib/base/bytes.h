/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A bounded reader and a bounded writer of bytes, for messages and file formats. Integers are
 * little-endian. An operation past the end sets `failed` and does nothing more, so a caller reads
 * or writes all fields and asks once.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"

/* Bytes that somebody else owns; not NUL-terminated (file names are bytes, not strings). */
struct text {
	const char *data;
	size_t length;
};

#define TEXT_NULL ((struct text){0})

/* A view of a C string; valid as long as the string. NULL gives an empty text. */
struct text text_of(const char *string);
bool text_equal(struct text a, struct text b);
/* Copies into `to` with a final NUL. False, and an empty string, if it does not fit or holds a NUL. */
MUST_USE bool text_copy(char *to, size_t room, struct text from);
/* Takes what stands before the next `separator` out of `rest`, and the separator with it. False, and nothing taken,
 * where there is none. */
MUST_USE bool text_take(struct text *rest, char separator, struct text *ret_part);

/* FNV-1a over the bytes: for tables whose keys nobody gains by choosing. */
uint64_t text_hash(struct text text);
/* For people: 4120 is "4,120". Gives `text` back. */
const char *count_text(uint64_t value, char text[32]);

struct byte_writer {
	uint8_t *bytes;
	size_t room;
	size_t used;
	bool failed;
};

struct byte_reader {
	const uint8_t *bytes;
	size_t left;
	bool failed;
};

void byte_writer_init(struct byte_writer *writer, void *bytes, size_t room);
void byte_put_u8(struct byte_writer *writer, uint8_t value);
void byte_put_u16(struct byte_writer *writer, uint16_t value);
void byte_put_u32(struct byte_writer *writer, uint32_t value);
void byte_put_u64(struct byte_writer *writer, uint64_t value);
void byte_put_i64(struct byte_writer *writer, int64_t value);
/* A length in 16 bits, then the bytes. */
void byte_put_text(struct byte_writer *writer, struct text value);
void byte_put_raw(struct byte_writer *writer, const void *bytes, size_t length);

void byte_reader_init(struct byte_reader *reader, const void *bytes, size_t length);
uint8_t byte_get_u8(struct byte_reader *reader);
uint16_t byte_get_u16(struct byte_reader *reader);
uint32_t byte_get_u32(struct byte_reader *reader);
uint64_t byte_get_u64(struct byte_reader *reader);
int64_t byte_get_i64(struct byte_reader *reader);
/* The text points into what is read; over `limit` bytes is a failure. */
struct text byte_get_text(struct byte_reader *reader, size_t limit);
void byte_get_raw(struct byte_reader *reader, void *bytes, size_t length);
/* True if nothing failed and nothing is left over. */
bool byte_reader_done(const struct byte_reader *reader);

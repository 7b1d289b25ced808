/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The byte reader and writer stop at their bounds, and stay stopped. */
#include "base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void all_fields_come_back(void **state) {
	(void)state;
	uint8_t bytes[64];
	struct byte_writer writer;
	byte_writer_init(&writer, bytes, sizeof bytes);
	byte_put_u8(&writer, 0xfe);
	byte_put_u16(&writer, 0x1234);
	byte_put_u32(&writer, 0xdeadbeef);
	byte_put_u64(&writer, UINT64_MAX - 1);
	byte_put_i64(&writer, INT64_MIN);
	byte_put_text(&writer, text_of("gate"));
	byte_put_text(&writer, TEXT_NULL);
	byte_put_raw(&writer, "xyz", 3);
	assert_false(writer.failed);
	assert_int_equal(bytes[1], 0x34);

	struct byte_reader reader;
	byte_reader_init(&reader, bytes, writer.used);
	assert_int_equal(byte_get_u8(&reader), 0xfe);
	assert_int_equal(byte_get_u16(&reader), 0x1234);
	assert_int_equal(byte_get_u32(&reader), 0xdeadbeef);
	assert_true(byte_get_u64(&reader) == UINT64_MAX - 1);
	assert_true(byte_get_i64(&reader) == INT64_MIN);
	assert_true(text_equal(byte_get_text(&reader, 4), text_of("gate")));
	assert_int_equal(byte_get_text(&reader, 4).length, 0);
	char raw[3];
	byte_get_raw(&reader, raw, sizeof raw);
	assert_memory_equal(raw, "xyz", 3);
	assert_true(byte_reader_done(&reader));
}

static void writer_stops_at_its_room(void **state) {
	(void)state;
	uint8_t bytes[4] = {9, 9, 9, 9};
	struct byte_writer writer;
	byte_writer_init(&writer, bytes, 3);
	byte_put_u16(&writer, 1);
	byte_put_u16(&writer, 2);
	assert_true(writer.failed);
	assert_int_equal(writer.used, 2);
	byte_put_u8(&writer, 7);
	assert_int_equal(writer.used, 2);
	assert_int_equal(bytes[2], 9);
	assert_int_equal(bytes[3], 9);
}

static void writer_refuses_long_text(void **state) {
	(void)state;
	static uint8_t bytes[70000];
	static char text[UINT16_MAX + 1];
	struct byte_writer writer;
	byte_writer_init(&writer, bytes, sizeof bytes);
	byte_put_text(&writer, (struct text){text, sizeof text});
	assert_true(writer.failed);
	assert_int_equal(writer.used, 0);
}

static void reader_stops_at_the_end(void **state) {
	(void)state;
	const uint8_t bytes[] = {1, 2, 3};
	struct byte_reader reader;
	byte_reader_init(&reader, bytes, sizeof bytes);
	assert_int_equal(byte_get_u32(&reader), 0);
	assert_true(reader.failed);
	assert_int_equal(byte_get_u8(&reader), 0);
	assert_false(byte_reader_done(&reader));
}

static void reader_refuses_text_past_limit_or_end(void **state) {
	(void)state;
	const uint8_t bytes[] = {3, 0, 'a', 'b', 'c'};
	struct byte_reader reader;
	byte_reader_init(&reader, bytes, sizeof bytes);
	assert_int_equal(byte_get_text(&reader, 2).length, 0);
	assert_true(reader.failed);
	byte_reader_init(&reader, bytes, sizeof bytes - 1);
	assert_null(byte_get_text(&reader, 100).data);
	assert_true(reader.failed);
}

static void reader_sees_what_is_left_over(void **state) {
	(void)state;
	const uint8_t bytes[] = {1, 2};
	struct byte_reader reader;
	byte_reader_init(&reader, bytes, sizeof bytes);
	(void)byte_get_u8(&reader);
	assert_false(byte_reader_done(&reader));
}

static void text_copy_keeps_its_bounds(void **state) {
	(void)state;
	char room[4] = "xxx";
	assert_true(text_copy(room, sizeof room, text_of("abc")));
	assert_string_equal(room, "abc");
	assert_false(text_copy(room, sizeof room, text_of("abcd")));
	assert_string_equal(room, "");
	assert_false(text_copy(room, sizeof room, (struct text){"a\0b", 3}));
	assert_false(text_copy(room, 0, text_of("")));
	assert_true(text_copy(room, 1, TEXT_NULL));
	assert_true(text_equal(TEXT_NULL, text_of("")));
	assert_false(text_equal(text_of("ab"), text_of("ac")));
}

int main(void) {
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(all_fields_come_back),
	    cmocka_unit_test(writer_stops_at_its_room),
	    cmocka_unit_test(writer_refuses_long_text),
	    cmocka_unit_test(reader_stops_at_the_end),
	    cmocka_unit_test(reader_refuses_text_past_limit_or_end),
	    cmocka_unit_test(reader_sees_what_is_left_over),
	    cmocka_unit_test(text_copy_keeps_its_bounds),
	};
	return cmocka_run_group_tests_name("bytes", tests, NULL, NULL);
}

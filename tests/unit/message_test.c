/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The message catalogue: what goes in comes out, and nothing else is taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ipc/message.h"

/* ---- every record: filled with values that tell the fields apart ---- */

static char sample_text[PATH_BYTES_MAX + 8];
static unsigned sample;

#define FILL_U8(name, limit) record->name = (uint8_t)(++sample % ((limit) + 1U));
#define FILL_U16(name, limit) record->name = (uint16_t)(0xfe00U + ++sample);
#define FILL_U32(name, limit) record->name = 0xfedc0000U + ++sample;
#define FILL_U64(name, limit) record->name = UINT64_C(0xfedcba9800000000) + ++sample;
#define FILL_I64(name, limit) record->name = -(int64_t)(INT64_C(0x123456789) + ++sample);
#define FILL_TEXT(name, limit) \
	++sample;                  \
	record->name = (struct text){sample_text + sample % 7, sample % ((limit) + 1U)};
#define FILL_HASH(name, limit) memset(record->name, (int)(++sample & 0xff), HASH_BYTES);
#define FILL_FIELD(kind, name, limit) FILL_##kind(name, limit)

#define SAME_U8(name) assert_int_equal(a->name, b->name);
#define SAME_U16(name) assert_int_equal(a->name, b->name);
#define SAME_U32(name) assert_int_equal(a->name, b->name);
#define SAME_U64(name) assert_true(a->name == b->name);
#define SAME_I64(name) assert_true(a->name == b->name);
#define SAME_TEXT(name) assert_true(text_equal(a->name, b->name));
#define SAME_HASH(name) assert_memory_equal(a->name, b->name, HASH_BYTES);
#define SAME_FIELD(kind, name, limit) SAME_##kind(name)

#define DEFINE_SAMPLE(name)                                                                 \
	static void fill_##name(struct record_##name *record) {                                 \
		RECORD_##name(FILL_FIELD)                                                           \
	}                                                                                       \
	static void same_##name(const struct record_##name *a, const struct record_##name *b) { \
		RECORD_##name(SAME_FIELD)                                                           \
	}                                                                                       \
	static void round_trip_##name(void) {                                                   \
		static uint8_t bytes[MESSAGE_BYTES_MAX];                                            \
		struct record_##name in = {0}, out = {0};                                           \
		fill_##name(&in);                                                                   \
		struct byte_writer writer;                                                          \
		byte_writer_init(&writer, bytes, sizeof bytes);                                     \
		record_##name##_put(&writer, &in);                                                  \
		assert_false(writer.failed);                                                        \
		for (size_t cut = 0; cut < writer.used; cut++) {                                    \
			struct byte_reader part;                                                        \
			byte_reader_init(&part, bytes, cut);                                            \
			assert_false(record_##name##_get(&part, &out));                                 \
		}                                                                                   \
		struct byte_reader reader;                                                          \
		byte_reader_init(&reader, bytes, writer.used);                                      \
		assert_true(record_##name##_get(&reader, &out));                                    \
		assert_true(byte_reader_done(&reader));                                             \
		same_##name(&in, &out);                                                             \
	}
RECORD_LIST(DEFINE_SAMPLE)

static void test_every_record_survives(void **state) {
	(void)state;
#define ROUND_TRIP(name) round_trip_##name();
	for (int i = 0; i < 8; i++) {
		RECORD_LIST(ROUND_TRIP)
	}
}

/* ---- every message ---- */

#define fill_and_put_nothing(out) (void)(out)
#define DEFINE_PUT(name)                                          \
	static void fill_and_put_##name(struct message_writer *out) { \
		struct record_##name record = {0};                        \
		fill_##name(&record);                                     \
		record_##name##_put(&out->writer, &record);               \
	}                                                             \
	static void fill_and_add_##name(struct message_writer *out) { \
		struct record_##name record = {0};                        \
		fill_##name(&record);                                     \
		message_add_##name(out, &record);                         \
	}
RECORD_LIST(DEFINE_PUT)
static void fill_and_add_nothing(struct message_writer *out) {
	(void)out;
}

static struct message_writer out;
static struct message in;

static void refuse_what_is_not_whole(enum message_type type, size_t descriptors) {
	assert_int_equal(message_finish(&out, descriptors), 0);
	assert_int_equal(message_finish(&out, descriptors + 1), -EMSGSIZE);
	size_t length = out.writer.used;
	assert_true(message_check(out.bytes, length, descriptors, &in));
	assert_int_equal(in.type, type);
	assert_false(message_check(out.bytes, length, descriptors + 1, &in));
	for (size_t cut = 0; cut < length; cut++)
		assert_false(message_check(out.bytes, cut, descriptors, &in));
	/* One byte left over, and one list item more than there is. */
	out.bytes[length] = 0;
	assert_false(message_check(out.bytes, length + 1, descriptors, &in));
	out.bytes[2]++;
	assert_false(message_check(out.bytes, length, descriptors, &in));
}

static void test_every_message_is_taken_whole_or_not_at_all(void **state) {
	(void)state;
#define EACH_MESSAGE(name, number, record, list, descriptors) \
	message_begin(&out, MESSAGE_##name);                      \
	fill_and_put_##record(&out);                              \
	fill_and_add_##list(&out);                                \
	fill_and_add_##list(&out);                                \
	refuse_what_is_not_whole(MESSAGE_##name, descriptors);
	MESSAGE_CATALOGUE(EACH_MESSAGE)
}

static void test_unknown_types_are_refused(void **state) {
	(void)state;
	unsigned known = 0;
	for (unsigned type = 0; type <= UINT16_MAX; type++) {
		bool is_known = strcmp(message_name(type), "unknown") != 0;
		known += is_known;
		uint8_t bytes[4] = {(uint8_t)type, (uint8_t)(type >> 8), 0, 0};
		if (!is_known)
			assert_false(message_check(bytes, sizeof bytes, 0, &in));
	}
#define COUNT_MESSAGE(name, number, record, list, descriptors) +1U
	assert_int_equal(known, 0U MESSAGE_CATALOGUE(COUNT_MESSAGE));
	assert_false(message_check(out.bytes, MESSAGE_BYTES_MAX + 1, 0, &in));
}

static void test_values_over_their_limit_are_refused(void **state) {
	(void)state;
	/* By the sender … */
	message_begin(&out, MESSAGE_CHILD_RELEASED);
	record_child_put(&out.writer, &(struct record_child){.process = 16});
	assert_int_equal(message_finish(&out, 0), -EMSGSIZE);
	message_begin(&out, MESSAGE_READY);
	record_notice_put(&out.writer, &(struct record_notice){.text = {sample_text, TEXT_BYTES_MAX + 1}});
	assert_int_equal(message_finish(&out, 0), -EMSGSIZE);
	/* … and by the receiver. */
	message_begin(&out, MESSAGE_CHILD_RELEASED);
	record_child_put(&out.writer, &(struct record_child){.process = 15});
	assert_int_equal(message_finish(&out, 0), 0);
	assert_true(message_check(out.bytes, out.writer.used, 0, &in));
	out.bytes[4] = 16;
	assert_false(message_check(out.bytes, out.writer.used, 0, &in));
	message_begin(&out, MESSAGE_READY);
	byte_put_text(&out.writer, (struct text){sample_text, TEXT_BYTES_MAX + 1});
	assert_int_equal(message_finish(&out, 0), 0);
	assert_false(message_check(out.bytes, out.writer.used, 0, &in));
}

static void test_a_list_is_read_to_its_end(void **state) {
	(void)state;
	message_begin(&out, MESSAGE_LISTING);
	record_folder_put(&out.writer, &(struct record_folder){.root = 3, .path = text_of("a/b")});
	struct record_entry entry = {.type = ENTRY_FILE, .name = {sample_text, NAME_BYTES_MAX}};
	unsigned put = 0;
	for (; message_has_room(&out); put++) {
		entry.inode = put;
		message_add_entry(&out, &entry);
	}
	assert_in_range(put, 190, 250);
	assert_int_equal(message_finish(&out, 0), 0);
	assert_true(message_check(out.bytes, out.writer.used, 0, &in));
	struct record_folder folder;
	assert_true(record_folder_get(&in.reader, &folder));
	assert_true(text_equal(folder.path, text_of("a/b")));
	unsigned got = 0;
	for (struct record_entry next; message_next_entry(&in, &next); got++)
		assert_int_equal(next.inode, got);
	assert_int_equal(got, put);
	/* A kind of message without a list takes none. */
	message_begin(&out, MESSAGE_STOP);
	message_add_root(&out, &(struct record_root){.root = 1});
	assert_int_equal(message_finish(&out, 0), 0);
	assert_false(message_check(out.bytes, out.writer.used, 0, &in));
}

/* ---- over a socket ---- */

static int open_descriptors(void) {
	int count = 0;
	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void test_descriptors_travel_and_are_closed(void **state) {
	(void)state;
	int ends[2];
	assert_int_equal(message_pair(ends), 0);
	assert_true((fcntl(ends[0], F_GETFD) & FD_CLOEXEC) != 0);
	int before = open_descriptors();
	int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
	const int two[] = {file, file};

	message_begin(&out, MESSAGE_START);
	record_start_put(&out.writer, &(struct record_start){.version = MESSAGE_VERSION});
	assert_int_equal(message_send(ends[0], &out, two, 2), 0);
	assert_int_equal(message_receive(ends[1], &in), 1);
	assert_int_equal(in.descriptor_count, 2);
	int taken = message_take_descriptor(&in, 1);
	assert_true(taken >= 0 && (fcntl(taken, F_GETFD) & FD_CLOEXEC) != 0);
	assert_int_equal(message_take_descriptor(&in, 1), -1);
	assert_int_equal(message_take_descriptor(&in, 2), -1);
	message_close_descriptors(&in);
	assert_int_equal(close(taken), 0);

	/* More than the catalogue says: the sender refuses; forced past it, the receiver refuses and closes all. */
	message_begin(&out, MESSAGE_STOP);
	assert_int_equal(message_send(ends[0], &out, two, 1), -EMSGSIZE);
	assert_int_equal(message_finish(&out, 0), 0);
	struct text bytes = {(const char *)out.bytes, out.writer.used};
	assert_int_equal(message_send_bytes(ends[0], bytes, two, 2), 0);
	assert_int_equal(message_receive(ends[1], &in), -EPROTO);
	assert_int_equal(in.descriptor_count, 0);
	(void)close(file);
	assert_int_equal(open_descriptors(), before);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static void test_ends_and_waits(void **state) {
	(void)state;
	int ends[2];
	assert_int_equal(message_pair(ends), 0);
	assert_int_equal(message_receive(ends[0], &in), -EAGAIN);
	assert_int_equal(message_receive_wait(ends[0], &in, 1), 0);
	message_begin(&out, MESSAGE_LISTING);
	record_folder_put(&out.writer, &(struct record_folder){0});
	while (message_has_room(&out))
		message_add_entry(&out, &(struct record_entry){.name = {sample_text, NAME_BYTES_MAX}});
	int sent = 0;
	int error;
	while ((error = message_send(ends[0], &out, NULL, 0)) == 0)
		sent++;
	assert_int_equal(error, -EAGAIN);
	assert_true(sent >= 2);
	for (int i = 0; i < sent; i++)
		assert_int_equal(message_receive_wait(ends[1], &in, -1), 1);
	(void)close(ends[1]);
	message_begin(&out, MESSAGE_STOP);
	assert_int_equal(message_send(ends[0], &out, NULL, 0), -EPIPE);
	assert_int_equal(message_send_wait(ends[0], &out, NULL, 0), -EPIPE);
	assert_int_equal(message_receive(ends[0], &in), 0);
	assert_int_equal(message_receive_wait(ends[0], &in, -1), 0);
	(void)close(ends[0]);
}

int main(void) {
	for (size_t i = 0; i < sizeof sample_text; i++)
		sample_text[i] = (char)(i * 37 + 1);
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_record_survives),
	    cmocka_unit_test(test_every_message_is_taken_whole_or_not_at_all),
	    cmocka_unit_test(test_unknown_types_are_refused),
	    cmocka_unit_test(test_values_over_their_limit_are_refused),
	    cmocka_unit_test(test_a_list_is_read_to_its_end),
	    cmocka_unit_test(test_descriptors_travel_and_are_closed),
	    cmocka_unit_test(test_ends_and_waits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

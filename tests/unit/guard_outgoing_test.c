/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guard's memory of what keeper has not taken: whatever happens, each open is either told, in order, or
 * within the bounds and the number of a loss.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/guard/outgoing.h"
#include "random.h"

enum { ROOM = 64 * 1024 };

static struct outgoing outgoing;
static struct message message;
static uint8_t *memory;
static int ends[2];

static int setup(void **state) {
	(void)state;
	memory = malloc(ROOM);
	outgoing_init(&outgoing, memory, ROOM);
	return message_pair(ends);
}

static int teardown(void **state) {
	(void)state;
	free(memory);
	(void)close(ends[0]);
	(void)close(ends[1]);
	return 0;
}

static void access_add(uint64_t inode, int64_t at_us, size_t path_length) {
	static char path[300];
	memset(path, 'x', sizeof path);
	outgoing_access(&outgoing, &(struct record_access){.accessor = 7,
	                               .root = 1,
	                               .count = 1,
	                               .first_us = at_us,
	                               .last_us = at_us,
	                               .inode = inode,
	                               .bytes = 5,
	                               .path = {.data = path, .length = path_length}});
}

static void joined(void **state) {
	(void)state;
	access_add(1, 10, 3);
	access_add(1, 20, 3);
	access_add(2, 30, 4);
	access_add(1, 40, 3);
	assert_int_equal(outgoing_send(&outgoing, ends[0]), 0);
	assert_true(outgoing_is_empty(&outgoing));
	assert_int_equal(message_receive(ends[1], &message), 1);
	assert_int_equal(message.type, MESSAGE_ACCESSES);
	struct record_access access;
	assert_true(message_next_access(&message, &access));
	assert_int_equal(access.count, 2);
	assert_int_equal(access.first_us, 10);
	assert_int_equal(access.last_us, 20);
	assert_int_equal(access.bytes, 5);
	assert_int_equal(access.path.length, 3);
	assert_true(message_next_access(&message, &access));
	assert_int_equal(access.inode, 2);
	assert_true(message_next_access(&message, &access));
	assert_int_equal(access.first_us, 40);
	assert_false(message_next_access(&message, &access));
	/* What was sent is not joined any more. */
	access_add(1, 50, 3);
	assert_int_equal(outgoing_send(&outgoing, ends[0]), 0);
	assert_int_equal(message_receive(ends[1], &message), 1);
	assert_true(message_next_access(&message, &access));
	assert_int_equal(access.count, 1);
}

static void order_of_kinds(void **state) {
	(void)state;
	static struct message_writer coverage;
	access_add(1, 10, 3);
	message_begin(&coverage, MESSAGE_GUARD_COVERAGE);
	record_guard_coverage_put(&coverage.writer, &(struct record_guard_coverage){.root = 3});
	assert_true(outgoing_message(&outgoing, &coverage));
	outgoing_alteration(&outgoing, &(struct record_alteration){.pid = 9, .path = text_of("gone.mp4")});
	access_add(1, 20, 3);
	assert_int_equal(outgoing_send(&outgoing, ends[0]), 0);
	static const enum message_type expected[] = {
	    MESSAGE_ACCESSES, MESSAGE_GUARD_COVERAGE, MESSAGE_ALTERATIONS, MESSAGE_ACCESSES};
	for (size_t i = 0; i < ARRAY_LENGTH(expected); i++) {
		assert_int_equal(message_receive(ends[1], &message), 1);
		assert_int_equal(message.type, expected[i]);
	}
	assert_int_equal(message_receive(ends[1], &message), -EAGAIN);
}

static struct message_writer *accessor_message(uint32_t number, const char *arguments) {
	static struct message_writer out;
	message_begin(&out, MESSAGE_ACCESSOR);
	record_accessor_put(&out.writer, &(struct record_accessor){.accessor = number, .arguments = text_of(arguments)});
	return &out;
}

static void expect_accessor(uint32_t number, const char *arguments) {
	struct record_accessor accessor;
	assert_int_equal(message_receive(ends[1], &message), 1);
	assert_int_equal(message.type, MESSAGE_ACCESSOR);
	assert_true(record_accessor_get(&message.reader, &accessor));
	assert_int_equal(accessor.accessor, number);
	assert_true(text_equal(accessor.arguments, text_of(arguments)));
}

static void a_message_is_replaced_until_it_is_sent(void **state) {
	(void)state;
	assert_false(outgoing_awaits(&outgoing));
	assert_true(outgoing_message_open(&outgoing, accessor_message(1, ""), 1, 20));
	access_add(1, 10, 3);
	assert_true(outgoing_message_open(&outgoing, accessor_message(2, ""), 2, 20));
	access_add(2, 10, 3);
	assert_true(outgoing_awaits(&outgoing));
	assert_false(outgoing_replace(&outgoing, accessor_message(3, "of nobody"), 3));
	assert_false(outgoing_replace(&outgoing, accessor_message(2, "longer than there is room"), 2));
	assert_true(outgoing_replace(&outgoing, accessor_message(2, "twenty bytes of text"), 2));
	assert_false(outgoing_replace(&outgoing, accessor_message(2, "again"), 2));
	assert_true(outgoing_awaits(&outgoing));
	assert_int_equal(outgoing_send(&outgoing, ends[0]), 0);
	assert_false(outgoing_awaits(&outgoing));
	assert_false(outgoing_replace(&outgoing, accessor_message(1, "too late"), 1));
	expect_accessor(1, "");
	assert_int_equal(message_receive(ends[1], &message), 1);
	expect_accessor(2, "twenty bytes of text");
	assert_int_equal(message_receive(ends[1], &message), 1);
	/* More than can be open at once are kept as they are. */
	for (uint32_t i = 0; i < OUTGOING_OPEN + 1; i++)
		assert_true(outgoing_message_open(&outgoing, accessor_message(i, ""), i, 20));
	assert_false(outgoing_replace(&outgoing, accessor_message(OUTGOING_OPEN, "no"), OUTGOING_OPEN));
	assert_true(outgoing_replace(&outgoing, accessor_message(0, "yes"), 0));
}

/* ---- nobody reads, then somebody does ---- */

struct tally {
	uint64_t told;
	uint64_t lost;
	int64_t last_us; /* nothing is told from before this */
	unsigned losses;
};

static void tally_take(struct tally *tally) {
	struct record_access access;
	struct record_guard_loss loss;
	while (message_receive(ends[1], &message) == 1) {
		if (message.type == MESSAGE_GUARD_LOSS) {
			assert_true(record_guard_loss_get(&message.reader, &loss));
			assert_int_equal(loss.why, GUARD_LOSS_MEMORY);
			/* One number an open, so the bounds are exact. */
			assert_int_equal(loss.from_us, tally->last_us + 1);
			assert_int_equal(loss.to_us - loss.from_us + 1, (int64_t)loss.lost);
			tally->last_us = loss.to_us;
			tally->lost += loss.lost;
			tally->losses++;
		}
		while (message.type == MESSAGE_ACCESSES && message_next_access(&message, &access)) {
			assert_int_equal(access.first_us, tally->last_us + 1);
			tally->last_us = access.last_us;
			tally->told += access.count;
		}
	}
}

static void each_is_told_or_counted(void **state) {
	(void)state;
	struct tally tally = {0};
	int64_t count = 0;
	for (int round = 0; round < 400; round++) {
		for (int64_t i = random_below(900); i > 0; i--) {
			count++;
			access_add((uint64_t)random_below(50) + 1, count, (size_t)random_below(200));
		}
		int error = outgoing_send(&outgoing, ends[0]);
		assert_true(error == 0 || error == -EAGAIN);
		if (random_below(3) == 0)
			tally_take(&tally);
	}
	while (outgoing_send(&outgoing, ends[0]) == -EAGAIN)
		tally_take(&tally);
	tally_take(&tally);
	assert_int_equal(outgoing_send(&outgoing, ends[0]), 0);
	tally_take(&tally);
	assert_int_equal(tally.told + tally.lost, count);
	assert_int_equal(tally.last_us, count);
	assert_true(tally.losses > 0);
	assert_true(tally.told > 0);
	assert_false(outgoing_has_loss(&outgoing));
}

/* The loss stands where it happened, and is told without anything new. */
static void loss_without_news(void **state) {
	(void)state;
	struct tally tally = {0};
	int64_t count = 0;
	while (!outgoing_has_loss(&outgoing)) {
		count++;
		access_add((uint64_t)count, count, 100);
	}
	count++;
	access_add(1, count, 100);
	while (outgoing_send(&outgoing, ends[0]) == -EAGAIN)
		tally_take(&tally);
	tally_take(&tally);
	assert_int_equal(tally.losses, 1);
	assert_int_equal(tally.lost, 2);
	assert_int_equal(tally.told + tally.lost, count);
}

int main(void) {
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(joined, setup, teardown),
	    cmocka_unit_test_setup_teardown(order_of_kinds, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_message_is_replaced_until_it_is_sent, setup, teardown),
	    cmocka_unit_test_setup_teardown(each_is_told_or_counted, setup, teardown),
	    cmocka_unit_test_setup_teardown(loss_without_news, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A channel on a loop: order, bounds, back-pressure, ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "ipc/channel.h"

struct user {
	struct channel *channel;
	unsigned messages;
	uint32_t last;
	unsigned ends;
	int error;
	unsigned free_at;  /* frees the channel at this message */
	unsigned pause_at; /* pauses it */
	bool free_at_end;
	bool in_order;
};

static struct event_base *base;
static struct message_writer out;
static struct message in;
static int peer;

static void on_message(struct channel *channel, struct message *message, void *context) {
	struct user *user = context;
	struct record_batch batch;
	if (message->type == MESSAGE_SETTINGS) {
		user->messages++;
		return;
	}
	assert_int_equal(message->type, MESSAGE_ERASE_STOP);
	assert_true(record_batch_get(&message->reader, &batch));
	user->in_order = user->in_order && batch.batch == user->messages;
	user->last = batch.batch;
	user->messages++;
	if (user->messages == user->free_at)
		user->channel = channel_free(channel);
	if (user->messages == user->pause_at)
		channel_pause(channel);
}

static void on_end(struct channel *channel, int error, void *context) {
	struct user *user = context;
	user->ends++;
	user->error = error;
	if (user->free_at_end)
		user->channel = channel_free(channel);
}

static const struct channel_handler handler = {.on_message = on_message, .on_end = on_end};

static void user_open(struct user *user) {
	int ends[2];
	assert_int_equal(message_pair(ends), 0);
	assert_int_equal(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
	*user = (struct user){.in_order = true};
	user->channel = channel_new(base, ends[0], &handler, user);
	assert_non_null(user->channel);
	peer = ends[1];
}

static void user_close(struct user *user) {
	user->channel = channel_free(user->channel);
	if (peer >= 0)
		(void)close(peer);
	peer = -1;
}

static void turn(void) {
	(void)event_base_loop(base, EVLOOP_NONBLOCK | EVLOOP_ONCE);
}

static void begin_batch(uint32_t number) {
	message_begin(&out, MESSAGE_ERASE_STOP);
	record_batch_put(&out.writer, &(struct record_batch){.batch = number});
}

static void peer_send(uint32_t number) {
	begin_batch(number);
	assert_int_equal(message_send(peer, &out, NULL, 0), 0);
}

/* A message of 60 KiB that carries its number. */
static void begin_large(uint16_t number) {
	static const char name[NAME_BYTES_MAX];
	message_begin(&out, MESSAGE_LISTING);
	record_folder_put(&out.writer, &(struct record_folder){.root = number});
	while (message_has_room(&out))
		message_add_entry(&out, &(struct record_entry){.name = {name, sizeof name}});
}

static void test_a_busy_peer_gets_its_turn_only(void **state) {
	(void)state;
	struct user user;
	user_open(&user);
	for (uint32_t i = 0; i < 40; i++)
		peer_send(i);
	turn();
	assert_int_equal(user.messages, CHANNEL_MESSAGES_PER_TURN);
	turn();
	turn();
	assert_int_equal(user.messages, 40);
	assert_true(user.in_order);
	user_close(&user);
}

static void test_a_paused_channel_reads_nothing(void **state) {
	(void)state;
	struct user user;
	user_open(&user);
	user.pause_at = 3;
	for (uint32_t i = 0; i < 10; i++)
		peer_send(i);
	turn();
	turn();
	assert_int_equal(user.messages, 3);
	(void)close(peer);
	peer = -1;
	turn();
	assert_int_equal(user.ends, 0);
	channel_resume(user.channel);
	turn();
	turn();
	assert_int_equal(user.messages, 10);
	assert_int_equal(user.ends, 1);
	user_close(&user);
}

static void test_what_is_not_read_waits_in_order(void **state) {
	(void)state;
	struct user user;
	user_open(&user);
	const uint16_t count = 60;
	for (uint16_t i = 0; i < count; i++) {
		begin_large(i);
		channel_send(user.channel, &out, NULL, 0);
	}
	assert_true(channel_queued(user.channel) > 0);
	uint16_t got = 0;
	for (int turns = 0; got < count && turns < 1000; turns++) {
		turn();
		while (message_receive(peer, &in) == 1) {
			struct record_folder folder;
			assert_true(record_folder_get(&in.reader, &folder));
			assert_int_equal(folder.root, got);
			got++;
		}
	}
	assert_int_equal(got, count);
	assert_int_equal(channel_queued(user.channel), 0);
	assert_int_equal(user.ends, 0);
	user_close(&user);
}

static void test_a_peer_that_never_reads_is_given_up(void **state) {
	(void)state;
	struct user user;
	user_open(&user);
	size_t most = 0;
	for (uint32_t i = 0; i < 100000 && channel_queued(user.channel) >= most; i++) {
		most = channel_queued(user.channel);
		begin_batch(i);
		channel_send(user.channel, &out, NULL, 0);
	}
	assert_int_equal(most, CHANNEL_QUEUE_MAX);
	/* Never from within the send. */
	assert_int_equal(user.ends, 0);
	channel_send(user.channel, &out, NULL, 0);
	turn();
	turn();
	assert_int_equal(user.ends, 1);
	assert_int_equal(user.error, -ENOBUFS);
	assert_int_equal(channel_queued(user.channel), 0);
	user_close(&user);
}

static void test_a_queue_of_large_messages_is_bounded_in_bytes(void **state) {
	(void)state;
	struct user user;
	user_open(&user);
	unsigned sent = 0;
	begin_large(1);
	for (; sent < 2000; sent++) {
		size_t before = channel_queued(user.channel);
		channel_send(user.channel, &out, NULL, 0);
		if (channel_queued(user.channel) < before)
			break;
	}
	assert_in_range(sent, 400, 700);
	turn();
	assert_int_equal(user.error, -ENOBUFS);
	user_close(&user);
}

static void test_queued_descriptors_are_copies(void **state) {
	(void)state;
	struct user user;
	user_open(&user);
	do {
		begin_large(0);
		channel_send(user.channel, &out, NULL, 0);
	} while (channel_queued(user.channel) == 0);
	int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
	message_begin(&out, MESSAGE_SETTINGS);
	channel_send(user.channel, &out, &file, 1);
	assert_int_equal(close(file), 0);
	int passed = -1;
	for (int turns = 0; passed < 0 && turns < 1000; turns++) {
		turn();
		while (message_receive(peer, &in) == 1)
			if (in.type == MESSAGE_SETTINGS)
				passed = message_take_descriptor(&in, 0);
	}
	assert_true(passed >= 0);
	char byte;
	assert_int_equal(read(passed, &byte, 1), 0);
	(void)close(passed);
	user_close(&user);
}

static void test_descriptors_not_taken_are_closed(void **state) {
	(void)state;
	struct user user;
	user_open(&user);
	int pipe_ends[2];
	assert_int_equal(pipe2(pipe_ends, O_CLOEXEC | O_NONBLOCK), 0);
	message_begin(&out, MESSAGE_SETTINGS);
	assert_int_equal(message_send(peer, &out, &pipe_ends[1], 1), 0);
	(void)close(pipe_ends[1]);
	turn();
	assert_int_equal(user.messages, 1);
	char byte;
	assert_int_equal(read(pipe_ends[0], &byte, 1), 0);
	(void)close(pipe_ends[0]);
	user_close(&user);
}

static void test_the_last_word_of_a_peer_is_heard(void **state) {
	(void)state;
	struct user user;
	user_open(&user);
	peer_send(0);
	(void)close(peer);
	peer = -1;
	/* Sending fails, but what the peer said before it went comes first, then the end. */
	begin_batch(0);
	channel_send(user.channel, &out, NULL, 0);
	turn();
	turn();
	assert_int_equal(user.messages, 1);
	assert_int_equal(user.ends, 1);
	assert_int_equal(user.error, 0);
	channel_send(user.channel, &out, NULL, 0);
	channel_resume(user.channel);
	turn();
	assert_int_equal(user.ends, 1);
	user_close(&user);
}

static void test_a_broken_protocol_ends_the_channel(void **state) {
	(void)state;
	struct user user;
	user_open(&user);
	peer_send(0);
	assert_int_equal(send(peer, "\xff\xff\0\0", 4, 0), 4);
	peer_send(1);
	turn();
	assert_int_equal(user.messages, 1);
	assert_int_equal(user.ends, 1);
	assert_int_equal(user.error, -EPROTO);
	turn();
	assert_int_equal(user.messages, 1);
	user_close(&user);
}

static void test_a_message_of_our_own_that_is_wrong_ends_it_too(void **state) {
	(void)state;
	struct user user;
	user_open(&user);
	message_begin(&out, MESSAGE_CHILD_RELEASED);
	record_child_put(&out.writer, &(struct record_child){.process = 99});
	channel_send(user.channel, &out, NULL, 0);
	assert_int_equal(user.ends, 0);
	turn();
	assert_int_equal(user.error, -EMSGSIZE);
	user_close(&user);
}

static void test_callbacks_may_free(void **state) {
	(void)state;
	struct user user;
	user_open(&user);
	user.free_at = 2;
	for (uint32_t i = 0; i < 5; i++)
		peer_send(i);
	turn();
	assert_int_equal(user.messages, 2);
	assert_null(user.channel);
	user_close(&user);

	user_open(&user);
	user.free_at_end = true;
	(void)close(peer);
	peer = -1;
	turn();
	assert_int_equal(user.ends, 1);
	assert_null(user.channel);
	user_close(&user);
}

int main(void) {
	base = event_base_new();
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_busy_peer_gets_its_turn_only),
	    cmocka_unit_test(test_a_paused_channel_reads_nothing),
	    cmocka_unit_test(test_what_is_not_read_waits_in_order),
	    cmocka_unit_test(test_a_peer_that_never_reads_is_given_up),
	    cmocka_unit_test(test_a_queue_of_large_messages_is_bounded_in_bytes),
	    cmocka_unit_test(test_queued_descriptors_are_copies),
	    cmocka_unit_test(test_descriptors_not_taken_are_closed),
	    cmocka_unit_test(test_the_last_word_of_a_peer_is_heard),
	    cmocka_unit_test(test_a_broken_protocol_ends_the_channel),
	    cmocka_unit_test(test_a_message_of_our_own_that_is_wrong_ends_it_too),
	    cmocka_unit_test(test_callbacks_may_free),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	event_base_free(base);
	return failed;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a child of the supervisor starts and goes on: its channel is descriptor 3. */
#include "ipc/child.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/descriptor.h"

static struct message in;
static struct message_writer out;
static int supervisor = -1;

static int set_up(void **state) {
	(void)state;
	int ends[2];
	if (message_pair(ends) != 0)
		return -1;
	/* Our end must not be the one that is put in the place of descriptor 3. */
	supervisor = dup(ends[0]);
	int child = dup(ends[1]);
	(void)close(ends[0]);
	(void)close(ends[1]);
	if (supervisor == CHILD_CHANNEL) {
		supervisor = dup(supervisor);
		(void)close(CHILD_CHANNEL);
	}
	if (child == CHILD_CHANNEL)
		return 0;
	int result = dup2(child, CHILD_CHANNEL) == CHILD_CHANNEL ? 0 : -1;
	(void)close(child);
	return result;
}

static int tear_down(void **state) {
	(void)state;
	descriptor_close(&supervisor);
	(void)close(CHILD_CHANNEL);
	return 0;
}

static void send_start(uint16_t version) {
	message_begin(&out, MESSAGE_START);
	record_start_put(
	    &out.writer, &(struct record_start){.version = version, .drop = 1, .user = 1234, .group = 1235, .verbose = 1});
	message_add_root(&out, &(struct record_root){.root = 7});
	assert_int_equal(message_send(supervisor, &out, &supervisor, 1), 0);
}

static void send_probe(uint32_t request) {
	message_begin(&out, MESSAGE_PROBE);
	record_probe_put(&out.writer, &(struct record_probe){.request = request});
	assert_int_equal(message_send(supervisor, &out, &supervisor, 1), 0);
}

static void start_is_taken(void **state) {
	(void)state;
	struct record_start start;
	send_start(MESSAGE_VERSION);
	assert_int_equal(child_start(PROCESS_PROBER, -1, &in, &start), 1);
	assert_int_equal(in.descriptor_count, 1);
	message_close_descriptors(&in);
	struct record_root root;
	assert_true(message_next_root(&in, &root));
	assert_int_equal(root.root, 7);
	struct sandbox_request request = child_sandbox(PROCESS_PROBER, &start);
	assert_int_equal(request.process, PROCESS_PROBER);
	assert_true(request.drop);
	assert_int_equal(request.user, 1234);
	assert_int_equal(request.group, 1235);
	assert_int_equal(request.path_count, 0);
}

static void nothing_else_is(void **state) {
	(void)state;
	struct record_start start;
	assert_int_equal(child_start(PROCESS_PROBER, 1, &in, &start), 0);
	send_start(MESSAGE_VERSION + 1);
	assert_int_equal(child_start(PROCESS_PROBER, -1, &in, &start), -EPROTO);
	assert_int_equal(in.descriptor_count, 0);
	send_probe(1);
	assert_int_equal(child_start(PROCESS_PROBER, -1, &in, &start), -EPROTO);
	assert_int_equal(in.descriptor_count, 0);
	descriptor_close(&supervisor);
	assert_int_equal(child_start(PROCESS_PROBER, -1, &in, &start), 0);
}

struct answers {
	uint32_t count;
	uint32_t fails_at;
	int error;
};

static int answer(struct message *message, void *context) {
	struct answers *answers = context;
	struct record_probe request;
	message_close_descriptors(message);
	assert_true(record_probe_get(&message->reader, &request));
	assert_int_equal(request.request, ++answers->count);
	return answers->count == answers->fails_at ? answers->error : 0;
}

static void serves_until_idle_or_an_end(void **state) {
	(void)state;
	struct answers answers = {0};
	send_probe(1);
	send_probe(2);
	assert_int_equal(child_serve(1, &in, answer, &answers), 0);
	assert_int_equal(answers.count, 2);
	answers = (struct answers){.fails_at = 1, .error = -EPROTO};
	send_probe(1);
	assert_int_equal(child_serve(-1, &in, answer, &answers), -EPROTO);
	answers = (struct answers){.fails_at = 1, .error = -EPIPE};
	send_probe(1);
	assert_int_equal(child_serve(-1, &in, answer, &answers), 0);
	descriptor_close(&supervisor);
	assert_int_equal(child_serve(-1, &in, answer, &answers), 0);
}

int main(void) {
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(start_is_taken, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(nothing_else_is, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(serves_until_idle_or_an_end, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control protocol's lines and calls: what is taken, what is refused and with which code. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/keeper/control.h"
#include "daemon/keeper/protocol.h"

static struct line_buffer buffer;

static void add(const char *bytes, size_t length) {
	size_t room;
	char *space = line_buffer_space(&buffer, &room);
	assert_true(length <= room);
	memcpy(space, bytes, length);
	line_buffer_added(&buffer, length);
}

static void lines_come_in_pieces(void **state) {
	struct text line;
	(void)state;
	memset(&buffer, 0, sizeof(buffer));
	add("{\"a\"", 4);
	assert_int_equal(line_buffer_next(&buffer, &line), 0);
	add(":1}\nsecond\nthi", 14);
	assert_int_equal(line_buffer_next(&buffer, &line), 1);
	assert_memory_equal(line.data, "{\"a\":1}", line.length);
	assert_int_equal(line.length, 7);
	assert_int_equal(line_buffer_next(&buffer, &line), 1);
	assert_int_equal(line.length, 6);
	assert_int_equal(line_buffer_next(&buffer, &line), 0);
	add("rd\n", 3);
	assert_int_equal(line_buffer_next(&buffer, &line), 1);
	assert_memory_equal(line.data, "third", 5);
}

static void a_line_has_a_limit(void **state) {
	static char much[PROTOCOL_LINE_BYTES_MAX];
	struct text line;
	size_t room;
	(void)state;
	memset(much, 'x', sizeof(much));
	memset(&buffer, 0, sizeof(buffer));
	add(much, sizeof(much) - 1);
	assert_int_equal(line_buffer_next(&buffer, &line), 0);
	add("\n", 1);
	assert_int_equal(line_buffer_next(&buffer, &line), 1);
	assert_int_equal(line.length, PROTOCOL_LINE_BYTES_MAX - 1);
	assert_non_null(line_buffer_space(&buffer, &room));
	add(much, sizeof(much));
	assert_true(line_buffer_next(&buffer, &line) < 0);
}

static int parse(const char *text, struct protocol_call *call) {
	const char *problem = NULL;
	int code = protocol_parse(text_of(text), call, &problem);
	if (code != 0)
		assert_non_null(problem);
	return code;
}

static void calls_are_read(void **state) {
	struct protocol_call call;
	(void)state;
	assert_int_equal(
	    parse("{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"hold.list\",\"params\":{\"owed\":true}}", &call), 0);
	assert_string_equal(call.method, "hold.list");
	assert_true(json_is_true(json_object_get(call.params, "owed")));
	assert_int_equal(json_integer_value(call.id), 7);
	protocol_call_release(&call);
	assert_int_equal(parse("{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"status\"}", &call), 0);
	assert_int_equal(json_object_size(call.params), 0);
	protocol_call_release(&call);
}

static void wrong_calls_are_refused(void **state) {
	static const struct {
		const char *text;
		int code;
	} ROWS[] = {
	    {"", CONTROL_PARSE},
	    {"nonsense", CONTROL_PARSE},
	    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"method\":\"status\"}", CONTROL_PARSE},
	    {"[]", CONTROL_INVALID},
	    {"{}", CONTROL_INVALID},
	    {"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"status\"}", CONTROL_INVALID},
	    {"{\"jsonrpc\":\"2.0\",\"method\":\"status\"}", CONTROL_INVALID},
	    {"{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"status\"}", CONTROL_INVALID},
	    {"{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"status\"}", CONTROL_INVALID},
	    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":3}", CONTROL_INVALID},
	    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"sta\\u0000tus\"}", CONTROL_PARSE},
	    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":"
	     "\"0123456789012345678901234567890123456789012345678901234567890123\"}",
	        CONTROL_INVALID},
	    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\",\"params\":[1]}", CONTROL_PARAMS},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
		struct protocol_call call;
		assert_int_equal(parse(ROWS[i].text, &call), ROWS[i].code);
		protocol_call_release(&call);
	}
}

static void answers_are_lines(void **state) {
	(void)state;
	json_t *id = json_integer(3), *result = json_pack("{s:s}", "text", "two\nlines");
	char *line = protocol_result(id, result);
	assert_string_equal(line, "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{\"text\":\"two\\nlines\"}}\n");
	free(line);
	line = protocol_error(NULL, CONTROL_DENIED, "role", "no");
	assert_string_equal(line, "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32001,\"message\":\"no\",\"data\":"
	                          "{\"reason\":\"role\"}}}\n");
	free(line);
	line = protocol_error(id, CONTROL_PARAMS, "camera", "no camera '\xff'");
	assert_non_null(line);
	assert_non_null(strstr(line, "-32602"));
	free(line);
	line = protocol_event("log.entry", "{\"a\":1}", 7);
	assert_string_equal(
	    line, "{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{\"event\":\"log.entry\",\"data\":{\"a\":1}}}\n");
	free(line);
	json_decref(id);
	json_decref(result);
}

int main(void) {
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lines_come_in_pieces),
	    cmocka_unit_test(a_line_has_a_limit),
	    cmocka_unit_test(calls_are_read),
	    cmocka_unit_test(wrong_calls_are_refused),
	    cmocka_unit_test(answers_are_lines),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

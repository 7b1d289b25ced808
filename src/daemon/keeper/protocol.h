/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control protocol as pure functions: bytes to lines, lines to JSON-RPC 2.0 calls, answers to
 * lines. No I/O and no keeper, so that the fuzzer calls exactly what the daemon calls.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "base/attributes.h"
#include "base/bytes.h"

enum {
	PROTOCOL_LINE_BYTES_MAX = 65536, /* with its newline */
	PROTOCOL_METHOD_BYTES = 64,
	PROTOCOL_ID_BYTES_MAX = 128,
};

/* What came from a client and is not used up yet. */
struct line_buffer {
	char bytes[PROTOCOL_LINE_BYTES_MAX];
	size_t used;  /* bytes that are in it */
	size_t start; /* where the next line begins */
};

/* Where to read to, and how much fits. Lines given out before are void after it. */
char *line_buffer_space(struct line_buffer *buffer, size_t *ret_room);
void line_buffer_added(struct line_buffer *buffer, size_t length);
/* 1 and the next line without its newline (valid until line_buffer_space()), 0 for none yet, -EMSGSIZE for one that is
 * too long. */
MUST_USE int line_buffer_next(struct line_buffer *buffer, struct text *ret_line);

/* One call. */
struct protocol_call {
	char method[PROTOCOL_METHOD_BYTES];
	json_t *params; /* an object; owned; never NULL after success */
	json_t *id;     /* a string or an integer; owned; may be set after a failure, to answer with */
};

/* 0, or an enum control_error and what is wrong in `ret_problem`. Release the call after either. */
MUST_USE int protocol_parse(struct text line, struct protocol_call *ret_call, const char **ret_problem);
void protocol_call_release(struct protocol_call *call);

/* Lines with their newline; the caller frees them. NULL when memory is short. `id` NULL is null. The data of an event
 * is JSON text. */
MUST_USE char *protocol_result(const json_t *id, const json_t *result);
MUST_USE char *protocol_error(const json_t *id, int code, const char *reason, const char *message);
MUST_USE char *protocol_event(const char *event, const char *data, size_t length);

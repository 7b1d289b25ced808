/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON-RPC 2.0, one object a line: parsing and writing. */
#include "protocol.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control.h"

char *line_buffer_space(struct line_buffer *buffer, size_t *ret_room) {
	if (buffer->start > 0) {
		memmove(buffer->bytes, buffer->bytes + buffer->start, buffer->used - buffer->start);
		buffer->used -= buffer->start;
		buffer->start = 0;
	}
	*ret_room = sizeof(buffer->bytes) - buffer->used;
	return buffer->bytes + buffer->used;
}

void line_buffer_added(struct line_buffer *buffer, size_t length) {
	buffer->used += length;
}

int line_buffer_next(struct line_buffer *buffer, struct text *ret_line) {
	size_t left = buffer->used - buffer->start;
	const char *begin = buffer->bytes + buffer->start;
	const char *end = left > 0 ? memchr(begin, '\n', left) : NULL;
	if (!end)
		return left == sizeof(buffer->bytes) ? -EMSGSIZE : 0;
	*ret_line = (struct text){.data = begin, .length = (size_t)(end - begin)};
	buffer->start += ret_line->length + 1;
	return 1;
}

static bool id_is_valid(const json_t *id) {
	return json_is_integer(id) || (json_is_string(id) && json_string_length(id) <= PROTOCOL_ID_BYTES_MAX);
}

static int call_read(json_t *object, struct protocol_call *ret_call, const char **ret_problem) {
	json_t *id = json_object_get(object, "id");
	if (id && !id_is_valid(id)) {
		*ret_problem = "'id' must be an integer or a string of at most 128 bytes";
		return CONTROL_INVALID;
	}
	ret_call->id = json_incref(id);
	const char *version = json_string_value(json_object_get(object, "jsonrpc"));
	if (!version || strcmp(version, "2.0") != 0) {
		*ret_problem = "'jsonrpc' must be \"2.0\"";
		return CONTROL_INVALID;
	}
	if (!id) {
		*ret_problem = "'id' is missing: each request is answered";
		return CONTROL_INVALID;
	}
	json_t *method = json_object_get(object, "method");
	if (!json_is_string(method) ||
	    !text_copy(ret_call->method, sizeof(ret_call->method),
	        (struct text){.data = json_string_value(method), .length = json_string_length(method)})) {
		*ret_problem = "'method' must be a name of at most 63 bytes";
		return CONTROL_INVALID;
	}
	json_t *params = json_object_get(object, "params");
	if (params && !json_is_object(params)) {
		*ret_problem = "'params' must be an object";
		return CONTROL_PARAMS;
	}
	ret_call->params = params ? json_incref(params) : json_object();
	if (!ret_call->params) {
		*ret_problem = "out of memory";
		return CONTROL_INTERNAL;
	}
	return 0;
}

int protocol_parse(struct text line, struct protocol_call *ret_call, const char **ret_problem) {
	memset(ret_call, 0, sizeof(*ret_call));
	json_error_t error;
	json_t *object = json_loadb(line.data, line.length, JSON_REJECT_DUPLICATES, &error);
	if (!object) {
		*ret_problem = "not a JSON object on one line";
		return CONTROL_PARSE;
	}
	int result = CONTROL_INVALID;
	if (json_is_object(object))
		result = call_read(object, ret_call, ret_problem);
	else
		*ret_problem = "a request is one JSON object; batches are not taken";
	json_decref(object);
	return result;
}

void protocol_call_release(struct protocol_call *call) {
	json_decref(call->params);
	json_decref(call->id);
	memset(call, 0, sizeof(*call));
}

/* Dumps and ends with a newline; takes the object over. */
static char *line_of(json_t *object) {
	if (!object)
		return NULL;
	char *text = json_dumps(object, JSON_COMPACT);
	json_decref(object);
	if (!text)
		return NULL;
	size_t length = strlen(text);
	char *line = realloc(text, length + 2);
	if (!line) {
		free(text);
		return NULL;
	}
	line[length] = '\n';
	line[length + 1] = '\0';
	return line;
}

char *protocol_result(const json_t *id, const json_t *result) {
	return line_of(json_pack("{s:s, s:O?, s:O}", "jsonrpc", "2.0", "id", id, "result", result));
}

char *protocol_error(const json_t *id, int code, const char *reason, const char *message) {
	json_t *data = json_pack("{s:s}", "reason", reason);
	json_t *text = json_string(message);
	if (!text) /* never for our own texts, but a message may quote bytes of others */
		text = json_string("refused; the reason holds bytes that are not UTF-8");
	json_t *id_or_null = id ? json_deep_copy(id) : json_null();
	return line_of(json_pack("{s:s, s:o, s:{s:i, s:o, s:o}}", "jsonrpc", "2.0", "id", id_or_null, "error", "code", code,
	    "message", text, "data", data));
}

char *protocol_event(const char *event, const char *data, size_t length) {
	char *line = NULL;
	if (length > 4 * PROTOCOL_LINE_BYTES_MAX)
		return NULL;
	int written =
	    asprintf(&line, "{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{\"event\":\"%s\",\"data\":%.*s}}\n",
	        event, (int)length, data);
	return written < 0 ? NULL : line;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a client may send: bytes become lines and lines become calls, in whatever pieces they arrive. The
 * first byte is the size of the pieces. What is refused has a code and a reason; what is taken has a method and an
 * object.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/keeper/control.h"
#include "daemon/keeper/protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds) {
	if (!holds)
		abort();
}

static void try_line(struct text line) {
	struct protocol_call call;
	const char *problem = NULL;
	require(
	    line.length < PROTOCOL_LINE_BYTES_MAX && (line.length == 0 || memchr(line.data, '\n', line.length) == NULL));
	int code = protocol_parse(line, &call, &problem);
	require(code == 0 ? json_is_object(call.params) && call.id != NULL : problem != NULL && code < 0);
	char *answer =
	    code == 0 ? protocol_result(call.id, call.params) : protocol_error(call.id, code, "malformed", problem);
	require(answer != NULL && strchr(answer, '\n') == answer + strlen(answer) - 1);
	free(answer);
	protocol_call_release(&call);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct line_buffer *buffer = calloc(1, sizeof(*buffer));
	size_t piece = size > 0 ? data[0] + 1u : 1;
	require(buffer != NULL);
	int found = 0;
	for (size_t done = 1; done < size && found >= 0;) {
		size_t room;
		char *space = line_buffer_space(buffer, &room);
		size_t length = size - done < piece ? size - done : piece;
		length = length < room ? length : room;
		memcpy(space, data + done, length);
		line_buffer_added(buffer, length);
		done += length;
		struct text line;
		while ((found = line_buffer_next(buffer, &line)) > 0)
			try_line(line);
	}
	free(buffer);
	return 0;
}

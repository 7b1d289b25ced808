/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Signatures of witnesses, added to the checkpoint that they signed. The next publish writes a new
 * checkpoint without them; the last one that has any stays in log/checkpoint.witnessed.
 */
#include <errno.h>
#include <string.h>

#include "audit/cosignature.h"
#include "audit/writer_state.h"
#include "base/bytes.h"

static struct text line_take(struct text *rest) {
	const char *end = rest->length == 0 ? NULL : memchr(rest->data, '\n', rest->length);
	struct text line = {rest->data, end == NULL ? rest->length : (size_t)(end - rest->data) + 1};
	*rest = (struct text){rest->data + line.length, rest->length - line.length};
	return line;
}

/* Up to the base64 of the key's id: its first five digits hold 30 of the 32 bits, and name and id tell keys apart. */
static size_t signer_length(struct text line) {
	enum { DIGITS = 5, DASH = 4 };
	const char *space = line.length <= DASH ? NULL : memchr(line.data + DASH, ' ', line.length - DASH);
	size_t length = space == NULL ? line.length : (size_t)(space - line.data) + 1 + DIGITS;
	return length < line.length ? length : line.length;
}

/* Whether one of `lines` is by the same key as `line`. */
static bool is_replaced(struct text line, struct text lines) {
	size_t length = signer_length(line);
	while (lines.length > 0) {
		struct text each = line_take(&lines);
		if (each.length >= length && memcmp(each.data, line.data, length) == 0)
			return true;
	}
	return false;
}

/* The note with `lines` at its end, each instead of an older one by the same key. 0 or -EMSGSIZE. */
static int merge(const char *note, struct text lines, char *merged, size_t room, size_t *ret_length) {
	struct byte_writer out;
	struct text rest = text_of(note);
	bool in_signatures = false;
	byte_writer_init(&out, merged, room - 1);
	while (rest.length > 0) {
		struct text line = line_take(&rest);
		if (!in_signatures || !is_replaced(line, lines))
			byte_put_raw(&out, line.data, line.length);
		in_signatures = in_signatures || line.length == 1;
	}
	byte_put_raw(&out, lines.data, lines.length);
	if (out.failed)
		return -EMSGSIZE;
	merged[out.used] = '\0';
	*ret_length = out.used;
	return 0;
}

int audit_writer_keep_witnessed(struct audit_writer *writer, const char *note, size_t length) {
	int error = store_put(&writer->store, "log/checkpoint.witnessed", note, length, 0644);
	return error < 0 ? error : store_sync(&writer->store);
}

int audit_writer_countersign(struct audit_writer *writer, uint64_t size, const char *lines) {
	struct checkpoint_body body;
	char note[CHECKPOINT_BYTES];
	size_t length = 0;
	struct text added = text_of(lines);
	if (!checkpoint_parse(writer->checkpoint, strlen(writer->checkpoint), &body) || body.size != size)
		return -ESTALE;
	if (added.length == 0 || added.data[added.length - 1] != '\n')
		return -EINVAL;
	int error = merge(writer->checkpoint, added, note, sizeof note, &length);
	if (error == 0 && !checkpoint_parse(note, length, &body))
		error = -EINVAL;
	if (error == 0)
		error = store_put(&writer->store, "log/checkpoint", note, length, 0644);
	if (error == 0)
		error = audit_writer_keep_witnessed(writer, note, length);
	if (error == 0)
		memcpy(writer->checkpoint, note, length + 1);
	return error;
}

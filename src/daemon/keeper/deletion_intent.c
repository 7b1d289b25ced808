/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A batch and the bytes of its intent. Small, because they are written once for every segment of its
 * life (about 40 bytes): version; number of segments and files; for each segment its camera, start,
 * end, due time, rule, then its files. Integers are LEB128 (signed ones zigzag), most as the
 * difference from the one before; a text that equals the last of its kind is stored as a zero length.
 */
#include "deletion_batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

enum { INTENT_VERSION = 1, FILES_MAX = 65535 };

const char *batch_rule_name(uint8_t rule) {
	return rule == RULE_LEGAL_MAXIMUM ? "legal maximum" : "retention";
}

struct batch *batch_new(const char *root, size_t segments) {
	struct batch *batch = calloc(1, sizeof *batch);
	if (batch == NULL)
		return NULL;
	batch->segments = calloc(segments + 1, sizeof *batch->segments);
	if (batch->segments == NULL || !text_copy(batch->root, sizeof batch->root, text_of(root)))
		return batch_free(batch);
	return batch;
}

struct batch *batch_free(struct batch *batch) {
	if (batch != NULL) {
		free(batch->pool);
		free(batch->segments);
		free(batch->files);
		free(batch->table);
		free(batch);
	}
	return NULL;
}

uint32_t batch_text(struct batch *batch, struct text text, uint32_t last) {
	if (last != UINT32_MAX && text_equal(text_of(batch->pool + last), text))
		return last;
	if (batch->pool_used + text.length + 1 > batch->pool_room) {
		size_t room = batch->pool_room * 2 + text.length + 4096;
		char *pool = room >= UINT32_MAX ? NULL : realloc(batch->pool, room);
		if (pool == NULL)
			return UINT32_MAX;
		batch->pool = pool;
		batch->pool_room = room;
	}
	uint32_t offset = (uint32_t)batch->pool_used;
	if (text.length > 0)
		memcpy(batch->pool + offset, text.data, text.length);
	batch->pool[offset + text.length] = '\0';
	batch->pool_used += text.length + 1;
	return offset;
}

int batch_add_file(struct batch *batch, uint32_t folder, uint32_t name, const struct file_identity *file) {
	if (folder == UINT32_MAX || name == UINT32_MAX)
		return -ENOMEM;
	if (batch->file_count >= FILES_MAX)
		return -EOVERFLOW;
	if (!array_room(&batch->files, &batch->file_room, batch->file_count, sizeof *batch->files))
		return -ENOMEM;
	batch->files[batch->file_count++] = (struct batch_file){.folder = folder, .name = name, .file = *file};
	return 0;
}

static size_t hash_of(struct text folder, struct text name) {
	uint64_t hash = UINT64_C(1469598103934665603);
	for (size_t i = 0; i < folder.length; i++)
		hash = (hash ^ (uint8_t)folder.data[i]) * UINT64_C(1099511628211);
	hash = (hash ^ '/') * UINT64_C(1099511628211);
	for (size_t i = 0; i < name.length; i++)
		hash = (hash ^ (uint8_t)name.data[i]) * UINT64_C(1099511628211);
	return (size_t)(hash ^ (hash >> 32));
}

int batch_make_table(struct batch *batch) {
	size_t room = 16;
	while (room < 2 * batch->file_count)
		room *= 2;
	batch->table = calloc(room, sizeof *batch->table);
	if (batch->table == NULL)
		return -ENOMEM;
	batch->table_mask = room - 1;
	for (size_t i = 0; i < batch->file_count; i++) {
		const struct batch_file *file = &batch->files[i];
		size_t slot =
		    hash_of(text_of(batch->pool + file->folder), text_of(batch->pool + file->name)) & batch->table_mask;
		while (batch->table[slot] != 0)
			slot = (slot + 1) & batch->table_mask;
		batch->table[slot] = (uint32_t)i + 1;
	}
	return 0;
}

struct batch_file *batch_find(struct batch *batch, struct text folder, struct text name) {
	if (batch->table == NULL)
		return NULL;
	size_t slot = hash_of(folder, name) & batch->table_mask;
	while (batch->table[slot] != 0) {
		struct batch_file *file = &batch->files[batch->table[slot] - 1];
		if (text_equal(text_of(batch->pool + file->name), name) &&
		    text_equal(text_of(batch->pool + file->folder), folder))
			return file;
		slot = (slot + 1) & batch->table_mask;
	}
	return NULL;
}

struct batch_file *batch_main_file(struct batch *batch, const struct batch_segment *segment) {
	return &batch->files[segment->first_file + segment->file_count - 1];
}

/* ---- bytes ---- */

struct growing {
	uint8_t *bytes;
	size_t used, room;
	bool failed;
};

static void put_raw(struct growing *out, const void *bytes, size_t length) {
	if (out->used + length > out->room) {
		size_t room = out->room * 2 + length + 1024;
		uint8_t *grown = realloc(out->bytes, room);
		if (grown == NULL) {
			out->failed = true;
			return;
		}
		out->bytes = grown;
		out->room = room;
	}
	if (length > 0)
		memcpy(out->bytes + out->used, bytes, length);
	out->used += length;
}

static void put_unsigned(struct growing *out, uint64_t value) {
	uint8_t bytes[10];
	size_t length = 0;
	do {
		bytes[length] = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
		value >>= 7;
		length++;
	} while (value != 0);
	put_raw(out, bytes, length);
}

static void put_signed(struct growing *out, int64_t value) {
	put_unsigned(out, ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0));
}

/* Length + 1, or 0 for "as the last one". */
static void put_text(struct growing *out, const struct batch *batch, uint32_t text, uint32_t *last) {
	if (text == *last) {
		put_unsigned(out, 0);
		return;
	}
	*last = text;
	size_t length = strlen(batch->pool + text);
	put_unsigned(out, length + 1);
	put_raw(out, batch->pool + text, length);
}

/* The values that the next one is told from. */
struct previous {
	uint32_t camera, folder, name;
	int64_t start_us, due_us, inode;
};

static const struct previous nothing_before = {.camera = UINT32_MAX, .folder = UINT32_MAX, .name = UINT32_MAX};

static int64_t difference(int64_t value, int64_t from) {
	return (int64_t)((uint64_t)value - (uint64_t)from);
}

static int64_t sum(int64_t from, int64_t step) {
	return (int64_t)((uint64_t)from + (uint64_t)step);
}

int batch_encode(const struct batch *batch, uint8_t **ret_bytes, size_t *ret_length) {
	struct growing out = {0};
	struct previous last = nothing_before;
	put_unsigned(&out, INTENT_VERSION);
	put_unsigned(&out, batch->segment_count);
	for (size_t i = 0; i < batch->segment_count; i++) {
		const struct batch_segment *segment = &batch->segments[i];
		put_text(&out, batch, segment->camera, &last.camera);
		put_signed(&out, difference(segment->key.start_us, last.start_us));
		put_unsigned(&out, segment->key.ordinal);
		put_signed(&out, difference(segment->end_us, segment->key.start_us));
		put_signed(&out, difference(difference(segment->due_us, segment->key.start_us), last.due_us));
		put_unsigned(&out, (uint64_t)segment->rule * 2 + (segment->by_path ? 1 : 0));
		put_unsigned(&out, segment->bytes);
		put_unsigned(&out, segment->file_count);
		last.start_us = segment->key.start_us;
		last.due_us = difference(segment->due_us, segment->key.start_us);
		for (size_t j = 0; j < segment->file_count; j++) {
			const struct batch_file *file = &batch->files[segment->first_file + j];
			put_text(&out, batch, file->folder, &last.folder);
			put_text(&out, batch, file->name, &last.name);
			put_signed(&out, difference((int64_t)file->file.inode, last.inode));
			put_unsigned(&out, file->file.bytes);
			put_signed(&out, difference(file->file.mtime_ns, segment->key.start_us * 1000));
			put_signed(&out, file->file.birth_ns == 0 ? 0 : difference(file->file.birth_ns, file->file.mtime_ns));
			put_unsigned(&out, file->file.birth_ns == 0 ? 0 : 1);
			last.inode = (int64_t)file->file.inode;
		}
	}
	if (out.failed) {
		free(out.bytes);
		return -ENOMEM;
	}
	*ret_bytes = out.bytes;
	*ret_length = out.used;
	return 0;
}

static uint64_t get_unsigned(struct byte_reader *reader) {
	uint64_t value = 0;
	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t byte = byte_get_u8(reader);
		value |= (uint64_t)(byte & 0x7f) << shift;
		if ((byte & 0x80) == 0)
			return value;
	}
	reader->failed = true;
	return 0;
}

static int64_t get_signed(struct byte_reader *reader) {
	uint64_t value = get_unsigned(reader);
	return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

static uint32_t get_text(struct byte_reader *reader, struct batch *batch, uint32_t *last) {
	uint64_t length = get_unsigned(reader);
	if (length == 0) {
		reader->failed = reader->failed || *last == UINT32_MAX;
		return *last;
	}
	if (length - 1 > PATH_BYTES_MAX || length - 1 > reader->left) {
		reader->failed = true;
		return UINT32_MAX;
	}
	char bytes[PATH_BYTES_MAX];
	byte_get_raw(reader, bytes, (size_t)length - 1);
	*last = batch_text(batch, (struct text){bytes, (size_t)length - 1}, UINT32_MAX);
	reader->failed = reader->failed || *last == UINT32_MAX;
	return *last;
}

static int get_file(
    struct byte_reader *reader, struct batch *batch, const struct batch_segment *segment, struct previous *last) {
	uint32_t folder = get_text(reader, batch, &last->folder);
	uint32_t name = get_text(reader, batch, &last->name);
	struct file_identity file = {0};
	last->inode = sum(last->inode, get_signed(reader));
	file.inode = (uint64_t)last->inode;
	file.bytes = get_unsigned(reader);
	file.mtime_ns = sum((int64_t)((uint64_t)segment->key.start_us * 1000), get_signed(reader));
	int64_t birth = get_signed(reader);
	if (get_unsigned(reader) != 0)
		file.birth_ns = sum(file.mtime_ns, birth);
	return reader->failed ? -EBADMSG : batch_add_file(batch, folder, name, &file);
}

static int get_segment(
    struct byte_reader *reader, struct batch *batch, struct batch_segment *segment, struct previous *last) {
	segment->camera = get_text(reader, batch, &last->camera);
	segment->key.start_us = sum(last->start_us, get_signed(reader));
	segment->key.ordinal = (uint32_t)get_unsigned(reader);
	segment->end_us = sum(segment->key.start_us, get_signed(reader));
	last->due_us = sum(last->due_us, get_signed(reader));
	segment->due_us = sum(segment->key.start_us, last->due_us);
	uint64_t rule = get_unsigned(reader);
	segment->rule = (uint8_t)(rule / 2 == RULE_LEGAL_MAXIMUM ? RULE_LEGAL_MAXIMUM : RULE_RETENTION);
	segment->by_path = (rule & 1) != 0;
	segment->bytes = get_unsigned(reader);
	uint64_t files = get_unsigned(reader);
	last->start_us = segment->key.start_us;
	segment->first_file = (uint32_t)batch->file_count;
	if (reader->failed || files == 0 || files > FILES_MAX)
		return -EBADMSG;
	for (uint64_t i = 0; i < files; i++) {
		int error = get_file(reader, batch, segment, last);
		if (error != 0)
			return error;
		segment->file_count++;
	}
	return 0;
}

int batch_decode(const char *root, const void *bytes, size_t length, struct batch **ret_batch) {
	struct byte_reader reader;
	byte_reader_init(&reader, bytes, length);
	struct previous last = nothing_before;
	uint64_t version = get_unsigned(&reader);
	uint64_t count = get_unsigned(&reader);
	if (reader.failed || version != INTENT_VERSION || count > DELETION_SEGMENTS_MAX)
		return -EBADMSG;
	struct batch *batch = batch_new(root, (size_t)count);
	if (batch == NULL)
		return -ENOMEM;
	int error = 0;
	while (error == 0 && batch->segment_count < count) {
		error = get_segment(&reader, batch, &batch->segments[batch->segment_count], &last);
		if (error == 0)
			batch->segment_count++;
	}
	if (error == 0 && !byte_reader_done(&reader))
		error = -EBADMSG;
	if (error == 0)
		error = batch_make_table(batch);
	if (error != 0) {
		(void)batch_free(batch);
		return error;
	}
	*ret_batch = batch;
	return 0;
}

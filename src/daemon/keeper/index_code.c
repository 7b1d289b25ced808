/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a segment becomes a row: the key, the flags, the packed facts, and names that need not be stored. */
#include "index_private.h"

#include <errno.h>
#include <string.h>

#include "base/zone.h"

bool segment_key_equal(const struct segment_key *a, const struct segment_key *b) {
	return a->camera == b->camera && a->start_us == b->start_us && a->ordinal == b->ordinal;
}

void key_pack(int64_t start_us, uint32_t ordinal, int64_t *ret_start, int64_t *ret_place) {
	int64_t start = start_us / 1000;
	int64_t rest = start_us % 1000;
	if (rest < 0) {
		rest += 1000;
		start--;
	}
	*ret_start = start;
	*ret_place = rest << ORDINAL_BITS | ordinal;
}

int64_t key_start_us(int64_t start, int64_t place) {
	return start * 1000 + (place >> ORDINAL_BITS);
}

int64_t flags_pack(const struct segment_row *row) {
	return (row->probed ? FLAG_PROBED : 0) | (int64_t)((unsigned)row->state ^ SEGMENT_SEALED) << FLAG_STATE_SHIFT |
	       (int64_t)row->kind << FLAG_KIND_SHIFT | (int64_t)row->source << FLAG_SOURCE_SHIFT |
	       (row->time_suspect ? FLAG_SUSPECT : 0) | (row->fold ? FLAG_FOLD : 0) |
	       (row->fold_unsettled ? FLAG_UNSETTLED : 0) | (row->grouped ? FLAG_GROUPED : 0) |
	       (row->delete_errno != 0 ? FLAG_FAILED : 0) | (int64_t)row->pattern << FLAG_PATTERN_SHIFT;
}

static void flags_unpack(int64_t flags, struct segment_row *row) {
	row->probed = (flags & FLAG_PROBED) != 0;
	row->state = (enum segment_state)(((unsigned)(flags >> FLAG_STATE_SHIFT) & 7u) ^ SEGMENT_SEALED);
	row->kind = (enum segment_kind)(flags >> FLAG_KIND_SHIFT & 3);
	row->source = (enum start_source)(flags >> FLAG_SOURCE_SHIFT & 3);
	row->time_suspect = (flags & FLAG_SUSPECT) != 0;
	row->fold = (flags & FLAG_FOLD) != 0;
	row->fold_unsettled = (flags & FLAG_UNSETTLED) != 0;
	row->grouped = (flags & FLAG_GROUPED) != 0;
	row->pattern = (uint8_t)(flags >> FLAG_PATTERN_SHIFT);
}

/*
 * facts: a byte that says which parts follow, then numbers of 7 bits a byte, least first:
 *   inode, bytes, mtime less start (ns), [mtime less birth (ns)], [end less start (µs) where it is not mtime],
 *   [start less earliest (µs)], [damage, errno], [SHA-256]. Signed ones are folded (0, -1, 1, -2, …).
 */
enum { HAS_BIRTH = 1, HAS_END = 2, END_IS_MTIME = 4, HAS_EARLIEST = 8, HAS_TROUBLE = 16, HAS_SHA256 = 32 };

static uint8_t *put_number(uint8_t *at, uint64_t value) {
	while (value >= 0x80) {
		*at++ = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	*at++ = (uint8_t)value;
	return at;
}

static uint8_t *put_signed(uint8_t *at, int64_t value) {
	return put_number(at, (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0));
}

struct facts_reader {
	const uint8_t *at, *end;
	bool failed;
};

static uint64_t get_number(struct facts_reader *reader) {
	uint64_t value = 0;
	for (unsigned shift = 0; shift < 64; shift += 7) {
		if (reader->at == reader->end)
			break;
		uint8_t byte = *reader->at++;
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return value;
	}
	reader->failed = true;
	return 0;
}

static int64_t get_signed(struct facts_reader *reader) {
	uint64_t value = get_number(reader);
	return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

/* Times come from disks and may be anything: differences wrap and wrap back. */
static int64_t difference(int64_t a, int64_t b) {
	return (int64_t)((uint64_t)a - (uint64_t)b);
}

static int64_t sum(int64_t a, int64_t b) {
	return (int64_t)((uint64_t)a + (uint64_t)b);
}

static int64_t start_ns(int64_t start_us) {
	return (int64_t)((uint64_t)start_us * 1000);
}

static uint8_t *put_identity(uint8_t *at, const struct file_identity *file, int64_t base_ns, uint8_t *parts) {
	at = put_number(at, file->inode);
	at = put_number(at, file->bytes);
	at = put_signed(at, difference(file->mtime_ns, base_ns));
	if (file->birth_ns != 0) {
		*parts |= HAS_BIRTH;
		at = put_signed(at, difference(file->mtime_ns, file->birth_ns));
	}
	return at;
}

static void get_identity(struct facts_reader *reader, int64_t base_ns, unsigned parts, struct file_identity *file) {
	file->inode = get_number(reader);
	file->bytes = get_number(reader);
	file->mtime_ns = sum(get_signed(reader), base_ns);
	if ((parts & HAS_BIRTH) != 0)
		file->birth_ns = difference(file->mtime_ns, get_signed(reader));
	else
		file->birth_ns = 0;
}

size_t identity_pack(const struct file_identity *file, uint8_t facts[FACTS_BYTES_MAX]) {
	facts[0] = 0;
	return (size_t)(put_identity(facts + 1, file, 0, facts) - facts);
}

bool identity_unpack(const uint8_t *facts, size_t length, struct file_identity *ret_file) {
	if (facts == NULL || length < 1)
		return false;
	struct facts_reader reader = {.at = facts + 1, .end = facts + length};
	get_identity(&reader, 0, facts[0], ret_file);
	return !reader.failed;
}

size_t keys_pack(const struct segment_key *keys, size_t count, uint8_t *bytes) {
	uint8_t *at = bytes;
	int64_t camera = 0, before = 0;
	for (size_t i = 0; i < count; i++) {
		int64_t start, place;
		key_pack(keys[i].start_us, keys[i].ordinal, &start, &place);
		at = put_signed(at, difference(keys[i].camera, camera));
		at = put_signed(at, difference(start, before));
		at = put_number(at, (uint64_t)place);
		camera = keys[i].camera;
		before = start;
	}
	return (size_t)(at - bytes);
}

size_t keys_unpack(const uint8_t *bytes, size_t length, struct segment_key *ret_keys, size_t room) {
	struct facts_reader reader = {.at = bytes, .end = bytes + length};
	int64_t camera = 0, start = 0;
	size_t count = 0;
	while (count < room && reader.at != reader.end) {
		camera = sum(camera, get_signed(&reader));
		start = sum(start, get_signed(&reader));
		uint64_t place = get_number(&reader);
		/* Rather none than a wrong one: they are looked for in the index anyway. */
		if (reader.failed || place >> ORDINAL_BITS >= 1000 || start > INT64_MAX / 1001 || start < INT64_MIN / 1001)
			break;
		ret_keys[count++] = (struct segment_key){.camera = camera,
		    .start_us = key_start_us(start, (int64_t)place),
		    .ordinal = (uint32_t)place & ((1u << ORDINAL_BITS) - 1)};
	}
	return count;
}

size_t facts_pack(const struct segment_row *row, uint8_t facts[FACTS_BYTES_MAX]) {
	facts[0] = 0;
	uint8_t *at = put_identity(facts + 1, &row->file, start_ns(row->key.start_us), facts);
	if (row->end_us != 0 && row->end_us == row->file.mtime_ns / 1000) {
		facts[0] |= END_IS_MTIME;
	} else if (row->end_us != 0) {
		facts[0] |= HAS_END;
		at = put_signed(at, difference(row->end_us, row->key.start_us));
	}
	if (row->earliest_us != row->key.start_us) {
		facts[0] |= HAS_EARLIEST;
		at = put_signed(at, difference(row->key.start_us, row->earliest_us));
	}
	if (row->damage != 0 || row->delete_errno != 0) {
		facts[0] |= HAS_TROUBLE;
		at = put_number(at, row->damage);
		at = put_signed(at, row->delete_errno);
	}
	if (row->has_sha256) {
		facts[0] |= HAS_SHA256;
		memcpy(at, row->sha256, HASH_BYTES);
		at += HASH_BYTES;
	}
	return (size_t)(at - facts);
}

static bool facts_unpack(const uint8_t *facts, size_t length, struct segment_row *row) {
	if (facts == NULL || length < 1)
		return false;
	unsigned parts = facts[0];
	struct facts_reader reader = {.at = facts + 1, .end = facts + length};
	get_identity(&reader, start_ns(row->key.start_us), parts, &row->file);
	if ((parts & END_IS_MTIME) != 0)
		row->end_us = row->file.mtime_ns / 1000;
	else if ((parts & HAS_END) != 0)
		row->end_us = sum(get_signed(&reader), row->key.start_us);
	row->earliest_us = row->key.start_us;
	if ((parts & HAS_EARLIEST) != 0)
		row->earliest_us = difference(row->key.start_us, get_signed(&reader));
	if ((parts & HAS_TROUBLE) != 0) {
		row->damage = (uint8_t)get_number(&reader);
		row->delete_errno = (int32_t)get_signed(&reader);
	}
	if ((parts & HAS_SHA256) != 0) {
		if (reader.end - reader.at < HASH_BYTES)
			return false;
		memcpy(row->sha256, reader.at, HASH_BYTES);
		row->has_sha256 = true;
	}
	return !reader.failed;
}

/* The path that the layout gives; false where it does not determine it. */
static bool derive_path(const struct index_root_entry *root, const struct index_camera_entry *camera,
    const struct segment_row *row, char *path, size_t *ret_length) {
	if (root->layout == NULL || row->pattern >= root->layout->pattern_count)
		return false;
	struct local_time local = {0};
	if (root->layout->clock == LAYOUT_CLOCK_UTC || root->layout->clock == LAYOUT_CLOCK_LOCAL)
		zone_to_local(root->path_zone, row->key.start_us, &local, NULL);
	else if (root->layout->clock == LAYOUT_CLOCK_NONE)
		return false;
	struct text name = {.data = camera->name, .length = camera->name_length};
	return pattern_format(root->layout->patterns[row->pattern].pattern, name, &local, row->key.start_us, path,
	    PATH_BYTES_MAX + 1, ret_length);
}

int path_starts(
    const struct index_root_entry *root, struct text path, struct layout_match *ret_match, int64_t ret_starts[2]) {
	if (root->layout == NULL || root->layout->clock == LAYOUT_CLOCK_NONE)
		return 0;
	layout_classify(root->layout, path, ret_match);
	if (ret_match->role != LAYOUT_SEGMENT)
		return 0;
	const struct pattern_match *parts = &ret_match->parts;
	if (parts->is_epoch) {
		ret_starts[0] = parts->epoch_us;
		return 1;
	}
	enum zone_match match;
	if (!parts->has_date || root->path_zone == NULL ||
	    !zone_from_local(root->path_zone, &parts->local, &ret_starts[0], &ret_starts[1], &match))
		return 0;
	return ret_starts[0] == ret_starts[1] ? 1 : 2;
}

bool index_name_derived(struct index *index, const struct segment_row *row) {
	const struct index_folder_entry *folder = index_folder_entry(index, row->folder);
	const struct index_camera_entry *camera = index_camera_entry(index, row->key.camera);
	if (folder == NULL || camera == NULL)
		return false;
	const struct index_root_entry *root = index_root_entry(index, folder->root);
	char path[PATH_BYTES_MAX + 1];
	size_t length = 0;
	if (root == NULL || !derive_path(root, camera, row, path, &length))
		return false;
	size_t name_length = strlen(row->name);
	size_t head = folder->length == 0 ? 0 : folder->length + 1;
	bool same = length == head + name_length && memcmp(path, folder->path, folder->length) == 0 &&
	            (head == 0 || path[head - 1] == '/') && memcmp(path + head, row->name, name_length) == 0;
	/* And the way back: a path that leaves out the fraction of a second must not hide one. */
	struct layout_match match;
	int64_t starts[2];
	int count = same ? path_starts(root, (struct text){.data = path, .length = length}, &match, starts) : 0;
	return (count > 0 && starts[0] == row->key.start_us) || (count > 1 && starts[1] == row->key.start_us);
}

static bool derive_name(struct index *index, struct segment_row *row) {
	const struct index_camera_entry *camera = index_camera_entry(index, row->key.camera);
	const struct index_root_entry *root = camera == NULL ? NULL : index_root_entry(index, camera->root);
	char path[PATH_BYTES_MAX + 1];
	size_t length = 0;
	if (root == NULL || !derive_path(root, camera, row, path, &length))
		return false;
	size_t head = length;
	while (head > 0 && path[head - 1] != '/')
		head--;
	return text_copy(row->name, sizeof row->name, (struct text){.data = path + head, .length = length - head});
}

int segment_unpack_nameless(struct index *index, sqlite3_stmt *statement, struct segment_row *ret_row) {
	struct segment_row *row = ret_row;
	memset(row, 0, sizeof *row);
	int64_t start = sqlite3_column_int64(statement, 1);
	int64_t place = sqlite3_column_int64(statement, 2);
	row->key.camera = sqlite3_column_int64(statement, 0);
	row->key.start_us = key_start_us(start, place);
	row->key.ordinal = (uint32_t)(place & ((1 << ORDINAL_BITS) - 1));
	row->folder = sqlite3_column_int64(statement, 3);
	flags_unpack(sqlite3_column_int64(statement, 4), row);
	const uint8_t *facts = sqlite3_column_blob(statement, 6);
	if (!facts_unpack(facts, (size_t)sqlite3_column_bytes(statement, 6), row)) {
		index->damaged = true;
		return -EUCLEAN;
	}
	row->derived = sqlite3_column_type(statement, 5) == SQLITE_NULL;
	return 0;
}

int segment_unpack(struct index *index, sqlite3_stmt *statement, struct segment_row *ret_row) {
	int error = segment_unpack_nameless(index, statement, ret_row);
	if (error != 0)
		return error;
	if (ret_row->derived)
		return derive_name(index, ret_row) ? 0 : -ENODATA;
	struct text name = {.data = sqlite3_column_blob(statement, 5)};
	name.length = (size_t)sqlite3_column_bytes(statement, 5);
	return text_copy(ret_row->name, sizeof ret_row->name, name) ? 0 : -EUCLEAN;
}

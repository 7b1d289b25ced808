/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The segments of the index: adding, changing, finding, walking. */
#include "index_private.h"

#include <errno.h>
#include <string.h>

enum { UNPROBED_STEPS_MAX = 20000, ORDINAL_MAX = (1 << ORDINAL_BITS) - 1 };

static void bind_key(sqlite3_stmt *statement, const struct segment_key *key) {
	int64_t start, place;
	key_pack(key->start_us, key->ordinal, &start, &place);
	(void)sqlite3_bind_int64(statement, 1, key->camera);
	(void)sqlite3_bind_int64(statement, 2, start);
	(void)sqlite3_bind_int64(statement, 3, place);
}

static bool is_open(const struct segment_row *row) {
	return row->state == SEGMENT_OPEN || row->state == SEGMENT_DISCOVERED;
}

static void total_add(struct index_camera_entry *camera, const struct segment_row *row) {
	camera->segments++;
	camera->bytes += row->file.bytes;
	camera->not_sealed += is_open(row) ? 1 : 0;
	camera->dirty = true;
	/* An end that is not known may be as late as mtime. */
	int64_t end_us = row->end_us != 0 ? row->end_us : row->file.mtime_ns / 1000;
	if (end_us - row->key.start_us > camera->longest_us)
		camera->longest_us = end_us - row->key.start_us;
	if (row->key.start_us - row->earliest_us > camera->longest_us)
		camera->longest_us = row->key.start_us - row->earliest_us;
	int64_t start, place;
	key_pack(row->key.start_us, row->key.ordinal, &start, &place);
	if (!row->probed && camera->unprobed_start != INT64_MAX &&
	    (start > camera->unprobed_start || (start == camera->unprobed_start && place >= camera->unprobed_place))) {
		camera->unprobed_start = start;
		camera->unprobed_place = place + 1;
	}
}

static void total_remove(struct index_camera_entry *camera, const struct segment_row *row) {
	camera->segments -= camera->segments > 0 ? 1 : 0;
	camera->bytes -= camera->bytes >= row->file.bytes ? row->file.bytes : camera->bytes;
	camera->not_sealed -= is_open(row) && camera->not_sealed > 0 ? 1 : 0;
	camera->dirty = true;
}

/* Writes the row under its key; by_name keeps two rows from one place. */
static int row_write(struct index *index, enum index_statement which, const struct segment_row *row, bool derived) {
	uint8_t facts[FACTS_BYTES_MAX];
	size_t length = facts_pack(row, facts);
	if (derived) {
		int64_t start, place;
		key_pack(row->key.start_us, row->key.ordinal, &start, &place);
		int error = index_span_cover(index, row->folder, row->key.camera, start);
		if (error != 0)
			return error;
	}
	sqlite3_stmt *statement = index_statement(index, which);
	if (statement == NULL)
		return -EIO;
	bind_key(statement, &row->key);
	(void)sqlite3_bind_int64(statement, 4, row->folder);
	(void)sqlite3_bind_int64(statement, 5, flags_pack(row));
	if (derived)
		(void)sqlite3_bind_null(statement, 6);
	else
		(void)sqlite3_bind_blob(statement, 6, row->name, (int)strlen(row->name), SQLITE_STATIC);
	(void)sqlite3_bind_blob(statement, 7, facts, (int)length, SQLITE_STATIC);
	return index_run(index, statement);
}

/* The first ordinal that no segment of this camera and start has. */
static int ordinal_after_last(struct index *index, struct segment_key *key) {
	sqlite3_stmt *statement = index_statement(index, STATEMENT_SEGMENT_LAST_PLACE);
	if (statement == NULL)
		return -EIO;
	key->ordinal = 0;
	bind_key(statement, key);
	int64_t start, place;
	key_pack(key->start_us, ORDINAL_MAX, &start, &place);
	(void)sqlite3_bind_int64(statement, 4, place);
	int result = sqlite3_step(statement);
	int64_t last = result == SQLITE_ROW ? sqlite3_column_int64(statement, 0) & ORDINAL_MAX : -1;
	index_statement_end(index, statement);
	int error = index_error(index, result);
	if (error != 0)
		return error;
	if (last >= ORDINAL_MAX)
		return -EOVERFLOW;
	key->ordinal = (uint32_t)(last + 1);
	return 0;
}

int index_insert(struct index *index, struct segment_row *row) {
	struct index_camera_entry *camera = index_camera_entry(index, row->key.camera);
	if (camera == NULL || row->name[0] == '\0')
		return -EINVAL;
	int error = index_change(index);
	if (error != 0)
		return error;
	row->derived = index_name_derived(index, row);
	if (row->key.ordinal == UINT32_MAX) {
		/* Nearly always the first: try it, and ask only if it is taken. */
		row->key.ordinal = 0;
		error = row_write(index, STATEMENT_SEGMENT_INSERT, row, row->derived);
		if (error == -EEXIST) {
			error = ordinal_after_last(index, &row->key);
			if (error == 0)
				error = row_write(index, STATEMENT_SEGMENT_INSERT, row, row->derived);
		}
	} else {
		error =
		    row->key.ordinal > ORDINAL_MAX ? -EOVERFLOW : row_write(index, STATEMENT_SEGMENT_INSERT, row, row->derived);
	}
	if (error == 0)
		total_add(camera, row);
	return error;
}

typedef int (*unpack_function)(struct index *index, sqlite3_stmt *statement, struct segment_row *ret_row);

/* The only row of a bound statement; -ENOENT without one. */
static int row_take(struct index *index, sqlite3_stmt *statement, unpack_function unpack, struct segment_row *ret_row) {
	int result = sqlite3_step(statement);
	int error = result == SQLITE_ROW ? unpack(index, statement, ret_row) : -ENOENT;
	index_statement_end(index, statement);
	if (result == SQLITE_ROW || result == SQLITE_DONE)
		return error;
	error = index_error(index, result);
	return error != 0 ? error : -EIO;
}

static int row_get(
    struct index *index, const struct segment_key *key, unpack_function unpack, struct segment_row *ret_row) {
	sqlite3_stmt *statement = index_statement(index, STATEMENT_SEGMENT_GET);
	if (statement == NULL)
		return -EIO;
	bind_key(statement, key);
	return row_take(index, statement, unpack, ret_row);
}

int index_get(struct index *index, const struct segment_key *key, struct segment_row *ret_row) {
	return row_get(index, key, segment_unpack, ret_row);
}

int index_update(struct index *index, const struct segment_row *row) {
	struct segment_row old;
	int error = row_get(index, &row->key, segment_unpack_nameless, &old);
	struct index_camera_entry *camera = index_camera_entry(index, row->key.camera);
	if (error != 0 || camera == NULL)
		return error != 0 ? error : -EINVAL;
	error = index_change(index);
	if (error == 0)
		error = row_write(index, STATEMENT_SEGMENT_REPLACE, row, index_name_derived(index, row));
	if (error != 0)
		return error;
	total_remove(camera, &old);
	total_add(camera, row);
	return 0;
}

/* Deletes the row; its members are the caller's. */
static int row_delete(struct index *index, const struct segment_row *row) {
	sqlite3_stmt *statement = index_statement(index, STATEMENT_SEGMENT_DELETE);
	if (statement == NULL)
		return -EIO;
	bind_key(statement, &row->key);
	int error = index_run(index, statement);
	struct index_camera_entry *camera = index_camera_entry(index, row->key.camera);
	if (error == 0 && camera != NULL)
		total_remove(camera, row);
	return error;
}

int index_move(struct index *index, const struct segment_key *old_key, struct segment_row *row) {
	struct segment_row old;
	int error = row_get(index, old_key, segment_unpack_nameless, &old);
	if (error == 0)
		error = index_change(index);
	if (error == 0)
		error = row_delete(index, &old);
	row->key.ordinal = UINT32_MAX;
	if (error == 0)
		error = index_insert(index, row);
	sqlite3_stmt *statement = error != 0 || !row->grouped ? NULL : index_statement(index, STATEMENT_MEMBER_MOVE);
	if (statement == NULL)
		return error;
	bind_key(statement, old_key);
	int64_t start, place;
	key_pack(row->key.start_us, row->key.ordinal, &start, &place);
	(void)sqlite3_bind_int64(statement, 4, row->key.camera);
	(void)sqlite3_bind_int64(statement, 5, start);
	(void)sqlite3_bind_int64(statement, 6, place);
	return index_run(index, statement);
}

int index_remove(struct index *index, const struct segment_key *key) {
	struct segment_row old;
	int error = row_get(index, key, segment_unpack_nameless, &old);
	if (error == 0)
		error = index_change(index);
	if (error == 0)
		error = row_delete(index, &old);
	sqlite3_stmt *statement = error != 0 || !old.grouped ? NULL : index_statement(index, STATEMENT_MEMBER_DROP);
	if (statement == NULL)
		return error;
	bind_key(statement, key);
	return index_run(index, statement);
}

static int find_named(struct index *index, int64_t folder, struct text name, struct segment_row *ret_row) {
	sqlite3_stmt *statement = index_statement(index, STATEMENT_SEGMENT_NAMED);
	if (statement == NULL)
		return -EIO;
	(void)sqlite3_bind_int64(statement, 1, folder);
	(void)sqlite3_bind_blob(statement, 2, name.data, (int)name.length, SQLITE_STATIC);
	return row_take(index, statement, segment_unpack, ret_row);
}

static int find_at(
    struct index *index, const struct segment_key *at, int64_t folder, struct text name, struct segment_row *ret_row) {
	sqlite3_stmt *statement = index_statement(index, STATEMENT_SEGMENT_AT);
	if (statement == NULL)
		return -EIO;
	bind_key(statement, at);
	int64_t start, place;
	key_pack(at->start_us, ORDINAL_MAX, &start, &place);
	(void)sqlite3_bind_int64(statement, 4, place);
	struct segment_row row;
	int result, found = -ENOENT;
	while (found == -ENOENT && (result = sqlite3_step(statement)) == SQLITE_ROW) {
		if (sqlite3_column_int64(statement, 3) != folder || sqlite3_column_type(statement, 5) != SQLITE_NULL)
			continue;
		if (segment_unpack(index, statement, &row) == 0 && text_equal(text_of(row.name), name))
			found = 0;
	}
	index_statement_end(index, statement);
	if (found == 0) {
		*ret_row = row;
		return 0;
	}
	int error = index_error(index, result);
	return error != 0 ? error : -ENOENT;
}

int index_find(struct index *index, int64_t folder, struct text name, struct segment_row *ret_row) {
	const struct index_folder_entry *place = index_folder_entry(index, folder);
	const struct index_root_entry *root = place == NULL ? NULL : index_root_entry(index, place->root);
	if (root == NULL || name.length == 0 || name.length > NAME_BYTES_MAX)
		return -ENOENT;
	char path[PATH_BYTES_MAX + NAME_BYTES_MAX + 2];
	size_t length = place->length;
	memcpy(path, place->path, length);
	if (length > 0)
		path[length++] = '/';
	memcpy(path + length, name.data, name.length);
	length += name.length;
	struct layout_match match;
	int64_t starts[2];
	int count = path_starts(root, (struct text){.data = path, .length = length}, &match, starts);
	struct text camera_name = count > 0 && match.parts.camera.length > 0 ? match.parts.camera : text_of(root->name);
	const struct index_camera_entry *camera = count == 0 ? NULL : index_camera_named(index, root->id, camera_name);
	for (int i = 0; camera != NULL && i < count; i++) {
		struct segment_key at = {.camera = camera->id, .start_us = starts[i]};
		int error = find_at(index, &at, folder, name, ret_row);
		if (error != -ENOENT)
			return error;
	}
	return find_named(index, folder, name, ret_row);
}

static int walk(struct index *index, sqlite3_stmt *statement, index_each_segment each, void *context) {
	struct segment_row row;
	int result, stopped = 0;
	while (stopped == 0 && (result = sqlite3_step(statement)) == SQLITE_ROW) {
		stopped = segment_unpack(index, statement, &row);
		if (stopped == 0)
			stopped = each(&row, context);
		else if (stopped == -ENODATA)
			stopped = 0; /* of a root that this configuration does not have */
	}
	index_statement_end(index, statement);
	return stopped != 0 ? stopped : index_error(index, result);
}

/* Bound to a range of a camera's starts; NULL where memory is short or the index is damaged. */
static sqlite3_stmt *range_statement(
    struct index *index, int64_t camera, int64_t from_us, int64_t to_us, size_t limit) {
	sqlite3_stmt *statement = index_statement(index, STATEMENT_SEGMENT_RANGE);
	if (statement == NULL)
		return NULL;
	bind_key(statement, &(struct segment_key){.camera = camera, .start_us = from_us});
	int64_t start, place;
	key_pack(to_us, ORDINAL_MAX, &start, &place);
	(void)sqlite3_bind_int64(statement, 4, start);
	(void)sqlite3_bind_int64(statement, 5, place);
	(void)sqlite3_bind_int64(statement, 6, limit == 0 || limit > INT64_MAX ? -1 : (int64_t)limit);
	return statement;
}

int index_range(struct index *index, int64_t camera, int64_t from_us, int64_t to_us, size_t limit,
    index_each_segment each, void *context) {
	sqlite3_stmt *statement = range_statement(index, camera, from_us, to_us, limit);
	return statement == NULL ? -EIO : walk(index, statement, each, context);
}

int index_range_nameless(
    struct index *index, int64_t camera, int64_t from_us, int64_t to_us, index_each_segment each, void *context) {
	sqlite3_stmt *statement = range_statement(index, camera, from_us, to_us, 0);
	if (statement == NULL)
		return -EIO;
	const struct index_camera_entry *entry = index_camera_entry(index, camera);
	const struct index_root_entry *root = entry == NULL ? NULL : index_root_entry(index, entry->root);
	bool configured = root != NULL && root->layout != NULL;
	struct segment_row row;
	int result, stopped = 0;
	while (stopped == 0 && (result = sqlite3_step(statement)) == SQLITE_ROW) {
		stopped = segment_unpack_nameless(index, statement, &row);
		/* As in index_range(): what cannot be named in this configuration is left out. */
		if (stopped == 0 && (configured || !row.derived))
			stopped = each(&row, context);
	}
	index_statement_end(index, statement);
	return stopped != 0 ? stopped : index_error(index, result);
}

int index_before(struct index *index, int64_t camera, int64_t start_us, struct segment_row *ret_row) {
	sqlite3_stmt *statement = index_statement(index, STATEMENT_SEGMENT_BEFORE);
	if (statement == NULL)
		return -EIO;
	bind_key(statement, &(struct segment_key){.camera = camera, .start_us = start_us});
	return row_take(index, statement, segment_unpack, ret_row);
}

int64_t index_next_start(struct index *index, int64_t camera, int64_t start_us, enum segment_kind kind) {
	sqlite3_stmt *statement = index_statement(index, STATEMENT_SEGMENT_NEXT);
	if (statement == NULL)
		return 0;
	bind_key(statement, &(struct segment_key){.camera = camera, .start_us = start_us, .ordinal = ORDINAL_MAX});
	(void)sqlite3_bind_int(statement, 4, (int)kind);
	int64_t next = 0;
	int result = sqlite3_step(statement);
	if (result == SQLITE_ROW)
		next = key_start_us(sqlite3_column_int64(statement, 0), sqlite3_column_int64(statement, 1));
	index_statement_end(index, statement);
	(void)index_error(index, result);
	return next;
}

int index_in_folder(struct index *index, int64_t folder, index_each_segment each, void *context) {
	int stopped = index_spans_save(index);
	sqlite3_stmt *spans = stopped != 0 ? NULL : index_statement(index, STATEMENT_SPAN_ALL);
	if (spans == NULL)
		return stopped != 0 ? stopped : -EIO;
	(void)sqlite3_bind_int64(spans, 1, folder);
	int result;
	while (stopped == 0 && (result = sqlite3_step(spans)) == SQLITE_ROW) {
		sqlite3_stmt *statement = index_statement(index, STATEMENT_SEGMENT_DERIVED);
		if (statement == NULL) {
			stopped = -EIO;
			break;
		}
		(void)sqlite3_bind_int64(statement, 1, sqlite3_column_int64(spans, 0));
		(void)sqlite3_bind_int64(statement, 2, sqlite3_column_int64(spans, 1));
		(void)sqlite3_bind_int64(statement, 3, sqlite3_column_int64(spans, 2));
		(void)sqlite3_bind_int64(statement, 4, folder);
		stopped = walk(index, statement, each, context);
	}
	index_statement_end(index, spans);
	if (stopped == 0)
		stopped = index_error(index, result);
	sqlite3_stmt *named = stopped != 0 ? NULL : index_statement(index, STATEMENT_SEGMENT_NAMED_ALL);
	if (named == NULL)
		return stopped != 0 ? stopped : -EIO;
	(void)sqlite3_bind_int64(named, 1, folder);
	return walk(index, named, each, context);
}

static int walk_camera(
    struct index *index, enum index_statement which, int64_t camera, index_each_segment each, void *context) {
	sqlite3_stmt *statement = index_statement(index, which);
	if (statement == NULL)
		return -EIO;
	(void)sqlite3_bind_int64(statement, 1, camera);
	return walk(index, statement, each, context);
}

int index_unsealed(struct index *index, int64_t root, index_each_segment each, void *context) {
	for (size_t i = 0; i < index->camera_count; i++) {
		if (index->cameras[i].root != root || index->cameras[i].not_sealed == 0)
			continue;
		int stopped = walk_camera(index, STATEMENT_SEGMENT_UNSEALED, index->cameras[i].id, each, context);
		if (stopped != 0)
			return stopped;
	}
	return 0;
}

int index_failed(struct index *index, index_each_segment each, void *context) {
	for (size_t i = 0; i < index->camera_count; i++) {
		int stopped = walk_camera(index, STATEMENT_SEGMENT_FAILED, index->cameras[i].id, each, context);
		if (stopped != 0)
			return stopped;
	}
	return 0;
}

/*
 * Each camera remembers from where on nothing is unprobed, so that asking again and again does not
 * read the probed ones again. A call looks at UNPROBED_STEPS_MAX rows at most and may give fewer
 * than there are.
 */
static int unprobed_of(struct index *index, struct index_camera_entry *camera, size_t *limit, size_t *steps,
    index_each_segment each, void *context) {
	sqlite3_stmt *statement = index_statement(index, STATEMENT_SEGMENT_DOWNWARDS);
	if (statement == NULL)
		return -EIO;
	(void)sqlite3_bind_int64(statement, 1, camera->id);
	(void)sqlite3_bind_int64(statement, 2, camera->unprobed_start);
	(void)sqlite3_bind_int64(statement, 3, camera->unprobed_place);
	struct segment_row row;
	bool passed_probed_only = true;
	int result, stopped = 0;
	while (stopped == 0 && *limit > 0 && *steps > 0 && (result = sqlite3_step(statement)) == SQLITE_ROW) {
		(*steps)--;
		bool probed = (sqlite3_column_int64(statement, 4) & FLAG_PROBED) != 0;
		if (probed && passed_probed_only) {
			camera->unprobed_start = sqlite3_column_int64(statement, 1);
			camera->unprobed_place = sqlite3_column_int64(statement, 2);
		}
		if (probed)
			continue;
		passed_probed_only = false;
		stopped = segment_unpack(index, statement, &row);
		if (stopped == -ENODATA) {
			stopped = 0;
			continue;
		}
		if (stopped == 0 && !is_open(&row)) {
			(*limit)--;
			stopped = each(&row, context);
		}
	}
	bool exhausted = stopped == 0 && *limit > 0 && *steps > 0;
	if (exhausted && passed_probed_only)
		camera->unprobed_start = INT64_MIN;
	index_statement_end(index, statement);
	return stopped != 0 || !exhausted ? stopped : index_error(index, result);
}

int index_unprobed(struct index *index, size_t limit, index_each_segment each, void *context) {
	size_t steps = UNPROBED_STEPS_MAX;
	size_t share = index->camera_count == 0 ? 0 : (limit + index->camera_count - 1) / index->camera_count;
	for (size_t i = 0; i < index->camera_count && limit > 0 && steps > 0; i++) {
		size_t left = share < limit ? share : limit;
		limit -= left;
		int stopped = unprobed_of(index, &index->cameras[i], &left, &steps, each, context);
		limit += left;
		if (stopped != 0)
			return stopped;
	}
	return 0;
}

int index_path(struct index *index, const struct segment_row *row, char *path, size_t room) {
	const struct index_folder_entry *folder = index_folder_entry(index, row->folder);
	if (folder == NULL)
		return -ENOENT;
	size_t head = folder->length == 0 ? 0 : folder->length + 1;
	size_t length = strlen(row->name);
	if (head + length >= room)
		return -ENAMETOOLONG;
	memcpy(path, folder->path, folder->length);
	if (head > 0)
		path[head - 1] = '/';
	memcpy(path + head, row->name, length + 1);
	return 0;
}

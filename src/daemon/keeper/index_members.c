/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files beside segments: members of one, shared by all of a camera; and the stretches that are gone. */
#include "index_private.h"

#include <errno.h>
#include <string.h>

static int bind_place(sqlite3_stmt *statement, int parameter, int64_t folder, struct text name) {
	(void)sqlite3_bind_int64(statement, parameter, folder);
	return sqlite3_bind_blob(statement, parameter + 1, name.data, (int)name.length, SQLITE_STATIC);
}

static bool member_read(sqlite3_stmt *statement, int column, struct member_row *ret_row) {
	struct text name = {.data = sqlite3_column_blob(statement, column + 1)};
	name.length = (size_t)sqlite3_column_bytes(statement, column + 1);
	const uint8_t *facts = sqlite3_column_blob(statement, column + 2);
	ret_row->folder = sqlite3_column_int64(statement, column);
	return text_copy(ret_row->name, sizeof ret_row->name, name) &&
	       identity_unpack(facts, (size_t)sqlite3_column_bytes(statement, column + 2), &ret_row->file);
}

static void key_read(sqlite3_stmt *statement, struct segment_key *ret_key) {
	int64_t place = sqlite3_column_int64(statement, 2);
	ret_key->camera = sqlite3_column_int64(statement, 0);
	ret_key->start_us = key_start_us(sqlite3_column_int64(statement, 1), place);
	ret_key->ordinal = (uint32_t)(place & ((1 << ORDINAL_BITS) - 1));
}

int index_member_put(struct index *index, const struct segment_key *key, const struct member_row *member) {
	struct segment_row owner;
	int error = index_get(index, key, &owner);
	if (error == 0 && !owner.grouped) {
		owner.grouped = true;
		error = index_update(index, &owner);
	}
	if (error == 0)
		error = index_change(index);
	sqlite3_stmt *statement = error != 0 ? NULL : index_statement(index, STATEMENT_MEMBER_PUT);
	if (statement == NULL)
		return error != 0 ? error : -EIO;
	int64_t start, place;
	key_pack(key->start_us, key->ordinal, &start, &place);
	uint8_t facts[FACTS_BYTES_MAX];
	size_t length = identity_pack(&member->file, facts);
	(void)sqlite3_bind_int64(statement, 1, key->camera);
	(void)sqlite3_bind_int64(statement, 2, start);
	(void)sqlite3_bind_int64(statement, 3, place);
	(void)bind_place(statement, 4, member->folder, text_of(member->name));
	(void)sqlite3_bind_blob(statement, 6, facts, (int)length, SQLITE_STATIC);
	return index_run(index, statement);
}

static int remove_at(struct index *index, enum index_statement which, int64_t folder, struct text name) {
	int error = index_change(index);
	sqlite3_stmt *statement = error != 0 ? NULL : index_statement(index, which);
	if (statement == NULL)
		return error != 0 ? error : -EIO;
	(void)bind_place(statement, 1, folder, name);
	error = index_run(index, statement);
	return error != 0 ? error : sqlite3_changes(index->db) == 0 ? -ENOENT : 0;
}

int index_member_remove(struct index *index, int64_t folder, struct text name) {
	return remove_at(index, STATEMENT_MEMBER_REMOVE, folder, name);
}

int index_member_find(
    struct index *index, int64_t folder, struct text name, struct segment_key *ret_key, struct member_row *ret_member) {
	sqlite3_stmt *statement = index_statement(index, STATEMENT_MEMBER_FIND);
	if (statement == NULL)
		return -EIO;
	(void)bind_place(statement, 1, folder, name);
	int result = sqlite3_step(statement);
	bool read = result == SQLITE_ROW && member_read(statement, 3, ret_member);
	if (read)
		key_read(statement, ret_key);
	index_statement_end(index, statement);
	if (result == SQLITE_DONE)
		return -ENOENT;
	return read ? 0 : result == SQLITE_ROW ? -EUCLEAN : index_error(index, result);
}

static int walk_members(struct index *index, sqlite3_stmt *statement, index_each_member each, void *context) {
	struct member_row row;
	int result, stopped = 0;
	while (stopped == 0 && (result = sqlite3_step(statement)) == SQLITE_ROW)
		stopped = member_read(statement, 0, &row) ? each(&row, context) : -EUCLEAN;
	index_statement_end(index, statement);
	return stopped != 0 ? stopped : index_error(index, result);
}

int index_members(struct index *index, const struct segment_key *key, index_each_member each, void *context) {
	sqlite3_stmt *statement = index_statement(index, STATEMENT_MEMBER_OF);
	if (statement == NULL)
		return -EIO;
	int64_t start, place;
	key_pack(key->start_us, key->ordinal, &start, &place);
	(void)sqlite3_bind_int64(statement, 1, key->camera);
	(void)sqlite3_bind_int64(statement, 2, start);
	(void)sqlite3_bind_int64(statement, 3, place);
	return walk_members(index, statement, each, context);
}

int index_members_in_folder(struct index *index, int64_t folder, index_each_owned each, void *context) {
	sqlite3_stmt *statement = index_statement(index, STATEMENT_MEMBER_IN_FOLDER);
	if (statement == NULL)
		return -EIO;
	(void)sqlite3_bind_int64(statement, 1, folder);
	struct member_row row;
	struct segment_key key;
	int result, stopped = 0;
	while (stopped == 0 && (result = sqlite3_step(statement)) == SQLITE_ROW) {
		key_read(statement, &key);
		stopped = member_read(statement, 3, &row) ? each(&key, &row, context) : -EUCLEAN;
	}
	index_statement_end(index, statement);
	return stopped != 0 ? stopped : index_error(index, result);
}

/* ---- shared files ---- */

int index_shared_put(struct index *index, int64_t camera, const struct member_row *file) {
	int error = index_change(index);
	sqlite3_stmt *statement = error != 0 ? NULL : index_statement(index, STATEMENT_SHARED_PUT);
	if (statement == NULL)
		return error != 0 ? error : -EIO;
	uint8_t facts[FACTS_BYTES_MAX];
	size_t length = identity_pack(&file->file, facts);
	(void)sqlite3_bind_int64(statement, 1, camera);
	(void)bind_place(statement, 2, file->folder, text_of(file->name));
	(void)sqlite3_bind_blob(statement, 4, facts, (int)length, SQLITE_STATIC);
	return index_run(index, statement);
}

int index_shared_remove(struct index *index, int64_t folder, struct text name) {
	return remove_at(index, STATEMENT_SHARED_REMOVE, folder, name);
}

static int shared_walk(
    struct index *index, enum index_statement which, int64_t id, index_each_member each, void *context) {
	sqlite3_stmt *statement = index_statement(index, which);
	if (statement == NULL)
		return -EIO;
	(void)sqlite3_bind_int64(statement, 1, id);
	return walk_members(index, statement, each, context);
}

int index_shared(struct index *index, int64_t camera, index_each_member each, void *context) {
	return shared_walk(index, STATEMENT_SHARED_OF, camera, each, context);
}

int index_shared_in_folder(struct index *index, int64_t folder, index_each_member each, void *context) {
	return shared_walk(index, STATEMENT_SHARED_IN_FOLDER, folder, each, context);
}

/* ---- what is gone ---- */

int index_erased_add(struct index *index, const struct erased_row *row) {
	int error = index_change(index);
	sqlite3_stmt *statement = error != 0 ? NULL : index_statement(index, STATEMENT_ERASED_ADD);
	if (statement == NULL)
		return error != 0 ? error : -EIO;
	(void)sqlite3_bind_int64(statement, 1, row->camera);
	(void)sqlite3_bind_int64(statement, 2, row->from_us);
	(void)sqlite3_bind_int64(statement, 3, row->to_us);
	(void)sqlite3_bind_int64(statement, 4, row->at_us);
	(void)sqlite3_bind_int64(statement, 5, (int64_t)row->segments);
	(void)sqlite3_bind_int64(statement, 6, (int64_t)row->bytes);
	(void)sqlite3_bind_int(statement, 7, row->by_us ? 1 : 0);
	(void)sqlite3_bind_text(statement, 8, row->rule, -1, SQLITE_STATIC);
	(void)sqlite3_bind_int64(statement, 9, (int64_t)row->sequence);
	error = index_run(index, statement);
	struct index_camera_entry *camera = index_camera_entry(index, row->camera);
	if (error == 0 && camera != NULL && camera->erased_longest_us >= 0 &&
	    row->to_us - row->from_us > camera->erased_longest_us)
		camera->erased_longest_us = row->to_us - row->from_us;
	return error;
}

/* How far before a span a stretch that reaches into it may begin. */
static int64_t erased_longest(struct index *index, int64_t camera) {
	struct index_camera_entry *entry = index_camera_entry(index, camera);
	if (entry == NULL)
		return 0;
	if (entry->erased_longest_us >= 0)
		return entry->erased_longest_us;
	sqlite3_stmt *statement = index_statement(index, STATEMENT_ERASED_LONGEST);
	if (statement == NULL)
		return INT64_MAX / 2;
	(void)sqlite3_bind_int64(statement, 1, camera);
	if (sqlite3_step(statement) == SQLITE_ROW)
		entry->erased_longest_us = sqlite3_column_int64(statement, 0);
	index_statement_end(index, statement);
	return entry->erased_longest_us >= 0 ? entry->erased_longest_us : INT64_MAX / 2;
}

static void erased_read(sqlite3_stmt *statement, struct erased_row *row) {
	const unsigned char *rule = sqlite3_column_text(statement, 7);
	memset(row, 0, sizeof *row);
	row->camera = sqlite3_column_int64(statement, 0);
	row->from_us = sqlite3_column_int64(statement, 1);
	row->to_us = sqlite3_column_int64(statement, 2);
	row->at_us = sqlite3_column_int64(statement, 3);
	row->segments = (uint64_t)sqlite3_column_int64(statement, 4);
	row->bytes = (uint64_t)sqlite3_column_int64(statement, 5);
	row->by_us = sqlite3_column_int(statement, 6) != 0;
	(void)!text_copy(row->rule, sizeof row->rule, text_of((const char *)rule));
	row->sequence = (uint64_t)sqlite3_column_int64(statement, 8);
}

int index_erased(
    struct index *index, int64_t camera, int64_t from_us, int64_t to_us, index_each_erased each, void *context) {
	int64_t longest = erased_longest(index, camera);
	sqlite3_stmt *statement = index_statement(index, STATEMENT_ERASED_RANGE);
	if (statement == NULL)
		return -EIO;
	(void)sqlite3_bind_int64(statement, 1, camera);
	(void)sqlite3_bind_int64(statement, 2, from_us < INT64_MIN + longest ? INT64_MIN : from_us - longest);
	(void)sqlite3_bind_int64(statement, 3, to_us);
	(void)sqlite3_bind_int64(statement, 4, from_us);
	struct erased_row row;
	int result, stopped = 0;
	while (stopped == 0 && (result = sqlite3_step(statement)) == SQLITE_ROW) {
		erased_read(statement, &row);
		stopped = each(&row, context);
	}
	index_statement_end(index, statement);
	return stopped != 0 ? stopped : index_error(index, result);
}

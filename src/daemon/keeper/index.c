/* SPDX-License-Identifier: GPL-2.0-or-later */
/* index.db as a file: opening, schema, statements, transactions. */
#include "index_private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "database.h"

/* Migrations: entry n brings version n to n + 1. Never change one that was shipped; add the next. */
static const char *const migrations[INDEX_VERSION] = {
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER) WITHOUT ROWID;"
    "CREATE TABLE root(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, derivation TEXT NOT NULL);"
    "CREATE TABLE camera(id INTEGER PRIMARY KEY, root INTEGER NOT NULL, name BLOB NOT NULL, segments INTEGER NOT NULL,"
    " bytes INTEGER NOT NULL, not_sealed INTEGER NOT NULL, longest INTEGER NOT NULL, UNIQUE(root,name));"
    "CREATE TABLE folder(id INTEGER PRIMARY KEY, root INTEGER NOT NULL, path BLOB NOT NULL, mtime INTEGER NOT NULL,"
    " ctime INTEGER NOT NULL, unknown INTEGER NOT NULL, UNIQUE(root,path));"
    "CREATE TABLE folder_span(folder INTEGER, camera INTEGER, first INTEGER, last INTEGER, PRIMARY KEY(folder,camera)) "
    "WITHOUT ROWID;"
    "CREATE TABLE segment(camera INTEGER, start INTEGER, place INTEGER, folder INTEGER, flags INTEGER, name BLOB,"
    " facts BLOB, PRIMARY KEY(camera,start,place)) WITHOUT ROWID;"
    "CREATE UNIQUE INDEX by_name ON segment(folder,name) WHERE name IS NOT NULL;"
    "CREATE INDEX unsealed ON segment(camera) WHERE (flags & 12)=4;"
    "CREATE INDEX failed ON segment(camera) WHERE (flags & 4096)<>0;"
    "CREATE TABLE member(camera INTEGER, start INTEGER, place INTEGER, folder INTEGER, name BLOB, facts BLOB,"
    " PRIMARY KEY(folder,name)) WITHOUT ROWID;"
    "CREATE INDEX member_of ON member(camera,start,place);"
    "CREATE TABLE shared(camera INTEGER, folder INTEGER, name BLOB, facts BLOB, PRIMARY KEY(folder,name)) WITHOUT "
    "ROWID;"
    "CREATE INDEX shared_of ON shared(camera);"
    "CREATE TABLE erased(camera INTEGER, first INTEGER, last INTEGER, at INTEGER, segments INTEGER, bytes INTEGER,"
    " by_us INTEGER, rule TEXT, sequence INTEGER, PRIMARY KEY(camera,first,sequence)) WITHOUT ROWID;",
};

static const char *const statement_texts[STATEMENT_COUNT] = {
#define DEFINE_STATEMENT(name, sql) sql,
    INDEX_STATEMENTS(DEFINE_STATEMENT)
#undef DEFINE_STATEMENT
};

int index_error(struct index *index, int result) {
	int error = database_errno(result);
	if (error == -EUCLEAN)
		index->damaged = true;
	return error;
}

sqlite3_stmt *index_statement(struct index *index, enum index_statement which) {
	sqlite3_stmt *statement = index->statements[which];
	if (statement != NULL && !sqlite3_stmt_busy(statement))
		return statement;
	unsigned flags = statement == NULL ? SQLITE_PREPARE_PERSISTENT : 0;
	sqlite3_stmt *fresh = NULL;
	int result = sqlite3_prepare_v3(index->db, statement_texts[which], -1, flags, &fresh, NULL);
	if (result != SQLITE_OK) {
		(void)index_error(index, result);
		return NULL;
	}
	if (statement == NULL)
		index->statements[which] = fresh;
	return fresh;
}

void index_statement_end(struct index *index, sqlite3_stmt *statement) {
	for (size_t i = 0; i < STATEMENT_COUNT; i++) {
		if (index->statements[i] == statement) {
			(void)sqlite3_reset(statement);
			return;
		}
	}
	(void)sqlite3_finalize(statement);
}

int index_run(struct index *index, sqlite3_stmt *statement) {
	if (statement == NULL)
		return index->damaged ? -EUCLEAN : -ENOMEM;
	int result = sqlite3_step(statement);
	index_statement_end(index, statement);
	return index_error(index, result);
}

int index_change(struct index *index) {
	index->pending++;
	if (index->in_transaction)
		return 0;
	int error = index_run(index, index_statement(index, STATEMENT_BEGIN));
	if (error == 0)
		index->in_transaction = true;
	return error;
}

uint64_t index_pending(const struct index *index) {
	return index->pending;
}

static const char owed_key[] = "seals_owed";

bool index_damaged(const struct index *index) {
	return index->damaged;
}

int index_commit(struct index *index) {
	if (!index->in_transaction)
		return 0;
	int error = index_cameras_save(index);
	if (error == 0)
		error = index_spans_save(index);
	if (error == 0)
		error = index_run(index, index_statement(index, STATEMENT_COMMIT));
	if (error != 0)
		return error;
	index->in_transaction = false;
	index->pending = 0;
	return 0;
}

int index_value_get(struct index *index, const char *key, int64_t *ret_value) {
	sqlite3_stmt *statement = index_statement(index, STATEMENT_META_GET);
	if (statement == NULL)
		return -EIO;
	(void)sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
	int result = sqlite3_step(statement);
	if (result == SQLITE_ROW)
		*ret_value = sqlite3_column_int64(statement, 0);
	index_statement_end(index, statement);
	return result == SQLITE_DONE ? -ENOENT : index_error(index, result);
}

int index_value_put(struct index *index, const char *key, int64_t value) {
	int error = index_change(index);
	if (error != 0)
		return error;
	index->pending--; /* a note about the index is no change that asks for a commit */
	sqlite3_stmt *statement = index_statement(index, STATEMENT_META_PUT);
	if (statement == NULL)
		return -EIO;
	(void)sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
	(void)sqlite3_bind_int64(statement, 2, value);
	return index_run(index, statement);
}

int index_owed_get(struct index *index, struct segment_key *ret_keys, size_t room, size_t *ret_count) {
	sqlite3_stmt *statement = index_statement(index, STATEMENT_META_GET);
	if (statement == NULL)
		return -EIO;
	(void)sqlite3_bind_text(statement, 1, owed_key, -1, SQLITE_STATIC);
	int result = sqlite3_step(statement);
	*ret_count = 0;
	if (result == SQLITE_ROW) {
		const void *bytes = sqlite3_column_blob(statement, 0);
		if (bytes != NULL)
			*ret_count = keys_unpack(bytes, (size_t)sqlite3_column_bytes(statement, 0), ret_keys, room);
	}
	index_statement_end(index, statement);
	return index_error(index, result);
}

int index_owed_put(struct index *index, const struct segment_key *keys, size_t count) {
	int error = index_change(index);
	if (error != 0)
		return error;
	index->pending--;
	sqlite3_stmt *statement = index_statement(index, STATEMENT_META_PUT);
	uint8_t *bytes = malloc(count * KEY_BYTES_MAX + 1);
	if (statement == NULL || bytes == NULL) {
		free(bytes);
		return bytes == NULL ? -ENOMEM : -EIO;
	}
	(void)sqlite3_bind_text(statement, 1, owed_key, -1, SQLITE_STATIC);
	(void)sqlite3_bind_blob64(statement, 2, bytes, keys_pack(keys, count, bytes), SQLITE_STATIC);
	error = index_run(index, statement);
	free(bytes);
	return error;
}

static int execute(struct index *index, const char *sql) {
	return index_error(index, sqlite3_exec(index->db, sql, NULL, NULL, NULL));
}

/* The number that a pragma or count gives; negative errno on failure. */
static int64_t number(struct index *index, const char *sql) {
	sqlite3_stmt *statement = NULL;
	int result = sqlite3_prepare_v2(index->db, sql, -1, &statement, NULL);
	if (result == SQLITE_OK)
		result = sqlite3_step(statement);
	int64_t value = result == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : -1;
	(void)sqlite3_finalize(statement);
	int error = index_error(index, result);
	return error != 0 ? error : value;
}

static int migrate(struct index *index) {
	int64_t version = number(index, "PRAGMA user_version");
	if (version < 0)
		return (int)version;
	if (version > INDEX_VERSION)
		return -EPROTONOSUPPORT;
	for (; version < INDEX_VERSION; version++) {
		char stamp[64];
		(void)snprintf(stamp, sizeof stamp, "PRAGMA user_version=%lld", (long long)version + 1);
		int error = execute(index, "BEGIN IMMEDIATE");
		if (error == 0)
			error = execute(index, migrations[version]);
		if (error == 0)
			error = execute(index, stamp);
		if (error == 0)
			error = execute(index, "COMMIT");
		if (error != 0)
			return error;
	}
	return 0;
}

/*
 * Exclusive: keeper is the only user, so no shared memory file. NORMAL: a power cut loses the last
 * commits, never the file's order; the next start makes up for it. A long log between checkpoints
 * lets a page that many commits touch be written back once.
 */
static const char settings[] = "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
                               "PRAGMA cache_size=-2048; PRAGMA mmap_size=0; PRAGMA temp_store=MEMORY;"
                               "PRAGMA wal_autocheckpoint=2000; PRAGMA journal_size_limit=16777216;"
                               "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON";

/* SQLite repairs a crash by itself; what is checked here is that this is a database with our schema. Damage deeper in
 * shows when it is met. */
static int open_file(struct index *index, const char *path) {
	int result =
	    sqlite3_open_v2(path, &index->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
	int error = index_error(index, result);
	if (error == 0)
		error = execute(index, settings);
	if (error == 0)
		error = migrate(index);
	for (size_t i = 0; error == 0 && i < STATEMENT_COUNT; i++)
		if (index_statement(index, (enum index_statement)i) == NULL)
			error = -EUCLEAN;
	if (error == 0)
		error = index_cameras_load(index);
	return error;
}

static void close_file(struct index *index) {
	for (size_t i = 0; i < STATEMENT_COUNT; i++) {
		(void)sqlite3_finalize(index->statements[i]);
		index->statements[i] = NULL;
	}
	(void)sqlite3_close(index->db);
	index->db = NULL;
}

struct index *index_abandon(struct index *index) {
	if (index == NULL)
		return NULL;
	close_file(index);
	index_caches_free(index);
	free(index);
	return NULL;
}

struct index *index_close(struct index *index) {
	int error = index == NULL || index->db == NULL || index->damaged ? 0 : index_commit(index);
	if (error != 0)
		log_warning_errno(error, "cannot commit the index; the next start reads again what changed");
	return index_abandon(index);
}

static int set_aside(const char *path) {
	char other[PATH_MAX];
	int length = snprintf(other, sizeof other, "%s.damaged", path);
	if (length < 0 || (size_t)length >= sizeof other)
		return -ENAMETOOLONG;
	if (rename(path, other) < 0 && errno != ENOENT)
		return -errno;
	/* Its write-ahead log must not be replayed into the new file. */
	static const char *const suffixes[] = {"-wal", "-shm"};
	for (size_t i = 0; i < ARRAY_LENGTH(suffixes); i++) {
		length = snprintf(other, sizeof other, "%s%s", path, suffixes[i]);
		if (length < 0 || (size_t)length >= sizeof other)
			return -ENAMETOOLONG;
		if (unlink(other) < 0 && errno != ENOENT)
			return -errno;
	}
	return 0;
}

static bool is_damage(int error) {
	return error == -EUCLEAN || error == -EPROTONOSUPPORT;
}

/* The mark says that a statement met damage; the file cannot be judged by its head alone. */
int index_mark_damaged(const char *state_dir) {
	char path[PATH_MAX];
	int length = snprintf(path, sizeof path, "%s/index.db", state_dir);
	if (length < 0 || (size_t)length >= sizeof path)
		return -ENAMETOOLONG;
	return set_aside(path);
}

int index_open(const char *state_dir, struct index **ret_index, bool *ret_fresh) {
	char path[PATH_MAX];
	int length = snprintf(path, sizeof path, "%s/index.db", state_dir);
	if (length < 0 || (size_t)length >= sizeof path)
		return -ENAMETOOLONG;
	struct index *index = calloc(1, sizeof *index);
	if (index == NULL)
		return -ENOMEM;
	bool fresh = access(path, F_OK) != 0;
	int error = open_file(index, path);
	if (is_damage(error)) {
		log_warning("the index is %s; set aside as 'index.db.damaged', making a new one",
		    error == -EUCLEAN ? "damaged" : "of a newer version");
		close_file(index);
		index_caches_free(index);
		memset(index, 0, sizeof *index);
		fresh = true;
		error = set_aside(path);
		if (error == 0)
			error = open_file(index, path);
	}
	if (error != 0) {
		(void)index_close(index);
		return error;
	}
	*ret_index = index;
	*ret_fresh = fresh;
	return 0;
}

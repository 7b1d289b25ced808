/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lookup_store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/descriptor.h"
#include "base/log.h"
#include "database.h"
#include "lookup_private.h"

/* A file of another version is made anew: what it says can be found again. */
enum { LOOKUP_VERSION = 1 };

static const char schema[] =
    "CREATE TABLE log(one INTEGER PRIMARY KEY CHECK(one=1), origin TEXT NOT NULL);"
    "CREATE TABLE term(id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, text BLOB NOT NULL, UNIQUE(kind,text));"
    "CREATE TABLE profile(id INTEGER PRIMARY KEY, terms BLOB NOT NULL UNIQUE);"
    "CREATE TABLE block(number INTEGER PRIMARY KEY, first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, entries BLOB "
    "NOT NULL);";

/*
 * Exclusive: keeper is the only user. NORMAL: a power cut loses the last commits and never the order, so no
 * entry before the last block can be left out. What is forgotten (names of people) is overwritten.
 */
static const char settings[] = "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
                               "PRAGMA cache_size=-128; PRAGMA mmap_size=0; PRAGMA temp_store=MEMORY;"
                               "PRAGMA wal_autocheckpoint=128; PRAGMA journal_size_limit=1048576;"
                               "PRAGMA secure_delete=ON; PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON";

static const char *const statement_texts[LOOKUP_STATEMENT_COUNT] = {
#define DEFINE_STATEMENT(name, sql) sql,
    LOOKUP_STATEMENTS(DEFINE_STATEMENT)
#undef DEFINE_STATEMENT
};

/* ---- bytes ---- */

void lookup_put_number(struct byte_writer *writer, uint64_t value) {
	for (; value >= 0x80; value >>= 7)
		byte_put_u8(writer, (uint8_t)(value | 0x80));
	byte_put_u8(writer, (uint8_t)value);
}

uint64_t lookup_get_number(struct byte_reader *reader) {
	uint64_t value = 0;
	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t byte = byte_get_u8(reader);
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return value;
	}
	reader->failed = true;
	return 0;
}

/* Differences are small either way: the sign goes into the lowest bit. */
static uint64_t fold_sign(int64_t value) {
	return ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0);
}
static int64_t unfold_sign(uint64_t value) {
	return (int64_t)((value >> 1) ^ ((value & 1) != 0 ? UINT64_MAX : 0));
}

static size_t rows_pack(const struct lookup_row *rows, uint8_t *bytes, size_t room) {
	struct byte_writer writer;
	byte_writer_init(&writer, bytes, room);
	uint64_t last = 0;
	for (size_t i = 0; i < LOOKUP_BLOCK; i++) {
		lookup_put_number(&writer, fold_sign((int64_t)((uint64_t)rows[i].time_ms - last)));
		lookup_put_number(&writer, rows[i].profile);
		last = (uint64_t)rows[i].time_ms;
	}
	return writer.failed ? 0 : writer.used;
}

bool lookup_rows_unpack(const void *bytes, size_t length, struct lookup_row rows[LOOKUP_BLOCK]) {
	struct byte_reader reader;
	byte_reader_init(&reader, bytes, length);
	uint64_t last = 0;
	for (size_t i = 0; i < LOOKUP_BLOCK; i++) {
		last += (uint64_t)unfold_sign(lookup_get_number(&reader));
		uint64_t profile = lookup_get_number(&reader);
		rows[i] = (struct lookup_row){.time_ms = (int64_t)last, .profile = (uint32_t)profile};
		if (profile == 0 || profile > UINT32_MAX)
			return false;
	}
	return byte_reader_done(&reader);
}

/* ---- statements ---- */

static int execute(struct lookup_store *store, const char *sql) {
	return database_errno(sqlite3_exec(store->db, sql, NULL, NULL, NULL));
}

/* Steps once; *ret_id is the first column where there is a row, else kept. The statement is reset. */
static int step_id(sqlite3_stmt *statement, int64_t *ret_id) {
	int result = sqlite3_step(statement);
	if (result == SQLITE_ROW && ret_id != NULL)
		*ret_id = sqlite3_column_int64(statement, 0);
	(void)sqlite3_reset(statement);
	return database_errno(result);
}

static int begin(struct lookup_store *store) {
	if (store->in_transaction)
		return 0;
	int error = execute(store, "BEGIN IMMEDIATE");
	store->in_transaction = error == 0;
	return error;
}

/* Numbers of profiles that the last transaction gave are void. */
static void roll_back(struct lookup_store *store) {
	(void)execute(store, "ROLLBACK");
	store->in_transaction = false;
	store->count = 0;
	store->generation++;
	memset(store->recent, 0, sizeof store->recent);
}

/* ---- opening ---- */

static int64_t number(struct lookup_store *store, const char *sql) {
	sqlite3_stmt *statement = NULL;
	int64_t value = -1;
	int result = sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL);
	int error = database_errno(result);
	if (error == 0)
		error = step_id(statement, &value);
	(void)sqlite3_finalize(statement);
	return error != 0 ? error : value;
}

static bool is_of(struct lookup_store *store, const char *origin) {
	sqlite3_stmt *statement = NULL;
	bool same = sqlite3_prepare_v2(store->db, "SELECT 1 FROM log WHERE origin=?1", -1, &statement, NULL) == SQLITE_OK &&
	            sqlite3_bind_text(statement, 1, origin, -1, SQLITE_STATIC) == SQLITE_OK &&
	            sqlite3_step(statement) == SQLITE_ROW;
	(void)sqlite3_finalize(statement);
	return same;
}

static int make_schema(struct lookup_store *store, const char *origin) {
	char stamp[64];
	(void)snprintf(stamp, sizeof stamp, "PRAGMA user_version=%d", LOOKUP_VERSION);
	sqlite3_stmt *statement = NULL;
	int error = execute(store, "BEGIN IMMEDIATE");
	if (error == 0)
		error = execute(store, schema);
	if (error == 0)
		error = execute(store, stamp);
	if (error == 0)
		error = database_errno(
		    sqlite3_prepare_v2(store->db, "INSERT INTO log(one,origin) VALUES(1,?1)", -1, &statement, NULL));
	if (error == 0) {
		(void)sqlite3_bind_text(statement, 1, origin, -1, SQLITE_STATIC);
		error = step_id(statement, NULL);
	}
	(void)sqlite3_finalize(statement);
	return error == 0 ? execute(store, "COMMIT") : error;
}

/* -EUCLEAN: damaged, of another version or another log: to be made anew. */
static int open_file(struct lookup_store *store, const char *path, const char *origin, uint64_t published) {
	int result =
	    sqlite3_open_v2(path, &store->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
	int error = database_errno(result);
	if (error == 0)
		error = execute(store, settings);
	int64_t version = error == 0 ? number(store, "PRAGMA user_version") : error;
	if (version < 0)
		return (int)version;
	if (version == 0)
		error = make_schema(store, origin);
	if (error == 0 && version != 0 && (version != LOOKUP_VERSION || !is_of(store, origin)))
		error = -EUCLEAN;
	for (size_t i = 0; error == 0 && i < LOOKUP_STATEMENT_COUNT; i++)
		if (sqlite3_prepare_v3(
		        store->db, statement_texts[i], -1, SQLITE_PREPARE_PERSISTENT, &store->statements[i], NULL) != SQLITE_OK)
			error = -EUCLEAN;
	int64_t blocks = error == 0 ? number(store, "SELECT COALESCE(MAX(number)+1,0) FROM block") : error;
	if (blocks < 0)
		return (int)blocks;
	store->base = (uint64_t)blocks * LOOKUP_BLOCK;
	/* A log that has fewer entries than are looked up here is not the one that was. */
	return store->base > published ? -EUCLEAN : 0;
}

static void close_file(struct lookup_store *store) {
	for (size_t i = 0; i < LOOKUP_STATEMENT_COUNT; i++) {
		(void)sqlite3_finalize(store->statements[i]);
		store->statements[i] = NULL;
	}
	(void)sqlite3_close(store->db);
	store->db = NULL;
}

static bool file_path(const char *state_dir, const char *suffix, char path[PATH_MAX]) {
	int length = snprintf(path, PATH_MAX, "%s/log-lookup.db%s", state_dir, suffix);
	return length > 0 && length < PATH_MAX;
}

/* Emptied, not unlinked: SQLite takes an empty file as a new one, and an empty write-ahead log as none. */
void lookup_store_wipe(const char *state_dir) {
	static const char *const suffixes[] = {"-wal", ""};
	char path[PATH_MAX];
	for (size_t i = 0; i < ARRAY_LENGTH(suffixes); i++) {
		if (!file_path(state_dir, suffixes[i], path))
			continue;
		CLOSED_AT_END int fd = open(path, O_WRONLY | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0 && errno != ENOENT)
			log_warning_errno(-errno, "cannot empty '%s'", path);
	}
}

int lookup_store_open(const char *state_dir, const char *origin, uint64_t published, struct lookup_store **ret_store) {
	char path[PATH_MAX];
	struct lookup_store *store = calloc(1, sizeof *store);
	if (store == NULL || !file_path(state_dir, "", path)) {
		free(store);
		return store == NULL ? -ENOMEM : -ENAMETOOLONG;
	}
	int error = open_file(store, path, origin, published);
	if (error == -EUCLEAN) {
		log_notice("the lookup of the audit log is damaged or of another log; it is made anew");
		close_file(store);
		lookup_store_wipe(state_dir);
		memset(store, 0, sizeof *store);
		error = open_file(store, path, origin, published);
	}
	if (error != 0) {
		close_file(store);
		free(store);
		return error;
	}
	*ret_store = store;
	return 0;
}

struct lookup_store *lookup_store_close(struct lookup_store *store) {
	if (store == NULL)
		return NULL;
	int error = lookup_store_commit(store);
	if (error != 0)
		log_warning_errno(error, "the lookup of the audit log could not be written; it catches up at the next start");
	close_file(store);
	free(store);
	return NULL;
}

/* ---- adding ---- */

/* The terms of one entry, as they come. */
struct gathered {
	size_t count;
	bool too_many;
	size_t used;
	struct {
		uint8_t kind;
		uint16_t offset, length;
	} terms[LOOKUP_TERMS_MAX];
	char bytes[LOOKUP_TERMS_MAX * LOOKUP_TERM_BYTES];
};

static void gather(enum audit_term kind, const char *text, void *context) {
	struct gathered *gathered = context;
	size_t length = strnlen(text, LOOKUP_TERM_BYTES);
	for (size_t i = 0; i < gathered->count; i++)
		if (gathered->terms[i].kind == kind && gathered->terms[i].length == length &&
		    memcmp(gathered->bytes + gathered->terms[i].offset, text, length) == 0)
			return;
	if (gathered->count == LOOKUP_TERMS_MAX) {
		gathered->too_many = true;
		return;
	}
	gathered->terms[gathered->count].kind = (uint8_t)kind;
	gathered->terms[gathered->count].offset = (uint16_t)gathered->used;
	gathered->terms[gathered->count].length = (uint16_t)length;
	memcpy(gathered->bytes + gathered->used, text, length);
	gathered->used += length;
	gathered->count++;
}

static int term_id(struct lookup_store *store, unsigned kind, const char *text, size_t length, int64_t *ret_id) {
	int64_t id = 0;
	sqlite3_stmt *statement = store->statements[LOOKUP_TERM_GET];
	(void)sqlite3_bind_int64(statement, 1, kind);
	(void)sqlite3_bind_blob(statement, 2, text, (int)length, SQLITE_STATIC);
	int error = step_id(statement, &id);
	if (error == 0 && id == 0) {
		statement = store->statements[LOOKUP_TERM_PUT];
		error = begin(store);
		(void)sqlite3_bind_int64(statement, 1, kind);
		(void)sqlite3_bind_blob(statement, 2, text, (int)length, SQLITE_STATIC);
		if (error == 0)
			error = step_id(statement, NULL);
		id = sqlite3_last_insert_rowid(store->db);
	}
	*ret_id = id;
	return error;
}

static int by_number(const void *a, const void *b) {
	int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
	return left < right ? -1 : left > right;
}

/* The numbers of the terms in order: the profile's bytes. */
static int profile_bytes(
    struct lookup_store *store, const struct gathered *gathered, uint8_t *bytes, size_t room, size_t *ret_length) {
	int64_t ids[LOOKUP_TERMS_MAX + 1];
	size_t count = 0;
	int error = 0;
	for (size_t i = 0; error == 0 && i < gathered->count && !gathered->too_many; i++)
		error = term_id(store, gathered->terms[i].kind, gathered->bytes + gathered->terms[i].offset,
		    gathered->terms[i].length, &ids[count++]);
	if (error == 0 && gathered->too_many)
		error = term_id(store, LOOKUP_ANY, "", 0, &ids[count++]);
	if (error != 0)
		return error;
	qsort(ids, count, sizeof ids[0], by_number);
	struct byte_writer writer;
	byte_writer_init(&writer, bytes, room);
	for (size_t i = 0; i < count; i++)
		lookup_put_number(&writer, (uint64_t)ids[i]);
	*ret_length = writer.used;
	return writer.failed ? -EOVERFLOW : 0;
}

static int profile_find(struct lookup_store *store, const struct gathered *gathered, uint32_t *ret_profile) {
	uint8_t bytes[(LOOKUP_TERMS_MAX + 1) * 10];
	size_t length = 0;
	int64_t id = 0;
	int error = profile_bytes(store, gathered, bytes, sizeof bytes, &length);
	if (error != 0)
		return error;
	sqlite3_stmt *statement = store->statements[LOOKUP_PROFILE_GET];
	(void)sqlite3_bind_blob(statement, 1, bytes, (int)length, SQLITE_STATIC);
	error = step_id(statement, &id);
	if (error == 0 && id == 0) {
		statement = store->statements[LOOKUP_PROFILE_PUT];
		error = begin(store);
		(void)sqlite3_bind_blob(statement, 1, bytes, (int)length, SQLITE_STATIC);
		if (error == 0)
			error = step_id(statement, NULL);
		id = sqlite3_last_insert_rowid(store->db);
	}
	if (error == 0 && (id <= 0 || id > UINT32_MAX))
		error = -EUCLEAN;
	*ret_profile = (uint32_t)id;
	return error;
}

/* What was gathered as one run of bytes; 0 if it is too long to be kept in memory. */
static size_t recent_key(const struct gathered *gathered, uint8_t key[LOOKUP_RECENT_BYTES]) {
	struct byte_writer writer;
	byte_writer_init(&writer, key, LOOKUP_RECENT_BYTES);
	for (size_t i = 0; i < gathered->count; i++) {
		byte_put_u8(&writer, gathered->terms[i].kind);
		byte_put_text(&writer,
		    (struct text){.data = gathered->bytes + gathered->terms[i].offset, .length = gathered->terms[i].length});
	}
	return writer.failed || gathered->too_many ? 0 : writer.used;
}

static struct lookup_recent *recent_slot(struct lookup_store *store, const uint8_t *key, size_t length) {
	uint32_t hash = 2166136261u;
	for (size_t i = 0; i < length; i++)
		hash = (hash ^ key[i]) * 16777619u;
	return &store->recent[hash % LOOKUP_RECENT];
}

static int profile_of(struct lookup_store *store, const json_t *entry, uint32_t *ret_profile) {
	struct gathered gathered;
	gathered.count = gathered.used = 0;
	gathered.too_many = entry == NULL;
	if (entry != NULL)
		audit_terms(entry, gather, &gathered);
	uint8_t key[LOOKUP_RECENT_BYTES];
	size_t length = recent_key(&gathered, key);
	struct lookup_recent *recent = recent_slot(store, key, length);
	if (length > 0 && recent->profile != 0 && recent->length == length && memcmp(recent->key, key, length) == 0) {
		*ret_profile = recent->profile;
		return 0;
	}
	int error = profile_find(store, &gathered, ret_profile);
	if (error == 0 && length > 0) {
		recent->profile = *ret_profile;
		recent->length = length;
		memcpy(recent->key, key, length);
	}
	return error;
}

static int block_put(struct lookup_store *store) {
	uint8_t bytes[LOOKUP_BLOCK * 16];
	size_t length = rows_pack(store->rows, bytes, sizeof bytes);
	uint64_t block = store->base / LOOKUP_BLOCK;
	int64_t first = INT64_MAX, last = INT64_MIN;
	for (size_t i = 0; i < LOOKUP_BLOCK; i++) {
		first = store->rows[i].time_ms < first ? store->rows[i].time_ms : first;
		last = store->rows[i].time_ms > last ? store->rows[i].time_ms : last;
	}
	int error = length == 0 ? -EOVERFLOW : begin(store);
	if (error != 0)
		return error;
	sqlite3_stmt *statement = store->statements[LOOKUP_BLOCK_PUT];
	(void)sqlite3_bind_int64(statement, 1, (int64_t)block);
	(void)sqlite3_bind_int64(statement, 2, first);
	(void)sqlite3_bind_int64(statement, 3, last);
	(void)sqlite3_bind_blob(statement, 4, bytes, (int)length, SQLITE_STATIC);
	return step_id(statement, NULL);
}

uint64_t lookup_store_size(const struct lookup_store *store) {
	return store->base + store->count;
}

int lookup_store_add(struct lookup_store *store, const json_t *entry) {
	uint32_t profile = 0;
	int error = profile_of(store, entry, &profile);
	if (error == 0) {
		int64_t time_us = entry == NULL ? 0 : audit_entry_time_us(entry);
		store->rows[store->count++] = (struct lookup_row){.time_ms = time_us / 1000, .profile = profile};
		if (store->count < LOOKUP_BLOCK)
			return 0;
		error = block_put(store);
		/* Committed at once: what failed must not take further blocks with it. */
		if (error == 0)
			error = execute(store, "COMMIT");
	}
	if (error != 0) {
		roll_back(store);
		return error;
	}
	store->in_transaction = false;
	store->base += LOOKUP_BLOCK;
	store->count = 0;
	return 0;
}

void lookup_store_skip(struct lookup_store *store) {
	store->base += LOOKUP_BLOCK;
	store->count = 0;
}

int lookup_store_commit(struct lookup_store *store) {
	if (!store->in_transaction)
		return 0;
	int error = execute(store, "COMMIT");
	if (error != 0)
		roll_back(store);
	else
		store->in_transaction = false;
	return error;
}

void lookup_store_relax(struct lookup_store *store) {
	(void)sqlite3_db_release_memory(store->db);
}

/* ---- forgetting ---- */

/* A flag for each number of a profile or a term: what is still needed. */
struct used {
	uint8_t *flags;
	size_t count;
};

static int used_make(struct lookup_store *store, const char *sql, struct used *ret_used) {
	int64_t last = number(store, sql);
	if (last < 0 || last > INT32_MAX)
		return last < 0 ? (int)last : -EUCLEAN;
	ret_used->count = (size_t)last + 1;
	ret_used->flags = calloc(ret_used->count, 1);
	return ret_used->flags == NULL ? -ENOMEM : 0;
}

static bool use(struct used *used, uint64_t id) {
	if (id < used->count)
		used->flags[id] = 1;
	return id < used->count;
}

static int profiles_used(struct lookup_store *store, struct used *used) {
	struct lookup_row rows[LOOKUP_BLOCK];
	sqlite3_stmt *statement = store->statements[LOOKUP_BLOCKS_UP];
	bool sound = true;
	int result;
	(void)sqlite3_bind_int64(statement, 1, 0);
	while ((result = sqlite3_step(statement)) == SQLITE_ROW && sound) {
		sound = lookup_rows_unpack(sqlite3_column_blob(statement, 3), (size_t)sqlite3_column_bytes(statement, 3), rows);
		for (size_t i = 0; i < LOOKUP_BLOCK && sound; i++)
			sound = use(used, rows[i].profile);
	}
	(void)sqlite3_reset(statement);
	for (size_t i = 0; i < store->count; i++)
		sound = use(used, store->rows[i].profile) && sound;
	return sound ? database_errno(result) : -EUCLEAN;
}

static int terms_used(struct lookup_store *store, struct used *used) {
	sqlite3_stmt *statement = store->statements[LOOKUP_PROFILES_FROM];
	bool sound = true;
	int result;
	(void)sqlite3_bind_int64(statement, 1, 0);
	while ((result = sqlite3_step(statement)) == SQLITE_ROW && sound) {
		struct byte_reader reader;
		byte_reader_init(&reader, sqlite3_column_blob(statement, 1), (size_t)sqlite3_column_bytes(statement, 1));
		while (reader.left > 0 && sound) {
			uint64_t id = lookup_get_number(&reader);
			sound = !reader.failed && use(used, id);
		}
	}
	(void)sqlite3_reset(statement);
	return sound ? database_errno(result) : -EUCLEAN;
}

static int unused_delete(struct lookup_store *store, const char *sql, const struct used *used) {
	sqlite3_stmt *statement = NULL;
	int error = database_errno(sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL));
	for (size_t id = 1; error == 0 && id < used->count; id++) {
		if (used->flags[id] != 0)
			continue;
		(void)sqlite3_bind_int64(statement, 1, (int64_t)id);
		error = step_id(statement, NULL);
	}
	(void)sqlite3_finalize(statement);
	return error;
}

static int names_delete(struct lookup_store *store) {
	struct used profiles = {0}, terms = {0};
	int error = used_make(store, "SELECT COALESCE(MAX(id),0) FROM profile", &profiles);
	if (error == 0)
		error = profiles_used(store, &profiles);
	if (error == 0)
		error = unused_delete(store, "DELETE FROM profile WHERE id=?1", &profiles);
	if (error == 0)
		error = used_make(store, "SELECT COALESCE(MAX(id),0) FROM term", &terms);
	if (error == 0)
		error = terms_used(store, &terms);
	if (error == 0)
		error = unused_delete(store, "DELETE FROM term WHERE id=?1", &terms);
	free(profiles.flags);
	free(terms.flags);
	return error;
}

int lookup_store_block(struct lookup_store *store, uint64_t from, uint64_t *ret_block) {
	sqlite3_stmt *statement = store->statements[LOOKUP_BLOCKS_UP];
	int64_t block = -1;
	(void)sqlite3_bind_int64(statement, 1, (int64_t)from);
	int error = step_id(statement, &block);
	if (error == 0 && block < 0)
		error = -ENOENT;
	if (error == 0)
		*ret_block = (uint64_t)block;
	return error;
}

int lookup_store_forget(struct lookup_store *store, uint64_t block) {
	sqlite3_stmt *statement = store->statements[LOOKUP_BLOCK_DELETE];
	int error = begin(store);
	(void)sqlite3_bind_int64(statement, 1, (int64_t)block);
	if (error == 0)
		error = step_id(statement, NULL);
	if (error != 0)
		roll_back(store);
	return error;
}

int lookup_store_forget_names(struct lookup_store *store) {
	int error = begin(store);
	if (error == 0)
		error = names_delete(store);
	if (error != 0) {
		roll_back(store);
		return error;
	}
	store->generation++;
	memset(store->recent, 0, sizeof store->recent);
	error = lookup_store_commit(store);
	/* The write-ahead log still has them. */
	return error == 0 ? execute(store, "PRAGMA wal_checkpoint(TRUNCATE)") : error;
}

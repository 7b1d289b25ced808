/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Schema versions stand in `migrations`: version n is reached by running statement n. A change adds
 * a statement, never edits one.
 */
#include "state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/log.h"
#include "database.h"

struct state {
	sqlite3 *db;
	char path[4096];
	int64_t copied_us;
};

static const char *const migrations[] = {
    "CREATE TABLE hold(id TEXT PRIMARY KEY, kind INTEGER NOT NULL, state INTEGER NOT NULL, all_cameras INTEGER NOT "
    "NULL,"
    " from_us INTEGER NOT NULL, to_us INTEGER NOT NULL, pre_roll_us INTEGER NOT NULL, post_roll_us INTEGER NOT NULL,"
    " reason TEXT NOT NULL, case_reference TEXT NOT NULL, case_pending INTEGER NOT NULL, note TEXT, note_salt TEXT NOT "
    "NULL,"
    " placed_us INTEGER NOT NULL, review_us INTEGER NOT NULL, details_due_us INTEGER NOT NULL, release_at_us INTEGER "
    "NOT NULL,"
    " released_us INTEGER NOT NULL, placed_by INTEGER NOT NULL, placed_by_name TEXT NOT NULL, single_person INTEGER "
    "NOT NULL,"
    " late INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE hold_camera(hold TEXT NOT NULL, place INTEGER NOT NULL, camera BLOB NOT NULL, PRIMARY KEY(hold, "
    "place)) WITHOUT ROWID;"
    "CREATE TABLE outbox(id INTEGER PRIMARY KEY AUTOINCREMENT, action INTEGER NOT NULL, details TEXT NOT NULL, "
    "log_size INTEGER NOT NULL);"
    "CREATE TABLE intent(id INTEGER PRIMARY KEY AUTOINCREMENT, root TEXT NOT NULL, log_size INTEGER NOT NULL, items "
    "BLOB NOT NULL);"
    "CREATE TABLE volume(root TEXT PRIMARY KEY, uuid TEXT NOT NULL, filesystem TEXT NOT NULL, root_inode INTEGER NOT "
    "NULL,"
    " root_birth_ns INTEGER NOT NULL, adopted_us INTEGER NOT NULL, observe_only INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE clock(one INTEGER PRIMARY KEY CHECK(one = 1), high_water_us INTEGER NOT NULL, mark_wall_us INTEGER "
    "NOT NULL,"
    " mark_boot_us INTEGER NOT NULL, boot_id TEXT NOT NULL, synced_this_boot INTEGER NOT NULL, unexplained_us INTEGER "
    "NOT NULL,"
    " frozen INTEGER NOT NULL, needs_person INTEGER NOT NULL, frozen_since_us INTEGER NOT NULL, reason TEXT NOT NULL);"
    "CREATE TABLE brake(one INTEGER PRIMARY KEY CHECK(one = 1), window_start_us INTEGER NOT NULL, segments INTEGER NOT "
    "NULL,"
    " recording_us INTEGER NOT NULL, engaged INTEGER NOT NULL, released INTEGER NOT NULL);"
    "CREATE TABLE value(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;",
    /* What leaves the box (state_deliveries.c). */
    "CREATE TABLE alarm(id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL);"
    "CREATE TABLE target(address TEXT PRIMARY KEY, kind INTEGER NOT NULL, alarm INTEGER NOT NULL, last_alarm INTEGER "
    "NOT "
    "NULL,"
    " added_us INTEGER NOT NULL, success_us INTEGER NOT NULL, origin TEXT NOT NULL, size INTEGER NOT NULL, conflict "
    "INTEGER NOT NULL,"
    " behind INTEGER NOT NULL, lost INTEGER NOT NULL, error TEXT NOT NULL) WITHOUT ROWID;",
};

enum { SCHEMA_VERSION = sizeof migrations / sizeof migrations[0] };

/* One statement with values bound by kind: i integer, t text (NULL allowed), b bytes (pointer, size_t). Prepared anew:
 * state changes are few. */
static sqlite3_stmt *prepare(struct state *state, const char *sql) {
	sqlite3_stmt *statement = NULL;
	if (sqlite3_prepare_v2(state->db, sql, -1, &statement, NULL) != SQLITE_OK)
		return NULL;
	return statement;
}

static int finish(struct state *state, sqlite3_stmt *statement) {
	if (statement == NULL)
		return database_errno(sqlite3_errcode(state->db));
	(void)sqlite3_step(statement);
	return database_errno(sqlite3_finalize(statement));
}

static int execute(struct state *state, const char *sql) {
	return database_errno(sqlite3_exec(state->db, sql, NULL, NULL, NULL));
}

/* Ends a transaction: commits when `error` is 0. */
static int end_transaction(struct state *state, int error) {
	if (error == 0)
		error = execute(state, "COMMIT");
	if (error != 0)
		(void)execute(state, "ROLLBACK");
	return error;
}

static int column_text(sqlite3_stmt *statement, int column, char *text, size_t room) {
	const char *value = (const char *)sqlite3_column_text(statement, column);
	return text_copy(text, room, text_of(value == NULL ? "" : value)) ? 0 : -EUCLEAN;
}

static int integer_pragma(struct state *state, const char *sql, int64_t *ret_value) {
	sqlite3_stmt *statement = prepare(state, sql);
	if (statement == NULL)
		return database_errno(sqlite3_errcode(state->db));
	int result = sqlite3_step(statement);
	if (result == SQLITE_ROW)
		*ret_value = sqlite3_column_int64(statement, 0);
	(void)sqlite3_finalize(statement);
	return result == SQLITE_ROW ? 0 : database_errno(result);
}

static bool is_sound(struct state *state) {
	sqlite3_stmt *statement = prepare(state, "PRAGMA quick_check(1)");
	bool sound = statement != NULL && sqlite3_step(statement) == SQLITE_ROW &&
	             strcmp((const char *)sqlite3_column_text(statement, 0), "ok") == 0;
	(void)sqlite3_finalize(statement);
	return sound;
}

static int migrate(struct state *state, int64_t version) {
	while (version < SCHEMA_VERSION) {
		char sql[64];
		(void)snprintf(sql, sizeof sql, "PRAGMA user_version = %d", (int)version + 1);
		int error = execute(state, "BEGIN IMMEDIATE");
		if (error == 0)
			error = execute(state, migrations[version]);
		if (error == 0)
			error = execute(state, sql);
		error = end_transaction(state, error);
		if (error != 0)
			return error;
		version++;
	}
	return 0;
}

static int open_database(struct state *state, char *message, size_t room) {
	int result = sqlite3_open_v2(
	    state->path, &state->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
	if (result != SQLITE_OK) {
		(void)snprintf(message, room,
		    "cannot open '%s': %s; the user that retentiond runs as (uid %u) must be able to reach that folder and "
		    "write to it",
		    state->path, sqlite3_errmsg(state->db), (unsigned)geteuid());
		return database_errno(result);
	}
	(void)sqlite3_busy_timeout(state->db, 1000);
	int64_t version = 0;
	int error = integer_pragma(state, "PRAGMA user_version", &version);
	if (error == 0 && !is_sound(state))
		error = -EUCLEAN;
	if (error == -EUCLEAN) {
		(void)snprintf(message, room,
		    "'%s' is damaged: holds may be in it, so nothing is deleted and retentiond does not run; "
		    "put back '%s.yesterday' under this name (then compare `retentionctl hold list` with the log), "
		    "or replace it by an empty file to start with no holds",
		    state->path, state->path);
		return error;
	}
	if (error == 0 && version > SCHEMA_VERSION) {
		(void)snprintf(message, room,
		    "'%s' was written by a newer retentiond (schema %lld, this one knows %d): install that version",
		    state->path, (long long)version, SCHEMA_VERSION);
		return -EPROTONOSUPPORT;
	}
	if (error == 0)
		error = execute(state,
		    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -512; PRAGMA foreign_keys = ON");
	if (error == 0)
		error = migrate(state, version);
	if (error != 0)
		(void)snprintf(message, room, "cannot use '%s': %s", state->path, sqlite3_errmsg(state->db));
	return error;
}

int state_open(const char *state_dir, struct state **ret_state, char *message, size_t room) {
	struct state *state = calloc(1, sizeof *state);
	if (state == NULL)
		return -ENOMEM;
	int error = 0;
	if ((size_t)snprintf(state->path, sizeof state->path, "%s/state.db", state_dir) >= sizeof state->path)
		error = -ENAMETOOLONG;
	if (error == 0)
		error = open_database(state, message, room);
	if (error != 0) {
		(void)state_close(state);
		return error;
	}
	*ret_state = state;
	return 0;
}

struct state *state_close(struct state *state) {
	if (state != NULL) {
		(void)sqlite3_close(state->db);
		free(state);
	}
	return NULL;
}

struct sqlite3 *state_database(struct state *state) {
	return state->db;
}

int state_copy(struct state *state, int64_t now_us) {
	if (state->copied_us != 0 && now_us < state->copied_us + US_PER_DAY && now_us >= state->copied_us)
		return 0;
	char fresh[sizeof state->path + 16];
	char today[sizeof state->path + 16];
	char yesterday[sizeof state->path + 16];
	(void)snprintf(fresh, sizeof fresh, "%s.new", state->path);
	(void)snprintf(today, sizeof today, "%s.today", state->path);
	(void)snprintf(yesterday, sizeof yesterday, "%s.yesterday", state->path);
	(void)unlink(fresh);

	sqlite3 *copy = NULL;
	int result = sqlite3_open(fresh, &copy);
	sqlite3_backup *backup = result == SQLITE_OK ? sqlite3_backup_init(copy, "main", state->db, "main") : NULL;
	if (backup != NULL) {
		result = sqlite3_backup_step(backup, -1);
		int ended = sqlite3_backup_finish(backup);
		result = result == SQLITE_DONE ? ended : result;
	} else if (result == SQLITE_OK) {
		result = sqlite3_errcode(copy);
	}
	(void)sqlite3_close(copy);
	if (result != SQLITE_OK)
		return database_errno(result);
	if (access(today, F_OK) == 0 && rename(today, yesterday) < 0)
		return -errno;
	if (rename(fresh, today) < 0)
		return -errno;
	/* The first copy stands for yesterday's too, until there is one. */
	if (access(yesterday, F_OK) != 0 && link(today, yesterday) < 0)
		return -errno;
	state->copied_us = now_us;
	return 0;
}

static int put_cameras(struct state *state, const struct hold *hold) {
	sqlite3_stmt *statement = prepare(state, "DELETE FROM hold_camera WHERE hold = ?1");
	(void)sqlite3_bind_text(statement, 1, hold->id, -1, SQLITE_STATIC);
	int error = finish(state, statement);
	for (size_t i = 0; error == 0 && i < hold->camera_count; i++) {
		statement = prepare(state, "INSERT INTO hold_camera VALUES(?1, ?2, ?3)");
		(void)sqlite3_bind_text(statement, 1, hold->id, -1, SQLITE_STATIC);
		(void)sqlite3_bind_int64(statement, 2, (int64_t)i);
		(void)sqlite3_bind_blob(statement, 3, hold->cameras[i], (int)strlen(hold->cameras[i]), SQLITE_STATIC);
		error = finish(state, statement);
	}
	return error;
}

static int put_hold(struct state *state, const struct hold *hold) {
	sqlite3_stmt *statement =
	    prepare(state, "INSERT OR REPLACE INTO hold VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13,"
	                   " ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22)");
	const int64_t integers[][2] = {
	    {2, hold->kind},
	    {3, hold->state},
	    {4, hold->all_cameras},
	    {5, hold->from_us},
	    {6, hold->to_us},
	    {7, hold->pre_roll_us},
	    {8, hold->post_roll_us},
	    {11, hold->case_pending},
	    {14, hold->placed_us},
	    {15, hold->review_us},
	    {16, hold->details_due_us},
	    {17, hold->release_at_us},
	    {18, hold->released_us},
	    {19, hold->placed_by},
	    {21, hold->single_person},
	    {22, hold->late},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(integers); i++)
		(void)sqlite3_bind_int64(statement, (int)integers[i][0], integers[i][1]);
	(void)sqlite3_bind_text(statement, 1, hold->id, -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(statement, 9, hold->reason, -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(statement, 10, hold->case_reference, -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(statement, 12, hold->note, -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(statement, 13, hold->note_salt, -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(statement, 20, hold->placed_by_name, -1, SQLITE_STATIC);
	return finish(state, statement);
}

int state_hold_put(struct state *state, const struct hold *hold, int action, const char *details, uint64_t log_size,
    int64_t *ret_outbox) {
	int error = execute(state, "BEGIN IMMEDIATE");
	if (error != 0)
		return error;
	error = put_hold(state, hold);
	if (error == 0)
		error = put_cameras(state, hold);
	if (error == 0) {
		sqlite3_stmt *statement = prepare(state, "INSERT INTO outbox(action, details, log_size) VALUES(?1, ?2, ?3)");
		(void)sqlite3_bind_int(statement, 1, action);
		(void)sqlite3_bind_text(statement, 2, details, -1, SQLITE_STATIC);
		(void)sqlite3_bind_int64(statement, 3, (int64_t)log_size);
		error = finish(state, statement);
	}
	int64_t outbox = sqlite3_last_insert_rowid(state->db);
	error = end_transaction(state, error);
	if (error == 0)
		*ret_outbox = outbox;
	return error;
}

static int read_cameras(struct state *state, struct hold *hold) {
	sqlite3_stmt *statement = prepare(state, "SELECT camera FROM hold_camera WHERE hold = ?1 ORDER BY place");
	if (statement == NULL)
		return database_errno(sqlite3_errcode(state->db));
	(void)sqlite3_bind_text(statement, 1, hold->id, -1, SQLITE_STATIC);
	hold->cameras = calloc(HOLD_CAMERAS_MAX, sizeof *hold->cameras);
	int error = hold->cameras == NULL ? -ENOMEM : 0;
	int result = SQLITE_DONE;
	while (error == 0 && hold->camera_count < HOLD_CAMERAS_MAX && (result = sqlite3_step(statement)) == SQLITE_ROW) {
		size_t length = (size_t)sqlite3_column_bytes(statement, 0);
		const void *camera = sqlite3_column_blob(statement, 0);
		char *name = strndup(camera == NULL ? "" : camera, length);
		if (name == NULL)
			error = -ENOMEM;
		else
			hold->cameras[hold->camera_count++] = name;
	}
	(void)sqlite3_finalize(statement);
	return error != 0 ? error : database_errno(result);
}

static int read_hold(struct state *state, sqlite3_stmt *statement, struct hold *hold) {
	hold->kind = (enum hold_kind)sqlite3_column_int(statement, 1);
	hold->state = (enum hold_state)sqlite3_column_int(statement, 2);
	hold->all_cameras = sqlite3_column_int(statement, 3) != 0;
	hold->from_us = sqlite3_column_int64(statement, 4);
	hold->to_us = sqlite3_column_int64(statement, 5);
	hold->pre_roll_us = sqlite3_column_int64(statement, 6);
	hold->post_roll_us = sqlite3_column_int64(statement, 7);
	hold->case_pending = sqlite3_column_int(statement, 10) != 0;
	hold->placed_us = sqlite3_column_int64(statement, 13);
	hold->review_us = sqlite3_column_int64(statement, 14);
	hold->details_due_us = sqlite3_column_int64(statement, 15);
	hold->release_at_us = sqlite3_column_int64(statement, 16);
	hold->released_us = sqlite3_column_int64(statement, 17);
	hold->placed_by = sqlite3_column_int64(statement, 18);
	hold->single_person = sqlite3_column_int(statement, 20) != 0;
	hold->late = sqlite3_column_int(statement, 21) != 0;
	const char *note = (const char *)sqlite3_column_text(statement, 11);
	hold->note = note == NULL ? NULL : strdup(note);
	if (column_text(statement, 0, hold->id, sizeof hold->id) < 0 ||
	    column_text(statement, 8, hold->reason, sizeof hold->reason) < 0 ||
	    column_text(statement, 9, hold->case_reference, sizeof hold->case_reference) < 0 ||
	    column_text(statement, 12, hold->note_salt, sizeof hold->note_salt) < 0 ||
	    column_text(statement, 19, hold->placed_by_name, sizeof hold->placed_by_name) < 0)
		return -EUCLEAN;
	return read_cameras(state, hold);
}

int state_holds(struct state *state, int (*each)(const struct hold *hold, void *context), void *context) {
	sqlite3_stmt *statement = prepare(state, "SELECT * FROM hold ORDER BY placed_us, id");
	if (statement == NULL)
		return database_errno(sqlite3_errcode(state->db));
	int error = 0;
	int result = SQLITE_DONE;
	while (error == 0 && (result = sqlite3_step(statement)) == SQLITE_ROW) {
		struct hold hold;
		hold_init(&hold);
		error = read_hold(state, statement, &hold);
		if (error == 0)
			error = each(&hold, context);
		hold_release(&hold);
	}
	(void)sqlite3_finalize(statement);
	return error != 0 ? error : database_errno(result);
}

/*
 * A change that need not be durable by itself: it is with the next one that is, which syncs the same file.
 * Each sync that is left out is one that deletions and holds need not wait for.
 */
static int finish_lazily(struct state *state, sqlite3_stmt *statement) {
	int error = execute(state, "PRAGMA synchronous = NORMAL");
	int done = finish(state, statement);
	int again = execute(state, "PRAGMA synchronous = FULL");
	return done != 0 ? done : error != 0 ? error : again;
}

/* An intent or outbox row that outlives its entries finds them in the log. */
static int remove_row(struct state *state, const char *sql, int64_t id) {
	sqlite3_stmt *statement = prepare(state, sql);
	(void)sqlite3_bind_int64(statement, 1, id);
	return finish_lazily(state, statement);
}

int state_outbox_remove(struct state *state, int64_t outbox) {
	return remove_row(state, "DELETE FROM outbox WHERE id = ?1", outbox);
}

int state_outbox(struct state *state,
    int (*each)(int64_t outbox, int action, const char *details, uint64_t log_size, void *context), void *context) {
	sqlite3_stmt *statement = prepare(state, "SELECT id, action, details, log_size FROM outbox ORDER BY id");
	if (statement == NULL)
		return database_errno(sqlite3_errcode(state->db));
	int error = 0;
	int result = SQLITE_DONE;
	while (error == 0 && (result = sqlite3_step(statement)) == SQLITE_ROW)
		error = each(sqlite3_column_int64(statement, 0), sqlite3_column_int(statement, 1),
		    (const char *)sqlite3_column_text(statement, 2), (uint64_t)sqlite3_column_int64(statement, 3), context);
	(void)sqlite3_finalize(statement);
	return error != 0 ? error : database_errno(result);
}

int state_intent_put(
    struct state *state, const char *root, uint64_t log_size, const void *items, size_t length, int64_t *ret_intent) {
	sqlite3_stmt *statement = prepare(state, "INSERT INTO intent(root, log_size, items) VALUES(?1, ?2, ?3)");
	(void)sqlite3_bind_text(statement, 1, root, -1, SQLITE_STATIC);
	(void)sqlite3_bind_int64(statement, 2, (int64_t)log_size);
	(void)sqlite3_bind_blob64(statement, 3, items, length, SQLITE_STATIC);
	int error = finish(state, statement);
	if (error == 0)
		*ret_intent = sqlite3_last_insert_rowid(state->db);
	return error;
}

int state_intent_remove(struct state *state, int64_t intent) {
	return remove_row(state, "DELETE FROM intent WHERE id = ?1", intent);
}

int state_intents(struct state *state, int (*each)(const struct intent_row *intent, void *context), void *context) {
	sqlite3_stmt *statement = prepare(state, "SELECT id, root, log_size, items FROM intent ORDER BY id");
	if (statement == NULL)
		return database_errno(sqlite3_errcode(state->db));
	int error = 0;
	int result = SQLITE_DONE;
	while (error == 0 && (result = sqlite3_step(statement)) == SQLITE_ROW) {
		struct intent_row intent = {
		    .id = sqlite3_column_int64(statement, 0),
		    .root = (const char *)sqlite3_column_text(statement, 1),
		    .log_size = (uint64_t)sqlite3_column_int64(statement, 2),
		    .items = sqlite3_column_blob(statement, 3),
		    .length = (size_t)sqlite3_column_bytes(statement, 3),
		};
		error = each(&intent, context);
	}
	(void)sqlite3_finalize(statement);
	return error != 0 ? error : database_errno(result);
}

/* Ends a query for one row: -ENOENT when there was none. */
static int end_query(sqlite3_stmt *statement, int result, int error) {
	(void)sqlite3_finalize(statement);
	return result == SQLITE_DONE ? -ENOENT : result != SQLITE_ROW ? database_errno(result) : error;
}

int state_volume_get(struct state *state, const char *root, struct volume_row *ret_row) {
	sqlite3_stmt *statement = prepare(state, "SELECT * FROM volume WHERE root = ?1");
	(void)sqlite3_bind_text(statement, 1, root, -1, SQLITE_STATIC);
	int result = sqlite3_step(statement);
	struct volume_row row = {0};
	int error = 0;
	if (result == SQLITE_ROW) {
		if (column_text(statement, 0, row.root, sizeof row.root) < 0 ||
		    column_text(statement, 1, row.uuid, sizeof row.uuid) < 0 ||
		    column_text(statement, 2, row.filesystem, sizeof row.filesystem) < 0)
			error = -EUCLEAN;
		row.root_inode = (uint64_t)sqlite3_column_int64(statement, 3);
		row.root_birth_ns = sqlite3_column_int64(statement, 4);
		row.adopted_us = sqlite3_column_int64(statement, 5);
		row.observe_only = sqlite3_column_int(statement, 6) != 0;
	}
	error = end_query(statement, result, error);
	if (error == 0)
		*ret_row = row;
	return error;
}

int state_volume_put(struct state *state, const struct volume_row *row) {
	sqlite3_stmt *statement = prepare(state, "INSERT OR REPLACE INTO volume VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)");
	(void)sqlite3_bind_text(statement, 1, row->root, -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(statement, 2, row->uuid, -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(statement, 3, row->filesystem, -1, SQLITE_STATIC);
	(void)sqlite3_bind_int64(statement, 4, (int64_t)row->root_inode);
	(void)sqlite3_bind_int64(statement, 5, row->root_birth_ns);
	(void)sqlite3_bind_int64(statement, 6, row->adopted_us);
	(void)sqlite3_bind_int(statement, 7, row->observe_only);
	return finish(state, statement);
}

int state_clock_get(struct state *state, struct clock_state *ret_clock) {
	sqlite3_stmt *statement = prepare(state, "SELECT * FROM clock");
	int result = sqlite3_step(statement);
	struct clock_state clock = {0};
	int error = 0;
	if (result == SQLITE_ROW) {
		clock.high_water_us = sqlite3_column_int64(statement, 1);
		clock.mark_wall_us = sqlite3_column_int64(statement, 2);
		clock.mark_boot_us = sqlite3_column_int64(statement, 3);
		clock.synced_this_boot = sqlite3_column_int(statement, 5) != 0;
		clock.unexplained_us = sqlite3_column_int64(statement, 6);
		clock.frozen = sqlite3_column_int(statement, 7) != 0;
		clock.needs_person = sqlite3_column_int(statement, 8) != 0;
		clock.frozen_since_us = sqlite3_column_int64(statement, 9);
		if (column_text(statement, 4, clock.boot_id, sizeof clock.boot_id) < 0 ||
		    column_text(statement, 10, clock.reason, sizeof clock.reason) < 0)
			error = -EUCLEAN;
	}
	error = end_query(statement, result, error);
	if (error == 0)
		*ret_clock = clock;
	return error;
}

int state_clock_put(struct state *state, const struct clock_state *clock) {
	sqlite3_stmt *statement =
	    prepare(state, "INSERT OR REPLACE INTO clock VALUES(1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)");
	(void)sqlite3_bind_int64(statement, 1, clock->high_water_us);
	(void)sqlite3_bind_int64(statement, 2, clock->mark_wall_us);
	(void)sqlite3_bind_int64(statement, 3, clock->mark_boot_us);
	(void)sqlite3_bind_text(statement, 4, clock->boot_id, -1, SQLITE_STATIC);
	(void)sqlite3_bind_int(statement, 5, clock->synced_this_boot);
	(void)sqlite3_bind_int64(statement, 6, clock->unexplained_us);
	(void)sqlite3_bind_int(statement, 7, clock->frozen);
	(void)sqlite3_bind_int(statement, 8, clock->needs_person);
	(void)sqlite3_bind_int64(statement, 9, clock->frozen_since_us);
	(void)sqlite3_bind_text(statement, 10, clock->reason, -1, SQLITE_STATIC);
	return finish(state, statement);
}

int state_brake_get(struct state *state, struct brake_count *ret_brake) {
	sqlite3_stmt *statement = prepare(state, "SELECT * FROM brake");
	int result = sqlite3_step(statement);
	struct brake_count brake = {0};
	if (result == SQLITE_ROW) {
		brake.window_start_us = sqlite3_column_int64(statement, 1);
		brake.segments = (uint64_t)sqlite3_column_int64(statement, 2);
		brake.recording_us = sqlite3_column_int64(statement, 3);
		brake.engaged = sqlite3_column_int(statement, 4) != 0;
		brake.released = sqlite3_column_int(statement, 5) != 0;
	}
	int error = end_query(statement, result, 0);
	if (error == 0)
		*ret_brake = brake;
	return error;
}

static sqlite3_stmt *brake_statement(struct state *state, const struct brake_count *brake) {
	sqlite3_stmt *statement = prepare(state, "INSERT OR REPLACE INTO brake VALUES(1, ?1, ?2, ?3, ?4, ?5)");
	(void)sqlite3_bind_int64(statement, 1, brake->window_start_us);
	(void)sqlite3_bind_int64(statement, 2, (int64_t)brake->segments);
	(void)sqlite3_bind_int64(statement, 3, brake->recording_us);
	(void)sqlite3_bind_int(statement, 4, brake->engaged);
	(void)sqlite3_bind_int(statement, 5, brake->released);
	return statement;
}

int state_brake_put(struct state *state, const struct brake_count *brake) {
	return finish(state, brake_statement(state, brake));
}

int state_brake_count(struct state *state, const struct brake_count *brake) {
	return finish_lazily(state, brake_statement(state, brake));
}

int state_value_get(struct state *state, const char *key, char *value, size_t room) {
	sqlite3_stmt *statement = prepare(state, "SELECT value FROM value WHERE key = ?1");
	(void)sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
	int result = sqlite3_step(statement);
	int error = result == SQLITE_ROW ? column_text(statement, 0, value, room) : 0;
	return end_query(statement, result, error);
}

static sqlite3_stmt *value_statement(struct state *state, const char *key, const char *value) {
	sqlite3_stmt *statement = prepare(state, "INSERT OR REPLACE INTO value VALUES(?1, ?2)");
	(void)sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(statement, 2, value, -1, SQLITE_STATIC);
	return statement;
}

int state_value_put(struct state *state, const char *key, const char *value) {
	return finish(state, value_statement(state, key, value));
}

int state_hold_next_number(struct state *state, int64_t *ret_number) {
	char value[32] = "0";
	int error = state_value_get(state, "hold-number", value, sizeof value);
	if (error != 0 && error != -ENOENT)
		return error;
	int64_t number = strtoll(value, NULL, 10) + 1;
	(void)snprintf(value, sizeof value, "%lld", (long long)number);
	/* Durable with the hold that takes it. */
	error = finish_lazily(state, value_statement(state, "hold-number", value));
	if (error == 0)
		*ret_number = number;
	return error;
}

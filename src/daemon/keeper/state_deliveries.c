/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "state_deliveries.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sqlite3.h>

#include "database.h"

static sqlite3_stmt *prepare(struct state *state, const char *sql) {
	sqlite3_stmt *statement = NULL;
	return sqlite3_prepare_v2(state_database(state), sql, -1, &statement, NULL) == SQLITE_OK ? statement : NULL;
}

static int execute(struct state *state, const char *sql) {
	return database_errno(sqlite3_exec(state_database(state), sql, NULL, NULL, NULL));
}

static int finish(struct state *state, sqlite3_stmt *statement) {
	if (statement == NULL)
		return database_errno(sqlite3_errcode(state_database(state)));
	(void)sqlite3_step(statement);
	return database_errno(sqlite3_finalize(statement));
}

/* Without a sync of its own. */
static int finish_lazily(struct state *state, sqlite3_stmt *statement) {
	int error = execute(state, "PRAGMA synchronous = NORMAL");
	int done = finish(state, statement);
	int again = execute(state, "PRAGMA synchronous = FULL");
	return done != 0 ? done : error != 0 ? error : again;
}

static bool column_text(sqlite3_stmt *statement, int column, char *text, size_t room) {
	const char *value = (const char *)sqlite3_column_text(statement, column);
	return text_copy(text, room, text_of(value == NULL ? "" : value));
}

static bool read_target(sqlite3_stmt *statement, struct target_row *row) {
	*row = (struct target_row){
	    .kind = (uint8_t)sqlite3_column_int(statement, 1),
	    .alarm = sqlite3_column_int64(statement, 2),
	    .last_alarm = sqlite3_column_int64(statement, 3),
	    .added_us = sqlite3_column_int64(statement, 4),
	    .success_us = sqlite3_column_int64(statement, 5),
	    .size = (uint64_t)sqlite3_column_int64(statement, 7),
	    .conflict = sqlite3_column_int(statement, 8) != 0,
	    .behind = sqlite3_column_int(statement, 9) != 0,
	    .lost = (uint64_t)sqlite3_column_int64(statement, 10),
	};
	return column_text(statement, 0, row->address, sizeof row->address) &&
	       column_text(statement, 6, row->origin, sizeof row->origin) &&
	       column_text(statement, 11, row->error, sizeof row->error);
}

int state_targets(struct state *state, int (*each)(const struct target_row *target, void *context), void *context) {
	sqlite3_stmt *statement = prepare(state, "SELECT * FROM target ORDER BY address");
	if (statement == NULL)
		return database_errno(sqlite3_errcode(state_database(state)));
	int error = 0;
	int result = SQLITE_DONE;
	while (error == 0 && (result = sqlite3_step(statement)) == SQLITE_ROW) {
		struct target_row row;
		error = read_target(statement, &row) ? each(&row, context) : -EUCLEAN;
	}
	(void)sqlite3_finalize(statement);
	return error != 0 ? error : database_errno(result);
}

int state_target_put(struct state *state, const struct target_row *target) {
	sqlite3_stmt *statement =
	    prepare(state, "INSERT OR REPLACE INTO target VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)");
	const int64_t integers[][2] = {
	    {2, target->kind},
	    {3, target->alarm},
	    {4, target->last_alarm},
	    {5, target->added_us},
	    {6, target->success_us},
	    {8, (int64_t)target->size},
	    {9, target->conflict},
	    {10, target->behind},
	    {11, (int64_t)target->lost},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(integers); i++)
		(void)sqlite3_bind_int64(statement, (int)integers[i][0], integers[i][1]);
	(void)sqlite3_bind_text(statement, 1, target->address, -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(statement, 7, target->origin, -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(statement, 12, target->error, -1, SQLITE_STATIC);
	return finish_lazily(state, statement);
}

int state_target_remove(struct state *state, const char *address) {
	sqlite3_stmt *statement = prepare(state, "DELETE FROM target WHERE address = ?1");
	(void)sqlite3_bind_text(statement, 1, address, -1, SQLITE_STATIC);
	return finish_lazily(state, statement);
}

static sqlite3_stmt *position_statement(struct state *state, const char *position) {
	sqlite3_stmt *statement = prepare(state, "INSERT OR REPLACE INTO value VALUES('alarm-position', ?1)");
	(void)sqlite3_bind_text(statement, 1, position, -1, SQLITE_STATIC);
	return statement;
}

int state_alarms_put(
    struct state *state, const char *const *bodies, size_t count, const char *position, int64_t *ret_last) {
	int error = execute(state, "BEGIN IMMEDIATE");
	if (error != 0)
		return error;
	for (size_t i = 0; error == 0 && i < count; i++) {
		sqlite3_stmt *statement = prepare(state, "INSERT INTO alarm(body) VALUES(?1)");
		(void)sqlite3_bind_text(statement, 1, bodies[i], -1, SQLITE_STATIC);
		error = finish(state, statement);
	}
	int64_t last = sqlite3_last_insert_rowid(state_database(state));
	if (error == 0)
		error = finish(state, position_statement(state, position));
	if (error == 0)
		error = execute(state, "COMMIT");
	if (error != 0)
		(void)execute(state, "ROLLBACK");
	else
		*ret_last = last;
	return error;
}

int state_alarms_position(struct state *state, char position[POSITION_BYTES]) {
	int error = state_value_get(state, "alarm-position", position, POSITION_BYTES);
	return error == 0 && position[0] == '\0' ? -ENOENT : error;
}

int state_alarms_position_put(struct state *state, const char *position) {
	return finish_lazily(state, position_statement(state, position));
}

int state_alarms_range(struct state *state, int64_t *ret_first, int64_t *ret_last) {
	sqlite3_stmt *statement = prepare(state,
	    "SELECT coalesce((SELECT min(id) FROM alarm), 0), coalesce((SELECT seq FROM sqlite_sequence WHERE name = "
	    "'alarm'), 0)");
	if (statement == NULL)
		return database_errno(sqlite3_errcode(state_database(state)));
	int result = sqlite3_step(statement);
	if (result == SQLITE_ROW) {
		*ret_first = sqlite3_column_int64(statement, 0);
		*ret_last = sqlite3_column_int64(statement, 1);
	}
	(void)sqlite3_finalize(statement);
	return result == SQLITE_ROW ? 0 : database_errno(result);
}

int state_alarms(struct state *state, int64_t after, size_t count,
    int (*each)(int64_t number, const char *body, size_t length, void *context), void *context) {
	sqlite3_stmt *statement = prepare(state, "SELECT id, body FROM alarm WHERE id > ?1 ORDER BY id LIMIT ?2");
	if (statement == NULL)
		return database_errno(sqlite3_errcode(state_database(state)));
	(void)sqlite3_bind_int64(statement, 1, after);
	(void)sqlite3_bind_int64(statement, 2, (int64_t)count);
	int error = 0;
	int result = SQLITE_DONE;
	while (error == 0 && (result = sqlite3_step(statement)) == SQLITE_ROW)
		error = each(sqlite3_column_int64(statement, 0), (const char *)sqlite3_column_text(statement, 1),
		    (size_t)sqlite3_column_bytes(statement, 1), context);
	(void)sqlite3_finalize(statement);
	return error != 0 ? error : database_errno(result);
}

int state_alarms_trim(struct state *state, int64_t number) {
	sqlite3_stmt *statement = prepare(state, "DELETE FROM alarm WHERE id <= ?1");
	(void)sqlite3_bind_int64(statement, 1, number);
	return finish_lazily(state, statement);
}

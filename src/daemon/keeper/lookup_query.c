/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One search through the lookup, in slices: first which terms fit, then which profiles have one of each
 * kind that is asked for, then the blocks. A profile whose entry had too many terms fits always.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "database.h"
#include "lookup_private.h"

enum stage { STAGE_TERMS, STAGE_PROFILES, STAGE_BLOCKS, STAGE_DONE };

struct lookup_query {
	enum stage stage;
	char wanted[AUDIT_TERM_COUNT][LOOKUP_TERM_BYTES + 1];
	uint8_t needed; /* bit by kind */
	bool has_span;
	int64_t from_ms, to_ms; /* the first and the last millisecond in it */
	struct lookup_page page;

	uint64_t generation, size; /* of the store when the search began */
	uint8_t *terms;            /* by number: which kinds it fits */
	size_t term_count;
	uint8_t *profiles; /* by number: whether it fits */
	size_t profile_count;
	uint64_t next_profile, next_block;
	uint64_t *numbers; /* one more than the page holds, to know whether there is one */
	size_t count;
};

struct lookup_query *lookup_query_new(const struct audit_filter *filter, const struct lookup_page *page) {
	struct lookup_query *query = calloc(1, sizeof *query);
	if (query == NULL)
		return NULL;
	query->page = *page;
	if (query->page.limit > LOOKUP_PAGE_MAX)
		query->page.limit = LOOKUP_PAGE_MAX;
	query->numbers = calloc(query->page.limit + 1, sizeof *query->numbers);
	if (query->numbers == NULL)
		return lookup_query_free(query);
	for (unsigned kind = 0; kind < AUDIT_TERM_COUNT; kind++) {
		const char *text = filter->terms[kind];
		if (text == NULL)
			continue;
		memcpy(query->wanted[kind], text, strnlen(text, LOOKUP_TERM_BYTES));
		query->needed |= (uint8_t)(1u << kind);
	}
	query->has_span = filter->has_span;
	query->from_ms = filter->from_us <= 0 ? 0 : (filter->from_us - 1) / 1000 + 1;
	query->to_ms = filter->to_us <= 0 ? -1 : (filter->to_us - 1) / 1000;
	return query;
}

struct lookup_query *lookup_query_free(struct lookup_query *query) {
	if (query == NULL)
		return NULL;
	free(query->terms);
	free(query->profiles);
	free(query->numbers);
	free(query);
	return NULL;
}

static int largest(struct lookup_store *store, const char *sql, size_t *ret_count) {
	sqlite3_stmt *statement = NULL;
	int64_t last = -1;
	int result = sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL);
	if (result == SQLITE_OK)
		result = sqlite3_step(statement);
	if (result == SQLITE_ROW)
		last = sqlite3_column_int64(statement, 0);
	(void)sqlite3_finalize(statement);
	int error = database_errno(result);
	if (error == 0 && (last < 0 || last > INT32_MAX))
		error = -EUCLEAN;
	*ret_count = error == 0 ? (size_t)last + 1 : 0;
	return error;
}

static int begin(struct lookup_query *query, struct lookup_store *store) {
	free(query->terms);
	free(query->profiles);
	query->terms = query->profiles = NULL;
	query->count = 0;
	query->generation = store->generation;
	query->size = lookup_store_size(store);
	int error = largest(store, "SELECT COALESCE(MAX(id),0) FROM term", &query->term_count);
	if (error == 0)
		error = largest(store, "SELECT COALESCE(MAX(id),0) FROM profile", &query->profile_count);
	if (error != 0)
		return error;
	query->terms = calloc(query->term_count, 1);
	query->profiles = calloc(query->profile_count, 1);
	query->next_profile = 1;
	query->stage = STAGE_TERMS;
	return query->terms == NULL || query->profiles == NULL ? -ENOMEM : 0;
}

static void term_mark(struct lookup_query *query, int64_t id, uint8_t kinds) {
	if (id > 0 && (uint64_t)id < query->term_count)
		query->terms[id] |= kinds;
}

/* Terms of one kind are few beside entries: all of them are looked at. */
static int terms_of_kind(struct lookup_query *query, struct lookup_store *store, unsigned kind) {
	sqlite3_stmt *statement = store->statements[LOOKUP_TERMS_OF_KIND];
	int result;
	(void)sqlite3_bind_int64(statement, 1, kind);
	while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
		char text[LOOKUP_TERM_BYTES + 1] = "";
		size_t length = (size_t)sqlite3_column_bytes(statement, 1);
		if (length > 0)
			memcpy(text, sqlite3_column_blob(statement, 1), length < LOOKUP_TERM_BYTES ? length : LOOKUP_TERM_BYTES);
		/* One that was cut may end in anything. */
		if (kind == LOOKUP_ANY)
			term_mark(query, sqlite3_column_int64(statement, 0), UINT8_MAX);
		else if (length >= LOOKUP_TERM_BYTES || audit_term_matches((enum audit_term)kind, text, query->wanted[kind]))
			term_mark(query, sqlite3_column_int64(statement, 0), (uint8_t)(1u << kind));
	}
	(void)sqlite3_reset(statement);
	return database_errno(result);
}

static int find_terms(struct lookup_query *query, struct lookup_store *store) {
	int error = query->needed == 0 ? 0 : terms_of_kind(query, store, LOOKUP_ANY);
	for (unsigned kind = 0; error == 0 && kind < AUDIT_TERM_COUNT; kind++)
		if ((query->needed & (1u << kind)) != 0)
			error = terms_of_kind(query, store, kind);
	query->stage = STAGE_PROFILES;
	return error;
}

static bool profile_fits(const struct lookup_query *query, const void *bytes, size_t length) {
	struct byte_reader reader;
	uint8_t found = 0;
	byte_reader_init(&reader, bytes, length);
	while (reader.left > 0 && !reader.failed) {
		uint64_t id = lookup_get_number(&reader);
		found |= id < query->term_count ? query->terms[id] : UINT8_MAX;
	}
	return (found & query->needed) == query->needed;
}

static int find_profiles(struct lookup_query *query, struct lookup_store *store, int64_t until_us) {
	sqlite3_stmt *statement = store->statements[LOOKUP_PROFILES_FROM];
	int result;
	(void)sqlite3_bind_int64(statement, 1, (int64_t)query->next_profile);
	while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
		int64_t id = sqlite3_column_int64(statement, 0);
		if (id < 0 || (uint64_t)id >= query->profile_count) {
			query->next_profile = query->profile_count; /* it has come since the search began */
			break;
		}
		query->profiles[id] =
		    profile_fits(query, sqlite3_column_blob(statement, 1), (size_t)sqlite3_column_bytes(statement, 1));
		query->next_profile = (uint64_t)id + 1;
		if (clock_elapsed_us() >= until_us)
			break;
	}
	(void)sqlite3_reset(statement);
	if (result == SQLITE_ROW && query->next_profile < query->profile_count)
		return 0;
	query->stage = STAGE_BLOCKS;
	uint64_t newest = query->page.bound < query->size ? query->page.bound : query->size;
	query->next_block = query->page.ascending ? query->page.bound / LOOKUP_BLOCK : newest / LOOKUP_BLOCK;
	return database_errno(result);
}

static bool row_fits(const struct lookup_query *query, uint64_t number, const struct lookup_row *row) {
	if (query->page.ascending ? number < query->page.bound : number >= query->page.bound)
		return false;
	/* One without a time may lie anywhere. */
	if (query->has_span && row->time_ms != 0 && (row->time_ms < query->from_ms || row->time_ms > query->to_ms))
		return false;
	return row->profile < query->profile_count && query->profiles[row->profile] != 0;
}

/* False when the page is full. */
static bool take_rows(struct lookup_query *query, uint64_t base, const struct lookup_row *rows, size_t count) {
	for (size_t i = 0; i < count; i++) {
		size_t place = query->page.ascending ? i : count - 1 - i;
		if (!row_fits(query, base + place, &rows[place]))
			continue;
		query->numbers[query->count++] = base + place;
		if (query->count > query->page.limit)
			return false;
	}
	return true;
}

static bool block_fits(const struct lookup_query *query, sqlite3_stmt *statement) {
	int64_t first = sqlite3_column_int64(statement, 1), last = sqlite3_column_int64(statement, 2);
	return !query->has_span || first == 0 || (first <= query->to_ms && last >= query->from_ms);
}

/* The block that is not full yet is in memory; what has come to it since the search began is left out. */
static bool take_tail(struct lookup_query *query, const struct lookup_store *store) {
	size_t count = query->size > store->base ? (size_t)(query->size - store->base) : 0;
	return take_rows(query, store->base, store->rows, count < store->count ? count : store->count);
}

static int find_blocks(struct lookup_query *query, struct lookup_store *store, int64_t until_us) {
	struct lookup_row rows[LOOKUP_BLOCK];
	bool up = query->page.ascending, room = true;
	if (!up && query->next_block >= store->base / LOOKUP_BLOCK)
		room = take_tail(query, store);
	sqlite3_stmt *statement = store->statements[up ? LOOKUP_BLOCKS_UP : LOOKUP_BLOCKS_DOWN];
	int result = SQLITE_DONE, error = 0;
	(void)sqlite3_bind_int64(statement, 1, (int64_t)query->next_block);
	while (room && (result = sqlite3_step(statement)) == SQLITE_ROW) {
		uint64_t block = (uint64_t)sqlite3_column_int64(statement, 0);
		if (block_fits(query, statement)) {
			if (!lookup_rows_unpack(
			        sqlite3_column_blob(statement, 3), (size_t)sqlite3_column_bytes(statement, 3), rows)) {
				error = -EUCLEAN;
				break;
			}
			uint64_t base = block * LOOKUP_BLOCK, left = query->size > base ? query->size - base : 0;
			room = take_rows(query, base, rows, left < LOOKUP_BLOCK ? (size_t)left : LOOKUP_BLOCK);
		}
		query->next_block = up ? block + 1 : block - 1;
		if ((!up && block == 0) || clock_elapsed_us() >= until_us)
			break;
	}
	bool first = !up && result == SQLITE_ROW && query->next_block == UINT64_MAX;
	(void)sqlite3_reset(statement);
	if (error == 0)
		error = database_errno(result);
	if (error != 0 || (room && result == SQLITE_ROW && !first))
		return error;
	if (up && room)
		(void)take_tail(query, store);
	query->stage = STAGE_DONE;
	return 0;
}

int lookup_query_step(struct lookup_query *query, struct lookup_store *store, int64_t until_us) {
	int error = 0;
	if (query->terms == NULL || query->generation != store->generation)
		error = begin(query, store);
	if (error == 0 && query->stage == STAGE_TERMS)
		error = find_terms(query, store);
	while (error == 0 && query->stage == STAGE_PROFILES) {
		error = find_profiles(query, store, until_us);
		if (clock_elapsed_us() >= until_us)
			break;
	}
	while (error == 0 && query->stage == STAGE_BLOCKS) {
		error = find_blocks(query, store, until_us);
		if (clock_elapsed_us() >= until_us)
			break;
	}
	return error != 0 ? error : query->stage == STAGE_DONE ? 0 : 1;
}

void lookup_query_result(const struct lookup_query *query, struct lookup_found *ret_found) {
	*ret_found = (struct lookup_found){
	    .looked_up = query->size,
	    .numbers = query->numbers,
	    .count = query->count > query->page.limit ? query->page.limit : query->count,
	    .more = query->count > query->page.limit,
	};
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What lookup_store.c and lookup_query.c share. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sqlite3.h>

#include "base/bytes.h"
#include "lookup_store.h"

enum {
	LOOKUP_BLOCK = 256,            /* entries, as in a bundle */
	LOOKUP_TERMS_MAX = 64,         /* of one entry; one with more is found by every search */
	LOOKUP_TERM_BYTES = 256,       /* longer ones are cut, here and in what is looked for */
	LOOKUP_ANY = AUDIT_TERM_COUNT, /* the kind of the term that fits whatever is looked for */
};

struct lookup_row {
	int64_t time_ms;
	uint32_t profile;
};

#define LOOKUP_STATEMENTS(STATEMENT)                                                                                  \
	STATEMENT(TERM_GET, "SELECT id FROM term WHERE kind=?1 AND text=?2")                                              \
	STATEMENT(TERM_PUT, "INSERT INTO term(kind,text) VALUES(?1,?2)")                                                  \
	STATEMENT(TERMS_OF_KIND, "SELECT id,text FROM term WHERE kind=?1")                                                \
	STATEMENT(PROFILE_GET, "SELECT id FROM profile WHERE terms=?1")                                                   \
	STATEMENT(PROFILE_PUT, "INSERT INTO profile(terms) VALUES(?1)")                                                   \
	STATEMENT(PROFILES_FROM, "SELECT id,terms FROM profile WHERE id>=?1 ORDER BY id")                                 \
	STATEMENT(BLOCK_PUT, "INSERT OR REPLACE INTO block(number,first_ms,last_ms,entries) VALUES(?1,?2,?3,?4)")         \
	STATEMENT(BLOCK_DELETE, "DELETE FROM block WHERE number=?1")                                                      \
	STATEMENT(BLOCKS_DOWN, "SELECT number,first_ms,last_ms,entries FROM block WHERE number<=?1 ORDER BY number DESC") \
	STATEMENT(BLOCKS_UP, "SELECT number,first_ms,last_ms,entries FROM block WHERE number>=?1 ORDER BY number")

enum lookup_statement {
#define DECLARE_STATEMENT(name, sql) LOOKUP_##name,
	LOOKUP_STATEMENTS(DECLARE_STATEMENT)
#undef DECLARE_STATEMENT
	    LOOKUP_STATEMENT_COUNT
};

/* Profiles that were used lately, so that most entries cost no query. */
enum { LOOKUP_RECENT = 64, LOOKUP_RECENT_BYTES = 512 };
struct lookup_recent {
	uint32_t profile; /* 0: none */
	size_t length;
	uint8_t key[LOOKUP_RECENT_BYTES];
};

struct lookup_store {
	sqlite3 *db;
	sqlite3_stmt *statements[LOOKUP_STATEMENT_COUNT];
	bool in_transaction;
	uint64_t generation; /* changes when numbers of profiles may mean something else */
	uint64_t base;       /* first entry of the block that is not full yet */
	size_t count;
	struct lookup_row rows[LOOKUP_BLOCK];
	struct lookup_recent recent[LOOKUP_RECENT];
};

/* A number in seven bits a byte, lowest first, the top bit set on all but the last; -1 past the end or over 64 bits. */
void lookup_put_number(struct byte_writer *writer, uint64_t value);
uint64_t lookup_get_number(struct byte_reader *reader);

/* Unpacks a block. False if the bytes are not exactly 256 rows. */
MUST_USE bool lookup_rows_unpack(const void *bytes, size_t length, struct lookup_row rows[LOOKUP_BLOCK]);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside index*.c: the tables, the statements and the small caches.
 *
 * segment is WITHOUT ROWID on (camera, start, place): start in whole milliseconds (6 bytes), place
 * holds the µs left over and the ordinal, so it is nearly always 0 and takes no byte, and the order of
 * the key is the order of starts. `facts` packs what no query asks for (index_code.c). A name that the
 * layout derives is NULL: such rows are found by the start that their path gives, and a folder's by
 * folder_span, the range of starts per camera in that folder. Other rows are found by by_name.
 */
#pragma once

#include <sqlite3.h>

#include "index.h"

enum {
	INDEX_VERSION = 1,
	ORDINAL_BITS = 20,
	FACTS_BYTES_MAX = 128,
	KEY_BYTES_MAX = 30,
	FOLDER_CACHE = 16,
	SPAN_CACHE = 64,
	INDEX_CAMERAS_MAX = 10000
};

/* flags: small where the ordinary segment is, since SQLite stores 0 and 1 in no byte. */
enum {
	FLAG_PROBED = 1,
	FLAG_STATE_SHIFT =
	    1, /* 3 bits, xor SEGMENT_SEALED; the partial index `unsealed` knows discovered and open by (flags & 12) = 4 */
	FLAG_KIND_SHIFT = 4,
	FLAG_SOURCE_SHIFT = 6,
	FLAG_SUSPECT = 1 << 8,
	FLAG_FOLD = 1 << 9,
	FLAG_UNSETTLED = 1 << 10,
	FLAG_GROUPED = 1 << 11,
	FLAG_FAILED = 1 << 12,
	FLAG_PATTERN_SHIFT = 13,
};

#define SEGMENT_COLUMNS "camera,start,place,folder,flags,name,facts"

#define INDEX_STATEMENTS(STATEMENT)                                                                                   \
	STATEMENT(BEGIN, "BEGIN")                                                                                         \
	STATEMENT(COMMIT, "COMMIT")                                                                                       \
	STATEMENT(META_GET, "SELECT value FROM meta WHERE key=?1")                                                        \
	STATEMENT(META_PUT, "INSERT OR REPLACE INTO meta VALUES(?1,?2)")                                                  \
	STATEMENT(ROOT_GET, "SELECT id,derivation FROM root WHERE name=?1")                                               \
	STATEMENT(ROOT_PUT, "INSERT INTO root(name,derivation) VALUES(?1,?2)")                                            \
	STATEMENT(ROOT_DERIVATION, "UPDATE root SET derivation=?2 WHERE id=?1")                                           \
	STATEMENT(CAMERA_ADD, "INSERT INTO camera(root,name,segments,bytes,not_sealed,longest) VALUES(?1,?2,0,0,0,0)")    \
	STATEMENT(CAMERA_TOTALS, "UPDATE camera SET segments=?2,bytes=?3,not_sealed=?4,longest=?5 WHERE id=?1")           \
	STATEMENT(FOLDER_FIND, "SELECT id FROM folder WHERE root=?1 AND path=?2")                                         \
	STATEMENT(FOLDER_ADD, "INSERT INTO folder(root,path,mtime,ctime,unknown) VALUES(?1,?2,0,0,0)")                    \
	STATEMENT(FOLDER_GET, "SELECT id,path,mtime,ctime,unknown,root FROM folder WHERE id=?1")                          \
	STATEMENT(FOLDER_SET, "UPDATE folder SET mtime=?2,ctime=?3,unknown=?4 WHERE id=?1")                               \
	STATEMENT(FOLDER_REMOVE, "DELETE FROM folder WHERE id=?1")                                                        \
	STATEMENT(FOLDER_ALL, "SELECT id,path,mtime,ctime,unknown,root FROM folder WHERE root=?1 ORDER BY path")          \
	STATEMENT(FOLDER_BELOW,                                                                                           \
	    "SELECT id,path,mtime,ctime,unknown,root FROM folder WHERE root=?1 AND (path=?2 OR (path>=?3 AND path<?4))")  \
	STATEMENT(SPAN_GET, "SELECT first,last FROM folder_span WHERE folder=?1 AND camera=?2")                           \
	STATEMENT(SPAN_PUT, "INSERT OR REPLACE INTO folder_span VALUES(?1,?2,?3,?4)")                                     \
	STATEMENT(SPAN_REMOVE, "DELETE FROM folder_span WHERE folder=?1")                                                 \
	STATEMENT(SPAN_ALL, "SELECT camera,first,last FROM folder_span WHERE folder=?1")                                  \
	STATEMENT(SEGMENT_INSERT, "INSERT INTO segment VALUES(?1,?2,?3,?4,?5,?6,?7)")                                     \
	STATEMENT(SEGMENT_REPLACE, "REPLACE INTO segment VALUES(?1,?2,?3,?4,?5,?6,?7)")                                   \
	STATEMENT(SEGMENT_DELETE, "DELETE FROM segment WHERE camera=?1 AND start=?2 AND place=?3")                        \
	STATEMENT(SEGMENT_GET, "SELECT " SEGMENT_COLUMNS " FROM segment WHERE camera=?1 AND start=?2 AND place=?3")       \
	STATEMENT(SEGMENT_LAST_PLACE, "SELECT place FROM segment WHERE camera=?1 AND start=?2 AND place BETWEEN ?3 AND "  \
	                              "?4 ORDER BY place DESC LIMIT 1")                                                   \
	STATEMENT(SEGMENT_AT,                                                                                             \
	    "SELECT " SEGMENT_COLUMNS " FROM segment WHERE camera=?1 AND start=?2 AND place BETWEEN ?3 AND ?4")           \
	STATEMENT(                                                                                                        \
	    SEGMENT_NAMED, "SELECT " SEGMENT_COLUMNS " FROM segment WHERE folder=?1 AND name=?2 AND name IS NOT NULL")    \
	STATEMENT(SEGMENT_NAMED_ALL, "SELECT " SEGMENT_COLUMNS " FROM segment WHERE folder=?1 AND name IS NOT NULL")      \
	STATEMENT(SEGMENT_RANGE, "SELECT " SEGMENT_COLUMNS                                                                \
	                         " FROM segment WHERE camera=?1 AND (start,place)>=(?2,?3) AND (start,place)<=(?4,?5) "   \
	                         "ORDER BY start,place LIMIT ?6")                                                         \
	STATEMENT(SEGMENT_DERIVED,                                                                                        \
	    "SELECT " SEGMENT_COLUMNS                                                                                     \
	    " FROM segment WHERE camera=?1 AND start>=?2 AND start<=?3 AND folder=?4 AND name IS NULL "                   \
	    "ORDER BY start,place")                                                                                       \
	STATEMENT(SEGMENT_BEFORE,                                                                                         \
	    "SELECT " SEGMENT_COLUMNS                                                                                     \
	    " FROM segment WHERE camera=?1 AND (start,place)<(?2,?3) ORDER BY start DESC,place DESC LIMIT 1")             \
	STATEMENT(SEGMENT_NEXT, "SELECT start,place FROM segment WHERE camera=?1 AND (start,place)>(?2,?3) AND "          \
	                        "(flags>>4)&3=?4 ORDER BY start,place LIMIT 1")                                           \
	STATEMENT(SEGMENT_OLDEST, "SELECT start,place FROM segment WHERE camera=?1 ORDER BY start,place LIMIT 1")         \
	STATEMENT(                                                                                                        \
	    SEGMENT_NEWEST, "SELECT start,place FROM segment WHERE camera=?1 ORDER BY start DESC,place DESC LIMIT 1")     \
	STATEMENT(SEGMENT_UNSEALED, "SELECT " SEGMENT_COLUMNS " FROM segment WHERE camera=?1 AND (flags & 12)=4")         \
	STATEMENT(SEGMENT_FAILED, "SELECT " SEGMENT_COLUMNS " FROM segment WHERE camera=?1 AND (flags & 4096)<>0")        \
	STATEMENT(SEGMENT_DOWNWARDS,                                                                                      \
	    "SELECT " SEGMENT_COLUMNS                                                                                     \
	    " FROM segment WHERE camera=?1 AND (start,place)<(?2,?3) ORDER BY start DESC,place DESC")                     \
	STATEMENT(MEMBER_PUT, "INSERT OR REPLACE INTO member VALUES(?1,?2,?3,?4,?5,?6)")                                  \
	STATEMENT(MEMBER_REMOVE, "DELETE FROM member WHERE folder=?1 AND name=?2")                                        \
	STATEMENT(MEMBER_FIND, "SELECT camera,start,place,folder,name,facts FROM member WHERE folder=?1 AND name=?2")     \
	STATEMENT(MEMBER_OF, "SELECT folder,name,facts FROM member WHERE camera=?1 AND start=?2 AND place=?3")            \
	STATEMENT(MEMBER_IN_FOLDER, "SELECT camera,start,place,folder,name,facts FROM member WHERE folder=?1")            \
	STATEMENT(MEMBER_MOVE, "UPDATE member SET camera=?4,start=?5,place=?6 WHERE camera=?1 AND start=?2 AND place=?3") \
	STATEMENT(MEMBER_DROP, "DELETE FROM member WHERE camera=?1 AND start=?2 AND place=?3")                            \
	STATEMENT(SHARED_PUT, "INSERT OR REPLACE INTO shared VALUES(?1,?2,?3,?4)")                                        \
	STATEMENT(SHARED_REMOVE, "DELETE FROM shared WHERE folder=?1 AND name=?2")                                        \
	STATEMENT(SHARED_OF, "SELECT folder,name,facts FROM shared WHERE camera=?1")                                      \
	STATEMENT(SHARED_IN_FOLDER, "SELECT folder,name,facts FROM shared WHERE folder=?1")                               \
	STATEMENT(ERASED_ADD, "INSERT OR REPLACE INTO erased VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9)")                         \
	STATEMENT(ERASED_LONGEST, "SELECT max(last-first) FROM erased WHERE camera=?1")                                   \
	STATEMENT(ERASED_RANGE, "SELECT camera,first,last,at,segments,bytes,by_us,rule,sequence FROM erased "             \
	                        "WHERE camera=?1 AND first>=?2 AND first<=?3 AND last>=?4 ORDER BY first,sequence")

enum index_statement {
#define DECLARE_STATEMENT(name, sql) STATEMENT_##name,
	INDEX_STATEMENTS(DECLARE_STATEMENT)
#undef DECLARE_STATEMENT
	    STATEMENT_COUNT
};

struct index_camera_entry {
	int64_t id, root;
	uint64_t segments, bytes, not_sealed;
	int64_t longest_us;
	int64_t erased_longest_us;              /* -1: not known yet */
	int64_t unprobed_start, unprobed_place; /* no unprobed row at or after this key; INT64_MAX: not known */
	bool dirty;
	uint32_t name_length;
	char *name;
};

struct index_root_entry {
	int64_t id;
	char name[CAMERA_BYTES_MAX + 1];
	const struct layout *layout; /* NULL: not configured in this run */
	const struct zone *path_zone;
};

struct index_folder_entry {
	int64_t id, root;
	size_t length;
	char *path;
};

struct index_span_entry {
	int64_t folder, camera; /* folder 0: free */
	int64_t first, last;    /* ms */
	bool dirty;
};

struct index {
	sqlite3 *db;
	sqlite3_stmt *statements[STATEMENT_COUNT];
	bool in_transaction;
	bool damaged;
	uint64_t pending;
	struct index_camera_entry *cameras; /* in order of id */
	size_t camera_count, camera_room;
	size_t camera_last; /* the last that a name gave */
	struct index_root_entry *roots;
	size_t root_count;
	struct index_folder_entry folders[FOLDER_CACHE];
	struct index_span_entry spans[SPAN_CACHE];
	bool spans_dirty;
};

/* index.c */
int index_error(struct index *index, int result); /* SQLite's result as a negative errno; notes damage */
sqlite3_stmt *index_statement(struct index *index,
    enum index_statement which); /* bound to nothing; a private copy if the shared one is at work */
void index_statement_end(struct index *index, sqlite3_stmt *statement); /* resets, or finalizes a private copy */
int index_run(struct index *index, sqlite3_stmt *statement); /* steps a statement that gives no rows, ends it */
int index_change(struct index *index);                       /* begins a transaction if none is open; counts */

/* index_folders.c */
struct index_camera_entry *index_camera_entry(struct index *index, int64_t camera);
struct index_camera_entry *index_camera_named(struct index *index, int64_t root, struct text name);
const struct index_root_entry *index_root_entry(const struct index *index, int64_t root);
const struct index_folder_entry *index_folder_entry(struct index *index, int64_t folder);
int index_cameras_load(struct index *index);
int index_cameras_save(struct index *index);
int index_span_cover(struct index *index, int64_t folder, int64_t camera, int64_t start_ms);
int index_spans_save(struct index *index);
void index_caches_free(struct index *index);

/* index_code.c */
void key_pack(int64_t start_us, uint32_t ordinal, int64_t *ret_start, int64_t *ret_place);
int64_t key_start_us(int64_t start, int64_t place);
int64_t flags_pack(const struct segment_row *row);
size_t facts_pack(const struct segment_row *row, uint8_t facts[FACTS_BYTES_MAX]);
/* Keys, each as its difference from the one before; `bytes` has room for KEY_BYTES_MAX each. Gives the length. */
size_t keys_pack(const struct segment_key *keys, size_t count, uint8_t *bytes);
/* At most `room`; ends at the first that cannot be one. Gives their number. */
size_t keys_unpack(const uint8_t *bytes, size_t length, struct segment_key *ret_keys, size_t room);
size_t identity_pack(const struct file_identity *file, uint8_t facts[FACTS_BYTES_MAX]);
bool identity_unpack(const uint8_t *facts, size_t length, struct file_identity *ret_file);
/* Columns in the order of SEGMENT_COLUMNS. 0, -ENODATA (its root is not configured, so its name cannot be told) or
 * -EUCLEAN. */
int segment_unpack(struct index *index, sqlite3_stmt *statement, struct segment_row *ret_row);
/* The same but for the name, which costs more than the rest: 0 or -EUCLEAN. */
int segment_unpack_nameless(struct index *index, sqlite3_stmt *statement, struct segment_row *ret_row);
/* Starts that the path may stand for: 0, 1 or 2. */
int path_starts(
    const struct index_root_entry *root, struct text path, struct layout_match *ret_match, int64_t ret_starts[2]);

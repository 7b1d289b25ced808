/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * index.db: what is on the disks, as a cache that can be deleted. 4 million segments at 55 to 75
 * bytes: WITHOUT ROWID on (camera, start, ordinal); a name that the layout derives from camera and
 * start is not stored; ends, birth and mtime are stored as differences from the start. What is due
 * is found by the key, since a due time follows from the start: no index on due times.
 *
 * Writes gather in a transaction that index_commit() ends (keeper: every few seconds, and before a
 * clean stop); a crash loses at most those, and the next scan brings them back.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/bytes.h"
#include "domain/segment.h"
#include "ipc/message.h"

struct index;

struct segment_key {
	int64_t camera; /* index_camera() */
	int64_t start_us;
	uint32_t ordinal; /* tells segments of one start apart (two names of one inode, still and video) */
};

/* Field by field: a key has padding. */
bool segment_key_equal(const struct segment_key *a, const struct segment_key *b);

/* Exactly what must still be on the disk for a file to be the one that is meant. */
struct file_identity {
	uint64_t inode;
	uint64_t bytes;
	int64_t mtime_ns;
	int64_t birth_ns; /* 0: the filesystem has none */
};

struct segment_row {
	struct segment_key key;
	int64_t folder;                /* index_folder() */
	char name[NAME_BYTES_MAX + 1]; /* the file in that folder; bytes; never empty */
	bool derived;                  /* as read or inserted, camera and start gave the path: index_name_derived() */
	struct file_identity file;
	int64_t end_us;      /* 0: not known yet */
	int64_t earliest_us; /* where time_suspect or fold_unsettled; else start_us */
	enum segment_state state;
	enum segment_kind kind;
	uint8_t pattern; /* of the layout's */
	enum start_source source;
	bool time_suspect;
	bool fold;
	bool fold_unsettled;
	bool grouped;   /* has members (sidecars or a folder's files) */
	bool probed;    /* facts were read at the configured grade */
	uint8_t damage; /* enum probe_damage */
	bool has_sha256;
	uint8_t sha256[HASH_BYTES];
	int32_t delete_errno; /* of the last failed deletion; 0 for none */
};

/* A file that lives and dies with a segment. */
struct member_row {
	int64_t folder;
	char name[NAME_BYTES_MAX + 1];
	struct file_identity file;
};

/* A stretch of footage that is gone: one row for each tombstone or missing entry. */
struct erased_row {
	int64_t camera;
	int64_t from_us, to_us; /* of the footage */
	int64_t at_us;          /* when it went */
	uint64_t segments, bytes;
	bool by_us;        /* false: deleted by others or vanished */
	char rule[32];     /* "retention", "legal maximum", "missing" */
	uint64_t sequence; /* of the entry */
};

struct camera_row {
	int64_t id;
	int64_t root; /* index_root() */
	char root_name[CAMERA_BYTES_MAX + 1];
	char name[CAMERA_BYTES_MAX + 1];
	uint64_t segments, bytes;     /* kept up to date with every change */
	uint64_t not_sealed;          /* open or discovered */
	int64_t oldest_us, newest_us; /* starts; 0 for none */
};

struct folder_row {
	int64_t id;
	char path[PATH_BYTES_MAX + 1]; /* below the root; "" is the root */
	int64_t mtime_ns, ctime_ns;    /* at its last complete listing; 0: read again */
	uint64_t foreign;              /* files in it that match nothing */
};

/* A callback returns 0 to go on; anything else ends the walk and is returned. */
typedef int (*index_each_segment)(const struct segment_row *row, void *context);
typedef int (*index_each_member)(const struct member_row *row, void *context);
typedef int (*index_each_owned)(const struct segment_key *owner, const struct member_row *row, void *context);
typedef int (*index_each_erased)(const struct erased_row *row, void *context);
typedef int (*index_each_camera)(const struct camera_row *row, void *context);
typedef int (*index_each_folder)(const struct folder_row *row, void *context);

/* What the index needs of a root to derive names: set before rows of that root are read or written. */
struct index_root {
	const char *name;
	const struct layout *layout;
	const struct zone *zone;
};

/*
 * Opens or makes index.db in the state folder (its path). A corrupt one, or one of a newer schema, is set aside as
 * index.db.damaged and a new one made; ret_fresh says that the index starts empty. 0 or a negative errno.
 */
MUST_USE int index_open(const char *state_dir, struct index **ret_index, bool *ret_fresh);
/* Commits. Takes NULL. Returns NULL. */
struct index *index_close(struct index *index);
/* Closes without committing: the next start reads again what changed since. Takes NULL. Returns NULL. */
struct index *index_abandon(struct index *index);
MUST_USE int index_commit(struct index *index);
/* A statement met damage (-EUCLEAN): close the index, set the file aside with index_mark_damaged() and start anew. */
bool index_damaged(const struct index *index);
MUST_USE int index_mark_damaged(const char *state_dir);
/* Small numbers that are committed with the rows ("log_size": entries of the audit log whose effects are in the index).
 * -ENOENT where there is none. */
MUST_USE int index_value_get(struct index *index, const char *key, int64_t *ret_value);
MUST_USE int index_value_put(struct index *index, const char *key, int64_t value);
/*
 * The segments whose seal entries the audit log did not have yet when the rows were committed: as many as there is room
 * for; a negative errno where they cannot be read.
 */
MUST_USE int index_owed_get(struct index *index, struct segment_key *ret_keys, size_t room, size_t *ret_count);
/* Sorted, so that they take few bytes. */
MUST_USE int index_owed_put(struct index *index, const struct segment_key *keys, size_t count);
/* Changes since the last commit. */
uint64_t index_pending(const struct index *index);

/* Ids; made where they do not exist. Negative errno on failure. */
MUST_USE int64_t index_root(struct index *index, const struct index_root *root);
MUST_USE int64_t index_camera(struct index *index, int64_t root, struct text name);
MUST_USE int64_t index_folder(struct index *index, int64_t root, struct text path);
/* Before a new configuration: names of roots that index_root() is not called for again cannot be told. */
void index_roots_detach(struct index *index);
/* Drops all segments of a root (another disk was adopted); cameras and what was erased stay. */
MUST_USE int index_root_forget(struct index *index, int64_t root);
/* Segments of all cameras. */
void index_totals(const struct index *index, uint64_t *ret_segments);
/* -ENOENT where there is none. */
MUST_USE int64_t index_find_folder(struct index *index, int64_t root, struct text path);
MUST_USE int index_folder_get(struct index *index, int64_t folder, struct folder_row *ret_row);
MUST_USE int index_folder_set(
    struct index *index, int64_t folder, int64_t mtime_ns, int64_t ctime_ns, uint64_t foreign);
/* The folder is gone; its segments must have been removed. */
MUST_USE int index_folder_remove(struct index *index, int64_t folder);
MUST_USE int index_folders(struct index *index, int64_t root, index_each_folder each, void *context);
/* Folders below `path` and itself. */
MUST_USE int index_folders_below(
    struct index *index, int64_t root, struct text path, index_each_folder each, void *context);

/* Reads the cameras, with their totals; no scan of segments. */
MUST_USE int index_cameras(struct index *index, index_each_camera each, void *context);
/* -ENOENT where there is none. */
MUST_USE int index_camera_get(struct index *index, int64_t camera, struct camera_row *ret_row);

/* Adds a segment; the ordinal is chosen where key.ordinal is UINT32_MAX and stored in row->key. */
MUST_USE int index_insert(struct index *index, struct segment_row *row);
/* Replaces what stands under row->key. */
MUST_USE int index_update(struct index *index, const struct segment_row *row);
/* The key itself changed (a start was decided anew): removes old, inserts row, members go along. */
MUST_USE int index_move(struct index *index, const struct segment_key *old, struct segment_row *row);
MUST_USE int index_remove(struct index *index, const struct segment_key *key);
MUST_USE int index_get(struct index *index, const struct segment_key *key, struct segment_row *ret_row);
/* By place. -ENOENT where there is none. */
MUST_USE int index_find(struct index *index, int64_t folder, struct text name, struct segment_row *ret_row);

/* Segments of a camera with from_us <= start <= to_us in order of start, at most `limit` (0: all). */
MUST_USE int index_range(struct index *index, int64_t camera, int64_t from_us, int64_t to_us, size_t limit,
    index_each_segment each, void *context);
/* The same, but the rows have no names, which cost more than all the rest: for counting and adding up. */
MUST_USE int index_range_nameless(
    struct index *index, int64_t camera, int64_t from_us, int64_t to_us, index_each_segment each, void *context);
/* The segment before `start_us` (the nearest smaller start); -ENOENT. The longest a segment of the camera is bounds how
 * far back one can reach into a span. */
MUST_USE int index_before(struct index *index, int64_t camera, int64_t start_us, struct segment_row *ret_row);
/* The start of the next segment of this camera and kind after `start_us`; 0 for none. */
int64_t index_next_start(struct index *index, int64_t camera, int64_t start_us, enum segment_kind kind);
/* The longest duration of any of the camera's segments, in µs: searches for what touches a span begin that much
 * earlier. */
int64_t index_longest_us(struct index *index, int64_t camera);
MUST_USE int index_in_folder(struct index *index, int64_t folder, index_each_segment each, void *context);
/* Rows that are not sealed, of all cameras of a root. */
MUST_USE int index_unsealed(struct index *index, int64_t root, index_each_segment each, void *context);
/* Rows that were not probed, newest first, at most `limit`. */
MUST_USE int index_unprobed(struct index *index, size_t limit, index_each_segment each, void *context);
/* Rows whose last deletion failed. */
MUST_USE int index_failed(struct index *index, index_each_segment each, void *context);

MUST_USE int index_member_put(struct index *index, const struct segment_key *key, const struct member_row *member);
MUST_USE int index_member_remove(struct index *index, int64_t folder, struct text name);
MUST_USE int index_members(struct index *index, const struct segment_key *key, index_each_member each, void *context);

/* -ENOENT where the place is no member's. */
MUST_USE int index_member_find(
    struct index *index, int64_t folder, struct text name, struct segment_key *ret_key, struct member_row *ret_member);
MUST_USE int index_members_in_folder(struct index *index, int64_t folder, index_each_owned each, void *context);

/* Files that all segments of a camera need (init.mp4): deleted last, with the camera's last segment. */
MUST_USE int index_shared_put(struct index *index, int64_t camera, const struct member_row *file);
MUST_USE int index_shared_remove(struct index *index, int64_t folder, struct text name);
MUST_USE int index_shared(struct index *index, int64_t camera, index_each_member each, void *context);
MUST_USE int index_shared_in_folder(struct index *index, int64_t folder, index_each_member each, void *context);

MUST_USE int index_erased_add(struct index *index, const struct erased_row *row);
/* Those that touch the span, in order of from_us. */
MUST_USE int index_erased(
    struct index *index, int64_t camera, int64_t from_us, int64_t to_us, index_each_erased each, void *context);

/* True if camera and start alone give the row's path by the layout, so that a log entry need not name it. */
bool index_name_derived(struct index *index, const struct segment_row *row);
/* "2026-11-24/06/gate/11.04.mp4": folder and name. */
MUST_USE int index_path(struct index *index, const struct segment_row *row, char *path, size_t room);

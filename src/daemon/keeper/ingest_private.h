/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside ingest*.c. Where a told name goes:
 *   ingest.c           messages; a listing against the rows of its folder
 *   ingest_file.c      one name: segment, member, shared, foreign; new, unchanged, changed, moved
 *   ingest_sidecar.c   whose a sidecar is
 *   ingest_idle.c      segments that are finished once nothing was written for a while
 *   ingest_gone.c      names that are not there any more: moved, expected, or missing
 *   ingest_altered.c   segments that were changed after that
 *   ingest_seal.c      finished segments: facts, fingerprint, seal entries
 */
#pragma once

#include <event2/event.h>

#include "audit/entry.h"
#include "base/array.h"
#include "index.h"
#include "ingest.h"
#include "ipc/message.h"
#include "keeper.h"
#include "roots.h"

enum {
	IDLE_SECONDS_DEFAULT = 60,
	IDLE_SECONDS_CLOSE = 3600, /* a file whose close event never came, e.g. after a lost event */
	GONE_WAIT_US = 2000000,    /* a rename's other half comes within this */
	GONE_MAX = 65536,
	IDLE_MAX = 8192,
	ORPHANS_MAX = 1024,
	SEALS_MAX = 8192,
	ALTERED_WAIT_MAX = 256,
};

/* The folder that a message is about. */
struct place {
	struct root *root;
	int64_t folder; /* its id */
	struct text path;
};

/* What the index has under a name of the folder that is being listed. */
struct known {
	uint64_t hash;
	uint32_t name; /* offset in the listing's names */
	enum { KNOWN_SEGMENT, KNOWN_MEMBER, KNOWN_SHARED } what;
	bool seen;
	enum segment_state state;
	struct segment_key key;
	struct file_identity file;
};

struct sidecar {
	char *name;
	char *owner;
	struct file_identity file;
};

struct listing {
	bool active;
	bool fresh;     /* the folder was not known: no name in it can be */
	bool disturbed; /* changes were told meanwhile: the table may lack names */
	bool undecided; /* a file had no start: read the folder again at the next scan */
	char path[PATH_BYTES_MAX + 1];
	int64_t folder;
	uint64_t foreign;
	struct known *known;
	size_t known_count, known_room;
	uint32_t *table; /* number + 1 in known, by hash */
	size_t table_mask;
	char *names;
	size_t names_used, names_room;
	struct sidecar *sidecars; /* resolved at the end, when all segments are there */
	size_t sidecar_count, sidecar_room;
};

struct gone {
	struct segment_key key; /* camera 0: the folder itself goes once it is empty */
	uint16_t root;
	bool in_scan; /* waits for the end of the scan, which may show where it was moved */
	int64_t folder;
	uint64_t inode;
	int64_t birth_ns;
	int64_t due_us; /* on the boot clock */
};

struct idle {
	struct segment_key key;
	uint16_t root;
	int64_t due_us; /* on the boot clock */
	int64_t wait_us;
	int64_t mtime_ns; /* as it was when the wait began */
	uint64_t bytes;
};

struct orphan {
	int64_t folder;
	struct sidecar sidecar;
};

/* An altered entry that waits for the name of who did it. */
struct altered_wait {
	int64_t root; /* id */
	char *path;
	json_t *details;
	int64_t due_us; /* on the boot clock */
};

struct seal {
	struct segment_key key;
	int64_t end_us;
	uint64_t bytes;
	bool has_sha256;
	uint8_t sha256[HASH_BYTES];
	char *name; /* path below the root where it is not derived; else NULL */
};

struct ingest {
	struct keeper *keeper;
	int64_t now_us; /* of the message being handled: trusted wall clock, or 0 */
	int64_t wall_us, boot_us;
	struct listing *listings; /* one a root */
	size_t listing_count;
	struct segment_row *batch; /* new rows of one LISTING message */
	size_t batch_count, batch_room;
	bool batching;
	struct gone *gone;
	size_t gone_count, gone_room;
	struct idle *idle;
	size_t idle_count, idle_room;
	struct orphan *orphans;
	size_t orphan_count;
	struct seal *seals;
	size_t seal_count, seal_room;
	bool sealing_failed;
	struct altered_wait *altered;
	size_t altered_count, altered_room;
	struct event *timer; /* gone, idle and altered */
};

void identity_of(const struct record_entry *entry, struct file_identity *ret_file);
bool identity_equal(const struct file_identity *a, const struct file_identity *b);
void ingest_time(struct ingest *ingest);
void ingest_timer(struct ingest *ingest);

/* ingest_file.c */
enum told { TOLD_NOTHING, TOLD_FOREIGN, TOLD_UNDECIDED };
/* One name that is there. `known` may be NULL; `lookup` asks the index then. */
enum told file_told(struct ingest *ingest, const struct place *place, const struct record_entry *entry,
    const struct known *known, bool lookup);
int file_batch_insert(struct ingest *ingest, struct root *root);
/* Decides start and earliest anew from path, mtime and what the container claims. False: there is none. */
bool file_decide_start(struct ingest *ingest, const struct root *root, struct segment_row *row, struct text path,
    const struct record_facts *facts);

/* ingest_sidecar.c */
int sidecar_defer(struct listing *listing, const struct record_entry *entry, const char *owner);
/* Gives it to its segment; false: that is not there. */
bool sidecar_attach(struct ingest *ingest, const struct place *place, const struct sidecar *sidecar);
void sidecar_wait(
    struct ingest *ingest, const struct place *place, const struct record_entry *entry, const char *owner);
void sidecars_claim(struct ingest *ingest, const struct place *place);
void sidecars_end(struct ingest *ingest, const struct place *place, struct listing *listing);
void sidecar_free(struct sidecar *sidecar);
/* True if the layout's finishing sidecar of this segment is there. */
bool sidecar_finishes(struct ingest *ingest, const struct root *root, const struct segment_row *row);

/* ingest_idle.c */
void idle_watch(struct ingest *ingest, const struct root *root, const struct segment_row *row, int64_t wait_us);
/* True if the row was watched, its wait is over and nothing was written since. */
bool idle_is_over(struct ingest *ingest, const struct segment_row *row);
void idle_forget(struct ingest *ingest, const struct segment_key *key);
void idle_tick(struct ingest *ingest);
void idle_scan_end(struct ingest *ingest, struct root *root);
int64_t idle_wait_us(const struct root *root);

/* ingest_gone.c */
void gone_segment(struct ingest *ingest, const struct root *root, const struct segment_row *row);
void gone_folder(struct ingest *ingest, const struct root *root, int64_t folder);
/* A file that appears: if it is one that went, its row (and the key that it had). */
bool gone_take_back(struct ingest *ingest, const struct file_identity *file, struct segment_row *ret_row);
void gone_tick(struct ingest *ingest, bool all);
void gone_scan_end(struct ingest *ingest, const struct root *root);
void gone_forget_root(struct ingest *ingest, const struct root *root);
/* One `missing` entry for these segments of one camera, their spans, and the rows removed. */
int missing_write(struct ingest *ingest, const struct segment_row *rows, size_t count, const char *rule);

/* ingest_altered.c */
/* At once where it is known who did it, or nobody will tell. */
int altered_write(struct ingest *ingest, const struct segment_row *row, const struct file_identity *now);
/* Writes those whose time has come. 0, or a negative errno where the log takes none. */
int altered_wait_end(struct ingest *ingest, bool all);
void altered_wait_free(struct ingest *ingest);

/* ingest_seal.c */
/* The row is finished: sets state and end, stores it, has it read. `insert`: it is not in the index yet (batched). */
void seal_prepare(struct segment_row *row);
void seal_follow(struct ingest *ingest, const struct root *root, const struct segment_row *row);
int seal_stored(struct ingest *ingest, const struct root *root, struct segment_row *row);
void seal_flush(struct ingest *ingest, bool all);
/* The row has another key, name or end now: so has a seal that still waits. */
void seal_moved(struct ingest *ingest, const struct segment_key *old, const struct segment_row *row);
/* What a crash left without its entry. */
void seal_scan_end(struct ingest *ingest, const struct root *root);
/* Writes the seals that these rows' camera still waits for: before an entry that says they are gone. */
void seal_before_gone(struct ingest *ingest, const struct segment_row *rows, size_t count);
void seal_free(struct ingest *ingest);
/* "root/camera" of a row. False when it has none any more. */
bool camera_text(struct ingest *ingest, int64_t camera, char *text, size_t room);

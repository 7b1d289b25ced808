/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A batch of segments on their way out: what deletion.c, its intents and its tombstones share. Private to them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "index.h"
#include "ipc/message.h"

struct keeper;

/* One file to unlink. Texts are offsets into the batch's pool, 0-terminated there. */
struct batch_file {
	uint32_t folder;
	uint32_t name;
	struct file_identity file;
	bool reported;   /* the reaper has answered for it */
	bool gone_seen;  /* watcher says that it is not there any more */
	uint8_t outcome; /* enum erase_outcome */
	uint32_t error;
	uint32_t links_left;
	bool open_elsewhere;
};

/* One segment: its files follow each other, the video last. */
struct batch_segment {
	struct segment_key key;
	uint32_t camera; /* "root/camera", offset into the pool */
	int64_t end_us;
	int64_t earliest_us, latest_us; /* what holds are asked with; not in the intent: a replay deletes nothing */
	int64_t due_us;
	uint64_t bytes; /* of all its files */
	uint8_t rule;   /* enum batch_rule */
	bool by_path;   /* camera and start do not determine the name */
	bool told;      /* its tombstone is in the log already */
	uint32_t first_file;
	uint32_t file_count;
};

enum { DELETION_SEGMENTS_MAX = 4096 };

enum batch_rule { RULE_RETENTION, RULE_LEGAL_MAXIMUM };
const char *batch_rule_name(uint8_t rule);

struct batch {
	struct batch *next;
	uint32_t id;    /* in messages */
	int64_t intent; /* in state.db */
	uint64_t log_size;
	char root[256];
	bool leftover; /* of an earlier run or a lost reaper: waits for a complete scan */
	bool stop_sent;
	char *pool;
	size_t pool_used, pool_room;
	struct batch_segment *segments;
	size_t segment_count;
	struct batch_file *files;
	size_t file_count, file_room;
	uint32_t *table; /* hash of folder and name to file number + 1 */
	size_t table_mask;
};

MUST_USE struct batch *batch_new(const char *root, size_t segments);
struct batch *batch_free(struct batch *batch);
/* Adds bytes with a final NUL to the pool; the same as the last added text is stored once. UINT32_MAX when memory is
 * short. */
uint32_t batch_text(struct batch *batch, struct text text, uint32_t last);
MUST_USE int batch_add_file(struct batch *batch, uint32_t folder, uint32_t name, const struct file_identity *file);
/* After all files are added. */
MUST_USE int batch_make_table(struct batch *batch);
struct batch_file *batch_find(struct batch *batch, struct text folder, struct text name);
/* The file that is the segment itself. */
struct batch_file *batch_main_file(struct batch *batch, const struct batch_segment *segment);

/* The intent's bytes: described in deletion_intent.c. The caller frees. */
MUST_USE int batch_encode(const struct batch *batch, uint8_t **ret_bytes, size_t *ret_length);
MUST_USE int batch_decode(const char *root, const void *bytes, size_t length, struct batch **ret_batch);

/*
 * Tombstones for the segments that `select` picks, one entry for a camera and rule, and their spans in the index.
 * Durable in the log when it returns 0; then the rows may go.
 */
enum batch_end { BATCH_DELETED, BATCH_RECOVERED, BATCH_MISSING };
MUST_USE int batch_write_tombstones(struct keeper *keeper, struct batch *batch,
    bool (*select)(struct batch *batch, const struct batch_segment *segment), enum batch_end how);

struct root;
/* Adds the folder to a FOLDERS_REMOVE message if the index knows of nothing in it and the layout makes such folders
 * anew (deletion_folders.c). */
void deletion_offer_folder(
    struct keeper *keeper, const struct root *root, struct text folder, struct message_writer *out);

/* ---- what deletion.c, deletion_end.c, deletion_stop.c and deletion_replay.c share ---- */

struct waiter; /* deletion_stop.c */

struct deletion {
	struct batch *batches; /* in flight and left over, oldest first */
	struct waiter *waiters;
	uint32_t last_id;
};

/* Takes the batch out of the list; it is the caller's then. */
void deletion_detach(struct deletion *deletion, const struct batch *batch);
/* A segment that stays: its row says why, and members that went are forgotten. */
void deletion_keep(struct keeper *keeper, struct batch *batch, const struct batch_segment *segment);
/* Asks the reaper to remove the folders that these segments have left empty. */
void deletion_remove_folders(struct keeper *keeper, struct batch *batch,
    bool (*select)(struct batch *batch, const struct batch_segment *segment));
/* "gate" of "frigate/gate". */
const char *batch_camera(const struct batch *batch, const struct batch_segment *segment);
bool batch_is_held(struct keeper *keeper, const struct batch *batch, const struct batch_segment *segment);
/* Holds that wait are answered as soon as no batch is stopping any more; at the end of the program all are forgotten.
 */
void deletion_wake_waiters(struct deletion *deletion);
void deletion_forget_waiters(struct deletion *deletion);

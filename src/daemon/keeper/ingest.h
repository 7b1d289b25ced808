/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What watcher tells becomes rows of the index. A listing is compared with the rows of its folder:
 * what is not there any more is missing (one entry for each, batched), unless an intent of ours says
 * otherwise. Finished segments are sealed: facts, fingerprint, one seal entry for a camera and an hour.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "index.h"
#include "ipc/message.h"

struct keeper;
struct ingest;
struct root;

MUST_USE int ingest_open(struct keeper *keeper, struct ingest **ret_ingest);
struct ingest *ingest_close(struct ingest *ingest);

/* Messages of a watcher; checked already. */
void ingest_listing(struct keeper *keeper, struct message *message);
void ingest_folder_end(struct keeper *keeper, const struct record_folder_end *end);
void ingest_changes(struct keeper *keeper, struct message *message);
void ingest_scan_end(struct keeper *keeper, const struct record_scan_end *end);
/* The watcher went in the middle of a listing: what was half told is forgotten. */
void ingest_watcher_lost(struct keeper *keeper, struct root *root);

/* media.c has facts: decides start and end anew; `key` follows the row. */
void ingest_facts(struct keeper *keeper, struct segment_key *key, const struct record_facts *facts);
void ingest_hashed(struct keeper *keeper, const struct segment_key *key, const uint8_t sha256[HASH_BYTES]);
/* A new segment could not be hashed: it is sealed without a fingerprint. */
void ingest_not_hashed(struct keeper *keeper, const struct segment_key *key);

/* The segments whose seal entries wait to be written. A callback's result other than 0 ends it and is returned. */
MUST_USE int ingest_each_seal(
    const struct keeper *keeper, int (*each)(const struct segment_key *key, void *context), void *context);
/* Entries that the rows rely on are written before them. 0 or a negative errno. */
MUST_USE int ingest_before_commit(struct keeper *keeper);
/* Writes seal and missing entries that wait to be batched; called each minute and at a stop. */
void ingest_flush(struct keeper *keeper);

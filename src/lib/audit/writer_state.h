/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the writer share: writer.c appends and publishes, start.c opens and checks, renew.c sets a broken
 * log aside. */
#pragma once

#include <stdbool.h>

#include "audit/note.h"
#include "audit/store.h"
#include "audit/tail.h"
#include "audit/tile.h"
#include "audit/wal.h"
#include "audit/writer.h"

/* Two signatures of ours, and those of witnesses. */
enum { CHECKPOINT_BYTES = 16384, REASON_BYTES = sizeof((struct audit_start_report *)0)->reason };

struct audit_writer {
	struct store store;
	struct wal wal;
	bool wal_suspect; /* a write failed: it must be made anew */
	int log_fd;
	char origin[NOTE_NAME_BYTES];
	struct note_signer signer; /* of `epoch` */
	uint64_t epoch;
	char vkey[VKEY_BYTES];
	struct note_signer next_signer; /* of the epoch after; its seed is durable */
	struct note_signer witness_signer;
	char witness_vkey[VKEY_BYTES];
	bool has_next;
	bool is_handing_over; /* entry `hand_over_index` names it: the next publish is the hand-over */
	uint64_t hand_over_index;
	uint64_t pruned_below; /* bundles below this may be missing */
	char checkpoint[CHECKPOINT_BYTES];
	struct tail tail;
	struct tile_edge *edge; /* of the published tree */
	struct tile_edge *next; /* room for the next one */
	uint64_t size;          /* appended */
	uint64_t durable;       /* of these, synced */
	uint64_t published;     /* of these, in the checkpoint */
	uint64_t signed_size;   /* log-state: nothing smaller, and no other root of this size, is ever signed */
	struct merkle_hash signed_root;
	bool writable;
};

/* ---- writer.c ---- */

/* Closes without publishing; takes NULL and a half-opened writer. Returns NULL. */
struct audit_writer *writer_free(struct audit_writer *writer);

/* Writes log-state, then signs and writes the checkpoint of this size and root. -EBADMSG rather than a second truth. */
MUST_USE int writer_sign(struct audit_writer *writer, uint64_t size, const struct merkle_hash *root);
/* An entry that is in memory or in a bundle. The caller frees. */
MUST_USE int writer_entry(struct audit_writer *writer, uint64_t index, char **ret_entry, size_t *ret_length);
/* Removes the partial files of a tile (or bundle) but the one of width `keep`; with 0 all and their folder. */
void writer_clean_partials(struct audit_writer *writer, unsigned level, uint64_t index, unsigned keep);

/* ---- state.c ---- */

/* The contents of log-state. */
struct log_state {
	char origin[NOTE_NAME_BYTES];
	uint64_t size;
	struct merkle_hash root;
	uint64_t epoch;    /* whose key signs this */
	bool is_hand_over; /* and the one before signs too: entry `hand_over_index` names the key */
	uint64_t hand_over_index;
	char renewed[REASON_BYTES]; /* why the log before this one was set aside, until this one has entries; else "" */
};
MUST_USE int log_state_write(struct store *store, const struct log_state *state);
/* -ENOENT, -EBADMSG, or another negative errno. */
MUST_USE int log_state_read(const struct store *store, struct log_state *ret_state);

/* ---- renew.c ---- */

/* Makes a new, empty log. `origin` NULL makes a name; `renewed` says why, or is "". */
MUST_USE int log_make(struct audit_writer *writer, const char *origin, const char *renewed);
/* Moves everything of the log to log.broken-<n>/ and wipes its key: nothing may be signed for it again. ret_number: n.
 */
MUST_USE int log_set_aside(struct store *store, unsigned *ret_number);

/* ---- epoch.c ---- */

enum { SEED_BYTES = 32, SEED_PATH_BYTES = 48 };
void seed_path(uint64_t epoch, char ret_path[SEED_PATH_BYTES]);
/* A seed in a file of keys/: made of random bytes and durable; read back (-ENOENT, -EBADMSG when it is not 32 bytes, or
 * all of them are 0, or another negative errno). The caller wipes what it got. */
MUST_USE int seed_file_make(struct store *store, const char *path, uint8_t ret_seed[SEED_BYTES]);
MUST_USE int seed_file_read(const struct store *store, const char *path, uint8_t ret_seed[SEED_BYTES]);
/* The same for the key of an epoch. */
MUST_USE int seed_make(struct audit_writer *writer, uint64_t epoch, struct note_signer *ret_signer);
MUST_USE int seed_load(struct audit_writer *writer, uint64_t epoch, struct note_signer *ret_signer);
/* Overwrites and removes a seed; no error where there is none. */
MUST_USE int seed_file_wipe(struct store *store, const char *path);
MUST_USE int seed_wipe(struct store *store, uint64_t epoch);
/* Wipes every seed but `keep` (UINT64_MAX: all), and whatever else lies there under a seed's name. */
MUST_USE int seeds_wipe(struct store *store, uint64_t keep);
bool seeds_exist(const struct store *store);

/* Writes log.vkeys and log/vkeys where they do not hold exactly the keys of all epochs, which the hand-overs tell.
 * ret_changed (may be NULL): one of them was there and wrong. -EBADMSG: a hand-over is missing or is none; `why` says
 * which. */
MUST_USE int log_vkeys_write(struct audit_writer *writer, bool *ret_changed, char *why, size_t room);
/* After the checkpoint that both keys signed: the public file, the list of keys, and the end of the old key. */
MUST_USE int hand_over_finish(struct audit_writer *writer);
/* The newest hand-over against our keys and the tiles. -EBADMSG: it does not hold, `why` says so. */
MUST_USE int hand_over_verify(struct audit_writer *writer, char *why, size_t room);
/* The same for log/pruned, if it is there; sets pruned_below. */
MUST_USE int pruned_verify(struct audit_writer *writer, char *why, size_t room);

/* ---- witness_key.c ---- */

#define WITNESS_SEED_PATH "keys/witness.seed"
/* Random, durable, in place of what was there. */
MUST_USE int witness_key_make(struct audit_writer *writer);
/* Made anew where it is missing or damaged: then ret_made is true, and witnesses must be told. */
MUST_USE int witness_key_open(struct audit_writer *writer, bool *ret_made);
MUST_USE int witness_key_wipe(struct store *store);

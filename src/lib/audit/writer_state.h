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

enum { CHECKPOINT_BYTES = 2048, REASON_BYTES = sizeof((struct audit_start_report *)0)->reason };

struct audit_writer {
	struct store store;
	struct wal wal;
	bool wal_suspect; /* a write failed: it must be made anew */
	int log_fd;
	char origin[NOTE_NAME_BYTES];
	struct note_signer signer;
	char vkey[VKEY_BYTES];
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
/* Removes the partial files of a tile (or bundle) but the one of width `keep`; with 0 all and their folder. */
void writer_clean_partials(struct audit_writer *writer, unsigned level, uint64_t index, unsigned keep);

/* ---- state.c ---- */

/* The contents of log-state. */
struct log_state {
	char origin[NOTE_NAME_BYTES];
	uint64_t size;
	struct merkle_hash root;
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
/* Writes log.vkeys and log/vkeys where they do not hold exactly the writer's key. */
MUST_USE int log_vkeys_write(struct audit_writer *writer);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What reader.c, chain.c and verify.c share. */
#pragma once

#include <stdbool.h>

#include "audit/entry_file.h"
#include "audit/note.h"
#include "audit/tile.h"
#include "base/attributes.h"
#include "retention/log.h"

struct retention_log {
	int folder_fd;
	struct note_verifier *keys; /* trusted */
	size_t key_count;
	bool own_keys; /* the folder's own list */
	struct retention_checkpoint
	    checkpoint; /* the newest that was read; its size bounds what the other calls may look at */
	bool has_checkpoint;
	uint64_t epoch;                 /* of that checkpoint */
	struct note_verifier epoch_key; /* trusted, once has_checkpoint is */
	uint64_t trusted_from;          /* the epoch whose key was given, from which the trust comes */
	bool has_pruned;                /* log/pruned was looked at for this checkpoint */
	uint64_t pruned_below;
	struct bundle bundle; /* the last one read */
	uint64_t bundle_index;
	bool has_bundle;
	struct tile_source source; /* for proofs, in the tree of the newest checkpoint */
	char error[512];
};

/* Notes what does not hold; returns -EBADMSG, or `error` where that is not 0. */
int log_fail(struct retention_log *log, int error, const char *format, ...) PRINTF_LIKE(3, 4);
/* The same for a file of the log that could not be read. */
int log_fail_file(struct retention_log *log, int error, unsigned level, uint64_t index, unsigned width);

/* ---- chain.c ---- */

/* Reads the newest checkpoint and finds out whether its key is trusted. */
MUST_USE int chain_checkpoint(struct retention_log *log);
/* A note of any size up to the newest checkpoint's: signed by the key of its epoch, which is trusted. `what` names it.
 */
MUST_USE int chain_check(
    struct retention_log *log, const char *what, struct text note, struct checkpoint_body *ret_body);
/* Every hand-over, and the list of keys. ret_indexes: the entries that hand over, to be freed by the caller. */
MUST_USE int chain_verify(struct retention_log *log, uint64_t **ret_indexes, size_t *ret_count);
/* An entry under the tree of `size`, whose root is `root`, by the tiles. -EBADMSG without a message if it is not. */
MUST_USE int chain_included(
    struct retention_log *log, uint64_t index, struct text entry, uint64_t size, const struct merkle_hash *root);
/* Looks at log/pruned, once for each checkpoint. */
MUST_USE int chain_pruned(struct retention_log *log);
/* Parses keys, one a line. */
MUST_USE int chain_keys_parse(const char *text, struct note_verifier **ret_keys, size_t *ret_count);
/* The folder's own list: its copy inside, which travels with the descriptor, else the one beside it. The caller frees.
 */
MUST_USE int chain_keys_read(const struct retention_log *log, char **ret_text);

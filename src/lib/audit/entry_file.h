/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Small public files of the log that each carry one of its entries, so that the entry can be found, and
 * is still there when its bundle was pruned:
 *
 *   log/epochs/<n>   retention-hand-over 1
 *                    index <the entry's number>
 *                    entry <the entry key-rotated, as written>
 *                    <empty line>
 *                    <the checkpoint that has it, signed by the keys of epoch n-1 and n>
 *   log/pruned       retention-pruned 1
 *                    index <the entry's number>
 *                    entry <the entry log-pruned, as written>
 *
 * Nothing in them is believed because it stands there: the entry must be the leaf in the tiles.
 */
#pragma once

#include <stdint.h>

#include "audit/note.h"
#include "base/attributes.h"
#include "base/bytes.h"

enum { EPOCHS_MAX = 65536, EPOCH_PATH_BYTES = 32 };

/* The key of epoch `epoch` takes over from that of the epoch before. */
struct hand_over {
	char *file; /* owned; the texts point into it */
	uint64_t epoch;
	uint64_t index;      /* of the entry */
	uint64_t first_size; /* the new key signs this size and later ones; the old one smaller ones, and `body` */
	struct text entry;
	struct text note;
	struct checkpoint_body body;
	struct note_verifier key, previous;
};
/* "epochs/<n>" below the log's folder. */
void epoch_path(uint64_t epoch, char ret_path[EPOCH_PATH_BYTES]);
/* Reads log/epochs/<epoch>. 0, -ENOENT, -EBADMSG when it is not such a file, or another negative errno. No signature is
 * checked. */
MUST_USE int hand_over_load(int log_fd, uint64_t epoch, struct hand_over *ret_hand_over);
void hand_over_release(struct hand_over *hand_over);
/* The file's bytes, a text that the caller frees; NULL when memory is short. */
char *hand_over_format(uint64_t index, struct text entry, const char *note, size_t *ret_length);
/* NULL if the checkpoint is signed by both keys and has the entry; else what does not hold, for people. */
const char *hand_over_fault(const struct hand_over *hand_over);
/* The number of the newest epoch that has a file; 0 where there is none. */
MUST_USE int epochs_newest(int log_fd, uint64_t *ret_epoch);

/* What an entry key-rotated says. */
struct key_rotated {
	uint64_t epoch, first_size;
	struct note_verifier key, previous;
};
MUST_USE bool key_rotated_parse(struct text entry, struct key_rotated *ret_rotated);
/* Cheap, for every entry of a log: whether its action is this one. */
MUST_USE bool entry_has_action(struct text entry, const char *action);

/* Bundles below `below` may be missing, says entry `index`. */
struct pruned {
	char *file;
	uint64_t index, below;
	struct merkle_hash root; /* at size `below` */
	struct text entry;
};
MUST_USE int pruned_load(int log_fd, struct pruned *ret_pruned);
void pruned_release(struct pruned *pruned);
char *pruned_format(uint64_t index, struct text entry, size_t *ret_length);
/* What an entry log-pruned says. */
MUST_USE bool pruned_parse(struct text entry, uint64_t *ret_below, struct merkle_hash *ret_root);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which key may sign what. The key of epoch n signs sizes from its first_size (the entry that hands over
 * to it is the last of the size before) up to the next one's; the checkpoint of a hand-over carries both
 * signatures. So the epoch of a checkpoint follows from its size, and only that epoch's key counts: a later
 * key on an earlier size, or an earlier one after it handed over, is a failure.
 *
 * A key is trusted if the caller gave it, or if a trusted key handed over to it. log/epochs/<n> says how: the
 * entry must be a leaf of the tree whose root both keys have signed.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "audit/reader.h"
#include "base/array.h"
#include "base/descriptor.h"

enum { KEYS_BYTES_MAX = EPOCHS_MAX * VKEY_BYTES, ATTEMPTS = 4 };

/* A hand-over that is going on is over in a moment. */
static void wait_a_moment(void) {
	const struct timespec moment = {.tv_nsec = 50 * 1000 * 1000};
	(void)nanosleep(&moment, NULL);
}

static bool same_key(const struct note_verifier *a, const struct note_verifier *b) {
	return memcmp(a->public_key, b->public_key, sizeof a->public_key) == 0 && strcmp(a->name, b->name) == 0;
}

/* ---- lists of keys ---- */

int chain_keys_parse(const char *text, struct note_verifier **ret_keys, size_t *ret_count) {
	struct note_verifier *keys = NULL;
	size_t count = 0;
	size_t room = 0;
	int error = 0;
	while (error == 0 && *text != '\0') {
		size_t length = strcspn(text, "\n");
		if (length > 0 && text[0] != '#') {
			if (count == EPOCHS_MAX)
				error = -E2BIG;
			else if (!array_room(&keys, &room, count, sizeof *keys))
				error = -ENOMEM;
			else if (!note_verifier_parse(text, length, &keys[count++]))
				error = -EINVAL;
		}
		text += length + (text[length] == '\n');
	}
	if (error == 0 && count == 0)
		error = -EINVAL;
	if (error < 0) {
		free(keys);
		return error;
	}
	*ret_keys = keys;
	*ret_count = count;
	return 0;
}

int chain_keys_read(const struct retention_log *log, char **ret_text) {
	size_t length = 0;
	int error = descriptor_read_file(log->folder_fd, "vkeys", KEYS_BYTES_MAX, ret_text, &length);
	return error == -ENOENT ? descriptor_read_file(log->folder_fd, "../log.vkeys", KEYS_BYTES_MAX, ret_text, &length)
	                        : error;
}

static bool key_given(const struct retention_log *log, const struct note_verifier *key) {
	for (size_t i = log->key_count; i-- > 0;)
		if (same_key(&log->keys[i], key))
			return true;
	return false;
}

/* ---- hand-overs ---- */

static int hand_over_read(struct retention_log *log, uint64_t epoch, struct hand_over *ret_hand_over) {
	int error = hand_over_load(log->folder_fd, epoch, ret_hand_over);
	switch (error) {
	case 0:
		return 0;
	case -ENOENT:
		return log_fail(log, 0, "epochs/%" PRIu64 " is missing", epoch);
	case -EBADMSG:
		return log_fail(log, 0, "epochs/%" PRIu64 " is no hand-over to that epoch", epoch);
	default:
		return log_fail(log, error, "epochs/%" PRIu64 " cannot be read: %s", epoch, strerror(-error));
	}
}

int chain_included(
    struct retention_log *log, uint64_t index, struct text entry, uint64_t size, const struct merkle_hash *root) {
	struct merkle_hash leaf;
	struct merkle_hash proof[MERKLE_LEVELS_MAX];
	if (index >= size || size > log->source.size)
		return -EBADMSG;
	int count = merkle_inclusion(index, size, tile_source_hash, &log->source, proof);
	if (count < 0)
		return log_fail_file(log, count, log->source.level, log->source.index,
		    tile_width(log->source.level, log->source.index, log->source.size));
	merkle_leaf(entry.data, entry.length, &leaf);
	return merkle_verify_inclusion(index, size, &leaf, proof, (size_t)count, root) ? 0 : -EBADMSG;
}

/* Everything about one hand-over but its place in the chain. */
static int hand_over_check(struct retention_log *log, const struct hand_over *hand_over) {
	const char *fault = hand_over_fault(hand_over);
	if (fault != NULL)
		return log_fail(log, 0, "epochs/%" PRIu64 " %s", hand_over->epoch, fault);
	if (hand_over->body.size > log->source.size)
		return log_fail(log, 0,
		    "epochs/%" PRIu64 " hands over at %" PRIu64 " entries, but the log has only %" PRIu64
		    ": it was put back to an older state",
		    hand_over->epoch, hand_over->body.size, log->source.size);
	log->error[0] = '\0';
	int error = chain_included(log, hand_over->index, hand_over->entry, hand_over->body.size, &hand_over->body.root);
	if (error == -EBADMSG && log->error[0] == '\0')
		return log_fail(log, 0, "epochs/%" PRIu64 ": entry %" PRIu64 " is not that of the log, or its root is not",
		    hand_over->epoch, hand_over->index);
	return error;
}

/* The key of an epoch and the sizes that it may sign, as the files say; nothing is checked. */
struct epoch_claim {
	uint64_t epoch;
	bool has_key;                 /* false for the only epoch of a log without hand-overs */
	struct note_verifier keys[3]; /* its own; the one before, the one after */
	size_t key_count;
	bool has_previous;
	uint64_t shared_size; /* the one before may sign up to this too */
};

/* The newest epoch whose first size is not above `size`. */
static int epoch_find(struct retention_log *log, uint64_t newest, uint64_t size, struct epoch_claim *ret_claim) {
	struct epoch_claim claim = {0};
	struct hand_over hand_over;
	uint64_t low = 0;
	uint64_t high = newest;
	while (low < high) {
		uint64_t middle = low + (high - low + 1) / 2;
		int error = hand_over_read(log, middle, &hand_over);
		if (error < 0)
			return error;
		if (hand_over.first_size <= size)
			low = middle;
		else
			high = middle - 1;
		hand_over_release(&hand_over);
	}
	claim.epoch = low;
	if (low > 0) {
		int error = hand_over_read(log, low, &hand_over);
		if (error < 0)
			return error;
		claim.keys[claim.key_count++] = hand_over.key;
		claim.keys[claim.key_count++] = hand_over.previous;
		claim.has_key = claim.has_previous = true;
		claim.shared_size = hand_over.body.size;
		hand_over_release(&hand_over);
	}
	if (low < newest) {
		int error = hand_over_read(log, low + 1, &hand_over);
		if (error < 0)
			return error;
		if (!claim.has_key)
			claim.keys[claim.key_count++] = hand_over.previous;
		claim.has_key = true;
		claim.keys[claim.key_count++] = hand_over.key;
		hand_over_release(&hand_over);
	}
	*ret_claim = claim;
	return 0;
}

/* ---- trust ---- */

/* Whether this is the key of that epoch, by way of the hand-overs from a key that was given. */
static int key_trusted(struct retention_log *log, uint64_t epoch, struct note_verifier key, uint64_t *ret_from) {
	while (!key_given(log, &key)) {
		struct hand_over hand_over;
		if (log->has_checkpoint && log->epoch == epoch && same_key(&log->epoch_key, &key)) {
			*ret_from = log->trusted_from;
			return 0;
		}
		if (epoch == 0)
			return log_fail(log, 0, "checkpoint is not signed by any key that is trusted here");
		int error = hand_over_read(log, epoch, &hand_over);
		if (error < 0)
			return error;
		error = same_key(&hand_over.key, &key)
		            ? hand_over_check(log, &hand_over)
		            : log_fail(log, 0, "epochs/%" PRIu64 " takes over from another key than that of the epoch before",
		                  epoch + 1);
		key = hand_over.previous;
		hand_over_release(&hand_over);
		if (error < 0)
			return error;
		epoch--;
	}
	*ret_from = epoch;
	return 0;
}

/* The epoch whose key made a signature on the note, for the message about it. */
static int wrong_epoch(
    struct retention_log *log, const char *what, struct text note, uint64_t newest, const struct epoch_claim *claim) {
	struct checkpoint_body body;
	for (uint64_t epoch = 1; epoch <= newest; epoch++) {
		struct hand_over hand_over;
		uint64_t signed_by = 0;
		if (hand_over_load(log->folder_fd, epoch, &hand_over) < 0)
			continue;
		const struct note_verifier keys[] = {hand_over.previous, hand_over.key};
		enum note_result result = checkpoint_signed_by(note.data, note.length, keys, 2, &body, &signed_by);
		hand_over_release(&hand_over);
		if (result == NOTE_OK)
			return log_fail(log, 0,
			    "%s has %" PRIu64 " entries, which only the key of epoch %" PRIu64
			    " may sign, but is signed by that of epoch %" PRIu64,
			    what, body.size, claim->epoch, (signed_by & 1) != 0 ? epoch - 1 : epoch);
	}
	return log_fail(log, 0, "%s is not signed by any key that is trusted here", what);
}

/* By the key of the claim, and by no other epoch's where it must not. */
static int signature_check(
    struct retention_log *log, const char *what, struct text note, uint64_t newest, const struct epoch_claim *claim) {
	struct checkpoint_body body;
	uint64_t signed_by = 0;
	switch (checkpoint_signed_by(note.data, note.length, claim->keys, claim->key_count, &body, &signed_by)) {
	case NOTE_OK:
		break;
	case NOTE_MALFORMED:
		return log_fail(log, 0, "%s is not a signed note", what);
	case NOTE_NO_KNOWN_KEY:
		return wrong_epoch(log, what, note, newest, claim);
	case NOTE_BAD_SIGNATURE:
		return log_fail(log, 0, "%s has a wrong signature", what);
	}
	if ((signed_by & 1) == 0)
		return wrong_epoch(log, what, note, newest, claim);
	bool by_previous = claim->has_previous && (signed_by & 2) != 0;
	uint64_t others = signed_by & ~UINT64_C(1) & ~(claim->has_previous ? UINT64_C(2) : 0);
	if (others != 0 || (by_previous && body.size > claim->shared_size))
		return log_fail(log, 0, "%s is signed by the key of another epoch, too", what);
	return 0;
}

/* In a log without hand-overs there is one key: the first. */
static int only_key_find(struct retention_log *log, const char *what, struct text note, struct note_verifier *ret_key) {
	struct checkpoint_body body;
	size_t key = 0;
	switch (
	    checkpoint_open(note.data, note.length, log->keys, log->key_count, body.origin, &body.size, &body.root, &key)) {
	case NOTE_OK:
		break;
	case NOTE_MALFORMED:
		return log_fail(log, 0, "%s is not a signed note", what);
	case NOTE_NO_KNOWN_KEY:
		return log_fail(log, 0, "%s is not signed by any key that is trusted here", what);
	case NOTE_BAD_SIGNATURE:
		return log_fail(log, 0, "%s has a wrong signature", what);
	}
	for (size_t i = 0; i < key; i++)
		if (strcmp(log->keys[i].name, log->keys[key].name) == 0)
			return log_fail(log, 0, "%s is signed by the key of a later epoch, but epochs/1 is missing", what);
	*ret_key = log->keys[key];
	return 0;
}

static int note_check(struct retention_log *log, const char *what, struct text note, uint64_t newest,
    struct checkpoint_body *ret_body, struct epoch_claim *ret_claim) {
	struct epoch_claim claim = {0};
	*ret_body = (struct checkpoint_body){.size = 0};
	if (!checkpoint_parse(note.data, note.length, ret_body))
		return log_fail(log, 0, "%s is not a signed note", what);
	int error = epoch_find(log, newest, ret_body->size, &claim);
	if (error == 0)
		error = claim.has_key ? signature_check(log, what, note, newest, &claim)
		                      : only_key_find(log, what, note, &claim.keys[0]);
	if (error < 0)
		return error;
	if (strcmp(ret_body->origin, claim.keys[0].name) != 0)
		return log_fail(
		    log, 0, "%s is of %.100s, signed by the key of %.100s", what, ret_body->origin, claim.keys[0].name);
	*ret_claim = claim;
	return 0;
}

/* ---- the newest checkpoint ---- */

static int newest_read(struct retention_log *log, uint64_t *ret_newest) {
	int error = epochs_newest(log->folder_fd, ret_newest);
	return error < 0 ? log_fail(log, error, "epochs cannot be read: %s", strerror(-error)) : 0;
}

static int checkpoint_take(
    struct retention_log *log, const struct checkpoint_body *body, const struct epoch_claim *claim) {
	uint64_t from = 0;
	uint64_t old_size = log->source.size;
	log->source.size = body->size;
	int error = key_trusted(log, claim->epoch, claim->keys[0], &from);
	if (error < 0) {
		log->source.size = old_size;
		return error;
	}
	/* A partial bundle in memory may have grown on the disk. */
	log->has_bundle = log->has_bundle && log->has_checkpoint && log->checkpoint.size == body->size;
	log->has_pruned = log->has_pruned && log->has_checkpoint && log->checkpoint.size == body->size;
	log->checkpoint = (struct retention_checkpoint){.size = body->size};
	memcpy(log->checkpoint.origin, body->origin, sizeof body->origin);
	memcpy(log->checkpoint.root, body->root.bytes, sizeof log->checkpoint.root);
	log->has_checkpoint = true;
	log->epoch = claim->epoch;
	log->epoch_key = claim->keys[0];
	log->trusted_from = from;
	return 0;
}

/* ret_again: a hand-over is ahead of the checkpoint, as it is for a moment while one is made. */
static int checkpoint_read(struct retention_log *log, bool *ret_again) {
	char *note = NULL;
	size_t length = 0;
	uint64_t newest = 0;
	struct checkpoint_body body = {.size = 0};
	struct epoch_claim claim = {0};
	*ret_again = false;
	int error = descriptor_read_file(log->folder_fd, "checkpoint", NOTE_BYTES_MAX, &note, &length);
	if (error == -ENOENT || error == -EFBIG || error == -EINVAL)
		return log_fail(log, 0, error == -ENOENT ? "checkpoint is missing" : "checkpoint is not a signed note");
	if (error < 0)
		return log_fail(log, error, "checkpoint cannot be read: %s", strerror(-error));
	error = newest_read(log, &newest);
	if (error == 0)
		error = note_check(log, "checkpoint", (struct text){note, length}, newest, &body, &claim);
	free(note);
	if (error == 0 && claim.epoch < newest) {
		*ret_again = true;
		error = log_fail(log, 0,
		    "checkpoint is of epoch %" PRIu64 ", but epochs/%" PRIu64
		    " is there: the log was put back to an older state",
		    claim.epoch, newest);
	}
	return error < 0 ? error : checkpoint_take(log, &body, &claim);
}

int chain_checkpoint(struct retention_log *log) {
	bool again = false;
	int error = checkpoint_read(log, &again);
	for (int attempt = 1; again && attempt < ATTEMPTS; attempt++) {
		wait_a_moment();
		error = checkpoint_read(log, &again);
	}
	return error;
}

int chain_check(struct retention_log *log, const char *what, struct text note, struct checkpoint_body *ret_body) {
	uint64_t newest = 0;
	uint64_t from = 0;
	struct epoch_claim claim = {0};
	int error = newest_read(log, &newest);
	if (error == 0)
		error = note_check(log, what, note, newest, ret_body, &claim);
	if (error == 0 && ret_body->size > log->checkpoint.size)
		error = log_fail(log, 0,
		    "%s has %" PRIu64 " entries, the log only %" PRIu64 ": it was cut, or put back to an older state", what,
		    ret_body->size, log->checkpoint.size);
	/* The keys of epochs before the first that was given are as good as the root that the trusted ones have signed. */
	if (error == 0 && claim.epoch > log->epoch)
		error = key_trusted(log, claim.epoch, claim.keys[0], &from);
	return error;
}

int chain_pruned(struct retention_log *log) {
	struct pruned pruned;
	struct merkle_hash root;
	if (log->has_pruned)
		return 0;
	int error = pruned_load(log->folder_fd, &pruned);
	if (error == -ENOENT) {
		log->pruned_below = 0;
		log->has_pruned = true;
		return 0;
	}
	if (error < 0)
		return error == -EBADMSG ? log_fail(log, 0, "pruned does not carry an entry about pruning")
		                         : log_fail(log, error, "pruned cannot be read: %s", strerror(-error));
	memcpy(root.bytes, log->checkpoint.root, sizeof root.bytes);
	log->error[0] = '\0';
	error = chain_included(log, pruned.index, pruned.entry, log->checkpoint.size, &root);
	if (error == 0)
		error = tile_source_root(&log->source, pruned.below, &root);
	if (error == 0 && memcmp(root.bytes, pruned.root.bytes, sizeof root.bytes) != 0)
		error = -EBADMSG;
	if (error == 0) {
		log->pruned_below = pruned.below;
		log->has_pruned = true;
	} else if (log->error[0] == '\0') {
		error = log_fail(log, 0, "pruned carries an entry %" PRIu64 " that is not in the log", pruned.index);
	}
	pruned_release(&pruned);
	return error;
}

/* ---- the whole chain ---- */

struct chain {
	uint64_t newest;
	struct note_verifier last; /* of the epoch before the one at hand */
	uint64_t last_size;        /* of the hand-over before */
	uint64_t *indexes;
	const struct note_verifier *listed; /* the folder's own list */
};

static int link_check(struct retention_log *log, struct chain *chain, const struct hand_over *hand_over) {
	uint64_t epoch = hand_over->epoch;
	if (epoch == 1)
		chain->last = hand_over->previous;
	if (!same_key(&chain->last, &hand_over->previous))
		return log_fail(log, 0, "epochs/%" PRIu64 " takes over from another key than that of the epoch before", epoch);
	if (hand_over->first_size <= chain->last_size)
		return log_fail(log, 0, "epochs/%" PRIu64 " begins before the epoch before it", epoch);
	int error = hand_over_check(log, hand_over);
	if (error < 0)
		return error;
	if (!same_key(&chain->listed[epoch - 1], &hand_over->previous) || !same_key(&chain->listed[epoch], &hand_over->key))
		return log_fail(log, 0, "line %" PRIu64 " of vkeys is not the key of its epoch",
		    same_key(&chain->listed[epoch - 1], &hand_over->previous) ? epoch + 1 : epoch);
	chain->last = hand_over->key;
	chain->last_size = hand_over->body.size;
	chain->indexes[epoch - 1] = hand_over->index;
	return 0;
}

static int links_check(struct retention_log *log, struct chain *chain) {
	for (uint64_t epoch = 1; epoch <= chain->newest; epoch++) {
		struct hand_over hand_over;
		int error = hand_over_read(log, epoch, &hand_over);
		if (error < 0)
			return error;
		error = link_check(log, chain, &hand_over);
		hand_over_release(&hand_over);
		if (error < 0)
			return error;
	}
	if (chain->newest == 0)
		chain->last = chain->listed[0];
	return same_key(&chain->last, &log->epoch_key)
	           ? 0
	           : log_fail(log, 0, "line %" PRIu64 " of vkeys is not the key that signed checkpoint", chain->newest + 1);
}

static uint64_t key_place(
    const struct note_verifier *listed, uint64_t from, uint64_t to, const struct note_verifier *key) {
	while (from < to && !same_key(&listed[from], key))
		from++;
	return from;
}

/* Keys that were given, in the order of their epochs. */
static int given_check(struct retention_log *log, const struct note_verifier *listed, uint64_t newest) {
	uint64_t next = 0;
	bool found = false;
	for (size_t i = 0; i < log->key_count; i++) {
		if (strcmp(log->keys[i].name, log->checkpoint.origin) != 0)
			continue;
		uint64_t at = key_place(listed, next, newest + 1, &log->keys[i]);
		if (at > newest && key_place(listed, 0, next, &log->keys[i]) < next)
			return log_fail(log, 0, "the keys that were given are not in the order of the log's epochs");
		if (at > newest)
			continue; /* of a later epoch than this copy of the log */
		if (!found)
			log->trusted_from = at;
		found = true;
		next = at + 1;
	}
	return 0;
}

static int listed_read(struct retention_log *log, uint64_t newest, struct note_verifier **ret_keys) {
	char *text = NULL;
	size_t count = 0;
	int error = chain_keys_read(log, &text);
	if (error < 0)
		return error == -ENOENT ? log_fail(log, 0, "vkeys is missing")
		                        : log_fail(log, error, "vkeys cannot be read: %s", strerror(-error));
	error = chain_keys_parse(text, ret_keys, &count);
	free(text);
	if (error < 0)
		return error == -ENOMEM ? log_fail(log, error, "out of memory")
		                        : log_fail(log, 0, "vkeys holds a line that is no key");
	if (count != newest + 1) {
		free(*ret_keys);
		*ret_keys = NULL;
		return log_fail(log, 0, "vkeys holds %zu keys, but the log has had %" PRIu64, count, newest + 1);
	}
	return 0;
}

static int chain_walk(struct retention_log *log, struct chain *chain) {
	struct note_verifier *listed = NULL;
	int error = listed_read(log, chain->newest, &listed);
	chain->listed = listed;
	if (error < 0 || listed == NULL)
		return error < 0 ? error : -ENOMEM;
	error = links_check(log, chain);
	if (error == 0)
		error = given_check(log, listed, chain->newest);
	free(listed);
	return error;
}

int chain_verify(struct retention_log *log, uint64_t **ret_indexes, size_t *ret_count) {
	int error = 0;
	for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
		struct chain chain = {0};
		uint64_t newest = 0;
		error = chain_checkpoint(log);
		if (error < 0)
			return error;
		chain.newest = log->epoch;
		chain.indexes = calloc((size_t)chain.newest + 1, sizeof *chain.indexes);
		if (chain.indexes == NULL)
			return log_fail(log, -ENOMEM, "out of memory");
		error = chain_walk(log, &chain);
		if (error == 0) {
			*ret_indexes = chain.indexes;
			*ret_count = (size_t)chain.newest;
			return 0;
		}
		free(chain.indexes);
		/* The list of keys is written last: what looks wrong may be a hand-over that is going on. */
		if (error != -EBADMSG || attempt + 1 == ATTEMPTS)
			break;
		wait_a_moment();
		if (epochs_newest(log->folder_fd, &newest) < 0)
			break;
	}
	return error;
}

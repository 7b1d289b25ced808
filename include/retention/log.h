/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading and verifying a retentiond audit log: a C2SP tlog-tiles log (RFC 6962 hashing, Ed25519
 * signed checkpoints) in a folder. Needs no daemon and no state. Format: retention-log(5).
 *
 * Functions return 0 or a positive count on success and a negative errno on failure; -EBADMSG
 * means that something does not hold, and retention_log_error() names the first thing that does not.
 */
#ifndef RETENTION_LOG_H
#define RETENTION_LOG_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct retention_log;

/* A signed statement of the log's size and root. */
struct retention_checkpoint {
	char origin[256];
	uint64_t size; /* entries */
	uint8_t root[32];
};

/*
 * Opens the log in the folder `folder_fd` (duplicated). `keys` are verifier keys, one a line ("name+hash+base64"), of
 * any epochs: a key is trusted for its own epoch, and through the hand-overs that begin with it for all later ones. The
 * first epoch's key is enough for everything. NULL trusts the folder's own list (vkeys), which proves only that the log
 * agrees with itself. -EINVAL: `keys` holds none, or a line that is no key.
 */
int retention_log_open(int folder_fd, const char *keys, struct retention_log **ret_log);
/* Takes NULL. */
void retention_log_close(struct retention_log *log);

/* What the last failing call found, for people. Never NULL. */
const char *retention_log_error(const struct retention_log *log);

/*
 * The newest checkpoint: its signature checked, by the key of the epoch that its size lies in. A key is valid only for
 * sizes of its own epoch.
 */
int retention_log_checkpoint(struct retention_log *log, struct retention_checkpoint *ret_checkpoint);

/*
 * A checkpoint that was kept elsewhere (a signed note): signed by the key of its epoch, and the log as it is now has
 * grown out of it. Any one old checkpoint shows a log that was rewritten since. ret_checkpoint may be NULL.
 */
int retention_log_check_checkpoint(
    struct retention_log *log, const char *note, size_t length, struct retention_checkpoint *ret_checkpoint);
/* The same for two statements, both checked before: the second has grown out of the first. The proof is made from the
 * tiles. */
int retention_log_check_growth(
    struct retention_log *log, const struct retention_checkpoint *older, const struct retention_checkpoint *newer);

/* What there is of the log, for reports. Reads the newest checkpoint. */
struct retention_log_facts {
	struct retention_checkpoint checkpoint;
	uint64_t epoch;        /* whose key signs now; 0 is the first */
	uint64_t trusted_from; /* the oldest epoch whose key was given; that key and those after it are trusted */
	int own_keys;          /* not 0: no key was given */
	uint64_t pruned_below; /* entries below this may have been pruned, and an entry says so; 0: none */
};
int retention_log_facts(struct retention_log *log, struct retention_log_facts *ret_facts);

/*
 * Signatures of witnesses (C2SP tlog-cosignature) on the newest checkpoint that has any. `keys`: their verifier keys,
 * one a line. `each` is told of every good one: the witness, when it signed (seconds since 1970 by its own clock), the
 * size that it saw. The number of good ones; -EBADMSG when one of them is wrong.
 */
int retention_log_witnesses(struct retention_log *log, const char *keys,
    void (*each)(const char *name, uint64_t seconds, uint64_t size, void *context), void *context);

/* Entry `index` (0 is the first) as written: bytes valid until the next call. -ENOENT past the end or pruned, -EBADMSG
 * when its bundle is missing and nothing says that it may be. */
int retention_log_entry(struct retention_log *log, uint64_t index, const char **ret_bytes, size_t *ret_length);

/* The same, with its inclusion under the newest checkpoint proved. */
int retention_log_check_entry(struct retention_log *log, uint64_t index, const char **ret_bytes, size_t *ret_length);

/*
 * Verifies entries and tiles up to the newest checkpoint: every leaf against its tile, every tile
 * against the level above, the root against the signed one; each hand-over of a key: both signatures,
 * its entry, the order of the epochs, the public list of keys; and that nothing is missing but what an entry
 * says was pruned. `progress` (may be NULL) is called now and then; non-zero from it stops with -ECANCELED.
 */
int retention_log_verify(
    struct retention_log *log, int (*progress)(uint64_t done, uint64_t size, void *context), void *context);

/* The audit path of entry `index` in the tree of `size`, leaf side first (RFC 9162, 2.1.3). At most 64 hashes; the
 * count. */
int retention_log_inclusion(struct retention_log *log, uint64_t index, uint64_t size, uint8_t ret_proof[64][32]);
/* The consistency proof between two sizes (RFC 9162, 2.1.4). */
int retention_log_consistency(struct retention_log *log, uint64_t old_size, uint64_t size, uint8_t ret_proof[64][32]);

#ifdef __cplusplus
}
#endif

#endif

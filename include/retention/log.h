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
 * Opens the log in the folder `folder_fd` (duplicated). `keys` are verifier keys, one a line
 * ("name+hash+base64"); NULL trusts the folder's own log.vkeys, which proves only that the log agrees with itself.
 */
int retention_log_open(int folder_fd, const char *keys, struct retention_log **ret_log);
/* Takes NULL. */
void retention_log_close(struct retention_log *log);

/* What the last failing call found, for people. Never NULL. */
const char *retention_log_error(const struct retention_log *log);

/* The newest checkpoint, its signature checked. */
int retention_log_checkpoint(struct retention_log *log, struct retention_checkpoint *ret_checkpoint);

/* Entry `index` (0 is the first) as written: bytes valid until the next call. -ENOENT past the end or pruned. */
int retention_log_entry(struct retention_log *log, uint64_t index, const char **ret_bytes, size_t *ret_length);

/*
 * Verifies entries and tiles up to the newest checkpoint: every leaf against its tile, every tile
 * against the level above, the root against the signed one. `progress` (may be NULL) is called now
 * and then; non-zero from it stops with -ECANCELED.
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

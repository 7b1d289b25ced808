/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Appending to the audit log (keeper only). An entry is durable when audit_writer_sync() has
 * returned: one fdatasync of a zero-written write-ahead file for all entries since the last. Entry
 * bundles, tiles and a signed checkpoint follow in audit_writer_publish().
 *
 * The files, to the byte, are described at the top of writer.c.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audit/merkle.h"
#include "base/attributes.h"

struct audit_writer;

enum { AUDIT_ENTRY_BYTES_MAX = 8192 };

enum audit_start {
	AUDIT_STARTED_NEW,    /* a new, empty log */
	AUDIT_CONTINUED,      /* clean */
	AUDIT_RECOVERED,      /* entries of the write-ahead file were replayed; a torn tail, if any, was cut */
	AUDIT_BROKEN_RENEWED, /* the tiles do not give the signed root: the old log was set aside (log.broken-<n>/), a new
	                         origin begins; its first entry must say so */
};

struct audit_start_report {
	enum audit_start how;
	uint64_t size; /* entries after recovery */
	uint64_t replayed;
	bool torn;        /* an incomplete last record was cut */
	char reason[256]; /* for AUDIT_BROKEN_RENEWED: what did not hold, the old origin, size and root; for AUDIT_RECOVERED
	                     what was missing or damaged, else "" */
};

/*
 * Opens or makes log/ and keys/ below `state_fd`: the epoch's key file (mode 0600, made with random
 * bytes), log.vkeys, checkpoint. `origin` names a new log ("hostname/retention/<8 random hex>" where NULL).
 * `reserve_bytes` are kept allocated for a full disk. 0 or a negative errno.
 */
MUST_USE int audit_writer_open(int state_fd, const char *origin, uint64_t reserve_bytes,
    struct audit_writer **ret_writer, struct audit_start_report *ret_report);
/* Publishes what is pending and closes. Takes NULL. Returns NULL. */
struct audit_writer *audit_writer_close(struct audit_writer *writer);

/*
 * Appends one entry (a JSON object on one line, at most AUDIT_ENTRY_BYTES_MAX) in memory and in the write-ahead
 * file's buffer; not durable yet. Its index goes to ret_index. -ENOSPC or -EIO when the log cannot
 * be written: then nothing more may be deleted until audit_writer_writable().
 */
MUST_USE int audit_writer_append(struct audit_writer *writer, const char *entry, size_t length, uint64_t *ret_index);

/* Makes all appended entries durable. 0, or a negative errno: then those entries count as not written and are kept in
 * memory for the next try. */
MUST_USE int audit_writer_sync(struct audit_writer *writer);

/* Writes bundles, tiles, state and checkpoint for all durable entries. Called by keeper at 256 entries, at
 * log.checkpoint, within 10 s for holds, at a stop. */
MUST_USE int audit_writer_publish(struct audit_writer *writer);

/*
 * A new epoch, in three calls: audit_writer_next_key() makes the next key, durable, and tells its verifier key (the
 * same one until it has taken over; -E2BIG after 65,535 epochs); the caller appends an entry key-rotated whose details
 * are {"key":{"epoch":N,"vkey":"…","previous":"…","first_size":<its index + 1>}}; audit_writer_hand_over() is told that
 * entry's index, and the next audit_writer_publish() is the hand-over: a checkpoint with both signatures, then the
 * public log/epochs/<N>, then the old key is wiped. A crash anywhere between is made good at the next start.
 */
MUST_USE int audit_writer_next_key(struct audit_writer *writer, char *ret_vkey, size_t room);
MUST_USE int audit_writer_hand_over(struct audit_writer *writer, uint64_t index);
/* The epoch whose key signs now; the first is 0. */
uint64_t audit_writer_epoch(const struct audit_writer *writer);

/*
 * Pruning, in three calls: the caller appends an entry log-pruned whose details are
 * {"pruned":{"below":N,"root":"<base64 of audit_writer_root(N)>",…}} and publishes; audit_writer_prune_begin() is told
 * that entry's index and makes log/pruned durable; audit_writer_prune() then removes entry bundles (never tiles) that
 * lie wholly below N, but for those that `keeps` wants to stay. It may be called again at any time, and goes on where
 * it was cut off.
 */
MUST_USE int audit_writer_root(struct audit_writer *writer, uint64_t size, struct merkle_hash *ret_root);
/* The same as base64, as the entry has it. */
MUST_USE int audit_writer_root_text(struct audit_writer *writer, uint64_t size, char *ret_text, size_t room);
MUST_USE int audit_writer_prune_begin(struct audit_writer *writer, uint64_t index);
/* Entries below this may be missing; 0 where nothing was ever pruned. */
uint64_t audit_writer_pruned_below(const struct audit_writer *writer);
struct audit_prune {
	uint64_t from;                                                  /* the entry to begin at; moved on */
	uint64_t bundles;                                               /* at most so many are looked at */
	bool (*keeps)(const char *entry, size_t length, void *context); /* asked for each entry until it says so */
	void *context;
	uint64_t removed, kept; /* bundles, added up */
};
/* 1 when there is more to look at, 0 when all is done, or a negative errno. */
MUST_USE int audit_writer_prune(struct audit_writer *writer, struct audit_prune *prune);

/* Entries appended, entries covered by the newest checkpoint. */
uint64_t audit_writer_size(const struct audit_writer *writer);
uint64_t audit_writer_published(const struct audit_writer *writer);
/* False after a failed write, until a try succeeds: audit_writer_retry() probes. */
bool audit_writer_writable(const struct audit_writer *writer);
bool audit_writer_retry(struct audit_writer *writer);
/* Bytes of the reserve that are left: less than was asked for means that the disk is full, and an alarm.
 * audit_writer_retry() fills it again. */
uint64_t audit_writer_reserve_left(const struct audit_writer *writer);
const char *audit_writer_origin(const struct audit_writer *writer);
/* The verifier key of the current epoch; valid as long as the writer. */
const char *audit_writer_vkey(const struct audit_writer *writer);
/* The newest checkpoint note; valid until the next publish. */
const char *audit_writer_checkpoint(const struct audit_writer *writer);
/* Read-only descriptor of the log folder (mode 0755, so that a client who was handed it can read without other rights);
 * stays the writer's. */
int audit_writer_folder(const struct audit_writer *writer);

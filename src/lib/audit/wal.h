/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The write-ahead file `log-pending`: entries that are durable but in no bundle yet.
 *
 *   record      u32 length | u32 crc32c | u64 index | entry      (little-endian; the crc covers index and entry, and is
 * never that of a record of length 0) end         16 zero bytes, written with each group and overwritten by the next
 *
 * The file is written with zeros ahead of its use, a mebibyte at a time, so that a group costs one
 * fdatasync without a journal commit. Once its entries are published it is used again from the
 * start. Records of an earlier round stay behind the end; they are never replayed, because indexes
 * only grow and replay takes a record only if its index is the one that must come next. What a
 * replay leaves behind its end is zeroed before the file is used again: an entry that was cut off
 * and one that took its place have the same index.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audit/store.h"
#include "base/attributes.h"

enum { WAL_HEADER_BYTES = 16, WAL_CHUNK_BYTES = 1024 * 1024 };

struct wal {
	int fd;
	uint64_t offset; /* where the next group goes */
	uint64_t bytes;  /* written ahead */
};
#define WAL_NULL ((struct wal){.fd = -1})

/* What a replay found. */
struct wal_report {
	uint64_t records;  /* good ones, in order */
	uint64_t first;    /* index of the first of them */
	bool torn;         /* something other than the end follows the last good record */
	uint64_t stranded; /* good records with later indexes after a bad one: they cannot be replayed */
	bool was_missing;
};

typedef int (*wal_each)(uint64_t index, const uint8_t *entry, size_t length, void *context);

/*
 * Opens `log-pending`, made if missing, and hands its records in order. `published`: entries that are in
 * bundles; older records are of earlier rounds. 0, what `each` returned below 0, or a negative errno.
 */
struct wal_replay {
	uint64_t published;
	wal_each each;
	void *context;
};
MUST_USE int wal_open(
    struct store *store, const struct wal_replay *replay, struct wal *ret_wal, struct wal_report *ret_report);
void wal_close(struct wal *wal);

/* Bytes that a record takes, and the record itself. */
static inline size_t wal_record_bytes(size_t length) {
	return WAL_HEADER_BYTES + length;
}
void wal_record_write(uint8_t *to, uint64_t index, const uint8_t *entry, size_t length);

/* Writes a group of records and makes it durable. `records` has WAL_HEADER_BYTES of room at the end for the end mark. 0
 * or a negative errno. */
MUST_USE int wal_write(struct store *store, struct wal *wal, uint8_t *records, size_t length);
/* Replaces the file by a new one that holds this group: after an error of fsync the old one's pages say nothing any
 * more. */
MUST_USE int wal_remake(struct store *store, struct wal *wal, uint8_t *records, size_t length);
/* All records are published: starts again at the beginning. */
void wal_restart(struct wal *wal);
/* Copies the file to `name` beside it, for people to look at. */
MUST_USE int wal_keep_copy(struct store *store, const struct wal *wal, const char *name);
/* Zeros everything from the end on, durably. */
MUST_USE int wal_clear_rest(struct wal *wal);

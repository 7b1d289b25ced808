/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What reader.c and verify.c share. */
#pragma once

#include <stdbool.h>

#include "audit/note.h"
#include "audit/tile.h"
#include "base/attributes.h"
#include "retention/log.h"

struct retention_log {
	int folder_fd;
	struct note_verifier *keys;
	size_t key_count;
	struct retention_checkpoint
	    checkpoint; /* the newest that was read; its size bounds what the other calls may look at */
	bool has_checkpoint;
	struct bundle bundle; /* the last one read */
	uint64_t bundle_index;
	bool has_bundle;
	unsigned tile_level; /* the last tile read, for proofs */
	uint64_t tile_index;
	unsigned tile_width;
	struct merkle_hash tile[TILE_WIDTH];
	char error[512];
};

/* Notes what does not hold; returns -EBADMSG, or `error` where that is not 0. */
int log_fail(struct retention_log *log, int error, const char *format, ...) PRINTF_LIKE(3, 4);
/* The same for a file of the log that could not be read. */
int log_fail_file(struct retention_log *log, int error, unsigned level, uint64_t index, unsigned width);

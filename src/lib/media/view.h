/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A file as libavformat sees it: read by pread from a descriptor, within a budget of bytes, reads and
 * time, so that a hostile file ends in an error and not in a hang.
 *
 * A view may leave out the middle of the file: [0, head_bytes) is followed at once by [tail_start,
 * file_bytes). That is how the last timestamps of a long recording are read without the rest.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"

struct AVIOContext;

struct view {
	int fd; /* the caller's */
	int64_t file_bytes;
	int64_t head_bytes;
	int64_t tail_start;
	int64_t position; /* in the view */
	int64_t bytes_left;
	int32_t reads_left;
	int64_t deadline_us; /* clock_elapsed_us() */
	int error;           /* negative errno of the last read that failed; -EDQUOT: the budget is used up */
	struct AVIOContext *io;
};

enum { VIEW_BUFFER_BYTES = 16384 };

/* Starts a view of the whole file. `bytes_most` may be read from it in all, and it may take `time_most_us`. */
void view_init(struct view *view, int fd, int64_t file_bytes, int64_t bytes_most, int64_t time_most_us);

/* Leaves out what lies between; a tail that begins within the head shows the whole file. The budget runs on. */
void view_cut(struct view *view, int64_t head_bytes, int64_t tail_start);

/* Makes view->io anew, at position 0. 0 or -ENOMEM. */
MUST_USE int view_open(struct view *view);
/* Frees view->io. May be called on a view that is not open. */
void view_close(struct view *view);

/* Reads from the file itself, not the view; short only at the end. Bytes read or a negative errno, -EDQUOT included. */
MUST_USE int64_t view_pread(struct view *view, void *bytes, size_t room, int64_t offset);

/* True once the budget is used up. For libavformat's interrupt callback and for loops of ours. */
bool view_exhausted(struct view *view);

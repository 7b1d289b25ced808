/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Many opens, few entries, no fact lost. The first open of an actor on a camera is written at once;
 * what follows is counted and written when a minute has passed, then when a minute passed without an
 * open, or every hour: a playback of any hour makes three entries, also one that takes an hour. A
 * recorder's own traffic is one entry an hour a camera. What differs in camera, outcome, user, program,
 * service or part is never joined. Nothing here knows a clock, a log or a disk.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/bytes.h"
#include "base/span.h"
#include "observation_actors.h"

#define JOINED_MINUTE_US INT64_C(60000000)
#define JOINED_HOUR_US INT64_C(3600000000)

enum { JOINED_ROWS_MAX = 1024, JOINED_FILES_MAX = 1024, JOINED_HOLDS_BYTES = 160 };

/* One item of ACCESSES, with what keeper knows of the file. Borrowed. */
struct joined_open {
	struct actor *actor;
	const char *root;   /* its name */
	struct text camera; /* "root/camera"; empty where the path is no segment's */
	uint8_t what;       /* enum access_what */
	uint8_t level;      /* enum guard_level, at which it was seen */
	bool foreign;       /* the layout does not know the path */
	bool held;
	const char *holds; /* ids, comma separated */
	uint32_t count;
	int64_t first_us, last_us; /* wall clock */
	uint64_t inode, bytes;
	struct text path;
	struct span footage; /* 0 and 0 where it is not known */
};

/* What one entry says. */
struct joined_row {
	uint64_t key;
	struct actor *actor; /* of the first open in it */
	char *root;
	char *camera; /* "" where foreign */
	size_t camera_length;
	char *path; /* of the first open in this entry */
	size_t path_length;
	uint64_t inode, size; /* of that file */
	uint8_t what, level;
	bool foreign, held;
	bool own_traffic;  /* a recorder's: many processes may be in it */
	bool ports_differ; /* of the remote */
	bool joined;       /* not the first entry of these opens */
	char holds[JOINED_HOLDS_BYTES];
	uint64_t count, bytes, files;
	bool files_at_least; /* more files than are told apart here */
	int64_t first_us, last_us;
	struct span footage;
	/* Inside observation_joined.c. */
	int64_t began_us, seen_us, due_us; /* boot clock */
	uint64_t *inodes;                  /* a set, of inodes_room places; 0 is free */
	size_t inodes_room;
};

/* Writes an entry: 0, or a negative errno, and then the row is kept and tried again. */
typedef int (*joined_write)(const struct joined_row *row, void *context);

struct joined;
MUST_USE struct joined *joined_new(joined_write write, void *context);
struct joined *joined_free(struct joined *joined);

/* now_us: the boot clock. */
void joined_add(struct joined *joined, const struct joined_open *open, int64_t now_us);
/* Writes what is due. */
void joined_tick(struct joined *joined, int64_t now_us);
/* Writes what was counted and stands in no entry yet; what follows is joined as before. */
void joined_settle(struct joined *joined);
/* Writes everything that waits, and forgets it. */
void joined_flush(struct joined *joined);
/* When joined_tick() has something to do next, on the boot clock; INT64_MAX for never. */
int64_t joined_next(const struct joined *joined);
/* When the oldest open happened that no entry has yet (wall clock); 0 for none. `own_traffic`: of recorders. */
int64_t joined_waiting_since(const struct joined *joined, bool own_traffic);

/* Opens that found no room while the log could not be written; given once. */
struct joined_loss {
	uint64_t count;
	int64_t from_us, to_us;
};
bool joined_loss_take(struct joined *joined, struct joined_loss *ret_loss);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a segment is: one stretch of footage of one camera in one file (or group of files), and where its times come
 * from. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/zone.h"
#include "settings/layout.h"

enum segment_state {
	SEGMENT_DISCOVERED, /* seen, not known to be finished */
	SEGMENT_OPEN,       /* being written */
	SEGMENT_SEALED,     /* finished */
	SEGMENT_ALTERED,    /* changed after it was sealed */
	SEGMENT_UNREADABLE, /* the media cannot be read; age by path and mtime */
	SEGMENT_DELETING,   /* an intent is durable */
};
/* Leaving states (deleted, missing) have no row: they are spans in the index's `erased` table. offline is a state of
 * the root. foreign files are no segments. */

/* Where a start comes from, best first (design section 6). */
enum start_source { START_FROM_PATH, START_FROM_CONTAINER, START_FROM_MTIME, START_FROM_FIRST_SIGHT };

/*
 * Everything that is known about when a segment began. 0 means not known; times in µs on the wall
 * clock; a time of the file before 2000 counts as not known (it was set by a clock that had not been
 * set). birth_us and first_sight_us are those of this footage, not of its file: where a recorder
 * reopens a file (layout.slots) the caller gives 0 and the time of the reopening.
 */
struct start_evidence {
	struct pattern_match path;
	enum layout_clock clock;
	const struct zone *zone;
	int64_t container_start_us;
	int64_t duration_us;
	int64_t mtime_us;
	int64_t birth_us;
	int64_t first_sight_us; /* 0 when the clock was not trusted then */
	int64_t now_us;         /* 0 when the clock is not trusted now */
};

struct segment_start {
	int64_t start_us;    /* counts for deletion */
	int64_t earliest_us; /* for holds: the whole of what is claimed */
	enum start_source source;
	bool
	    time_suspect; /* path and container more than a day apart, or container and mtime where the path says nothing */
	bool fold;        /* the later of two readings of a repeated local hour was chosen */
	bool fold_unsettled; /* the repeated hour could not be settled by mtime: the later was taken (deletes later) */
	bool refused_future; /* the path or container lay after what mtime, birth or first sight allow; the next source was
	                        taken */
};

/*
 * Decides the start. A start before 2000 or more than 2 s (FAT's grain, a clock being slewed) after
 * mtime, birth, first sight or now is refused and the next source is asked: path, container, mtime
 * less duration, first sight. They bound a start from above, never make footage younger than its path
 * says.
 *
 * A path with a date alone is settled by the container or mtime where they fall on that day, else the
 * end of the day counts for deletion and its beginning for holds. A local time that happened twice is
 * settled by mtime: by the duration where it is known, else by the one reading that leaves at most an
 * hour of recording before mtime; else the later counts for deletion, the earlier for holds.
 *
 * What the media say can be forged by whoever wrote them, so without a path a container more than a
 * day before mtime less duration is time_suspect too (the later counts), and a duration of more than a
 * day takes no more than a day off mtime. A birth more than a day before mtime is that of a file used
 * again: it refuses path and container, but makes mtime no older; time_suspect too.
 *
 * False if nothing gives a start (then the caller keeps the file and says so).
 */
MUST_USE bool segment_decide_start(const struct start_evidence *evidence, struct segment_start *ret_start);

/*
 * End: start plus duration where known; else the later of the next segment's start and mtime; never before
 * start. A next start more than two hours away, or an mtime more than a day away, says nothing of the end.
 */
int64_t segment_decide_end(int64_t start_us, int64_t duration_us, int64_t next_start_us, int64_t mtime_us);

/*
 * The end to ask holds with: as segment_decide_end(), but no earlier than mtime where that is within a
 * day of the start, so that a false or short duration cannot take footage out of a hold.
 */
int64_t segment_latest_end(int64_t start_us, int64_t duration_us, int64_t next_start_us, int64_t mtime_us);

const char *segment_state_name(enum segment_state state); /* "sealed" */
const char *segment_kind_name(enum segment_kind kind);    /* "video" */
const char *start_source_name(enum start_source source);  /* "path" */

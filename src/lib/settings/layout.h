/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A layout says how one recorder names and finishes what it writes. It is data, read from
 * layouts/<name>.conf; reference in retention-layout(5).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/bytes.h"
#include "settings/pattern.h"

/* Moving images, still images and sound are all footage: the privacy rule covers all three. */
enum segment_kind { SEGMENT_VIDEO, SEGMENT_STILL, SEGMENT_SOUND };

/* Limits of one layout. */
enum { LAYOUT_PATTERNS_MAX = 128, LAYOUT_SIDECARS_MAX = 16 };

/* When a segment is finished. */
enum finish {
	FINISH_CLOSE,   /* close after write */
	FINISH_RENAME,  /* its final name appears by rename */
	FINISH_LINK,    /* its final name appears by link(2): no close event on that name */
	FINISH_SIDECAR, /* a sidecar with finish_suffix exists */
	FINISH_IDLE,    /* not written for idle_seconds */
};

/* Which clock the path's time is on. */
enum layout_clock { LAYOUT_CLOCK_NONE, LAYOUT_CLOCK_UTC, LAYOUT_CLOCK_LOCAL, LAYOUT_CLOCK_EPOCH };

/* Bits: ways of preserving that this recorder leaves alone (for the vault). */
enum preserve { PRESERVE_REFLINK = 1, PRESERVE_LINK = 2, PRESERVE_COPY = 4 };

struct layout_pattern {
	struct pattern *pattern;
	struct pattern *stem; /* the same without its final suffix, to recognise sidecars; NULL if it has none */
	enum segment_kind kind;
};

/* A file beside a segment that lives and dies with it. */
struct layout_sidecar {
	char *replace_suffix; /* the segment's name with its suffix replaced by this (".json"), or … */
	char *append_suffix;  /* … the whole name with this appended (".thumb") */
};

struct layout {
	char *name;
	char *title; /* "Frigate 0.13 and later" */
	enum layout_clock clock;
	char *timezone; /* for LAYOUT_CLOCK_LOCAL where the root says nothing: "local" is the system's */
	struct layout_pattern *patterns;
	size_t pattern_count;
	struct pattern **ignored; /* known, but neither footage nor foreign (databases, debug movies) */
	size_t ignored_count;
	struct pattern **shared; /* needed by other segments (init.mp4): deleted last, with the camera's last segment */
	size_t shared_count;
	struct layout_sidecar *sidecars;
	size_t sidecar_count;
	bool group_is_folder; /* the segment's folder lives and dies whole (ZoneMinder's event) */
	enum finish finish;
	uint32_t idle_seconds;  /* for FINISH_IDLE, and for files found by a scan */
	char *finish_suffix;    /* for FINISH_SIDECAR: ".json" */
	bool slots;             /* files are reopened and truncated: same inode, new footage */
	uint8_t preserve;       /* bits, enum preserve */
	char *recorder_setting; /* what to set in the recorder so that it does not delete first */
	char *recorder_shows;   /* what the recorder shows after a file is gone */
	char *refused;          /* not a file layout: why, and what to do instead; everything else is empty then */
};

/* Which of a layout's rules a path falls under. */
enum layout_role {
	LAYOUT_SEGMENT,
	LAYOUT_SIDECAR, /* belongs to the segment `owner` in the same folder */
	LAYOUT_SHARED,
	LAYOUT_IGNORED,
	LAYOUT_FOREIGN,
};

struct layout_match {
	enum layout_role role;
	enum segment_kind kind;
	uint8_t pattern;            /* index in patterns, for LAYOUT_SEGMENT */
	struct pattern_match parts; /* what the path says: LAYOUT_SEGMENT, LAYOUT_SIDECAR and LAYOUT_SHARED */
	/*
	 * For LAYOUT_SIDECAR: its segments are those in the same folder whose name is this, or begins
	 * with this and a '.'. Empty where the group is the folder: every segment in it.
	 */
	char owner[256];
};

/* Reads one layout file. 0, or a negative errno with the reason (file, line, what is wrong, what to write) in
 * `message`. */
MUST_USE int layout_load(const char *path, struct layout **ret_layout, char *message, size_t room);
/* Takes NULL. Returns NULL. */
struct layout *layout_free(struct layout *layout);

/*
 * Judges a path relative to the root, in this order: ignored, shared, segment, sidecar, foreign. A
 * sidecar is one only where its segment's name would fit a pattern. Under 1 µs for names that match.
 */
void layout_classify(const struct layout *layout, struct text path, struct layout_match *ret_match);

/* True if the folder can hold or lead to footage of this layout. */
bool layout_leads_through(const struct layout *layout, struct text folder);

/*
 * True if the folder's own name comes from a time or an event in a pattern ("2026-11-24", "11", "4711"): the
 * recorder makes such folders anew, so an empty one may be removed. False for a camera's own folder.
 */
bool layout_makes_folder(const struct layout *layout, struct text folder);

/* Encodes and decodes for the way to the processes; patterns are compiled anew. NULL for what is not a sound layout. */
void layout_put(struct byte_writer *writer, const struct layout *layout);
MUST_USE struct layout *layout_get(struct byte_reader *reader);

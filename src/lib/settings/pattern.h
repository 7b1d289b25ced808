/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Patterns of recording names: anchored at the root and at the end, literal text with strftime's
 * tokens (%Y %y %m %d %H %M %S %j %s %z), %f (a fraction of a second, 1 to 6 digits or more cut to
 * 6), %{camera}, %{epoch_us}, %{epoch_ms}, %{name} for any other part of a name (%{event}, %{codec}, …; never
 * crosses a '/'), %{n} and %Nd-style counters as %{number}, and {mp4,mkv} for a choice of suffixes.
 * A leading "**" folder stands for any number of folders. A part that stands twice must be the same
 * both times, and may stand only once in one folder or file name. %{…} takes the longest that fits
 * and, as in the shell, does not match a '.' at the start of a name.
 * Compiled once; matching is O(name × tokens), allocates nothing and takes under 1 µs.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/bytes.h"
#include "base/zone.h"

struct pattern;

/* What a path says of itself. */
struct pattern_match {
	struct text camera; /* empty where the pattern has none; points into the path */
	struct text group;  /* %{event}: the name that a group shares; else empty */
	bool has_date;      /* year, month and day are known */
	bool has_time;      /* hour (minute and second default to 0) is known */
	bool is_epoch;      /* epoch_us is the start; local is not set */
	bool has_offset;    /* %z: offset_seconds is the path's own */
	int32_t offset_seconds;
	int64_t epoch_us;
	struct local_time local; /* on the layout's clock */
};

/* Compiles. NULL for a wrong pattern: `message` says what is wrong and where. */
MUST_USE struct pattern *pattern_compile(const char *source, char *message, size_t room);
struct pattern *pattern_free(struct pattern *pattern);
const char *pattern_source(const struct pattern *pattern);

/* The pattern without its final suffix (".mp4", ".{mp4,mkv}"), for names of sidecars. NULL where it has none. */
MUST_USE struct pattern *pattern_compile_stem(const struct pattern *pattern);

/* What a pattern can say: bits. */
enum {
	PATTERN_HAS_CAMERA = 1,
	PATTERN_HAS_DATE = 2,
	PATTERN_HAS_TIME = 4,
	PATTERN_HAS_EPOCH = 8,
	PATTERN_ANY_DEPTH = 16
};
unsigned pattern_parts(const struct pattern *pattern);

/* How much of a name it pins down: orders patterns that match the same name, more is better. */
unsigned pattern_specificity(const struct pattern *pattern);

/* True if the whole path matches. `path` is relative to the root, bytes, no leading '/'. */
MUST_USE bool pattern_matches(const struct pattern *pattern, struct text path, struct pattern_match *ret_match);

/* True if `folder` (relative, no slash at the end) is one in which such files lie. ret_match has what the folders say.
 */
MUST_USE bool pattern_matches_folder(
    const struct pattern *pattern, struct text folder, struct pattern_match *ret_match);

/*
 * Writes the path that this pattern gives for a camera and a start, so that the index need not store
 * names. False where the pattern has a part that these do not determine. %f is written with 6 digits
 * and one of several suffixes is never guessed; whoever stores no name compares once with the real path.
 */
MUST_USE bool pattern_format(const struct pattern *pattern, struct text camera, const struct local_time *local,
    int64_t epoch_us, char *path, size_t room, size_t *ret_length);

/*
 * True if the folder's own name, or that of one above it, comes from a time or an event in the pattern:
 * the recorder makes such folders anew.
 */
bool pattern_makes_folder(const struct pattern *pattern, struct text folder);

/* True if `folder` (relative, no slash at the end) can hold or lead to paths that match. */
bool pattern_leads_through(const struct pattern *pattern, struct text folder);

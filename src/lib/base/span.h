/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Time spans as people write them: ISO 8601 and systemd.time(7)'s grammar, `A..B`, `A +20min`, whole
 * days, months and quarters (2026-10, 2026-Q3), `yesterday 14:00..15:30`, `-2h..now`, `@unix`.
 * A time without an offset is local in the given zone.
 */
#pragma once

#include <stdint.h>

#include "base/attributes.h"
#include "base/zone.h"

/* From `from_us` to before `to_us`, wall clock. */
struct span {
	int64_t from_us;
	int64_t to_us;
};

enum span_error {
	SPAN_OK,
	SPAN_MALFORMED,
	SPAN_AMBIGUOUS, /* a local time that happened twice; the message has both readings */
	SPAN_SKIPPED,   /* a local time that never was */
	SPAN_EMPTY,     /* ends before it starts */
};

/* Parses `text`. On anything but SPAN_OK, `message` (room bytes) says what is wrong and what to write instead. */
MUST_USE enum span_error span_parse(
    const char *text, const struct zone *zone, int64_t now_us, struct span *ret_span, char *message, size_t room);

/* One point in time, same grammar; for whole days and longer the start of it. */
MUST_USE enum span_error span_parse_instant(
    const char *text, const struct zone *zone, int64_t now_us, int64_t *ret_us, char *message, size_t room);

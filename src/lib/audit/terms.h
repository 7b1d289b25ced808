/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an entry can be looked up by: its action, outcome, who acted, cameras, cases, holds. One function
 * finds them, so that the lookup and whoever reads the log itself agree on what matches.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"

enum audit_term {
	AUDIT_TERM_ACTION,  /* event.action */
	AUDIT_TERM_OUTCOME, /* event.outcome; and "denied" where event.type says so */
	/* Names and numbers of users: under "user" (with "effective" in it), "real_user" and the like, and who logged in;
	 * remote addresses; the program's path; its systemd unit. Not those of the processes that started it: all would be
	 * root's. */
	AUDIT_TERM_ACTOR,
	AUDIT_TERM_CAMERA, /* "root/camera"; with U+FFFD where the name is not UTF-8 */
	AUDIT_TERM_CASE,
	AUDIT_TERM_HOLD, /* "H-2026-0001" */
	AUDIT_TERM_HELD, /* "held": about a hold, or about footage that one keeps */
	AUDIT_TERM_COUNT
};

/* Calls `each` for every term of the entry, a term perhaps more than once. The text lives as long as the call. What a
 * log-read entry says was looked for ("query") is none of its terms. */
void audit_terms(
    const json_t *entry, void (*each)(enum audit_term kind, const char *text, void *context), void *context);

/* Whether the term that an entry has is the one that is wanted. Cameras and programs also by what follows a slash. */
MUST_USE bool audit_term_matches(enum audit_term kind, const char *found, const char *wanted);

/* Microseconds of "@timestamp"; 0 if it has none that can be read. */
int64_t audit_entry_time_us(const json_t *entry);

/* What is looked for: all that is set must fit. */
struct audit_filter {
	const char *terms[AUDIT_TERM_COUNT]; /* NULL: any */
	bool has_span;
	int64_t from_us, to_us; /* before to_us */
};
MUST_USE bool audit_filter_matches(const struct audit_filter *filter, const json_t *entry);
/* True if nothing is set: every entry matches. */
MUST_USE bool audit_filter_is_empty(const struct audit_filter *filter);

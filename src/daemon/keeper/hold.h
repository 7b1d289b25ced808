/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A hold as keeper stores it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "domain/hold.h"

enum { HOLD_ID_BYTES = 24, HOLD_CAMERAS_MAX = 256 };

struct hold {
	char id[HOLD_ID_BYTES]; /* "H-2026-0001" */
	enum hold_kind kind;
	enum hold_state state;
	bool all_cameras; /* covers cameras that appear later, too */
	char **cameras;   /* "root/camera": what the names meant when it was placed */
	size_t camera_count;
	int64_t from_us, to_us; /* as asked */
	int64_t pre_roll_us, post_roll_us;
	char reason[40]; /* code; "" while provisional */
	char case_reference[128];
	bool case_pending;  /* "--case pending": owed */
	char *note;         /* free text: here only, its salted hash in the log; or NULL */
	char note_salt[33]; /* hex */
	int64_t placed_us, review_us;
	int64_t details_due_us; /* provisional: 24 h after it was placed */
	int64_t release_at_us;  /* release pending: when it ends */
	int64_t released_us;
	int64_t placed_by; /* uid */
	char placed_by_name[64];
	bool single_person; /* released while two_person was off */
	bool late;          /* placed after part of its range was erased */
};

/* An empty hold owns nothing; release works on it and on a half-built one. */
void hold_init(struct hold *hold);
void hold_release(struct hold *hold);
/* A deep copy. 0 or -ENOMEM. */
int hold_copy(struct hold *to, const struct hold *from);
/* The span with its rolls. */
struct span hold_span(const struct hold *hold);
bool hold_in_force(const struct hold *hold);

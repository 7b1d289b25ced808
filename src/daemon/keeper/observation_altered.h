/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who deleted, renamed or wrote what lately: a bounded table by root and path, each kept two minutes.
 * Two things can have happened to a path, and both are kept: it went away, and it was written.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/bytes.h"
#include "observation.h"

/* A whole folder of a day may be removed at once; the oldest make room. */
enum { ALTERED_MAX = 16384 };
#define ALTERED_KEPT_US INT64_C(120000000)

struct altered;
MUST_USE struct altered *altered_new(void);
struct altered *altered_free(struct altered *altered);

/* now_us: the boot clock. The culprit's actor is held. */
void altered_add(
    struct altered *altered, struct text root, struct text path, const struct culprit *culprit, int64_t now_us);
/*
 * Who did it; the latest of its kind. Never a guess: who only wrote a file is not who made it go away.
 * Borrowed; NULL if nobody is known.
 */
enum altered_how {
	ALTERED_WENT,     /* deleted, or renamed away, itself or a folder above it */
	ALTERED_REPLACED, /* the same, or another file was put in its place */
	ALTERED_WRITTEN,  /* written, or another file put in its place */
};
const struct culprit *altered_find(
    struct altered *altered, struct text root, struct text path, enum altered_how how, int64_t now_us);
/* Forgets what is older than two minutes. */
void altered_tick(struct altered *altered, int64_t now_us);
size_t altered_count(const struct altered *altered);

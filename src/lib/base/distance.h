/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How far two words are from each other: to name what was probably meant. */
#pragma once

#include "base/attributes.h"

enum { DISTANCE_BYTES_MAX = 63 };

/* Characters to insert, delete or replace to make one word the other (Levenshtein); UINT_MAX where one is longer than
 * DISTANCE_BYTES_MAX. */
MUST_USE unsigned word_distance(const char *a, const char *b);

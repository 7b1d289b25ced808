/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers that look random and are the same in each run (xorshift64), so that a failure can be repeated. */
#pragma once

#include <stdint.h>

static uint64_t random_state = UINT64_C(88172645463325252);

/* 0 or more, less than `limit`. */
static int64_t random_below(int64_t limit) {
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (int64_t)(random_state % (uint64_t)limit);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy.h"

bool policy_allows(enum guard_mode mode, bool refuse_all, enum accessor_part part) {
	if (mode != GUARD_BLOCK || part == ACCESSOR_OWN || part == ACCESSOR_RECORDER)
		return true;
	return part == ACCESSOR_ALLOWED && !refuse_all;
}

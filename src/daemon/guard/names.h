/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events that carry a folder's handle and a name: who deleted, renamed and wrote; without privilege: what was opened.
 */
#pragma once

#include "base/attributes.h"

struct guard;

/* Tells what the group has now. 0 or a negative errno. */
MUST_USE int names_turn(struct guard *guard);

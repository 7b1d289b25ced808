/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The answer loop: opens by descriptor, with or without somebody waiting for the answer. */
#pragma once

#include "base/attributes.h"

struct guard;

/* Answers and tells what the group has now, a batch. 1 when there may be more, 0, or a negative errno. */
MUST_USE int opens_turn(struct guard *guard);

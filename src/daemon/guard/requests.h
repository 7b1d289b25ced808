/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What keeper asks for. */
#pragma once

#include "base/attributes.h"

struct guard;

/* Takes the messages that are there. 0, -EPIPE when keeper is gone, or another negative errno. */
MUST_USE int requests_turn(struct guard *guard, int channel);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How closely can be observed here, and what keeper is told of it: never more than is true. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct guard;

/* Opens the best groups that kernel and privilege allow, and says why not better ones. */
void level_open(struct guard *guard);
void level_close(struct guard *guard);

/* Tells the coverage of each root for which it changed. Again later what has no room now. */
void level_tell(struct guard *guard);
/* A root is not watched any more. */
void level_tell_none(struct guard *guard, size_t index);
/* Keeper knows nothing of the roots' coverage under their new numbers. */
void level_forget_told(struct guard *guard);
/* Something is still to be told. */
bool level_is_untold(const struct guard *guard);

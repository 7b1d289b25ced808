/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lowest level: that a file was opened, by whom nobody knows. Higher up, where the kernel has no group of names
 * (before 5.9): that a folder appeared. */
#pragma once

#include "base/attributes.h"

struct guard;
struct walk_item;

MUST_USE int inotify_open(struct guard *guard);
MUST_USE int inotify_mark(struct guard *guard, const struct walk_item *item, int fd);
/* No watch is wanted any more. */
void inotify_flush(struct guard *guard);
/* Reads what happened. 0 or a negative errno. */
MUST_USE int inotify_turn(struct guard *guard);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the other programs and the layouts are: found from where this program lies, never from the
 * environment, so that an installed tree, a tree under DESTDIR and a build tree all run as they are.
 */
#pragma once

#include <limits.h>

#include "base/attributes.h"

struct places {
	char programs[PATH_MAX]; /* keeper, watcher, … */
	char layouts[PATH_MAX];
};

/* 0 or a negative errno. */
MUST_USE int places_find(struct places *ret_places);

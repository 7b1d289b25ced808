/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The words of the configuration for each enum, indexed by its value. Private to this folder. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"

struct name_table {
	const char *const *names;
	size_t count;
};

extern const struct name_table kind_names, finish_names, layout_clock_names, preserve_names, mode_names, foreign_names,
    clock_level_names, guard_names, fingerprint_names, probe_names, role_names;

/* The index of `name`; false if the table does not have it. */
MUST_USE bool name_find(const struct name_table *table, const char *name, size_t *ret_index);

/* The name that is meant by a slip of the pen; NULL where none is near. */
const char *name_nearest(const char *const *names, size_t count, const char *written);

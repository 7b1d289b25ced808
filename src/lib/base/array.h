/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Arrays that grow. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"

/*
 * Makes room for one item more than `count`, by doubling: `array` is the address of the pointer to the
 * first item (NULL with a room of 0 to begin with), from malloc(3). False without memory; all is then as it was.
 */
MUST_USE bool array_room(void *array, size_t *room, size_t count, size_t item_bytes);

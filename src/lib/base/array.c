/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/array.h"

#include <stdlib.h>
#include <string.h>

enum { ROOM_LEAST = 16 };

bool array_room(void *array, size_t *room, size_t count, size_t item_bytes) {
	void *items;
	if (count < *room)
		return true;
	size_t wanted = *room == 0 ? ROOM_LEAST : *room * 2;
	size_t bytes;
	if (__builtin_mul_overflow(wanted, item_bytes, &bytes))
		return false;
	/* Copied, since the caller's pointer has the type of its items. */
	memcpy(&items, array, sizeof items);
	void *grown = realloc(items, bytes);
	if (grown == NULL)
		return false;
	memcpy(array, &grown, sizeof grown);
	*room = wanted;
	/* cppcheck-suppress memleak; it is the caller's, copied above */
	return true;
}

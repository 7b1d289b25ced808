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
	/* Copied, since the caller's pointer has the type of its items. */
	memcpy(&items, array, sizeof items);
	items = reallocarray(items, wanted, item_bytes);
	if (items == NULL)
		return false;
	memcpy(array, &items, sizeof items);
	*room = wanted;
	return true;
}

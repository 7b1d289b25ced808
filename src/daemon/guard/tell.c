/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tell.h"

#include <string.h>

#include "guard.h"
#include "walk.h"

struct text path_join(char *path, struct text folder, struct text name) {
	size_t slash = folder.length > 0 && name.length > 0 ? 1 : 0;
	size_t length = folder.length + slash + name.length;
	if (length >= PATH_MAX)
		return TEXT_NULL;
	if (folder.length > 0)
		memmove(path, folder.data, folder.length);
	if (slash > 0)
		path[folder.length] = '/';
	if (name.length > 0)
		memcpy(path + folder.length + slash, name.data, name.length);
	return (struct text){.data = path, .length = length};
}

/* Tells who it is, where keeper does not know: it is new, it changed, or it was known for another root as someone
 * else's traffic. False when there is no room. */
static bool accessor_make_known(struct guard *guard, const struct accessor *accessor, size_t root, bool told_before) {
	uint32_t number = accessor_number(accessor);
	enum accessor_part part = accessor_part(guard->accessors, accessor, root);
	size_t slot = number % TOLD_SLOTS;
	if (told_before && guard->told[slot].number == number && guard->told[slot].part == part)
		return true;
	guard->told[slot].number = 0;
	accessor_tell(guard->accessors, accessor, root, &guard->out);
	bool kept = accessor_awaits(guard->accessors, accessor)
	                ? outgoing_message_open(&guard->outgoing, &guard->out, number, ARGUMENTS_BYTES)
	                : outgoing_message(&guard->outgoing, &guard->out);
	if (!kept)
		return false;
	guard->told[slot].number = number;
	guard->told[slot].root = (uint16_t)root;
	guard->told[slot].part = (uint8_t)part;
	return true;
}

void tell_arguments(struct guard *guard) {
	const struct accessor *accessor;
	while ((accessor = accessors_receive(guard->accessors)) != NULL) {
		uint32_t number = accessor_number(accessor);
		size_t slot = number % TOLD_SLOTS;
		if (guard->told[slot].number != number)
			continue;
		accessor_tell(guard->accessors, accessor, guard->told[slot].root, &guard->out);
		if (outgoing_replace(&guard->outgoing, &guard->out, number))
			continue;
		/* It is sent already: the same number once more. Without room keeper does without. */
		accessor_tell(guard->accessors, accessor, guard->told[slot].root, &guard->out);
		if (!outgoing_message(&guard->outgoing, &guard->out))
			return;
	}
}

void tell_access(
    struct guard *guard, const struct accessor *accessor, const struct place *place, const struct access_seen *seen) {
	if (place->root < 0)
		return;
	size_t root = (size_t)place->root;
	if (!accessor_make_known(guard, accessor, root, seen->told_before)) {
		outgoing_lose(&guard->outgoing, GUARD_LOSS_MEMORY, seen->at_us, seen->at_us, 1);
		return;
	}
	outgoing_access(&guard->outgoing, &(struct record_access){
	                                      .accessor = accessor_number(accessor),
	                                      .root = (uint16_t)root,
	                                      .what = (uint8_t)seen->what,
	                                      .count = 1,
	                                      .first_us = seen->at_us,
	                                      .last_us = seen->at_us,
	                                      .inode = place->inode,
	                                      .bytes = place->bytes,
	                                      .path = place->below,
	                                  });
}

void tell_named(struct guard *guard, size_t root, struct text folder, const struct named_event *event) {
	char path[PATH_MAX];
	if (!guard->roots[root].watched || event->name.length == 0)
		return;
	struct text whole = path_join(path, folder, event->name);
	if (whole.length == 0)
		return;
	if (event->folder) {
		if (event->appeared)
			walk_push(guard, root, whole);
		return;
	}
	if (event->opened)
		outgoing_access(&guard->outgoing, &(struct record_access){
		                                      .root = (uint16_t)root,
		                                      .what = ACCESS_OPENED,
		                                      .count = 1,
		                                      .first_us = event->at_us,
		                                      .last_us = event->at_us,
		                                      .path = whole,
		                                  });
}

void tell_alteration(struct guard *guard, size_t root, struct text path, const struct alteration_seen *seen) {
	uint32_t number = 0;
	if (seen->accessor != NULL) {
		if (!accessor_make_known(guard, seen->accessor, root, seen->told_before)) {
			outgoing_lose(&guard->outgoing, GUARD_LOSS_MEMORY, seen->at_us, seen->at_us, 0);
			return;
		}
		number = accessor_number(seen->accessor);
	}
	outgoing_alteration(&guard->outgoing, &(struct record_alteration){
	                                          .accessor = number,
	                                          .pid = seen->pid,
	                                          .root = (uint16_t)root,
	                                          .what = (uint8_t)seen->what,
	                                          .at_us = seen->at_us,
	                                          .path = path,
	                                      });
}

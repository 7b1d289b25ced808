/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "openers.h"

#include "accessor.h"

struct accessor *openers_look(struct openers *openers, struct accessors *accessors, pid_t pid, int pidfd) {
	openers->looks++;
	return accessors_look(accessors, pid, pidfd);
}

void openers_note(struct openers *openers, pid_t pid, struct accessor *accessor) {
	size_t slot = (uint32_t)pid % OPENERS;
	openers->last[slot].pid = pid;
	openers->last[slot].accessor = accessor;
	openers->last[slot].look = openers->looks;
}

struct accessor *openers_find(const struct openers *openers, pid_t pid) {
	size_t slot = (uint32_t)pid % OPENERS;
	if (openers->last[slot].pid != pid || openers->looks - openers->last[slot].look >= ACCESSORS_KEPT - 1)
		return NULL;
	return openers->last[slot].accessor;
}

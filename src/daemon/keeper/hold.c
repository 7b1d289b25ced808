/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hold.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void hold_init(struct hold *hold) {
	*hold = (struct hold){0};
}

void hold_release(struct hold *hold) {
	for (size_t i = 0; i < hold->camera_count; i++)
		free(hold->cameras[i]);
	free(hold->cameras);
	free(hold->note);
	hold_init(hold);
}

int hold_copy(struct hold *to, const struct hold *from) {
	struct hold copy = *from;
	copy.cameras = calloc(from->camera_count + 1, sizeof *copy.cameras);
	copy.camera_count = 0;
	copy.note = from->note == NULL ? NULL : strdup(from->note);
	bool whole = copy.cameras != NULL && (from->note == NULL || copy.note != NULL);
	while (whole && copy.camera_count < from->camera_count) {
		copy.cameras[copy.camera_count] = strdup(from->cameras[copy.camera_count]);
		whole = copy.cameras[copy.camera_count] != NULL;
		copy.camera_count += whole ? 1 : 0;
	}
	if (!whole) {
		hold_release(&copy);
		return -ENOMEM;
	}
	*to = copy;
	return 0;
}

struct span hold_span(const struct hold *hold) {
	return (struct span){hold->from_us - hold->pre_roll_us, hold->to_us + hold->post_roll_us};
}

bool hold_in_force(const struct hold *hold) {
	return hold->state != HOLD_RELEASED;
}

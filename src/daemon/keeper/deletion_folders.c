/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which folders go when their footage is gone. The kernel removes only empty ones; this decides which may be asked for.
 */
#include "deletion_batch.h"

#include "keeper.h"
#include "roots.h"

static int stop_at_first_segment(const struct segment_row *row, void *context) {
	(void)row;
	(void)context;
	return 1;
}

static int count_folder(const struct folder_row *row, void *context) {
	(void)row;
	size_t *count = context;
	return ++*count > 1 ? 1 : 0;
}

void deletion_offer_folder(
    struct keeper *keeper, const struct root *root, struct text folder, struct message_writer *out) {
	if (folder.length == 0 || !message_has_room(out) || !layout_makes_folder(root->settings->layout, folder))
		return;
	int64_t id = index_find_folder(keeper->index, root->id, folder);
	struct folder_row row;
	if (id < 0 || index_folder_get(keeper->index, id, &row) != 0 || row.foreign > 0 ||
	    index_in_folder(keeper->index, id, stop_at_first_segment, NULL) != 0)
		return;
	size_t folders = 0;
	if (index_folders_below(keeper->index, root->id, folder, count_folder, &folders) != 0 || folders > 1)
		return;
	struct record_known_folder item = {.path = folder};
	message_add_known_folder(out, &item);
}

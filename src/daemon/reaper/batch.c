/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

static int text_add(struct batch *batch, struct text text, uint32_t *ret_offset) {
	size_t needed = batch->text_bytes + text.length + 1;
	if (needed > BATCH_TEXT_BYTES_MAX)
		return -E2BIG;
	if (needed > batch->text_room) {
		size_t room = needed * 2;
		char *texts = realloc(batch->texts, room);
		if (texts == NULL)
			return -ENOMEM;
		batch->texts = texts;
		batch->text_room = room;
	}
	*ret_offset = (uint32_t)batch->text_bytes;
	if (text.length > 0)
		memcpy(batch->texts + batch->text_bytes, text.data, text.length);
	batch->texts[batch->text_bytes + text.length] = '\0';
	batch->text_bytes = needed;
	return 0;
}

static int item_reserve(struct batch *batch) {
	if (batch->count >= BATCH_ITEMS_MAX)
		return -E2BIG;
	return array_room(&batch->items, &batch->room, batch->count, sizeof *batch->items) ? 0 : -ENOMEM;
}

static bool holds_nul(struct text text) {
	return text.length > 0 && memchr(text.data, '\0', text.length) != NULL;
}

/* One component, so that unlinkat(2) and renameat2(2) stay in the folder. */
static bool name_is_sound(struct text name) {
	return name.length > 0 && !holds_nul(name) && memchr(name.data, '/', name.length) == NULL &&
	       !text_equal(name, text_of(".")) && !text_equal(name, text_of(".."));
}

static int item_add(struct batch *batch, const struct record_erase_item *record) {
	int error = item_reserve(batch);
	if (error < 0)
		return error;
	bool first = batch->count == 0;
	if (first && record->same_folder)
		return -EPROTO;
	struct batch_item item = {
	    .item = record->item,
	    .group = record->group,
	    .way = record->way,
	    .sound = name_is_sound(record->name) && !holds_nul(record->folder),
	    .inode = record->inode,
	    .bytes = record->bytes,
	    .mtime_ns = record->mtime_ns,
	    .birth_ns = record->birth_ns,
	};
	if (record->same_folder)
		item.folder = batch->items[batch->count - 1].folder;
	else
		error = text_add(batch, record->folder, &item.folder);
	if (error == 0)
		error = text_add(batch, record->name, &item.name);
	if (error == 0)
		batch->items[batch->count++] = item;
	return error;
}

int batch_append(struct batch *batch, const struct record_erase *head, struct message *part) {
	if (!batch->used) {
		batch->used = true;
		batch->number = head->batch;
		batch->root = head->root;
	}
	if (batch->complete || head->batch != batch->number || head->root != batch->root)
		return -EPROTO;
	struct record_erase_item record;
	while (message_next_erase_item(part, &record)) {
		int error = item_add(batch, &record);
		if (error < 0)
			return error;
	}
	if (!head->last)
		return 0;
	batch->results = calloc(batch->count + 1, sizeof *batch->results);
	if (batch->results == NULL)
		return -ENOMEM;
	batch->complete = true;
	return 0;
}

const char *batch_text(const struct batch *batch, uint32_t offset) {
	return batch->texts + offset;
}

void batch_clear(struct batch *batch) {
	free(batch->items);
	free(batch->results);
	free(batch->texts);
	*batch = (struct batch){0};
}

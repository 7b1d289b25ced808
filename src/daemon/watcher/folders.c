/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "folders.h"

#include <stdlib.h>
#include <string.h>

static struct folder folder_removed;
#define FOLDER_REMOVED (&folder_removed)

/* The paths are the recorder's, and a table that somebody makes slow holds up only his own root. */
static size_t hash_of(struct text path) {
	uint64_t hash = text_hash(path);
	return (size_t)(hash ^ hash >> 32);
}

static bool is_path(const struct folder *folder, struct text path) {
	return folder != FOLDER_REMOVED && text_equal((struct text){folder->path, folder->length}, path);
}

static struct folder **slot_of(const struct folders *folders, struct text path) {
	if (folders->room == 0)
		return NULL;
	for (size_t i = hash_of(path);; i++) {
		struct folder **slot = &folders->slots[i & (folders->room - 1)];
		if (*slot == NULL)
			return NULL;
		if (is_path(*slot, path))
			return slot;
	}
}

static void place(struct folders *folders, struct folder *folder) {
	struct text path = {folder->path, folder->length};
	for (size_t i = hash_of(path);; i++) {
		struct folder **slot = &folders->slots[i & (folders->room - 1)];
		if (*slot == NULL) {
			*slot = folder;
			folders->used++;
			return;
		}
	}
}

static bool grow(struct folders *folders) {
	if (folders->used * 4 < folders->room * 3)
		return true;
	size_t room = 64;
	while (room < folders->count * 2 + 2)
		room *= 2;
	struct folder **slots = calloc(room, sizeof(struct folder *));
	if (slots == NULL)
		return false;
	struct folders old = *folders;
	folders->slots = slots;
	folders->room = room;
	folders->used = 0;
	size_t position = 0;
	for (struct folder *folder = folders_next(&old, &position); folder != NULL; folder = folders_next(&old, &position))
		place(folders, folder);
	free(old.slots);
	return true;
}

struct folder *folders_put(struct folders *folders, struct text path, int64_t mtime_ns, int64_t ctime_ns) {
	struct folder *folder = folders_find(folders, path);
	if (folder == NULL) {
		if (path.length > UINT16_MAX || folders->count >= FOLDERS_MAX || !grow(folders))
			return NULL;
		folder = calloc(1, sizeof *folder + path.length + 1);
		if (folder == NULL)
			return NULL;
		if (path.length > 0)
			memcpy(folder->path, path.data, path.length);
		folder->length = (uint16_t)path.length;
		place(folders, folder);
		folders->count++;
	}
	folder->mtime_ns = mtime_ns;
	folder->ctime_ns = ctime_ns;
	return folder;
}

struct folder *folders_find(const struct folders *folders, struct text path) {
	struct folder **slot = slot_of(folders, path);
	return slot == NULL ? NULL : *slot;
}

void folders_remove(struct folders *folders, struct text path) {
	struct folder **slot = slot_of(folders, path);
	if (slot == NULL)
		return;
	free(*slot);
	*slot = FOLDER_REMOVED;
	folders->count--;
}

void folders_release(struct folders *folders) {
	size_t position = 0;
	for (struct folder *folder = folders_next(folders, &position); folder != NULL;
	     folder = folders_next(folders, &position))
		free(folder);
	free(folders->slots);
	*folders = (struct folders){0};
}

struct folder *folders_next(const struct folders *folders, size_t *position) {
	while (*position < folders->room) {
		struct folder *folder = folders->slots[(*position)++];
		if (folder != NULL && folder != FOLDER_REMOVED)
			return folder;
	}
	return NULL;
}

static int newer_first(const void *a, const void *b) {
	const struct folder *first = *(struct folder *const *)a;
	const struct folder *second = *(struct folder *const *)b;
	int64_t a_ns = first->mtime_ns == 0 ? INT64_MAX : first->mtime_ns;
	int64_t b_ns = second->mtime_ns == 0 ? INT64_MAX : second->mtime_ns;
	return (a_ns < b_ns) - (a_ns > b_ns);
}

struct folder **folders_newest_first(const struct folders *folders) {
	if (folders->count == 0)
		return NULL;
	struct folder **list = calloc(folders->count, sizeof(struct folder *));
	if (list == NULL)
		return NULL;
	size_t position = 0;
	for (size_t i = 0; i < folders->count; i++)
		list[i] = folders_next(folders, &position);
	qsort(list, folders->count, sizeof(struct folder *), newer_first);
	return list;
}

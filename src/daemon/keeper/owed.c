/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "owed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/log.h"
#include "ingest.h"
#include "keeper.h"
#include "media.h"
#include "roots.h"

/* OWED_MAX: more than ingest.c and media.c hold together. */
enum { OWED_MAX = 16384, SEALED_MAX = 65536 };

/* Of a segment that the log has and the index lost. */
struct sealed {
	int64_t camera, start_us;
	uint64_t bytes;
	char *name; /* NULL: as the layout derives it */
	bool has_sha256;
	uint8_t sha256[HASH_BYTES];
};

struct owed {
	struct segment_key *keys;
	size_t count;
	struct sealed *sealed;
	size_t sealed_count, sealed_room;
	bool in_order;
};

struct list {
	struct segment_key *keys;
	size_t count, room;
};

static int by_key(const void *a, const void *b) {
	const struct segment_key *first = a, *second = b;
	if (first->camera != second->camera)
		return first->camera < second->camera ? -1 : 1;
	if (first->start_us != second->start_us)
		return first->start_us < second->start_us ? -1 : 1;
	return first->ordinal < second->ordinal ? -1 : first->ordinal > second->ordinal;
}

/* The log has whole milliseconds. */
static int by_start(const void *a, const void *b) {
	const struct sealed *first = a, *second = b;
	int64_t first_ms = first->start_us / 1000, second_ms = second->start_us / 1000;
	if (first->camera != second->camera)
		return first->camera < second->camera ? -1 : 1;
	return first_ms < second_ms ? -1 : first_ms > second_ms;
}

int owed_open(struct keeper *keeper, struct owed **ret_owed) {
	struct owed *owed = calloc(1, sizeof *owed);
	if (owed == NULL)
		return -ENOMEM;
	owed->keys = calloc(OWED_MAX, sizeof *owed->keys);
	int error = owed->keys == NULL ? -ENOMEM : index_owed_get(keeper->index, owed->keys, OWED_MAX, &owed->count);
	if (error != 0) {
		(void)owed_close(owed);
		return error;
	}
	*ret_owed = owed;
	return 0;
}

struct owed *owed_close(struct owed *owed) {
	if (owed == NULL)
		return NULL;
	for (size_t i = 0; i < owed->sealed_count; i++)
		free(owed->sealed[i].name);
	free(owed->sealed);
	free(owed->keys);
	free(owed);
	return NULL;
}

/* ---- what the log says ---- */

bool owed_take(struct keeper *keeper, const struct segment_key *key) {
	struct owed *owed = keeper->owed;
	if (owed == NULL || owed->count == 0)
		return false;
	struct segment_key *found = bsearch(key, owed->keys, owed->count, sizeof *key, by_key);
	if (found == NULL)
		return false;
	size_t after = owed->count - (size_t)(found - owed->keys) - 1;
	memmove(found, found + 1, after * sizeof *found);
	owed->count--;
	return true;
}

void owed_replay(
    struct keeper *keeper, int64_t camera, const struct audit_segment *segment, const struct segment_row *row) {
	struct owed *owed = keeper->owed;
	if (owed == NULL)
		return;
	if (row != NULL) {
		(void)owed_take(keeper, &row->key);
		return;
	}
	if (owed->sealed_count == SEALED_MAX ||
	    !array_room(&owed->sealed, &owed->sealed_room, owed->sealed_count, sizeof *owed->sealed))
		return;
	struct sealed *sealed = &owed->sealed[owed->sealed_count];
	*sealed = (struct sealed){.camera = camera, .start_us = segment->start_us, .bytes = segment->bytes};
	if (segment->name.length > 0) {
		sealed->name = strndup(segment->name.data, segment->name.length);
		if (sealed->name == NULL)
			return;
	}
	sealed->has_sha256 = segment->sha256 != NULL;
	if (segment->sha256 != NULL)
		memcpy(sealed->sha256, segment->sha256, HASH_BYTES);
	owed->sealed_count++;
	owed->in_order = false;
}

static bool is_row(struct keeper *keeper, const struct sealed *sealed, const struct segment_row *row) {
	char path[PATH_BYTES_MAX + 1];
	if (sealed->bytes != row->file.bytes)
		return false;
	/* Another content since then is told. */
	if (row->has_sha256 && (!sealed->has_sha256 || memcmp(sealed->sha256, row->sha256, HASH_BYTES) != 0))
		return false;
	if (sealed->name == NULL)
		return index_name_derived(keeper->index, row);
	return index_path(keeper->index, row, path, sizeof path) == 0 && strcmp(path, sealed->name) == 0;
}

bool owed_is_sealed(struct keeper *keeper, const struct segment_row *row) {
	struct owed *owed = keeper->owed;
	if (owed == NULL || owed->sealed_count == 0)
		return false;
	if (!owed->in_order)
		qsort(owed->sealed, owed->sealed_count, sizeof *owed->sealed, by_start);
	owed->in_order = true;
	struct sealed wanted = {.camera = row->key.camera, .start_us = row->key.start_us};
	struct sealed *first = bsearch(&wanted, owed->sealed, owed->sealed_count, sizeof wanted, by_start);
	if (first == NULL)
		return false;
	while (first > owed->sealed && by_start(first - 1, &wanted) == 0)
		first--;
	for (struct sealed *each = first; each < owed->sealed + owed->sealed_count && by_start(each, &wanted) == 0;
	     each++) {
		if (!is_row(keeper, each, row))
			continue;
		each->bytes = UINT64_MAX; /* what comes later under this name is another file */
		return true;
	}
	return false;
}

/* ---- after a scan ---- */

void owed_take_root(struct keeper *keeper, const struct root *root,
    void (*each)(const struct segment_row *row, void *context), void *context) {
	struct owed *owed = keeper->owed;
	if (owed == NULL || owed->count == 0)
		return;
	size_t count = owed->count, kept = 0;
	struct segment_key *keys = calloc(count, sizeof *keys);
	if (keys == NULL)
		return; /* the next scan comes here again */
	memcpy(keys, owed->keys, count * sizeof *keys);
	for (size_t i = 0; i < count; i++) {
		struct camera_row camera;
		bool known = index_camera_get(keeper->index, keys[i].camera, &camera) == 0;
		if (known && camera.root != root->id)
			owed->keys[kept++] = keys[i];
	}
	owed->count = kept;
	for (size_t i = 0; i < count; i++) {
		struct camera_row camera;
		struct segment_row row;
		if (index_camera_get(keeper->index, keys[i].camera, &camera) == 0 && camera.root == root->id &&
		    index_get(keeper->index, &keys[i], &row) == 0)
			each(&row, context);
	}
	free(keys);
}

/* ---- with a commit ---- */

static int collect(const struct segment_key *key, void *context) {
	struct list *list = context;
	if (!array_room(&list->keys, &list->room, list->count, sizeof *list->keys))
		return -ENOMEM;
	list->keys[list->count++] = *key;
	return 0;
}

struct unhashed {
	struct index *index;
	struct list *list;
};

/* One that has its fingerprint was read for another reason, and no entry comes of it. */
static int collect_unhashed(const struct segment_key *key, void *context) {
	const struct unhashed *unhashed = context;
	struct segment_row row;
	if (index_get(unhashed->index, key, &row) != 0 || row.has_sha256)
		return 0;
	return collect(key, unhashed->list);
}

int owed_save(struct keeper *keeper) {
	struct owed *owed = keeper->owed;
	struct list list = {0};
	if (owed == NULL)
		return 0;
	int error = 0;
	for (size_t i = 0; error == 0 && i < owed->count; i++)
		error = collect(&owed->keys[i], &list);
	if (error == 0)
		error = ingest_each_seal(keeper, collect, &list);
	if (error == 0)
		error = media_each_new(keeper, collect_unhashed, &(struct unhashed){keeper->index, &list});
	if (list.count > 1)
		qsort(list.keys, list.count, sizeof *list.keys, by_key);
	size_t count = 0;
	for (size_t i = 0; i < list.count; i++)
		if (count == 0 || !segment_key_equal(&list.keys[i], &list.keys[count - 1]))
			list.keys[count++] = list.keys[i];
	if (count > OWED_MAX)
		log_warning("%zu seal entries wait to be written; a crash would lose those over %d", count, OWED_MAX);
	if (error == 0)
		error = index_owed_put(keeper->index, list.keys, count < OWED_MAX ? count : OWED_MAX);
	free(list.keys);
	return error;
}

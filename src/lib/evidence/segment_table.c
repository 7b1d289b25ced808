/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "evidence/segment_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

void segment_table_init(struct segment_table *table) {
	*table = (struct segment_table){0};
}

void segment_table_release(struct segment_table *table) {
	for (size_t i = 0; i < table->camera_count; i++) {
		free(table->cameras[i].name);
		free(table->cameras[i].records);
	}
	free(table->cameras);
	free(table->pool);
	*table = (struct segment_table){0};
}

int64_t segment_table_camera(struct segment_table *table, const char *name) {
	if (table->last < table->camera_count && strcmp(table->cameras[table->last].name, name) == 0)
		return (int64_t)table->last;
	for (size_t i = 0; i < table->camera_count; i++) {
		if (strcmp(table->cameras[i].name, name) == 0) {
			table->last = i;
			return (int64_t)i;
		}
	}
	if (table->camera_count == SEGMENT_TABLE_CAMERAS_MAX)
		return -E2BIG;
	char *copy = strdup(name);
	if (copy == NULL ||
	    !array_room(&table->cameras, &table->camera_room, table->camera_count, sizeof *table->cameras)) {
		free(copy);
		return -ENOMEM;
	}
	table->last = table->camera_count;
	table->cameras[table->camera_count++] = (struct segment_camera){.name = copy};
	return (int64_t)table->last;
}

static int pool_add(struct segment_table *table, struct text name, uint32_t *ret_place) {
	*ret_place = 0;
	if (name.length == 0)
		return 0;
	size_t needed = table->pool_used + name.length + 2;
	if (needed > UINT32_MAX)
		return -E2BIG;
	if (needed > table->pool_room) {
		size_t room = 2 * needed;
		char *pool = realloc(table->pool, room);
		if (pool == NULL)
			return -ENOMEM;
		table->pool = pool;
		table->pool_room = room;
	}
	if (table->pool_used == 0)
		table->pool[table->pool_used++] = '\0';
	*ret_place = (uint32_t)table->pool_used;
	memcpy(table->pool + table->pool_used, name.data, name.length);
	table->pool_used += name.length;
	table->pool[table->pool_used++] = '\0';
	return 0;
}

const char *segment_table_name(const struct segment_table *table, const struct segment_record *record) {
	return record->name == 0 ? "" : table->pool + record->name;
}

static int compare_keys(
    const struct segment_table *table, const struct segment_record *a, const struct segment_record *b) {
	if (a->start_us != b->start_us)
		return a->start_us < b->start_us ? -1 : 1;
	return a->name == b->name ? 0 : strcmp(segment_table_name(table, a), segment_table_name(table, b));
}

static int by_key_and_sequence(const void *a, const void *b, void *table) {
	const struct segment_record *first = a, *second = b;
	int order = compare_keys(table, first, second);
	if (order != 0)
		return order;
	return first->sequence < second->sequence ? -1 : first->sequence > second->sequence;
}

static void bytes_merge(struct segment_record *into, const struct segment_record *from) {
	if (from->bytes == 0 || (into->bytes != 0 && !into->bytes_shared && from->bytes_shared))
		return;
	into->bytes = from->bytes;
	into->bytes_shared = from->bytes_shared;
}

/* `from` is no older than `into`. */
static void record_merge(struct segment_record *into, const struct segment_record *from) {
	bool in_index = (into->sources & SOURCE_INDEX) != 0, now_in_index = (from->sources & SOURCE_INDEX) != 0;
	bytes_merge(into, from);
	if (from->length_ms != 0)
		into->length_ms = from->length_ms;
	if (from->fingerprint != 0)
		into->fingerprint = from->fingerprint;
	if (from->seen_us != 0 && (into->seen_us == 0 || from->seen_us < into->seen_us))
		into->seen_us = from->seen_us;
	/* What is there has its due time from the index; what is gone from the entry that tells of its end. */
	if (from->due_us != 0 && (now_in_index || !in_index))
		into->due_us = from->due_us;
	if (now_in_index) {
		into->reason = from->reason;
		into->held = from->held;
	}
	if (from->fate != 0 || into->fate == 0)
		into->sequence = from->sequence > into->sequence ? from->sequence : into->sequence;
	if (from->fate != 0) {
		into->fate = from->fate;
		into->gone_us = from->gone_us;
		into->who = from->who;
		into->sequence = from->sequence;
	}
	into->sources |= from->sources;
}

static void camera_fold(struct segment_table *table, struct segment_camera *camera) {
	if (camera->count < 2)
		return;
	qsort_r(camera->records, camera->count, sizeof *camera->records, by_key_and_sequence, table);
	size_t used = 0;
	for (size_t i = 1; i < camera->count; i++) {
		if (compare_keys(table, &camera->records[used], &camera->records[i]) == 0)
			record_merge(&camera->records[used], &camera->records[i]);
		else
			camera->records[++used] = camera->records[i];
	}
	table->records -= camera->count - (used + 1);
	camera->count = used + 1;
}

void segment_table_fold(struct segment_table *table) {
	for (size_t i = 0; i < table->camera_count; i++)
		camera_fold(table, &table->cameras[i]);
}

int segment_table_add(
    struct segment_table *table, size_t number, const struct segment_record *record, struct text name) {
	struct segment_camera *camera = &table->cameras[number];
	if (table->records >= SEGMENT_TABLE_MAX) {
		segment_table_fold(table);
		/* Room for a tenth at least, or each further record would fold anew. */
		if (table->records > SEGMENT_TABLE_MAX / 10 * 9)
			return -E2BIG;
	}
	struct segment_record copy = *record;
	int error = pool_add(table, name, &copy.name);
	if (error != 0)
		return error;
	/* Two sources tell of most segments: folded before it grows. */
	if (camera->count == camera->room)
		camera_fold(table, camera);
	if (camera->count >= camera->room / 2 + camera->room / 4 &&
	    !array_room(&camera->records, &camera->room, camera->room, sizeof *camera->records))
		return -ENOMEM;
	camera->records[camera->count++] = copy;
	table->records++;
	return 0;
}

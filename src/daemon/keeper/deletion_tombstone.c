/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is gone, told in the audit log: one entry for a camera and rule of a batch, and its spans in the index. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "deletion_batch.h"
#include "keeper.h"
#include "record.h"

/* Segments in one entry: at most about 6 KiB. */
enum { SEGMENTS_PER_ENTRY = 1000 };

/* Changes of the time from start to due in one entry (ends of months, summer time): an entry has room for these. */
enum { DUE_RUNS_MAX = 16 };

/* A gap of recording that is longer is told apart from erased footage. */
#define SPAN_GAP_US (2 * US_PER_SECOND)

struct group {
	struct keeper *keeper;
	struct batch *batch;
	enum batch_end how;
	size_t numbers[SEGMENTS_PER_ENTRY]; /* in batch->segments */
	struct audit_segment segments[SEGMENTS_PER_ENTRY];
	char *names[SEGMENTS_PER_ENTRY];
	size_t count;
};

static void clear(struct group *group) {
	for (size_t i = 0; i < group->count; i++)
		free(group->names[i]);
	group->count = 0;
}

static int add(struct group *group, size_t number) {
	struct batch *batch = group->batch;
	const struct batch_segment *segment = &batch->segments[number];
	char *path = NULL;
	if (segment->by_path) {
		const struct batch_file *file = batch_main_file(batch, segment);
		const char *folder = batch->pool + file->folder;
		if (asprintf(&path, "%s%s%s", folder, folder[0] == '\0' ? "" : "/", batch->pool + file->name) < 0)
			return -ENOMEM;
	}
	group->numbers[group->count] = number;
	group->names[group->count] = path;
	group->segments[group->count++] = (struct audit_segment){
	    .start_us = segment->key.start_us, .end_us = segment->end_us, .bytes = segment->bytes, .name = text_of(path)};
	return 0;
}

/* A tombstone tells the truth: who still has the bytes. Places in the entry's list. */
static void add_remains(const struct group *group, json_t *details) {
	json_t *opened = json_array();
	json_t *linked = json_array();
	for (size_t i = 0; i < group->count; i++) {
		const struct batch_file *file = batch_main_file(group->batch, &group->batch->segments[group->numbers[i]]);
		if (file->open_elsewhere)
			(void)json_array_append_new(opened, json_integer((json_int_t)i));
		if (file->links_left > 0)
			(void)json_array_append_new(linked, json_pack("[I, I]", (json_int_t)i, (json_int_t)file->links_left));
	}
	if (json_array_size(opened) > 0)
		(void)json_object_set(details, "open_elsewhere", opened);
	if (json_array_size(linked) > 0)
		(void)json_object_set(details, "links_left", linked);
	json_decref(opened);
	json_decref(linked);
}

static int64_t due_after_ms(const struct group *group, size_t number) {
	const struct batch_segment *segment = &group->batch->segments[group->numbers[number]];
	return (segment->due_us - segment->key.start_us) / 1000;
}

/* How many of `count` segments, from `first`, have due times that one entry can tell. */
static size_t due_fit(const struct group *group, size_t first, size_t count) {
	size_t runs = 1;
	for (size_t i = 1; i < count; i++) {
		runs += due_after_ms(group, first + i) != due_after_ms(group, first + i - 1) ? 1 : 0;
		if (runs > DUE_RUNS_MAX)
			return i;
	}
	return count;
}

/* From each start to its due time: whoever reads the log can tell what was erased late. */
static json_t *due_list(const struct group *group) {
	int64_t values[SEGMENTS_PER_ENTRY];
	for (size_t i = 0; i < group->count; i++)
		values[i] = due_after_ms(group, i);
	return audit_runs(values, group->count);
}

static json_t *make_details(const struct group *group) {
	const struct batch_segment *first = &group->batch->segments[group->numbers[0]];
	json_t *details = json_object();
	if (details == NULL || audit_set_bytes(details, "camera", text_of(group->batch->pool + first->camera)) != 0) {
		json_decref(details);
		return NULL;
	}
	(void)json_object_set_new(
	    details, "rule", json_string(group->how == BATCH_MISSING ? "missing" : batch_rule_name(first->rule)));
	(void)json_object_set_new(details, "first_due_us", json_integer(first->due_us));
	(void)json_object_set_new(details, "due_after_ms", due_list(group));
	(void)json_object_set_new(details, "intent", json_integer(group->batch->intent));
	if (group->how == BATCH_RECOVERED)
		(void)json_object_set_new(details, "recovered", json_true());
	json_t *segments = audit_segments(group->segments, group->count, false);
	if (segments == NULL || json_object_set_new(details, "segments", segments) != 0) {
		json_decref(details);
		return NULL;
	}
	if (group->how == BATCH_DELETED)
		add_remains(group, details);
	return details;
}

static int add_spans(const struct group *group, uint64_t sequence) {
	struct erased_row row = {0};
	int error = 0;
	for (size_t i = 0; error == 0 && i < group->count; i++) {
		const struct batch_segment *segment = &group->batch->segments[group->numbers[i]];
		if (i > 0 && segment->key.start_us <= row.to_us + SPAN_GAP_US) {
			row.to_us = segment->end_us > row.to_us ? segment->end_us : row.to_us;
			row.segments++;
			row.bytes += segment->bytes;
			continue;
		}
		if (i > 0)
			error = index_erased_add(group->keeper->index, &row);
		row = (struct erased_row){
		    .camera = segment->key.camera,
		    .from_us = segment->key.start_us,
		    .to_us = segment->end_us,
		    .at_us = clock_wall_us(),
		    .segments = 1,
		    .bytes = segment->bytes,
		    .by_us = group->how != BATCH_MISSING,
		    .sequence = sequence,
		};
		(void)snprintf(
		    row.rule, sizeof row.rule, "%s", group->how == BATCH_MISSING ? "missing" : batch_rule_name(segment->rule));
	}
	return error == 0 && group->count > 0 ? index_erased_add(group->keeper->index, &row) : error;
}

static int write_entry(struct group *group) {
	if (group->count == 0)
		return 0;
	size_t all = group->count;
	int error = 0;
	for (size_t done = 0; error == 0 && done < all;) {
		size_t fits = audit_segments_fit(group->segments + done, due_fit(group, done, all - done), false);
		struct group part = *group;
		part.count = fits == 0 ? 1 : fits;
		memmove(part.numbers, group->numbers + done, part.count * sizeof part.numbers[0]);
		memmove(part.segments, group->segments + done, part.count * sizeof part.segments[0]);
		json_t *details = make_details(&part);
		uint64_t sequence = 0;
		error = details == NULL
		            ? -ENOMEM
		            : record_append(group->keeper, group->how == BATCH_MISSING ? AUDIT_MISSING : AUDIT_DELETE,
		                  AUDIT_SUCCESS, NULL, NULL, details, &sequence);
		if (error == 0 && add_spans(&part, sequence) != 0)
			log_warning("the index could not note what is gone; the audit log has it");
		done += part.count;
	}
	clear(group);
	return error;
}

static bool same_group(const struct group *group, const struct batch_segment *segment) {
	const struct batch_segment *first = &group->batch->segments[group->numbers[0]];
	return first->rule == segment->rule &&
	       strcmp(group->batch->pool + first->camera, group->batch->pool + segment->camera) == 0;
}

int batch_write_tombstones(struct keeper *keeper, struct batch *batch,
    bool (*select)(struct batch *batch, const struct batch_segment *segment), enum batch_end how) {
	struct group *group = calloc(1, sizeof *group);
	if (group == NULL)
		return -ENOMEM;
	*group = (struct group){.keeper = keeper, .batch = batch, .how = how};
	int error = 0;
	bool any = false;
	for (size_t i = 0; error == 0 && i < batch->segment_count; i++) {
		if (!select(batch, &batch->segments[i]))
			continue;
		any = true;
		if (group->count == SEGMENTS_PER_ENTRY || (group->count > 0 && !same_group(group, &batch->segments[i])))
			error = write_entry(group);
		if (error == 0)
			error = add(group, i);
	}
	if (error == 0)
		error = write_entry(group);
	clear(group);
	free(group);
	return error == 0 && any ? record_durable(keeper) : error;
}

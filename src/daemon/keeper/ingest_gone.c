/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names that are not there any more. Each waits a moment (during a scan: until its end), since it
 * may only have got another name. What an intent of ours covers is no `missing`; the rest is, once.
 */
#include "ingest_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "observation.h"
#include "observation_actors.h"
#include "record.h"

/* Stretches closer than this are one. */
#define JOIN_US INT64_C(2000000)

static void gone_add(struct ingest *ingest, const struct gone *gone) {
	if (ingest->gone_count >= GONE_MAX)
		gone_tick(ingest, true);
	if (!array_room(&ingest->gone, &ingest->gone_room, ingest->gone_count, sizeof *gone)) {
		log_warning("no memory for what is gone; the next scan finds it again");
		return;
	}
	ingest->gone[ingest->gone_count++] = *gone;
	ingest_timer(ingest);
}

void gone_segment(struct ingest *ingest, const struct root *root, const struct segment_row *row) {
	gone_add(ingest, &(struct gone){
	                     .key = row->key,
	                     .root = root->number,
	                     .in_scan = root->state == ROOT_SCANNING,
	                     .folder = row->folder,
	                     .inode = row->file.inode,
	                     .birth_ns = row->file.birth_ns,
	                     .due_us = ingest->boot_us + GONE_WAIT_US,
	                 });
}

void gone_folder(struct ingest *ingest, const struct root *root, int64_t folder) {
	gone_add(ingest, &(struct gone){
	                     .root = root->number,
	                     .in_scan = root->state == ROOT_SCANNING,
	                     .folder = folder,
	                     .due_us = ingest->boot_us + GONE_WAIT_US,
	                 });
}

/* A name may have been told as gone more than once: closed and renamed, seen when it was gone already. */
static void gone_forget(struct ingest *ingest, const struct segment_key *key) {
	for (size_t i = ingest->gone_count; i-- > 0;)
		if (segment_key_equal(&ingest->gone[i].key, key))
			ingest->gone[i] = ingest->gone[--ingest->gone_count];
}

/* The same inode, born at the same instant, with the same bytes: not a new file that got a freed inode. */
bool gone_take_back(struct ingest *ingest, const struct file_identity *file, struct segment_row *ret_row) {
	for (size_t i = 0; i < ingest->gone_count; i++) {
		struct gone *gone = &ingest->gone[i];
		if (gone->key.camera == 0 || gone->inode != file->inode || gone->birth_ns != file->birth_ns)
			continue;
		struct segment_row row;
		if (index_get(ingest->keeper->index, &gone->key, &row) != 0 || row.state == SEGMENT_DELETING ||
		    (file->birth_ns == 0 && (row.file.mtime_ns != file->mtime_ns || row.file.bytes != file->bytes)))
			continue;
		gone_forget(ingest, &row.key);
		*ret_row = row;
		return true;
	}
	return false;
}

static int erased_write(struct ingest *ingest, const struct segment_row *rows, const struct audit_segment *segments,
    size_t count, const char *rule, uint64_t sequence) {
	struct erased_row erased = {0};
	int error = 0;
	for (size_t i = 0; error == 0 && i < count; i++) {
		if (i > 0 && segments[i].start_us <= erased.to_us + JOIN_US) {
			erased.to_us = segments[i].end_us > erased.to_us ? segments[i].end_us : erased.to_us;
			erased.segments++;
			erased.bytes += rows[i].file.bytes;
			continue;
		}
		if (i > 0)
			error = index_erased_add(ingest->keeper->index, &erased);
		erased = (struct erased_row){
		    .camera = rows[i].key.camera,
		    .from_us = segments[i].start_us,
		    .to_us = segments[i].end_us,
		    .at_us = ingest->wall_us,
		    .segments = 1,
		    .bytes = rows[i].file.bytes,
		    .sequence = sequence,
		};
		if (!text_copy(erased.rule, sizeof erased.rule, text_of(rule)))
			erased.rule[0] = '\0';
	}
	return error == 0 && count > 0 ? index_erased_add(ingest->keeper->index, &erased) : error;
}

/* What is missing, and who made it go away. */
struct missing {
	const struct segment_row *rows;
	const struct audit_segment *segments;
	size_t count;
	const char *rule;
	const struct culprit *culprit; /* of all of them */
};

static json_t *missing_details(struct ingest *ingest, const struct missing *missing) {
	char name[2 * CAMERA_BYTES_MAX + 2];
	json_t *details = json_object();
	if (details == NULL || !camera_text(ingest, missing->rows[0].key.camera, name, sizeof name) ||
	    audit_set_bytes(details, "camera", text_of(name)) != 0 ||
	    json_object_set_new(details, "rule", json_string(missing->rule)) != 0 ||
	    json_object_set_new(details, "segments", audit_segments(missing->segments, missing->count, true)) != 0 ||
	    observation_culprit_put(ingest->keeper, missing->culprit, details) != 0) {
		json_decref(details);
		return NULL;
	}
	return details;
}

/* One entry's worth: as many as fit beside who it was. */
static int missing_part(struct ingest *ingest, const struct missing *missing, size_t *ret_written) {
	struct missing part = *missing;
	size_t fits = audit_segments_fit(part.segments, part.count, true);
	part.count = fits == 0 ? 1 : fits;
	json_t *details = missing_details(ingest, &part);
	while (details != NULL && part.count > 1 && entry_bytes(details) > ENTRY_DETAILS_BYTES) {
		json_decref(details);
		part.count /= 2;
		details = missing_details(ingest, &part);
	}
	const struct segment_row *rows = part.rows;
	size_t count = part.count;
	uint64_t sequence = 0;
	int error = details == NULL
	                ? -ENOMEM
	                : record_append(ingest->keeper, AUDIT_MISSING, AUDIT_SUCCESS, NULL, NULL, details, &sequence);
	if (error == 0)
		error = erased_write(ingest, rows, part.segments, count, part.rule, sequence);
	for (size_t i = 0; error == 0 && i < count; i++) {
		error = index_remove(ingest->keeper->index, &rows[i].key);
		idle_forget(ingest, &rows[i].key);
	}
	*ret_written = count;
	return error;
}

static int missing_by(struct ingest *ingest, const struct segment_row *rows, size_t count, const char *rule,
    const struct culprit *culprit) {
	seal_before_gone(ingest, rows, count);
	struct audit_segment *segments = calloc(count, sizeof *segments);
	char **names = calloc(count, sizeof *names);
	int error = segments == NULL || names == NULL ? -ENOMEM : 0;
	for (size_t i = 0; error == 0 && i < count; i++) {
		char path[PATH_BYTES_MAX + 1];
		int64_t end_us = rows[i].end_us != 0 ? rows[i].end_us : rows[i].file.mtime_ns / 1000;
		if (!index_name_derived(ingest->keeper->index, &rows[i]) &&
		    index_path(ingest->keeper->index, &rows[i], path, sizeof path) == 0)
			names[i] = strdup(path);
		segments[i] = (struct audit_segment){.start_us = rows[i].key.start_us, .bytes = rows[i].file.bytes};
		segments[i].end_us = end_us > rows[i].key.start_us ? end_us : rows[i].key.start_us;
		segments[i].name = text_of(names[i]);
		if (rows[i].has_sha256)
			segments[i].sha256 = rows[i].sha256;
	}
	for (size_t done = 0, written = 0; error == 0 && done < count; done += written)
		error = missing_part(ingest,
		    &(struct missing){.rows = rows + done,
		        .segments = segments + done,
		        .count = count - done,
		        .rule = rule,
		        .culprit = culprit},
		    &written);
	for (size_t i = 0; names != NULL && i < count; i++)
		free(names[i]);
	free(names);
	free(segments);
	return error;
}

struct blamed {
	struct segment_row row;
	struct culprit culprit;
};

static int by_culprit_and_start(const void *a, const void *b) {
	const struct blamed *first = a, *second = b;
	int order = observation_culprit_compare(&first->culprit, &second->culprit);
	if (order != 0)
		return order;
	return first->row.key.start_us < second->row.key.start_us ? -1 : first->row.key.start_us > second->row.key.start_us;
}

/* Who made each of them go away; true if it is not the same for all, or not nobody. */
static bool blame(struct ingest *ingest, struct blamed *list, size_t count, bool replaced) {
	bool anybody = false;
	char path[PATH_BYTES_MAX + 1];
	struct camera_row camera;
	const struct root *root = index_camera_get(ingest->keeper->index, list[0].row.key.camera, &camera) == 0
	                              ? roots_by_id(ingest->keeper, camera.root)
	                              : NULL;
	for (size_t i = 0; root != NULL && i < count; i++)
		if (index_path(ingest->keeper->index, &list[i].row, path, sizeof path) == 0)
			anybody |= observation_culprit(ingest->keeper, root, text_of(path), replaced, &list[i].culprit);
	return anybody;
}

/* One camera's, in order of start. What different people did never stands in one entry. */
int missing_write(struct ingest *ingest, const struct segment_row *rows, size_t count, const char *rule) {
	const struct culprit nobody = {0};
	struct blamed *list = calloc(count, sizeof *list);
	struct segment_row *same = calloc(count, sizeof *same);
	int error = list == NULL || same == NULL ? -ENOMEM : 0;
	for (size_t i = 0; error == 0 && i < count; i++)
		list[i].row = rows[i];
	if (error == 0 && !blame(ingest, list, count, strcmp(rule, "missing") != 0)) {
		error = missing_by(ingest, rows, count, rule, &nobody);
		count = 0;
	} else if (error == 0) {
		qsort(list, count, sizeof *list, by_culprit_and_start);
	}
	for (size_t i = 0, end = 0; error == 0 && i < count; i = end) {
		for (end = i; end < count && observation_culprit_compare(&list[i].culprit, &list[end].culprit) == 0; end++)
			same[end - i] = list[end].row;
		error = missing_by(ingest, same, end - i, rule, &list[i].culprit);
	}
	for (size_t i = 0; list != NULL && i < count; i++)
		observation_let_go(&list[i].culprit);
	free(same);
	free(list);
	return error;
}

static int by_root_and_key(const void *a, const void *b) {
	const struct gone *first = a, *second = b;
	if (first->key.camera != second->key.camera)
		return first->key.camera < second->key.camera ? -1 : 1;
	if (first->key.start_us != second->key.start_us)
		return first->key.start_us < second->key.start_us ? -1 : 1;
	return first->key.ordinal < second->key.ordinal ? -1 : first->key.ordinal > second->key.ordinal;
}

static int any_row(const struct segment_row *row, void *context) {
	(void)row;
	(void)context;
	return 1;
}

static void folder_end(struct ingest *ingest, const struct gone *gone) {
	struct folder_row folder;
	/* One that came back meanwhile was listed, and then has a time or rows. */
	if (index_folder_get(ingest->keeper->index, gone->folder, &folder) != 0 || folder.mtime_ns != 0 ||
	    index_in_folder(ingest->keeper->index, gone->folder, any_row, NULL) != 0)
		return;
	int error = index_folder_remove(ingest->keeper->index, gone->folder);
	if (error != 0)
		log_warning_errno(error, "cannot forget folder '%s'", folder.path);
}

/* The rows that are due and still there, in `due` order; one camera's at a time. */
static void missing_all(struct ingest *ingest, const struct gone *due, size_t count) {
	enum { ROWS_A_TIME = 512 };
	struct segment_row *rows = calloc(ROWS_A_TIME, sizeof *rows);
	size_t used = 0;
	for (size_t i = 0; rows != NULL && i < count; i++) {
		if (due[i].key.camera == 0)
			continue;
		if (used > 0 && (used == ROWS_A_TIME || rows[0].key.camera != due[i].key.camera)) {
			int error = missing_write(ingest, rows, used, "missing");
			if (error != 0)
				log_warning_errno(error, "cannot record what is missing; the next scan tries again");
			used = 0;
		}
		int error = index_get(ingest->keeper->index, &due[i].key, &rows[used]);
		bool twice = used > 0 && segment_key_equal(&rows[used - 1].key, &rows[used].key);
		bool ours = rows[used].state == SEGMENT_DELETING;
		if (error == 0 && !twice && !ours && rows[used].folder == due[i].folder)
			used++;
	}
	int error = used > 0 ? missing_write(ingest, rows, used, "missing") : 0;
	if (error != 0)
		log_warning_errno(error, "cannot record what is missing; the next scan tries again");
	free(rows);
	for (size_t i = 0; i < count; i++)
		if (due[i].key.camera == 0)
			folder_end(ingest, &due[i]);
}

static bool is_due(const struct ingest *ingest, const struct gone *gone, bool all) {
	return all || (!gone->in_scan && ingest->boot_us >= gone->due_us);
}

void gone_tick(struct ingest *ingest, bool all) {
	size_t count = 0;
	for (size_t i = 0; i < ingest->gone_count; i++)
		count += is_due(ingest, &ingest->gone[i], all) ? 1 : 0;
	struct gone *due = count == 0 ? NULL : malloc(count * sizeof *due);
	if (due == NULL)
		return;
	size_t kept = 0, taken = 0;
	for (size_t i = 0; i < ingest->gone_count; i++) {
		if (is_due(ingest, &ingest->gone[i], all))
			due[taken++] = ingest->gone[i];
		else
			ingest->gone[kept++] = ingest->gone[i];
	}
	ingest->gone_count = kept;
	qsort(due, taken, sizeof *due, by_root_and_key);
	missing_all(ingest, due, taken);
	free(due);
	if (ingest->gone_count == 0) {
		free(ingest->gone);
		ingest->gone = NULL;
		ingest->gone_room = 0;
	}
}

void gone_scan_end(struct ingest *ingest, const struct root *root) {
	for (size_t i = 0; i < ingest->gone_count; i++) {
		if (ingest->gone[i].root != root->number)
			continue;
		ingest->gone[i].in_scan = false;
		ingest->gone[i].due_us = ingest->boot_us;
	}
	gone_tick(ingest, false);
}

/* The root went away: what was told of it proves nothing any more; the next scan tells it anew. */
void gone_forget_root(struct ingest *ingest, const struct root *root) {
	size_t kept = 0;
	for (size_t i = 0; i < ingest->gone_count; i++)
		if (ingest->gone[i].root != root->number)
			ingest->gone[kept++] = ingest->gone[i];
	ingest->gone_count = kept;
}

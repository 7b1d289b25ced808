/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files that changed after they were sealed. Watcher tells the change and guard who made it, each in its
 * own time: the entry waits a moment for guard, and is written before the index that knows of it is.
 */
#include "ingest_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "observation.h"
#include "record.h"

static json_t *identity_json(const struct file_identity *file) {
	return json_pack("{s:I, s:I}", "bytes", (json_int_t)file->bytes, "mtime_us", (json_int_t)(file->mtime_ns / 1000));
}

static json_t *altered_details(
    struct ingest *ingest, const struct segment_row *row, const char *path, const struct file_identity *now) {
	char camera[2 * CAMERA_BYTES_MAX + 2];
	json_t *details = json_object();
	if (details == NULL || !camera_text(ingest, row->key.camera, camera, sizeof camera) ||
	    audit_set_bytes(details, "camera", text_of(camera)) != 0 ||
	    audit_set_bytes(details, "path", text_of(path)) != 0 ||
	    json_object_set_new(details, "start_us", json_integer(row->key.start_us)) != 0 ||
	    json_object_set_new(details, "was", identity_json(&row->file)) != 0 ||
	    json_object_set_new(details, "now", identity_json(now)) != 0) {
		json_decref(details);
		return NULL;
	}
	return details;
}

static int append(struct ingest *ingest, json_t *details) {
	return record_append(ingest->keeper, AUDIT_ALTERED, AUDIT_SUCCESS, NULL, NULL, details, NULL);
}

static bool queue(struct ingest *ingest, const struct root *root, const char *path, json_t *details) {
	char *kept = ingest->altered_count >= ALTERED_WAIT_MAX ? NULL : strdup(path);
	if (kept == NULL ||
	    !array_room(&ingest->altered, &ingest->altered_room, ingest->altered_count, sizeof *ingest->altered)) {
		free(kept);
		return false;
	}
	ingest->altered[ingest->altered_count++] = (struct altered_wait){
	    .root = root->id, .path = kept, .details = details, .due_us = ingest->boot_us + GONE_WAIT_US};
	ingest_timer(ingest);
	return true;
}

int altered_write(struct ingest *ingest, const struct segment_row *row, const struct file_identity *now) {
	char path[PATH_BYTES_MAX + 1];
	struct camera_row camera;
	int error = index_path(ingest->keeper->index, row, path, sizeof path);
	json_t *details = error != 0 ? NULL : altered_details(ingest, row, path, now);
	if (details == NULL)
		return error != 0 ? error : -ENOMEM;
	const struct root *root = index_camera_get(ingest->keeper->index, row->key.camera, &camera) == 0
	                              ? roots_by_id(ingest->keeper, camera.root)
	                              : NULL;
	if (root == NULL || observation_who(ingest->keeper, root, text_of(path), details) ||
	    !observation_running(ingest->keeper) || !queue(ingest, root, path, details))
		return append(ingest, details);
	return 0;
}

int altered_wait_end(struct ingest *ingest, bool all) {
	size_t kept = 0;
	int first_error = 0;
	for (size_t i = 0; i < ingest->altered_count; i++) {
		struct altered_wait *wait = &ingest->altered[i];
		if (!all && ingest->boot_us < wait->due_us) {
			ingest->altered[kept++] = *wait;
			continue;
		}
		const struct root *root = roots_by_id(ingest->keeper, wait->root);
		json_t *details = json_deep_copy(wait->details);
		if (details != NULL && root != NULL)
			(void)observation_who(ingest->keeper, root, text_of(wait->path), details);
		int error = details == NULL ? -ENOMEM : append(ingest, details);
		if (error != 0) { /* the log cannot be written: again later */
			first_error = first_error == 0 ? error : first_error;
			ingest->altered[kept++] = *wait;
			continue;
		}
		json_decref(wait->details);
		free(wait->path);
	}
	ingest->altered_count = kept;
	return first_error;
}

void altered_wait_free(struct ingest *ingest) {
	for (size_t i = 0; i < ingest->altered_count; i++) {
		json_decref(ingest->altered[i].details);
		free(ingest->altered[i].path);
	}
	free(ingest->altered);
}

int ingest_before_commit(struct keeper *keeper) {
	if (keeper->ingest == NULL || keeper->ingest->altered_count == 0)
		return 0;
	ingest_time(keeper->ingest);
	return altered_wait_end(keeper->ingest, true);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One name that watcher tells: what it is by the layout, and what that changes in the index. */
#include "ingest_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "media.h"

/* The camera of files that match nothing, where the operator has those expire too. */
static const char foreign_camera[] = "(foreign)";
enum { PATTERN_NONE = 255 };

static bool path_join(char *path, size_t room, struct text folder, struct text name, struct text *ret_path) {
	size_t head = folder.length == 0 ? 0 : folder.length + 1;
	if (head + name.length > room)
		return false;
	if (head > 0) {
		memcpy(path, folder.data, folder.length);
		path[folder.length] = '/';
	}
	memcpy(path + head, name.data, name.length);
	*ret_path = (struct text){.data = path, .length = head + name.length};
	return true;
}

static bool decide(struct ingest *ingest, const struct root *root, struct segment_row *row,
    const struct layout_match *match, const struct record_facts *facts) {
	struct start_evidence evidence = {
	    .path = match->parts,
	    .clock = root->settings->layout->clock,
	    .zone = root->zone,
	    .mtime_us = row->file.mtime_ns / 1000,
	    /* A slot's birth is that of older footage. */
	    .birth_us = root->settings->layout->slots ? 0 : row->file.birth_ns / 1000,
	    .now_us = ingest->now_us,
	    .first_sight_us = ingest->now_us,
	};
	if (facts != NULL) {
		evidence.container_start_us = facts->start_us;
		evidence.duration_us = facts->duration_us;
	}
	struct segment_start start;
	if (!segment_decide_start(&evidence, &start))
		return false;
	row->key.start_us = start.start_us;
	row->earliest_us = start.earliest_us;
	row->source = start.source;
	row->time_suspect = start.time_suspect;
	row->fold = start.fold;
	row->fold_unsettled = start.fold_unsettled;
	return true;
}

bool file_decide_start(struct ingest *ingest, const struct root *root, struct segment_row *row, struct text path,
    const struct record_facts *facts) {
	struct layout_match match;
	layout_classify(root->settings->layout, path, &match);
	return decide(ingest, root, row, &match, facts);
}

/* Whether what is told now means that nothing more will be written to the segment. */
static bool is_finished(
    struct ingest *ingest, const struct root *root, const struct segment_row *row, enum entry_event event) {
	const struct layout *layout = root->settings->layout;
	if (event == ENTRY_LISTED) {
		/* A finishing sidecar that never came: its recorder was cut off. */
		int64_t wait_us = layout->finish == FINISH_SIDECAR ? IDLE_SECONDS_CLOSE * US_PER_SECOND : idle_wait_us(root);
		return ingest->wall_us - row->file.mtime_ns / 1000 >= wait_us || idle_is_over(ingest, row);
	}
	switch (layout->finish) {
	case FINISH_CLOSE:
		return event == ENTRY_CLOSED || event == ENTRY_ARRIVED;
	case FINISH_RENAME:
		return event == ENTRY_ARRIVED;
	case FINISH_LINK:
		/* The final name only ever appears by link(); when its other name is gone already it looks created. */
		return event == ENTRY_ARRIVED || event == ENTRY_APPEARED || event == ENTRY_CLOSED;
	case FINISH_SIDECAR:
	case FINISH_IDLE:
		return false;
	}
	return false;
}

/* How long an open segment may stand still before it counts as finished. */
static int64_t wait_for(const struct root *root, enum entry_event event) {
	enum finish finish = root->settings->layout->finish;
	if (finish == FINISH_IDLE || (event == ENTRY_LISTED && finish != FINISH_SIDECAR))
		return idle_wait_us(root);
	return IDLE_SECONDS_CLOSE * US_PER_SECOND;
}

static int row_changed(
    struct ingest *ingest, const struct place *place, struct segment_row *row, enum entry_event event) {
	bool finished = is_finished(ingest, place->root, row, event) || sidecar_finishes(ingest, place->root, row);
	if (finished)
		return seal_stored(ingest, place->root, row);
	row->state = SEGMENT_OPEN;
	int error = index_update(ingest->keeper->index, row);
	if (error == 0)
		idle_watch(ingest, place->root, row, wait_for(place->root, event));
	return error;
}

/* A new segment goes into the batch of the listing, or into the index at once. */
static int row_add(struct ingest *ingest, const struct place *place, struct segment_row *row, enum entry_event event) {
	bool finished = is_finished(ingest, place->root, row, event);
	if (finished)
		seal_prepare(row);
	else
		row->state = SEGMENT_OPEN;
	if (ingest->batching) {
		if (array_room(&ingest->batch, &ingest->batch_room, ingest->batch_count, sizeof *row)) {
			ingest->batch[ingest->batch_count++] = *row;
			return 0;
		}
	}
	int error = index_insert(ingest->keeper->index, row);
	if (error != 0)
		return error;
	if (finished)
		seal_follow(ingest, place->root, row);
	else
		idle_watch(ingest, place->root, row, wait_for(place->root, event));
	sidecars_claim(ingest, place);
	return 0;
}

static int by_key(const void *a, const void *b) {
	const struct segment_row *first = a, *second = b;
	if (first->key.camera != second->key.camera)
		return first->key.camera < second->key.camera ? -1 : 1;
	return first->key.start_us < second->key.start_us ? -1 : first->key.start_us > second->key.start_us;
}

static int by_pointed_key(const void *a, const void *b) {
	return by_key(*(const struct segment_row *const *)a, *(const struct segment_row *const *)b);
}

/* In the order of the key, so that neighbours meet the same page of the index. */
int file_batch_insert(struct ingest *ingest, struct root *root) {
	size_t count = ingest->batch_count;
	ingest->batch_count = 0;
	struct segment_row **order = count == 0 ? NULL : malloc(count * sizeof(struct segment_row *));
	if (order == NULL)
		return count == 0 ? 0 : -ENOMEM;
	for (size_t i = 0; i < count; i++)
		order[i] = &ingest->batch[i];
	qsort(order, count, sizeof(struct segment_row *), by_pointed_key);
	int first_error = 0;
	for (size_t i = 0; i < count; i++) {
		int error = index_insert(ingest->keeper->index, order[i]);
		if (error == -EEXIST)
			continue; /* told twice */
		if (error != 0 && first_error == 0)
			first_error = error;
		if (error != 0)
			continue;
		if (order[i]->state == SEGMENT_SEALED)
			seal_follow(ingest, root, order[i]);
		else
			idle_watch(ingest, root, order[i], wait_for(root, ENTRY_LISTED));
	}
	free(order);
	return first_error;
}

static int64_t camera_of(struct ingest *ingest, const struct root *root, const struct layout_match *match) {
	struct text name = match->parts.camera.length > 0 ? match->parts.camera : text_of(root->settings->name);
	if (match->role == LAYOUT_FOREIGN)
		name = text_of(foreign_camera);
	return index_camera(ingest->keeper->index, root->id, name);
}

/* The file went under its old name and is here: the same footage, with the start that its new path gives. */
static int row_moved(struct ingest *ingest, const struct place *place, const struct record_entry *entry,
    const struct layout_match *match, struct segment_row *row) {
	struct segment_key old = row->key;
	identity_of(entry, &row->file);
	row->folder = place->folder;
	row->pattern = match->role == LAYOUT_SEGMENT ? match->pattern : PATTERN_NONE;
	row->kind = match->kind;
	row->key.camera = camera_of(ingest, place->root, match);
	if (row->key.camera < 0)
		return (int)row->key.camera;
	if (!text_copy(row->name, sizeof row->name, entry->name))
		return -EINVAL;
	if (!decide(ingest, place->root, row, match, NULL))
		row->key.start_us = old.start_us;
	int error = index_move(ingest->keeper->index, &old, row);
	if (error == 0)
		seal_moved(ingest, &old, row);
	if (error != 0 || (row->state != SEGMENT_OPEN && row->state != SEGMENT_DISCOVERED))
		return error;
	/* Its recorder renames what it has finished, or will write on under the new name. */
	idle_forget(ingest, &old);
	return row_changed(ingest, place, row, (enum entry_event)entry->what);
}

static int row_new(struct ingest *ingest, const struct place *place, const struct record_entry *entry,
    const struct layout_match *match) {
	struct segment_row row;
	struct file_identity file;
	identity_of(entry, &file);
	if (ingest->gone_count > 0 && gone_take_back(ingest, &file, &row))
		return row_moved(ingest, place, entry, match, &row);
	memset(&row, 0, sizeof row);
	row.file = file;
	row.folder = place->folder;
	row.kind = match->kind;
	row.pattern = match->role == LAYOUT_SEGMENT ? match->pattern : PATTERN_NONE;
	if (!text_copy(row.name, sizeof row.name, entry->name))
		return -EINVAL;
	if (!decide(ingest, place->root, &row, match, NULL))
		return -ENODATA;
	row.key.camera = camera_of(ingest, place->root, match);
	if (row.key.camera < 0)
		return (int)row.key.camera;
	row.key.ordinal = UINT32_MAX;
	return row_add(ingest, place, &row, (enum entry_event)entry->what);
}

/* The name holds other footage now: what was there is gone by the recorder's doing. */
static int row_replaced(struct ingest *ingest, const struct place *place, const struct record_entry *entry,
    const struct layout_match *match, const struct segment_row *row, const char *rule) {
	int error = missing_write(ingest, row, 1, rule);
	return error != 0 ? error : row_new(ingest, place, entry, match);
}

static int row_altered(
    struct ingest *ingest, const struct place *place, struct segment_row *row, const struct file_identity *file) {
	int error = row->state == SEGMENT_ALTERED ? 0 : altered_write(ingest, row, file);
	if (error != 0)
		return error;
	row->file = *file;
	row->state = SEGMENT_ALTERED;
	row->probed = false;
	row->has_sha256 = false;
	if (file->mtime_ns / 1000 > row->end_us)
		row->end_us = file->mtime_ns / 1000;
	error = index_update(ingest->keeper->index, row);
	/* Read again, once it stands still. */
	if (error == 0)
		idle_watch(ingest, place->root, row, idle_wait_us(place->root));
	return error;
}

/* The index has a segment under this name. */
static int row_met(struct ingest *ingest, const struct place *place, const struct record_entry *entry,
    const struct layout_match *match, struct segment_row *row) {
	struct file_identity file;
	identity_of(entry, &file);
	enum entry_event event = (enum entry_event)entry->what;
	bool same = identity_equal(&file, &row->file);
	bool open = row->state == SEGMENT_OPEN || row->state == SEGMENT_DISCOVERED;
	if (row->state == SEGMENT_DELETING)
		return 0; /* reaper looks at what it is */
	if (open) {
		row->file = file;
		if (same && event != ENTRY_CLOSED && event != ENTRY_ARRIVED && !is_finished(ingest, place->root, row, event))
			return 0;
		return row_changed(ingest, place, row, event);
	}
	if (same && row->state == SEGMENT_ALTERED && idle_is_over(ingest, row)) {
		media_want(ingest->keeper, &row->key, MEDIA_NEW);
		return 0;
	}
	if (same)
		return 0;
	if (place->root->settings->layout->slots)
		return row_replaced(ingest, place, entry, match, row, "slot reused");
	/* A new inode is another file; a new content of the same inode is this segment, altered. */
	if (file.inode != row->file.inode || file.birth_ns != row->file.birth_ns)
		return row_replaced(ingest, place, entry, match, row, "replaced");
	return row_altered(ingest, place, row, &file);
}

static enum told segment_told(struct ingest *ingest, const struct place *place, const struct record_entry *entry,
    const struct layout_match *match, const struct known *known, bool lookup) {
	struct index *index = ingest->keeper->index;
	struct segment_row row;
	int error = -ENOENT;
	if (known != NULL) {
		struct file_identity file;
		identity_of(entry, &file);
		bool settled = known->state == SEGMENT_SEALED || known->state == SEGMENT_UNREADABLE;
		if (settled && identity_equal(&file, &known->file))
			return TOLD_NOTHING;
		error = index_get(index, &known->key, &row);
	} else if (lookup) {
		error = index_find(index, place->folder, entry->name, &row);
	}
	if (error == 0)
		error = row_met(ingest, place, entry, match, &row);
	else if (error == -ENOENT)
		error = row_new(ingest, place, entry, match);
	if (error == -ENODATA)
		return TOLD_UNDECIDED;
	if (error != 0 && error != -EEXIST)
		log_warning_errno(error, "cannot index '%.*s' of root '%s'; the next scan tries again", (int)entry->name.length,
		    entry->name.data, place->root->settings->name);
	return error != 0 && error != -EEXIST ? TOLD_UNDECIDED : TOLD_NOTHING;
}

static void shared_told(struct ingest *ingest, const struct place *place, const struct record_entry *entry,
    const struct layout_match *match, const struct known *known) {
	struct member_row file = {.folder = place->folder};
	identity_of(entry, &file.file);
	if (known != NULL && known->what == KNOWN_SHARED && identity_equal(&file.file, &known->file))
		return;
	int64_t camera = camera_of(ingest, place->root, match);
	if (camera < 0 || !text_copy(file.name, sizeof file.name, entry->name))
		return;
	int error = index_shared_put(ingest->keeper->index, camera, &file);
	if (error != 0)
		log_warning_errno(error, "cannot note shared file '%s' of root '%s'", file.name, place->root->settings->name);
}

static enum told sidecar_told(struct ingest *ingest, const struct place *place, const struct record_entry *entry,
    const struct layout_match *match, const struct known *known) {
	struct file_identity file;
	identity_of(entry, &file);
	if (known != NULL && known->what == KNOWN_MEMBER && identity_equal(&file, &known->file))
		return TOLD_NOTHING;
	struct listing *listing = &ingest->listings[place->root->number];
	if (entry->what == ENTRY_LISTED && listing->active && listing->folder == place->folder)
		return sidecar_defer(listing, entry, match->owner) == 0 ? TOLD_NOTHING : TOLD_UNDECIDED;
	sidecar_wait(ingest, place, entry, match->owner);
	return TOLD_NOTHING;
}

static void foreign_example(struct root *root, struct text path) {
	for (size_t i = 0; i < ARRAY_LENGTH(root->foreign_examples); i++) {
		char *example = root->foreign_examples[i];
		size_t length =
		    path.length < sizeof root->foreign_examples[i] ? path.length : sizeof root->foreign_examples[i] - 1;
		if (example[0] != '\0' && strncmp(example, path.data, length) == 0 && example[length] == '\0')
			return;
		if (example[0] == '\0') {
			memcpy(example, path.data, length);
			example[length] = '\0';
			return;
		}
	}
}

enum told file_told(struct ingest *ingest, const struct place *place, const struct record_entry *entry,
    const struct known *known, bool lookup) {
	char joined[PATH_BYTES_MAX + NAME_BYTES_MAX + 2];
	struct text path;
	if (entry->type == ENTRY_FOLDER || !path_join(joined, sizeof joined, place->path, entry->name, &path))
		return TOLD_NOTHING;
	struct layout_match match;
	layout_classify(place->root->settings->layout, path, &match);
	if (match.role == LAYOUT_IGNORED)
		return TOLD_NOTHING;
	/* A link, FIFO, device or mount is no footage, whatever it is called. */
	if (entry->type == ENTRY_FILE) {
		bool expires = match.role == LAYOUT_FOREIGN && place->root->settings->foreign == FOREIGN_EXPIRE;
		if (match.role == LAYOUT_SEGMENT || expires)
			return segment_told(ingest, place, entry, &match, known, lookup);
		if (match.role == LAYOUT_SIDECAR)
			return sidecar_told(ingest, place, entry, &match, known);
		if (match.role == LAYOUT_SHARED) {
			shared_told(ingest, place, entry, &match, known);
			return TOLD_NOTHING;
		}
	}
	foreign_example(place->root, path);
	return TOLD_FOREIGN;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finished segments: what prober and hasher say of them, and one seal entry for a camera and an hour. */
#include "ingest_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "media.h"
#include "owed.h"
#include "record.h"

#define HOUR_US (INT64_C(3600) * US_PER_SECOND)
/* Closing a file comes after its last frame; a claim may say that the footage ended this much before mtime. */
#define CLOSE_US (2 * US_PER_SECOND)

bool camera_text(struct ingest *ingest, int64_t camera, char *text, size_t room) {
	struct camera_row row;
	if (index_camera_get(ingest->keeper->index, camera, &row) != 0)
		return false;
	int length = snprintf(text, room, "%s/%s", row.root_name, row.name);
	return length > 0 && (size_t)length < room;
}

void seal_prepare(struct segment_row *row) {
	row->state = SEGMENT_SEALED;
	row->end_us = 0; /* known when it was read */
	row->probed = false;
}

static char *stored_name(struct ingest *ingest, const struct segment_row *row) {
	char path[PATH_BYTES_MAX + 1];
	if (row->derived || index_name_derived(ingest->keeper->index, row) ||
	    index_path(ingest->keeper->index, row, path, sizeof path) != 0)
		return NULL;
	return strdup(path);
}

static void seal_fill(struct ingest *ingest, struct seal *seal, const struct segment_row *row) {
	int64_t end_us = row->end_us != 0 ? row->end_us : row->file.mtime_ns / 1000;
	*seal = (struct seal){.key = row->key, .bytes = row->file.bytes, .has_sha256 = row->has_sha256};
	seal->end_us = end_us > row->key.start_us ? end_us : row->key.start_us;
	memcpy(seal->sha256, row->sha256, HASH_BYTES);
	seal->name = stored_name(ingest, row);
}

static void seal_queue(struct ingest *ingest, const struct segment_row *row) {
	if (owed_is_sealed(ingest->keeper, row))
		return;
	if (ingest->seal_count >= SEALS_MAX)
		seal_flush(ingest, true);
	if (ingest->seal_count >= SEALS_MAX ||
	    !array_room(&ingest->seals, &ingest->seal_room, ingest->seal_count, sizeof *ingest->seals)) {
		if (!ingest->sealing_failed)
			log_warning("seal entries cannot be written; those over %d are left out", SEALS_MAX);
		ingest->sealing_failed = true;
		return;
	}
	seal_fill(ingest, &ingest->seals[ingest->seal_count++], row);
}

void seal_moved(struct ingest *ingest, const struct segment_key *old, const struct segment_row *row) {
	for (size_t i = ingest->seal_count; i > 0; i--) {
		struct seal *seal = &ingest->seals[i - 1];
		if (!segment_key_equal(&seal->key, old))
			continue;
		free(seal->name);
		seal_fill(ingest, seal, row);
		return;
	}
}

/*
 * What was just recorded is read at once, and its entry waits for the fingerprint. An archive that was
 * there before us is noted as seen; it is read when there is nothing else to do.
 */
void seal_follow(struct ingest *ingest, const struct root *root, const struct segment_row *row) {
	const struct settings *settings = ingest->keeper->settings;
	(void)owed_take(ingest->keeper, &row->key);
	bool recent = root->scanned || ingest->wall_us - row->file.mtime_ns / 1000 < US_PER_DAY;
	bool fingerprint = recent && settings->fingerprint == FINGERPRINT_SEAL;
	bool wanted = recent && (fingerprint || settings->probe != PROBE_AT_ONCE_NONE) &&
	              media_want(ingest->keeper, &row->key, MEDIA_NEW);
	if (!fingerprint || !wanted)
		seal_queue(ingest, row);
}

int seal_stored(struct ingest *ingest, const struct root *root, struct segment_row *row) {
	seal_prepare(row);
	int error = index_update(ingest->keeper->index, row);
	if (error != 0)
		return error;
	idle_forget(ingest, &row->key);
	seal_follow(ingest, root, row);
	return 0;
}

static int64_t lower(int64_t a, int64_t b) {
	return a < b ? a : b;
}

static int64_t higher(int64_t a, int64_t b) {
	return a > b ? a : b;
}

/*
 * The start as the container has it is a claim. Where the path gives the start it may only delay the
 * deletion (time_suspect: path and container disagree). Where only mtime gave it, it may go back to
 * the file's own birth, which the container cannot forge, and no further. For holds the earliest counts.
 */
static void claim_start(
    struct ingest *ingest, const struct root *root, struct segment_row *row, const struct record_facts *facts) {
	char path[PATH_BYTES_MAX + 1];
	struct segment_row decided = *row;
	if (index_path(ingest->keeper->index, row, path, sizeof path) != 0 ||
	    !file_decide_start(ingest, root, &decided, text_of(path), facts))
		return;
	int64_t mtime_us = row->file.mtime_ns / 1000, birth_us = row->file.birth_ns / 1000;
	bool by_path = row->source == START_FROM_PATH;
	int64_t least = row->key.start_us;
	if (!by_path && birth_us > 0 && birth_us < least && mtime_us - birth_us < US_PER_DAY)
		least = birth_us;
	int64_t start = higher(least, decided.key.start_us);
	if (by_path && !decided.time_suspect && !decided.fold)
		start = row->key.start_us;
	start = higher(least, lower(start, higher(mtime_us, row->key.start_us)));
	row->earliest_us = lower(lower(row->earliest_us, decided.earliest_us), start);
	row->key.start_us = start;
	row->time_suspect = row->time_suspect || decided.time_suspect;
	if (!by_path)
		row->source = decided.source;
}

/* Never shorter than what the next segment and mtime show together, nor beyond mtime. */
static void claim_end(struct ingest *ingest, struct segment_row *row, int64_t duration_us) {
	int64_t mtime_us = row->file.mtime_ns / 1000;
	if (duration_us <= 0 || duration_us > INT64_MAX / 4) {
		return;
	}
	int64_t least = mtime_us - CLOSE_US;
	int64_t next = index_next_start(ingest->keeper->index, row->key.camera, row->key.start_us, row->kind);
	if (next != 0)
		least = lower(least, next);
	int64_t end = lower(row->key.start_us + duration_us, mtime_us + CLOSE_US);
	row->end_us = higher(higher(end, least), row->key.start_us);
}

void ingest_facts(struct keeper *keeper, struct segment_key *key, const struct record_facts *facts) {
	struct ingest *ingest = keeper->ingest;
	struct segment_row row;
	ingest_time(ingest);
	if (index_get(keeper->index, key, &row) != 0 || row.state == SEGMENT_DELETING)
		return;
	struct camera_row camera;
	struct root *root =
	    index_camera_get(keeper->index, key->camera, &camera) == 0 ? roots_by_id(keeper, camera.root) : NULL;
	if (root == NULL)
		return;
	row.probed = true;
	row.damage = facts->damage;
	bool readable = facts->result == PROBE_READ;
	if (!readable && facts->result != PROBE_FAILED && row.state == SEGMENT_SEALED)
		row.state = SEGMENT_UNREADABLE;
	if (readable && row.state == SEGMENT_UNREADABLE)
		row.state = SEGMENT_SEALED;
	if (readable) {
		claim_start(ingest, root, &row, facts);
		claim_end(ingest, &row, facts->duration_us);
	}
	int error =
	    row.key.start_us == key->start_us ? index_update(keeper->index, &row) : index_move(keeper->index, key, &row);
	if (error != 0) {
		log_warning_errno(error, "cannot store the facts of '%s'", row.name);
		return;
	}
	seal_moved(ingest, key, &row);
	*key = row.key;
}

static void store_hash(struct ingest *ingest, const struct segment_key *key, const uint8_t *sha256) {
	struct segment_row row;
	if (index_get(ingest->keeper->index, key, &row) != 0 || row.state == SEGMENT_DELETING)
		return;
	if (sha256 != NULL) {
		row.has_sha256 = true;
		memcpy(row.sha256, sha256, HASH_BYTES);
		int error = index_update(ingest->keeper->index, &row);
		if (error != 0)
			log_warning_errno(error, "cannot store the fingerprint of '%s'", row.name);
	}
	seal_queue(ingest, &row);
}

void ingest_hashed(struct keeper *keeper, const struct segment_key *key, const uint8_t sha256[HASH_BYTES]) {
	ingest_time(keeper->ingest);
	store_hash(keeper->ingest, key, sha256);
}

void ingest_not_hashed(struct keeper *keeper, const struct segment_key *key) {
	ingest_time(keeper->ingest);
	store_hash(keeper->ingest, key, NULL);
}

/* ---- after a crash ---- */

struct owing {
	struct ingest *ingest;
	const struct root *root;
};

static bool is_sealed(const struct segment_row *row) {
	return row->state == SEGMENT_SEALED || row->state == SEGMENT_ALTERED || row->state == SEGMENT_UNREADABLE;
}

static void owing_follow(const struct segment_row *row, void *context) {
	const struct owing *owing = context;
	if (!is_sealed(row))
		return; /* it will be, or goes */
	if (row->has_sha256)
		seal_queue(owing->ingest, row);
	else
		seal_follow(owing->ingest, owing->root, row);
}

void seal_scan_end(struct ingest *ingest, const struct root *root) {
	owed_take_root(ingest->keeper, root, owing_follow, &(struct owing){ingest, root});
}

void seal_before_gone(struct ingest *ingest, const struct segment_row *rows, size_t count) {
	for (size_t i = 0; i < count; i++)
		if (owed_take(ingest->keeper, &rows[i].key) && is_sealed(&rows[i]))
			seal_queue(ingest, &rows[i]);
	/* A seal that still waits comes before what became of it. */
	for (size_t i = 0; i < ingest->seal_count; i++) {
		if (ingest->seals[i].key.camera == rows[0].key.camera) {
			seal_flush(ingest, true);
			break;
		}
	}
}

int ingest_each_seal(
    const struct keeper *keeper, int (*each)(const struct segment_key *key, void *context), void *context) {
	const struct ingest *ingest = keeper->ingest;
	int result = 0;
	for (size_t i = 0; ingest != NULL && result == 0 && i < ingest->seal_count; i++)
		result = each(&ingest->seals[i].key, context);
	return result;
}

/* ---- entries ---- */

static int by_camera_and_start(const void *a, const void *b) {
	const struct seal *first = a, *second = b;
	if (first->key.camera != second->key.camera)
		return first->key.camera < second->key.camera ? -1 : 1;
	if (first->key.start_us != second->key.start_us)
		return first->key.start_us < second->key.start_us ? -1 : 1;
	return first->key.ordinal < second->key.ordinal ? -1 : first->key.ordinal > second->key.ordinal;
}

static int write_part(struct ingest *ingest, const struct audit_segment *segments, size_t count, int64_t camera) {
	char name[2 * CAMERA_BYTES_MAX + 2];
	json_t *details = json_object();
	if (details == NULL || !camera_text(ingest, camera, name, sizeof name) ||
	    audit_set_bytes(details, "camera", text_of(name)) != 0 ||
	    json_object_set_new(details, "segments", audit_segments(segments, count, true)) != 0) {
		json_decref(details);
		return -ENOMEM;
	}
	return record_append(ingest->keeper, AUDIT_SEAL, AUDIT_SUCCESS, NULL, NULL, details, NULL);
}

static int write_run(struct ingest *ingest, const struct seal *seals, size_t count) {
	struct audit_segment *segments = calloc(count, sizeof *segments);
	if (segments == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		segments[i] = (struct audit_segment){
		    .start_us = seals[i].key.start_us, .end_us = seals[i].end_us, .bytes = seals[i].bytes};
		segments[i].name = text_of(seals[i].name);
		if (seals[i].has_sha256)
			segments[i].sha256 = seals[i].sha256;
	}
	int error = 0;
	for (size_t done = 0; error == 0 && done < count;) {
		size_t fits = audit_segments_fit(segments + done, count - done, true);
		fits = fits == 0 ? 1 : fits;
		error = write_part(ingest, segments + done, fits, seals[done].key.camera);
		done += fits;
	}
	free(segments);
	return error;
}

/* The hour of this start is over, and a minute more. */
static bool is_past(const struct ingest *ingest, const struct seal *seal) {
	return (seal->key.start_us / HOUR_US + 1) * HOUR_US + 60 * US_PER_SECOND <= ingest->wall_us;
}

/* Hours that have passed, those of one camera together (an archive that was found); `all`: everything. */
void seal_flush(struct ingest *ingest, bool all) {
	if (ingest->seal_count > 1)
		qsort(ingest->seals, ingest->seal_count, sizeof *ingest->seals, by_camera_and_start);
	size_t kept = 0;
	for (size_t i = 0, end; i < ingest->seal_count; i = end) {
		const struct seal *first = &ingest->seals[i];
		bool past = is_past(ingest, first);
		for (end = i + 1; end < ingest->seal_count; end++) {
			const struct seal *next = &ingest->seals[end];
			if (next->key.camera != first->key.camera || (!all && is_past(ingest, next) != past))
				break;
		}
		int error = all || past ? write_run(ingest, first, end - i) : -EAGAIN;
		for (size_t j = i; j < end; j++) {
			if (error == 0)
				free(ingest->seals[j].name);
			else
				ingest->seals[kept++] = ingest->seals[j];
		}
	}
	ingest->seal_count = kept;
	if (kept > 0)
		return;
	ingest->sealing_failed = false;
	free(ingest->seals);
	ingest->seals = NULL;
	ingest->seal_room = 0;
}

void seal_free(struct ingest *ingest) {
	for (size_t i = 0; i < ingest->seal_count; i++)
		free(ingest->seals[i].name);
	free(ingest->seals);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Seal entries give fingerprints back, delete and missing entries what is gone. After a crash the rows
 * of what is gone are removed (the file is: its entry is durable), so that nothing is told twice. A new
 * index has only rows of files that are there, and keeps them.
 */
#include "rebuild.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "audit/entry.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/span.h"
#include "base/zone.h"
#include "expiry.h"
#include "index.h"
#include "ingest.h"
#include "keeper.h"
#include "owed.h"
#include "record.h"
#include "roots.h"

#define SLICE_US 20000
#define JOIN_US INT64_C(2000000)
static const char log_size_key[] = "log_size";

struct rebuild {
	struct keeper *keeper;
	bool fresh;
	bool replaying;
	uint64_t next; /* entry */
	int64_t slice_end_us;
	uint64_t entries, fingerprints, gone;
	struct event *event;
};

/* The entry at hand. */
struct entry {
	struct rebuild *rebuild;
	enum audit_action action;
	int64_t camera, at_us;
	uint64_t sequence;
	const char *rule;
	struct erased_row erased; /* segments 0: none begun */
};

static int64_t camera_by_text(struct keeper *keeper, const char *text) {
	/* A camera's name may hold a '/'; a root's does not. */
	const char *slash = strchr(text, '/');
	char name[CAMERA_BYTES_MAX + 1];
	if (slash == NULL || !text_copy(name, sizeof name, (struct text){.data = text, .length = (size_t)(slash - text)}))
		return -EINVAL;
	const struct root *root = roots_by_name(keeper, name);
	return root == NULL ? -ENOENT : index_camera(keeper->index, root->id, text_of(slash + 1));
}

struct match {
	struct keeper *keeper;
	const struct audit_segment *segment;
	struct segment_row row;
	bool found;
};

static int match_row(const struct segment_row *row, void *context) {
	struct match *match = context;
	char path[PATH_BYTES_MAX + 1];
	bool named = match->segment->name.length > 0;
	if (named && (index_path(match->keeper->index, row, path, sizeof path) != 0 ||
	                 !text_equal(text_of(path), match->segment->name)))
		return 0;
	match->row = *row;
	match->found = true;
	/* Without a name the one that the layout gives is meant. */
	return named || index_name_derived(match->keeper->index, row) ? 1 : 0;
}

static bool find_row(struct entry *entry, const struct audit_segment *segment, struct segment_row *ret_row) {
	struct match match = {.keeper = entry->rebuild->keeper, .segment = segment};
	int result = index_range(
	    match.keeper->index, entry->camera, segment->start_us - 999, segment->start_us + 999, 0, match_row, &match);
	if (result < 0 || !match.found)
		return false;
	*ret_row = match.row;
	return true;
}

static void replay_seal(const struct audit_segment *segment, void *context) {
	struct entry *entry = context;
	struct rebuild *rebuild = entry->rebuild;
	struct segment_row row;
	bool found = find_row(entry, segment, &row) && row.file.bytes == segment->bytes;
	if (!rebuild->fresh)
		owed_replay(rebuild->keeper, entry->camera, segment, found ? &row : NULL);
	if (segment->sha256 == NULL || !found || row.has_sha256)
		return;
	row.has_sha256 = true;
	memcpy(row.sha256, segment->sha256, HASH_BYTES);
	if (index_update(rebuild->keeper->index, &row) == 0)
		rebuild->fingerprints++;
}

static void erased_write(struct entry *entry) {
	if (entry->erased.segments > 0 && index_erased_add(entry->rebuild->keeper->index, &entry->erased) != 0)
		log_warning("the index could not note what is gone; the audit log has it");
	entry->erased = (struct erased_row){0};
}

static void replay_gone(const struct audit_segment *segment, void *context) {
	struct entry *entry = context;
	struct segment_row row;
	if (!entry->rebuild->fresh && find_row(entry, segment, &row))
		(void)!index_remove(entry->rebuild->keeper->index, &row.key);
	entry->rebuild->gone++;
	struct erased_row *erased = &entry->erased;
	if (erased->segments > 0 && segment->start_us <= erased->to_us + JOIN_US) {
		erased->to_us = segment->end_us > erased->to_us ? segment->end_us : erased->to_us;
		erased->segments++;
		erased->bytes += segment->bytes;
		return;
	}
	erased_write(entry);
	*erased = (struct erased_row){
	    .camera = entry->camera,
	    .from_us = segment->start_us,
	    .to_us = segment->end_us,
	    .at_us = entry->at_us,
	    .segments = 1,
	    .bytes = segment->bytes,
	    .by_us = entry->action == AUDIT_DELETE,
	    .sequence = entry->sequence,
	};
	if (!text_copy(erased->rule, sizeof erased->rule, text_of(entry->rule)))
		erased->rule[0] = '\0';
}

static int64_t time_of(const char *timestamp) {
	char message[128];
	int64_t time_us = 0;
	if (timestamp == NULL || span_parse_instant(timestamp, zone_shared("UTC"), clock_wall_us(), &time_us, message,
	                             sizeof message) != SPAN_OK)
		return 0;
	return time_us;
}

static int replay_entry(const json_t *json, void *context) {
	struct rebuild *rebuild = context;
	struct entry entry = {.rebuild = rebuild};
	entry.sequence = (uint64_t)json_integer_value(json_object_get(json_object_get(json, "event"), "sequence"));
	rebuild->next = entry.sequence + 1;
	rebuild->entries++;
	bool seal = record_is(json, AUDIT_SEAL);
	bool deleted = record_is(json, AUDIT_DELETE);
	if (seal || deleted || record_is(json, AUDIT_MISSING)) {
		entry.action = seal ? AUDIT_SEAL : deleted ? AUDIT_DELETE : AUDIT_MISSING;
		char camera[2 * CAMERA_BYTES_MAX + 2];
		bool named = audit_get_bytes(json, "camera", camera, sizeof camera);
		entry.camera = named ? camera_by_text(rebuild->keeper, camera) : -EINVAL;
		entry.rule = json_string_value(json_object_get(json, "rule"));
		entry.at_us = time_of(json_string_value(json_object_get(json, "@timestamp")));
		if (entry.camera >= 0 &&
		    audit_segments_read(json_object_get(json, "segments"), seal ? replay_seal : replay_gone, &entry) < 0)
			log_warning(
			    "log entry %llu has a list of segments that cannot be read", (unsigned long long)entry.sequence);
		erased_write(&entry);
	}
	return rebuild->slice_end_us != 0 && clock_elapsed_us() >= rebuild->slice_end_us ? 1 : 0;
}

/* What cannot be known any more is bounded: files that went between the log's last word and now left no row to miss
 * them by. */
static void finish(struct rebuild *rebuild) {
	struct keeper *keeper = rebuild->keeper;
	keeper->index_rebuilding = false;
	rebuild->replaying = false;
	json_t *details = json_pack("{s:I, s:I, s:I, s:s}", "entries", (json_int_t)rebuild->entries, "fingerprints",
	    (json_int_t)rebuild->fingerprints, "gone", (json_int_t)rebuild->gone, "unknown",
	    "files that vanished after their last entry and before this scan");
	(void)record_append(keeper, AUDIT_INDEX_REBUILT, AUDIT_SUCCESS, NULL, NULL, details, NULL);
	log_notice("the index is rebuilt: %llu log entries replayed", (unsigned long long)rebuild->entries);
	int error = rebuild_commit(keeper);
	if (error != 0)
		log_warning_errno(error, "cannot commit the index");
	expiry_soon(keeper);
}

static void on_slice(evutil_socket_t fd, short what, void *context) {
	(void)fd;
	(void)what;
	struct rebuild *rebuild = context;
	rebuild->slice_end_us = clock_elapsed_us() + SLICE_US;
	int result = record_each(rebuild->keeper, rebuild->next, replay_entry, rebuild);
	struct timeval delay = {.tv_usec = 1000};
	if (result == 0) {
		finish(rebuild);
		return;
	}
	/* What was pruned is passed over: what it said of footage is beyond its keeping. */
	if (result < 0) {
		log_warning_errno(
		    result, "cannot read the audit log to rebuild the index; nothing is deleted meanwhile, trying again");
		delay = (struct timeval){.tv_sec = 60};
	}
	(void)event_add(rebuild->event, &delay);
}

void rebuild_look(struct keeper *keeper) {
	struct rebuild *rebuild = keeper->rebuild;
	if (rebuild == NULL || !keeper->index_rebuilding || rebuild->replaying)
		return;
	for (size_t i = 0; i < roots_count(keeper); i++) {
		const struct root *root = roots_get(keeper, i);
		if (root->settings->mode == ROOT_ENFORCE && !root->scanned)
			return;
	}
	rebuild->replaying = true;
	struct timeval delay = {0};
	(void)event_add(rebuild->event, &delay);
}

int rebuild_commit(struct keeper *keeper) {
	/* First what the log says of rows that are gone: without them nothing would miss these files again. */
	int error = ingest_before_commit(keeper);
	if (error == 0)
		error = owed_save(keeper);
	if (error == 0)
		error = record_durable(keeper);
	if (error != 0)
		return error;
	uint64_t size = audit_writer_size(record_writer(keeper));
	/* While a new index is being filled the log is still to be replayed from its start. */
	error = keeper->index_rebuilding ? 0 : index_value_put(keeper->index, log_size_key, (int64_t)size);
	return error != 0 ? error : index_commit(keeper->index);
}

static int catch_up(struct rebuild *rebuild) {
	int64_t from = 0;
	int error = index_value_get(rebuild->keeper->index, log_size_key, &from);
	if (error != 0)
		return error;
	rebuild->next = (uint64_t)from;
	error = record_each(rebuild->keeper, rebuild->next, replay_entry, rebuild);
	return error != 0 ? error : rebuild_commit(rebuild->keeper);
}

int rebuild_open(struct keeper *keeper, bool fresh, bool log_was_there, struct rebuild **ret_rebuild) {
	struct rebuild *rebuild = calloc(1, sizeof *rebuild);
	if (rebuild == NULL)
		return -ENOMEM;
	rebuild->keeper = keeper;
	rebuild->event = evtimer_new(keeper->base, on_slice, rebuild);
	if (rebuild->event == NULL) {
		(void)rebuild_close(rebuild);
		return -ENOMEM;
	}
	int error = fresh ? -ENOENT : catch_up(rebuild);
	/* No mark: an index that was never committed whole, or a new one. A log of only this start has nothing to tell. */
	rebuild->fresh = error != 0;
	rebuild->next = 0;
	if (error != 0 && error != -ENOENT)
		log_warning_errno(
		    error, "the index and the audit log do not agree; the index is compared with everything again");
	keeper->index_rebuilding = rebuild->fresh && log_was_there;
	*ret_rebuild = rebuild;
	return 0;
}

struct rebuild *rebuild_close(struct rebuild *rebuild) {
	if (rebuild == NULL)
		return NULL;
	if (rebuild->event != NULL)
		event_free(rebuild->event);
	free(rebuild);
	return NULL;
}

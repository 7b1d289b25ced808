/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Feeding the sum: entries of the log, pages of the index. */
#include "evidence/sum.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "audit/entry.h"
#include "domain/retention.h"
#include "evidence/fields.h"
#include "evidence/sum_private.h"

struct sum *sum_new(const struct sum_request *request) {
	struct sum *sum = calloc(1, sizeof *sum);
	if (sum == NULL)
		return NULL;
	sum->request = *request;
	segment_table_init(&sum->table);
	history_init(&sum->history);
	return sum;
}

struct sum *sum_free(struct sum *sum) {
	if (sum == NULL)
		return NULL;
	segment_table_release(&sum->table);
	history_release(&sum->history);
	for (size_t i = 0; i < sum->who_count; i++)
		free(sum->who[i]);
	free(sum);
	return NULL;
}

void sum_pruned(struct sum *sum, uint64_t first) {
	history_pruned(&sum->history, first);
}

/* ---- lists beside the segments: [V,R] is R times V ---- */

struct runs {
	const json_t *list;
	size_t place;
	json_int_t left;
	const json_t *value;
};

static const json_t *runs_next(struct runs *runs) {
	if (runs->left > 0) {
		runs->left--;
		return runs->value;
	}
	const json_t *item = json_array_get(runs->list, runs->place++);
	bool is_run = json_is_array(item) && json_array_size(item) == 2;
	runs->value = is_run ? json_array_get(item, 0) : item;
	runs->left = is_run ? json_integer_value(json_array_get(item, 1)) - 1 : 0;
	return runs->value;
}

static bool is_wanted(const struct sum *sum, const char *camera) {
	size_t i;
	json_t *name;
	if (sum->request.cameras == NULL)
		return true;
	json_array_foreach(sum->request.cameras, i, name) {
		if (json_is_string(name) && strcmp(json_string_value(name), camera) == 0)
			return true;
	}
	return false;
}

struct feeding {
	struct sum *sum;
	struct segment_record record; /* what all segments of the list have in common */
	size_t camera;
	struct runs due_after, reasons, held;
	int64_t first_due_us, first_start_us; /* of entries without due_after_ms */
	bool any;
	int error;
};

static uint64_t fingerprint_of(const uint8_t *sha256) {
	uint64_t value = 0;
	for (size_t i = 0; sha256 != NULL && i < sizeof value; i++)
		value = value << 8 | sha256[i];
	return value;
}

static uint8_t reason_of(const json_t *name) {
	const char *text = json_string_value(name);
	for (int reason = 0; text != NULL && reason < KEPT_REASON_COUNT; reason++)
		if (strcmp(kept_reason_name((enum kept_reason)reason), text) == 0)
			return (uint8_t)reason;
	return KEPT_PENDING;
}

static int64_t due_of(struct feeding *feeding, int64_t start_us) {
	const json_t *after = feeding->due_after.list != NULL ? runs_next(&feeding->due_after) : NULL;
	if (json_is_integer(after))
		return start_us + json_integer_value(after) * 1000;
	if (feeding->due_after.list != NULL || feeding->first_due_us == 0)
		return 0;
	if (!feeding->any)
		feeding->first_start_us = start_us;
	return feeding->first_due_us + (start_us - feeding->first_start_us);
}

static void feed(const struct audit_segment *segment, void *context) {
	struct feeding *feeding = context;
	struct sum *sum = feeding->sum;
	struct segment_record record = feeding->record;
	record.start_us = segment->start_us;
	record.due_us = due_of(feeding, segment->start_us);
	feeding->any = true;
	if (feeding->reasons.list != NULL)
		record.reason = reason_of(runs_next(&feeding->reasons));
	if (feeding->held.list != NULL) {
		const json_t *held = runs_next(&feeding->held); /* the macro below looks twice */
		record.held = json_is_true(held);
	}
	if (feeding->error != 0 || segment->start_us < sum->request.span.from_us ||
	    segment->start_us >= sum->request.span.to_us)
		return;
	int64_t length_ms = (segment->end_us - segment->start_us) / 1000;
	record.length_ms = length_ms <= 0 ? 0 : length_ms > UINT32_MAX ? UINT32_MAX : (uint32_t)length_ms;
	if (!record.bytes_shared)
		record.bytes = segment->bytes;
	record.fingerprint = fingerprint_of(segment->sha256);
	feeding->error = segment_table_add(&sum->table, feeding->camera, &record, segment->name);
}

static int feed_list(struct feeding *feeding, const json_t *segments) {
	const json_t *total = json_object_get(segments, "bytes_total");
	int64_t count = field_number(segments, "count");
	if (json_is_integer(total) && count > 0) {
		feeding->record.bytes_shared = true;
		feeding->record.bytes = (uint64_t)(json_integer_value(total) / count);
	}
	int read = audit_segments_read(segments, feed, feeding);
	if (feeding->error != 0)
		return feeding->error;
	return read < 0 ? read : 0;
}

static int feed_camera(struct feeding *feeding, const char *name) {
	int64_t camera = segment_table_camera(&feeding->sum->table, name);
	if (camera < 0)
		return (int)camera;
	feeding->camera = (size_t)camera;
	return 0;
}

/* ---- entries ---- */

/* Who did it, where guard saw it: a number of sum->who; 0 for nobody. */
static uint8_t who_number(struct sum *sum, const json_t *entry) {
	char text[256];
	const char *user = field_text_at(entry, "user.name"), *program = field_text_at(entry, "process.executable");
	const char *id = field_text_at(entry, "user.id");
	/* Gone before it could be looked at: 4294967295 is no user. */
	if (strcmp(id, "4294967295") == 0)
		id = "somebody";
	if (program[0] == '\0')
		program = field_text_at(entry, "process.name");
	if (json_object_get(entry, "alteration") == NULL)
		return 0;
	if (user[0] == '\0' && id[0] == '\0' && program[0] == '\0')
		return 0;
	(void)snprintf(
	    text, sizeof text, "%s%s%s", user[0] != '\0' ? user : id, program[0] != '\0' ? " with " : "", program);
	for (size_t i = 1; i < sum->who_count; i++)
		if (strcmp(sum->who[i], text) == 0)
			return (uint8_t)i;
	if (sum->who_count == 0)
		sum->who_count = 1;
	if (sum->who_count > WHO_MAX)
		return 0;
	sum->who[sum->who_count] = strdup(text);
	return sum->who[sum->who_count] == NULL ? 0 : (uint8_t)sum->who_count++;
}

static int entry_segments(struct sum *sum, const json_t *entry, enum segment_source source) {
	const char *camera = field_text(entry, "camera");
	struct feeding feeding = {.sum = sum};
	if (!is_wanted(sum, camera) || json_object_get(entry, "segments") == NULL)
		return 0;
	int error = feed_camera(&feeding, camera);
	if (error != 0)
		return error;
	feeding.record = (struct segment_record){.sources = (uint8_t)source, .sequence = entry_sequence(entry)};
	if (source == SOURCE_SEAL) {
		feeding.record.seen_us = entry_time_us(entry);
	} else {
		feeding.record.fate = (uint8_t)source;
		feeding.record.gone_us = entry_time_us(entry);
		feeding.due_after.list = json_object_get(entry, "due_after_ms");
		feeding.first_due_us = field_number(entry, "first_due_us");
	}
	if (source == SOURCE_MISSING)
		feeding.record.who = who_number(sum, entry);
	return feed_list(&feeding, json_object_get(entry, "segments"));
}

int sum_entry(struct sum *sum, const json_t *entry) {
	int error = history_entry(&sum->history, entry);
	if (error != 0)
		return error;
	if (entry_is(entry, AUDIT_SEAL))
		return entry_sequence(entry) > sum->request.begun ? 0 : entry_segments(sum, entry, SOURCE_SEAL);
	if (entry_is(entry, AUDIT_DELETE))
		return entry_segments(sum, entry, SOURCE_DELETE);
	return entry_is(entry, AUDIT_MISSING) ? entry_segments(sum, entry, SOURCE_MISSING) : 0;
}

/* ---- the index ---- */

int sum_facts(struct sum *sum, const json_t *page) {
	const json_t *segments = json_object_get(page, "segments");
	struct feeding feeding = {.sum = sum};
	if (!json_is_object(segments))
		return 0;
	int error = feed_camera(&feeding, field_text(page, "camera"));
	if (error != 0)
		return error;
	feeding.record.sources = SOURCE_INDEX;
	feeding.due_after.list = json_object_get(page, "due_after_ms");
	feeding.reasons.list = json_object_get(page, "reasons");
	feeding.held.list = json_object_get(page, "held");
	return feed_list(&feeding, segments);
}

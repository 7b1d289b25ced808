/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The verdicts as an object that the table, CSV and page are made from. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/clock.h"
#include "evidence/fields.h"
#include "evidence/sum_private.h"

enum { UNWATCHED_LISTED_MAX = 2000, COPIES_LISTED_MAX = 200 };

struct tally {
	uint64_t segments[SUM_COLUMN_COUNT], bytes[SUM_COLUMN_COUNT];
	int64_t oldest_us, newest_us; /* starts; 0: none */
};

/* What is in a column for one reason. */
struct detail {
	uint8_t column, why, who;
	uint64_t segments, bytes;
	int64_t longest_us;
	int64_t oldest_us, newest_us;
	const struct segment_record *example;
};

struct details {
	struct detail *list;
	size_t count, room;
};

static void put_number(json_t *object, const char *key, uint64_t value) {
	(void)json_object_set_new(object, key, json_integer((json_int_t)value));
}

static json_t *tally_json(const struct sum *sum, const struct tally *tally) {
	json_t *object = json_object(), *bytes = json_object();
	uint64_t segments = 0, all_bytes = 0;
	for (int i = 0; i < SUM_COLUMN_COUNT; i++) {
		segments += tally->segments[i];
		all_bytes += tally->bytes[i];
	}
	put_number(object, "recorded", segments);
	put_number(bytes, "recorded", all_bytes);
	for (int i = 0; i < SUM_COLUMN_COUNT; i++) {
		put_number(object, sum_column_name((enum sum_column)i), tally->segments[i]);
		put_number(bytes, sum_column_name((enum sum_column)i), tally->bytes[i]);
	}
	(void)json_object_set_new(object, "bytes", bytes);
	field_put_time(object, "oldest", tally->oldest_us, sum->request.zone);
	field_put_time(object, "newest", tally->newest_us, sum->request.zone);
	return object;
}

static void tally_add(struct tally *total, const struct tally *more) {
	for (int i = 0; i < SUM_COLUMN_COUNT; i++) {
		total->segments[i] += more->segments[i];
		total->bytes[i] += more->bytes[i];
	}
	if (more->oldest_us != 0 && (total->oldest_us == 0 || more->oldest_us < total->oldest_us))
		total->oldest_us = more->oldest_us;
	if (more->newest_us > total->newest_us)
		total->newest_us = more->newest_us;
}

static int64_t late_by(const struct sum *sum, const struct segment_record *record) {
	if (record->due_us == 0 || (record->column != SUM_LATE && record->column != SUM_OVERDUE))
		return 0;
	return (record->column == SUM_LATE ? record->gone_us : sum->request.now_us) - record->due_us;
}

static bool details_add(const struct sum *sum, struct details *details, const struct segment_record *record) {
	uint8_t who = record->why == WHY_WHO ? record->who : 0;
	struct detail *detail = NULL;
	for (size_t i = details->count; detail == NULL && i > 0; i--) {
		struct detail *known = &details->list[i - 1];
		if (known->column == record->column && known->why == record->why && known->who == who)
			detail = known;
	}
	if (detail == NULL) {
		if (!array_room(&details->list, &details->room, details->count, sizeof *details->list))
			return false;
		detail = &details->list[details->count++];
		*detail = (struct detail){
		    .column = record->column, .why = record->why, .who = who, .oldest_us = record->start_us, .example = record};
	}
	int64_t late_us = late_by(sum, record);
	detail->segments++;
	detail->bytes += record->bytes;
	detail->longest_us = late_us > detail->longest_us ? late_us : detail->longest_us;
	detail->newest_us = record->start_us;
	return true;
}

static int by_column(const void *a, const void *b) {
	const struct detail *first = a, *second = b;
	if (first->column != second->column)
		return first->column < second->column ? -1 : 1;
	return first->segments > second->segments ? -1 : first->segments < second->segments;
}

static void details_tell(const struct sum *sum, const char *camera, struct details *details, json_t *list) {
	if (details->count > 1)
		qsort(details->list, details->count, sizeof *details->list, by_column);
	for (size_t i = 0; i < details->count; i++) {
		const struct detail *detail = &details->list[i];
		json_t *object = json_object();
		(void)json_object_set_new(object, "camera", json_string(camera));
		(void)json_object_set_new(object, "column", json_string(sum_column_name((enum sum_column)detail->column)));
		(void)json_object_set_new(object, "reason", json_string(sum_why_name(sum, detail->example)));
		(void)json_object_set_new(object, "text", json_string(sum_why_text(sum, detail->example)));
		put_number(object, "segments", detail->segments);
		put_number(object, "bytes", detail->bytes);
		(void)json_object_set_new(object, "longest_seconds", json_integer(detail->longest_us / US_PER_SECOND));
		field_put_time(object, "oldest", detail->oldest_us, sum->request.zone);
		field_put_time(object, "newest", detail->newest_us, sum->request.zone);
		(void)json_array_append_new(list, object);
	}
}

static void name_put(const struct sum *sum, json_t *object, const struct segment_record *record) {
	const char *name = segment_table_name(&sum->table, record);
	if (name[0] != '\0')
		(void)!audit_set_bytes(object, "path", text_of(name));
}

static void segment_tell(const struct sum *sum, const char *camera, const struct segment_record *record, json_t *list) {
	json_t *object = json_object();
	(void)json_object_set_new(object, "camera", json_string(camera));
	(void)json_object_set_new(object, "column", json_string(sum_column_name((enum sum_column)record->column)));
	(void)json_object_set_new(object, "reason", json_string(sum_why_name(sum, record)));
	field_put_time(object, "start", record->start_us, sum->request.zone);
	(void)json_object_set_new(object, "start_us", json_integer(record->start_us));
	name_put(sum, object, record);
	put_number(object, "bytes", record->bytes);
	field_put_time(object, "due", record->due_us, sum->request.zone);
	field_put_time(object, "gone",
	    record->column == SUM_HELD || record->column == SUM_OVERDUE || record->column == SUM_KEPT ? 0 : record->gone_us,
	    sum->request.zone);
	(void)json_array_append_new(list, object);
}

/* ---- copies: the same fingerprint more than once ---- */

struct print {
	uint64_t fingerprint;
	uint32_t camera;
	uint32_t record;
	int64_t seen_us;
};

static int by_print(const void *a, const void *b) {
	const struct print *first = a, *second = b;
	if (first->fingerprint != second->fingerprint)
		return first->fingerprint < second->fingerprint ? -1 : 1;
	if (first->seen_us != second->seen_us)
		return first->seen_us < second->seen_us ? -1 : 1;
	return first->record < second->record ? -1 : first->record > second->record;
}

static size_t prints_collect(const struct sum *sum, struct print *prints) {
	size_t count = 0;
	for (size_t i = 0; i < sum->table.camera_count; i++) {
		const struct segment_camera *camera = &sum->table.cameras[i];
		for (size_t j = 0; j < camera->count; j++) {
			const struct segment_record *record = &camera->records[j];
			if (record->fingerprint == 0 || record->bytes == 0)
				continue;
			if (prints != NULL)
				prints[count] = (struct print){.fingerprint = record->fingerprint,
				    .camera = (uint32_t)i,
				    .record = (uint32_t)j,
				    .seen_us = record->seen_us == 0 ? INT64_MAX : record->seen_us};
			count++;
		}
	}
	return count;
}

static json_t *print_json(const struct sum *sum, const struct print *print) {
	const struct segment_camera *camera = &sum->table.cameras[print->camera];
	const struct segment_record *record = &camera->records[print->record];
	json_t *object = json_object();
	(void)json_object_set_new(object, "camera", json_string(camera->name));
	field_put_time(object, "start", record->start_us, sum->request.zone);
	name_put(sum, object, record);
	(void)json_object_set_new(object, "column", json_string(sum_column_name((enum sum_column)record->column)));
	return object;
}

static void copies_tell(const struct sum *sum, json_t *result) {
	size_t count = prints_collect(sum, NULL), copies = 0;
	json_t *list = json_array();
	struct print *prints = count == 0 ? NULL : calloc(count, sizeof *prints);
	if (prints != NULL) {
		(void)prints_collect(sum, prints);
		qsort(prints, count, sizeof *prints, by_print);
	}
	for (size_t i = 1, first = 0; prints != NULL && i < count; i++) {
		if (prints[i].fingerprint != prints[first].fingerprint) {
			first = i;
			continue;
		}
		copies++;
		if (json_array_size(list) >= COPIES_LISTED_MAX)
			continue;
		json_t *copy = print_json(sum, &prints[i]);
		(void)json_object_set_new(copy, "same_as", print_json(sum, &prints[first]));
		(void)json_array_append_new(list, copy);
	}
	free(prints);
	put_number(result, "copies", copies);
	(void)json_object_set_new(result, "copies_listed", list);
}

/* ---- when nobody watched ---- */

static int64_t within(const struct sum *sum, int64_t us) {
	int64_t from_us = sum->request.span.from_us, to_us = sum->request.now_us;
	return us < from_us ? from_us : us > to_us ? to_us : us;
}

static bool asked_for(const struct sum *sum, const struct period *period) {
	if (sum->request.cameras == NULL || period->root == NULL)
		return true;
	size_t i;
	json_t *name;
	json_array_foreach(sum->request.cameras, i, name) {
		if (json_is_string(name) && period_concerns(period, json_string_value(name)))
			return true;
	}
	return false;
}

/* From the span's beginning to now: until then its footage is there or goes. */
static json_t *unwatched(const struct sum *sum, uint64_t *ret_more) {
	json_t *list = json_array();
	*ret_more = sum->history.left_out;
	for (size_t i = 0; i < sum->history.count; i++) {
		const struct period *period = &sum->history.periods[i];
		if (!period_is_unwatched(period) || period->to_us < sum->request.span.from_us ||
		    period->from_us > sum->request.now_us || !asked_for(sum, period))
			continue;
		/* Recorded after it: nothing of this span is touched by a log that began later. */
		if ((period->kind == PERIOD_BEFORE || period->kind == PERIOD_CRASH) &&
		    period->from_us >= sum->request.span.to_us)
			continue;
		if (json_array_size(list) >= UNWATCHED_LISTED_MAX) {
			(*ret_more)++;
			continue;
		}
		json_t *object = json_object();
		(void)json_object_set_new(object, "root", period->root != NULL ? json_string(period->root) : json_null());
		(void)json_object_set_new(object, "reason", json_string(period_name(period->kind)));
		(void)json_object_set_new(object, "text", json_string(period_sentence(period->kind)));
		field_put_time(object, "from", within(sum, period->from_us), sum->request.zone);
		field_put_time(object, "to", within(sum, period->to_us), sum->request.zone);
		(void)json_object_set_new(object, "seconds",
		    json_integer((within(sum, period->to_us) - within(sum, period->from_us)) / US_PER_SECOND));
		(void)json_object_set_new(object, "lasts", json_boolean(period->to_us == INT64_MAX));
		if (period->reason != NULL)
			(void)json_object_set_new(object, "said", json_string(period->reason));
		put_number(object, "entry", period->sequence);
		(void)json_array_append_new(list, object);
	}
	return list;
}

static bool camera_tell(
    const struct sum *sum, const struct segment_camera *camera, struct tally *total, json_t *result) {
	struct tally tally = {0};
	struct details details = {0};
	bool whole = true;
	for (size_t i = 0; whole && i < camera->count; i++) {
		const struct segment_record *record = &camera->records[i];
		tally.segments[record->column]++;
		tally.bytes[record->column] += record->bytes;
		tally.newest_us = record->start_us;
		if (tally.oldest_us == 0)
			tally.oldest_us = record->start_us;
		whole = details_add(sum, &details, record);
		if (sum->request.with_segments)
			segment_tell(sum, camera->name, record, json_object_get(result, "segments"));
	}
	json_t *object = tally_json(sum, &tally);
	json_t *row = json_object();
	(void)json_object_set_new(row, "camera", json_string(camera->name));
	(void)json_object_update(row, object);
	json_decref(object);
	(void)json_array_append_new(json_object_get(result, "cameras"), row);
	details_tell(sum, camera->name, &details, json_object_get(result, "details"));
	tally_add(total, &tally);
	free(details.list);
	return whole;
}

static int by_camera_name(const void *a, const void *b) {
	return strcmp(((const struct segment_camera *)a)->name, ((const struct segment_camera *)b)->name);
}

json_t *sum_result(struct sum *sum) {
	struct tally total = {0};
	uint64_t more = 0;
	sum_judge(sum);
	if (sum->table.camera_count > 1)
		qsort(sum->table.cameras, sum->table.camera_count, sizeof *sum->table.cameras, by_camera_name);
	sum->table.last = sum->table.camera_count;
	json_t *result = json_pack("{s:[], s:{}, s:[]}", "cameras", "total", "details");
	bool whole = result != NULL;
	if (whole && sum->request.with_segments)
		(void)json_object_set_new(result, "segments", json_array());
	for (size_t i = 0; whole && i < sum->table.camera_count; i++)
		whole = camera_tell(sum, &sum->table.cameras[i], &total, result);
	if (!whole) {
		json_decref(result);
		return NULL;
	}
	(void)json_object_set_new(result, "total", tally_json(sum, &total));
	(void)json_object_set_new(result, "unwatched", unwatched(sum, &more));
	put_number(result, "unwatched_more", more);
	put_number(result, "again", sum->again);
	put_number(result, "decided_anew", sum->moved);
	copies_tell(sum, result);
	(void)json_object_set_new(
	    result, "finding", json_boolean(total.segments[SUM_OVERDUE] > 0 || total.segments[SUM_UNACCOUNTABLE] > 0));
	return result;
}

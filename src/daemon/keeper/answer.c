/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Building answers: times in both clocks, names as bytes, numbers for people. */
#include "answer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/entry.h"
#include "audit/writer.h"
#include "base/array.h"
#include "base/clock.h"
#include "base/descriptor.h"
#include "base/duration.h"
#include "base/zone.h"
#include "control.h"
#include "keeper.h"
#include "record.h"
#include "roots.h"

enum { CAMERAS_LISTED_MAX = 65536, KEYS_BYTES_MAX = 1 << 20 };

json_t *answer_new(void) {
	return json_pack("{s:i}", "schema", 1);
}

const struct zone *answer_zone(struct keeper *keeper) {
	return roots_count(keeper) > 0 ? roots_get(keeper, 0)->zone : zone_shared("UTC");
}

void answer_time(struct keeper *keeper, json_t *object, const char *key, int64_t wall_us, const struct zone *zone) {
	char local_key[64], utc[40], local[48];
	snprintf(local_key, sizeof(local_key), "%s_local", key);
	if (wall_us == 0 || wall_us == INT64_MAX || wall_us == INT64_MIN) {
		json_object_set_new(object, key, json_null());
		json_object_set_new(object, local_key, json_null());
		return;
	}
	int64_t second = wall_us - wall_us % US_PER_SECOND;
	time_format_utc(second, utc, sizeof(utc));
	time_format_local(zone ? zone : answer_zone(keeper), second, local, sizeof(local));
	json_object_set_new(object, key, json_string(utc));
	json_object_set_new(object, local_key, json_string(local));
}

void answer_integer(json_t *object, const char *key, uint64_t value) {
	json_object_set_new(object, key, json_integer((json_int_t)value));
}

void answer_text(json_t *object, const char *key, const char *text) {
	if (text)
		(void)!audit_set_bytes(object, key, text_of(text));
	else
		json_object_set_new(object, key, json_null());
}

void answer_duration(json_t *object, const char *key, const struct duration *duration) {
	char text[64];
	duration_format(duration, text, sizeof(text));
	json_object_set_new(object, key, json_string(text));
}

void answer_say(json_t *list, const char *format, ...) {
	char text[1024];
	va_list arguments;
	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	json_t *holder = json_object();
	if (holder && audit_set_bytes(holder, "text", text_of(text)) == 0)
		json_array_append(list, json_object_get(holder, "text"));
	json_decref(holder);
}

void answer_moment(struct keeper *keeper, int64_t wall_us, const struct zone *zone, char *text, size_t room) {
	static const char *const MONTHS[] = {
	    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	struct local_time local;
	zone_to_local(zone ? zone : answer_zone(keeper), wall_us, &local, NULL);
	snprintf(text, room, "%d %s %04d %02d:%02d", local.day, MONTHS[(local.month - 1) % 12], local.year, local.hour,
	    local.minute);
}

void answer_span(struct keeper *keeper, json_t *object, const char *key, struct span span, const struct zone *zone) {
	json_t *value = json_object();
	if (!value)
		return;
	if (!zone)
		zone = answer_zone(keeper);
	answer_time(keeper, value, "from", span.from_us, zone);
	answer_time(keeper, value, "to", span.to_us, zone);
	json_object_set_new(value, "zone", json_string(zone_name(zone)));
	json_object_set_new(object, key, value);
}

struct camera_collection {
	struct camera_row *list;
	size_t count, room;
};

static int camera_collect(const struct camera_row *row, void *context) {
	struct camera_collection *all = context;
	if (all->count == CAMERAS_LISTED_MAX)
		return -E2BIG;
	if (!array_room(&all->list, &all->room, all->count, sizeof(*all->list)))
		return -ENOMEM;
	all->list[all->count++] = *row;
	return 0;
}

static int camera_order(const void *a, const void *b) {
	const struct camera_row *left = a, *right = b;
	int order = strcmp(left->root_name, right->root_name);
	return order != 0 ? order : strcmp(left->name, right->name);
}

int cameras_load(struct keeper *keeper, struct camera_row **ret_list, size_t *ret_count) {
	struct camera_collection all = {0};
	int error = index_cameras(keeper->index, camera_collect, &all);
	if (error < 0) {
		free(all.list);
		return error;
	}
	/* A root that left the configuration leaves its rows in the cache; nothing is said of it. */
	size_t kept = 0;
	for (size_t i = 0; i < all.count; i++)
		if (roots_by_id(keeper, all.list[i].root))
			all.list[kept++] = all.list[i];
	if (kept > 0)
		qsort(all.list, kept, sizeof(*all.list), camera_order);
	*ret_list = all.list;
	*ret_count = kept;
	return 0;
}

void camera_full_name(const struct camera_row *camera, char full[CAMERA_FULL_BYTES]) {
	snprintf(full, CAMERA_FULL_BYTES, "%s/%s", camera->root_name, camera->name);
}

const struct zone *camera_zone(struct keeper *keeper, const struct camera_row *camera) {
	const struct root *root = roots_by_id(keeper, camera->root);
	return root ? root->zone : answer_zone(keeper);
}

void answer_index_error(struct request *request, int error) {
	request_fail(request, CONTROL_INTERNAL, "index", "the index cannot be read: %s", strerror(-error));
}

void answer_log_keys(struct keeper *keeper, json_t *object) {
	char *keys = NULL;
	size_t length = 0;
	struct audit_writer *writer = record_writer(keeper);
	if (descriptor_read_file(keeper->state_fd, "log.vkeys", KEYS_BYTES_MAX, &keys, &length) < 0)
		keys = NULL;
	answer_text(object, "origin", audit_writer_origin(writer));
	answer_text(object, "keys", keys != NULL ? keys : audit_writer_vkey(writer));
	free(keys);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading the parameters of a request; what is wrong is answered with what to write instead. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "audit/entry.h"
#include "base/clock.h"
#include "base/distance.h"
#include "base/zone.h"
#include "control.h"
#include "hold.h"
#include "keeper.h"
#include "roots.h"

enum { PARAM_BYTES_MAX = 4096 };

bool param_text(struct request *request, const json_t *params, const char *key, bool required, const char **ret_text) {
	const json_t *value = json_object_get(params, key);
	*ret_text = NULL;
	if (!value || json_is_null(value)) {
		if (required)
			request_fail(request, CONTROL_PARAMS, "missing", "'%s' is missing", key);
		return !required;
	}
	if (!json_is_string(value) || json_string_length(value) == 0 || json_string_length(value) > PARAM_BYTES_MAX ||
	    strlen(json_string_value(value)) != json_string_length(value)) {
		request_fail(request, CONTROL_PARAMS, "malformed", "'%s' must be a text of 1 to 4,096 bytes", key);
		return false;
	}
	*ret_text = json_string_value(value);
	return true;
}

bool param_flag(const json_t *params, const char *key) {
	return json_is_true(json_object_get(params, key));
}

bool param_integer(
    struct request *request, const json_t *params, const char *key, int64_t least, int64_t most, int64_t *value) {
	const json_t *given = json_object_get(params, key);
	if (!given || json_is_null(given))
		return true;
	if (!json_is_integer(given) || json_integer_value(given) < least || json_integer_value(given) > most) {
		request_fail(request, CONTROL_PARAMS, "malformed", "'%s' must be a number from %" PRId64 " to %" PRId64, key,
		    least, most);
		return false;
	}
	*value = json_integer_value(given);
	return true;
}

/* True if `given` is how this name is shown: names that are not UTF-8 can only be given so. */
static bool shown_as(const char *name, const char *given) {
	if (strcmp(name, given) == 0)
		return true;
	json_t *holder = json_object();
	bool same = holder && audit_set_bytes(holder, "name", text_of(name)) == 0 &&
	            strcmp(json_string_value(json_object_get(holder, "name")), given) == 0;
	json_decref(holder);
	return same;
}

static bool camera_is(const struct camera_row *camera, const char *given) {
	char full[CAMERA_FULL_BYTES];
	camera_full_name(camera, full);
	return shown_as(full, given) || shown_as(camera->name, given);
}

/* The number of cameras that are meant; the first in ret_found, their names in `text`. A full name that fits exactly
 * wins. */
static size_t cameras_match(const struct camera_row *list, size_t count, const char *given,
    const struct camera_row **ret_found, char *text, size_t room) {
	char full[CAMERA_FULL_BYTES];
	size_t found = 0, used = 0;
	text[0] = '\0';
	for (size_t i = 0; i < count; i++) {
		camera_full_name(&list[i], full);
		if (strcmp(full, given) == 0) {
			*ret_found = &list[i];
			return 1;
		}
		if (!camera_is(&list[i], given))
			continue;
		if (found++ == 0)
			*ret_found = &list[i];
		if (used < room)
			used += (size_t)snprintf(text + used, room - used, "%s%s", used > 0 ? ", " : "", full);
	}
	return found;
}

static void camera_unknown(
    struct request *request, const struct camera_row *list, size_t count, const char *given, bool may_be_future) {
	const char *nearest = NULL;
	unsigned least = 3;
	for (size_t i = 0; i < count; i++) {
		unsigned distance = word_distance(given, list[i].name);
		if (distance < least) {
			least = distance;
			nearest = list[i].name;
		}
	}
	request_fail(request, CONTROL_NOT_FOUND, "camera", "no camera '%s' has been seen%s%s%s%s", given,
	    nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "",
	    may_be_future ? (nearest ? " For one that is still to come: --future-camera"
	                             : "; for one that is still to come: --future-camera")
	                  : (nearest ? "" : "; `retentionctl camera list` shows them"));
}

bool param_camera(struct keeper *keeper, struct request *request, const char *given, struct camera_row *ret_camera) {
	struct camera_row *list = NULL;
	size_t count = 0;
	int error = cameras_load(keeper, &list, &count);
	if (error < 0) {
		answer_index_error(request, error);
		return false;
	}
	const struct camera_row *found = NULL;
	char text[512];
	size_t matches = cameras_match(list, count, given, &found, text, sizeof(text));
	if (matches == 1)
		*ret_camera = *found;
	else if (matches > 1)
		request_fail(
		    request, CONTROL_PARAMS, "ambiguous_camera", "'%s' is the name of several cameras: %s", given, text);
	else
		camera_unknown(request, list, count, given, false);
	free(list);
	return matches == 1;
}

void camera_names_release(struct camera_names *names) {
	for (size_t i = 0; i < names->count; i++)
		free(names->names[i]);
	free(names->names);
	memset(names, 0, sizeof(*names));
}

static bool future_name(struct keeper *keeper, const char *given, char full[CAMERA_FULL_BYTES]) {
	const char *slash = strchr(given, '/');
	if (strlen(given) >= CAMERA_BYTES_MAX)
		return false;
	if (!slash && roots_count(keeper) == 1) {
		snprintf(full, CAMERA_FULL_BYTES, "%s/%s", roots_get(keeper, 0)->settings->name, given);
		return true;
	}
	char root[CAMERA_BYTES_MAX + 1] = "";
	if (slash && slash[1] != '\0')
		snprintf(root, sizeof(root), "%.*s", (int)(slash - given), given);
	snprintf(full, CAMERA_FULL_BYTES, "%s", given);
	return slash && slash[1] != '\0' && roots_by_name(keeper, root);
}

struct naming {
	struct keeper *keeper;
	struct request *request;
	const struct camera_row *list;
	size_t count;
	bool allow_future;
};

/* Resolves one name; false after answering. */
static bool name_add(const struct naming *naming, const char *given, struct camera_names *names) {
	const struct camera_row *found = NULL;
	char text[512], full[CAMERA_FULL_BYTES];
	size_t matches = cameras_match(naming->list, naming->count, given, &found, text, sizeof(text));
	if (matches > 1) {
		request_fail(naming->request, CONTROL_PARAMS, "ambiguous_camera", "'%s' is the name of several cameras: %s",
		    given, text);
		return false;
	}
	if (matches == 1) {
		camera_full_name(found, full);
	} else if (!naming->allow_future) {
		camera_unknown(naming->request, naming->list, naming->count, given, true);
		return false;
	} else if (!future_name(naming->keeper, given, full)) {
		request_fail(naming->request, CONTROL_PARAMS, "future_camera",
		    "a camera that is still to come is named ROOT/CAMERA; '%s' is not", given);
		return false;
	}
	for (size_t i = 0; i < names->count; i++)
		if (strcmp(names->names[i], full) == 0)
			return true;
	names->names[names->count] = strdup(full);
	if (!names->names[names->count]) {
		request_fail(naming->request, CONTROL_INTERNAL, "memory", "out of memory");
		return false;
	}
	names->count++;
	return true;
}

static bool names_all(const struct naming *naming, struct camera_names *names) {
	char full[CAMERA_FULL_BYTES];
	for (size_t i = 0; i < naming->count; i++) {
		camera_full_name(&naming->list[i], full);
		names->names[i] = strdup(full);
		if (!names->names[i]) {
			request_fail(naming->request, CONTROL_INTERNAL, "memory", "out of memory");
			return false;
		}
		names->count++;
	}
	return true;
}

static bool names_resolve(const struct naming *naming, const json_t *given, struct camera_names *names) {
	size_t wanted = json_is_array(given) ? json_array_size(given) : json_is_string(given) ? 1 : 0;
	names->all = wanted == 0;
	size_t room = names->all ? naming->count : wanted;
	if ((given && !json_is_string(given) && !json_is_array(given) && !json_is_null(given)) ||
	    (!names->all && wanted > HOLD_CAMERAS_MAX)) {
		request_fail(naming->request, CONTROL_PARAMS, "malformed",
		    "'camera' must be a name or a list of at most %d names", HOLD_CAMERAS_MAX);
		return false;
	}
	names->names = calloc(room + 1, sizeof(char *));
	names->count = 0;
	if (!names->names) {
		request_fail(naming->request, CONTROL_INTERNAL, "memory", "out of memory");
		return false;
	}
	if (names->all)
		return names_all(naming, names);
	for (size_t i = 0; i < wanted; i++) {
		const json_t *item = json_is_array(given) ? json_array_get(given, i) : given;
		const char *text = json_string_value(item);
		if (!text || text[0] == '\0' || strlen(text) != json_string_length(item)) {
			request_fail(naming->request, CONTROL_PARAMS, "malformed", "'camera' must be a name or a list of names");
			return false;
		}
		if (!name_add(naming, text, names))
			return false;
	}
	return true;
}

bool param_cameras(struct keeper *keeper, struct request *request, const json_t *params, bool allow_future,
    struct camera_names *ret_names) {
	struct camera_row *list = NULL;
	struct naming naming = {.keeper = keeper, .request = request, .allow_future = allow_future};
	int error = cameras_load(keeper, &list, &naming.count);
	if (error < 0) {
		answer_index_error(request, error);
		return false;
	}
	naming.list = list;
	memset(ret_names, 0, sizeof(*ret_names));
	bool done = names_resolve(&naming, json_object_get(params, "camera"), ret_names);
	if (!done)
		camera_names_release(ret_names);
	free(list);
	return done;
}

/* The zone of the root that "root/camera" names. */
static const struct zone *name_zone(struct keeper *keeper, const char *full) {
	char root[CAMERA_BYTES_MAX + 1];
	const char *slash = strchr(full, '/');
	snprintf(root, sizeof(root), "%.*s", slash ? (int)(slash - full) : 0, full);
	const struct root *found = roots_by_name(keeper, root);
	return found ? found->zone : answer_zone(keeper);
}

static bool span_fail(struct request *request, enum span_error error, const char *message) {
	const char *reason = error == SPAN_AMBIGUOUS ? "ambiguous_time"
	                     : error == SPAN_SKIPPED ? "skipped_time"
	                     : error == SPAN_EMPTY   ? "empty_span"
	                                             : "malformed_time";
	request_fail(request, CONTROL_PARAMS, reason, "%s", message);
	return false;
}

static enum span_error span_read(const json_t *params, const char *fallback, const struct zone *zone,
    struct span *ret_span, char *message, size_t room) {
	const char *at = json_string_value(json_object_get(params, "at"));
	const char *from = json_string_value(json_object_get(params, "from"));
	const char *to = json_string_value(json_object_get(params, "to"));
	int64_t now = clock_wall_us();
	if (at || (!from && !to))
		return span_parse(at ? at : fallback, zone, now, ret_span, message, room);
	struct span span = {.to_us = now};
	if (!from) {
		snprintf(message, room, "'to' without 'from'; write both, or 'at'");
		return SPAN_MALFORMED;
	}
	enum span_error error = span_parse_instant(from, zone, now, &span.from_us, message, room);
	if (error == SPAN_OK && to)
		error = span_parse_instant(to, zone, now, &span.to_us, message, room);
	if (error == SPAN_OK && span.to_us <= span.from_us) {
		snprintf(message, room, "the span ends before it begins");
		error = SPAN_EMPTY;
	}
	if (error == SPAN_OK)
		*ret_span = span;
	return error;
}

bool param_span(struct keeper *keeper, struct request *request, const json_t *params, const struct camera_names *names,
    const char *fallback, struct span *ret_span) {
	char message[512] = "";
	for (size_t i = 0; i < 3; i++) {
		static const char *const KEYS[] = {"at", "from", "to"};
		const json_t *value = json_object_get(params, KEYS[i]);
		if (value && (!json_is_string(value) || json_string_length(value) > 256)) {
			request_fail(request, CONTROL_PARAMS, "malformed",
			    "'%s' must be a text, such as \"2026-11-24 14:00..15:00\"", KEYS[i]);
			return false;
		}
	}
	if (!fallback && !json_object_get(params, "at") && !json_object_get(params, "from")) {
		request_fail(request, CONTROL_PARAMS, "missing", "which time? for example --at \"2026-11-24 14:00..15:00\"");
		return false;
	}
	struct span span;
	const struct zone *zone = names && names->count > 0 ? name_zone(keeper, names->names[0]) : answer_zone(keeper);
	enum span_error error = span_read(params, fallback, zone, &span, message, sizeof(message));
	if (error != SPAN_OK)
		return span_fail(request, error, message);
	for (size_t i = 1; names && i < names->count; i++) {
		struct span other;
		const struct zone *other_zone = name_zone(keeper, names->names[i]);
		if (other_zone == zone)
			continue;
		error = span_read(params, fallback, other_zone, &other, message, sizeof(message));
		if (error == SPAN_OK && (other.from_us != span.from_us || other.to_us != span.to_us)) {
			request_fail(request, CONTROL_PARAMS, "ambiguous_zone",
			    "these cameras are in different time zones (%s, %s); write the time with its offset, such as "
			    "2026-11-24T14:00Z",
			    zone_name(zone), zone_name(other_zone));
			return false;
		}
		if (error != SPAN_OK)
			return span_fail(request, error, message);
	}
	*ret_span = span;
	return true;
}

bool param_instant(
    struct keeper *keeper, struct request *request, const json_t *params, const char *key, int64_t *value) {
	const char *text;
	char message[512] = "";
	if (!param_text(request, params, key, false, &text))
		return false;
	if (!text)
		return true;
	enum span_error error =
	    span_parse_instant(text, answer_zone(keeper), clock_wall_us(), value, message, sizeof(message));
	return error == SPAN_OK || span_fail(request, error, message);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the methods have in common: reading parameters, naming cameras and times, building answers. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/span.h"
#include "index.h"

struct keeper;
struct request;
struct root;
struct zone;

/* "root/camera" and its NUL. */
enum { CAMERA_FULL_BYTES = 2 * CAMERA_BYTES_MAX + 2 };

/* A new answer with "schema": 1. */
json_t *answer_new(void);
/* Sets `key` to the time in UTC and key_local to the local clock's reading beside it; null for 0 and for never. `zone`
 * NULL: the box's. */
void answer_time(struct keeper *keeper, json_t *object, const char *key, int64_t wall_us, const struct zone *zone);
void answer_integer(json_t *object, const char *key, uint64_t value);
void answer_text(json_t *object, const char *key, const char *text); /* bytes; NULL is null */
/* The zone of the first root; "UTC" where there is none. */
const struct zone *answer_zone(struct keeper *keeper);
/* Appends a sentence to the array. */
void answer_say(json_t *list, const char *format, ...) PRINTF_LIKE(2, 3);
/* "24 Nov 2026 07:11" on the local clock. */
void answer_moment(struct keeper *keeper, int64_t wall_us, const struct zone *zone, char *text, size_t room);

/* Answers the request with "the index cannot be read" and why. */
void answer_index_error(struct request *request, int error);

/* All cameras of the index, sorted by root and name; the caller frees *ret_list. 0 or a negative errno. */
MUST_USE int cameras_load(struct keeper *keeper, struct camera_row **ret_list, size_t *ret_count);
void camera_full_name(const struct camera_row *camera, char full[CAMERA_FULL_BYTES]);
const struct zone *camera_zone(struct keeper *keeper, const struct camera_row *camera);

/*
 * Parameters. A function that returns false has answered the request with an error that says what to
 * write, and the caller returns at once.
 */
MUST_USE bool param_text(
    struct request *request, const json_t *params, const char *key, bool required, const char **ret_text);
MUST_USE bool param_flag(const json_t *params, const char *key);
/* Between least and most; `fallback` where it is not there. */
MUST_USE bool param_integer(
    struct request *request, const json_t *params, const char *key, int64_t least, int64_t most, int64_t *value);

/* One camera by "root/camera", or by its short name where only one root has it. */
MUST_USE bool param_camera(
    struct keeper *keeper, struct request *request, const char *given, struct camera_row *ret_camera);

/* Cameras that a request names ("camera": "x" or ["x", "y"]). */
struct camera_names {
	char **names; /* "root/camera" */
	size_t count;
	bool all; /* none was named: all that are known, and those to come */
};
void camera_names_release(struct camera_names *names);
/* With allow_future a name that no root has yet is taken ("root/camera", or short where there is one root). */
MUST_USE bool param_cameras(struct keeper *keeper, struct request *request, const json_t *params, bool allow_future,
    struct camera_names *ret_names);

/* "at", or "from" and "to", in the zone of the roots of these cameras; `fallback` (may be NULL) where neither is there.
 */
MUST_USE bool param_span(struct keeper *keeper, struct request *request, const json_t *params,
    const struct camera_names *names, const char *fallback, struct span *ret_span);
/* A point in time under `key`, in the box's zone; *value is kept where it is not there. */
MUST_USE bool param_instant(
    struct keeper *keeper, struct request *request, const json_t *params, const char *key, int64_t *value);
/* Sets "span": {"from", "from_local", "to", "to_local", "zone"}: what was understood, in both clocks. */
void answer_span(struct keeper *keeper, json_t *object, const char *key, struct span span, const struct zone *zone);
/* "P7D" as an object key. */
struct duration;
void answer_duration(json_t *object, const char *key, const struct duration *duration);
/* "origin" and "keys", the verifier keys of all epochs: what a reader verifies the log with. */
void answer_log_keys(struct keeper *keeper, json_t *object);

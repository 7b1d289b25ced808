/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Many segments of one camera in few bytes; keys in this order, [..] may be absent:
 *
 *   {"count":N,
 *    "first_us":T,             start of the first
 *    "last_ms":D               how long the last lasts
 *    [,"unit_us":U,"steps":L]  count-1 differences between starts, divided by U, their greatest common divisor
 *    [,"gaps_ms":L]            count-1 times from an end to the next start (below 0: overlap); absent: all 0
 *    ,"bytes":L | "bytes_total":N
 *    [,"sha256":["<43 characters>",…]]    base64 without padding, "" where unknown; absent: none known
 *    [,"names":["…"|{"b64":"…"},…]]      "" where camera and start give it; absent: all do; b64: not UTF-8
 *
 * L is a list of integers in which [V,R] stands for R times V: footage is regular, so that most lists
 * are one or two runs. Starts come back to the microsecond, ends to the millisecond.
 */
#include "audit/entry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "audit/base64.h"
#include "audit/utf8.h"

enum { HASH_BYTES = 32, HASH_TEXT_BYTES = 44, RUN_LEAST = 3 };

static const int64_t us_per_ms = 1000;

/* ---- lists with runs ---- */

typedef int (*run_function)(int64_t value, size_t repeat, void *context);

/* Calls `each` with the runs of the values; a run shorter than RUN_LEAST is given one by one. */
static int runs_each(const int64_t *values, size_t count, run_function each, void *context) {
	for (size_t at = 0; at < count;) {
		size_t repeat = 1;
		while (at + repeat < count && values[at + repeat] == values[at])
			repeat++;
		size_t step = repeat >= RUN_LEAST ? repeat : 1;
		if (each(values[at], step, context) < 0)
			return -ENOMEM;
		at += step;
	}
	return 0;
}

static size_t integer_width(int64_t value) {
	size_t width = value < 0 ? 2 : 1;
	for (; value > 9 || value < -9; value /= 10)
		width++;
	return width;
}

static int run_measure(int64_t value, size_t repeat, void *context) {
	size_t *bytes = context;
	*bytes += integer_width(value) + 1 + (repeat > 1 ? integer_width((int64_t)repeat) + 3 : 0);
	return 0;
}

static int run_append(int64_t value, size_t repeat, void *context) {
	json_t *item = repeat == 1 ? json_integer(value) : json_pack("[I,I]", (json_int_t)value, (json_int_t)repeat);
	return json_array_append_new(context, item);
}

json_t *audit_runs(const int64_t *values, size_t count) {
	json_t *list = json_array();
	if (list == NULL || runs_each(values, count, run_append, list) < 0) {
		json_decref(list);
		return NULL;
	}
	return list;
}

static int put_list(json_t *object, const char *key, const int64_t *values, size_t count) {
	json_t *list = audit_runs(values, count);
	return list == NULL || json_object_set_new(object, key, list) < 0 ? -ENOMEM : 0;
}

/* ---- the columns ---- */

struct columns {
	size_t count;
	int64_t unit_us;
	int64_t *steps; /* count - 1 */
	int64_t *gaps;  /* count - 1 */
	int64_t *bytes; /* count */
	int64_t last_ms;
	int64_t bytes_total;
	bool has_gaps, has_hashes, has_names;
};

static void columns_release(struct columns *columns) {
	free(columns->steps);
	free(columns->gaps);
	free(columns->bytes);
}

static int64_t to_ms(int64_t us) {
	return us >= 0 ? (us + us_per_ms / 2) / us_per_ms : -((-us + us_per_ms / 2) / us_per_ms);
}

static int64_t common_divisor(int64_t a, int64_t b) {
	while (b != 0) {
		int64_t rest = a % b;
		a = b;
		b = rest;
	}
	return a < 0 ? -a : a;
}

/* Far more than any footage, far less than what could overflow. */
static bool is_plausible(const struct audit_segment *segment) {
	const int64_t bound = INT64_MAX / 8;
	return segment->start_us > -bound && segment->start_us < bound && segment->end_us > -bound &&
	       segment->end_us < bound && segment->bytes < (uint64_t)INT64_MAX / AUDIT_SEGMENTS_MAX;
}

static bool columns_fill(struct columns *columns, const struct audit_segment *segments) {
	int64_t divisor = 0;
	for (size_t i = 0; i < columns->count; i++) {
		if (!is_plausible(&segments[i]))
			return false;
		columns->bytes[i] = (int64_t)segments[i].bytes;
		columns->bytes_total += columns->bytes[i];
		columns->has_hashes |= segments[i].sha256 != NULL;
		columns->has_names |= segments[i].name.length > 0;
		if (i + 1 == columns->count)
			break;
		columns->steps[i] = segments[i + 1].start_us - segments[i].start_us;
		columns->gaps[i] = to_ms(segments[i + 1].start_us - segments[i].end_us);
		columns->has_gaps |= columns->gaps[i] != 0;
		divisor = common_divisor(divisor, columns->steps[i]);
	}
	columns->unit_us = divisor == 0 ? 1 : divisor;
	for (size_t i = 0; i + 1 < columns->count; i++)
		columns->steps[i] /= columns->unit_us;
	const struct audit_segment *last = &segments[columns->count - 1];
	columns->last_ms = to_ms(last->end_us - last->start_us);
	return true;
}

static bool columns_make(const struct audit_segment *segments, size_t count, struct columns *ret_columns) {
	struct columns columns = {.count = count};
	columns.steps = calloc(count, sizeof *columns.steps);
	columns.gaps = calloc(count, sizeof *columns.gaps);
	columns.bytes = calloc(count, sizeof *columns.bytes);
	bool made =
	    columns.steps != NULL && columns.gaps != NULL && columns.bytes != NULL && columns_fill(&columns, segments);
	if (made)
		*ret_columns = columns;
	else
		columns_release(&columns);
	return made;
}

static int put_hashes(json_t *object, const struct audit_segment *segments, size_t count) {
	json_t *list = json_array();
	int result = json_object_set_new(object, "sha256", list);
	for (size_t i = 0; result == 0 && i < count; i++) {
		char text[HASH_TEXT_BYTES] = "";
		if (segments[i].sha256 != NULL)
			(void)sodium_bin2base64(
			    text, sizeof text, segments[i].sha256, HASH_BYTES, sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
		result = json_array_append_new(list, json_string(text));
	}
	return result;
}

static json_t *name_make(struct text name) {
	const char *data = name.length == 0 ? "" : name.data;
	if (utf8_valid_length(data, name.length) == name.length)
		return json_stringn(data, name.length);
	size_t room = sodium_base64_encoded_len(name.length, sodium_base64_VARIANT_ORIGINAL);
	char *text = malloc(room);
	if (text == NULL)
		return NULL;
	(void)sodium_bin2base64(text, room, (const unsigned char *)name.data, name.length, sodium_base64_VARIANT_ORIGINAL);
	json_t *encoded = json_pack("{s:s}", "b64", text);
	free(text);
	return encoded;
}

static int put_names(json_t *object, const struct audit_segment *segments, size_t count) {
	json_t *list = json_array();
	int result = json_object_set_new(object, "names", list);
	for (size_t i = 0; result == 0 && i < count; i++)
		result = json_array_append_new(list, name_make(segments[i].name));
	return result;
}

static int columns_put(
    json_t *object, const struct columns *columns, const struct audit_segment *segments, bool with_bytes) {
	size_t between = columns->count - 1;
	int result = json_object_set_new(object, "count", json_integer((json_int_t)columns->count));
	result |= json_object_set_new(object, "first_us", json_integer(segments[0].start_us));
	result |= json_object_set_new(object, "last_ms", json_integer(columns->last_ms));
	if (between > 0) {
		result |= json_object_set_new(object, "unit_us", json_integer(columns->unit_us));
		result |= put_list(object, "steps", columns->steps, between);
	}
	if (columns->has_gaps)
		result |= put_list(object, "gaps_ms", columns->gaps, between);
	result |= with_bytes ? put_list(object, "bytes", columns->bytes, columns->count)
	                     : json_object_set_new(object, "bytes_total", json_integer(columns->bytes_total));
	if (columns->has_hashes)
		result |= put_hashes(object, segments, columns->count);
	if (columns->has_names)
		result |= put_names(object, segments, columns->count);
	return result;
}

json_t *audit_segments(const struct audit_segment *segments, size_t count, bool with_bytes) {
	struct columns columns;
	if (count == 0 || count > AUDIT_SEGMENTS_MAX || !columns_make(segments, count, &columns))
		return NULL;
	json_t *object = json_object();
	if (object != NULL && columns_put(object, &columns, segments, with_bytes) != 0) {
		json_decref(object);
		object = NULL;
	}
	columns_release(&columns);
	return object;
}

/* ---- how many fit ---- */

/* Bytes of a name in JSON at most: each byte may become \u00xx. */
static size_t name_width(struct text name) {
	size_t width = 3;
	for (size_t i = 0; i < name.length; i++)
		width +=
		    (uint8_t)name.data[i] < 0x20 || name.data[i] == '"' || name.data[i] == '\\' || name.data[i] == 0x7f ? 6 : 1;
	bool valid = utf8_valid_length(name.length == 0 ? "" : name.data, name.length) == name.length;
	return valid ? width : sodium_base64_encoded_len(name.length, sodium_base64_VARIANT_ORIGINAL) + 12;
}

/* Bytes of the object at most; SIZE_MAX if it cannot be made. */
static size_t segments_bytes(const struct audit_segment *segments, size_t count, bool with_bytes) {
	/* Keys, punctuation and single numbers. */
	size_t bytes = 220;
	struct columns columns;
	if (!columns_make(segments, count, &columns))
		return SIZE_MAX;
	(void)runs_each(columns.steps, count - 1, run_measure, &bytes);
	if (columns.has_gaps)
		(void)runs_each(columns.gaps, count - 1, run_measure, &bytes);
	if (with_bytes)
		(void)runs_each(columns.bytes, count, run_measure, &bytes);
	for (size_t i = 0; i < count; i++) {
		bytes += !columns.has_hashes ? 0 : segments[i].sha256 == NULL ? 3 : HASH_TEXT_BYTES + 2;
		bytes += columns.has_names ? name_width(segments[i].name) : 0;
	}
	columns_release(&columns);
	return bytes;
}

size_t audit_segments_fit(const struct audit_segment *segments, size_t count, bool with_bytes) {
	if (count > AUDIT_SEGMENTS_MAX)
		count = AUDIT_SEGMENTS_MAX;
	if (count <= 1)
		return count;
	/* Doubling finds the range, halving the place in it. */
	size_t fits = 1;
	while (fits < count &&
	       segments_bytes(segments, fits * 2 < count ? fits * 2 : count, with_bytes) <= AUDIT_SEGMENTS_BYTES)
		fits = fits * 2 < count ? fits * 2 : count;
	size_t over = fits * 2 < count ? fits * 2 : count + (fits == count);
	while (over - fits > 1) {
		size_t middle = fits + (over - fits) / 2;
		if (segments_bytes(segments, middle, with_bytes) <= AUDIT_SEGMENTS_BYTES)
			fits = middle;
		else
			over = middle;
	}
	return fits;
}

/* ---- reading back ---- */

static bool read_integer(const json_t *object, const char *key, int64_t *ret_value) {
	const json_t *value = json_object_get(object, key);
	if (!json_is_integer(value))
		return false;
	*ret_value = json_integer_value(value);
	return true;
}

/* Exactly `count` values. */
static bool read_list(const json_t *list, int64_t *values, size_t count) {
	size_t used = 0;
	size_t index = 0;
	json_t *item = NULL;
	if (!json_is_array(list))
		return false;
	json_array_foreach(list, index, item) {
		bool is_run = json_is_array(item) && json_array_size(item) == 2;
		const json_t *value = is_run ? json_array_get(item, 0) : item;
		int64_t repeat = is_run ? json_integer_value(json_array_get(item, 1)) : 1;
		if (!json_is_integer(value) || repeat < 1 || (uint64_t)repeat > count - used)
			return false;
		for (int64_t i = 0; i < repeat; i++)
			values[used++] = json_integer_value(value);
	}
	return used == count;
}

static bool read_numbers(const json_t *object, struct columns *columns) {
	size_t between = columns->count - 1;
	if (between > 0 && (!read_integer(object, "unit_us", &columns->unit_us) || columns->unit_us < 1 ||
	                       !read_list(json_object_get(object, "steps"), columns->steps, between)))
		return false;
	const json_t *gaps = json_object_get(object, "gaps_ms");
	const json_t *bytes = json_object_get(object, "bytes");
	if ((gaps != NULL && !read_list(gaps, columns->gaps, between)) ||
	    (bytes != NULL && !read_list(bytes, columns->bytes, columns->count)))
		return false;
	columns->has_hashes = json_object_get(object, "sha256") != NULL;
	columns->has_names = json_object_get(object, "names") != NULL;
	bool hashes_fit = !columns->has_hashes || json_array_size(json_object_get(object, "sha256")) == columns->count;
	bool names_fit = !columns->has_names || json_array_size(json_object_get(object, "names")) == columns->count;
	return hashes_fit && names_fit && read_integer(object, "last_ms", &columns->last_ms);
}

static bool read_hash(const json_t *text, uint8_t hash[HASH_BYTES], struct audit_segment *segment) {
	size_t length = 0;
	if (!json_is_string(text))
		return false;
	if (json_string_length(text) == 0)
		return true;
	segment->sha256 = hash;
	struct text encoded = {json_string_value(text), json_string_length(text)};
	return base64_read(encoded, BASE64_BARE, hash, HASH_BYTES, &length) && length == HASH_BYTES;
}

/* ret_decoded: to be freed after use; NULL for a name that is text. */
static bool read_name(const json_t *value, struct text *ret_name, char **ret_decoded) {
	if (json_is_string(value)) {
		*ret_name = (struct text){json_string_value(value), json_string_length(value)};
		return true;
	}
	const json_t *encoded = json_object_get(value, "b64");
	if (!json_is_string(encoded))
		return false;
	struct text from = {json_string_value(encoded), json_string_length(encoded)};
	*ret_decoded = malloc(from.length + 1);
	ret_name->data = *ret_decoded;
	return *ret_decoded != NULL && base64_read(from, BASE64_PADDED, *ret_decoded, from.length, &ret_name->length);
}

/* Starts and ends; false where a number that we never write would overflow. */
static bool place_segment(const struct columns *columns, size_t i, struct audit_segment *segment, int64_t *next_us) {
	int64_t step = 0;
	int64_t length_us = 0;
	segment->start_us = *next_us;
	segment->bytes = (uint64_t)columns->bytes[i];
	if (columns->bytes[i] < 0)
		return false;
	if (i + 1 == columns->count)
		return !__builtin_mul_overflow(columns->last_ms, us_per_ms, &length_us) &&
		       !__builtin_add_overflow(segment->start_us, length_us, &segment->end_us);
	return !__builtin_mul_overflow(columns->steps[i], columns->unit_us, &step) &&
	       !__builtin_add_overflow(*next_us, step, next_us) &&
	       !__builtin_mul_overflow(columns->gaps[i], us_per_ms, &length_us) &&
	       !__builtin_sub_overflow(*next_us, length_us, &segment->end_us);
}

typedef void (*segment_function)(const struct audit_segment *segment, void *context);

static bool read_all(const json_t *object, const struct columns *columns, segment_function each, void *context) {
	int64_t next_us = 0;
	bool good = read_integer(object, "first_us", &next_us);
	for (size_t i = 0; good && i < columns->count; i++) {
		struct audit_segment segment = {0};
		uint8_t hash[HASH_BYTES];
		char *decoded = NULL;
		good = place_segment(columns, i, &segment, &next_us);
		if (good && columns->has_hashes)
			good = read_hash(json_array_get(json_object_get(object, "sha256"), i), hash, &segment);
		if (good && columns->has_names)
			good = read_name(json_array_get(json_object_get(object, "names"), i), &segment.name, &decoded);
		if (good && each != NULL)
			each(&segment, context);
		free(decoded);
	}
	return good;
}

int audit_segments_read(
    const json_t *object, void (*each)(const struct audit_segment *segment, void *context), void *context) {
	int64_t count = 0;
	if (!read_integer(object, "count", &count) || count < 1 || count > AUDIT_SEGMENTS_MAX)
		return -EBADMSG;
	struct columns columns = {.count = (size_t)count};
	columns.steps = calloc(columns.count, sizeof *columns.steps);
	columns.gaps = calloc(columns.count, sizeof *columns.gaps);
	columns.bytes = calloc(columns.count, sizeof *columns.bytes);
	int result = -ENOMEM;
	/* All is checked before the first is handed out. */
	if (columns.steps != NULL && columns.gaps != NULL && columns.bytes != NULL)
		result = read_numbers(object, &columns) && read_all(object, &columns, NULL, NULL) &&
		                 read_all(object, &columns, each, context)
		             ? (int)count
		             : -EBADMSG;
	columns_release(&columns);
	return result;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "evidence/access_report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "evidence/access_entry.h"
#include "evidence/fields.h"

/* Over these, what is new is counted under OTHERS. */
enum { PEOPLE_MAX = 2000, NAMES_MAX = 500, ROWS_MAX = 50000, DAYS_MAX = 4000, UNUSUAL_MAX = 5000, UNSEEN_MAX = 1000 };
static const char OTHERS[] = "(others)";

struct access_report {
	struct access_report_request request;
	json_t *people;   /* by name */
	json_t *rows;     /* by person, camera, purpose, hour */
	json_t *unusual;  /* list */
	json_t *recorder; /* by camera */
	json_t *cameras, *days;
	json_t *unseen;   /* list */
	json_t *programs; /* seen on footage before, in the whole log */
	uint64_t hours[24];
	uint64_t unusual_more;
	int64_t first_us; /* of the log's first access */
};

struct access_report *access_report_new(const struct access_report_request *request) {
	struct access_report *report = calloc(1, sizeof *report);
	if (report == NULL)
		return NULL;
	report->request = *request;
	json_t **const objects[] = {
	    &report->people, &report->rows, &report->recorder, &report->cameras, &report->days, &report->programs};
	bool made = true;
	for (size_t i = 0; i < ARRAY_LENGTH(objects); i++) {
		*objects[i] = json_object();
		made = made && *objects[i] != NULL;
	}
	report->unusual = json_array();
	report->unseen = json_array();
	if (!made || report->unusual == NULL || report->unseen == NULL)
		return access_report_free(report);
	return report;
}

struct access_report *access_report_free(struct access_report *report) {
	if (report == NULL)
		return NULL;
	json_t *const objects[] = {report->people, report->rows, report->recorder, report->cameras, report->days,
	    report->programs, report->unusual, report->unseen};
	for (size_t i = 0; i < ARRAY_LENGTH(objects); i++)
		json_decref(objects[i]);
	free(report);
	return NULL;
}

/* ---- counting under names ---- */

static void count_add(json_t *object, const char *key, uint64_t count, size_t most) {
	if (json_object_get(object, key) == NULL && json_object_size(object) >= most)
		key = OTHERS;
	int64_t now = json_integer_value(json_object_get(object, key));
	(void)json_object_set_new(object, key, json_integer(now + (json_int_t)count));
}

/* The object under this key, made where it is new. */
static json_t *object_at(json_t *object, const char *key, size_t most) {
	json_t *found = json_object_get(object, key);
	if (found == NULL && json_object_size(object) >= most) {
		key = OTHERS;
		found = json_object_get(object, key);
	}
	if (found == NULL) {
		found = json_object();
		(void)json_object_set_new(object, key, found);
	}
	return found;
}

static json_t *part_of(json_t *object, const char *key) {
	return object_at(object, key, SIZE_MAX);
}

static const char *or_none(const char *text, const char *none) {
	return text[0] != '\0' ? text : none;
}

static const char *kind_key(enum access_kind kind) {
	static const char *const keys[] = {"opens", "open_before", "denied", "requests"};
	return keys[kind];
}

/* ---- what is unusual ---- */

static bool in_span(const struct access_report *report, const struct access *access) {
	return access->last_us >= report->request.span.from_us && access->first_us < report->request.span.to_us;
}

static bool hour_is_usual(const struct access_report_request *request, int hour) {
	int from = request->usual_from, to = request->usual_to;
	return from <= to ? hour >= from && hour < to : hour >= from || hour < to;
}

static void reason_add(json_t *reasons, const char *reason) {
	(void)json_array_append_new(reasons, json_string(reason));
}

static json_t *reasons_of(struct access_report *report, const struct access *access, json_t *person, int hour) {
	json_t *reasons = json_array();
	bool learning = access->first_us - report->first_us < (int64_t)ACCESS_LEARNING_DAYS * US_PER_DAY;
	const json_t *addresses = json_object_get(person, "known_addresses");
	if (access->kind == ACCESS_KIND_DENIED)
		reason_add(reasons, "denied");
	if (access->of_footage && !hour_is_usual(&report->request, hour))
		reason_add(reasons, "outside_hours");
	if (access->held)
		reason_add(reasons, "held");
	if (access->of_footage && access->kind != ACCESS_KIND_DENIED && field_number(person, "known_denied") > 0)
		reason_add(reasons, "denied_before");
	if (access->of_footage && (access->program[0] == '\0' || !access->reliable))
		reason_add(reasons, "program_not_certain");
	else if (access->of_footage && !learning && json_object_get(report->programs, access->program) == NULL)
		reason_add(reasons, "new_program");
	if (access->of_footage && !learning && json_object_size(addresses) > 0 &&
	    json_object_get(addresses, or_none(access->address, "local")) == NULL)
		reason_add(reasons, "new_address");
	return reasons;
}

static void unusual_add(struct access_report *report, const struct access *access, json_t *reasons) {
	if (json_array_size(report->unusual) >= UNUSUAL_MAX) {
		report->unusual_more++;
		json_decref(reasons);
		return;
	}
	json_t *object = json_object();
	field_put_time(object, "time", access->first_us, report->request.zone);
	(void)json_object_set_new(object, "person", json_string(access->person));
	(void)json_object_set_new(object, "camera", json_string(access->camera));
	(void)json_object_set_new(object, "opens", json_integer((json_int_t)access->count));
	(void)json_object_set_new(object, "program", json_string(or_none(access->program, access->method)));
	(void)json_object_set_new(object, "address", json_string(access->address));
	(void)json_object_set_new(object, "reasons", reasons);
	(void)json_object_set_new(object, "entry", json_integer((json_int_t)access->sequence));
	(void)json_array_append_new(report->unusual, object);
}

/* ---- one access ---- */

static void day_name(const struct local_time *local, char text[16]) {
	(void)snprintf(
	    text, 16, "%04d-%02d-%02d", (int)(local->year % 10000), (int)(local->month % 100), (int)(local->day % 100));
}

/* What is known of the person and the programs before the next access. */
static void learn(struct access_report *report, const struct access *access, json_t *person, const char *day) {
	if (access->kind == ACCESS_KIND_DENIED)
		count_add(person, "known_denied", access->count, SIZE_MAX);
	if (!access->of_footage)
		return;
	if (access->program[0] != '\0')
		count_add(report->programs, access->program, 1, NAMES_MAX);
	count_add(part_of(person, "known_addresses"), or_none(access->address, "local"), 1, NAMES_MAX);
	if (access->kind == ACCESS_KIND_OPEN)
		count_add(part_of(person, "known_days"), day, access->count, DAYS_MAX);
}

static void row_add(struct access_report *report, const struct access *access, int hour) {
	char key[2 * ACCESS_CAMERA_BYTES], purpose[64];
	(void)snprintf(purpose, sizeof purpose, "%.60s", access->purpose);
	(void)snprintf(key, sizeof key, "%s\x1f%s\x1f%s\x1f%02d", access->person, access->camera, purpose, hour);
	bool full = json_object_size(report->rows) >= ROWS_MAX && json_object_get(report->rows, key) == NULL;
	json_t *row = object_at(report->rows, key, ROWS_MAX);
	if (json_object_get(row, "person") == NULL) {
		(void)json_object_set_new(row, "person", json_string(full ? OTHERS : access->person));
		(void)json_object_set_new(row, "camera", json_string(full ? OTHERS : access->camera));
		(void)json_object_set_new(row, "purpose", json_string(full ? OTHERS : purpose));
		(void)json_object_set_new(row, "hour", json_integer(hour));
		for (int kind = 0; kind <= ACCESS_KIND_REQUEST; kind++)
			(void)json_object_set_new(row, kind_key((enum access_kind)kind), json_integer(0));
	}
	count_add(row, kind_key(access->kind), access->count, SIZE_MAX);
}

static void person_add(const struct access *access, json_t *person, int hour, const char *day) {
	const struct {
		const char *key, *value;
	} parts[] = {
	    {"cameras", or_none(access->camera, "(none)")},
	    {"purposes", or_none(access->purpose, "(none stated)")},
	    {"programs", or_none(access->program, access->of_footage ? "(not known)" : "")},
	    {"addresses", or_none(access->address, "local")},
	    {"days", day},
	};
	char text[8];
	count_add(person, kind_key(access->kind), access->count, SIZE_MAX);
	if (access->held)
		count_add(person, "held_opens", access->count, SIZE_MAX);
	for (size_t i = 0; i < ARRAY_LENGTH(parts); i++)
		if (parts[i].value[0] != '\0')
			count_add(part_of(person, parts[i].key), parts[i].value, access->count, NAMES_MAX);
	(void)snprintf(text, sizeof text, "%02d", hour);
	count_add(part_of(person, "hours"), text, access->count, SIZE_MAX);
	if (json_object_get(person, "first_us") == NULL)
		(void)json_object_set_new(person, "first_us", json_integer(access->first_us));
	(void)json_object_set_new(person, "last_us", json_integer(access->last_us));
}

static bool is_wanted(const struct access_report *report, const struct access *access) {
	size_t i;
	json_t *name;
	if (report->request.person != NULL && strcmp(report->request.person, access->person) != 0)
		return false;
	if (report->request.cameras == NULL)
		return true;
	json_array_foreach(report->request.cameras, i, name) {
		if (json_is_string(name) && strcmp(json_string_value(name), access->camera) == 0)
			return true;
	}
	return false;
}

static void access_add(struct access_report *report, const struct access *access) {
	struct local_time local;
	char day[16];
	if (report->first_us == 0)
		report->first_us = access->first_us;
	zone_to_local(report->request.zone, access->first_us, &local, NULL);
	day_name(&local, day);
	json_t *person = object_at(report->people, access->person, PEOPLE_MAX);
	bool told = in_span(report, access) && is_wanted(report, access);
	if (told) {
		json_t *reasons = reasons_of(report, access, person, local.hour);
		if (json_array_size(reasons) > 0)
			unusual_add(report, access, reasons);
		else
			json_decref(reasons);
		person_add(access, person, local.hour, day);
		row_add(report, access, local.hour);
		if (access->of_footage && access->kind != ACCESS_KIND_DENIED) {
			report->hours[local.hour] += access->count;
			count_add(report->days, day, access->count, DAYS_MAX);
			count_add(report->cameras, or_none(access->camera, "(not recognised)"), access->count, NAMES_MAX);
		}
	}
	learn(report, access, person, day);
}

/* ---- when opens were not seen ---- */

static void unseen_add(
    struct access_report *report, const char *what, int64_t from_us, int64_t to_us, const json_t *entry) {
	if (from_us >= report->request.span.to_us || (to_us != 0 && to_us < report->request.span.from_us) ||
	    json_array_size(report->unseen) >= UNSEEN_MAX)
		return;
	json_t *object = json_object();
	(void)json_object_set_new(object, "what", json_string(what));
	(void)json_object_set_new(object, "root", json_string(field_text(entry, "root")));
	field_put_time(object, "from", from_us, report->request.zone);
	field_put_time(object, "to", to_us, report->request.zone);
	(void)json_object_set_new(object, "lost", json_integer(field_number(json_object_get(entry, "gap"), "lost")));
	(void)json_object_set_new(object, "entry", json_integer((json_int_t)entry_sequence(entry)));
	(void)json_array_append_new(report->unseen, object);
}

static void unseen(struct access_report *report, const json_t *entry) {
	const char *reason = field_text_at(entry, "event.reason");
	const json_t *gap = json_object_get(entry, "gap"), *opens = json_object_get(entry, "opens");
	if (entry_is(entry, AUDIT_COVERAGE)) {
		char text[300];
		const char *level = field_text_at(entry, "watch.to.level");
		if (strcmp(level, "permission") == 0)
			return; /* the best there is */
		(void)snprintf(
		    text, sizeof text, "from here on watched by: %.60s%s%.200s", level, reason[0] != '\0' ? "; " : "", reason);
		unseen_add(report, text, entry_time_us(entry), entry_time_us(entry), entry);
	} else if (json_is_object(opens) || strcmp(reason, "retentiond did not run") == 0) {
		const json_t *bounds = json_is_object(opens) ? opens : gap;
		unseen_add(report, reason, field_number(bounds, "from_us"), field_number(bounds, "to_us"), entry);
	} else if (strcmp(field_text(gap, "of"), "opens") == 0) {
		unseen_add(report, reason, field_number(gap, "from_us"), field_number(gap, "to_us"), entry);
	}
}

int access_report_entry(struct access_report *report, const json_t *entry) {
	struct access access;
	if (entry_sequence(entry) >= report->request.begun)
		return 0;
	if (entry_is(entry, AUDIT_GAP) || entry_is(entry, AUDIT_COVERAGE)) {
		unseen(report, entry);
		return 0;
	}
	if (!access_read(entry, &access))
		return 0;
	if (!access.recorder) {
		access_add(report, &access);
		return 0;
	}
	if (in_span(report, &access) && is_wanted(report, &access)) {
		json_t *row = object_at(report->recorder, or_none(access.camera, "(not recognised)"), NAMES_MAX);
		count_add(row, kind_key(access.kind), access.count, SIZE_MAX);
		count_add(row, "bytes", access.bytes, SIZE_MAX);
	}
	return 0;
}

/* ---- the result ---- */

static int by_value(const void *a, const void *b) {
	int64_t first = *(const int64_t *)a, second = *(const int64_t *)b;
	return first < second ? -1 : first > second;
}

static int64_t median(const json_t *days) {
	size_t count = 0;
	const char *day;
	json_t *value;
	int64_t *values = calloc(json_object_size(days) + 1, sizeof *values);
	if (values == NULL)
		return 0;
	json_object_foreach((json_t *)days, day, value) values[count++] = json_integer_value(value);
	qsort(values, count, sizeof *values, by_value);
	int64_t middle = count == 0 ? 0 : values[(count - 1) / 2];
	free(values);
	return middle;
}

/* Days of a person far over the median of all that the log knows of him. */
static void volume_tell(struct access_report *report, const char *name, const json_t *person) {
	const json_t *known = json_object_get(person, "known_days");
	int64_t usual = median(known);
	const char *day;
	json_t *value;
	if (json_object_size(known) < ACCESS_VOLUME_DAYS)
		return;
	json_object_foreach(json_object_get(person, "days"), day, value) {
		int64_t opens = json_integer_value(json_object_get(known, day));
		if (opens < ACCESS_VOLUME_LEAST || opens <= usual * ACCESS_VOLUME_TIMES ||
		    json_array_size(report->unusual) >= UNUSUAL_MAX)
			continue;
		json_t *object = json_pack("{s:s, s:s, s:s, s:s, s:I, s:s, s:s, s:[s], s:I, s:n}", "time", day, "time_local",
		    day, "person", name, "camera", "", "opens", (json_int_t)opens, "program", "", "address", "", "reasons",
		    "volume", "median_day", (json_int_t)usual, "entry");
		(void)json_array_append_new(report->unusual, object);
	}
}

static json_t *named_list(const json_t *object, const char *name_key) {
	json_t *list = json_array();
	const char *name;
	json_t *value;
	json_object_foreach((json_t *)object, name, value) {
		json_t *row = json_pack("{s:s}", name_key, name);
		if (json_is_object(value))
			(void)json_object_update(row, value);
		else
			(void)json_object_set(row, "opens", value);
		(void)json_array_append_new(list, row);
	}
	return list;
}

static json_t *people_list(struct access_report *report) {
	static const char *const hidden[] = {
	    "known_denied", "known_addresses", "known_days", "first_us", "last_us", "days", "hours"};
	json_t *list = json_array();
	const char *name;
	json_t *person;
	json_object_foreach(report->people, name, person) {
		if (json_object_get(person, "first_us") == NULL)
			continue;
		volume_tell(report, name, person);
		json_t *row = json_pack("{s:s}", "person", name);
		for (int kind = 0; kind <= ACCESS_KIND_REQUEST; kind++)
			(void)json_object_set_new(row, kind_key((enum access_kind)kind),
			    json_integer(field_number(person, kind_key((enum access_kind)kind))));
		field_put_time(row, "first", field_number(person, "first_us"), report->request.zone);
		field_put_time(row, "last", field_number(person, "last_us"), report->request.zone);
		json_t *rest = json_copy(person);
		for (size_t i = 0; i < ARRAY_LENGTH(hidden); i++)
			(void)json_object_del(rest, hidden[i]);
		(void)json_object_update_missing(row, rest);
		json_decref(rest);
		(void)json_object_set(row, "by_hour", json_object_get(person, "hours"));
		(void)json_array_append_new(list, row);
	}
	return list;
}

static json_t *rows_list(const struct access_report *report) {
	json_t *list = json_array();
	const char *key;
	json_t *row;
	json_object_foreach(report->rows, key, row)(void) json_array_append(list, row);
	return list;
}

json_t *access_report_result(struct access_report *report) {
	json_t *hours = json_array();
	for (size_t i = 0; i < ARRAY_LENGTH(report->hours); i++)
		(void)json_array_append_new(hours, json_integer((json_int_t)report->hours[i]));
	json_t *people = people_list(report);
	json_t *result = json_pack("{s:o, s:o, s:O, s:I, s:o, s:o, s:o, s:o, s:O}", "people", people, "rows",
	    rows_list(report), "unusual", report->unusual, "unusual_more", (json_int_t)report->unusual_more, "recorder",
	    named_list(report->recorder, "camera"), "hours", hours, "days", named_list(report->days, "day"), "cameras",
	    named_list(report->cameras, "camera"), "unseen", report->unseen);
	if (result != NULL)
		(void)json_object_set_new(
		    result, "usual_hours", json_sprintf("%02d..%02d", report->request.usual_from, report->request.usual_to));
	return result;
}

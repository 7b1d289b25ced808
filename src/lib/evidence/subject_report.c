/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "evidence/subject_report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/entry.h"
#include "base/clock.h"
#include "evidence/access_entry.h"
#include "evidence/fields.h"

enum { STAFF_MAX = 5000, ACCESSES_MAX = 5000, HOLDS_MAX = 500, ENDS_MAX = 4000 };

struct subject_report {
	struct subject_request request;
	json_t *staff;             /* person: number */
	json_t *accesses;          /* by day, person and purpose */
	json_t *holds;             /* by id */
	json_t *ends;              /* by day and kind: files */
	uint64_t programs, denied; /* opens by the recording system itself; attempts that were refused */
	uint64_t not_certain;      /* opens of the camera whose footage is not known */
};

struct subject_report *subject_report_new(const struct subject_request *request) {
	struct subject_report *report = calloc(1, sizeof *report);
	if (report == NULL)
		return NULL;
	report->request = *request;
	report->staff = json_object();
	report->accesses = json_object();
	report->holds = json_object();
	report->ends = json_object();
	if (report->staff == NULL || report->accesses == NULL || report->holds == NULL || report->ends == NULL)
		return subject_report_free(report);
	return report;
}

struct subject_report *subject_report_free(struct subject_report *report) {
	if (report == NULL)
		return NULL;
	json_decref(report->staff);
	json_decref(report->accesses);
	json_decref(report->holds);
	json_decref(report->ends);
	free(report);
	return NULL;
}

static bool is_meant(const struct subject_report *report, const char *camera) {
	size_t i;
	json_t *name;
	json_array_foreach(report->request.cameras, i, name) {
		if (json_is_string(name) && strcmp(json_string_value(name), camera) == 0)
			return true;
	}
	return false;
}

static bool touches(const struct subject_report *report, int64_t from_us, int64_t to_us) {
	return from_us < report->request.span.to_us &&
	       (to_us > from_us ? to_us : from_us + 1) > report->request.span.from_us;
}

static void day_of(const struct subject_report *report, int64_t at_us, char text[16]) {
	struct local_time local;
	zone_to_local(report->request.zone, at_us, &local, NULL);
	(void)snprintf(
	    text, 16, "%04d-%02d-%02d", (int)(local.year % 10000), (int)(local.month % 100), (int)(local.day % 100));
}

/* The number that stands for a person in this report. */
static json_int_t staff_number(struct subject_report *report, const char *person) {
	json_t *known = json_object_get(report->staff, person);
	if (known == NULL && json_object_size(report->staff) < STAFF_MAX) {
		known = json_integer((json_int_t)json_object_size(report->staff) + 1);
		(void)json_object_set_new(report->staff, person, known);
	}
	return known != NULL ? json_integer_value(known) : 0;
}

static const char *purpose_text(const char *purpose) {
	static const struct code_words purposes[] = {
	    {"incident_review", "looking into an incident"},
	    {"police_request", "a request of the police"},
	    {"judicial_order", "an order of the judicial authorities"},
	    {"subject_access", "answering a filmed person's request"},
	    {"audit", "an audit"},
	    {"maintenance", "maintenance of the system"},
	};
	const char *words = code_words_find(purposes, ARRAY_LENGTH(purposes), purpose);
	return words != NULL ? words : "no purpose was stated";
}

static void access_add(struct subject_report *report, const struct access *access) {
	char day[16], key[64];
	json_int_t number = staff_number(report, access->person);
	const char *purpose = purpose_text(access->purpose);
	day_of(report, access->first_us, day);
	(void)snprintf(key, sizeof key, "%s %lld %.30s", day, (long long)number, access->purpose);
	json_t *row = json_object_get(report->accesses, key);
	if (row == NULL && json_object_size(report->accesses) >= ACCESSES_MAX)
		return;
	if (row == NULL) {
		row = json_pack("{s:s, s:s, s:s, s:I}", "day", day, "who", "", "purpose", purpose, "times", (json_int_t)0);
		(void)json_object_set_new(row, "who",
		    number == 0 ? json_string("staff member (many)") : json_sprintf("staff member %lld", (long long)number));
		(void)json_object_set_new(report->accesses, key, row);
	}
	(void)json_object_set_new(row, "times", json_integer(field_number(row, "times") + (json_int_t)access->count));
}

static void access(struct subject_report *report, const struct access *found) {
	if (!found->of_footage || !is_meant(report, found->camera))
		return;
	if (found->footage_from_us == 0) {
		report->not_certain += found->count;
		return;
	}
	if (!touches(report, found->footage_from_us, found->footage_to_us))
		return;
	if (found->kind == ACCESS_KIND_DENIED)
		report->denied += found->count;
	else if (found->recorder)
		report->programs += found->count;
	else
		access_add(report, found);
}

/* ---- what became of it ---- */

struct ending {
	struct subject_report *report;
	int64_t files;
};

static void end_count(const struct audit_segment *segment, void *context) {
	struct ending *ending = context;
	ending->files += touches(ending->report, segment->start_us, segment->end_us) ? 1 : 0;
}

static void end_add(struct subject_report *report, const json_t *entry) {
	struct ending ending = {.report = report};
	char day[16], key[64];
	bool erased = entry_is(entry, AUDIT_DELETE);
	if (!is_meant(report, field_text(entry, "camera")) ||
	    audit_segments_read(json_object_get(entry, "segments"), end_count, &ending) < 0 || ending.files == 0)
		return;
	day_of(report, entry_time_us(entry), day);
	(void)snprintf(key, sizeof key, "%s %s", day, erased ? "erased" : "vanished");
	json_t *row = json_object_get(report->ends, key);
	if (row == NULL && json_object_size(report->ends) >= ENDS_MAX)
		return;
	if (row == NULL) {
		row = json_pack("{s:s, s:s, s:I}", "day", day, "what",
		    erased ? "erased when its time had come" : "deleted by others or vanished", "files", (json_int_t)0);
		(void)json_object_set_new(report->ends, key, row);
	}
	(void)json_object_set_new(row, "files", json_integer(field_number(row, "files") + ending.files));
}

static bool hold_is_meant(const struct subject_report *report, const json_t *hold) {
	size_t i;
	json_t *name;
	bool meant = json_is_true(json_object_get(hold, "all_cameras"));
	json_array_foreach(json_object_get(hold, "cameras"), i, name) {
		if (json_is_string(name))
			meant = meant || is_meant(report, json_string_value(name));
	}
	return meant && touches(report, field_number(hold, "from_us") - field_number(hold, "pre_roll_us"),
	                    field_number(hold, "to_us") + field_number(hold, "post_roll_us"));
}

/* Only that it was kept, from when to when, and the ground: a case is nobody's else. */
static void hold_add(struct subject_report *report, const json_t *entry) {
	const json_t *hold = json_object_get(entry, "hold");
	const char *id = field_text(hold, "id"), *kind = field_text(hold, "kind");
	json_t *row = json_object_get(report->holds, id);
	if (entry_is(entry, AUDIT_HOLD_RELEASED)) {
		if (row != NULL)
			field_put_time(row, "to", entry_time_us(entry), report->request.zone);
		return;
	}
	/* Kinds that may be confidential come with their own rules: only what is none of them is told. */
	if (strcmp(kind, "incident") != 0 || !hold_is_meant(report, hold)) {
		(void)json_object_del(report->holds, id);
		return;
	}
	if (row == NULL && json_object_size(report->holds) >= HOLDS_MAX)
		return;
	if (row == NULL) {
		row = json_object();
		field_put_time(row, "from", entry_time_us(entry), report->request.zone);
		field_put_time(row, "to", 0, report->request.zone);
		(void)json_object_set_new(report->holds, id, row);
	}
	(void)json_object_set_new(row, "ground", json_string("it helps to prove an incident or to identify somebody"));
}

int subject_report_entry(struct subject_report *report, const json_t *entry) {
	struct access found;
	if (entry_sequence(entry) >= report->request.begun)
		return 0;
	if (entry_is(entry, AUDIT_DELETE) || entry_is(entry, AUDIT_MISSING))
		end_add(report, entry);
	else if (entry_is(entry, AUDIT_HOLD_PLACED) || entry_is(entry, AUDIT_HOLD_CHANGED) ||
	         entry_is(entry, AUDIT_HOLD_RELEASED))
		hold_add(report, entry);
	else if (access_read(entry, &found))
		access(report, &found);
	return 0;
}

static json_t *values(const json_t *object) {
	json_t *list = json_array();
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)object, key, value)(void) json_array_append(list, value);
	return list;
}

json_t *subject_report_result(struct subject_report *report) {
	json_t *recipients = json_array();
	uint64_t times = 0;
	const char *key;
	json_t *row;
	json_object_foreach(report->accesses, key, row) times += (uint64_t)field_number(row, "times");
	(void)json_array_append_new(
	    recipients, json_pack("{s:s, s:I, s:I, s:b}", "category", "staff of the controller", "people",
	                    (json_int_t)json_object_size(report->staff), "times", (json_int_t)times, "outside", 0));
	(void)json_array_append_new(
	    recipients, json_pack("{s:s, s:n, s:I, s:b}", "category", "the recording system itself (no person)", "people",
	                    "times", (json_int_t)report->programs, "outside", 0));
	return json_pack("{s:O, s:o, s:o, s:o, s:o, s:I, s:I}", "cameras", (json_t *)report->request.cameras, "recipients",
	    recipients, "accesses", values(report->accesses), "holds", values(report->holds), "ends", values(report->ends),
	    "denied", (json_int_t)report->denied, "not_certain", (json_int_t)report->not_certain);
}

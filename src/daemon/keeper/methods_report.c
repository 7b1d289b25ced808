/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reports for auditors and for whoever answers filmed persons. Keeper gives facts: the folder of the
 * log, and what the index has now, camera by camera in pages; the client adds up.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "audit/entry.h"
#include "audit/writer.h"
#include "base/clock.h"
#include "base/descriptor.h"
#include "base/zone.h"
#include "control.h"
#include "domain/retention.h"
#include "expiry.h"
#include "footage.h"
#include "holds.h"
#include "keeper.h"
#include "observation.h"
#include "overview.h"
#include "record.h"
#include "reports.h"
#include "roots.h"
#include "timekeeping.h"

enum { REPORTS_MAX = 16, PAGE_SEGMENTS = 2000 };
#define REPORT_AGE_US (INT64_C(3600) * US_PER_SECOND)

/* A report that was begun: pages are read for it. */
struct report {
	uint64_t sequence; /* of its entry; 0: free */
	int64_t user_id;
	int64_t begun_us; /* boot clock */
	struct span span;
	struct camera_names names;
};

struct reports {
	struct report rows[REPORTS_MAX];
	size_t next;
};

void reports_close(struct keeper *keeper) {
	for (size_t i = 0; keeper->reports != NULL && i < REPORTS_MAX; i++)
		camera_names_release(&keeper->reports->rows[i].names);
	free(keeper->reports);
	keeper->reports = NULL;
}

/* ---- report.open ---- */

struct report_kind {
	const char *name;
	uint32_t roles;
};

static const struct report_kind KINDS[] = {
    {"retention", 1u << ROLE_AUDITOR},
    {"access", 1u << ROLE_PRIVACY | 1u << ROLE_AUDITOR},
    {"subject", 1u << ROLE_PRIVACY | 1u << ROLE_AUDITOR},
};

static const struct report_kind *kind_take(struct request *request, const json_t *params) {
	const char *given = NULL;
	if (!param_text(request, params, "kind", true, &given))
		return NULL;
	for (size_t i = 0; i < ARRAY_LENGTH(KINDS); i++) {
		if (strcmp(KINDS[i].name, given) != 0)
			continue;
		for (unsigned role = 0; role < ROLE_COUNT; role++)
			if ((KINDS[i].roles & (1u << role)) != 0 && request_has_role(request, (enum role)role))
				return &KINDS[i];
		request_fail(request, CONTROL_DENIED, "role", "the report '%s' is for the role auditor", given);
		return NULL;
	}
	request_fail(request, CONTROL_PARAMS, "malformed", "'kind' must be retention, access or subject, not '%s'", given);
	return NULL;
}

static json_t *names_json(const struct camera_names *names) {
	json_t *list = json_array();
	for (size_t i = 0; i < names->count; i++) {
		json_t *holder = json_object();
		answer_text(holder, "name", names->names[i]);
		(void)json_array_append(list, json_object_get(holder, "name"));
		json_decref(holder);
	}
	return list;
}

static json_t *entry_details(
    const char *kind, const json_t *params, const struct camera_names *names, struct span span) {
	static const char *const KEYS[] = {"person", "purpose", "case"};
	enum { NAMES_MAX = 40 };
	char from[40], to[40];
	time_format_utc(span.from_us, from, sizeof from);
	time_format_utc(span.to_us, to, sizeof to);
	json_t *report = json_pack("{s:s, s:s, s:s, s:I, s:I}", "kind", kind, "from", from, "to", to, "from_us",
	    (json_int_t)span.from_us, "to_us", (json_int_t)span.to_us);
	if (!names->all && names->count <= NAMES_MAX)
		(void)json_object_set_new(report, "cameras", names_json(names));
	else if (!names->all)
		answer_integer(report, "camera_count", names->count);
	for (size_t i = 0; i < ARRAY_LENGTH(KEYS); i++) {
		json_t *value = json_object_get(params, KEYS[i]);
		if (json_is_string(value) && json_string_length(value) <= 256)
			(void)json_object_set(report, KEYS[i], value);
	}
	return json_pack("{s:o}", "report", report);
}

/* The entry about this reading, durable. False after refusing. */
static bool report_recorded(struct keeper *keeper, struct request *request, json_t *details, uint64_t *ret_sequence) {
	struct audit_actor actor;
	request_actor(request, &actor);
	int error = record_append(keeper, AUDIT_REPORT, AUDIT_SUCCESS, NULL, &actor, details, ret_sequence);
	if (error >= 0)
		error = record_durable(keeper);
	if (error < 0)
		request_fail(request, CONTROL_REFUSED, "log_not_writable",
		    "each report is an entry, and the log cannot be written now (%s)", strerror(-error));
	else
		request_recorded(request);
	return error >= 0;
}

static bool remember(struct keeper *keeper, struct request *request, const struct report *report) {
	if (keeper->reports == NULL)
		keeper->reports = calloc(1, sizeof *keeper->reports);
	if (keeper->reports == NULL) {
		request_fail(request, CONTROL_INTERNAL, "memory", "out of memory");
		return false;
	}
	struct report *row = &keeper->reports->rows[keeper->reports->next++ % REPORTS_MAX];
	camera_names_release(&row->names);
	*row = *report;
	return true;
}

static bool names_include(const struct camera_names *names, const struct camera_row *camera) {
	char full[CAMERA_FULL_BYTES];
	camera_full_name(camera, full);
	for (size_t i = 0; i < names->count; i++)
		if (strcmp(names->names[i], full) == 0)
			return true;
	return names->all;
}

static void outside_add(struct keeper *keeper, json_t *list, const char *what, const char *whose, uint64_t files) {
	json_t *object = json_object();
	answer_text(object, "what", what);
	answer_text(object, "of", whose);
	answer_integer(object, "files", files);
	(void)json_object_set_new(object, "bytes", json_null());
	answer_time(keeper, object, "oldest", 0, NULL);
	(void)json_array_append_new(list, object);
}

static void outside_camera(
    struct keeper *keeper, const struct camera_row *camera, const struct retention_rule *rule, json_t *list) {
	char full[CAMERA_FULL_BYTES];
	const struct root *root = roots_by_id(keeper, camera->root);
	const char *what = root == NULL                                   ? "its root is no longer configured"
	                   : root->observe_only                           ? "another box's disk, only observed"
	                   : root->settings->mode == ROOT_OBSERVE         ? "only observed: nothing is deleted"
	                   : !rule->has_retention && camera->segments > 0 ? "no limit is set: it is kept"
	                                                                  : NULL;
	if (what == NULL || camera->segments == 0)
		return;
	camera_full_name(camera, full);
	outside_add(keeper, list, what, full, camera->segments);
	json_t *object = json_array_get(list, json_array_size(list) - 1);
	answer_integer(object, "bytes", camera->bytes);
	answer_time(keeper, object, "oldest", camera->oldest_us, camera_zone(keeper, camera));
}

/* The rule in force for each camera, and what is outside the promise. 0 or a negative errno. */
static int rules_and_outside(struct keeper *keeper, const struct camera_names *names, json_t *result) {
	struct camera_row *list = NULL;
	size_t count = 0;
	int error = cameras_load(keeper, &list, &count);
	json_t *rules = json_array(), *outside = json_array();
	for (size_t i = 0; error >= 0 && i < count; i++) {
		struct retention_rule rule;
		char full[CAMERA_FULL_BYTES];
		if (!names_include(names, &list[i]))
			continue;
		settings_rule_for(keeper->settings, list[i].root_name, list[i].name, &rule);
		camera_full_name(&list[i], full);
		json_t *row = json_object();
		answer_text(row, "camera", full);
		(void)json_object_set_new(row, "rule", overview_rule(&rule));
		(void)json_array_append_new(rules, row);
		outside_camera(keeper, &list[i], &rule, outside);
	}
	for (size_t i = 0; i < roots_count(keeper); i++) {
		const struct root *root = roots_get(keeper, i);
		if (root->foreign > 0)
			outside_add(keeper, outside, "not recognised: never deleted", root->settings->name, root->foreign);
	}
	free(list);
	(void)json_object_set_new(result, "rules", rules);
	(void)json_object_set_new(result, "outside", outside);
	return error < 0 ? error : 0;
}

static json_t *asked_json(struct keeper *keeper, const struct request *request, int64_t now_us) {
	struct audit_actor actor;
	const struct clock_verdict *clock = timekeeping_verdict(keeper);
	request_actor(request, &actor);
	json_t *object = json_object();
	answer_text(object, "user", actor.user_name);
	(void)json_object_set_new(object, "user_id", json_sprintf("%" PRId64, actor.user_id));
	answer_text(object, "role", actor.role);
	answer_time(keeper, object, "at", now_us, NULL);
	(void)json_object_set_new(object, "at_us", json_integer(now_us));
	answer_text(object, "clock", clock_level_name(clock->level));
	(void)json_object_set_new(object, "clock_trusted", json_boolean(clock->trusted));
	return object;
}

static json_t *open_answer(struct keeper *keeper, const struct request *request, const char *kind,
    const struct report *report, int64_t now_us) {
	int64_t interval_us = 0;
	(void)!duration_fixed_us(&keeper->settings->expiry_interval, &interval_us);
	json_t *result = answer_new();
	answer_text(result, "kind", kind);
	answer_integer(result, "report", report->sequence);
	answer_span(keeper, result, "span", report->span, NULL);
	(void)json_object_set_new(result, "from_us", json_integer(report->span.from_us));
	(void)json_object_set_new(result, "to_us", json_integer(report->span.to_us));
	if (!report->names.all)
		(void)json_object_set_new(result, "cameras", names_json(&report->names));
	answer_text(result, "zone", zone_name(answer_zone(keeper)));
	answer_integer(result, "interval_us", (uint64_t)interval_us);
	(void)json_object_set_new(result, "asked", asked_json(keeper, request, now_us));
	answer_text(result, "version", RETENTION_VERSION);
	answer_log_keys(keeper, result);
	answer_integer(result, "published", audit_writer_published(record_writer(keeper)));
	return result;
}

static void report_open_call(struct keeper *keeper, struct request *request, const json_t *params) {
	struct report report = {.begun_us = clock_boot_us()};
	struct audit_actor actor;
	const struct report_kind *kind = kind_take(request, params);
	if (kind == NULL || !param_cameras(keeper, request, params, false, &report.names))
		return;
	if (strcmp(kind->name, "subject") == 0 && report.names.all) {
		camera_names_release(&report.names);
		request_fail(request, CONTROL_PARAMS, "missing", "'camera' is missing: where was the person filmed?");
		return;
	}
	if (!param_span(keeper, request, params, report.names.all ? NULL : &report.names, NULL, &report.span)) {
		camera_names_release(&report.names);
		return;
	}
	bool retention = strcmp(kind->name, "retention") == 0;
	if (!retention)
		observation_settle(keeper); /* what stands before its own entry is in a report */
	if (!report_recorded(
	        keeper, request, entry_details(kind->name, params, &report.names, report.span), &report.sequence)) {
		camera_names_release(&report.names);
		return;
	}
	/* Without a new checkpoint an older one is read: said by its size. */
	(void)!record_publish(keeper);
	request_actor(request, &actor);
	report.user_id = actor.user_id;
	json_t *result = open_answer(keeper, request, kind->name, &report, clock_wall_us());
	int error = retention ? rules_and_outside(keeper, &report.names, result) : 0;
	if (error < 0) {
		json_decref(result);
		camera_names_release(&report.names);
		answer_index_error(request, error);
		return;
	}
	if (!retention)
		camera_names_release(&report.names);
	else if (!remember(keeper, request, &report)) {
		json_decref(result);
		camera_names_release(&report.names);
		return;
	}
	int folder = audit_writer_folder(record_writer(keeper));
	request_reply_descriptors(request, result, &folder, 1);
}

/* ---- report.facts ---- */

struct page {
	struct keeper *keeper;
	const struct camera_row *camera;
	int64_t after_start_us, after_ordinal; /* of the page before; -1: from the camera's first */
	struct segment_key last;
	struct audit_segment segments[PAGE_SEGMENTS];
	char *names[PAGE_SEGMENTS];
	uint8_t hashes[PAGE_SEGMENTS][HASH_BYTES];
	int64_t due_after_ms[PAGE_SEGMENTS];
	int64_t reasons[PAGE_SEGMENTS];
	int64_t held[PAGE_SEGMENTS];
	size_t count;
};

static void page_free(struct page *page) {
	for (size_t i = 0; page != NULL && i < page->count; i++)
		free(page->names[i]);
	free(page);
}

/* A camera whose root is configured no more has a rule all the same. */
static void explain_without_root(
    struct keeper *keeper, const struct segment_row *row, struct explanation *explanation) {
	explanation->due = retention_due(row->key.start_us, &explanation->rule, answer_zone(keeper), 0);
	if (explanation->due.bound == DUE_NEVER)
		explanation->reason = KEPT_NO_RULE;
	else if (explanation->due.due_us > clock_wall_us())
		explanation->reason = KEPT_NOT_DUE;
}

static int page_add(const struct segment_row *row, void *context) {
	struct page *page = context;
	struct keeper *keeper = page->keeper;
	char path[PATH_BYTES_MAX + NAME_BYTES_MAX + 2];
	struct explanation explanation;
	if (page->after_ordinal >= 0 && row->key.start_us == page->after_start_us &&
	    (int64_t)row->key.ordinal <= page->after_ordinal)
		return 0;
	if (page->count == PAGE_SEGMENTS)
		return 1;
	size_t i = page->count;
	page->names[i] = NULL;
	if (!row->derived && !index_name_derived(keeper->index, row) &&
	    index_path(keeper->index, row, path, sizeof path) == 0) {
		page->names[i] = strdup(path);
		if (page->names[i] == NULL)
			return -ENOMEM;
	}
	page->count++;
	int64_t end_us = footage_end(keeper, row);
	page->segments[i] = (struct audit_segment){
	    .start_us = row->key.start_us, .end_us = end_us, .bytes = row->file.bytes, .name = text_of(page->names[i])};
	if (row->has_sha256) {
		memcpy(page->hashes[i], row->sha256, HASH_BYTES);
		page->segments[i].sha256 = page->hashes[i];
	}
	expiry_explain(keeper, row, page->camera, &explanation);
	if (roots_by_id(keeper, page->camera->root) == NULL)
		explain_without_root(keeper, row, &explanation);
	bool held = explanation.reason == KEPT_HELD ||
	            holds_touch(keeper, page->camera->root_name, page->camera->name, row->earliest_us, end_us);
	page->reasons[i] = explanation.reason;
	page->held[i] = held;
	page->due_after_ms[i] =
	    explanation.due.bound == DUE_NEVER ? 0 : (explanation.due.due_us - row->key.start_us) / 1000;
	page->last = row->key;
	return 0;
}

static json_t *value_of(int64_t value, bool words) {
	return words ? json_string(kept_reason_name((enum kept_reason)value)) : json_boolean(value != 0);
}

/* [value, how often] one after the other. */
static json_t *runs_json(const int64_t *values, size_t count, bool words) {
	json_t *list = json_array();
	for (size_t at = 0; at < count;) {
		size_t repeat = 1;
		while (at + repeat < count && values[at + repeat] == values[at])
			repeat++;
		(void)json_array_append_new(list, json_pack("[o, I]", value_of(values[at], words), (json_int_t)repeat));
		at += repeat;
	}
	return list;
}

/* Due times are set only where each segment has one: without a rule none has. */
static void page_answer(const struct page *page, json_t *result) {
	bool due = page->due_after_ms[0] != 0;
	(void)json_object_set_new(result, "segments", audit_segments(page->segments, page->count, true));
	(void)json_object_set_new(result, "reasons", runs_json(page->reasons, page->count, true));
	(void)json_object_set_new(result, "held", runs_json(page->held, page->count, false));
	if (due)
		(void)json_object_set_new(result, "due_after_ms", audit_runs(page->due_after_ms, page->count));
	(void)json_object_set_new(result, "next",
	    json_sprintf("%" PRId64 " %" PRId64 " %" PRIu32, page->last.camera, page->last.start_us, page->last.ordinal));
}

static const struct report *report_find(struct keeper *keeper, struct request *request, const json_t *params) {
	int64_t sequence = -1;
	struct audit_actor actor;
	if (!param_integer(request, params, "report", 0, INT64_MAX, &sequence))
		return NULL;
	request_actor(request, &actor);
	for (size_t i = 0; keeper->reports != NULL && i < REPORTS_MAX; i++) {
		const struct report *report = &keeper->reports->rows[i];
		if (report->sequence == (uint64_t)sequence && report->begun_us != 0 && report->user_id == actor.user_id &&
		    clock_boot_us() - report->begun_us < REPORT_AGE_US)
			return report;
	}
	request_fail(request, CONTROL_REFUSED, "report",
	    "'report' must be the number that report.open gave for a report 'retention', within the last hour");
	return NULL;
}

static int page_fill(struct keeper *keeper, const struct report *report, int64_t cursor_camera, struct page *page,
    struct camera_row *list, size_t count) {
	bool reached = cursor_camera < 0;
	(void)keeper;
	for (size_t i = 0; i < count; i++) {
		bool here = list[i].id == cursor_camera;
		reached = reached || here;
		if (!reached || !names_include(&report->names, &list[i]))
			continue;
		if (!here)
			page->after_ordinal = -1;
		page->camera = &list[i];
		int64_t from_us =
		    here && page->after_start_us > report->span.from_us ? page->after_start_us : report->span.from_us;
		int result = index_range(page->keeper->index, list[i].id, from_us, report->span.to_us - 1, 0, page_add, page);
		if (result < 0 || page->count > 0)
			return result < 0 ? result : 0;
	}
	page->camera = NULL;
	return 0;
}

static bool cursor_read(struct request *request, const char *text, int64_t *camera, struct page *page) {
	if (text == NULL)
		return true;
	if (sscanf(text, "%" SCNd64 " %" SCNd64 " %" SCNd64, camera, &page->after_start_us, &page->after_ordinal) == 3 &&
	    page->after_ordinal >= 0)
		return true;
	request_fail(request, CONTROL_PARAMS, "malformed", "'after' must be the 'next' of the page before");
	return false;
}

static void report_facts_call(struct keeper *keeper, struct request *request, const json_t *params) {
	const struct report *report = report_find(keeper, request, params);
	const char *after = NULL;
	int64_t cursor_camera = -1;
	struct camera_row *list = NULL;
	size_t count = 0;
	char full[CAMERA_FULL_BYTES];
	if (report == NULL || !param_text(request, params, "after", false, &after))
		return;
	struct page *page = calloc(1, sizeof *page);
	if (page == NULL) {
		request_fail(request, CONTROL_INTERNAL, "memory", "out of memory");
		return;
	}
	page->keeper = keeper;
	page->after_ordinal = -1;
	if (!cursor_read(request, after, &cursor_camera, page)) {
		page_free(page);
		return;
	}
	int error = cameras_load(keeper, &list, &count);
	if (error >= 0)
		error = page_fill(keeper, report, cursor_camera, page, list, count);
	if (error < 0) {
		answer_index_error(request, error);
	} else {
		/* The report's entry tells of all its pages. */
		request_recorded(request);
		json_t *result = answer_new();
		if (page->camera != NULL) {
			camera_full_name(page->camera, full);
			answer_text(result, "camera", full);
			page_answer(page, result);
		} else {
			/* What was said meanwhile is under the checkpoint that the client reads now. */
			(void)!record_publish(keeper);
			(void)json_object_set_new(result, "next", json_null());
		}
		request_reply(request, result);
	}
	free(list);
	page_free(page);
}

const struct control_method methods_report[] = {
    {"report.open", 1u << ROLE_AUDITOR | 1u << ROLE_PRIVACY, false, report_open_call},
    {"report.facts", 1u << ROLE_AUDITOR, false, report_facts_call},
    {0},
};

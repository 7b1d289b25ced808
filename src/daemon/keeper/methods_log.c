/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The audit log for readers: they get a read-only descriptor of its folder and read and verify it
 * with their own processor; the entry about their reading is durable before that. log.find says beside it
 * where to look. And events.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "audit/entry.h"
#include "audit/writer.h"
#include "base/descriptor.h"
#include "base/zone.h"
#include "control.h"
#include "keeper.h"
#include "lookup.h"
#include "record.h"
#include "state.h"

enum { FIND_LIMIT = 1000 };
static const char reviewed_key[] = "log_reviewed"; /* in state.db: "NEXT ORIGIN", what is to be reviewed next */

/* What the reader looks for, as far as it says so: purposes and filters, not free text. */
static json_t *query_of(const json_t *params) {
	static const char *const KEYS[] = {"purpose", "at", "from", "to", "actor", "camera", "action", "case", "hold",
	    "outcome", "held", "entry", "command"};
	json_t *query = json_object();
	for (size_t i = 0; query && i < ARRAY_LENGTH(KEYS); i++) {
		json_t *value = json_object_get(params, KEYS[i]);
		if (json_is_integer(value) || json_is_boolean(value) ||
		    (json_is_string(value) && json_string_length(value) <= 256))
			json_object_set(query, KEYS[i], value);
	}
	return json_pack("{s:o}", "query", query);
}

static bool reading_recorded(struct keeper *keeper, struct request *request, const json_t *params) {
	struct audit_actor actor;
	request_actor(request, &actor);
	int error = record_append(keeper, AUDIT_LOG_READ, AUDIT_SUCCESS, NULL, &actor, query_of(params), NULL);
	if (error >= 0)
		error = record_durable(keeper);
	if (error < 0)
		request_fail(request, CONTROL_REFUSED, "log_not_writable",
		    "each reading is an entry, and the log cannot be written now (%s); copy the folder log/ to read it without "
		    "the daemon",
		    strerror(-error));
	else
		request_recorded(request);
	return error >= 0;
}

/* What a reader needs to open the log and to verify it; the descriptor goes with it. */
static json_t *source_answer(struct keeper *keeper) {
	struct audit_writer *writer = record_writer(keeper);
	json_t *result = answer_new();
	answer_log_keys(keeper, result);
	answer_integer(result, "entries", audit_writer_size(writer));
	answer_integer(result, "published", audit_writer_published(writer));
	answer_text(result, "zone", zone_name(answer_zone(keeper)));
	return result;
}

static void source_reply(struct keeper *keeper, struct request *request, json_t *result) {
	int folder = audit_writer_folder(record_writer(keeper));
	request_reply_descriptors(request, result, &folder, 1);
}

static void log_open_call(struct keeper *keeper, struct request *request, const json_t *params) {
	if (!reading_recorded(keeper, request, params))
		return;
	/* Without a new checkpoint an older one is read: said by its size. */
	(void)!record_publish(keeper);
	source_reply(keeper, request, source_answer(keeper));
}

/* ---- log.find ---- */

struct find_call {
	struct request *request;
	bool has_span;
	struct span span;
};

static void find_answer(struct keeper *keeper, const struct lookup_found *found, void *context) {
	struct find_call *call = context;
	if (!found) {
		request_fail(call->request, CONTROL_BUSY, "stopping", "retentiond stops");
		free(call);
		return;
	}
	json_t *result = source_answer(keeper), *numbers = json_array();
	for (size_t i = 0; i < found->count; i++)
		json_array_append_new(numbers, json_integer((json_int_t)found->numbers[i]));
	answer_integer(result, "looked_up", found->looked_up);
	json_object_set_new(result, "numbers", numbers);
	json_object_set_new(result, "more", json_boolean(found->more));
	if (call->has_span) {
		json_object_set_new(result, "from_us", json_integer(call->span.from_us));
		json_object_set_new(result, "to_us", json_integer(call->span.to_us));
		answer_span(keeper, result, "span", call->span, answer_zone(keeper));
	}
	source_reply(keeper, call->request, result);
	free(call);
}

static bool filter_read(
    struct keeper *keeper, struct request *request, const json_t *params, struct audit_filter *filter) {
	static const struct {
		const char *key;
		enum audit_term kind;
	} TEXTS[] = {{"action", AUDIT_TERM_ACTION}, {"outcome", AUDIT_TERM_OUTCOME}, {"actor", AUDIT_TERM_ACTOR},
	    {"camera", AUDIT_TERM_CAMERA}, {"case", AUDIT_TERM_CASE}, {"hold", AUDIT_TERM_HOLD}};
	for (size_t i = 0; i < ARRAY_LENGTH(TEXTS); i++)
		if (!param_text(request, params, TEXTS[i].key, false, &filter->terms[TEXTS[i].kind]))
			return false;
	if (param_flag(params, "held"))
		filter->terms[AUDIT_TERM_HELD] = "held";
	struct span span = {.from_us = 0, .to_us = INT64_MAX};
	filter->has_span =
	    json_object_get(params, "at") || json_object_get(params, "from") || json_object_get(params, "to");
	if (json_object_get(params, "at") != NULL) {
		if (!param_span(keeper, request, params, NULL, NULL, &span))
			return false;
	} else if (!param_instant(keeper, request, params, "from", &span.from_us) ||
	           !param_instant(keeper, request, params, "to", &span.to_us)) {
		return false;
	}
	filter->from_us = span.from_us;
	filter->to_us = span.to_us;
	return true;
}

static bool page_read(struct request *request, const json_t *params, struct lookup_page *page) {
	int64_t limit = FIND_LIMIT, before = INT64_MAX, after = -1;
	if (!param_integer(request, params, "limit", 1, LOOKUP_PAGE_MAX, &limit) ||
	    !param_integer(request, params, "before", 0, INT64_MAX, &before) ||
	    !param_integer(request, params, "after", -1, INT64_MAX - 1, &after))
		return false;
	page->ascending = json_object_get(params, "after") != NULL;
	page->bound = page->ascending ? (uint64_t)(after + 1) : (uint64_t)before;
	page->limit = (size_t)limit;
	if (page->ascending && json_object_get(params, "before") != NULL) {
		request_fail(request, CONTROL_PARAMS, "malformed", "'before' or 'after', not both");
		return false;
	}
	return true;
}

static void log_find_call(struct keeper *keeper, struct request *request, const json_t *params) {
	struct audit_filter filter = {0};
	struct lookup_page page = {0};
	if (!filter_read(keeper, request, params, &filter) || !page_read(request, params, &page))
		return;
	if (!reading_recorded(keeper, request, params))
		return;
	(void)!record_publish(keeper);
	struct find_call *call = calloc(1, sizeof(*call));
	int error = call ? 0 : -ENOMEM;
	if (call) {
		*call =
		    (struct find_call){.request = request, .has_span = filter.has_span, .span = {filter.from_us, filter.to_us}};
		error = lookup_find(keeper, &filter, &page, find_answer, call);
	}
	if (error < 0) {
		free(call);
		request_fail(request, CONTROL_BUSY, "busy",
		    error == -EBUSY ? "16 searches wait already; try again" : "out of memory; try again");
	}
}

/* ---- log.review ---- */

/* The first entry that nobody has reviewed. A renewed log begins again. */
static uint64_t review_next(struct keeper *keeper) {
	char value[320];
	const char *origin = audit_writer_origin(record_writer(keeper));
	if (state_value_get(keeper->state, reviewed_key, value, sizeof(value)) != 0)
		return 0;
	char *end = NULL;
	uint64_t next = strtoull(value, &end, 10);
	return *end == ' ' && strcmp(end + 1, origin) == 0 ? next : 0;
}

static int review_put(struct keeper *keeper, uint64_t next) {
	char value[320];
	int length = snprintf(value, sizeof(value), "%" PRIu64 " %s", next, audit_writer_origin(record_writer(keeper)));
	return length < (int)sizeof(value) ? state_value_put(keeper->state, reviewed_key, value) : -ENAMETOOLONG;
}

/* What is not reviewed is read by the client, who verifies it: only the bounds are said here. */
static void review_show(struct keeper *keeper, struct request *request, const json_t *params) {
	uint64_t next = review_next(keeper);
	if (!reading_recorded(keeper, request, params))
		return;
	(void)!record_publish(keeper);
	json_t *result = source_answer(keeper);
	answer_integer(result, "next", next);
	source_reply(keeper, request, result);
}

static void review_record(struct keeper *keeper, struct request *request, const json_t *params, uint64_t to) {
	uint64_t from = review_next(keeper), size = audit_writer_size(record_writer(keeper));
	if (to >= size || to < from) {
		request_fail(request, CONTROL_PARAMS, to < from ? "reviewed" : "number",
		    to < from ? "entries up to %" PRIu64 " are reviewed already" : "there are only the entries up to %" PRIu64,
		    to < from ? from - 1 : size - 1);
		return;
	}
	json_t *result = answer_new();
	answer_integer(result, "from", from);
	answer_integer(result, "to", to);
	if (!param_flag(params, "dry_run")) {
		struct audit_actor actor;
		uint64_t sequence = 0;
		request_actor(request, &actor);
		json_t *details = json_pack("{s:{s:I, s:I}}", "review", "from", (json_int_t)from, "to", (json_int_t)to);
		int error = record_append(keeper, AUDIT_LOG_REVIEWED, AUDIT_SUCCESS, NULL, &actor, details, &sequence);
		if (error >= 0)
			error = record_durable(keeper);
		/* A crash between the two asks for a part once more. */
		if (error >= 0)
			error = review_put(keeper, to + 1);
		if (error < 0) {
			json_decref(result);
			request_fail(
			    request, CONTROL_REFUSED, "log_not_writable", "the review cannot be recorded: %s", strerror(-error));
			return;
		}
		request_recorded(request);
		record_publish_soon(keeper);
		answer_integer(result, "sequence", sequence);
	}
	request_reply(request, result);
}

static void log_review_call(struct keeper *keeper, struct request *request, const json_t *params) {
	int64_t to = -1;
	if (!param_integer(request, params, "to", 0, INT64_MAX, &to))
		return;
	if (to < 0)
		review_show(keeper, request, params);
	else
		review_record(keeper, request, params, (uint64_t)to);
}

/* ---- checkpoints and events ---- */

static void log_checkpoint_call(struct keeper *keeper, struct request *request, const json_t *params) {
	(void)params;
	int error = record_publish(keeper);
	if (error < 0) {
		request_fail(
		    request, CONTROL_REFUSED, "log_not_writable", "no checkpoint can be written: %s", strerror(-error));
		return;
	}
	struct audit_writer *writer = record_writer(keeper);
	json_t *result = answer_new();
	answer_text(result, "origin", audit_writer_origin(writer));
	answer_integer(result, "size", audit_writer_published(writer));
	answer_text(result, "checkpoint", audit_writer_checkpoint(writer));
	request_reply(request, result);
}

static void subscribe_call(struct keeper *keeper, struct request *request, const json_t *params) {
	json_t *events = json_object_get(params, "events");
	if (!json_is_array(events)) {
		request_fail(request, CONTROL_PARAMS, "missing", "'events' must be a list, such as [\"hold.placed\"]");
		return;
	}
	size_t i;
	json_t *event;
	json_array_foreach(events, i, event) {
		const char *name = json_string_value(event);
		if (!name || strcmp(name, "log.entry") != 0)
			continue;
		if (!request_has_role(request, ROLE_AUDITOR)) {
			request_fail(request, CONTROL_DENIED, "role", "'log.entry' is for the role auditor");
			return;
		}
		if (!reading_recorded(keeper, request, params))
			return;
	}
	if (!request_subscribe(request, events)) {
		request_fail(request, CONTROL_PARAMS, "malformed", "at most 16 events with names of at most 39 bytes");
		return;
	}
	json_t *result = answer_new();
	json_object_set(result, "events", events);
	request_reply(request, result);
}

const struct control_method methods_log[] = {
    {"log.open", 1u << ROLE_AUDITOR, false, log_open_call},
    {"log.find", 1u << ROLE_AUDITOR, false, log_find_call},
    {"log.review", 1u << ROLE_AUDITOR, true, log_review_call},
    {"log.checkpoint", 1u << ROLE_AUDITOR, false, log_checkpoint_call},
    {"events.subscribe", 0, false, subscribe_call},
    {0},
};

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The audit log for readers: they get a read-only descriptor of its folder and read and verify it
 * with their own processor; the entry about their reading is durable before that. And events.
 */
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "audit/entry.h"
#include "audit/writer.h"
#include "base/descriptor.h"
#include "base/zone.h"
#include "control.h"
#include "keeper.h"
#include "record.h"

enum { KEYS_BYTES_MAX = 1 << 20 };

/* What the reader looks for, as far as it says so: purposes and filters, not free text. */
static json_t *query_of(const json_t *params) {
	static const char *const KEYS[] = {
	    "purpose", "at", "from", "to", "actor", "camera", "action", "case", "entry", "command"};
	json_t *query = json_object();
	for (size_t i = 0; query && i < ARRAY_LENGTH(KEYS); i++) {
		json_t *value = json_object_get(params, KEYS[i]);
		if (json_is_integer(value) || (json_is_string(value) && json_string_length(value) <= 256))
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

static void log_open_call(struct keeper *keeper, struct request *request, const json_t *params) {
	char *keys = NULL;
	size_t length = 0;
	if (!reading_recorded(keeper, request, params))
		return;
	/* Without a new checkpoint an older one is read: said by its size. */
	(void)!record_publish(keeper);
	struct audit_writer *writer = record_writer(keeper);
	if (descriptor_read_file(keeper->state_fd, "log.vkeys", KEYS_BYTES_MAX, &keys, &length) < 0)
		keys = NULL;
	json_t *result = answer_new();
	answer_text(result, "origin", audit_writer_origin(writer));
	answer_text(result, "keys", keys ? keys : audit_writer_vkey(writer));
	answer_integer(result, "entries", audit_writer_size(writer));
	answer_integer(result, "published", audit_writer_published(writer));
	answer_text(result, "zone", zone_name(answer_zone(keeper)));
	free(keys);
	int folder = audit_writer_folder(writer);
	request_reply_descriptors(request, result, &folder, 1);
}

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
    {"log.checkpoint", 1u << ROLE_AUDITOR, false, log_checkpoint_call},
    {"events.subscribe", 0, false, subscribe_call},
    {0},
};

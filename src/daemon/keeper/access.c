/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests as audit entries, repeated ones joined. */
#include "access.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "keeper.h"
#include "record.h"

enum { ACCESS_ROWS = 64, ACCESS_KEY_BYTES = 512, ACCESS_VALUE_BYTES_MAX = 256, ACCESS_LIST_MAX = 16 };

struct access_row {
	bool used;
	char key[ACCESS_KEY_BYTES]; /* method, outcome and parameters: what must be the same */
	int64_t user_id;
	int64_t since_us; /* boot clock */
	uint64_t more;    /* after the first */
	char method[64];
	char user_name[64];
	char role[16];
	char reason[64];
	bool denied;
	enum audit_outcome outcome;
};

struct access {
	struct access_row rows[ACCESS_ROWS];
};

/* Parameters that may stand in the log; notes and other free text are not among them. */
static const char *const LOGGED[] = {"camera", "cameras", "at", "from", "to", "last", "id", "path", "root", "case",
    "purpose", "reason", "until", "next", "state", "kind", "as", "events", "actor", "action", "outcome", "hold", "held",
    "dry_run"};

struct access *access_new(void) {
	return calloc(1, sizeof(struct access));
}

static void params_keep(json_t *kept, const json_t *params) {
	for (size_t i = 0; i < ARRAY_LENGTH(LOGGED); i++) {
		json_t *value = json_object_get(params, LOGGED[i]);
		bool fits = json_is_boolean(value) || json_is_integer(value) ||
		            (json_is_string(value) && json_string_length(value) <= ACCESS_VALUE_BYTES_MAX);
		if (fits)
			json_object_set(kept, LOGGED[i], value);
		else if (json_is_array(value) && json_array_size(value) <= ACCESS_LIST_MAX) {
			size_t n;
			json_t *item;
			bool short_texts = true;
			json_array_foreach(value, n, item) short_texts =
			    short_texts && json_is_string(item) && json_string_length(item) <= ACCESS_VALUE_BYTES_MAX;
			if (short_texts)
				json_object_set(kept, LOGGED[i], value);
		} else if (value)
			json_object_set_new(kept, LOGGED[i], json_string("(too long)"));
	}
}

static json_t *details_new(const char *method, const json_t *params, uint64_t count) {
	json_t *kept = json_object();
	if (kept && params)
		params_keep(kept, params);
	json_t *details = json_object();
	json_t *request = json_object();
	if (!details || !request || !kept) {
		json_decref(details);
		json_decref(request);
		json_decref(kept);
		return NULL;
	}
	json_object_set_new(request, "method", json_string(method));
	if (json_object_size(kept) > 0)
		json_object_set(request, "params", kept);
	json_decref(kept);
	if (count > 0)
		json_object_set_new(request, "count", json_integer((json_int_t)count));
	json_object_set_new(details, "request", request);
	return details;
}

static void row_end(struct keeper *keeper, struct access_row *row) {
	if (row->used && row->more > 0) {
		const struct audit_actor actor = {.is_set = true,
		    .user_id = row->user_id,
		    .user_name = row->user_name[0] ? row->user_name : NULL,
		    .role = row->role[0] ? row->role : NULL};
		/* A log that cannot be written is an alarm of record.c; reading must go on working to see it. */
		(void)record_append(keeper, row->denied ? AUDIT_REQUEST_DENIED : AUDIT_REQUEST, row->outcome,
		    row->reason[0] ? row->reason : NULL, &actor, details_new(row->method, NULL, row->more), NULL);
	}
	memset(row, 0, sizeof(*row));
}

void access_tick(struct keeper *keeper, struct access *access) {
	int64_t now = clock_boot_us();
	for (size_t i = 0; i < ACCESS_ROWS; i++)
		if (access->rows[i].used && now - access->rows[i].since_us >= 60 * US_PER_SECOND)
			row_end(keeper, &access->rows[i]);
}

struct access *access_free(struct keeper *keeper, struct access *access) {
	for (size_t i = 0; access && i < ACCESS_ROWS; i++)
		row_end(keeper, &access->rows[i]);
	free(access);
	return NULL;
}

/* True if the request was counted in a row that is there; else a row is begun for it where one is free or the oldest.
 */
static bool row_counts(
    struct keeper *keeper, struct access *access, const struct access_request *request, const char *key) {
	struct access_row *oldest = &access->rows[0];
	for (size_t i = 0; i < ACCESS_ROWS; i++) {
		struct access_row *row = &access->rows[i];
		if (row->used && row->user_id == request->actor.user_id && strcmp(row->key, key) == 0) {
			row->more++;
			return true;
		}
		if (!row->used || (oldest->used && row->since_us < oldest->since_us))
			oldest = row;
	}
	row_end(keeper, oldest);
	*oldest = (struct access_row){.used = true,
	    .user_id = request->actor.user_id,
	    .since_us = clock_boot_us(),
	    .denied = request->denied,
	    .outcome = request->outcome};
	snprintf(oldest->key, sizeof(oldest->key), "%s", key);
	snprintf(oldest->method, sizeof(oldest->method), "%s", request->method);
	snprintf(
	    oldest->user_name, sizeof(oldest->user_name), "%s", request->actor.user_name ? request->actor.user_name : "");
	snprintf(oldest->role, sizeof(oldest->role), "%s", request->actor.role ? request->actor.role : "");
	snprintf(oldest->reason, sizeof(oldest->reason), "%s", request->reason ? request->reason : "");
	return false;
}

void access_record(struct keeper *keeper, struct access *access, const struct access_request *request) {
	if (request->joins) {
		char key[ACCESS_KEY_BYTES];
		char *params = request->params ? json_dumps(request->params, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
		int length = snprintf(key, sizeof(key), "%d%d %s %s %s", request->denied, (int)request->outcome,
		    request->method, request->reason ? request->reason : "", params ? params : "");
		free(params);
		if (length < (int)sizeof(key) && row_counts(keeper, access, request, key))
			return;
	}
	(void)record_append(keeper, request->denied ? AUDIT_REQUEST_DENIED : AUDIT_REQUEST, request->outcome,
	    request->reason, &request->actor, details_new(request->method, request->params, 0), NULL);
}

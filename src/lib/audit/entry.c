/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Schema 1. One line, no spaces, keys in this order; [..] may be absent:
 *
 *   {"schema":1,
 *    "nonce":"<32 hex digits>",             random: the hash of a pruned entry cannot be guessed
 *    "event":{"sequence":N,                 the entry's index in the log
 *             "action":"delete",            the closed list in entry.h
 *             "category":["file"],"type":["deletion"],
 *             "outcome":"success"|"failure"|"unknown"
 *             [,"reason":"…"]},
 *    "@timestamp":"2026-11-24T06:11:04.123Z",
 *    "clock":{"level":"rtc","boot_id":"<uuid>","boot_us":N}
 *    [,"user":{"id":"1000"[,"name":"…"]}]   who acted
 *    [,"process":{"pid":N}]
 *    [,"role":"officer"]                    by which the act was allowed
 *    [,…]}                                  the action's own keys, in the caller's order
 *
 * Integers only; what may exceed 2^53 (ids, inode numbers) is a string. Text that is not valid
 * UTF-8 is kept twice: NAME with U+FFFD for what is not, NAME_b64 with the bytes.
 */
#include "audit/entry.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sodium.h>

#include "audit/base64.h"
#include "audit/utf8.h"
#include "audit/writer.h"

enum { NONCE_BYTES = 16, DETAILS_DEPTH_MAX = 16 };

struct action_row {
	const char *name;
	const char *category;
	const char *type;
};

static const struct action_row actions[AUDIT_ACTION_COUNT] = {
#define ACTION_ROW(name, text, category, type) [AUDIT_##name] = {text, category, type},
    AUDIT_ACTIONS(ACTION_ROW)
#undef ACTION_ROW
};

static const char *const outcomes[] = {
    [AUDIT_SUCCESS] = "success", [AUDIT_FAILURE] = "failure", [AUDIT_UNKNOWN] = "unknown"};

const char *audit_action_name(enum audit_action action) {
	return actions[action].name;
}

bool audit_action_is_alarm(enum audit_action action) {
	switch (action) {
	case AUDIT_LOG_RENEWED:
	case AUDIT_CONFIGURATION:
	case AUDIT_ROOT_OFFLINE:
	case AUDIT_VOLUME_ADOPTED:
	case AUDIT_CLOCK_STEP:
	case AUDIT_CLOCK_FROZEN:
	case AUDIT_CLOCK_CONFIRMED:
	case AUDIT_GAP:
	case AUDIT_INDEX_REBUILT:
	case AUDIT_ALTERED:
	case AUDIT_MISSING:
	case AUDIT_BRAKE:
	case AUDIT_BRAKE_RELEASED:
	case AUDIT_HOLD_RELEASED:
	case AUDIT_OPEN_DENIED:
	case AUDIT_LOG_PRUNED:
	case AUDIT_WITNESS_CONFLICT:
		return true;
	default:
		return false;
	}
}

/* The bytes with U+FFFD for each that is not valid; the caller frees. */
static char *replace_invalid(struct text bytes, size_t *ret_length) {
	static const char replacement[] = "\xef\xbf\xbd";
	char *text = malloc(3 * bytes.length + 1);
	size_t used = 0;
	for (size_t at = 0; text != NULL && at < bytes.length;) {
		size_t count = utf8_character(bytes.data + at, bytes.length - at, NULL);
		memcpy(text + used, count == 0 ? replacement : bytes.data + at, count == 0 ? 3 : count);
		used += count == 0 ? 3 : count;
		at += count == 0 ? 1 : count;
	}
	*ret_length = used;
	return text;
}

static int set_encoded(json_t *object, const char *key, struct text bytes) {
	char name[128];
	int length = snprintf(name, sizeof name, "%s_b64", key);
	size_t room = sodium_base64_encoded_len(bytes.length, sodium_base64_VARIANT_ORIGINAL);
	char *encoded = malloc(room);
	if (encoded == NULL || length < 0 || (size_t)length >= sizeof name) {
		free(encoded);
		return -ENOMEM;
	}
	(void)sodium_bin2base64(
	    encoded, room, (const unsigned char *)bytes.data, bytes.length, sodium_base64_VARIANT_ORIGINAL);
	int result = json_object_set_new(object, name, json_string(encoded));
	free(encoded);
	return result < 0 ? -ENOMEM : 0;
}

int audit_set_bytes(json_t *object, const char *key, struct text bytes) {
	const char *data = bytes.length == 0 ? "" : bytes.data;
	if (utf8_valid_length(data, bytes.length) == bytes.length)
		return json_object_set_new(object, key, json_stringn(data, bytes.length)) < 0 ? -ENOMEM : 0;
	size_t length = 0;
	char *text = replace_invalid(bytes, &length);
	int result = text == NULL ? -1 : json_object_set_new(object, key, json_stringn(text, length));
	free(text);
	return result < 0 ? -ENOMEM : set_encoded(object, key, bytes);
}

bool audit_get_bytes(const json_t *object, const char *key, char *text, size_t room) {
	char name[128];
	size_t length = 0;
	int written = snprintf(name, sizeof name, "%s_b64", key);
	if (written < 0 || (size_t)written >= sizeof name || room == 0)
		return false;
	const json_t *encoded = json_object_get(object, name);
	const json_t *plain = json_object_get(object, key);
	if (!json_is_string(encoded ? encoded : plain))
		return false;
	if (encoded == NULL)
		return text_copy(text, room, (struct text){json_string_value(plain), json_string_length(plain)});
	struct text from = {json_string_value(encoded), json_string_length(encoded)};
	if (!base64_read(from, BASE64_PADDED, text, room - 1, &length) || memchr(text, '\0', length) != NULL)
		return false;
	text[length] = '\0';
	return true;
}

static void timestamp_format(int64_t wall_us, char text[32]) {
	int64_t ms = wall_us / 1000 - (wall_us % 1000 < 0);
	time_t seconds = (time_t)(ms / 1000 - (ms % 1000 < 0));
	int fraction = (int)(ms - (int64_t)seconds * 1000);
	struct tm utc = {0};
	char date[24];
	if (gmtime_r(&seconds, &utc) == NULL || strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &utc) == 0)
		(void)snprintf(date, sizeof date, "1970-01-01T00:00:00");
	(void)snprintf(text, 32, "%s.%03dZ", date, fraction);
}

static int put_event(json_t *line, const struct audit_stamp *stamp, enum audit_action action,
    enum audit_outcome outcome, const char *reason) {
	const struct action_row *row = &actions[action];
	json_t *event = json_pack("{s:I,s:s,s:[s],s:[s],s:s}", "sequence", (json_int_t)stamp->sequence, "action", row->name,
	    "category", row->category, "type", row->type, "outcome", outcomes[outcome]);
	int result = event == NULL || reason == NULL ? 0 : audit_set_bytes(event, "reason", text_of(reason));
	return json_object_set_new(line, "event", event) < 0 ? -ENOMEM : result;
}

static int put_head(json_t *line) {
	uint8_t nonce[NONCE_BYTES];
	char hex[2 * NONCE_BYTES + 1];
	randombytes_buf(nonce, sizeof nonce);
	(void)sodium_bin2hex(hex, sizeof hex, nonce, sizeof nonce);
	return json_object_set_new(line, "schema", json_integer(1)) | json_object_set_new(line, "nonce", json_string(hex));
}

static int put_clock(json_t *line, const struct audit_stamp *stamp) {
	char timestamp[32];
	timestamp_format(stamp->clock.wall_us, timestamp);
	json_t *clock = json_pack("{s:s,s:s,s:I}", "level", clock_level_name(stamp->level), "boot_id", stamp->clock.boot_id,
	    "boot_us", (json_int_t)stamp->clock.boot_us);
	return json_object_set_new(line, "@timestamp", json_string(timestamp)) | json_object_set_new(line, "clock", clock);
}

static int put_actor(json_t *line, const struct audit_actor *actor) {
	if (actor == NULL || !actor->is_set)
		return 0;
	char id[24];
	(void)snprintf(id, sizeof id, "%" PRId64, actor->user_id);
	json_t *user = json_pack("{s:s}", "id", id);
	int result =
	    user == NULL || actor->user_name == NULL ? 0 : audit_set_bytes(user, "name", text_of(actor->user_name));
	result |= json_object_set_new(line, "user", user);
	if (actor->pid > 0)
		result |= json_object_set_new(line, "process", json_pack("{s:I}", "pid", (json_int_t)actor->pid));
	if (actor->role != NULL)
		result |= json_object_set_new(line, "role", json_string(actor->role));
	return result;
}

/* No reals, whose text differs from one JSON library to the next; nothing nested without end. */
static bool details_are_sound(const json_t *value, unsigned depth) {
	if (json_is_real(value) || depth > DETAILS_DEPTH_MAX)
		return false;
	const char *key = NULL;
	json_t *member = NULL;
	json_object_foreach(
	    (json_t *)(uintptr_t)value, key, member) if (!details_are_sound(member, depth + 1)) return false;
	size_t index = 0;
	json_array_foreach(value, index, member) if (!details_are_sound(member, depth + 1)) return false;
	return true;
}

static int put_details(json_t *line, const json_t *details) {
	if (details == NULL)
		return 0;
	if (!json_is_object(details) || !details_are_sound(details, 0))
		return -EINVAL;
	const char *key = NULL;
	json_t *value = NULL;
	json_object_foreach((json_t *)(uintptr_t)details, key, value)
	    /* A detail must not take the place of what the line itself says. */
	    if (json_object_get(line, key) != NULL || json_object_set(line, key, value) < 0) return -EINVAL;
	return 0;
}

char *audit_entry_format(const struct audit_stamp *stamp, enum audit_action action, enum audit_outcome outcome,
    const char *reason, const struct audit_actor *actor, const json_t *details, size_t *ret_length) {
	json_t *line = json_object();
	if (line == NULL)
		return NULL;
	int result = put_head(line) | put_event(line, stamp, action, outcome, reason) | put_clock(line, stamp) |
	             put_actor(line, actor) | put_details(line, details);
	char *text = result != 0 ? NULL : json_dumps(line, JSON_COMPACT);
	json_decref(line);
	size_t length = text == NULL ? 0 : strlen(text);
	if (length > AUDIT_ENTRY_BYTES_MAX) {
		free(text);
		return NULL;
	}
	if (text != NULL)
		*ret_length = length;
	return text;
}

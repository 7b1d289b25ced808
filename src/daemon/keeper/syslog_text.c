/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "syslog_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "audit/note.h"
#include "audit/utf8.h"
#include "base/bytes.h"

enum {
	FACILITY_AUTHPRIV = 10,
	SEVERITY_ALERT = 1,
	SEVERITY_ERROR = 3,
	SEVERITY_WARNING = 4,
	SEVERITY_NOTICE = 5,
	SEVERITY_INFO = 6,
	HOST_BYTES = 255,
	NAME_BYTES = 32,    /* RFC 5424, 6.3.3 */
	VALUE_BYTES = 512,  /* of one parameter, before it is escaped */
	FACTS_BYTES = 1500, /* of all of them */
	SENTENCE_BYTES = 400,
	DEPTH_MAX = 3,
};

#define DATA_ID "retention@32473"

static const struct {
	int severity; /* 0: as a notice */
	const char *sentence;
} alarms[AUDIT_ACTION_COUNT] = {
    [AUDIT_LOG_RENEWED] = {SEVERITY_ALERT, "the audit log did not hold; a new one was begun"},
    [AUDIT_WITNESS_CONFLICT] = {SEVERITY_ALERT, "a witness knows another history of the audit log"},
    [AUDIT_CONFIGURATION] = {SEVERITY_WARNING, "the configuration was weakened"},
    [AUDIT_CLOCK_STEP] = {SEVERITY_WARNING, "the clock was set"},
    [AUDIT_CLOCK_FROZEN] = {SEVERITY_WARNING, "the clock is not believed; deletion stopped"},
    [AUDIT_CLOCK_CONFIRMED] = {SEVERITY_WARNING, "a person confirmed the clock"},
    [AUDIT_BRAKE] = {SEVERITY_WARNING, "deletion stopped at an unusual amount"},
    [AUDIT_BRAKE_RELEASED] = {SEVERITY_WARNING, "a person let deletion go on"},
    [AUDIT_GAP] = {SEVERITY_WARNING, "nobody watched for a while"},
    [AUDIT_MISSING] = {SEVERITY_ERROR, "footage vanished before it was due"},
    [AUDIT_ALTERED] = {SEVERITY_ERROR, "footage was changed"},
    [AUDIT_ROOT_OFFLINE] = {SEVERITY_WARNING, "a root is offline"},
    [AUDIT_VOLUME_ADOPTED] = {SEVERITY_NOTICE, "a disk was adopted"},
    [AUDIT_OPEN_DENIED] = {SEVERITY_WARNING, "an attempt to open footage was refused"},
    [AUDIT_HOLD_RELEASED] = {SEVERITY_NOTICE, "a hold was released"},
    [AUDIT_LOG_PRUNED] = {SEVERITY_NOTICE, "old entries of the audit log were pruned"},
    [AUDIT_INDEX_REBUILT] = {SEVERITY_NOTICE, "the index was made anew"},
};

static void put(struct byte_writer *out, const char *text) {
	byte_put_raw(out, text, strlen(text));
}

/* PRINTUSASCII, RFC 5424 section 6: a header field has no space. */
static void put_field(struct byte_writer *out, const char *text, size_t most) {
	size_t used = 0;
	for (const char *c = text; *c != '\0' && used < most; c++, used++)
		byte_put_raw(out, *c > ' ' && *c < 0x7f ? c : "_", 1);
	if (used == 0)
		put(out, "-");
}

/* PARAM-VALUE: UTF-8, with '"', '\' and ']' escaped; control characters become spaces; long ones are cut. */
static void put_value(struct byte_writer *out, const char *text) {
	size_t length = strlen(text);
	for (size_t at = 0; at < length && at < VALUE_BYTES;) {
		size_t count = utf8_character(text + at, length - at, NULL);
		char c = text[at];
		if (count == 0)
			put(out, "?");
		else if (count == 1 && ((unsigned char)c < 0x20 || c == 0x7f))
			put(out, " ");
		else {
			if (c == '"' || c == '\\' || c == ']')
				put(out, "\\");
			byte_put_raw(out, text + at, count);
		}
		at += count == 0 ? 1 : count;
	}
}

/* ` NAME="VALUE"`, whole or not at all. */
static void put_parameter(struct byte_writer *out, const char *name, const char *value) {
	char room[2 * VALUE_BYTES + NAME_BYTES + 8];
	struct byte_writer one;
	byte_writer_init(&one, room, sizeof room);
	put(&one, " ");
	size_t used = 0;
	for (const char *c = name; *c != '\0' && used < NAME_BYTES; c++, used++)
		byte_put_raw(&one, *c > ' ' && *c < 0x7f && strchr("=]\"", *c) == NULL ? c : "_", 1);
	put(&one, "=\"");
	put_value(&one, value);
	put(&one, "\"");
	if (used > 0 && !one.failed && out->used + one.used <= FACTS_BYTES)
		byte_put_raw(out, room, one.used);
}

static void put_head(
    struct byte_writer *out, const struct syslog_origin *from, int severity, const char *stamp, const char *id) {
	char priority[16];
	(void)snprintf(priority, sizeof priority, "<%d>1 ", FACILITY_AUTHPRIV * 8 + severity);
	put(out, priority);
	put_field(out, stamp, NAME_BYTES);
	put(out, " ");
	put_field(out, from->host, HOST_BYTES);
	put(out, " retentiond - ");
	put_field(out, id, NAME_BYTES);
	put(out, " ");
}

/* RFC 5424, 7.1: no accuracy without synchronisation. */
static void put_quality(struct byte_writer *out, const struct syslog_origin *from, bool synced) {
	char accuracy[48] = "";
	if (synced && from->accuracy_us >= 0)
		(void)snprintf(accuracy, sizeof accuracy, " syncAccuracy=\"%" PRId64 "\"", from->accuracy_us);
	put(out, "[timeQuality tzKnown=\"1\" isSynced=\"");
	put(out, synced ? "1" : "0");
	put(out, "\"");
	put(out, accuracy);
	put(out, "]");
}

/* ---- facts of an entry ---- */

static bool is_left_out(const char *key) {
	/* The head has these, or they are long. */
	static const char *const keys[] = {
	    "schema", "nonce", "@timestamp", "clock", "event", "changes", "segments", "footage", "files", "parents"};
	for (size_t i = 0; i < ARRAY_LENGTH(keys); i++)
		if (strcmp(keys[i], key) == 0)
			return true;
	size_t length = strlen(key);
	return length > 4 && strcmp(key + length - 4, "_b64") == 0;
}

/* "a; b; c" of an array of texts; false for any other array. */
static bool join(const json_t *array, char *text, size_t room) {
	size_t used = 0;
	text[0] = '\0';
	for (size_t i = 0; i < json_array_size(array); i++) {
		const char *each = json_string_value(json_array_get(array, i));
		if (each == NULL)
			return false;
		int written = snprintf(text + used, room - used, "%s%s", i > 0 ? "; " : "", each);
		if (written < 0 || (size_t)written >= room - used)
			return true;
		used += (size_t)written;
	}
	return used > 0;
}

static void put_fact(struct byte_writer *out, const char *name, const json_t *value, int depth) {
	char text[VALUE_BYTES];
	if (json_is_string(value)) {
		put_parameter(out, name, json_string_value(value));
	} else if (json_is_integer(value)) {
		(void)snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		put_parameter(out, name, text);
	} else if (json_is_boolean(value)) {
		put_parameter(out, name, json_is_true(value) ? "true" : "false");
	} else if (json_is_array(value) && join(value, text, sizeof text)) {
		put_parameter(out, name, text);
	} else if (json_is_object(value) && depth < DEPTH_MAX) {
		const char *key;
		json_t *member;
		json_object_foreach((json_t *)(uintptr_t)value, key, member) {
			char path[NAME_BYTES + 1];
			int length = snprintf(path, sizeof path, "%s%s%s", name, name[0] != '\0' ? "." : "", key);
			if (!is_left_out(key) && length > 0 && (size_t)length < sizeof path)
				put_fact(out, path, member, depth + 1);
		}
	}
}

static const char *text_at(const json_t *object, const char *key, const char *fallback) {
	const char *text = json_string_value(json_object_get(object, key));
	return text != NULL ? text : fallback;
}

static void put_sentence(struct byte_writer *out, const json_t *entry, enum audit_action action) {
	char sentence[SENTENCE_BYTES], weakened[SENTENCE_BYTES / 2] = "";
	const json_t *event = json_object_get(entry, "event");
	const char *said = alarms[action].sentence != NULL ? alarms[action].sentence : audit_action_name(action);
	const char *reason = text_at(event, "reason", "");
	if (!join(json_object_get(entry, "weakened"), weakened, sizeof weakened))
		weakened[0] = '\0';
	/* What is too long for a sentence is cut. */
	if (snprintf(sentence, sizeof sentence, "%s%s%.200s%s%s", said, reason[0] ? ": " : "", reason,
	        weakened[0] ? ": " : "", weakened) < 0)
		return;
	for (char *c = sentence; *c != '\0'; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	put(out, sentence);
}

/* ---- the two kinds ---- */

static char *finish(struct byte_writer *out, char *text) {
	if (out->failed) {
		free(text);
		return NULL;
	}
	text[out->used] = '\0';
	return text;
}

char *syslog_alarm(const struct syslog_origin *from, const json_t *entry, enum audit_action action) {
	const json_t *event = json_object_get(entry, "event");
	char *text = malloc(SYSLOG_BYTES_MAX);
	if (text == NULL || !json_is_object(event)) {
		free(text);
		return NULL;
	}
	struct byte_writer out;
	byte_writer_init(&out, text, SYSLOG_BYTES_MAX - 1);
	int severity = alarms[action].severity != 0 ? alarms[action].severity : SEVERITY_NOTICE;
	put_head(&out, from, severity, text_at(entry, "@timestamp", "-"), audit_action_name(action));
	const char *level = text_at(json_object_get(entry, "clock"), "level", "");
	put_quality(&out, from, strcmp(level, clock_level_name(CLOCK_SYNCED)) == 0);
	put(&out, "[" DATA_ID);
	put_parameter(&out, "origin", from->origin);
	put_fact(&out, "sequence", json_object_get(event, "sequence"), 0);
	put_parameter(&out, "action", audit_action_name(action));
	put_fact(&out, "outcome", json_object_get(event, "outcome"), 0);
	put_parameter(&out, "clock", level);
	put_fact(&out, "reason", json_object_get(event, "reason"), 0);
	put_fact(&out, "weakened", json_object_get(entry, "weakened"), 0);
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)(uintptr_t)entry, key, value) {
		if (!is_left_out(key) && strcmp(key, "weakened") != 0)
			put_fact(&out, key, value, 0);
	}
	put(&out, "] ");
	put_sentence(&out, entry, action);
	return finish(&out, text);
}

/* A line of the note; false at the end. */
static bool take_line(const char **note, char *line, size_t room) {
	const char *end = strchr(*note, '\n');
	if (end == NULL || !text_copy(line, room, (struct text){*note, (size_t)(end - *note)}))
		return false;
	*note = end + 1;
	return true;
}

/* The log's own signatures, which have its name: key is the name, signature the base64 of id and Ed25519 signature. */
static void put_signatures(struct byte_writer *out, const char *note, const char *origin) {
	static const char dash[] = "\xe2\x80\x94 ";
	char line[NOTE_NAME_BYTES + 256];
	size_t length = strlen(origin);
	while (take_line(&note, line, sizeof line))
		if (strncmp(line, dash, sizeof dash - 1) == 0 && strncmp(line + sizeof dash - 1, origin, length) == 0 &&
		    line[sizeof dash - 1 + length] == ' ') {
			put_parameter(out, "signature", line + sizeof dash + length);
		}
}

char *syslog_checkpoint(const struct syslog_origin *from, const char *note, int64_t wall_us, enum clock_level level) {
	char origin[NOTE_NAME_BYTES], size[32], root[64], stamp[40], sentence[128];
	time_t seconds = (time_t)(wall_us / US_PER_SECOND);
	struct tm utc = {0};
	char *text = malloc(SYSLOG_BYTES_MAX);
	if (text == NULL || !take_line(&note, origin, sizeof origin) || !take_line(&note, size, sizeof size) ||
	    !take_line(&note, root, sizeof root) || gmtime_r(&seconds, &utc) == NULL ||
	    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0) {
		free(text);
		return NULL;
	}
	struct byte_writer out;
	byte_writer_init(&out, text, SYSLOG_BYTES_MAX - 1);
	put_head(&out, from, SEVERITY_INFO, stamp, "checkpoint");
	put_quality(&out, from, level == CLOCK_SYNCED);
	put(&out, "[" DATA_ID);
	put_parameter(&out, "origin", origin);
	put_parameter(&out, "size", size);
	put_parameter(&out, "root", root);
	put_signatures(&out, note, origin);
	put_parameter(&out, "clock", clock_level_name(level));
	put(&out, "] ");
	(void)snprintf(sentence, sizeof sentence, "the audit log has %s entries", size);
	put(&out, sentence);
	return finish(&out, text);
}

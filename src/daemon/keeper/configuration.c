/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "configuration.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/entry.h"
#include "audit/utf8.h"
#include "base/log.h"
#include "ipc/message.h"
#include "keeper.h"
#include "record.h"
#include "state.h"

enum {
	KEPT_BYTES = 1 << 20,
	CHANGES_MAX = 12,  /* in one entry */
	VALUE_BYTES = 80,  /* of an old or new value there */
	WEAKENED_MAX = 16, /* and of these, each cut to the next */
	PHRASE_BYTES = 120,
	KEY_BYTES = 600,
};

#define KEPT_KEY "configuration"

/* ---- flat ---- */

static void set(json_t *flat, const char *key, json_t *value) {
	(void)json_object_set_new(flat, key, value);
}

static void set_text(json_t *flat, const char *key, const char *text) {
	if (text != NULL && audit_set_bytes(flat, key, text_of(text)) != 0)
		set(flat, key, json_null());
}

static void set_duration(json_t *flat, const char *key, bool is_set, const struct duration *duration) {
	char text[64];
	if (!is_set)
		return;
	duration_format(duration, text, sizeof text);
	set(flat, key, json_string(text));
}

static const char *under(char key[KEY_BYTES], const char *group, const char *name, const char *member) {
	(void)snprintf(key, KEY_BYTES, "%s.%s.%s", group, name, member);
	return key;
}

/* "exe=/usr/bin/x user=y unit=z; …" */
static void set_accessors(json_t *flat, const char *key, const struct accessor_settings *list, size_t count) {
	char text[4096] = "";
	size_t used = 0;
	for (size_t i = 0; i < count && used < sizeof text - 1; i++) {
		const struct accessor_settings *each = &list[i];
		int written = snprintf(text + used, sizeof text - used, "%s%s%s%s%s%s%s", used > 0 ? "; " : "",
		    each->executable ? "exe=" : "", each->executable ? each->executable : "", each->user ? " user=" : "",
		    each->user ? each->user : "", each->unit ? " unit=" : "", each->unit ? each->unit : "");
		used += written > 0 ? (size_t)written : 0;
	}
	if (count > 0)
		set_text(flat, key, text);
}

static void set_roots(json_t *flat, const struct settings *settings) {
	char key[KEY_BYTES];
	for (size_t i = 0; i < settings->root_count; i++) {
		const struct root_settings *root = &settings->roots[i];
		set_text(flat, under(key, "root", root->name, "path"), root->path);
		set_text(flat, under(key, "root", root->name, "layout"), root->layout != NULL ? root->layout->name : NULL);
		set_text(flat, under(key, "root", root->name, "timezone"), root->timezone);
		set_text(flat, under(key, "root", root->name, "mode"), root_mode_name(root->mode));
		set_text(flat, under(key, "root", root->name, "foreign"), root->foreign == FOREIGN_EXPIRE ? "expire" : "keep");
		set_text(flat, under(key, "root", root->name, "vault"), root->vault);
		set_accessors(flat, under(key, "root", root->name, "recorder"), root->recorders, root->recorder_count);
	}
}

static void set_cameras(json_t *flat, const struct settings *settings) {
	char key[KEY_BYTES];
	for (size_t i = 0; i < settings->camera_count; i++) {
		const struct camera_settings *camera = &settings->cameras[i];
		const char *name = camera->camera;
		set_duration(flat, under(key, "camera", name, "retention"), camera->has_retention, &camera->retention);
		set_duration(
		    flat, under(key, "camera", name, "legal_maximum"), camera->has_legal_maximum, &camera->legal_maximum);
		set_text(flat, under(key, "camera", name, "retention_basis"), camera->retention_basis);
		set(flat, under(key, "camera", name, "sound"), json_boolean(camera->sound));
		set_text(flat, under(key, "camera", name, "sound_basis"), camera->sound_basis);
	}
}

static void set_publish(json_t *flat, const struct settings *settings) {
	char key[TEXT_BYTES_MAX];
	for (size_t i = 0; i < settings->publish.receiver_count; i++) {
		(void)snprintf(key, sizeof key, "publish.syslog.%s", settings->publish.receivers[i]);
		set(flat, key, json_true());
	}
	for (size_t i = 0; i < settings->publish.witness_count; i++) {
		(void)snprintf(key, sizeof key, "publish.witness.%s", settings->publish.witnesses[i].url);
		set_text(flat, key, settings->publish.witnesses[i].key);
	}
	set_text(flat, "publish.log_origin", settings->publish.origin);
}

static void set_holds(json_t *flat, const struct settings *settings) {
	set_duration(flat, "holds.pre_roll", true, &settings->holds.pre_roll);
	set_duration(flat, "holds.post_roll", true, &settings->holds.post_roll);
	set_duration(flat, "holds.review", true, &settings->holds.review);
	set_duration(flat, "holds.future", true, &settings->holds.future);
	set_duration(flat, "holds.release_delay", true, &settings->holds.release_delay);
	set(flat, "holds.two_person", json_boolean(settings->holds.two_person));
	set_text(flat, "holds.case_pattern", settings->holds.case_pattern);
	set(flat, "holds.vault_reserve", json_integer(settings->holds.vault_reserve_percent));
}

json_t *configuration_flat(const struct settings *settings) {
	static const char *const guard_modes[] = {"off", "attribute", "block"};
	static const char *const fingerprints[] = {"never", "hold", "seal"};
	json_t *flat = json_object();
	if (flat == NULL)
		return NULL;
	set_text(flat, "source", settings->source);
	set_duration(flat, "policy.retention", settings->has_retention, &settings->retention);
	set_duration(flat, "policy.legal_maximum", settings->has_legal_maximum, &settings->legal_maximum);
	set_roots(flat, settings);
	set_cameras(flat, settings);
	set_holds(flat, settings);
	set_text(flat, "clock.require", clock_level_name(settings->clock.require));
	set_duration(flat, "clock.max_jump", true, &settings->clock.max_jump);
	set(flat, "brake.days", json_integer(settings->brake.days));
	set(flat, "brake.minimum", json_integer(settings->brake.minimum));
	set_duration(flat, "expiry.interval", true, &settings->expiry_interval);
	set_text(flat, "guard.mode", guard_modes[settings->guard.mode % ARRAY_LENGTH(guard_modes)]);
	set_accessors(flat, "guard.allow", settings->guard.allow, settings->guard.allow_count);
	set_text(flat, "fingerprint", fingerprints[settings->fingerprint % ARRAY_LENGTH(fingerprints)]);
	set_duration(flat, "log.keep", true, &settings->log.keep);
	set_duration(flat, "log.checkpoint", true, &settings->log.checkpoint);
	set_duration(flat, "log.rotate", true, &settings->log.rotate);
	set(flat, "log.syslog", json_boolean(settings->log.syslog));
	set_publish(flat, settings);
	for (unsigned role = 0; role < ROLE_COUNT; role++) {
		char key[64];
		(void)snprintf(key, sizeof key, "roles.%s", role_name((enum role)role));
		set_text(flat, key, settings->role_groups[role]);
	}
	return flat;
}

/* ---- what weakens ---- */

PRINTF_LIKE(2, 3) static void say(json_t *weakened, const char *format, ...) {
	char text[PHRASE_BYTES];
	va_list arguments;
	va_start(arguments, format);
	(void)vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	if (json_array_size(weakened) < WEAKENED_MAX)
		(void)json_array_append_new(weakened, json_stringn(text, utf8_valid_length(text, strlen(text))));
}

static int64_t seconds_of(const json_t *flat, const char *key, int64_t missing) {
	const char *text = json_string_value(json_object_get(flat, key));
	struct duration duration;
	return text != NULL && duration_parse(text, &duration) ? duration_longest_seconds(&duration) : missing;
}

/* The place of a text in a list, from weak to strong. */
static int rank_of(const json_t *flat, const char *key, const char *const *order, size_t count) {
	const char *text = json_string_value(json_object_get(flat, key));
	for (size_t i = 0; text != NULL && i < count; i++)
		if (strcmp(order[i], text) == 0)
			return (int)i;
	return -1;
}

static void compare_rank(
    const json_t *old, const json_t *now, json_t *weakened, const char *key, const char *const *order, size_t count) {
	int before = rank_of(old, key, order, count);
	int after = rank_of(now, key, order, count);
	if (before >= 0 && after >= 0 && after < before)
		say(weakened, "%s lower: %s to %s", key, order[before], order[after]);
}

static void compare_durations(const json_t *old, const json_t *now, json_t *weakened) {
	static const struct {
		const char *key;
		bool longer;
	} rows[] = {{"holds.release_delay", false}, {"holds.review", true}, {"holds.pre_roll", false},
	    {"holds.post_roll", false}, {"clock.max_jump", true}, {"expiry.interval", true}, {"log.keep", false},
	    {"log.checkpoint", true}, {"log.rotate", true}};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		int64_t before = seconds_of(old, rows[i].key, -1);
		int64_t after = seconds_of(now, rows[i].key, -1);
		if (before >= 0 && after >= 0 && (rows[i].longer ? after > before : after < before))
			say(weakened, "%s %s", rows[i].key, rows[i].longer ? "longer" : "shorter");
	}
}

static void compare_numbers(const json_t *old, const json_t *now, json_t *weakened) {
	static const char *const brakes[] = {"brake.days", "brake.minimum"};
	for (size_t i = 0; i < ARRAY_LENGTH(brakes); i++)
		if (json_integer_value(json_object_get(now, brakes[i])) > json_integer_value(json_object_get(old, brakes[i])))
			say(weakened, "brake raised");
	if (json_is_true(json_object_get(old, "holds.two_person")) &&
	    json_is_false(json_object_get(now, "holds.two_person")))
		say(weakened, "two_person off");
	if (json_is_true(json_object_get(old, "log.syslog")) && json_is_false(json_object_get(now, "log.syslog")))
		say(weakened, "log.syslog off");
}

/* The limit of a camera or the policy: its own, else the policy's; none is for ever. */
static int64_t limit_of(const json_t *flat, const char *group, const char *member) {
	char key[KEY_BYTES];
	int64_t policy =
	    seconds_of(flat, strcmp(member, "retention") == 0 ? "policy.retention" : "policy.legal_maximum", INT64_MAX);
	(void)snprintf(key, sizeof key, "%s.%s", group, member);
	return seconds_of(flat, key, policy);
}

static void compare_limit(const json_t *old, const json_t *now, json_t *weakened, const char *group) {
	static const char *const members[] = {"retention", "legal_maximum"};
	for (size_t i = 0; i < ARRAY_LENGTH(members); i++) {
		int64_t before = limit_of(old, group, members[i]);
		int64_t after = limit_of(now, group, members[i]);
		if (after != before)
			say(weakened, "%s %s: %s", members[i], after > before ? "longer" : "shorter", group);
	}
}

/* Whether `key` is PREFIX NAME SUFFIX; NAME goes to ret_name. */
static bool is_between(const char *key, const char *prefix, const char *suffix, char ret_name[KEY_BYTES]) {
	size_t length = strlen(key), before = strlen(prefix), after = strlen(suffix);
	if (length <= before + after || strncmp(key, prefix, before) != 0 || strcmp(key + length - after, suffix) != 0)
		return false;
	return text_copy(ret_name, KEY_BYTES, (struct text){key + before, length - before - after});
}

static void compare_old_key(const json_t *now, json_t *weakened, const char *key, const char *value) {
	char name[KEY_BYTES];
	const char *after = json_string_value(json_object_get(now, key));
	bool is_gone = json_object_get(now, key) == NULL;
	if (is_between(key, "root.", ".mode", name)) {
		if (is_gone)
			say(weakened, "root %s removed", name);
		else if (strcmp(value, "enforce") == 0 && after != NULL && strcmp(after, "enforce") != 0)
			say(weakened, "root %s observes", name);
	} else if (is_between(key, "root.", ".path", name)) {
		if (!is_gone && after != NULL && strcmp(after, value) != 0)
			say(weakened, "root %s moved", name);
	} else if (is_between(key, "root.", ".foreign", name)) {
		if (after != NULL && strcmp(value, "keep") == 0 && strcmp(after, "expire") == 0)
			say(weakened, "root %s: unrecognised files expire", name);
	} else if (is_between(key, "publish.syslog.", "", name) || is_between(key, "publish.witness.", "", name)) {
		if (is_gone)
			say(weakened, "publish target removed: %s", name);
		else if (after != NULL && strcmp(after, value) != 0)
			say(weakened, "key of a witness changed: %s", name);
	}
}

static void compare_new_key(const json_t *old, json_t *weakened, const char *key) {
	char name[KEY_BYTES];
	if (is_between(key, "root.", ".recorder", name) && json_object_get(old, key) == NULL)
		say(weakened, "root %s: a recorder that is never refused", name);
	else if (strcmp(key, "guard.allow") == 0 && json_object_get(old, key) == NULL)
		say(weakened, "guard.allow names more");
}

/* Cameras with a limit of their own, before or now, once each. */
static void compare_cameras(const json_t *old, const json_t *now, json_t *weakened) {
	const char *key;
	json_t *value;
	json_t *seen = json_object();
	const json_t *const both[] = {old, now};
	for (size_t i = 0; seen != NULL && i < ARRAY_LENGTH(both); i++) {
		json_object_foreach((json_t *)(uintptr_t)both[i], key, value) {
			char name[KEY_BYTES], group[KEY_BYTES];
			if (!is_between(key, "camera.", ".sound", name) || json_object_get(seen, name) != NULL)
				continue;
			set(seen, name, json_true());
			(void)snprintf(group, sizeof group, "camera.%.500s", name);
			compare_limit(old, now, weakened, group);
		}
	}
	json_decref(seen);
}

static void compare_lists(const json_t *old, const json_t *now, json_t *weakened) {
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)(uintptr_t)old, key, value)
	    compare_old_key(now, weakened, key, json_is_string(value) ? json_string_value(value) : "");
	json_object_foreach((json_t *)(uintptr_t)now, key, value) {
		const json_t *before = json_object_get(old, key);
		bool is_list = strcmp(key, "guard.allow") == 0;
		if (before == NULL)
			compare_new_key(old, weakened, key);
		else if (is_list && json_string_length(value) > json_string_length(before))
			say(weakened, "guard.allow names more");
	}
}

static json_t *cut(const json_t *value) {
	if (!json_is_string(value))
		return value == NULL ? json_null() : json_incref((json_t *)(uintptr_t)value);
	size_t length = json_string_length(value);
	if (length > VALUE_BYTES)
		length = utf8_valid_length(json_string_value(value), VALUE_BYTES);
	return json_stringn(json_string_value(value), length);
}

static void add_change(json_t *changes, const char *key, const json_t *old, const json_t *now) {
	if (json_array_size(changes) == CHANGES_MAX)
		return;
	json_t *change = json_object();
	set(change, "key", json_stringn(key, utf8_valid_length(key, strnlen(key, 2 * (size_t)VALUE_BYTES))));
	set(change, "old", cut(old));
	set(change, "new", cut(now));
	(void)json_array_append_new(changes, change);
}

int configuration_compare(const json_t *old, const json_t *now, json_t **ret_changes, json_t **ret_weakened) {
	static const char *const levels[] = {"untrusted", "unverified", "rtc", "holdover", "synced"};
	static const char *const guard_modes[] = {"off", "attribute", "block"};
	static const char *const fingerprints[] = {"never", "hold", "seal"};
	json_t *changes = json_array(), *weakened = json_array();
	const char *key;
	json_t *value;
	if (changes == NULL || weakened == NULL) {
		json_decref(changes);
		json_decref(weakened);
		return -ENOMEM;
	}
	json_object_foreach((json_t *)(uintptr_t)old, key, value) {
		const json_t *after = json_object_get(now, key);
		if (after == NULL || !json_equal(value, after))
			add_change(changes, key, value, after);
	}
	json_object_foreach((json_t *)(uintptr_t)now, key, value) {
		if (json_object_get(old, key) == NULL)
			add_change(changes, key, NULL, value);
	}
	compare_numbers(old, now, weakened);
	compare_lists(old, now, weakened);
	compare_limit(old, now, weakened, "policy");
	compare_cameras(old, now, weakened);
	compare_durations(old, now, weakened);
	compare_rank(old, now, weakened, "clock.require", levels, ARRAY_LENGTH(levels));
	compare_rank(old, now, weakened, "guard.mode", guard_modes, ARRAY_LENGTH(guard_modes));
	compare_rank(old, now, weakened, "fingerprint", fingerprints, ARRAY_LENGTH(fingerprints));
	*ret_changes = changes;
	*ret_weakened = weakened;
	return 0;
}

/* ---- the entry ---- */

static json_t *details_of(const struct settings *settings) {
	char retention[64] = "", maximum[64] = "";
	if (settings->has_retention)
		duration_format(&settings->retention, retention, sizeof retention);
	if (settings->has_legal_maximum)
		duration_format(&settings->legal_maximum, maximum, sizeof maximum);
	json_t *roots = json_array();
	for (size_t i = 0; i < settings->root_count; i++)
		(void)json_array_append_new(roots,
		    json_pack("{s:s, s:s}", "root", settings->roots[i].name, "mode", root_mode_name(settings->roots[i].mode)));
	return json_pack("{s:s, s:s, s:s, s:b, s:o}", "source", settings->source, "retention", retention, "legal_maximum",
	    maximum, "two_person", (int)settings->holds.two_person, "roots", roots);
}

static json_t *last_in_force(struct keeper *keeper) {
	char *kept = malloc(KEPT_BYTES);
	json_t *old = NULL;
	if (kept != NULL && state_value_get(keeper->state, KEPT_KEY, kept, KEPT_BYTES) == 0)
		old = json_loads(kept, 0, NULL);
	free(kept);
	return old;
}

static void keep(struct keeper *keeper, const json_t *now) {
	char *text = json_dumps(now, JSON_COMPACT);
	int error = text == NULL ? -ENOMEM : state_value_put(keeper->state, KEPT_KEY, text);
	if (error != 0)
		log_warning_errno(error, "cannot keep which configuration is in force");
	free(text);
}

static int append(struct keeper *keeper, const struct audit_actor *actor, json_t *details) {
	return record_append(keeper, AUDIT_CONFIGURATION, AUDIT_SUCCESS, NULL, actor, details, NULL);
}

static void record_change(
    struct keeper *keeper, const struct audit_actor *actor, const json_t *old, const json_t *now) {
	json_t *changes = NULL, *weakened = NULL;
	json_t *details = details_of(keeper->settings);
	if (old == NULL) {
		(void)json_object_set_new(details, "previous", json_string("unknown"));
		weakened = json_pack("[s]", "the configuration before is not known");
	} else if (configuration_compare(old, now, &changes, &weakened) == 0) {
		(void)json_object_set(details, "changes", changes);
	}
	if (json_array_size(weakened) > 0)
		(void)json_object_set(details, "weakened", weakened);
	/* What does not fit into one entry is left out: what changed, then the roots. */
	json_t *shorter = json_copy(details);
	(void)json_object_del(shorter, "changes");
	json_t *shortest = json_copy(shorter);
	(void)json_object_del(shortest, "roots");
	if (append(keeper, actor, details) == -EMSGSIZE && append(keeper, actor, json_incref(shorter)) == -EMSGSIZE)
		(void)append(keeper, actor, json_incref(shortest));
	json_decref(shorter);
	json_decref(shortest);
	json_decref(changes);
	json_decref(weakened);
}

void configuration_record(struct keeper *keeper, const struct audit_actor *actor, enum configuration_when when) {
	json_t *now = configuration_flat(keeper->settings);
	json_t *old = last_in_force(keeper);
	bool changed = now != NULL && (old == NULL ? when != CONFIGURATION_FIRST : !json_equal(old, now));
	if (changed || (now != NULL && when == CONFIGURATION_RELOADED))
		record_change(keeper, actor, old, now);
	if (now != NULL && (changed || old == NULL))
		keep(keeper, now);
	json_decref(old);
	json_decref(now);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/terms.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/zone.h"

enum { DEPTH_MAX = 16 };

struct walk {
	void (*each)(enum audit_term kind, const char *text, void *context);
	void *context;
};

/* Where in the entry we are. */
struct place {
	bool user;   /* in an object that names a user */
	bool parent; /* in one about a process further up */
	unsigned depth;
};

static bool ends_in(const char *text, const char *end) {
	size_t length = strlen(text), wanted = strlen(end);
	return length >= wanted && strcmp(text + length - wanted, end) == 0;
}

static bool is_one_of(const char *text, const char *const *list) {
	for (; *list != NULL; list++)
		if (strcmp(*list, text) == 0)
			return true;
	return false;
}

static void tell(const struct walk *walk, enum audit_term kind, const json_t *value) {
	char number[24];
	if (json_is_string(value) && json_string_length(value) > 0)
		walk->each(kind, json_string_value(value), walk->context);
	if (json_is_integer(value)) {
		(void)snprintf(number, sizeof number, "%" PRId64, (int64_t)json_integer_value(value));
		walk->each(kind, number, walk->context);
	}
}

/* A text, or several. */
static void tell_texts(const struct walk *walk, enum audit_term kind, const json_t *value) {
	size_t i;
	json_t *item;
	if (json_is_string(value))
		tell(walk, kind, value);
	if (json_is_array(value))
		json_array_foreach(value, i, item) if (json_is_string(item)) tell(walk, kind, item);
}

static bool is_held(const char *key, const json_t *value) {
	if (strcmp(key, "holds") == 0)
		return json_array_size(value) > 0;
	return strcmp(key, "held") == 0 &&
	       (json_is_true(value) || json_integer_value(value) > 0 || json_array_size(value) > 0);
}

static void look_at(const struct walk *walk, const char *key, const json_t *value, const struct place *place) {
	static const char *const CAMERAS[] = {"camera", "cameras", NULL}, *const CASES[] = {"case", "cases", NULL};
	static const char *const HOLDS[] = {"hold", "holds", NULL}, *const ADDRESSES[] = {"ip", "address", NULL};
	static const char *const ACTORS[] = {"login_uid", "login_name", "unit", "executable", NULL};
	if (is_one_of(key, CAMERAS))
		tell_texts(walk, AUDIT_TERM_CAMERA, value);
	else if (is_one_of(key, CASES))
		tell_texts(walk, AUDIT_TERM_CASE, value);
	else if (is_one_of(key, HOLDS))
		tell_texts(walk, AUDIT_TERM_HOLD, value);
	else if (is_one_of(key, ADDRESSES))
		tell_texts(walk, AUDIT_TERM_ACTOR, value);
	else if ((is_one_of(key, ACTORS) || ends_in(key, "user")) && !place->parent)
		tell(walk, AUDIT_TERM_ACTOR, value);
	if (strcmp(key, "id") == 0 && json_is_string(value) && strncmp(json_string_value(value), "H-", 2) == 0)
		tell(walk, AUDIT_TERM_HOLD, value);
	if (place->user && !place->parent && (strcmp(key, "id") == 0 || strcmp(key, "name") == 0))
		tell(walk, AUDIT_TERM_ACTOR, value);
	if (is_held(key, value))
		walk->each(AUDIT_TERM_HELD, "held", walk->context);
}

static void descend(const struct walk *walk, const json_t *value, const struct place *place) {
	static const char *const PARENTS[] = {"parent", "parents", "ancestors", NULL};
	static const char *const GROUPS[] = {"group", "groups", NULL};
	const char *key;
	json_t *item;
	size_t i;
	struct place inner = {.user = place->user, .parent = place->parent, .depth = place->depth + 1};
	if (place->depth >= DEPTH_MAX)
		return;
	if (json_is_array(value))
		json_array_foreach(value, i, item) descend(walk, item, &inner);
	if (!json_is_object(value))
		return;
	json_object_foreach((json_t *)(uintptr_t)value, key, item) {
		/* What somebody looked for is not what happened: else every search would find itself. */
		if (place->depth == 0 && strcmp(key, "query") == 0)
			continue;
		look_at(walk, key, item, place);
		inner.user = (place->user || ends_in(key, "user")) && !is_one_of(key, GROUPS);
		inner.parent = place->parent || is_one_of(key, PARENTS);
		descend(walk, item, &inner);
	}
}

void audit_terms(
    const json_t *entry, void (*each)(enum audit_term kind, const char *text, void *context), void *context) {
	const struct walk walk = {each, context};
	const json_t *event = json_object_get(entry, "event"), *type = json_object_get(event, "type");
	const char *action = json_string_value(json_object_get(event, "action"));
	size_t i;
	json_t *item;
	tell(&walk, AUDIT_TERM_ACTION, json_object_get(event, "action"));
	tell(&walk, AUDIT_TERM_OUTCOME, json_object_get(event, "outcome"));
	json_array_foreach(type, i, item) if (json_is_string(item) && strcmp(json_string_value(item), "denied") == 0)
	    each(AUDIT_TERM_OUTCOME, "denied", context);
	if (action != NULL && strncmp(action, "hold-", 5) == 0)
		each(AUDIT_TERM_HELD, "held", context);
	descend(&walk, entry, &(struct place){0});
}

bool audit_term_matches(enum audit_term kind, const char *found, const char *wanted) {
	if (strcmp(found, wanted) == 0)
		return true;
	size_t length = strlen(found), part = strlen(wanted);
	return (kind == AUDIT_TERM_CAMERA || kind == AUDIT_TERM_ACTOR) && part > 0 && length > part &&
	       found[length - part - 1] == '/' && strcmp(found + length - part, wanted) == 0;
}

int64_t audit_entry_time_us(const json_t *entry) {
	int year, month, day, hour, minute, second, millisecond = 0;
	const char *text = json_string_value(json_object_get(entry, "@timestamp"));
	if (text == NULL ||
	    sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d.%3d", &year, &month, &day, &hour, &minute, &second, &millisecond) < 6)
		return 0;
	int64_t seconds = calendar_days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
	return seconds * US_PER_SECOND + millisecond * INT64_C(1000);
}

struct match {
	const struct audit_filter *filter;
	unsigned found; /* bit by kind */
};

static void match_term(enum audit_term kind, const char *text, void *context) {
	struct match *match = context;
	const char *wanted = match->filter->terms[kind];
	if (wanted != NULL && audit_term_matches(kind, text, wanted))
		match->found |= 1u << kind;
}

static unsigned needed_by(const struct audit_filter *filter) {
	unsigned needed = 0;
	for (unsigned kind = 0; kind < AUDIT_TERM_COUNT; kind++)
		needed |= filter->terms[kind] != NULL ? 1u << kind : 0;
	return needed;
}

bool audit_filter_matches(const struct audit_filter *filter, const json_t *entry) {
	if (filter->has_span) {
		int64_t time_us = audit_entry_time_us(entry);
		if (time_us < filter->from_us || time_us >= filter->to_us)
			return false;
	}
	unsigned needed = needed_by(filter);
	struct match match = {.filter = filter};
	if (needed != 0)
		audit_terms(entry, match_term, &match);
	return match.found == needed;
}

bool audit_filter_is_empty(const struct audit_filter *filter) {
	return !filter->has_span && needed_by(filter) == 0;
}

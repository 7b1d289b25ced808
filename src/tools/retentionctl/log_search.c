/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log search: every entry is read, newest first, until there are enough. */
#include <errno.h>
#include <inttypes.h>
#include <retention/log.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/span.h"
#include "command.h"
#include "log_entry.h"
#include "log_source.h"
#include "nouns.h"
#include "screen.h"

struct filter {
	bool has_span;
	struct span span;
	const char *actor, *camera, *action, *reference;
};

/* True if anywhere in the entry a key of these names has this text, or ends in "/text" (a camera's short name). */
static bool mentions(const json_t *value, const char *const *keys, const char *text, bool inside) {
	const char *key;
	json_t *item;
	size_t i;
	if (json_is_string(value) && inside) {
		const char *found = json_string_value(value);
		size_t length = strlen(found), wanted = strlen(text);
		return strcmp(found, text) == 0 ||
		       (length > wanted && found[length - wanted - 1] == '/' && strcmp(found + length - wanted, text) == 0);
	}
	if (json_is_array(value))
		json_array_foreach(value, i, item) {
			if (mentions(item, keys, text, inside))
				return true;
		}
	if (json_is_object(value))
		json_object_foreach((json_t *)value, key, item) {
			bool named = false;
			for (size_t k = 0; keys[k] && !named; k++)
				named = strcmp(keys[k], key) == 0;
			if (mentions(item, keys, text, named))
				return true;
		}
	return false;
}

static bool actor_is(const json_t *entry, const char *actor) {
	const json_t *user = json_object_get(entry, "user"), *id = json_object_get(user, "id");
	char number[24];
	(void)snprintf(number, sizeof(number), "%" PRId64, (int64_t)json_integer_value(id));
	return strcmp(get_text(user, "name"), actor) == 0 || (json_is_integer(id) && strcmp(number, actor) == 0) ||
	       (json_is_string(id) && strcmp(json_string_value(id), actor) == 0);
}

static bool matches(const json_t *entry, const struct filter *filter) {
	static const char *const CAMERA_KEYS[] = {"camera", "cameras", NULL}, *const CASE_KEYS[] = {"case", NULL};
	int64_t time = entry_time(entry);
	if (filter->has_span && (time < filter->span.from_us || time >= filter->span.to_us))
		return false;
	if (filter->action && strcmp(get_text(json_object_get(entry, "event"), "action"), filter->action) != 0)
		return false;
	if (filter->actor && !actor_is(entry, filter->actor))
		return false;
	if (filter->camera && !mentions(entry, CAMERA_KEYS, filter->camera, false))
		return false;
	return !filter->reference || mentions(entry, CASE_KEYS, filter->reference, false);
}

static int span_fail(enum span_error error, const char *message) {
	if (error != SPAN_OK)
		(void)fprintf(stderr, "retentionctl: %s\n", message);
	return error == SPAN_OK ? EXIT_DONE : EXIT_USAGE;
}

/* --at, or --from and --to, in the box's zone. */
static int span_take(const struct context *context, const struct log_source *source, struct filter *filter) {
	const char *at = json_string_value(json_object_get(context->params, "at"));
	const char *from = json_string_value(json_object_get(context->params, "from"));
	const char *to = json_string_value(json_object_get(context->params, "to"));
	char message[512] = "";
	int64_t now = clock_wall_us();
	filter->has_span = at || from || to;
	if (at)
		return span_fail(span_parse(at, source->zone, now, &filter->span, message, sizeof(message)), message);
	filter->span = (struct span){.from_us = INT64_MIN, .to_us = INT64_MAX};
	int code =
	    from ? span_fail(span_parse_instant(from, source->zone, now, &filter->span.from_us, message, sizeof(message)),
	               message)
	         : EXIT_DONE;
	if (code == EXIT_DONE && to)
		code = span_fail(
		    span_parse_instant(to, source->zone, now, &filter->span.to_us, message, sizeof(message)), message);
	return code;
}

/* The newest that match, oldest first. Entries that were pruned end the search: all before are gone, too. */
static json_t *search(struct log_source *source, const struct filter *filter, size_t limit, int *ret_code) {
	json_t *found = json_array();
	for (uint64_t number = source->head.size; number > 0 && json_array_size(found) < limit; number--) {
		const char *bytes;
		size_t length;
		int error = retention_log_entry(source->log, number - 1, &bytes, &length);
		if (error == -ENOENT) {
			(void)fprintf(stderr, "entries before %" PRIu64 " were pruned\n", number);
			break;
		}
		json_t *entry = error == 0 ? json_loadb(bytes, length, 0, NULL) : NULL;
		if (!entry) {
			char *why = screen_escape(error < 0 ? retention_log_error(source->log) : "no JSON");
			(void)fprintf(
			    stderr, "retentionctl: entry %" PRIu64 ": %s; `log verify` says what does not hold\n", number - 1, why);
			free(why);
			*ret_code = EXIT_FINDING;
			break;
		}
		if (matches(entry, filter))
			json_array_append(found, entry);
		json_decref(entry);
	}
	return found;
}

int log_search_run(struct context *context) {
	struct log_source source;
	struct filter filter = {.actor = context_option(context, "actor"),
	    .camera = context_option(context, "camera"),
	    .action = context_option(context, "action"),
	    .reference = context_option(context, "case")};
	const json_t *given = json_object_get(context->local, "limit");
	size_t limit = given && json_integer_value(given) > 0 ? (size_t)json_integer_value(given) : 1000;
	int code = log_source_open(context, "search", &source);
	if (code != EXIT_DONE)
		return code;
	code = span_take(context, &source, &filter);
	if (code == EXIT_DONE) {
		json_t *newest = search(&source, &filter, limit, &code);
		json_t *entries = json_array();
		for (size_t i = json_array_size(newest); i > 0; i--)
			json_array_append(entries, json_array_get(newest, i - 1));
		json_decref(newest);
		if (context->output == OUTPUT_TABLE) {
			if (!context->no_pager)
				screen_page();
			for (size_t i = 0; i < json_array_size(entries); i++)
				entry_line(json_array_get(entries, i), source.zone);
			put(STYLE_DIM, "%zu entries, of %" PRIu64 " under the checkpoint\n", json_array_size(entries),
			    source.head.size);
		} else {
			json_t *answer =
			    json_pack("{s:i, s:I, s:O}", "schema", 1, "size", (json_int_t)source.head.size, "entries", entries);
			context_show(context, answer);
			json_decref(answer);
		}
		json_decref(entries);
	}
	log_source_close(&source);
	return code;
}

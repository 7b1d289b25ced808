/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An entry of the audit log as people read it. */
#include "log_entry.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/zone.h"
#include "screen.h"

int64_t entry_time(const json_t *entry) {
	int year, month, day, hour, minute, second;
	if (sscanf(get_text(entry, "@timestamp"), "%d-%d-%dT%d:%d:%d", &year, &month, &day, &hour, &minute, &second) != 6)
		return 0;
	return (calendar_days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second) * US_PER_SECOND;
}

/* What it is about, in a few words: camera, hold, root, request. */
static const char *subject_of(const json_t *entry) {
	const json_t *hold = json_object_get(entry, "hold"), *request = json_object_get(entry, "request");
	const json_t *segments = json_object_get(entry, "segments");
	if (get_text(entry, "camera")[0] && segments)
		return text_format("%s: %" PRId64 " files%s%s", get_text(entry, "camera"), get_number(segments, "count"),
		    get_text(entry, "rule")[0] ? ", by " : "", get_text(entry, "rule"));
	if (get_text(entry, "camera")[0])
		return get_text(entry, "camera");
	if (hold)
		return text_format(
		    "%s%s%s", get_text(hold, "id"), get_text(hold, "case")[0] ? " for " : "", get_text(hold, "case"));
	if (request)
		return get_number(request, "count") > 0 ? text_format("%s, %" PRId64 " times more", get_text(request, "method"),
		                                              get_number(request, "count"))
		                                        : get_text(request, "method");
	if (get_text(json_object_get(entry, "query"), "command")[0])
		return get_text(json_object_get(entry, "query"), "command");
	return get_text(entry, "root");
}

void entry_line(const json_t *entry, const struct zone *zone) {
	const json_t *event = json_object_get(entry, "event"), *user = json_object_get(entry, "user");
	char local[48];
	time_format_local(zone, entry_time(entry), local, sizeof(local));
	local[19] = '\0';
	bool failed = strcmp(get_text(event, "outcome"), "failure") == 0;
	put(STYLE_DIM, "%7" PRId64 "  %s  ", get_number(event, "sequence"), local);
	char *action = screen_escape(get_text(event, "action"));
	put(failed ? STYLE_BAD : STYLE_PLAIN, "%-18s", action);
	free(action);
	const char *subject = subject_of(entry);
	if (subject[0]) {
		put(STYLE_PLAIN, " ");
		put_text(STYLE_PLAIN, subject);
	}
	if (get_text(user, "name")[0]) {
		put(STYLE_PLAIN, " (");
		put_text(STYLE_PLAIN, get_text(user, "name"));
		put(STYLE_PLAIN, ")");
	}
	if (get_text(event, "reason")[0]) {
		put(STYLE_PLAIN, ": ");
		put_text(failed ? STYLE_BAD : STYLE_PLAIN, get_text(event, "reason"));
	}
	put(STYLE_PLAIN, "\n");
}

void entry_show(const json_t *entry, uint64_t number, const struct zone *zone) {
	char local[48];
	time_format_local(zone, entry_time(entry), local, sizeof(local));
	put(STYLE_BOLD, "Entry %" PRIu64 "  ", number);
	put_text(STYLE_BOLD, get_text(json_object_get(entry, "event"), "action"));
	put(STYLE_DIM, "  %s  (%s, %s)\n", get_text(entry, "@timestamp"), local, zone_name(zone));
	(void)json_dumpf(entry, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
	put(STYLE_PLAIN, "\n");
}

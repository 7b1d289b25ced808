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
	const json_t *segments = json_object_get(entry, "segments"), *recorder = json_object_get(entry, "recorder");
	if (get_text(entry, "camera")[0] && segments)
		return text_format("%s: %" PRId64 " files%s%s", get_text(entry, "camera"), get_number(segments, "count"),
		    get_text(entry, "rule")[0] ? ", by " : "", get_text(entry, "rule"));
	if (get_text(entry, "camera")[0] && get_number(recorder, "count") > 1)
		return text_format("%s, %s opens", get_text(entry, "camera"), text_count(get_number(recorder, "count")));
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

/* Name, or number. */
static const char *user_of(const json_t *user) {
	return get_text(user, "name")[0] ? get_text(user, "name") : get_text(user, "id");
}

/* The last part of the executable's path; where that is not known, the name that the process gave itself. */
static const char *program_of(const json_t *process) {
	const char *path = get_text(process, "executable"), *slash = strrchr(path, '/');
	const char *name = slash != NULL && slash[1] != '\0' ? slash + 1 : path;
	return name[0] != '\0' ? name : get_text(process, "name");
}

/* " (root, cat, 192.0.2.7)": who, with what, for whom; "" where nobody is named. A Samba user is the user. */
static const char *who_of(const json_t *entry) {
	const json_t *process = json_object_get(entry, "process"), *actor = json_object_get(entry, "actor");
	const char *parts[3] = {
	    user_of(json_object_get(entry, "user")), program_of(process), get_text(json_object_get(entry, "source"), "ip")};
	char who[240];
	size_t used = 0;
	if (actor == NULL)
		return get_text(json_object_get(entry, "user"), "name")[0] ? text_format(" (%s)", parts[0]) : "";
	if (get_flag(actor, "kernel"))
		parts[1] = "file server in the kernel";
	for (size_t i = 0; i < ARRAY_LENGTH(parts); i++)
		if (parts[i][0] != '\0' && used < sizeof(who))
			used += (size_t)snprintf(who + used, sizeof(who) - used, "%s%s", used > 0 ? ", " : "", parts[i]);
	return used > 0 ? text_format(" (%s)", who) : "";
}

enum { SUBJECT_COLUMN = 49, MORE_COLUMN = 9 };

static bool fits(const char *subject, const char *who) {
	size_t columns = 0;
	for (const char *c = subject; *c != '\0'; c++)
		columns += (*c & 0xc0) != 0x80;
	for (const char *c = who; *c != '\0'; c++)
		columns += (*c & 0xc0) != 0x80;
	return SUBJECT_COLUMN + columns <= (size_t)screen_width();
}

/* What guard saw: subject and who, on the line where there is room, else below it. */
static void access_line(const json_t *entry, enum style style) {
	const char *reason = get_text(json_object_get(entry, "event"), "reason");
	char *subject = screen_escape(subject_of(entry)), *who = NULL;
	if (asprintf(&who, "%s%s%s", who_of(entry), reason[0] ? ": " : "", reason) < 0)
		abort();
	char *escaped = screen_escape(who);
	bool one_line = fits(subject, escaped);
	put(STYLE_PLAIN, "%s", fits(subject, "") ? subject : "");
	put(style, "%s\n", one_line ? escaped : "");
	if (!fits(subject, ""))
		put_wrapped(STYLE_PLAIN, text_format("%*s", MORE_COLUMN, ""), subject_of(entry));
	if (!one_line)
		put_wrapped(style, text_format("%*s", MORE_COLUMN, ""), who[0] == ' ' ? who + 1 : who);
	free(subject);
	free(who);
	free(escaped);
}

void entry_line(const json_t *entry, const struct zone *zone) {
	const json_t *event = json_object_get(entry, "event");
	char local[48];
	time_format_local(zone, entry_time(entry), local, sizeof(local));
	local[19] = '\0';
	bool failed = strcmp(get_text(event, "outcome"), "failure") == 0;
	put(STYLE_DIM, "%7" PRId64 "  %s  ", get_number(event, "sequence"), local);
	char *action = screen_escape(get_text(event, "action"));
	put(failed ? STYLE_BAD : STYLE_PLAIN, "%-18s", action);
	free(action);
	if (json_object_get(entry, "actor") != NULL) {
		put(STYLE_PLAIN, " ");
		access_line(entry, failed ? STYLE_BAD : STYLE_PLAIN);
		return;
	}
	const char *subject = subject_of(entry);
	if (subject[0]) {
		put(STYLE_PLAIN, " ");
		put_text(STYLE_PLAIN, subject);
	}
	put_text(STYLE_PLAIN, who_of(entry));
	if (get_text(event, "reason")[0]) {
		put(STYLE_PLAIN, ": ");
		put_text(failed ? STYLE_BAD : STYLE_PLAIN, get_text(event, "reason"));
	}
	put(STYLE_PLAIN, "\n");
}

/* ---- in words ---- */

static const char *user_words(const json_t *user) {
	const char *name = get_text(user, "name"), *id = get_text(user, "id");
	return name[0] != '\0' ? text_format("%.100s (%s)", name, id) : id;
}

static const json_t *other_than(const json_t *user, const json_t *other) {
	return strcmp(get_text(user, "id"), get_text(other, "id")) != 0 ? other : NULL;
}

static void user_show(const json_t *entry, const json_t *process, const json_t *actor) {
	const json_t *user = json_object_get(entry, "user");
	const json_t *effective = other_than(user, json_object_get(user, "effective"));
	const json_t *real = other_than(user, json_object_get(process, "real_user"));
	const char *login = get_text(actor, "login_uid");
	if (get_text(user, "id")[0] == '\0')
		put_line("User", STYLE_WARN, "%s",
		    get_flag(actor, "kernel") ? "not known: a file server in the kernel, which does not tell" : "not known");
	else
		put_line("User", STYLE_PLAIN, "%s%s%s%s%s", user_words(user), effective != NULL ? ", effective user " : "",
		    user_words(effective), real != NULL ? ", started by " : "", user_words(real));
	if (login[0] == '\0')
		put_line("Logged in", STYLE_DIM, "nobody: a service, or not known");
	else if (get_text(actor, "login_name")[0])
		put_line("Logged in", STYLE_PLAIN, "%s (%s)", get_text(actor, "login_name"), login);
	else
		put_line("Logged in", STYLE_PLAIN, "%s", login);
}

static void program_show(const json_t *process) {
	const char *path = get_text(process, "executable"), *command = get_text(process, "command_line");
	put_line("Program", STYLE_PLAIN, "%s, process %" PRId64 "%s%s", path[0] != '\0' ? path : "not known",
	    get_number(process, "pid"), get_text(process, "start")[0] ? ", begun " : "", get_text(process, "start"));
	if (get_text(process, "name")[0])
		put_line(
		    "", STYLE_DIM, "calls itself %s%s%s", get_text(process, "name"), command[0] != '\0' ? ": " : "", command);
	const json_t *parents = json_object_get(process, "parents"), *parent;
	size_t i;
	json_array_foreach(parents, i, parent) {
		const char *program = get_text(parent, "executable");
		put_line(i == 0 ? "Parents" : "", STYLE_PLAIN, "%s of %s, process %" PRId64,
		    program[0] != '\0' ? program : get_text(parent, "name"), user_words(json_object_get(parent, "user")),
		    get_number(parent, "pid"));
	}
	int64_t more = get_number(process, "parents_count") - (int64_t)json_array_size(parents);
	if (more > 0)
		put_line("", STYLE_DIM, "and %" PRId64 " more", more);
}

static void place_show(const json_t *entry, const json_t *actor) {
	const json_t *source = json_object_get(entry, "source");
	const char *protocol = get_text(json_object_get(entry, "network"), "protocol"), *tty = get_text(actor, "tty");
	const char *unit = get_text(actor, "unit");
	if (unit[0] != '\0' || tty[0] != '\0')
		put_line("Unit", STYLE_PLAIN, "%s%s%s%s", unit[0] != '\0' ? unit : "none", tty[0] != '\0' ? ", terminal " : "",
		    tty, get_flag(actor, "foreign_namespace") ? ", in a mount namespace of its own" : "");
	else if (get_flag(actor, "foreign_namespace"))
		put_line("Unit", STYLE_PLAIN, "none, in a mount namespace of its own");
	if (get_text(source, "ip")[0] && json_object_get(source, "port") != NULL)
		put_line("Address", STYLE_PLAIN, "%s port %" PRId64 "%s%s", get_text(source, "ip"), get_number(source, "port"),
		    protocol[0] != '\0' ? ", by " : "", protocol);
	else if (get_text(source, "ip")[0])
		put_line(
		    "Address", STYLE_PLAIN, "%s%s%s", get_text(source, "ip"), protocol[0] != '\0' ? ", by " : "", protocol);
	else if (get_number(actor, "clients") > 1)
		put_line(
		    "Address", STYLE_WARN, "one of %" PRId64 " clients that it served at once", get_number(actor, "clients"));
	else
		put_line("Address", STYLE_DIM, "none: on this machine, or not known");
}

static void opens_show(const json_t *entry) {
	const json_t *recorder = json_object_get(entry, "recorder"), *file = json_object_get(entry, "file");
	if (recorder == NULL)
		return;
	put_line("Opened", STYLE_PLAIN, "%s: %s%s%s",
	    get_text(entry, "camera")[0] ? get_text(entry, "camera") : "no camera",
	    get_text(file, "path")[0] ? get_text(file, "path") : "a file whose path could not be told",
	    get_number(recorder, "files") > 1
	        ? text_format(", and %s more%s", text_count(get_number(recorder, "files") - 1),
	              get_flag(recorder, "files_at_least") ? " at least" : "")
	        : "",
	    get_number(recorder, "count") > 1 ? text_format(", %s times in all", text_count(get_number(recorder, "count")))
	                                      : "");
	if (!get_flag(recorder, "reliable"))
		put_line("", STYLE_WARN, "the process had changed or gone before it was looked at wholly");
}

/* Who did it, of an entry that guard saw. */
static void actor_show(const json_t *entry) {
	const json_t *process = json_object_get(entry, "process"), *actor = json_object_get(entry, "actor");
	if (actor == NULL)
		return;
	opens_show(entry);
	user_show(entry, process, actor);
	if (process != NULL)
		program_show(process);
	place_show(entry, actor);
	put(STYLE_PLAIN, "\n");
}

void entry_show(const json_t *entry, uint64_t number, const struct zone *zone) {
	char local[48];
	time_format_local(zone, entry_time(entry), local, sizeof(local));
	put(STYLE_BOLD, "Entry %" PRIu64 "  ", number);
	put_text(STYLE_BOLD, get_text(json_object_get(entry, "event"), "action"));
	put(STYLE_DIM, "  %s  (%s, %s)\n", get_text(entry, "@timestamp"), local, zone_name(zone));
	actor_show(entry);
	(void)json_dumpf(entry, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
	put(STYLE_PLAIN, "\n");
}

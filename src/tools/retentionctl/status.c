/* SPDX-License-Identifier: GPL-2.0-or-later */
/* status: one sentence, what needs a person, then small tables. */
#include <inttypes.h>
#include <retention/client.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "nouns.h"
#include "screen.h"

static const char *limit_text(const json_t *rule) {
	const char *retention = get_text(rule, "retention"), *legal = get_text(rule, "legal_maximum");
	if (!retention[0] && !legal[0])
		return "none";
	if (!retention[0] || !legal[0])
		return retention[0] ? retention : legal;
	return text_format("%s/%s", retention, legal);
}

static void cameras_show(const json_t *cameras) {
	size_t i;
	json_t *camera;
	if (json_array_size(cameras) == 0)
		return;
	struct table *table = table_new("CAMERA|>KEPT|>LIMIT|OLDEST|>FILES|>SIZE|>OVERDUE|NEXT GOES");
	json_array_foreach(cameras, i, camera) {
		int64_t kept = get_number(camera, "kept_seconds"), past = get_number(camera, "past_limit");
		const char *const cells[] = {get_text(camera, "camera"),
		    text_format("%" PRId64 ".%" PRId64 " d", kept / 86400, kept % 86400 / 8640),
		    limit_text(json_object_get(camera, "rule")), text_moment(camera, "oldest"),
		    text_count(get_number(camera, "segments")), text_bytes(get_number(camera, "bytes")), text_count(past),
		    text_moment(camera, "next_due")};
		table_row(table, past > 0 ? STYLE_BAD : STYLE_PLAIN, cells);
	}
	put(STYLE_PLAIN, "\n");
	table_end(table);
}

static void roots_show(const json_t *roots) {
	size_t i;
	json_t *root;
	struct table *table = table_new("ROOT|STATE|MODE|DISK|>FREE|WATCHED");
	json_array_foreach(roots, i, root) {
		int64_t folders = get_number(root, "folders"), watched = get_number(root, "folders_watched");
		bool offline = strcmp(get_text(root, "state"), "offline") == 0;
		const char *const cells[] = {get_text(root, "root"), get_text(root, "state"), get_text(root, "mode"),
		    get_text(root, "filesystem"), text_bytes(get_number(root, "bytes_free")),
		    watched >= folders ? "all folders" : text_format("%s of %s", text_count(watched), text_count(folders))};
		table_row(table, offline ? STYLE_BAD : STYLE_PLAIN, cells);
	}
	put(STYLE_PLAIN, "\n");
	table_end(table);
}

static void holds_line(const json_t *holds) {
	int64_t owed = get_number(holds, "details_owed"), pending = get_number(holds, "release_pending");
	int64_t late = get_number(holds, "review_overdue");
	const char *owed_text = owed ? text_format("; %" PRId64 " owe details", owed) : "";
	const char *pending_text = pending ? text_format("; %" PRId64 " release pending", pending) : "";
	const char *late_text = late ? text_format("; %" PRId64 " past review", late) : "";
	put_line("Holds", late ? STYLE_WARN : STYLE_PLAIN, "%" PRId64 " in force%s%s%s", get_number(holds, "in_force"),
	    owed_text, pending_text, late_text);
}

static void deletion_line(const json_t *deletion) {
	if (get_flag(deletion, "paused"))
		put_line("Deletion", STYLE_BAD, "paused: %s", get_text(deletion, "text"));
	else
		put_line("Deletion", STYLE_PLAIN, "runs; last pass %s, next %s; %s files (%s) since the start",
		    text_moment(deletion, "last_pass"), text_moment(deletion, "next_pass"),
		    text_count(get_number(deletion, "deleted_segments")), text_bytes(get_number(deletion, "deleted_bytes")));
}

static bool observed_alike(const json_t *roots) {
	size_t i;
	json_t *root;
	const json_t *first = json_object_get(json_array_get(roots, 0), "observation");
	json_array_foreach(roots, i, root) {
		const json_t *other = json_object_get(root, "observation");
		if (strcmp(get_text(first, "level"), get_text(other, "level")) != 0)
			return false;
	}
	return true;
}

static void opens_line(const char *label, const char *root, const json_t *observed, int64_t opens, int64_t denied) {
	bool best = strcmp(get_text(observed, "level"), "permission") == 0;
	bool none = strcmp(get_text(observed, "level"), "none") == 0;
	const char *today = none ? "" : text_format("; today %s, %s refused", text_count(opens), text_count(denied));
	put_line(label, best ? STYLE_PLAIN : STYLE_WARN, "%s%s%s, since %s%s", root, root[0] ? ": " : "",
	    get_text(observed, "text"), text_moment(observed, "since"), today);
}

/* One line where all roots are seen alike, else one a root. */
static void opens_show(const json_t *observation, const json_t *roots) {
	size_t i;
	json_t *root;
	int64_t opens = 0, denied = 0;
	if (json_array_size(roots) == 0 || !observation)
		return;
	if (strcmp(get_text(observation, "mode"), "off") == 0) {
		put_line("Opens", STYLE_WARN, "not seen: guard.mode is off");
		return;
	}
	json_array_foreach(roots, i, root) {
		opens += get_number(json_object_get(root, "observation"), "opens_today");
		denied += get_number(json_object_get(root, "observation"), "denied_today");
	}
	if (observed_alike(roots)) {
		opens_line("Opens", "", json_object_get(json_array_get(roots, 0), "observation"), opens, denied);
		return;
	}
	json_array_foreach(roots, i, root) {
		const json_t *observed = json_object_get(root, "observation");
		opens_line(i == 0 ? "Opens" : "", get_text(root, "root"), observed, get_number(observed, "opens_today"),
		    get_number(observed, "denied_today"));
	}
}

/* Where nothing leaves the box, nothing is said: doctor does. */
static void publish_line(const json_t *publish) {
	size_t i;
	json_t *target;
	int64_t waiting = 0;
	size_t receivers = json_array_size(json_object_get(publish, "receivers"));
	size_t witnesses = json_array_size(json_object_get(publish, "witnesses"));
	if (receivers + witnesses == 0)
		return;
	json_array_foreach(json_object_get(publish, "receivers"), i, target) waiting += get_number(target, "waiting");
	json_array_foreach(json_object_get(publish, "witnesses"), i, target) waiting += get_number(target, "waiting");
	put_line("Published", STYLE_PLAIN, "%zu syslog receiver%s, %zu witness%s; %s wait", receivers,
	    receivers == 1 ? "" : "s", witnesses, witnesses == 1 ? "" : "es", text_count(waiting));
}

void status_show(const json_t *answer) {
	bool in_order = get_flag(answer, "in_order");
	size_t i;
	json_t *sentence;
	put_wrapped(in_order ? STYLE_GOOD : STYLE_BAD, "", get_text(answer, "answer"));
	json_array_foreach(json_object_get(answer, "attention"), i, sentence) {
		put_wrapped(STYLE_PLAIN, "  ! ", json_string_value(sentence));
	}
	cameras_show(json_object_get(answer, "cameras"));
	roots_show(json_object_get(answer, "roots"));
	const json_t *clock = json_object_get(answer, "clock"), *log = json_object_get(answer, "log");
	bool trusted = get_flag(clock, "trusted");
	put(STYLE_PLAIN, "\n");
	holds_line(json_object_get(answer, "holds"));
	put_line("Clock", trusted ? STYLE_PLAIN : STYLE_BAD, "%s%s (needs %s)%s%s", get_text(clock, "level"),
	    trusted ? "" : ", not trusted", get_text(clock, "required"), get_text(clock, "reason")[0] ? ": " : "",
	    get_text(clock, "reason"));
	deletion_line(json_object_get(answer, "deletion"));
	put_line("Log", get_flag(log, "writable") ? STYLE_PLAIN : STYLE_BAD, "%s entries, %s under a signed checkpoint%s",
	    text_count(get_number(log, "entries")), text_count(get_number(log, "published")),
	    get_flag(log, "writable") ? "" : "; CANNOT BE WRITTEN");
	opens_show(json_object_get(answer, "observation"), json_object_get(answer, "roots"));
	publish_line(json_object_get(answer, "publish"));
	int64_t waiting = get_number(json_object_get(answer, "media"), "waiting");
	if (waiting > 0)
		put_line("Reading", STYLE_PLAIN, "%s files wait to be read", text_count(waiting));
	json_array_foreach(json_object_get(answer, "notes"), i, sentence) {
		put_wrapped(STYLE_DIM, i == 0 ? "Notes       " : "            ", json_string_value(sentence));
	}
	put(STYLE_DIM, "%s  (%s)\n", get_text(answer, "now_local"), get_text(answer, "now"));
}

int status_verdict(const json_t *answer) {
	return get_flag(answer, "in_order") ? EXIT_DONE : EXIT_FINDING;
}

int status_run(struct context *context) {
	if (!context_flag(context, "watch"))
		return command_call(context);
	int code = EXIT_DONE;
	struct retention_client *client = context_connect(context, &code);
	bool clears = context->output == OUTPUT_TABLE && isatty(STDOUT_FILENO) == 1;
	while (client) {
		json_t *answer = context_ask(client, "status", NULL, &code);
		if (!answer)
			break;
		if (clears)
			put(STYLE_PLAIN, "\033[H\033[2J");
		context_show(context, answer);
		json_decref(answer);
		if (fflush(stdout) != 0)
			break;
		(void)sleep(2);
	}
	retention_client_disconnect(client);
	return code;
}

int metrics_run(struct context *context) {
	int code = EXIT_DONE;
	struct retention_client *client = context_connect(context, &code);
	json_t *answer = client ? context_ask(client, "metrics", NULL, &code) : NULL;
	retention_client_disconnect(client);
	/* The text is for a program, so it is not escaped. */
	if (answer && context->output == OUTPUT_TABLE)
		(void)fputs(get_text(answer, "text"), stdout);
	else if (answer)
		(void)json_dumpf(answer, stdout, JSON_COMPACT);
	json_decref(answer);
	return code;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log review: what nobody has looked at yet, read from the log itself; and that somebody now has. */
#include <errno.h>
#include <inttypes.h>
#include <retention/client.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit/terms.h"
#include "command.h"
#include "log_entry.h"
#include "log_source.h"
#include "nouns.h"
#include "screen.h"

enum { ACTIONS_MAX = 256, SHOWN_MAX = 20, BUNDLE = 256, PROGRESS = 16384 };

/* Actions that a reviewer must see, whatever their outcome. */
static const char *const NOTABLE[] = {"log-renewed", "log-recovered", "configuration", "configuration-refused",
    "child-lost", "volume-adopted", "clock-step", "clock-frozen", "clock-confirmed", "gap", "index-rebuilt", "altered",
    "delete-failed", "missing", "brake", "brake-released", "hold-release-asked", "hold-released", "request-denied",
    "open-denied", "open-before-watch", "watch-coverage", "log-pruned", "witness-conflict", "delivery-lost", NULL};

struct review {
	struct log_source source;
	uint64_t next, entries, pruned;
	int64_t first_us;
	json_t *actions; /* name: how many */
	json_t *notable; /* the same of what stands out */
	json_t *newest;  /* the last few that stand out */
};

static void count(json_t *counts, const char *name) {
	json_int_t before = json_integer_value(json_object_get(counts, name));
	if (before > 0 || json_object_size(counts) < ACTIONS_MAX)
		json_object_set_new(counts, name, json_integer(before + 1));
}

static bool stands_out(const json_t *event, const char *action) {
	for (size_t i = 0; NOTABLE[i]; i++)
		if (strcmp(NOTABLE[i], action) == 0)
			return true;
	return strcmp(get_text(event, "outcome"), "failure") == 0;
}

static void take(struct review *review, const json_t *entry) {
	const json_t *event = json_object_get(entry, "event");
	const char *action = get_text(event, "action");
	if (review->first_us == 0)
		review->first_us = audit_entry_time_us(entry);
	review->entries++;
	count(review->actions, action);
	if (!stands_out(event, action))
		return;
	count(review->notable, action);
	json_array_append(review->newest, (json_t *)(uintptr_t)entry);
	if (json_array_size(review->newest) > SHOWN_MAX)
		json_array_remove(review->newest, 0);
}

static int read_entries(struct review *review) {
	int code = EXIT_DONE;
	uint64_t size = review->source.head.size;
	for (uint64_t number = review->next; number < size && code == EXIT_DONE; number++) {
		const char *bytes;
		size_t length;
		if (number % PROGRESS == 0 && isatty(STDERR_FILENO) == 1)
			(void)fprintf(stderr, "\rentry %" PRIu64 " of %" PRIu64 "\r", number, size);
		if (checked_log_entry(review->source.checked, number, &bytes, &length) == -ENOENT) {
			uint64_t rest = BUNDLE - number % BUNDLE;
			review->pruned += rest < size - number ? rest : size - number;
			number += rest - 1;
			continue;
		}
		json_t *entry = log_source_entry(&review->source, number, &bytes, &length, &code);
		if (entry)
			take(review, entry);
		json_decref(entry);
	}
	if (isatty(STDERR_FILENO) == 1)
		(void)fputs("\r\033[K", stderr);
	return code;
}

static void counts_show(const char *label, enum style style, const json_t *counts) {
	const char *name;
	json_t *value;
	char *text = NULL;
	size_t room = 0;
	FILE *stream = open_memstream(&text, &room);
	if (!stream)
		return;
	json_object_foreach((json_t *)(uintptr_t)counts, name, value)(void)
	    fprintf(stream, "%s%s %s", ftell(stream) > 0 ? ", " : "", text_count(json_integer_value(value)), name);
	(void)fclose(stream);
	put_line(label, style, "%s", text && text[0] ? text : "nothing");
	free(text);
}

static void table_show(const struct review *review) {
	uint64_t size = review->source.head.size;
	char utc[40] = "", local[48] = "";
	if (review->next >= size) {
		put(STYLE_GOOD, "Everything up to entry %" PRIu64 " is reviewed.\n", review->next - 1);
		return;
	}
	put(STYLE_BOLD, "Entries %" PRIu64 " to %" PRIu64 " are not reviewed", review->next, size - 1);
	if (review->first_us != 0) {
		time_format_utc(review->first_us - review->first_us % 1000000, utc, sizeof(utc));
		time_format_local(review->source.zone, review->first_us, local, sizeof(local));
		put(STYLE_PLAIN, ", since %s (%.19s)", utc, local);
	}
	put(STYLE_PLAIN, "\n");
	counts_show("Stands out", json_object_size(review->notable) > 0 ? STYLE_WARN : STYLE_GOOD, review->notable);
	counts_show("All", STYLE_PLAIN, review->actions);
	if (review->pruned > 0)
		put_line("Pruned", STYLE_WARN, "%s entries were pruned before anybody reviewed them",
		    text_count((int64_t)review->pruned));
	put(STYLE_PLAIN, "\n");
	for (size_t i = 0; i < json_array_size(review->newest); i++)
		entry_line(json_array_get(review->newest, i), review->source.zone);
	put(STYLE_DIM, "`log search` shows more; `log review --to %" PRIu64 "` records that these were reviewed\n",
	    size - 1);
}

static json_t *review_json(const struct review *review) {
	char since[40] = "";
	uint64_t size = review->source.head.size;
	if (review->first_us != 0)
		time_format_utc(review->first_us, since, sizeof(since));
	return json_pack("{s:i, s:I, s:I, s:I, s:I, s:s?, s:O, s:O, s:O}", "schema", 1, "next", (json_int_t)review->next,
	    "size", (json_int_t)size, "entries", (json_int_t)review->entries, "pruned", (json_int_t)review->pruned, "since",
	    since[0] ? since : NULL, "actions", review->actions, "stands_out", review->notable, "newest", review->newest);
}

static int review_show(struct context *context) {
	struct review review = {.actions = json_object(), .notable = json_object(), .newest = json_array()};
	json_t *answer = NULL, *query = log_query(context, "review");
	int code = log_source_ask(context, "log.review", query, &review.source, &answer);
	json_decref(query);
	if (code == EXIT_DONE)
		code = log_source_check(&review.source);
	if (code == EXIT_DONE) {
		review.next = (uint64_t)get_number(answer, "next");
		code = read_entries(&review);
	}
	if (code == EXIT_DONE && context->output == OUTPUT_TABLE) {
		table_show(&review);
	} else if (code == EXIT_DONE) {
		json_t *shown = review_json(&review);
		context_show(context, shown);
		json_decref(shown);
	}
	json_decref(answer);
	json_decref(review.actions);
	json_decref(review.notable);
	json_decref(review.newest);
	log_source_close(&review.source);
	return code;
}

static int review_record(struct context *context) {
	int code = EXIT_DONE;
	struct retention_client *client = context_connect(context, &code);
	if (!client)
		return code;
	json_t *answer = context_ask(client, "log.review", context->params, &code);
	retention_client_disconnect(client);
	if (!answer)
		return code;
	if (context->output != OUTPUT_TABLE)
		context_show(context, answer);
	else if (context->dry_run)
		put(STYLE_PLAIN, "Entries %" PRId64 " to %" PRId64 " would be recorded as reviewed.\n",
		    get_number(answer, "from"), get_number(answer, "to"));
	else
		put(STYLE_GOOD, "Entries %" PRId64 " to %" PRId64 " are recorded as reviewed, in entry %" PRId64 ".\n",
		    get_number(answer, "from"), get_number(answer, "to"), get_number(answer, "sequence"));
	json_decref(answer);
	return code;
}

int log_review_run(struct context *context) {
	return json_object_get(context->params, "to") ? review_record(context) : review_show(context);
}

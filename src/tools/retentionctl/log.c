/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log show, follow, verify, proof. */
#include <errno.h>
#include <inttypes.h>
#include <retention/client.h>
#include <retention/log.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "log_entry.h"
#include "log_select.h"
#include "log_source.h"
#include "nouns.h"
#include "screen.h"

static int number_read(const struct context *context, const struct log_source *source, uint64_t *ret_number) {
	char *end;
	errno = 0;
	unsigned long long number = strtoull(context->positional, &end, 10);
	if (errno != 0 || *end != '\0' || context->positional[0] < '0' || context->positional[0] > '9') {
		(void)fprintf(stderr, "retentionctl: the number of an entry is needed, such as 42\n");
		return EXIT_USAGE;
	}
	if (number >= source->head.size) {
		(void)fprintf(stderr, "retentionctl: there is no entry %llu: the log has %" PRIu64 ", counted from 0\n", number,
		    source->head.size);
		return EXIT_FAILED;
	}
	*ret_number = number;
	return EXIT_DONE;
}

int log_show_run(struct context *context) {
	struct log_source source;
	uint64_t number = 0;
	const char *bytes;
	size_t length;
	int code = log_source_open(context, "show", &source);
	if (code == EXIT_DONE)
		code = log_source_check(&source);
	if (code != EXIT_DONE)
		return code;
	code = number_read(context, &source, &number);
	json_t *entry = code == EXIT_DONE ? log_source_entry(&source, number, &bytes, &length, &code) : NULL;
	if (entry && context->output == OUTPUT_TABLE)
		entry_show(entry, number, source.zone);
	else if (entry)
		context_show(context, entry);
	json_decref(entry);
	log_source_close(&source);
	return code;
}

static void follow_show(const struct context *context, const json_t *entry) {
	if (context->output == OUTPUT_TABLE) {
		entry_line(entry, zone_shared("UTC"));
		return;
	}
	(void)json_dumpf(entry, stdout, JSON_COMPACT);
	(void)putchar('\n');
}

/* The daemon records what is looked for; each entry is compared here. */
static json_t *follow_begin(struct context *context, struct retention_client *client, int *ret_code) {
	json_t *params = log_query(context, "follow");
	json_object_set_new(params, "events", json_pack("[s]", "log.entry"));
	json_t *answer = context_ask(client, "events.subscribe", params, ret_code);
	json_decref(params);
	return answer;
}

int log_follow_run(struct context *context) {
	int code = EXIT_DONE;
	struct audit_filter filter;
	struct retention_client *client = context_connect(context, &code);
	if (!client)
		return code;
	log_filter_terms(context, &filter);
	json_t *answer = follow_begin(context, client, &code);
	int error = answer ? 0 : -EREMOTEIO;
	json_decref(answer);
	while (error == 0) {
		char *text = NULL;
		error = retention_client_next_event(client, -1, &text);
		json_t *event = error == 0 ? json_loads(text, 0, NULL) : NULL;
		const json_t *entry = json_object_get(event, "data");
		if (entry && audit_filter_matches(&filter, entry))
			follow_show(context, entry);
		if (fflush(stdout) != 0)
			error = -EPIPE;
		json_decref(event);
		retention_client_free(text);
	}
	retention_client_disconnect(client);
	if (code == EXIT_DONE) {
		(void)fprintf(stderr, "retentionctl: the daemon closed the connection\n");
		code = EXIT_UNREACHABLE;
	}
	return code;
}

static int progress_show(uint64_t done, uint64_t size, void *context) {
	(void)context;
	if (isatty(STDERR_FILENO) == 1)
		(void)fprintf(stderr, "\r%" PRIu64 " of %" PRIu64 " entries%s", done, size, done == size ? "\r\033[K" : "");
	return 0;
}

int log_verify_run(struct context *context) {
	struct log_source source;
	int code = log_source_open(context, "verify", &source);
	if (code != EXIT_DONE) {
		if (code == EXIT_FINDING)
			put(STYLE_BAD, "BROKEN\n");
		return code;
	}
	int error = retention_log_verify(source.log, progress_show, NULL);
	char root[65];
	for (size_t i = 0; i < sizeof(source.head.root); i++)
		(void)snprintf(root + 2 * i, 3, "%02x", source.head.root[i]);
	const char *finding = error < 0 ? retention_log_error(source.log) : "";
	if (context->output != OUTPUT_TABLE) {
		json_t *answer = json_pack("{s:i, s:b, s:I, s:s, s:s?, s:s?, s:b}", "schema", 1, "intact", error == 0,
		    "entries", (json_int_t)source.head.size, "root", root, "origin", source.origin, "finding",
		    error < 0 ? finding : NULL, "own_keys", source.own_keys);
		context_show(context, answer);
		json_decref(answer);
	} else if (error == 0) {
		put(STYLE_GOOD, "INTACT: %s entries of ", text_count((int64_t)source.head.size));
		put_text(STYLE_GOOD, source.origin);
		put(STYLE_GOOD, "\n");
		put_line("Checked", STYLE_PLAIN,
		    "each entry against its tile, each tile against the one above, the root against the signature");
		put_line("Root", STYLE_DIM, "%s", root);
		if (source.own_keys)
			put_line("Keys", STYLE_WARN,
			    "those that came with the log: it agrees with itself. Keep a key elsewhere (key show) and give it with "
			    "--keys");
	} else {
		put(STYLE_BAD, "BROKEN: ");
		put_text(STYLE_BAD, finding);
		put(STYLE_BAD, "\n");
	}
	log_source_close(&source);
	return error == 0 ? EXIT_DONE : error == -EBADMSG ? EXIT_FINDING : EXIT_FAILED;
}

static json_t *proof_hashes(uint8_t proof[64][32], int count) {
	json_t *hashes = json_array();
	char hex[65];
	for (int n = 0; n < count; n++) {
		for (size_t i = 0; i < 32; i++)
			(void)snprintf(hex + 2 * i, 3, "%02x", proof[n][i]);
		json_array_append_new(hashes, json_string(hex));
	}
	return hashes;
}

/* It stands alone: whoever has the log's key checks the note, hashes the entry's bytes and folds the proof. */
static json_t *proof_answer(const struct log_source *source, uint64_t number, const char *note, const json_t *entry,
    const char *text, json_t *hashes) {
	char root[65];
	for (size_t i = 0; i < 32; i++)
		(void)snprintf(root + 2 * i, 3, "%02x", source->head.root[i]);
	return json_pack("{s:i, s:s, s:I, s:I, s:s, s:o, s:O, s:s, s:s}", "schema", 1, "origin", source->origin, "index",
	    (json_int_t)number, "size", (json_int_t)source->head.size, "root", root, "proof", hashes, "entry", entry,
	    "entry_text", text, "checkpoint", note);
}

static int proof_show(struct context *context, struct log_source *source, uint64_t number) {
	uint8_t proof[64][32];
	const char *bytes = NULL;
	size_t length = 0;
	int code = EXIT_DONE;
	char *note = log_source_note(source);
	json_t *entry = log_source_entry(source, number, &bytes, &length, &code);
	char *line = entry ? strndup(bytes, length) : NULL;
	int count = line && note ? retention_log_inclusion(source->log, number, source->head.size, proof) : -ENOENT;
	if (count >= 0) {
		json_t *answer = proof_answer(source, number, note, entry, line, proof_hashes(proof, count));
		context_show(context, answer);
		json_decref(answer);
	} else if (entry) {
		(void)fprintf(stderr, "retentionctl: no proof: %s\n",
		    note ? retention_log_error(source->log) : "the checkpoint cannot be read");
		code = EXIT_FINDING;
	}
	json_decref(entry);
	free(line);
	free(note);
	return code;
}

int log_proof_run(struct context *context) {
	struct log_source source;
	uint64_t number = 0;
	int code = log_source_open(context, "proof", &source);
	if (code == EXIT_DONE)
		code = log_source_check(&source);
	if (code != EXIT_DONE)
		return code;
	code = number_read(context, &source, &number);
	if (code == EXIT_DONE)
		code = proof_show(context, &source, number);
	log_source_close(&source);
	return code;
}

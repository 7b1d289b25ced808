/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log show, follow, verify, checkpoint, proof. */
#include <errno.h>
#include <inttypes.h>
#include <retention/client.h>
#include <retention/log.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "log_entry.h"
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

static json_t *entry_load(struct log_source *source, uint64_t number) {
	const char *bytes;
	size_t length;
	int error = retention_log_entry(source->log, number, &bytes, &length);
	json_t *entry = error == 0 ? json_loadb(bytes, length, 0, NULL) : NULL;
	if (!entry)
		(void)fprintf(stderr, "retentionctl: entry %" PRIu64 " cannot be read: %s\n", number,
		    error == -ENOENT ? "it was pruned"
		    : error < 0      ? retention_log_error(source->log)
		                     : "it is no JSON");
	return entry;
}

int log_show_run(struct context *context) {
	struct log_source source;
	uint64_t number = 0;
	int code = log_source_open(context, "show", &source);
	if (code != EXIT_DONE)
		return code;
	code = number_read(context, &source, &number);
	json_t *entry = code == EXIT_DONE ? entry_load(&source, number) : NULL;
	if (code == EXIT_DONE && !entry)
		code = EXIT_FAILED;
	if (entry && context->output == OUTPUT_TABLE)
		entry_show(entry, number, source.zone);
	else if (entry)
		context_show(context, entry);
	json_decref(entry);
	log_source_close(&source);
	return code;
}

int log_follow_run(struct context *context) {
	int code = EXIT_DONE;
	struct retention_client *client = context_connect(context, &code);
	if (!client)
		return code;
	json_t *params = json_pack("{s:[s]}", "events", "log.entry");
	json_t *answer = context_ask(client, "events.subscribe", params, &code);
	json_decref(params);
	int error = answer ? 0 : -EREMOTEIO;
	json_decref(answer);
	while (error == 0) {
		char *text = NULL;
		error = retention_client_next_event(client, -1, &text);
		json_t *event = error == 0 ? json_loads(text, 0, NULL) : NULL;
		const json_t *entry = json_object_get(event, "data");
		if (entry && context->output == OUTPUT_TABLE)
			entry_line(entry, zone_shared("UTC"));
		else if (entry) {
			(void)json_dumpf(entry, stdout, JSON_COMPACT);
			(void)putchar('\n');
		}
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

void log_checkpoint_show(const json_t *answer) {
	(void)fputs(get_text(answer, "checkpoint"), stdout); /* byte for byte: it is signed */
}

int log_proof_run(struct context *context) {
	struct log_source source;
	uint64_t number = 0;
	uint8_t proof[64][32];
	int code = log_source_open(context, "proof", &source);
	if (code != EXIT_DONE)
		return code;
	code = number_read(context, &source, &number);
	json_t *entry = code == EXIT_DONE ? entry_load(&source, number) : NULL;
	int count = entry ? retention_log_inclusion(source.log, number, source.head.size, proof) : -ENOENT;
	if (entry && count >= 0) {
		json_t *hashes = json_array();
		char hex[65];
		for (int n = 0; n < count; n++) {
			for (size_t i = 0; i < 32; i++)
				(void)snprintf(hex + 2 * i, 3, "%02x", proof[n][i]);
			json_array_append_new(hashes, json_string(hex));
		}
		for (size_t i = 0; i < 32; i++)
			(void)snprintf(hex + 2 * i, 3, "%02x", source.head.root[i]);
		json_t *answer = json_pack("{s:i, s:s, s:I, s:I, s:s, s:o, s:O}", "schema", 1, "origin", source.origin, "index",
		    (json_int_t)number, "size", (json_int_t)source.head.size, "root", hex, "proof", hashes, "entry", entry);
		context_show(context, answer);
		json_decref(answer);
	} else if (code == EXIT_DONE) {
		(void)fprintf(stderr, "retentionctl: no proof: %s\n", retention_log_error(source.log));
		code = EXIT_FINDING;
	}
	json_decref(entry);
	log_source_close(&source);
	return code;
}

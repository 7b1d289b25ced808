/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Opening the log: the daemon records the reading and hands over its folder, or a copy is read without it. */
#include "log_source.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <retention/client.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/descriptor.h"
#include "command.h"
#include "screen.h"

enum { KEYS_BYTES_MAX = 1 << 20, NOTE_BYTES = 1 << 20, NOTE_TRIES = 5 };

static int keys_read(const char *file, char **ret_keys) {
	size_t length = 0;
	int error = descriptor_read_file(AT_FDCWD, file, KEYS_BYTES_MAX, ret_keys, &length);
	if (error < 0)
		(void)fprintf(stderr, "retentionctl: the keys cannot be read from %s: %s\n", file, strerror(-error));
	return error < 0 ? EXIT_FAILED : EXIT_DONE;
}

static int not_trusted(struct log_source *source, int error) {
	char *why = screen_escape(source->log ? retention_log_error(source->log) : strerror(-error));
	(void)fprintf(stderr, "retentionctl: the log cannot be trusted: %s\n", why[0] ? why : strerror(-error));
	free(why);
	log_source_close(source);
	return error == -EBADMSG ? EXIT_FINDING : EXIT_FAILED;
}

/* Takes the descriptor over. */
static int source_begin(struct log_source *source, int folder, const char *keys) {
	source->folder = folder;
	int error = retention_log_open(folder, keys, &source->log);
	if (error == 0)
		error = retention_log_checkpoint(source->log, &source->head);
	if (error < 0)
		return not_trusted(source, error);
	(void)snprintf(source->origin, sizeof(source->origin), "%s", source->head.origin);
	return EXIT_DONE;
}

static int copy_open(const char *folder, const char *keys, struct log_source *source) {
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		(void)fprintf(stderr, "retentionctl: %s: %s\n", folder, strerror(errno));
		return EXIT_FAILED;
	}
	source->zone = zone_shared("UTC");
	return source_begin(source, fd, keys);
}

json_t *log_query(const struct context *context, const char *command) {
	static const char *const FILTERS[] = {"actor", "camera", "action", "case", "hold", "outcome", "held"};
	json_t *query = json_copy(context->params);
	for (size_t i = 0; i < ARRAY_LENGTH(FILTERS); i++)
		json_object_set(query, FILTERS[i], json_object_get(context->local, FILTERS[i]));
	json_object_set_new(query, "command", json_string(command));
	json_t *entry = context->positional ? json_string(context->positional) : NULL;
	if (entry)
		json_object_set_new(query, "entry", entry);
	return query;
}

static int handed_over(
    const json_t *answer, const char *keys, bool own_keys, int folder, struct log_source *ret_source) {
	*ret_source = (struct log_source){.folder = -1, .own_keys = own_keys};
	ret_source->zone = zone_shared(get_text(answer, "zone"));
	if (!ret_source->zone)
		ret_source->zone = zone_shared("UTC");
	return source_begin(ret_source, folder, keys ? keys : get_text(answer, "keys"));
}

int log_source_ask(struct context *context, const char *method, const json_t *params, struct log_source *ret_source,
    json_t **ret_answer) {
	int code = EXIT_DONE, folder = -1;
	size_t count = 0;
	const char *file = context_option(context, "keys");
	char *keys = NULL, *result = NULL;
	*ret_source = (struct log_source){.folder = -1};
	if (file)
		code = keys_read(file, &keys);
	struct retention_client *client = code == EXIT_DONE ? context_connect(context, &code) : NULL;
	if (!client) {
		free(keys);
		return code;
	}
	char *text = json_dumps(params, JSON_COMPACT);
	int error = retention_client_call_descriptors(client, method, text, &result, &folder, 1, &count);
	free(text);
	json_t *answer = NULL;
	if (error == -EREMOTEIO) {
		char *message = screen_escape(retention_client_error_message(client));
		(void)fprintf(stderr, "retentionctl: %s\n", message);
		free(message);
		code = refusal_code(client);
	} else if (error < 0 || count != 1) {
		(void)fprintf(
		    stderr, "retentionctl: the daemon did not hand over the log: %s\n", strerror(error < 0 ? -error : EPROTO));
		code = EXIT_FAILED;
		descriptor_close(&folder);
	} else {
		answer = json_loads(result, 0, NULL);
		code = handed_over(answer, keys, !file, folder, ret_source);
	}
	retention_client_free(result);
	retention_client_disconnect(client);
	free(keys);
	if (code != EXIT_DONE || !ret_answer) {
		json_decref(answer);
		answer = NULL;
	}
	if (ret_answer)
		*ret_answer = answer;
	return code;
}

int log_source_open(struct context *context, const char *command, struct log_source *ret_source) {
	const char *folder = context_option(context, "log"), *file = context_option(context, "keys");
	char *keys = NULL;
	if (!folder) {
		json_t *query = log_query(context, command);
		int code = log_source_ask(context, "log.open", query, ret_source, NULL);
		json_decref(query);
		return code;
	}
	*ret_source = (struct log_source){.folder = -1, .own_keys = !file};
	int code = file ? keys_read(file, &keys) : EXIT_DONE;
	if (code == EXIT_DONE)
		code = copy_open(folder, keys, ret_source);
	free(keys);
	return code;
}

int log_source_check(struct log_source *source) {
	int error = checked_log_new(source->log, &source->checked, &source->head);
	return error < 0 ? not_trusted(source, error) : EXIT_DONE;
}

void log_source_close(struct log_source *source) {
	source->checked = checked_log_free(source->checked);
	retention_log_close(source->log);
	source->log = NULL;
	descriptor_close(&source->folder);
}

json_t *log_source_entry(
    struct log_source *source, uint64_t number, const char **ret_bytes, size_t *ret_length, int *ret_code) {
	int error = checked_log_entry(source->checked, number, ret_bytes, ret_length);
	json_t *entry = error == 0 ? json_loadb(*ret_bytes, *ret_length, 0, NULL) : NULL;
	if (entry)
		return entry;
	char *why = screen_escape(error < 0 ? retention_log_error(source->log) : "it is no JSON");
	if (error == -ENOENT)
		(void)fprintf(stderr, "retentionctl: entry %" PRIu64 " cannot be read: it was pruned\n", number);
	else
		(void)fprintf(
		    stderr, "retentionctl: entry %" PRIu64 ": %s; `log verify` says what does not hold\n", number, why);
	free(why);
	*ret_code = error == -ENOENT ? EXIT_FAILED : EXIT_FINDING;
	return NULL;
}

/* The file may have been replaced since; then the log is opened at the newer one, so that note and head are one. */
char *log_source_note(struct log_source *source) {
	for (int tries = 0; tries < NOTE_TRIES; tries++) {
		char *note = NULL;
		size_t length = 0;
		struct retention_checkpoint before = source->head;
		if (descriptor_read_file(source->folder, "checkpoint", NOTE_BYTES, &note, &length) < 0)
			return NULL;
		const char *second = strchr(note, '\n');
		if (second && strtoull(second + 1, NULL, 10) == before.size)
			return note;
		free(note);
		if (retention_log_checkpoint(source->log, &source->head) < 0)
			return NULL;
	}
	return NULL;
}

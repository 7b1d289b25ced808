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

int log_source_keys(const struct context *context, char **ret_keys) {
	const char *file = context_option(context, "keys");
	size_t length = 0;
	int error = file ? descriptor_read_file(AT_FDCWD, file, KEYS_BYTES_MAX, ret_keys, &length) : 0;
	if (error < 0)
		(void)fprintf(stderr, "retentionctl: the keys cannot be read from %s: %s\n", file, strerror(-error));
	return error < 0 ? EXIT_FAILED : EXIT_DONE;
}

int log_not_trusted(const struct retention_log *log, int error) {
	char *why = screen_escape(log ? retention_log_error(log) : strerror(-error));
	(void)fprintf(stderr, "retentionctl: the log cannot be trusted: %s\n", why[0] ? why : strerror(-error));
	free(why);
	return error == -EBADMSG ? EXIT_FINDING : EXIT_FAILED;
}

static int source_refused(struct log_source *source, int error) {
	int code = log_not_trusted(source->log, error);
	log_source_close(source);
	return code;
}

/* Takes the descriptor over. */
static int source_begin(struct log_source *source, int folder, const char *keys) {
	source->folder = folder;
	int error = retention_log_open(folder, keys, &source->log);
	if (error == 0)
		error = retention_log_checkpoint(source->log, &source->head);
	if (error < 0)
		return source_refused(source, error);
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

const struct zone *answer_zone_of(const json_t *answer) {
	const struct zone *zone = zone_shared(get_text(answer, "zone"));
	return zone ? zone : zone_shared("UTC");
}

static int handed_over(const json_t *answer, const char *keys, int folder, struct log_source *ret_source) {
	*ret_source = (struct log_source){.folder = -1, .own_keys = !keys, .zone = answer_zone_of(answer)};
	return source_begin(ret_source, folder, keys ? keys : get_text(answer, "keys"));
}

json_t *log_folder_ask(
    struct retention_client *client, const char *method, const json_t *params, int *ret_folder, int *ret_code) {
	char *result = NULL, *text = json_dumps(params, JSON_COMPACT);
	size_t count = 0;
	json_t *answer = NULL;
	*ret_folder = -1;
	*ret_code = EXIT_FAILED;
	int error = retention_client_call_descriptors(client, method, text, &result, ret_folder, 1, &count);
	free(text);
	if (error == -EREMOTEIO) {
		char *message = screen_escape(retention_client_error_message(client));
		(void)fprintf(stderr, "retentionctl: %s\n", message);
		free(message);
		*ret_code = refusal_code(client);
	} else if (error < 0 || count != 1) {
		(void)fprintf(
		    stderr, "retentionctl: the daemon did not hand over the log: %s\n", strerror(error < 0 ? -error : EPROTO));
	} else {
		answer = json_loads(result, 0, NULL);
		if (!answer)
			(void)fprintf(stderr, "retentionctl: the daemon's answer cannot be read\n");
	}
	retention_client_free(result);
	if (answer)
		*ret_code = EXIT_DONE;
	else
		descriptor_close(ret_folder);
	return answer;
}

int log_source_ask(struct context *context, const char *method, const json_t *params, struct log_source *ret_source,
    json_t **ret_answer) {
	int folder = -1;
	char *keys = NULL;
	*ret_source = (struct log_source){.folder = -1};
	int code = log_source_keys(context, &keys);
	struct retention_client *client = code == EXIT_DONE ? context_connect(context, &code) : NULL;
	json_t *answer = client ? log_folder_ask(client, method, params, &folder, &code) : NULL;
	if (answer)
		code = handed_over(answer, keys, folder, ret_source);
	if (client)
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
	const char *folder = context_option(context, "log");
	char *keys = NULL;
	if (!folder) {
		json_t *query = log_query(context, command);
		int code = log_source_ask(context, "log.open", query, ret_source, NULL);
		json_decref(query);
		return code;
	}
	*ret_source = (struct log_source){.folder = -1};
	int code = log_source_keys(context, &keys);
	ret_source->own_keys = !keys;
	if (code == EXIT_DONE)
		code = copy_open(folder, keys, ret_source);
	free(keys);
	return code;
}

int log_source_check(struct log_source *source) {
	int error = checked_log_new(source->log, &source->checked, &source->head);
	return error < 0 ? source_refused(source, error) : EXIT_DONE;
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

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Opening the log: the daemon records the reading and hands over its folder, or a copy is read without it. */
#include "log_source.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <retention/client.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/descriptor.h"
#include "command.h"
#include "screen.h"

enum { KEYS_BYTES_MAX = 1 << 20 };

static int keys_read(const char *file, char **ret_keys) {
	size_t length = 0;
	int error = descriptor_read_file(AT_FDCWD, file, KEYS_BYTES_MAX, ret_keys, &length);
	if (error < 0)
		(void)fprintf(stderr, "retentionctl: the keys cannot be read from %s: %s\n", file, strerror(-error));
	return error < 0 ? EXIT_FAILED : EXIT_DONE;
}

static int source_begin(struct log_source *source, int folder, const char *keys) {
	int error = retention_log_open(folder, keys, &source->log);
	if (error == 0)
		error = retention_log_checkpoint(source->log, &source->head);
	if (error == 0) {
		(void)snprintf(source->origin, sizeof(source->origin), "%s", source->head.origin);
		return EXIT_DONE;
	}
	char *why = screen_escape(source->log ? retention_log_error(source->log) : strerror(-error));
	(void)fprintf(stderr, "retentionctl: the log cannot be trusted: %s\n", why[0] ? why : strerror(-error));
	free(why);
	log_source_close(source);
	return error == -EBADMSG ? EXIT_FINDING : EXIT_FAILED;
}

static int copy_open(const char *folder, const char *keys, struct log_source *source) {
	CLOSED_AT_END int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		(void)fprintf(stderr, "retentionctl: %s: %s\n", folder, strerror(errno));
		return EXIT_FAILED;
	}
	source->zone = zone_shared("UTC");
	return source_begin(source, fd, keys);
}

static json_t *query_of(const struct context *context, const char *command) {
	json_t *query = json_copy(context->local);
	json_object_update(query, context->params);
	json_object_set_new(query, "command", json_string(command));
	json_t *entry = context->positional ? json_string(context->positional) : NULL;
	if (entry)
		json_object_set_new(query, "entry", entry);
	return query;
}

static int daemon_open(struct context *context, const char *command, const char *keys, struct log_source *source) {
	int code = EXIT_DONE, folder = -1;
	size_t count = 0;
	char *text = NULL, *result = NULL;
	struct retention_client *client = context_connect(context, &code);
	if (!client)
		return code;
	json_t *query = query_of(context, command);
	text = json_dumps(query, JSON_COMPACT);
	json_decref(query);
	int error = retention_client_call_descriptors(client, "log.open", text, &result, &folder, 1, &count);
	free(text);
	if (error == -EREMOTEIO) {
		char *message = screen_escape(retention_client_error_message(client));
		(void)fprintf(stderr, "retentionctl: %s\n", message);
		free(message);
		code = refusal_code(client);
	} else if (error < 0 || count != 1) {
		(void)fprintf(
		    stderr, "retentionctl: the daemon did not hand over the log: %s\n", strerror(error < 0 ? -error : EPROTO));
		code = EXIT_FAILED;
	} else {
		json_t *answer = json_loads(result, 0, NULL);
		source->zone = zone_shared(get_text(answer, "zone"));
		if (!source->zone)
			source->zone = zone_shared("UTC");
		code = source_begin(source, folder, keys ? keys : get_text(answer, "keys"));
		json_decref(answer);
	}
	descriptor_close(&folder);
	retention_client_free(result);
	retention_client_disconnect(client);
	return code;
}

int log_source_open(struct context *context, const char *command, struct log_source *ret_source) {
	const char *folder = context_option(context, "log"), *file = context_option(context, "keys");
	char *keys = NULL;
	memset(ret_source, 0, sizeof(*ret_source));
	int code = file ? keys_read(file, &keys) : EXIT_DONE;
	ret_source->own_keys = !file;
	if (code == EXIT_DONE)
		code = folder ? copy_open(folder, keys, ret_source) : daemon_open(context, command, keys, ret_source);
	free(keys);
	return code;
}

void log_source_close(struct log_source *source) {
	retention_log_close(source->log);
	source->log = NULL;
}

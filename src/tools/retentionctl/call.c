/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calling the daemon and showing what it says; its refusals become exit codes. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <retention/client.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "screen.h"
#include "settings/settings.h"

/* --socket, else the run_dir of --config's file; NULL leaves it to libretention. False after telling what is wrong. */
static bool socket_find(const struct context *context, char *path, size_t room, const char **ret_path) {
	const char *file = context_option(context, "config");
	char message[2048] = "";
	char layouts[PATH_MAX];
	struct settings *settings = NULL;
	*ret_path = context->socket;
	if (context->socket || !file)
		return true;
	settings_layouts_place(layouts);
	if (settings_load(file, layouts, &settings, message, sizeof(message)) < 0) {
		char *escaped = screen_escape(message);
		(void)fprintf(stderr, "%s\n", escaped);
		free(escaped);
		return false;
	}
	(void)snprintf(path, room, "%s/control.sock", settings->run_dir);
	settings_free(settings);
	*ret_path = path;
	return true;
}

struct retention_client *context_connect(const struct context *context, int *ret_code) {
	struct retention_client *client = NULL;
	char room[4200];
	const char *path;
	if (!socket_find(context, room, sizeof(room), &path)) {
		*ret_code = EXIT_USAGE;
		return NULL;
	}
	int error = retention_client_connect(path, &client);
	if (error == 0)
		return client;
	path = path ? path : getenv("RETENTION_SOCKET");
	char *shown = screen_escape(path && path[0] ? path : RETENTION_CLIENT_SOCKET);
	if (error == -EACCES || error == -EPERM)
		(void)fprintf(
		    stderr, "retentionctl: %s: you may not reach the daemon; ask for one of the groups of its roles\n", shown);
	else
		(void)fprintf(stderr,
		    "retentionctl: %s: the daemon is not reachable: %s\nis retentiond running? --socket names another one\n",
		    shown, strerror(-error));
	free(shown);
	*ret_code = error == -EACCES || error == -EPERM ? EXIT_DENIED : EXIT_UNREACHABLE;
	return NULL;
}

int refusal_code(const struct retention_client *client) {
	switch (retention_client_error_code(client)) {
	case RETENTION_ERROR_PARAMS:
	case RETENTION_ERROR_NO_METHOD:
		return EXIT_USAGE;
	case RETENTION_ERROR_DENIED:
		return EXIT_DENIED;
	case RETENTION_ERROR_APPROVAL:
		return EXIT_APPROVAL;
	default:
		return EXIT_FAILED;
	}
}

json_t *context_ask(struct retention_client *client, const char *method, const json_t *params, int *ret_code) {
	char *text = params ? json_dumps(params, JSON_COMPACT) : NULL, *result = NULL;
	int error = retention_client_call(client, method, text, &result);
	free(text);
	if (error == -EREMOTEIO) {
		char *message = screen_escape(retention_client_error_message(client));
		(void)fprintf(stderr, "retentionctl: %s\n", message);
		free(message);
		*ret_code = refusal_code(client);
		return NULL;
	}
	if (error < 0) {
		(void)fprintf(stderr, "retentionctl: the daemon did not answer: %s\n", strerror(-error));
		*ret_code = error == -EINTR ? EXIT_INTERRUPTED : EXIT_UNREACHABLE;
		return NULL;
	}
	json_t *answer = json_loads(result, JSON_DECODE_ANY, NULL);
	retention_client_free(result);
	*ret_code = answer ? EXIT_DONE : EXIT_FAILED;
	return answer;
}

/* ---- forms for programs ---- */

static void csv_cell(const json_t *value) {
	char *text = json_is_string(value) || !value || json_is_null(value)
	                 ? NULL
	                 : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	const char *cell = json_is_string(value) ? json_string_value(value) : text ? text : "";
	if (strpbrk(cell, ",\"\r\n")) {
		(void)putchar('"');
		for (const char *c = cell; *c; c++) {
			if (*c == '"')
				(void)putchar('"');
			(void)putchar(*c);
		}
		(void)putchar('"');
	} else {
		(void)fputs(cell, stdout);
	}
	free(text);
}

/* RFC 4180; the columns are the keys of all rows in order of their first appearance. */
static void show_csv(const json_t *rows) {
	json_t *columns = json_object();
	size_t i;
	json_t *row, *value;
	const char *key;
	void *next;
	json_array_foreach(rows, i, row) {
		json_object_foreach_safe(row, next, key, value) {
			json_object_set_new(columns, key, json_null());
		}
	}
	bool first = true;
	json_object_foreach(columns, key, value) {
		(void)printf("%s%s", first ? "" : ",", key);
		first = false;
	}
	(void)fputs("\r\n", stdout);
	json_array_foreach(rows, i, row) {
		first = true;
		json_object_foreach(columns, key, value) {
			if (!first)
				(void)putchar(',');
			csv_cell(json_object_get(row, key));
			first = false;
		}
		(void)fputs("\r\n", stdout);
	}
	json_decref(columns);
}

void context_show(const struct context *context, const json_t *answer) {
	json_t *list = context->command->list ? json_object_get(answer, context->command->list) : NULL;
	json_t *rows = list ? json_incref(list) : json_pack("[O]", answer);
	size_t i;
	json_t *row;
	switch (context->output) {
	case OUTPUT_JSON:
		(void)json_dumpf(answer, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
		(void)putchar('\n');
		break;
	case OUTPUT_NDJSON:
		json_array_foreach(rows, i, row) {
			(void)json_dumpf(row, stdout, JSON_COMPACT | JSON_ENCODE_ANY);
			(void)putchar('\n');
		}
		break;
	case OUTPUT_CSV:
		show_csv(rows);
		break;
	case OUTPUT_TABLE:
		if (context->command->paged && !context->no_pager)
			screen_page();
		if (context->command->show)
			context->command->show(answer);
		else
			(void)json_dumpf(answer, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
		break;
	}
	json_decref(rows);
}

/* ---- asking before ---- */

static bool line_read(char *line, size_t room) {
	if (!fgets(line, (int)room, stdin))
		return false;
	line[strcspn(line, "\n")] = '\0';
	return true;
}

/* EXIT_DONE to go on. */
static int confirm(const struct context *context) {
	const struct command *command = context->command;
	char line[128];
	if (!command->confirm || context->dry_run || context->yes)
		return EXIT_DONE;
	if (context->no_input || isatty(STDIN_FILENO) != 1) {
		(void)fprintf(stderr, "retentionctl: this asks before it acts; say --yes in scripts\n");
		return EXIT_USAGE;
	}
	(void)fprintf(stderr, "%s\n", command->confirm);
	if (command->type_id)
		(void)fprintf(stderr, "Type %s to go on: ", context->positional);
	else
		(void)fprintf(stderr, "Type yes to go on: ");
	if (line_read(line, sizeof(line)) && strcmp(line, command->type_id ? context->positional : "yes") == 0)
		return EXIT_DONE;
	(void)fprintf(stderr, "nothing was changed\n");
	return EXIT_FAILED;
}

int command_call(struct context *context) {
	int code = confirm(context);
	if (code != EXIT_DONE)
		return code;
	struct retention_client *client = context_connect(context, &code);
	if (!client)
		return code;
	json_t *answer = context_ask(client, context->command->method, context->params, &code);
	retention_client_disconnect(client);
	if (!answer)
		return code;
	context_show(context, answer);
	code = context->command->verdict ? context->command->verdict(answer) : EXIT_DONE;
	json_decref(answer);
	return code;
}

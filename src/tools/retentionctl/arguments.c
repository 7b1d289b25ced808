/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Arguments by the table: a noun, a verb, then options and one positional in any order. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"

const struct option_row GLOBAL_OPTIONS[] = {
    {"socket", OPTION_TEXT, "SOCKET", NULL, false,
        "the control socket; else $RETENTION_SOCKET, else /run/retention/control.sock"},
    {"config", OPTION_TEXT, "FILE", NULL, false, "the socket of the daemon with this configuration"},
    {"output", OPTION_TEXT, "FORM", NULL, false, "table, json, ndjson or csv"},
    {"json", OPTION_FLAG, NULL, NULL, false, "the same as --output=json"},
    {"yes", OPTION_FLAG, NULL, NULL, false, "do not ask, in scripts"},
    {"no-input", OPTION_FLAG, NULL, NULL, false, "never ask: fail instead"},
    {"dry-run", OPTION_FLAG, NULL, NULL, false, "say what would happen, change nothing"},
    {"no-pager", OPTION_FLAG, NULL, NULL, false, "do not page long lists"},
    {"help", OPTION_FLAG, NULL, NULL, false, "say how"},
    {"version", OPTION_FLAG, NULL, NULL, false, "say which version"},
    {0},
};

static int PRINTF_LIKE(2, 3) usage(const char *hint, const char *format, ...) {
	va_list arguments;
	(void)fputs("retentionctl: ", stderr);
	va_start(arguments, format);
	(void)vfprintf(stderr, format, arguments);
	va_end(arguments);
	if (hint)
		(void)fprintf(stderr, "; did you mean '%s'?", hint);
	(void)fputc('\n', stderr);
	return EXIT_USAGE;
}

static const struct option_row *option_in(const struct option_row *rows, const char *name, size_t length) {
	for (; rows && rows->name; rows++)
		if (strncmp(rows->name, name, length) == 0 && rows->name[length] == '\0')
			return rows;
	return NULL;
}

static const char *option_hint(const struct command *command, const char *name) {
	const char *words[64];
	size_t count = 0;
	for (const struct option_row *row = command ? command->options : NULL; row && row->name && count < 48; row++)
		words[count++] = row->name;
	for (const struct option_row *row = GLOBAL_OPTIONS; row->name && count < 64; row++)
		words[count++] = row->name;
	return nearest_word(name, words, count);
}

static int number_set(struct context *context, const struct option_row *row, const char *value) {
	char *end;
	long long number = strtoll(value, &end, 10);
	if (*value == '\0' || *end != '\0')
		return usage(NULL, "'%s' is not a number", value);
	json_object_set_new(row->parameter ? context->params : context->local, row->parameter ? row->parameter : row->name,
	    json_integer(number));
	return EXIT_DONE;
}

static int option_set(struct context *context, const struct option_row *row, const char *value) {
	json_t *target = row->parameter ? context->params : context->local;
	const char *key = row->parameter ? row->parameter : row->name;
	if (row->kind == OPTION_NUMBER)
		return number_set(context, row, value);
	json_t *item = row->kind == OPTION_FLAG ? json_true() : json_string(value);
	if (!item)
		return usage(NULL, "'%s' is not UTF-8", value);
	if (row->kind != OPTION_LIST) {
		json_object_set_new(target, key, item);
		return EXIT_DONE;
	}
	json_t *list = json_object_get(target, key);
	if (!list) {
		list = json_array();
		json_object_set_new(target, key, list);
	}
	json_array_append_new(list, item);
	return EXIT_DONE;
}

/* Takes "--name", "--name value" or "--name=value". */
static int option_take(struct context *context, int argc, char *const *argv, int *i) {
	const char *name = argv[*i] + 2;
	size_t length = strcspn(name, "=");
	const struct option_row *row = context->command ? option_in(context->command->options, name, length) : NULL;
	if (!row)
		row = option_in(GLOBAL_OPTIONS, name, length);
	if (!row)
		return usage(option_hint(context->command, name), "there is no option '%s' here", argv[*i]);
	if (row->kind == OPTION_FLAG)
		return name[length] == '=' ? usage(NULL, "'--%s' takes no value", row->name) : option_set(context, row, "");
	if (name[length] == '=')
		return option_set(context, row, name + length + 1);
	if (*i + 1 >= argc)
		return usage(NULL, "'--%s' needs a value", row->name);
	return option_set(context, row, argv[++*i]);
}

static const char *noun_hint(const char *noun) {
	const char *words[128];
	size_t count = 0;
	for (size_t i = 0; i < COMMAND_COUNT && count < ARRAY_LENGTH(words); i++)
		words[count++] = COMMANDS[i].noun;
	return nearest_word(noun, words, count);
}

static const char *verb_hint(const char *noun, const char *verb) {
	const char *words[128];
	size_t count = 0;
	for (size_t i = 0; i < COMMAND_COUNT && count < ARRAY_LENGTH(words); i++)
		if (COMMANDS[i].verb && strcmp(COMMANDS[i].noun, noun) == 0)
			words[count++] = COMMANDS[i].verb;
	return nearest_word(verb, words, count);
}

/* Words of one noun are commands; *ret_used says how many words were taken. */
static const struct command *command_find(const char *noun, const char *verb, bool *ret_noun_known) {
	*ret_noun_known = false;
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		if (strcmp(COMMANDS[i].noun, noun) != 0)
			continue;
		*ret_noun_known = true;
		if (!COMMANDS[i].verb || (verb && strcmp(COMMANDS[i].verb, verb) == 0))
			return &COMMANDS[i];
	}
	return NULL;
}

/* The value of a global option that stands before the noun must not be taken for the noun. */
static int words_find(int argc, char *const *argv, int ret_words[2]) {
	int count = 0;
	for (int i = 1; i < argc && count < 2; i++) {
		if (strncmp(argv[i], "--", 2) != 0) {
			ret_words[count++] = i;
			continue;
		}
		const char *name = argv[i] + 2;
		const struct option_row *row = option_in(GLOBAL_OPTIONS, name, strcspn(name, "="));
		bool value_follows = row ? row->kind != OPTION_FLAG && !strchr(name, '=') : false;
		if (!row && count == 1)
			break; /* an option of the command: what follows is no verb */
		i += value_follows;
	}
	return count;
}

static int globals_take(struct context *context) {
	const char *form = context_option(context, "output");
	static const char *const FORMS[] = {"table", "json", "ndjson", "csv"};
	context->socket = context_option(context, "socket");
	context->no_input = context_flag(context, "no-input");
	context->dry_run = context_flag(context, "dry-run");
	context->yes = context_flag(context, "yes");
	context->no_pager = context_flag(context, "no-pager");
	context->output = context_flag(context, "json") ? OUTPUT_JSON : OUTPUT_TABLE;
	for (size_t i = 0; form && i < ARRAY_LENGTH(FORMS); i++)
		if (strcmp(form, FORMS[i]) == 0) {
			context->output = (enum output_form)i;
			form = NULL;
		}
	if (form)
		return usage(NULL, "'%s' is no form of output: table, json, ndjson or csv", form);
	if (context->dry_run && !context->command->mutates)
		return usage(NULL, "%s", "--dry-run: this command changes nothing");
	if (context->dry_run)
		json_object_set_new(context->params, "dry_run", json_true());
	return EXIT_DONE;
}

static int required_check(const struct context *context) {
	const struct command *command = context->command;
	for (const struct option_row *row = command->options; row && row->name; row++)
		if (row->required && !json_object_get(row->parameter ? context->params : context->local,
		                         row->parameter ? row->parameter : row->name)) {
			(void)fprintf(stderr, "retentionctl: '--%s %s' is needed: %s\n", row->name, row->argument, row->help);
			if (command->example)
				(void)fprintf(stderr, "for example: %s\n", command->example);
			return EXIT_USAGE;
		}
	if (command->positional && command->positional[0] != '[' && !context->positional) {
		(void)fprintf(stderr, "retentionctl: %s is missing\n", command->positional);
		if (command->example)
			(void)fprintf(stderr, "for example: %s\n", command->example);
		return EXIT_USAGE;
	}
	return EXIT_DONE;
}

static int rest_take(struct context *context, int argc, char *const *argv, const int *words, int word_count) {
	bool only_words = false;
	for (int i = 1; i < argc; i++) {
		if ((word_count > 0 && i == words[0]) ||
		    (context->command && context->command->verb && word_count > 1 && i == words[1]))
			continue;
		if (!only_words && strcmp(argv[i], "--") == 0) {
			only_words = true;
		} else if (!only_words && strcmp(argv[i], "-h") == 0) {
			json_object_set_new(context->local, "help", json_true());
		} else if (!only_words && strncmp(argv[i], "--", 2) == 0) {
			int code = option_take(context, argc, argv, &i);
			if (code != EXIT_DONE)
				return code;
		} else if (context->command && context->command->positional && !context->positional) {
			context->positional = argv[i];
		} else {
			return usage(NULL, "'%s' is one word too many", argv[i]);
		}
	}
	if (context->positional && context->command->parameter) {
		json_t *value = json_string(context->positional);
		if (!value)
			return usage(NULL, "'%s' is not UTF-8; name it as `footage list` shows it", context->positional);
		json_object_set_new(context->params, context->command->parameter, value);
	}
	return EXIT_DONE;
}

int arguments_parse(int argc, char *const *argv, struct context *ret_context) {
	struct context *context = ret_context;
	int words[2] = {0, 0};
	int word_count = words_find(argc, argv, words);
	bool noun_known = false;
	*context = (struct context){.params = json_object(), .local = json_object()};
	const char *noun = word_count > 0 ? argv[words[0]] : NULL, *verb = word_count > 1 ? argv[words[1]] : NULL;
	if (noun && strcmp(noun, "help") == 0) {
		if (verb)
			help_noun(verb);
		else
			help_all();
		return -1;
	}
	if (noun)
		context->command = command_find(noun, verb, &noun_known);
	if (noun && !noun_known)
		return usage(noun_hint(noun), "there is no command '%s'", noun);
	if (noun && !context->command) {
		bool asks_help = !verb || context_flag(context, "help");
		if (asks_help)
			help_noun(noun);
		if (!verb)
			return argc > 2 && (strcmp(argv[argc - 1], "--help") == 0 || strcmp(argv[argc - 1], "-h") == 0)
			           ? -1
			           : EXIT_USAGE;
		(void)fprintf(stderr, "retentionctl: '%s' has no '%s'", noun, verb);
		const char *hint = verb_hint(noun, verb);
		if (hint)
			(void)fprintf(stderr, "; did you mean '%s'?", hint);
		(void)fputc('\n', stderr);
		return EXIT_USAGE;
	}
	int code = rest_take(context, argc, argv, words, word_count);
	if (code != EXIT_DONE)
		return code;
	if (context_flag(context, "version")) {
		(void)printf("retentionctl %s\n", RETENTION_VERSION);
		return -1;
	}
	if (context_flag(context, "help") || !context->command) {
		if (context->command)
			help_command(context->command);
		else
			help_all();
		return context_flag(context, "help") ? -1 : EXIT_USAGE;
	}
	code = required_check(context);
	return code != EXIT_DONE ? code : globals_take(context);
}

void context_release(struct context *context) {
	json_decref(context->params);
	json_decref(context->local);
}

const char *context_option(const struct context *context, const char *name) {
	return json_string_value(json_object_get(context->local, name));
}

bool context_flag(const struct context *context, const char *name) {
	return json_is_true(json_object_get(context->local, name));
}

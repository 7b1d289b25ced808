/* SPDX-License-Identifier: GPL-2.0-or-later */
/* retention-verify: checks a copy of an audit log, with no daemon and no state. Reads, never writes. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "verify.h"

enum { FILE_BYTES_MAX = 64 << 20 };

static const char help[] =
    "Checks a copy of an audit log of retentiond. Needs no daemon, keeps no state, writes nothing.\n"
    "\n"
    "  retention-verify log DIR [--key KEY]... [--checkpoint FILE]... [--witness KEY]...\n"
    "      every entry, every tile, every key, up to the newest checkpoint\n"
    "  retention-verify entry DIR NUMBER [--key KEY]...\n"
    "      one entry, and the proof that it is in the log\n"
    "  retention-verify checkpoint OLD NEW --log DIR [--key KEY]...\n"
    "      that the log has grown from one checkpoint to the other\n"
    "\n"
    "  --key KEY          a verifier key, or a file of them, that was kept elsewhere: only then is it a proof.\n"
    "                     The key of any epoch: it vouches for its own and all later ones\n"
    "  --checkpoint FILE  a checkpoint that was kept elsewhere: shows whether the log was rewritten since\n"
    "  --witness KEY      a witness's verifier key, or a file of them\n"
    "  --json             one JSON object instead of lines\n"
    "  --help, --version\n"
    "\n"
    "Ends with one line that says INTACT or BROKEN and names the first thing that does not hold.\n"
    "Exit: 0 it holds, 2 it does not, 1 it cannot be read, 64 usage.\n";

int file_read(const char *path, char **ret_text, size_t *ret_length) {
	int error = descriptor_read_file(AT_FDCWD, path, FILE_BYTES_MAX, ret_text, ret_length);
	if (error == 0)
		return 0;
	(void)fprintf(stderr, "retention-verify: %s cannot be read: %s\n", path, strerror(-error));
	return EXIT_UNREADABLE;
}

/* Adds a key, or the keys of a file, to a list with one a line. */
static int keys_add(char **keys, const char *value) {
	char *text = NULL;
	size_t length = 0;
	/* A key holds two plus signs, and is no path as a rule; a file of that name wins. */
	bool is_key = strchr(value, '+') != NULL && faccessat(AT_FDCWD, value, F_OK, 0) < 0;
	int code = is_key ? 0 : file_read(value, &text, &length);
	if (code != 0)
		return code;
	char *joined = NULL;
	int made = asprintf(&joined, "%s%s\n", *keys == NULL ? "" : *keys, is_key ? value : text);
	free(text);
	if (made < 0)
		return EXIT_UNREADABLE;
	free(*keys);
	*keys = joined;
	return 0;
}

static int usage(const char *what, const char *value) {
	(void)fprintf(stderr, "retention-verify: %s%s%s; see retention-verify --help\n", what, value[0] ? " " : "", value);
	return EXIT_USAGE;
}

static int option_take(struct arguments *arguments, const char *name, const char *value) {
	if (strcmp(name, "--key") == 0)
		return keys_add(&arguments->keys, value);
	if (strcmp(name, "--witness") == 0)
		return keys_add(&arguments->witnesses, value);
	if (strcmp(name, "--log") == 0) {
		arguments->folder = value;
		return 0;
	}
	if (strcmp(name, "--checkpoint") != 0)
		return usage("there is no option", name);
	if (arguments->checkpoint_count == CHECKPOINTS_MAX)
		return usage("at most 64 checkpoints", "");
	arguments->checkpoints[arguments->checkpoint_count++] = value;
	return 0;
}

int arguments_read(int count, char **values, struct arguments *ret_arguments) {
	int code = 0;
	bool only_words = false;
	for (int i = 1; code == 0 && i < count; i++) {
		char *word = values[i];
		char name[32];
		const char *equals = strchr(word, '=');
		if (only_words || strncmp(word, "--", 2) != 0) {
			if (ret_arguments->command == NULL)
				ret_arguments->command = word;
			else if (ret_arguments->positional_count == POSITIONALS_MAX)
				code = usage("one word too many:", word);
			else
				ret_arguments->positional[ret_arguments->positional_count++] = word;
		} else if (strcmp(word, "--") == 0) {
			only_words = true;
		} else if (strcmp(word, "--json") == 0) {
			ret_arguments->json = true;
		} else if (equals != NULL && (size_t)(equals - word) < sizeof name) {
			(void)snprintf(name, sizeof name, "%.*s", (int)(equals - word), word);
			code = option_take(ret_arguments, name, equals + 1);
		} else if (i + 1 < count) {
			code = option_take(ret_arguments, word, values[++i]);
		} else {
			code = usage("there is no option, or it needs a value:", word);
		}
	}
	return code;
}

void arguments_release(struct arguments *arguments) {
	free(arguments->keys);
	free(arguments->witnesses);
}

struct command {
	const char *name;
	size_t positionals;
	bool has_folder;      /* --log is needed */
	bool has_checkpoints; /* --checkpoint and --witness mean something */
	int (*run)(struct report *report);
};

static const struct command commands[] = {
    {"log", 1, false, true, log_run},
    {"entry", 2, false, false, entry_run},
    {"checkpoint", 2, true, false, checkpoint_run},
};

static int command_run(const struct command *command, const struct arguments *arguments) {
	if (arguments->positional_count != command->positionals)
		return usage("another number of words is needed after", command->name);
	if (command->has_folder != (arguments->folder != NULL))
		return usage(command->has_folder ? "--log is needed with" : "--log is not for", command->name);
	if (!command->has_checkpoints && (arguments->checkpoint_count > 0 || arguments->witnesses != NULL))
		return usage("--checkpoint and --witness are not for", command->name);
	struct report report = {.arguments = arguments, .json = json_object()};
	int code = report.json == NULL ? EXIT_UNREADABLE : command->run(&report);
	retention_log_close(report.log);
	json_decref(report.json);
	return code;
}

int main(int count, char **values) {
	for (int i = 1; i < count; i++) {
		if (strcmp(values[i], "--help") == 0 || strcmp(values[i], "-h") == 0)
			return fputs(help, stdout) < 0 ? EXIT_UNREADABLE : EXIT_HOLDS;
		if (strcmp(values[i], "--version") == 0)
			return printf("retention-verify %s\n", RETENTION_VERSION) < 0 ? EXIT_UNREADABLE : EXIT_HOLDS;
	}
	struct arguments arguments = {0};
	int code = arguments_read(count, values, &arguments);
	const struct command *command = NULL;
	for (size_t i = 0; arguments.command != NULL && i < ARRAY_LENGTH(commands); i++)
		if (strcmp(commands[i].name, arguments.command) == 0)
			command = &commands[i];
	if (code == 0 && command == NULL)
		code = arguments.command == NULL ? usage("what is to be verified?", "")
		                                 : usage("there is no command", arguments.command);
	if (code == 0)
		code = command_run(command, &arguments);
	arguments_release(&arguments);
	if (fflush(stdout) != 0 && code == EXIT_HOLDS)
		code = EXIT_UNREADABLE;
	return code;
}

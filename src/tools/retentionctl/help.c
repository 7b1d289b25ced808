/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Help, the man page's list of commands and completion, all from the table. */
#include <stdio.h>
#include <string.h>

#include "base/distance.h"
#include "command.h"

const char *nearest_word(const char *word, const char *const *words, size_t count) {
	const char *best = NULL;
	unsigned least = strlen(word) > 3 ? 3 : 2;
	for (size_t i = 0; i < count; i++) {
		unsigned found = word_distance(word, words[i]);
		bool begins = strlen(word) >= 3 && strncmp(word, words[i], strlen(word)) == 0;
		if (found < least || (begins && !best)) {
			least = begins ? least : found;
			best = words[i];
		}
	}
	return best;
}

static void name_print(const struct command *command, char *text, size_t room) {
	(void)snprintf(text, room, "%s%s%s%s%s", command->noun, command->verb ? " " : "",
	    command->verb ? command->verb : "", command->positional ? " " : "",
	    command->positional ? command->positional : "");
}

static void row_print(const struct command *command) {
	char name[64];
	name_print(command, name, sizeof(name));
	(void)printf("  %-24s %s\n", name, command->summary);
}

void help_all(void) {
	(void)fputs("retentionctl: what footage is kept, why, and for how long\n\n"
	            "  retentionctl status                                       are we in order?\n"
	            "  retentionctl hold place --camera gate --at \"2026-11-24 14:00..15:00\" \\\n"
	            "      --reason damage --case PV-123                         keep what is evidence\n"
	            "  retentionctl footage explain PATH                         why is this still there?\n\n",
	    stdout);
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		row_print(&COMMANDS[i]);
	(void)fputs("\nretentionctl NOUN VERB --help says more of one; retentionctl(1) has everything.\n", stdout);
}

void help_noun(const char *noun) {
	bool found = false;
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(COMMANDS[i].noun, noun) == 0) {
			if (!COMMANDS[i].verb) {
				help_command(&COMMANDS[i]);
				return;
			}
			if (!found)
				(void)printf("retentionctl %s VERB:\n\n", noun);
			row_print(&COMMANDS[i]);
			found = true;
		}
	if (!found)
		help_all();
}

static void options_print(const struct option_row *rows) {
	for (; rows && rows->name; rows++) {
		char name[48];
		(void)snprintf(name, sizeof(name), "--%s%s%s", rows->name, rows->argument ? " " : "",
		    rows->argument ? rows->argument : "");
		(void)printf("  %-22s %s%s\n", name, rows->help, rows->kind == OPTION_LIST ? " (may be repeated)" : "");
	}
}

void help_command(const struct command *command) {
	char name[64];
	name_print(command, name, sizeof(name));
	(void)printf("retentionctl %s: %s\n", name, command->summary);
	if (command->example)
		(void)printf("\n  %s\n", command->example);
	if (command->options) {
		(void)fputs("\n", stdout);
		options_print(command->options);
	}
	(void)fputs("\n", stdout);
	options_print(GLOBAL_OPTIONS);
	(void)printf("\nRole: %s\n", command->role);
}

/* ---- retentionctl(1), the list of commands ---- */

static void man_text(const char *text) {
	for (; *text; text++) {
		if (strchr("_*\\", *text))
			(void)putchar('\\');
		(void)putchar(*text);
	}
}

void print_man(void) {
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		const struct command *command = &COMMANDS[i];
		(void)printf("*%s%s%s*", command->noun, command->verb ? " " : "", command->verb ? command->verb : "");
		if (command->positional)
			(void)printf(" %s%s%s", command->positional[0] == '[' ? "" : "_", command->positional,
			    command->positional[0] == '[' ? "" : "_");
		for (const struct option_row *row = command->options; row && row->name; row++)
			(void)printf(" %s--%s%s%s%s%s", row->required ? "" : "[", row->name, row->argument ? " _" : "",
			    row->argument ? row->argument : "", row->argument ? "_" : "", row->required ? "" : "]");
		(void)fputs("\n\t", stdout);
		man_text(command->summary);
		(void)printf(". Role: %s.\n\n", command->role);
	}
}

/* ---- completion ---- */

static void words_of(const char *noun, char separator) {
	const char *last = "";
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		const char *word = noun ? COMMANDS[i].verb : COMMANDS[i].noun;
		if (!word || (noun && strcmp(COMMANDS[i].noun, noun) != 0) || strcmp(word, last) == 0)
			continue;
		(void)printf("%s%c", word, separator);
		last = word;
	}
}

static void options_of(const struct command *command) {
	for (const struct option_row *row = command->options; row && row->name; row++)
		(void)printf("--%s ", row->name);
	for (const struct option_row *row = GLOBAL_OPTIONS; row->name; row++)
		(void)printf("--%s ", row->name);
}

static void completion_bash(void) {
	const char *last = "";
	(void)fputs("# bash completion for retentionctl; made by: retentionctl --completion bash\n"
	            "_retentionctl() {\n"
	            "\tlocal word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} noun=${COMP_WORDS[1]} "
	            "verb=${COMP_WORDS[2]} words=\n"
	            "\tcase $before in\n"
	            "\t--output) words=\"table json ndjson csv\" ;;\n"
	            "\t--config|--socket|--keys|--out|--scan) COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n"
	            "\t--camera) words=$(retentionctl camera list --output csv 2>/dev/null | sed -n '2,$s/,.*//p') ;;\n"
	            "\tesac\n"
	            "\tif [[ -n $words ]]; then\n"
	            "\t\t:\n"
	            "\telif ((COMP_CWORD == 1)); then\n"
	            "\t\twords=\"",
	    stdout);
	words_of(NULL, ' ');
	(void)fputs("\"\n\telif ((COMP_CWORD == 2)) && [[ $word != -* ]]; then\n\t\tcase $noun in\n", stdout);
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		if (!COMMANDS[i].verb || strcmp(COMMANDS[i].noun, last) == 0)
			continue;
		last = COMMANDS[i].noun;
		(void)printf("\t\t%s) words=\"", last);
		words_of(last, ' ');
		(void)fputs("\" ;;\n", stdout);
	}
	(void)fputs("\t\tesac\n\telse\n\t\tcase \"$noun $verb\" in\n", stdout);
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		(void)printf("\t\t\"%s %s\"%s) words=\"", COMMANDS[i].noun, COMMANDS[i].verb ? COMMANDS[i].verb : "",
		    COMMANDS[i].verb ? "" : "*");
		options_of(&COMMANDS[i]);
		(void)fputs("\" ;;\n", stdout);
	}
	(void)fputs(
	    "\t\tesac\n\tfi\n\tCOMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
	    "\tif [[ ${#COMPREPLY[@]} -eq 0 && $word != -* ]]; then\n\t\tCOMPREPLY=($(compgen -f -- \"$word\"))\n\tfi\n}\n"
	    "complete -F _retentionctl retentionctl\n",
	    stdout);
}

static void completion_zsh(void) {
	(void)fputs("#compdef retentionctl\n# made by: retentionctl --completion zsh; uses bash's\n"
	            "autoload -U +X bashcompinit && bashcompinit\n",
	    stdout);
	completion_bash();
}

static void completion_fish(void) {
	(void)fputs(
	    "# fish completion for retentionctl; made by: retentionctl --completion fish\ncomplete -c retentionctl -f\n",
	    stdout);
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		const struct command *command = &COMMANDS[i];
		if (command->verb)
			(void)printf("complete -c retentionctl -n '__fish_use_subcommand' -a %s\n"
			             "complete -c retentionctl -n '__fish_seen_subcommand_from %s' -a %s -d \"%s\"\n",
			    command->noun, command->noun, command->verb, command->summary);
		else
			(void)printf("complete -c retentionctl -n '__fish_use_subcommand' -a %s -d \"%s\"\n", command->noun,
			    command->summary);
		for (const struct option_row *row = command->options; row && row->name; row++)
			(void)printf("complete -c retentionctl -n '__fish_seen_subcommand_from %s' -l %s%s -d \"%s\"\n",
			    command->noun, row->name, row->kind == OPTION_FLAG ? "" : " -r", row->help);
	}
	for (const struct option_row *row = GLOBAL_OPTIONS; row->name; row++)
		(void)printf("complete -c retentionctl -l %s%s -d \"%s\"\n", row->name, row->kind == OPTION_FLAG ? "" : " -r",
		    row->help);
}

int print_completion(const char *shell) {
	if (strcmp(shell, "bash") == 0)
		completion_bash();
	else if (strcmp(shell, "zsh") == 0)
		completion_zsh();
	else if (strcmp(shell, "fish") == 0)
		completion_fish();
	else {
		(void)fprintf(stderr, "retentionctl: completion is for bash, zsh and fish, not '%s'\n", shell);
		return EXIT_USAGE;
	}
	return EXIT_DONE;
}

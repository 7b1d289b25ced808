/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of commands: one row makes the parser, the help, the list in the man page and the
 * completion. A command with a method calls it and shows its answer; one without has its own `run`.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"

/* Exit codes (contract). */
enum exit_code {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_FINDING = 2,  /* verification failed, something overdue */
	EXIT_PARTLY = 3,   /* only part covered */
	EXIT_APPROVAL = 4, /* waits for a second person */
	EXIT_DENIED = 5,
	EXIT_UNREACHABLE = 6, /* no daemon there */
	EXIT_USAGE = 64,
	EXIT_INTERRUPTED = 130,
};

enum option_kind {
	OPTION_FLAG,
	OPTION_TEXT,
	OPTION_NUMBER,
	OPTION_LIST, /* may be given more than once */
};

struct option_row {
	const char *name; /* "camera" for --camera; ends a list when NULL */
	enum option_kind kind;
	const char *argument;  /* "NAME" */
	const char *parameter; /* of the method; NULL: for the tool itself */
	bool required;
	const char *help;
};

struct context;

struct command {
	const char *noun;
	const char *verb;                 /* NULL for commands of one word */
	const char *positional;           /* "ID", or NULL; "[FILE]" may be left out */
	const char *parameter;            /* of the positional; NULL: for the tool itself */
	const struct option_row *options; /* or NULL */
	const char *summary;
	const char *role;    /* "any", "officer" */
	const char *example; /* or NULL */
	const char *method;  /* or NULL: the tool does it */
	const char *list;    /* the key of the rows in the answer, for ndjson and csv; or NULL */
	bool mutates;        /* takes --dry-run */
	const char *confirm; /* what happens, asked before; or NULL */
	bool type_id;        /* the id must be typed, not just "yes" */
	bool paged;
	void (*show)(const json_t *answer);   /* for people; NULL: printed as JSON */
	int (*verdict)(const json_t *answer); /* the exit code; NULL: 0 */
	int (*run)(struct context *context);  /* instead of the method */
};

extern const struct command COMMANDS[];
extern const size_t COMMAND_COUNT;
/* Accepted everywhere. */
extern const struct option_row GLOBAL_OPTIONS[];

enum output_form { OUTPUT_TABLE, OUTPUT_JSON, OUTPUT_NDJSON, OUTPUT_CSV };

/* One call of the tool. */
struct context {
	const struct command *command;
	json_t *params; /* for the method */
	json_t *local;  /* options for the tool itself, by name */
	const char *positional;
	const char *socket; /* or NULL */
	enum output_form output;
	bool no_input, dry_run, yes, no_pager;
};

/* Parses the arguments. EXIT_DONE with a command to run, or the code to exit with (-1: help was shown, exit 0). */
int arguments_parse(int argc, char *const *argv, struct context *ret_context);
void context_release(struct context *context);
const char *context_option(const struct context *context, const char *name);
bool context_flag(const struct context *context, const char *name);

/* help.c */
void help_all(void);
void help_noun(const char *noun);
void help_command(const struct command *command);
/* The nearest of several words, or NULL. */
const char *nearest_word(const char *word, const char *const *words, size_t count);
void print_man(void);
int print_completion(const char *shell);

/* call.c: calls and shows; the exit code. */
int command_call(struct context *context);
/* Connects, with the message where it fails: NULL and the exit code. */
struct retention_client;
struct retention_client *context_connect(const struct context *context, int *ret_code);
/* Calls and parses; NULL after telling the error: the code in *ret_code. */
json_t *context_ask(struct retention_client *client, const char *method, const json_t *params, int *ret_code);
/* Shows an answer in the form that was asked for. */
void context_show(const struct context *context, const json_t *answer);
int refusal_code(const struct retention_client *client);

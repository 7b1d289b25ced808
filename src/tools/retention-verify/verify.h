/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the commands of retention-verify share: arguments, output, the verdict. */
#pragma once

#include <jansson.h>
#include <retention/log.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"

enum exit_code { EXIT_HOLDS = 0, EXIT_UNREADABLE = 1, EXIT_BROKEN = 2, EXIT_USAGE = 64 };

enum { CHECKPOINTS_MAX = 64, POSITIONALS_MAX = 3 };

struct arguments {
	const char *command;
	const char *positional[POSITIONALS_MAX];
	size_t positional_count;
	const char *folder; /* --log */
	char *keys;         /* of every --key, a line each; NULL: none */
	char *witnesses;    /* likewise */
	const char *checkpoints[CHECKPOINTS_MAX];
	size_t checkpoint_count;
	bool json;
};

/* 0, or an exit code after saying what is wrong. */
MUST_USE int arguments_read(int count, char **values, struct arguments *ret_arguments);
void arguments_release(struct arguments *arguments);

/* One run: what was found, for people as lines, for programs as one object. */
struct report {
	const struct arguments *arguments;
	json_t *json;
	struct retention_log *log;
};
/* A line "Name   text"; also kept in the object under `key` by the caller. */
void report_line(const struct report *report, const char *name, const char *format, ...) PRINTF_LIKE(3, 4);
/* The last line, and the object; `error` is what the library said. The exit code. */
MUST_USE int report_end(struct report *report, int error, const char *format, ...) PRINTF_LIKE(3, 4);
/* Opens the folder (or log/ in it). 0 or an exit code. */
MUST_USE int report_open(struct report *report, const char *folder);
/* A file given on the command line. 0 or an exit code. */
MUST_USE int file_read(const char *path, char **ret_text, size_t *ret_length);
/* Bytes from a log, for a terminal: what would steer it is shown as \xNN. The caller frees. */
char *printable(const char *text, size_t length);

int log_run(struct report *report);
int entry_run(struct report *report);
int checkpoint_run(struct report *report);

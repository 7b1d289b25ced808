/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Log lines of programs, to standard error: "program: text", or with systemd's "<priority>"
 * prefix when standard error is the journal. These are for people who run the box; what an
 * auditor reads is in src/lib/audit.
 *
 * Libraries return errors; programs log them, once. A message names the problem, then the
 * 'subject', in lower case, and says what happens next.
 */
#pragma once

#include "base/attributes.h"

enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_NOTICE = 5,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7
};

/* Names the program in each line and sets the lowest level that is written. `program` is kept, not copied. */
void log_open(const char *program, enum log_level lowest);

/* Writes one line; control characters in it are escaped, so that a hostile file name cannot forge a line. */
void log_line(enum log_level level, const char *format, ...) PRINTF_LIKE(2, 3);

/* The same with ": " and the text of `error` (an errno value, either sign) at the end. */
void log_line_errno(enum log_level level, int error, const char *format, ...) PRINTF_LIKE(3, 4);

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...) log_line(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_error_errno(error, ...) log_line_errno(LOG_LEVEL_ERROR, error, __VA_ARGS__)
#define log_warning_errno(error, ...) log_line_errno(LOG_LEVEL_WARNING, error, __VA_ARGS__)

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Log lines, escaped and written whole. */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *log_program = "retention";
static enum log_level log_lowest = LOG_LEVEL_INFO;
static bool log_journal;

void log_open(const char *program, enum log_level lowest) {
	log_program = program;
	log_lowest = lowest;
	log_journal = getenv("JOURNAL_STREAM") != NULL;
}

/* U+0080 to U+009F are control characters to a terminal too; in UTF-8 they are 0xc2 and one of these bytes. */
static bool is_control(const char *at, const char *text) {
	unsigned char c = (unsigned char)at[0];
	unsigned char next = (unsigned char)at[1];
	unsigned char before = at == text ? 0 : (unsigned char)at[-1];
	return c < 0x20 || c == 0x7f || (c == 0xc2 && next >= 0x80 && next <= 0x9f) ||
	       (before == 0xc2 && c >= 0x80 && c <= 0x9f);
}

static void escape(char *to, size_t room, const char *text) {
	size_t used = 0;
	for (const char *from = text; *from != '\0' && used + 5 < room; from++) {
		if (is_control(from, text))
			used += (size_t)snprintf(to + used, room - used, "\\x%02x", (unsigned char)*from);
		else
			to[used++] = *from;
	}
	to[used] = '\0';
}

static void write_line(enum log_level level, const char *text, const char *cause) {
	char escaped[2048];
	char line[2400];
	escape(escaped, sizeof escaped, text);
	int length;
	if (log_journal)
		length =
		    snprintf(line, sizeof line, "<%d>%s%s%s\n", (int)level, escaped, cause ? ": " : "", cause ? cause : "");
	else
		length =
		    snprintf(line, sizeof line, "%s: %s%s%s\n", log_program, escaped, cause ? ": " : "", cause ? cause : "");
	if (length < 0)
		return;
	if ((size_t)length >= sizeof line) {
		length = (int)sizeof line - 1;
		line[length - 1] = '\n';
	}
	/* One write a line, so that lines of several processes do not mix. A log that cannot be written has nowhere to say
	 * so. */
	ssize_t ignored = write(STDERR_FILENO, line, (size_t)length);
	(void)ignored;
}

static PRINTF_LIKE(3, 0) void write_text(
    enum log_level level, const char *cause, const char *format, va_list arguments) {
	char text[1024];
	(void)vsnprintf(text, sizeof text, format, arguments);
	write_line(level, text, cause);
}

void log_line(enum log_level level, const char *format, ...) {
	if (level > log_lowest)
		return;
	int saved = errno;
	va_list arguments;
	va_start(arguments, format);
	write_text(level, NULL, format, arguments);
	va_end(arguments);
	errno = saved;
}

void log_line_errno(enum log_level level, int error, const char *format, ...) {
	if (level > log_lowest)
		return;
	int saved = errno;
	char cause[128];
	va_list arguments;
	va_start(arguments, format);
	write_text(level, strerror_r(error < 0 ? -error : error, cause, sizeof cause), format, arguments);
	va_end(arguments);
	errno = saved;
}

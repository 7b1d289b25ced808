/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What retention-verify prints. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "verify.h"

char *printable(const char *text, size_t length) {
	char *safe = malloc(4 * length + 1);
	size_t used = 0;
	for (size_t i = 0; safe != NULL && i < length; i++) {
		unsigned char byte = (unsigned char)text[i];
		/* 0x80 to 0x9f steer terminals too, but only as characters of their own: after 0xc2 in UTF-8. */
		bool steers =
		    byte < 0x20 || byte == 0x7f || (byte >= 0x80 && byte < 0xa0 && i > 0 && (uint8_t)text[i - 1] == 0xc2);
		if (steers)
			used += (size_t)snprintf(safe + used, 5, "\\x%02x", byte);
		else
			safe[used++] = (char)byte;
	}
	if (safe != NULL)
		safe[used] = '\0';
	return safe;
}

/* The formatted text, safe for a terminal; the caller frees. */
PRINTF_LIKE(1, 0) static char *text_make(const char *format, va_list arguments) {
	char *raw = NULL;
	if (vasprintf(&raw, format, arguments) < 0)
		return NULL;
	char *safe = printable(raw, strlen(raw));
	free(raw);
	return safe;
}

void report_line(const struct report *report, const char *name, const char *format, ...) {
	if (report->arguments->json)
		return;
	va_list arguments;
	va_start(arguments, format);
	char *text = text_make(format, arguments);
	va_end(arguments);
	(void)printf("%-12s %s\n", name, text == NULL ? "" : text);
	free(text);
}

int report_end(struct report *report, int error, const char *format, ...) {
	bool colour = isatty(STDOUT_FILENO) == 1 && getenv("NO_COLOR") == NULL;
	int code = error >= 0 ? EXIT_HOLDS : error == -EBADMSG ? EXIT_BROKEN : EXIT_UNREADABLE;
	const char *verdict = code == EXIT_HOLDS ? "INTACT" : code == EXIT_BROKEN ? "BROKEN" : "NOT VERIFIED";
	static const char *const words[] = {"intact", "unreadable", "broken"};
	va_list arguments;
	va_start(arguments, format);
	char *text = text_make(format, arguments);
	va_end(arguments);
	const char *said = text == NULL ? "" : text;
	if (report->arguments->json) {
		(void)json_object_set_new(report->json, "schema", json_integer(1));
		(void)json_object_set_new(report->json, "verdict", json_string(words[code]));
		(void)json_object_set_new(report->json, "finding", code == EXIT_HOLDS ? json_null() : json_string(said));
		(void)json_dumpf(report->json, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
		(void)putchar('\n');
	} else {
		(void)printf("%s%s: %s%s\n",
		    !colour              ? ""
		    : code == EXIT_HOLDS ? "\033[32m"
		                         : "\033[31m",
		    verdict, said, colour ? "\033[0m" : "");
	}
	free(text);
	return code;
}

int report_open(struct report *report, const char *folder) {
	CLOSED_AT_END int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		(void)fprintf(stderr, "retention-verify: %s cannot be read: %s\n", folder, strerror(errno));
		return EXIT_UNREADABLE;
	}
	/* The state folder is meant as well as log/ in it. */
	if (faccessat(fd, "checkpoint", F_OK, 0) < 0 && faccessat(fd, "log/checkpoint", F_OK, 0) == 0) {
		int inner = openat(fd, "log", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (inner >= 0) {
			descriptor_close(&fd);
			fd = inner;
		}
	}
	int error = retention_log_open(fd, report->arguments->keys, &report->log);
	if (error == 0)
		return 0;
	if (error == -EINVAL && report->arguments->keys != NULL) {
		(void)fprintf(stderr, "retention-verify: --key needs a verifier key (name+hash+base64), or a file of them\n");
		return EXIT_USAGE;
	}
	if (error == -ENOENT || error == -EINVAL)
		return report_end(
		    report, -EBADMSG, "vkeys %s", error == -ENOENT ? "is missing" : "holds no key, or a line that is none");
	return report_end(report, error, "%s: %s", folder, strerror(-error));
}

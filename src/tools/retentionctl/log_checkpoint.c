/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log checkpoint: the signed head of the log, on paper, on a stick, or as a code to be photographed. */
#include <errno.h>
#include <retention/client.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "nouns.h"
#include "output_file.h"
#include "qr.h"
#include "screen.h"

static bool ends_in(const char *text, const char *end) {
	size_t length = strlen(text), wanted = strlen(end);
	return length > wanted && strcmp(text + length - wanted, end) == 0;
}

/* The log's own signatures: those of witnesses would make the code too fine. The caller frees. */
static char *own_part(const char *note, const char *origin) {
	char *own = NULL, *prefix = NULL;
	size_t room = 0;
	FILE *stream = open_memstream(&own, &room);
	if (!stream || asprintf(&prefix, "\xe2\x80\x94 %s ", origin) < 0) {
		if (stream)
			(void)fclose(stream);
		free(own);
		return NULL;
	}
	while (*note) {
		size_t length = strcspn(note, "\n") + (strchr(note, '\n') ? 1 : 0);
		bool signature = strncmp(note, "\xe2\x80\x94 ", 4) == 0;
		if (!signature || strncmp(note, prefix, strlen(prefix)) == 0)
			(void)fwrite(note, 1, length, stream);
		note += length;
	}
	free(prefix);
	return fclose(stream) == 0 ? own : NULL;
}

static int written(struct output_file *file, const char *what) {
	const char *path = file->path;
	int error = output_file_commit(file);
	if (error < 0) {
		(void)fprintf(stderr, "retentionctl: '%s' cannot be written: %s\n", path, strerror(-error));
		return EXIT_FAILED;
	}
	char *shown = screen_escape(path);
	(void)fprintf(stderr,
	    "%s is in %s. Keep it away from this box: whoever rewrites the log here must not reach it. "
	    "`retention-verify log` compares it with a copy of the log.\n",
	    what, shown);
	free(shown);
	return EXIT_DONE;
}

static int file_open(const char *path, struct output_file *file) {
	int error = output_file_open(path, file);
	if (error < 0)
		(void)fprintf(stderr, "retentionctl: '%s' cannot be written: %s\n", path, strerror(-error));
	return error < 0 ? EXIT_FAILED : EXIT_DONE;
}

static int note_write(const char *path, const char *note) {
	struct output_file file = {0};
	int code = file_open(path, &file);
	if (code != EXIT_DONE)
		return code;
	(void)fputs(note, file.stream);
	return written(&file, "The checkpoint");
}

static int code_write(const char *path, const struct qr *qr) {
	struct output_file file = {0};
	if (!ends_in(path, ".svg") && !ends_in(path, ".pbm")) {
		(void)fprintf(stderr, "retentionctl: '--qr-file' ends in .svg or .pbm\n");
		return EXIT_USAGE;
	}
	int code = file_open(path, &file);
	if (code != EXIT_DONE)
		return code;
	if (ends_in(path, ".svg"))
		qr_write_svg(qr, file.stream);
	else
		qr_write_pbm(qr, file.stream);
	return written(&file, "The code");
}

static int code_show(const struct qr *qr) {
	bool terminal = isatty(STDOUT_FILENO) == 1;
	if (terminal && qr_columns(qr, screen_is_utf8()) > screen_width()) {
		(void)fprintf(stderr,
		    "retentionctl: the code needs %d columns, this terminal has %d: make the letters smaller, or use "
		    "--qr-file\n",
		    qr_columns(qr, screen_is_utf8()), screen_width());
		return EXIT_FAILED;
	}
	/* Black and white are not decoration here: NO_COLOR does not apply. */
	qr_print(qr, terminal, screen_is_utf8(), stdout);
	return EXIT_DONE;
}

static int codes(const struct context *context, const json_t *answer) {
	const char *path = context_option(context, "qr-file");
	char *own = own_part(get_text(answer, "checkpoint"), get_text(answer, "origin"));
	struct qr *qr = own ? qr_new(own) : NULL;
	int code = EXIT_DONE;
	if (!qr) {
		(void)fprintf(stderr, "retentionctl: the checkpoint is too long for a code; use --to\n");
		code = EXIT_FAILED;
	}
	if (qr && path)
		code = code_write(path, qr);
	if (qr && code == EXIT_DONE && context_flag(context, "qr"))
		code = code_show(qr);
	(void)qr_free(qr);
	free(own);
	return code;
}

int log_checkpoint_run(struct context *context) {
	int code = EXIT_DONE;
	const char *path = context_option(context, "to");
	bool coded = context_flag(context, "qr") || context_option(context, "qr-file");
	struct retention_client *client = context_connect(context, &code);
	if (!client)
		return code;
	json_t *answer = context_ask(client, "log.checkpoint", context->params, &code);
	retention_client_disconnect(client);
	if (!answer)
		return code;
	if (path)
		code = note_write(path, get_text(answer, "checkpoint"));
	if (code == EXIT_DONE && coded)
		code = codes(context, answer);
	if (code == EXIT_DONE && !path && !coded) {
		if (context->output == OUTPUT_TABLE)
			(void)fputs(get_text(answer, "checkpoint"), stdout); /* byte for byte: it is signed */
		else
			context_show(context, answer);
	}
	json_decref(answer);
	return code;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Beginning a report, reading the log for it, writing pages. */
#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "command.h"
#include "log_source.h"
#include "screen.h"

int report_begin(struct context *context, const char *kind, struct report_session *ret_session) {
	struct report_session session = {.folder = -1};
	int code = EXIT_DONE;
	session.client = context_connect(context, &code);
	if (session.client == NULL)
		return code;
	json_t *params = json_copy(context->params);
	(void)json_object_set_new(params, "kind", json_string(kind));
	session.answer = log_folder_ask(session.client, "report.open", params, &session.folder, &code);
	json_decref(params);
	if (session.answer == NULL) {
		report_end(&session);
		return code;
	}
	session.span.from_us = json_integer_value(json_object_get(session.answer, "from_us"));
	session.span.to_us = json_integer_value(json_object_get(session.answer, "to_us"));
	session.zone = answer_zone_of(session.answer);
	*ret_session = session;
	return EXIT_DONE;
}

void report_end(struct report_session *session) {
	retention_log_close(session->log);
	descriptor_close(&session->folder);
	retention_client_disconnect(session->client);
	json_decref(session->answer);
	*session = (struct report_session){.folder = -1};
}

static int progress_show(uint64_t done, uint64_t size, void *context) {
	(void)context;
	if (isatty(STDERR_FILENO) == 1)
		(void)fprintf(
		    stderr, "\r%" PRIu64 " of %" PRIu64 " entries checked%s", done, size, done == size ? "\r\033[K" : "");
	return 0;
}

int report_log_open(struct context *context, struct report_session *session) {
	char *keys = NULL;
	int code = log_source_keys(context, &keys);
	if (code != EXIT_DONE)
		return code;
	session->own_keys = keys == NULL;
	int error =
	    retention_log_open(session->folder, keys != NULL ? keys : get_text(session->answer, "keys"), &session->log);
	if (error == 0)
		error = retention_log_checkpoint(session->log, &session->head);
	if (error == 0)
		error = retention_log_verify(session->log, progress_show, NULL);
	free(keys);
	return error < 0 ? log_not_trusted(session->log, error) : EXIT_DONE;
}

/* Of pruned epochs the whole bundles are gone. */
static uint64_t next_bundle(uint64_t number) {
	return (number / 256 + 1) * 256;
}

static int entry_give(struct report_session *session, uint64_t number, report_entry each, void *context) {
	const char *bytes = NULL;
	size_t length = 0;
	int error = retention_log_entry(session->log, number, &bytes, &length);
	json_t *entry = error == 0 ? json_loadb(bytes, length, 0, NULL) : NULL;
	if (error == 0)
		error = entry == NULL ? -EBADMSG : each(entry, context);
	json_decref(entry);
	return error;
}

int report_each(
    struct report_session *session, void (*pruned)(uint64_t first, void *context), report_entry each, void *context) {
	bool any = false;
	session->first = 0;
	for (uint64_t i = 0; i < session->head.size;) {
		const char *bytes = NULL;
		size_t length = 0;
		if (!any && retention_log_entry(session->log, i, &bytes, &length) == -ENOENT) {
			i = session->first = next_bundle(i);
			continue;
		}
		if (!any && session->first > 0 && pruned != NULL)
			pruned(session->first, context);
		any = true;
		int error = entry_give(session, i, each, context);
		/* Bundles that mention held footage stay, the rest of an epoch goes. */
		if (error == -ENOENT) {
			i = next_bundle(i);
			if (pruned != NULL)
				pruned(i, context);
			continue;
		}
		if (error == -E2BIG) {
			(void)fprintf(
			    stderr, "retentionctl: too much footage for one report; ask for a shorter time or fewer cameras\n");
			return EXIT_FAILED;
		}
		if (error < 0) {
			(void)fprintf(stderr, "retentionctl: entry %" PRIu64 " cannot be used: %s\n", i, strerror(-error));
			return error == -EBADMSG ? EXIT_FINDING : EXIT_FAILED;
		}
		i++;
	}
	return EXIT_DONE;
}

void report_frame(const struct report_session *session, const char *kind, json_t *result) {
	char root[2 * sizeof session->head.root + 1];
	for (size_t i = 0; i < sizeof session->head.root; i++)
		(void)snprintf(root + 2 * i, 3, "%02x", session->head.root[i]);
	json_t *whole = json_pack("{s:i, s:s}", "schema", 1, "report", kind);
	(void)json_object_set(whole, "span", json_object_get(session->answer, "span"));
	(void)json_object_set(whole, "zone", json_object_get(session->answer, "zone"));
	(void)json_object_set(whole, "asked", json_object_get(session->answer, "asked"));
	(void)json_object_set(whole, "entry", json_object_get(session->answer, "report"));
	(void)json_object_set_new(whole, "checkpoint",
	    json_pack("{s:s, s:I, s:s, s:b, s:b, s:I}", "origin", session->head.origin, "size",
	        (json_int_t)session->head.size, "root", root, "verified", 1, "own_keys", (int)session->own_keys,
	        "first_entry", (json_int_t)session->first));
	(void)json_object_set_new(whole, "program", json_sprintf("retentiond %s", get_text(session->answer, "version")));
	(void)json_object_update(whole, result);
	(void)json_object_clear(result);
	(void)json_object_update(result, whole);
	json_decref(whole);
}

int report_write_page(const struct context *context, char *page) {
	const char *file = context_option(context, "html");
	/* What staff did stands in it: for its owner alone until he shares it. */
	int fd = page == NULL ? -1 : open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	FILE *stream = fd < 0 ? NULL : fdopen(fd, "w");
	bool written = stream != NULL && fputs(page, stream) >= 0;
	int saved = errno;
	if (stream != NULL && fclose(stream) != 0)
		written = false;
	else if (stream == NULL && fd >= 0)
		(void)close(fd);
	if (!written)
		(void)fprintf(stderr, "retentionctl: the page cannot be written to %s: %s\n", file,
		    page == NULL ? "memory is short" : strerror(saved));
	else
		(void)fprintf(stderr, "the page is in %s\n", file);
	free(page);
	return written ? EXIT_DONE : EXIT_FAILED;
}

void report_head_show(const json_t *result) {
	const json_t *span = json_object_get(result, "span"), *asked = json_object_get(result, "asked"),
	             *checkpoint = json_object_get(result, "checkpoint");
	put_line("Recorded", STYLE_PLAIN, "%s .. %s", get_text(span, "from_local"), get_text(span, "to_local"));
	put_line("Asked", STYLE_PLAIN, "%s by %s (%s), entry %" PRId64 "; clock: %s", get_text(asked, "at_local"),
	    get_text(asked, "user")[0] != '\0' ? get_text(asked, "user") : get_text(asked, "user_id"),
	    get_text(asked, "role"), get_number(result, "entry"), get_text(asked, "clock"));
	put_line("Rests on", STYLE_PLAIN, "%s, %" PRId64 " entries, root %.16s…; every entry was checked%s",
	    get_text(checkpoint, "origin"), get_number(checkpoint, "size"), get_text(checkpoint, "root"),
	    get_flag(checkpoint, "own_keys") ? " (with the keys that came with the log)" : "");
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log, entry, checkpoint. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "verify.h"

enum { BAR_WIDTH = 40, HASH_BYTES = 32 };

static void hex_of(const uint8_t hash[HASH_BYTES], char text[2 * HASH_BYTES + 1]) {
	for (size_t i = 0; i < HASH_BYTES; i++)
		(void)snprintf(text + 2 * i, 3, "%02x", hash[i]);
}

static int progress_show(uint64_t done, uint64_t size, void *context) {
	(void)context;
	if (isatty(STDERR_FILENO) != 1)
		return 0;
	static const char full[] = "########################################";
	int width = size == 0 ? BAR_WIDTH : (int)(done * BAR_WIDTH / size);
	(void)fprintf(stderr, "\r[%-*.*s] %3d %%", BAR_WIDTH, width, full, size == 0 ? 100 : (int)(done * 100 / size));
	if (done == size)
		(void)fprintf(stderr, "\r\033[K");
	return 0;
}

/* What is known of the log before it is read whole. */
static void facts_show(struct report *report, const struct retention_log_facts *facts) {
	char root[2 * HASH_BYTES + 1];
	hex_of(facts->checkpoint.root, root);
	(void)json_object_set_new(report->json, "origin", json_string(facts->checkpoint.origin));
	(void)json_object_set_new(report->json, "entries", json_integer((json_int_t)facts->checkpoint.size));
	(void)json_object_set_new(report->json, "root", json_string(root));
	(void)json_object_set_new(report->json, "epoch", json_integer((json_int_t)facts->epoch));
	(void)json_object_set_new(report->json, "trusted_from", json_integer((json_int_t)facts->trusted_from));
	(void)json_object_set_new(report->json, "own_keys", json_boolean(facts->own_keys));
	(void)json_object_set_new(report->json, "pruned_below", json_integer((json_int_t)facts->pruned_below));
	report_line(report, "Log", "%s", facts->checkpoint.origin);
	report_line(report, "Entries", "%" PRIu64, facts->checkpoint.size);
	report_line(report, "Root", "%s", root);
	if (facts->own_keys)
		report_line(report, "Keys",
		    "%" PRIu64 ", and only those that came with the log: it agrees with itself, no more. "
		    "Give a key that was kept elsewhere with --key",
		    facts->epoch + 1);
	else
		report_line(report, "Keys", "%" PRIu64 "; the key of epoch %" PRIu64 " was given, and vouches for all after it",
		    facts->epoch + 1, facts->trusted_from);
	if (facts->pruned_below > 0)
		report_line(report, "Pruned", "entries below %" PRIu64 " may be gone, says an entry; their hashes are there",
		    facts->pruned_below);
}

static int broken(struct report *report, int error) {
	return report_end(report, error, "%s", retention_log_error(report->log));
}

/* Checkpoints that were kept elsewhere. An exit code when one does not hold. */
static int kept_check(struct report *report) {
	json_t *list = json_array();
	(void)json_object_set_new(report->json, "checkpoints", list);
	for (size_t i = 0; i < report->arguments->checkpoint_count; i++) {
		const char *path = report->arguments->checkpoints[i];
		struct retention_checkpoint kept = {.size = 0};
		char *note = NULL;
		size_t length = 0;
		int code = file_read(path, &note, &length);
		if (code != 0)
			return code;
		int error = retention_log_check_checkpoint(report->log, note, length, &kept);
		free(note);
		if (error < 0)
			return report_end(report, error, "%s: %s", path, retention_log_error(report->log));
		(void)json_array_append_new(list, json_pack("{s:s, s:I}", "file", path, "entries", (json_int_t)kept.size));
		report_line(report, "Kept", "%s: %" PRIu64 " entries, and the log has grown out of them", path, kept.size);
	}
	return EXIT_HOLDS;
}

static void witness_show(const char *name, uint64_t seconds, uint64_t size, void *context) {
	struct report *report = context;
	time_t when = (time_t)seconds;
	struct tm utc = {0};
	char text[40] = "";
	if (gmtime_r(&when, &utc) == NULL || strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
		text[0] = '\0';
	(void)json_array_append_new(json_object_get(report->json, "witnesses"),
	    json_pack("{s:s, s:I, s:s, s:I}", "name", name, "seconds", (json_int_t)seconds, "time", text, "entries",
	        (json_int_t)size));
	report_line(report, "Witness", "%s saw %" PRIu64 " entries at %s by its own clock", name, size, text);
}

static int witnesses_check(struct report *report) {
	if (report->arguments->witnesses == NULL)
		return EXIT_HOLDS;
	(void)json_object_set_new(report->json, "witnesses", json_array());
	int count = retention_log_witnesses(report->log, report->arguments->witnesses, witness_show, report);
	if (count == -EINVAL) {
		(void)fprintf(stderr, "retention-verify: %s\n", retention_log_error(report->log));
		return EXIT_USAGE;
	}
	if (count < 0)
		return broken(report, count);
	return count > 0 ? EXIT_HOLDS
	                 : report_end(report, -EBADMSG, "no checkpoint of the log is signed by a witness that was given");
}

int log_run(struct report *report) {
	struct retention_log_facts facts = {.own_keys = 0};
	int code = report_open(report, report->arguments->positional[0]);
	if (code != 0)
		return code;
	int error = retention_log_verify(report->log, progress_show, NULL);
	if (error < 0 && isatty(STDERR_FILENO) == 1)
		(void)fprintf(stderr, "\r\033[K");
	if (error == 0)
		error = retention_log_facts(report->log, &facts);
	if (error < 0)
		return broken(report, error);
	facts_show(report, &facts);
	code = kept_check(report);
	if (code == EXIT_HOLDS)
		code = witnesses_check(report);
	if (code != EXIT_HOLDS)
		return code;
	report_line(report, "Checked",
	    "each entry against its tile, each tile against the one above, the root against the "
	    "signature, each key against the one before");
	return report_end(report, 0, "%" PRIu64 " entries of %s", facts.checkpoint.size, facts.checkpoint.origin);
}

static bool number_read(const char *text, uint64_t *ret_number) {
	char *end = NULL;
	errno = 0;
	unsigned long long number = strtoull(text, &end, 10);
	*ret_number = number;
	return errno == 0 && *end == '\0' && text[0] >= '0' && text[0] <= '9';
}

static void proof_keep(struct report *report, uint64_t number, uint64_t size) {
	uint8_t proof[64][32];
	char hex[2 * HASH_BYTES + 1];
	int count = retention_log_inclusion(report->log, number, size, proof);
	json_t *list = json_array();
	for (int i = 0; i < count; i++) {
		hex_of(proof[i], hex);
		(void)json_array_append_new(list, json_string(hex));
	}
	(void)json_object_set_new(report->json, "proof", list);
	report_line(report, "Proof", "%d hashes lead from the entry to the root", count);
}

int entry_run(struct report *report) {
	uint64_t number = 0;
	struct retention_log_facts facts = {.own_keys = 0};
	const char *bytes = NULL;
	size_t length = 0;
	if (!number_read(report->arguments->positional[1], &number)) {
		(void)fprintf(stderr, "retention-verify: the number of an entry is needed, such as 42\n");
		return EXIT_USAGE;
	}
	int code = report_open(report, report->arguments->positional[0]);
	if (code != 0)
		return code;
	int error = retention_log_facts(report->log, &facts);
	if (error < 0)
		return broken(report, error);
	facts_show(report, &facts);
	error = retention_log_check_entry(report->log, number, &bytes, &length);
	if (error < 0)
		return broken(report, error);
	char *text = report->arguments->json ? strndup(bytes, length) : printable(bytes, length);
	(void)json_object_set_new(report->json, "index", json_integer((json_int_t)number));
	/* As written: another text of the same JSON would have another hash. */
	(void)json_object_set_new(report->json, "entry", json_stringn(bytes, length));
	if (!report->arguments->json)
		(void)printf("%s\n", text == NULL ? "" : text);
	free(text);
	proof_keep(report, number, facts.checkpoint.size);
	return report_end(report, 0, "entry %" PRIu64 " is in the log of %s", number, facts.checkpoint.origin);
}

static int kept_read(struct report *report, const char *path, struct retention_checkpoint *ret_checkpoint) {
	char *note = NULL;
	size_t length = 0;
	int code = file_read(path, &note, &length);
	if (code != 0)
		return code;
	int error = retention_log_check_checkpoint(report->log, note, length, ret_checkpoint);
	free(note);
	if (error < 0)
		return report_end(report, error, "%s: %s", path, retention_log_error(report->log));
	report_line(report, "Checkpoint", "%s: %" PRIu64 " entries", path, ret_checkpoint->size);
	return EXIT_HOLDS;
}

int checkpoint_run(struct report *report) {
	struct retention_log_facts facts = {.own_keys = 0};
	struct retention_checkpoint older = {.size = 0};
	struct retention_checkpoint newer = {.size = 0};
	int code = report_open(report, report->arguments->folder);
	if (code != 0)
		return code;
	int error = retention_log_facts(report->log, &facts);
	if (error < 0)
		return broken(report, error);
	facts_show(report, &facts);
	code = kept_read(report, report->arguments->positional[0], &older);
	if (code == EXIT_HOLDS)
		code = kept_read(report, report->arguments->positional[1], &newer);
	if (code != EXIT_HOLDS)
		return code;
	error = retention_log_check_growth(report->log, &older, &newer);
	if (error < 0)
		return broken(report, error);
	return report_end(report, 0, "the log has grown from %" PRIu64 " to %" PRIu64 " entries", older.size, newer.size);
}

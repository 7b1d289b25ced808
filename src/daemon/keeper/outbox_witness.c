/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The protocol with a witness (C2SP tlog-witness, add-checkpoint). The size that it has of this log is
 * kept, and each request proves that the newest checkpoint extends it. A witness that has more than we
 * have, or another root, remembers a history that this log does not tell: that is a conflict, an alarm,
 * and never made good here.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "audit/base64.h"
#include "audit/merkle.h"
#include "audit/witness_key.h"
#include "audit/writer.h"
#include "base/clock.h"
#include "base/log.h"
#include "control.h"
#include "keeper.h"
#include "outbox_private.h"
#include "record.h"
#include "retention/log.h"

enum { ASKED_AGAIN_MAX = 3, REQUEST_BYTES = 32768, LINES_BYTES = 2048 };

/* ---- the request ---- */

static int proof_lines(struct outbox *outbox, uint64_t old_size, uint64_t size, struct byte_writer *out) {
	uint8_t proof[64][MERKLE_HASH_BYTES];
	struct retention_log *log = NULL;
	struct retention_checkpoint checkpoint;
	if (old_size == 0 || old_size >= size)
		return 0;
	int count = retention_log_open(audit_writer_folder(record_writer(outbox->keeper)), NULL, &log);
	if (count == 0)
		count = retention_log_checkpoint(log, &checkpoint);
	if (count == 0)
		count = retention_log_consistency(log, old_size, size, proof);
	retention_log_close(log);
	for (int i = 0; i < count; i++) {
		char base64[BASE64_ROOM(MERKLE_HASH_BYTES)];
		base64_write(proof[i], MERKLE_HASH_BYTES, base64);
		byte_put_raw(out, base64, strlen(base64));
		byte_put_raw(out, "\n", 1);
	}
	return count < 0 ? count : 0;
}

/* The note with the signatures of the log's epochs alone. */
static char *own_note(const char *note, const char *origin) {
	static const char dash[] = "\xe2\x80\x94 ";
	char *own = malloc(strlen(note) + 1);
	const char *signatures = strstr(note, "\n\n");
	if (own == NULL || signatures == NULL) {
		free(own);
		return NULL;
	}
	size_t used = (size_t)(signatures + 2 - note), name = strlen(origin);
	memcpy(own, note, used);
	for (const char *line = signatures + 2; *line != '\0';) {
		size_t length = strcspn(line, "\n") + 1;
		if (strncmp(line, dash, sizeof dash - 1) == 0 && strncmp(line + sizeof dash - 1, origin, name) == 0 &&
		    line[sizeof dash - 1 + name] == ' ') {
			memcpy(own + used, line, length);
			used += length;
		}
		line += length;
	}
	own[used] = '\0';
	return own;
}

/* Old size, proof, and the checkpoint with the line that the witness knows the log by: the epochs' keys come and go. */
static int request_put(
    struct outbox *outbox, const struct outbox_target *target, const char *line, char *body, size_t *ret_length) {
	struct byte_writer out;
	char head[40];
	byte_writer_init(&out, body, REQUEST_BYTES);
	(void)snprintf(head, sizeof head, "old %" PRIu64 "\n", target->asked_old);
	byte_put_raw(&out, head, strlen(head));
	int error = proof_lines(outbox, target->asked_old, target->checkpoint_size, &out);
	byte_put_raw(&out, "\n", 1);
	byte_put_raw(&out, target->note, strlen(target->note));
	byte_put_raw(&out, line, strlen(line));
	if (error == 0 && out.failed)
		error = -EMSGSIZE;
	if (error == 0)
		*ret_length = out.used;
	return error;
}

char *witness_request(struct outbox *outbox, struct outbox_target *target, size_t *ret_length) {
	struct audit_writer *writer = record_writer(outbox->keeper);
	const char *origin = audit_writer_origin(writer);
	uint64_t size = audit_writer_published(writer);
	if (strcmp(target->row.origin, origin) != 0) {
		/* A new log, which it does not know. */
		target->row.size = 0;
		target->row.conflict = false;
		(void)snprintf(target->row.origin, sizeof target->row.origin, "%s", origin);
	}
	/* It has more than we have: it is asked all the same, and says so. */
	target->asked_old = target->row.size < size ? target->row.size : size;
	target->checkpoint_size = size;
	free(target->note);
	target->note = own_note(audit_writer_checkpoint(writer), origin);
	char *body = malloc(REQUEST_BYTES);
	char line[LINES_BYTES] = "";
	int error = audit_writer_witness_line(writer, line, sizeof line);
	if (error == 0 && (body == NULL || target->note == NULL))
		error = -ENOMEM;
	if (error == 0)
		error = request_put(outbox, target, line, body, ret_length);
	if (error != 0) {
		log_warning_errno(error, "cannot make the request to witness '%s'", target->row.address);
		free(body);
		return NULL;
	}
	return body;
}

/* ---- entries ---- */

static json_t *witness_details(const struct outbox_target *target, uint64_t theirs) {
	json_t *details = json_pack("{s:{s:s, s:s, s:I}}", "witness", "url", target->row.address, "name",
	    target->cosigner.name, "size", (json_int_t)theirs);
	return details;
}

static void conflict(struct outbox *outbox, struct outbox_target *target, uint64_t theirs, const char *reason) {
	if (!target->row.conflict) {
		json_t *details = witness_details(target, theirs);
		json_t *log = json_pack("{s:s, s:I}", "origin", audit_writer_origin(record_writer(outbox->keeper)), "size",
		    (json_int_t)target->checkpoint_size);
		(void)json_object_set_new(details, "log", log);
		target->row.conflict = true;
		(void)record_append(outbox->keeper, AUDIT_WITNESS_CONFLICT, AUDIT_FAILURE, reason, NULL, details, NULL);
		log_error("witness '%s': %s", target->row.address, reason);
		record_publish_soon(outbox->keeper);
	}
	outbox_failed(outbox, target, reason);
	outbox_target_save(outbox, target);
}

void witness_look_behind(struct outbox *outbox, struct outbox_target *target) {
	if (target->row.behind || target->row.conflict || !outbox_target_late(outbox, target))
		return;
	target->row.behind = true;
	outbox_target_save(outbox, target);
	(void)record_append(outbox->keeper, AUDIT_WITNESSED, AUDIT_FAILURE, target->row.error, NULL,
	    witness_details(target, target->row.size), NULL);
}

/* Only at first, and when it comes back: a witness signs every few minutes. */
static void cosigned_entry(struct outbox *outbox, struct outbox_target *target, bool was_first) {
	const char *reason = was_first              ? "first cosignature of this log"
	                     : target->row.conflict ? "the witness agrees with the log again"
	                     : target->row.behind   ? "the witness is back"
	                                            : NULL;
	if (reason != NULL)
		(void)record_append(outbox->keeper, AUDIT_WITNESSED, AUDIT_SUCCESS, reason, NULL,
		    witness_details(target, target->checkpoint_size), NULL);
}

/* ---- the answer ---- */

/* Good signature lines of the witness's own key, one after the other. */
static bool lines_check(
    const struct outbox_target *target, struct text body, char lines[LINES_BYTES], uint64_t *ret_seconds) {
	size_t used = 0;
	while (body.length > 0) {
		const char *end = memchr(body.data, '\n', body.length);
		size_t length = end == NULL ? body.length : (size_t)(end - body.data) + 1;
		struct text line = {body.data, length};
		body = (struct text){body.data + length, body.length - length};
		enum cosignature_result result = cosignature_check(&target->cosigner, text_of(target->note), line, ret_seconds);
		if (result == COSIGNATURE_BAD)
			return false;
		if (result != COSIGNATURE_GOOD || end == NULL || used > 0 || length >= LINES_BYTES)
			continue;
		memcpy(lines, line.data, length);
		used = length;
	}
	lines[used] = '\0';
	return used > 0;
}

static void keep_lines(struct outbox *outbox, struct outbox_target *target, const char *lines) {
	struct audit_writer *writer = record_writer(outbox->keeper);
	int error = audit_writer_countersign(writer, target->checkpoint_size, lines);
	if (error == -ESTALE) {
		/* A newer one was published meanwhile. */
		size_t room = strlen(target->note) + strlen(lines) + 1;
		char *note = malloc(room);
		int length = note == NULL ? 0 : snprintf(note, room, "%s%s", target->note, lines);
		error = note == NULL ? -ENOMEM : audit_writer_keep_witnessed(writer, note, (size_t)length);
		free(note);
	}
	if (error != 0)
		log_warning_errno(error, "cannot keep a cosignature of '%s'", target->row.address);
}

static void cosigned(struct outbox *outbox, struct outbox_target *target, struct text body) {
	char lines[LINES_BYTES];
	uint64_t seconds = 0;
	bool was_first = target->row.size == 0;
	if (!lines_check(target, body, lines, &seconds)) {
		outbox_failed(outbox, target, "it answered without a good signature by its key; is the key the right one?");
		return;
	}
	keep_lines(outbox, target, lines);
	cosigned_entry(outbox, target, was_first);
	target->row.size = target->checkpoint_size;
	target->row.conflict = false;
	target->row.behind = false;
	target->asked_again = 0;
	target->heartbeat_us = clock_elapsed_us() + OUTBOX_HEARTBEAT_S * US_PER_SECOND;
	target->next_checkpoint_us = clock_elapsed_us() + OUTBOX_CHECKPOINT_GAP_S * US_PER_SECOND;
	outbox_succeeded(outbox, target);
	witness_test_end(outbox, target, NULL);
}

/* text/x.tlog.size: "<size>\n". */
static bool size_parse(const struct record_delivered *delivered, uint64_t *ret_size) {
	static const char type[] = "text/x.tlog.size";
	char digits[24];
	struct text body = delivered->body;
	if (delivered->content_type.length < sizeof type - 1 ||
	    memcmp(delivered->content_type.data, type, sizeof type - 1) != 0)
		return false;
	if (body.length > 0 && body.data[body.length - 1] == '\n')
		body.length--;
	if (body.length == 0 || !text_copy(digits, sizeof digits, body) || strspn(digits, "0123456789") != body.length)
		return false;
	errno = 0;
	*ret_size = strtoull(digits, NULL, 10);
	return errno == 0;
}

static void elsewhere(struct outbox *outbox, struct outbox_target *target, const struct record_delivered *delivered) {
	uint64_t theirs = 0;
	char reason[TARGET_ERROR_BYTES];
	if (!size_parse(delivered, &theirs)) {
		outbox_failed(outbox, target, "it says that it has another size, and not which");
	} else if (theirs > target->checkpoint_size) {
		(void)snprintf(reason, sizeof reason,
		    "it has signed %" PRIu64 " entries of this log, which has %" PRIu64 ": the log was rolled back", theirs,
		    target->checkpoint_size);
		conflict(outbox, target, theirs, reason);
	} else if (theirs == target->asked_old) {
		(void)snprintf(reason, sizeof reason,
		    "it has signed another root for %" PRIu64 " entries of this log: the log was rewritten", theirs);
		conflict(outbox, target, theirs, reason);
	} else if (++target->asked_again > ASKED_AGAIN_MAX) {
		outbox_failed(outbox, target, "it keeps changing its mind about the size that it has");
		target->asked_again = 0;
	} else {
		target->row.size = theirs;
		target->wanted = true;
		target->next_checkpoint_us = 0;
	}
}

void witness_answer(struct outbox *outbox, struct outbox_target *target, const struct record_delivered *delivered) {
	char reason[TARGET_ERROR_BYTES];
	if (delivered->result != DELIVERY_DONE) {
		(void)snprintf(reason, sizeof reason, "%.*s", (int)delivered->reason.length, delivered->reason.data);
		outbox_failed(outbox, target, reason);
		return;
	}
	switch (delivered->status) {
	case 200:
		cosigned(outbox, target, delivered->body);
		break;
	case 409:
		elsewhere(outbox, target, delivered);
		break;
	case 422:
		(void)snprintf(reason, sizeof reason,
		    "it has %" PRIu64 " entries of this log, which the log of today does not continue: it was rewritten",
		    target->asked_old);
		conflict(outbox, target, target->asked_old, reason);
		break;
	case 403:
		outbox_failed(outbox, target,
		    "it does not have the key for witnesses of this log: `retentionctl witness list` shows it (403)");
		break;
	case 404:
		outbox_failed(outbox, target,
		    "it does not know this log: give it the key for witnesses, which `retentionctl witness list` shows; or the "
		    "url "
		    "is wrong (404)");
		break;
	default:
		(void)snprintf(reason, sizeof reason, "it answered with HTTP status %u", (unsigned)delivered->status);
		outbox_failed(outbox, target, reason);
	}
}

void witness_test_end(struct outbox *outbox, struct outbox_target *target, const char *error) {
	struct request *request = target->test;
	target->test = NULL;
	if (request == NULL)
		return;
	if (error != NULL) {
		request_fail(request, CONTROL_REFUSED, "witness", "%s: %s", target->row.address, error);
		return;
	}
	json_t *result = answer_new();
	answer_text(result, "url", target->row.address);
	answer_text(result, "name", target->cosigner.name);
	answer_text(result, "witness_key", audit_writer_witness_vkey(record_writer(outbox->keeper)));
	answer_integer(result, "size", target->row.size);
	request_reply(request, result);
}

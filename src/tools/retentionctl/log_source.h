/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where log commands read from: the daemon's descriptor, or a copy of the folder. */
#pragma once

#include <jansson.h>
#include <retention/log.h>
#include <stdbool.h>

#include "audit/checked.h"
#include "base/attributes.h"
#include "base/zone.h"

struct context;
struct retention_client;

struct log_source {
	struct retention_log *log;
	struct retention_checkpoint head;
	struct checked_log *checked; /* after log_source_check() */
	int folder;
	const struct zone *zone; /* of the box; UTC for a copy */
	bool own_keys;           /* verified with keys that came with the log: it agrees with itself, no more */
	char origin[256];
};

/* 0, or the exit code after telling what is wrong. `command` and the filters are what the daemon records. */
MUST_USE int log_source_open(struct context *context, const char *command, struct log_source *ret_source);
/* The same by another method that hands over the log (log.find, log.review); its answer is the caller's. */
MUST_USE int log_source_ask(struct context *context, const char *method, const json_t *params,
    struct log_source *ret_source, json_t **ret_answer);
/* For single entries: proves the right edge, so that checked_log_entry() can prove each. As log_source_open(). */
MUST_USE int log_source_check(struct log_source *source);
void log_source_close(struct log_source *source);

/* The parts of these, for a log that is opened at another moment: the verifier keys of --keys (NULL in *ret_keys: those
 * that come with the log; the caller frees), the answer of a method that hands over the log's folder (NULL after
 * telling why not), the zone that it names, and the exit code of a log that does not hold, after telling it. */
MUST_USE int log_source_keys(const struct context *context, char **ret_keys);
MUST_USE json_t *log_folder_ask(
    struct retention_client *client, const char *method, const json_t *params, int *ret_folder, int *ret_code);
const struct zone *answer_zone_of(const json_t *answer);
MUST_USE int log_not_trusted(const struct retention_log *log, int error);

/* What the daemon records of a reading: the filters and the command. */
json_t *log_query(const struct context *context, const char *command);
/* An entry, proved and parsed; NULL after telling why not (*ret_code: EXIT_FINDING where something does not hold). */
json_t *log_source_entry(
    struct log_source *source, uint64_t number, const char **ret_bytes, size_t *ret_length, int *ret_code);
/* The text of the checkpoint that `source` stands on; the caller frees it. NULL if it cannot be read. */
char *log_source_note(struct log_source *source);

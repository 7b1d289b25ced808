/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the report commands share: beginning one at the daemon, reading its log, showing and writing the result. */
#pragma once

#include <jansson.h>
#include <retention/client.h>
#include <retention/log.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/span.h"
#include "base/zone.h"

struct context;

struct report_session {
	struct retention_client *client;
	json_t *answer; /* of report.open */
	int folder;     /* of the log */
	struct retention_log *log;
	struct retention_checkpoint head;
	struct span span;
	const struct zone *zone;
	bool own_keys;  /* the keys came with the log */
	uint64_t first; /* entries before it were pruned */
};

/* Begins a report of this kind: the entry is durable now. 0, or the exit code after telling what is wrong. */
MUST_USE int report_begin(struct context *context, const char *kind, struct report_session *ret_session);
/* Opens the log as it is now and checks every entry against its checkpoint. The same. */
MUST_USE int report_log_open(struct context *context, struct report_session *session);
/* Each entry in order; `pruned` (may be NULL) is told where some are not there any more, and which comes next. A
 * callback gives 0 or a negative errno, which ends it. 0 or the exit code after telling. */
typedef int (*report_entry)(const json_t *entry, void *context);
MUST_USE int report_each(
    struct report_session *session, void (*pruned)(uint64_t first, void *context), report_entry each, void *context);
void report_end(struct report_session *session);

/* Adds what every report says of itself: schema, report, span, asked, checkpoint, program. */
void report_frame(const struct report_session *session, const char *kind, json_t *result);
/* --html FILE: writes the page (freed) made of the result. 0 or the exit code after telling. */
MUST_USE int report_write_page(const struct context *context, char *page);
/* "Span", "Asked", "Rests on": the first lines of a table. */
void report_head_show(const json_t *result);

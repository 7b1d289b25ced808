/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Audit entries: stamping, appending, making durable, publishing, forwarding to syslog. Entries that
 * are appended in one turn of the loop share one sync at its end; record_durable() does it at once.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "audit/entry.h"
#include "audit/writer.h"
#include "base/attributes.h"

struct keeper;
struct record;

/* Connects to the system's log socket, before a sandbox forbids it. -1 where there is none. */
int record_open_syslog(void);

/* Opens the log below the state folder, writes what its start found (recovered, renewed) and the start entry. */
MUST_USE int record_open(struct keeper *keeper, struct record **ret_record);
/* Publishes and closes; the stop entry was appended before. Takes NULL. Returns NULL. */
struct record *record_close(struct record *record);

/*
 * Appends an entry. `details` is taken over (freed), may be NULL; actor and reason may be NULL.
 * ret_sequence may be NULL. 0 or a negative errno: the log cannot be written; then nothing may be deleted.
 */
int record_append(struct keeper *keeper, enum audit_action action, enum audit_outcome outcome, const char *reason,
    const struct audit_actor *actor, json_t *details, uint64_t *ret_sequence);
/* Makes everything appended durable now. 0 or a negative errno. */
MUST_USE int record_durable(struct keeper *keeper);
/* Publishes a checkpoint within 10 s (holds, releases, exports), or at once. */
void record_publish_soon(struct keeper *keeper);
int record_publish(struct keeper *keeper);
/* False: the log cannot be written; deletion stops and status says so. */
bool record_writable(const struct keeper *keeper);
struct audit_writer *record_writer(struct keeper *keeper);

/* Publishes, then gives each entry from `from_sequence` on as JSON (borrowed). A callback returns 0 to go on. Reads the
 * log: for the start after a crash. */
MUST_USE int record_each(
    struct keeper *keeper, uint64_t from_sequence, int (*each)(const json_t *entry, void *context), void *context);
/* True if this is the entry's action. */
bool record_is(const json_t *entry, enum audit_action action);
/* Whether an entry from `from_sequence` on has this action and the integer `value` under `key`. 1, 0 or a negative
 * errno. */
MUST_USE int record_contains(
    struct keeper *keeper, uint64_t from_sequence, enum audit_action action, const char *key, int64_t value);

/* Told after each append, for `log follow` (control.c). */
void record_subscribe(
    struct keeper *keeper, void (*on_entry)(const char *entry, size_t length, void *context), void *context);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The log's keys and its age: a new key every log.rotate (at a start too, when it is overdue), and pruning
 * of whole epochs that are older than log.keep, but for what mentions footage that a hold keeps.
 */
#pragma once

#include <stdint.h>

#include "audit/entry.h"
#include "base/attributes.h"

struct keeper;
struct epochs;

MUST_USE int epochs_open(struct keeper *keeper, struct epochs **ret_epochs);
/* Takes NULL. Returns NULL. */
struct epochs *epochs_close(struct epochs *epochs);

/* A new key at once, with its entry and checkpoint. `actor` (borrowed) may be NULL. 0 or a negative errno; what was
 * begun is then ended as soon as the log can be written. */
MUST_USE int epochs_rotate(struct keeper *keeper, const struct audit_actor *actor, const char *reason);
/* When the present key began, and when the next one follows; wall clock. */
int64_t epochs_since_us(const struct keeper *keeper);
int64_t epochs_next_us(const struct keeper *keeper);

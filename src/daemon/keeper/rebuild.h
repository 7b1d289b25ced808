/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The index and the log agree again: after a crash the index lacks what was not committed, a new one
 * lacks everything that only the log knows (fingerprints, what is gone). The index keeps the number
 * of log entries whose effects it has ("log_size").
 */
#pragma once

#include <stdbool.h>

#include "base/attributes.h"

struct keeper;
struct rebuild;

/* Catches up with the entries since the last commit; with a fresh index beside a log that is not new,
 * keeper->index_rebuilding begins. */
MUST_USE int rebuild_open(struct keeper *keeper, bool fresh, bool log_was_there, struct rebuild **ret_rebuild);
struct rebuild *rebuild_close(struct rebuild *rebuild);
/* A root was scanned or its state changed: replays the log once all that enforce are scanned. */
void rebuild_look(struct keeper *keeper);
/* Notes the log's size and commits the index. 0 or a negative errno. */
MUST_USE int rebuild_commit(struct keeper *keeper);

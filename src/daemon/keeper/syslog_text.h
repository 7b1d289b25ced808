/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Syslog messages (RFC 5424) that leave the box: an alarm, or a checkpoint of the log. Pure functions.
 * The structured data has the facts: timeQuality, and retention@32473 (32473 is the number for
 * documentation, RFC 5612; the project has none of its own). The text is one sentence of ASCII.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "audit/entry.h"
#include "base/attributes.h"

enum { SYSLOG_BYTES_MAX = 2048 }; /* what RFC 5424 asks every receiver to take (6.1), and a datagram */

struct syslog_origin {
	const char *host;    /* of this box; what is not printable ASCII is replaced */
	const char *origin;  /* of the log */
	int64_t accuracy_us; /* of the clock, where it is synchronised now; else -1 */
};

/* An alarm from an entry of the log; NULL when memory is short or the entry is none. The caller frees. */
MUST_USE char *syslog_alarm(const struct syslog_origin *from, const json_t *entry, enum audit_action action);
/* A checkpoint: origin, size, root, and name, key id and signature of each signature of the log's own. `level`: of the
 * clock. */
MUST_USE char *syslog_checkpoint(
    const struct syslog_origin *from, const char *note, int64_t wall_us, enum clock_level level);

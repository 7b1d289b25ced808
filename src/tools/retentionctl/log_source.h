/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where log commands read from: the daemon's descriptor, or a copy of the folder. */
#pragma once

#include <retention/log.h>
#include <stdbool.h>

#include "base/attributes.h"
#include "base/zone.h"

struct context;

struct log_source {
	struct retention_log *log;
	struct retention_checkpoint head;
	const struct zone *zone; /* of the box; UTC for a copy */
	bool own_keys;           /* verified with keys that came with the log: it agrees with itself, no more */
	char origin[256];
};

/* 0, or the exit code after telling what is wrong. `query` is what the daemon records about the reading. */
MUST_USE int log_source_open(struct context *context, const char *command, struct log_source *ret_source);
void log_source_close(struct log_source *source);

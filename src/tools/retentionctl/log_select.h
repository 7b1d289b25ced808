/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Entries that fit a filter. The daemon's lookup says where they may be; each is read here, proved to be under the
 * signed root, and compared with the filter again: the lookup can leave one out, never add one. With --all, or from
 * a copy, every entry is read.
 */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "audit/terms.h"
#include "log_source.h"

struct context;

struct log_selection {
	struct context *context;
	const char *command; /* for the entry about this reading */
	bool ascending;      /* oldest first */
	size_t limit;        /* 0: all */
	/* Non-zero ends the selection: an exit code of the caller's. */
	int (*each)(const struct log_selection *selection, uint64_t number, const json_t *entry, void *user);
	void *user;

	/* Set while it runs. */
	struct log_source source;
	struct audit_filter filter;
	const char *bytes; /* of the entry at hand, as it stands in the log */
	size_t length;
	bool all;           /* every entry is read */
	uint64_t looked_up; /* else: from here on every entry is read */
	uint64_t pruned;    /* entries that were passed over; a whole bundle counts 256 */
	size_t found;
};

/* Reads filters, opens the source, gives each entry. The exit code. Close the source after any. */
MUST_USE int log_select(struct log_selection *selection);
/* Only the filters, without --at and --from, which need the source's clock. */
void log_filter_terms(const struct context *context, struct audit_filter *ret_filter);

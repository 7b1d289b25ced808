/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who accessed footage: by person, camera, purpose and hour of day; what is unusual, and why it is
 * called so. Fed with every entry of the log in order, those before the span too: they say what is
 * usual. No I/O.
 */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/span.h"
#include "base/zone.h"

struct access_report_request {
	struct span span;
	const struct zone *zone;
	uint64_t begun;           /* the report's own entry: it and what follows are left out */
	const json_t *cameras;    /* names; NULL: all */
	const char *person;       /* or NULL: all */
	int usual_from, usual_to; /* hours on the local clock: [from, to) is usual; 6 and 22 */
};

/* A person's day is unusual over so many times the median day, and over so many opens; days that make a median. */
enum { ACCESS_VOLUME_TIMES = 5, ACCESS_VOLUME_LEAST = 20, ACCESS_VOLUME_DAYS = 3 };
/* In the log's first days programs and addresses are learned, not told as new. */
enum { ACCESS_LEARNING_DAYS = 7 };

struct access_report;
MUST_USE struct access_report *access_report_new(const struct access_report_request *request);
/* Takes NULL. Returns NULL. */
struct access_report *access_report_free(struct access_report *report);
/* 0 or -ENOMEM. */
MUST_USE int access_report_entry(struct access_report *report, const json_t *entry);
/* A new object: people, rows, unusual, recorder, hours, days, cameras, unseen. NULL when memory is short. */
MUST_USE json_t *access_report_result(struct access_report *report);

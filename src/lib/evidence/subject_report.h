/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For a filmed person: what was done with the footage of a camera and a time. Dates and purposes;
 * staff are pseudonymised, the same number for the same person within one report (CJEU C-579/21: staff
 * who act for the controller are no recipients); recipients outside by category (C-154/21). Fed with
 * every entry of the log in order. No I/O.
 */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/span.h"
#include "base/zone.h"

struct subject_request {
	struct span span; /* of the footage */
	const struct zone *zone;
	uint64_t begun;        /* the report's own entry: it and what follows are left out */
	const json_t *cameras; /* names; at least one */
};

struct subject_report;
MUST_USE struct subject_report *subject_report_new(const struct subject_request *request);
/* Takes NULL. Returns NULL. */
struct subject_report *subject_report_free(struct subject_report *report);
/* 0 or -ENOMEM. */
MUST_USE int subject_report_entry(struct subject_report *report, const json_t *entry);
/* A new object: files, ends (what became of them), recipients (by category), accesses, holds. NULL when memory is
 * short.
 */
MUST_USE json_t *subject_report_result(struct subject_report *report);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a hold or a span covers on each camera: kept, already erased (when, why), not recorded, still to come. */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/span.h"

struct keeper;

struct coverage {
	uint64_t segments, bytes;                      /* kept */
	int64_t kept_us, erased_us, gap_us, future_us; /* of the span, summed over cameras */
	int64_t first_due_us;                          /* of what is kept: when the first would have gone; 0 for none */
	bool late;                                     /* part was erased */
	json_t *cameras; /* array: {"camera","segments","bytes","parts":[{"from","to","is","erased_at","rule","sequence"}]};
	                    owned */
};
/* `cameras` are "root/camera" names. 0 or a negative errno. */
MUST_USE int coverage_compute(
    struct keeper *keeper, char *const *cameras, size_t count, struct span span, struct coverage *ret_coverage);
void coverage_release(struct coverage *coverage);

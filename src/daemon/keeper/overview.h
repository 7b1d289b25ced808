/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state of everything in numbers, gathered once for status, doctor and metrics. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "expiry.h"
#include "index.h"
#include "settings/settings.h"

struct keeper;
struct request;

struct overview_camera {
	struct camera_row row;
	struct retention_rule rule;
	struct camera_plan plan;
	uint64_t past_limit;      /* overdue without a reason that the rules allow */
	uint64_t others_segments; /* deleted by others or vanished before they were due */
};

struct overview {
	int64_t now_us;
	struct overview_camera *cameras;
	size_t camera_count;
	uint64_t holds, provisional, release_pending, review_overdue, details_owed, details_late;
	uint64_t overdue, past_limit, held_overdue; /* segments */
};

/* 0 or a negative errno. `until_us`: what the plans count to. */
MUST_USE int overview_gather(struct keeper *keeper, int64_t until_us, struct overview *ret_overview);
/* The same for a method: false after answering the request with an error. */
MUST_USE bool overview_for_request(
    struct keeper *keeper, struct request *request, int64_t until_us, struct overview *ret_overview);
void overview_release(struct overview *overview);
/* Sentences about what is past its limit or needs a person: empty when all is in order. */
json_t *overview_attention(struct keeper *keeper, const struct overview *overview);
/* Sentences worth knowing that ask for nothing. */
json_t *overview_notes(struct keeper *keeper, const struct overview *overview);
/* Overdue segments of a root that nothing but a person can settle. */
uint64_t overview_root_past_limit(const struct overview *overview, const char *root);
/* A rule as an object: retention, legal_maximum, source, basis. */
json_t *overview_rule(const struct retention_rule *rule);

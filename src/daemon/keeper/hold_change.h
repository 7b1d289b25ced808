/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the two files of hold methods share. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "answer.h"
#include "base/attributes.h"
#include "hold.h"

struct duration;
struct keeper;
struct request;

/* A duration that may have months, at its longest. */
int64_t hold_duration_us(const struct duration *duration);
/* Each takes one detail into the hold; false after answering. */
MUST_USE bool hold_case_take(struct keeper *keeper, struct request *request, const char *text, struct hold *hold);
MUST_USE bool hold_reason_take(struct request *request, const char *code, struct hold *hold);
MUST_USE bool hold_note_take(struct request *request, const char *note, struct hold *hold);
/* No further into the future than holds.future. */
MUST_USE bool hold_span_check(struct keeper *keeper, struct request *request, struct span span);
/* True if footage of these cameras in the span is gone already. */
bool hold_reaches_erased(struct keeper *keeper, const struct camera_names *names, struct span span);

void hold_coverage_call(struct keeper *keeper, struct request *request, const json_t *params);
void hold_list_call(struct keeper *keeper, struct request *request, const json_t *params);
void hold_show_call(struct keeper *keeper, struct request *request, const json_t *params);
void hold_widen_call(struct keeper *keeper, struct request *request, const json_t *params);
void hold_review_call(struct keeper *keeper, struct request *request, const json_t *params);
void hold_release_call(struct keeper *keeper, struct request *request, const json_t *params);

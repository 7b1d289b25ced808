/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A segment as an answer; shared by the footage methods. */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "index.h"

struct keeper;
struct request;

/* The end, or what bounds it while it is not known. */
int64_t footage_end(struct keeper *keeper, const struct segment_row *row);
json_t *footage_json(struct keeper *keeper, const struct camera_row *camera, const struct segment_row *row);
const char *footage_state_word(enum segment_state state);
void footage_explain_call(struct keeper *keeper, struct request *request, const json_t *params);

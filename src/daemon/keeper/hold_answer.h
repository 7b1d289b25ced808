/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A hold and its coverage as answers. */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "answer.h"
#include "base/attributes.h"
#include "hold.h"

struct keeper;
struct request;

/* `notes`: whether the free text is in it. */
json_t *hold_json(struct keeper *keeper, const struct hold *hold, bool notes);

/*
 * Adds "coverage", "complete" (nothing of it is erased or was not recorded) and "coverage_text" to
 * the answer. 0 or a negative errno.
 */
MUST_USE int hold_coverage_add(
    struct keeper *keeper, json_t *result, const struct camera_names *names, struct span span);
/* The names of a hold's cameras, or of all that are known. 0 or a negative errno. */
MUST_USE int hold_camera_names(struct keeper *keeper, const struct hold *hold, struct camera_names *ret_names);

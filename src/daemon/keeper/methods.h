/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Methods that have a file of their own, and parts of answers that several methods share. */
#pragma once

#include <jansson.h>

struct keeper;
struct request;

struct overview;

void doctor_call(struct keeper *keeper, struct request *request, const json_t *params);
void metrics_call(struct keeper *keeper, struct request *request, const json_t *params);

/* Parts of status that other methods answer with alone. */
json_t *clock_json(struct keeper *keeper);
json_t *deletion_json(struct keeper *keeper, const struct overview *overview);
json_t *roots_json(struct keeper *keeper, const struct overview *overview);

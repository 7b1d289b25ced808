/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What guard saw, as the details of entries; keys in fixed order, retention-log(5) documents them. */
#pragma once

#include <jansson.h>

#include "audit/entry.h"
#include "base/attributes.h"
#include "observation.h"
#include "observation_joined.h"

struct user_names;

/* The action of an entry about opens. */
enum audit_action observed_action(const struct joined_row *row);
/* camera, root, file, footage, held, holds, recorder, user, process, actor, source, network: cut until it fits. NULL
 * when memory is short. */
MUST_USE json_t *observed_details(const struct joined_row *row, const struct user_names *names);
/* Adds alteration, user, process, actor, source, network. 0 or -ENOMEM. */
MUST_USE int culprit_put(const struct culprit *culprit, const struct user_names *names, json_t *details);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The configuration that was in force last, kept in state.db as one flat JSON object, so that a change
 * is seen whether it came by a reload or while nothing ran. The entry says what changed, and what of it
 * weakens protection: that leaves the box.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/attributes.h"
#include "settings/settings.h"

struct keeper;
struct audit_actor;

/* {"policy.retention":"P30D", "holds.two_person":true, "root.gate.mode":"enforce", …}; the caller's. NULL when memory
 * is short. */
MUST_USE json_t *configuration_flat(const struct settings *settings);
/*
 * Compares two of them. ret_changes: an array of {"key", "old", "new"} (null where it was or is not there),
 * ret_weakened: an array of short texts. Both are the caller's. 0 or -ENOMEM.
 */
MUST_USE int configuration_compare(const json_t *old, const json_t *now, json_t **ret_changes, json_t **ret_weakened);

enum configuration_when {
	CONFIGURATION_FIRST,    /* a new box: there was no log */
	CONFIGURATION_STARTED,  /* told of only where something differs, or nobody knows what was in force before */
	CONFIGURATION_RELOADED, /* told of in any case */
};
/*
 * Compares keeper's settings with what was in force last, appends the entry, and keeps them. `actor`: who
 * asked for it; NULL where nobody did by the control socket.
 */
void configuration_record(struct keeper *keeper, const struct audit_actor *actor, enum configuration_when when);

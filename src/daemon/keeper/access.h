/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests as audit entries. The same reading request of the same user within a minute is one entry
 * at once and, if it came again, a second with a count at the minute's end: a status screen that
 * refreshes costs two entries a minute, not thirty.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "audit/entry.h"
#include "base/attributes.h"

struct keeper;
struct access;

MUST_USE struct access *access_new(void);
/* Writes the counts that wait. Takes NULL. Returns NULL. */
struct access *access_free(struct keeper *keeper, struct access *access);

struct access_request {
	const char *method;
	const json_t *params; /* only the keys that are listed in access.c reach the log: free text never does */
	struct audit_actor actor;
	enum audit_outcome outcome;
	const char *reason; /* NULL on success */
	bool denied;
	bool joins; /* may be counted together */
};
void access_record(struct keeper *keeper, struct access *access, const struct access_request *request);
/* Each few seconds: ends the minutes that are over. */
void access_tick(struct keeper *keeper, struct access *access);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One entry about an access, as reports about accesses read it: opens that guard saw, footage that keeper handed out,
 * requests on the control socket. Texts point into the entry or are literals. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"

enum access_kind {
	ACCESS_KIND_OPEN,    /* opened below our paths, or handed out */
	ACCESS_KIND_BEFORE,  /* open already when watching began */
	ACCESS_KIND_DENIED,  /* refused: an open or a request */
	ACCESS_KIND_REQUEST, /* asked for what is known of footage: lists, holds, the log, reports */
};

enum { ACCESS_PERSON_BYTES = 160, ACCESS_CAMERA_BYTES = 600 };

struct access {
	enum access_kind kind;
	int64_t first_us, last_us;
	uint64_t count; /* opens or requests in it */
	uint64_t bytes;
	uint64_t sequence;
	char person[ACCESS_PERSON_BYTES]; /* a name, "user 1000", or "(not known)" */
	char camera[ACCESS_CAMERA_BYTES]; /* "root/camera"; "" where it is about none, "(several)" */
	const char *purpose;              /* "" where none was stated */
	const char *program;              /* path; "" where it cannot be told */
	const char *address, *protocol;   /* "" for local */
	const char *method;               /* of a request */
	bool of_footage;                  /* of footage itself, not of what is known about it */
	bool recorder;                    /* the recorder's own traffic */
	bool held;
	bool reliable;                          /* whose it was is certain */
	int64_t footage_from_us, footage_to_us; /* 0 where it is not known */
};

/* False for an entry about something else. */
MUST_USE bool access_read(const json_t *entry, struct access *ret_access);

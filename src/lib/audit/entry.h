/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Entries of the audit log, schema 1: one JSON object on a line, keys in fixed order, integers only,
 * names from the Elastic Common Schema where it has them. entry.c holds the schema: the order of
 * keys, the closed list of actions, and how bytes that are not UTF-8 are kept (name_b64 beside name).
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "settings/settings.h"

/* ACTION(NAME, "text", "ECS category", "ECS type"): the closed list. */
#define AUDIT_ACTIONS(ACTION)                                                         \
	ACTION(START, "start", "process", "start")                                        \
	ACTION(STOP, "stop", "process", "end")                                            \
	ACTION(LOG_RENEWED, "log-renewed", "configuration", "change")                     \
	ACTION(LOG_RECOVERED, "log-recovered", "process", "info")                         \
	ACTION(CONFIGURATION, "configuration", "configuration", "change")                 \
	ACTION(CONFIGURATION_REFUSED, "configuration-refused", "configuration", "denied") \
	ACTION(CHILD_LOST, "child-lost", "process", "error")                              \
	ACTION(ROOT_ONLINE, "root-online", "host", "info")                                \
	ACTION(ROOT_OFFLINE, "root-offline", "host", "info")                              \
	ACTION(VOLUME_ADOPTED, "volume-adopted", "configuration", "change")               \
	ACTION(CLOCK_STEP, "clock-step", "host", "change")                                \
	ACTION(CLOCK_FROZEN, "clock-frozen", "host", "change")                            \
	ACTION(CLOCK_TRUSTED, "clock-trusted", "host", "change")                          \
	ACTION(CLOCK_CONFIRMED, "clock-confirmed", "host", "change")                      \
	ACTION(GAP, "gap", "host", "info")                                                \
	ACTION(INDEX_REBUILT, "index-rebuilt", "database", "change")                      \
	ACTION(SEAL, "seal", "file", "creation")                                          \
	ACTION(ALTERED, "altered", "file", "change")                                      \
	ACTION(DELETE, "delete", "file", "deletion")                                      \
	ACTION(DELETE_FAILED, "delete-failed", "file", "error")                           \
	ACTION(MISSING, "missing", "file", "deletion")                                    \
	ACTION(BRAKE, "brake", "host", "info")                                            \
	ACTION(BRAKE_RELEASED, "brake-released", "host", "change")                        \
	ACTION(HOLD_PLACED, "hold-placed", "file", "change")                              \
	ACTION(HOLD_CHANGED, "hold-changed", "file", "change")                            \
	ACTION(HOLD_RELEASE_ASKED, "hold-release-asked", "file", "change")                \
	ACTION(HOLD_RELEASED, "hold-released", "file", "change")                          \
	ACTION(REQUEST, "request", "session", "access")                                   \
	ACTION(REQUEST_DENIED, "request-denied", "session", "denied")                     \
	ACTION(LOG_READ, "log-read", "session", "access")                                 \
	ACTION(FOOTAGE_OPENED, "footage-opened", "file", "access")                        \
	/* what guard saw: opens below our own paths */                                   \
	ACTION(OPEN, "open", "file", "access")                                            \
	ACTION(OPEN_DENIED, "open-denied", "file", "denied")                              \
	ACTION(OPEN_BEFORE, "open-before-watch", "file", "access")                        \
	ACTION(COVERAGE, "watch-coverage", "host", "info")                                \
	/* the log itself */                                                              \
	ACTION(KEY_ROTATED, "key-rotated", "configuration", "change")                     \
	ACTION(LOG_PRUNED, "log-pruned", "configuration", "deletion")                     \
	ACTION(LOG_REVIEWED, "log-reviewed", "session", "info")                           \
	ACTION(WITNESSED, "witnessed", "host", "info")                                    \
	ACTION(WITNESS_CONFLICT, "witness-conflict", "host", "error")                     \
	ACTION(DELIVERY_LOST, "delivery-lost", "host", "error")                           \
	ACTION(REPORT, "report", "session", "access")

enum audit_action {
#define DECLARE_ACTION(name, text, category, type) AUDIT_##name,
	AUDIT_ACTIONS(DECLARE_ACTION)
#undef DECLARE_ACTION
	    AUDIT_ACTION_COUNT
};
const char *audit_action_name(enum audit_action action);
/* The closed list of what is told outside the box at once; a configuration only where it weakens something. */
bool audit_action_is_alarm(enum audit_action action);

enum audit_outcome { AUDIT_SUCCESS, AUDIT_FAILURE, AUDIT_UNKNOWN };

/* Who acted; NULL parts are left out. */
struct audit_actor {
	bool is_set;
	int64_t user_id;
	const char *user_name;
	int64_t pid;
	const char *role; /* by which the act was allowed */
};

struct audit_stamp {
	uint64_t sequence;
	struct clock_reading clock;
	enum clock_level level;
};

/*
 * Builds the line: schema, nonce, sequence, @timestamp, clock, event (action, category, type, outcome, reason), user,
 * and `details` (an object whose keys are appended in its own order: camera, footage, hold, file, …; borrowed). The
 * caller frees the text. NULL when memory is short or the line would be over AUDIT_ENTRY_BYTES_MAX (split before).
 */
MUST_USE char *audit_entry_format(const struct audit_stamp *stamp, enum audit_action action, enum audit_outcome outcome,
    const char *reason, const struct audit_actor *actor, const json_t *details, size_t *ret_length);

/* Sets key to the text, and key_b64 to its bytes where they are not valid UTF-8 (then key holds them with U+FFFD for
 * what is not). 0 or -ENOMEM. */
MUST_USE int audit_set_bytes(json_t *object, const char *key, struct text bytes);
/* The bytes that audit_set_bytes() kept under key, ended by a zero byte. False if there are none or `room` is too
 * small. */
MUST_USE bool audit_get_bytes(const json_t *object, const char *key, char *text, size_t room);

/*
 * Many segments of one camera in few bytes: {"count", "first_us", "last_ms", "unit_us", "steps":[...], "gaps_ms":[...],
 * "bytes":[...], "sha256":[...]}. Starts are the first and then differences divided by their greatest common divisor;
 * ends are gaps before the next start, left out where all are 0. segments.c has it in full. Hashes may be NULL. Names
 * are written only where one is not empty.
 */
enum {
	AUDIT_SEGMENTS_MAX = 4096,   /* in one entry */
	AUDIT_SEGMENTS_BYTES = 6500, /* of the object, so that the rest of the entry has room */
};
struct audit_segment {
	int64_t start_us;
	int64_t end_us;
	uint64_t bytes;
	const uint8_t *sha256; /* or NULL */
	struct text name;      /* path below the root where camera and start do not determine it; else empty */
};
/*
 * A new object, owned by the caller; NULL when memory is short, for 0 or over AUDIT_SEGMENTS_MAX segments, or times
 * beyond 36,000 years. With with_bytes false only their sum is written ("bytes_total"). Starts come back to the
 * microsecond, ends to the millisecond.
 */
MUST_USE json_t *audit_segments(const struct audit_segment *segments, size_t count, bool with_bytes);
/* A list of integers in which [V,R] stands for R times V, as beside and in the object above. NULL when memory is short.
 */
MUST_USE json_t *audit_runs(const int64_t *values, size_t count);
/* How many of the first `count` segments go into one entry (AUDIT_SEGMENTS_BYTES); at least 1 of 1. */
size_t audit_segments_fit(const struct audit_segment *segments, size_t count, bool with_bytes);
/* Reads it back: the number of segments, -EBADMSG for what audit_segments() did not write. `each` gets them in order.
 */
MUST_USE int audit_segments_read(
    const json_t *object, void (*each)(const struct audit_segment *segment, void *context), void *context);

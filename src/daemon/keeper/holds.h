/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The holds in force, and per camera their merged intervals. state.db first, then the log, then the answer. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audit/entry.h"
#include "base/attributes.h"
#include "hold.h"

struct keeper;
struct holds;

MUST_USE int holds_open(struct keeper *keeper, struct holds **ret_holds);
struct holds *holds_close(struct holds *holds);

size_t holds_count(const struct keeper *keeper);
const struct hold *holds_get(const struct keeper *keeper, size_t number);
const struct hold *holds_find(const struct keeper *keeper, const char *id);

/* The merged intervals that cover this camera ("root/camera"); valid until a hold changes. */
const struct hold_set *holds_for_camera(struct keeper *keeper, const char *root, const char *camera);
bool holds_touch(struct keeper *keeper, const char *root, const char *camera, int64_t start_us, int64_t end_us);
/* The ids of the holds that touch, comma separated, for explanations. */
void holds_naming(
    struct keeper *keeper, const char *root, const char *camera, struct span span, char *text, size_t room);

/*
 * Places: gives the id, commits state.db, stops deletions in flight that it may touch, writes the
 * entry durably. `done` is called once, when no unlink can be ordered any more: at once, or within
 * 20 ms; in_doubt counts segments whose unlink a hanging disk may still be doing. The hold is copied.
 */
typedef void (*holds_done)(struct keeper *keeper, int error, const struct hold *hold, size_t in_doubt, void *context);
void holds_place(
    struct keeper *keeper, struct hold *hold, const struct audit_actor *actor, holds_done done, void *context);
/* Changes an existing hold that only gets wider, gets its details, or a later review. 0 or a negative errno. */
MUST_USE int holds_change(struct keeper *keeper, const struct hold *hold, const struct audit_actor *actor);
/* Asks for release: in force until release_delay has passed. Only called when two_person is off (approvals come with
 * their own issue). */
MUST_USE int holds_release_ask(
    struct keeper *keeper, const char *id, const struct audit_actor *actor, int64_t *ret_release_at_us);
/* Ends pending releases whose time has come; called each minute. */
void holds_tick(struct keeper *keeper);

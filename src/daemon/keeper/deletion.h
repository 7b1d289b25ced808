/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one path by which footage is deleted: durable intent, holds checked once more, reaper checks
 * identity and unlinks, tombstone, index. Replays intents after a crash.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "index.h"
#include "ipc/message.h"

struct keeper;
struct deletion;
struct root;

enum { DELETION_BATCH_SEGMENTS = 1000 };

MUST_USE int deletion_open(struct keeper *keeper, struct deletion **ret_deletion);
struct deletion *deletion_close(struct deletion *deletion);

/* True while the root can take another batch (at most two are in flight, so that deciding and unlinking overlap). */
bool deletion_has_room(struct keeper *keeper, const struct root *root);
/* True while any batch is with a reaper. */
bool deletion_in_flight(const struct keeper *keeper);
/* True if the segment is in a batch that is with the reaper. */
bool deletion_covers(const struct keeper *keeper, const struct root *root, const struct segment_key *key);
/* Starts a batch of segments of one root, in the order given. The rows' state becomes deleting. `rule` for each:
 * "retention" or "legal maximum". */
struct deletion_item {
	struct segment_row row;
	int64_t due_us;
	const char *rule;
};
MUST_USE int deletion_start(struct keeper *keeper, struct root *root, const struct deletion_item *items, size_t count);

/*
 * A hold was committed: stops every batch that it may touch. `done` is called once no unlink of
 * footage under a hold can be ordered any more: at once if nothing is in flight, else when the reapers answered or
 * after 20 ms.
 */
void deletion_stop_for_hold(
    struct keeper *keeper, void (*done)(struct keeper *keeper, size_t in_doubt, void *context), void *context);

/* Messages of a reaper; and its loss: the batches in flight are replayed when it is back. */
void deletion_erased(struct keeper *keeper, struct message *message);
void deletion_folders_removed(struct keeper *keeper, struct message *message);
void deletion_reaper_lost(struct keeper *keeper, struct root *root);
/* A root was compared with the index completely: intents of it that a crash or a lost reaper left are replayed. */
void deletion_root_online(struct keeper *keeper, struct root *root);

/* Writes the entries of batches that ended while the log could not be written. Called at each expiry pass. */
void deletion_retry(struct keeper *keeper, struct root *root);

/*
 * Has the camera's shared files removed that were last written before `before_us`, if it has no segment left and
 * nothing is in flight (deletion_shared.c). 0 or a negative errno.
 */
MUST_USE int deletion_shared(
    struct keeper *keeper, const struct root *root, const struct camera_row *camera, int64_t before_us);
/* True if an intent of ours covers this file: its disappearance is no `missing`. */
bool deletion_expected(struct keeper *keeper, const struct root *root, struct text folder, struct text name);

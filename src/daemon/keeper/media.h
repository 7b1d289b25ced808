/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which segment prober and hasher read next: new ones at once, held and suspicious footage first,
 * the backlog when idle, newest first. One request at a time to each; the descriptor comes from
 * watcher. No answer within 10 s: the process is killed and the segment is unreadable.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "index.h"
#include "ipc/message.h"

struct keeper;
struct media;

enum media_priority { MEDIA_BACKLOG, MEDIA_NEW, MEDIA_HELD };

MUST_USE int media_open(struct keeper *keeper, struct media **ret_media);
struct media *media_close(struct media *media);

/* Queues; false where the queue is full: facts come with the backlog then, a fingerprint does not. */
bool media_want(struct keeper *keeper, const struct segment_key *key, enum media_priority priority);
/* Called by children.c. */
void media_opened(struct keeper *keeper, const struct record_answer *answer, int fd); /* takes fd over */
void media_facts(struct keeper *keeper, struct message *message);
void media_hashed(struct keeper *keeper, const struct record_hashed *hashed);
void media_child(struct keeper *keeper, enum process process, bool present, bool crashed);
/* New segments that are still to be hashed: their seal entries wait for it. A callback's result other than 0 ends it
 * and is returned. */
MUST_USE int media_each_new(
    const struct keeper *keeper, int (*each)(const struct segment_key *key, void *context), void *context);
/* Waiting requests and those in work, for status. */
uint64_t media_waiting(const struct keeper *keeper);

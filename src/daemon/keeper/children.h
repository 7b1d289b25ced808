/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Channels to the other processes: asked of the supervisor, by volume; what each sends goes to the file that knows it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "ipc/channel.h"
#include "ipc/message.h"

struct keeper;
struct children;

/* fd 3 is the supervisor's; the START message has been read. */
MUST_USE int children_open(struct keeper *keeper, int supervisor_fd, struct children **ret_children);
struct children *children_close(struct children *children);

/* Asks for the watcher and the reaper of a group of roots; they are asked for again whenever they end, until
 * children_release_group(). */
void children_want_group(struct keeper *keeper, uint32_t group, const uint16_t *roots, size_t count);
void children_release_group(struct keeper *keeper, uint32_t group);

/* The prober's or hasher's channel; NULL when it does not run (then it was asked for, and media.c is told when it is
 * there). */
struct channel *children_prober(struct keeper *keeper);
struct channel *children_hasher(struct keeper *keeper);
/* The same for publisher; outbox.c is told. */
struct channel *children_publisher(struct keeper *keeper);
/* Guard is wanted, and is asked for again whenever it ends; or not any more. */
void children_want_guard(struct keeper *keeper, bool wanted);
/* It did not answer in time. */
void children_kill(struct keeper *keeper, enum process process);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading some entries of a log so that each is proved to be under the signed root, without reading
 * all: an entry's hash is compared with its tile, the tile's root with the tile above, up to the right
 * edge, whose root is the signed one. Tiles that were proved are kept, one a level.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "retention/log.h"

struct checked_log;

/* Reads the newest checkpoint and proves the right edge. `log` is borrowed and must outlive it. As retention_log_…().
 */
MUST_USE int checked_log_new(
    struct retention_log *log, struct checked_log **ret_checked, struct retention_checkpoint *ret_head);
/* Takes NULL. Returns NULL. */
struct checked_log *checked_log_free(struct checked_log *checked);

/* As retention_log_entry(); -EBADMSG if the entry is not the one under the root. */
MUST_USE int checked_log_entry(struct checked_log *checked, uint64_t index, const char **ret_bytes, size_t *ret_length);

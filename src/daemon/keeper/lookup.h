/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lookup beside the audit log, kept up to date from what is published, in slices of the event loop.
 * Nothing is read twice: entries come to it from the log's own bundles after each publish, so appending
 * costs nothing, and a start, a crash and a lookup that was lost are the same case. lookup_store.h says what
 * it is, and what it is not.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "lookup_store.h"

struct keeper;
struct lookup;

/* Without a lookup keeper runs all the same, and readers read the whole log. 0 or -ENOMEM. */
MUST_USE int lookup_open(struct keeper *keeper, struct lookup **ret_lookup);
/* Searches that wait end without an answer. Takes NULL. Returns NULL. */
struct lookup *lookup_close(struct keeper *keeper, struct lookup *lookup);

/* A checkpoint was published: what is new is looked up soon. For record.c; does nothing before lookup_open(). */
void lookup_published(struct keeper *keeper);
/* Bundles were pruned: what is said of them here goes, too, with the names that only they had. For epochs.c. */
void lookup_pruned(struct keeper *keeper);
/* Entries that are looked up. */
uint64_t lookup_size(const struct keeper *keeper);

/* `found` is NULL when keeper stops. */
typedef void (*lookup_answer)(struct keeper *keeper, const struct lookup_found *found, void *context);
/*
 * Searches; `answer` is called once, perhaps before this returns. If the lookup is only a little behind it catches
 * up first; else `looked_up` says from where on the reader must look itself. 0, -EBUSY (16 searches wait) or
 * -ENOMEM: then `answer` is not called.
 */
MUST_USE int lookup_find(struct keeper *keeper, const struct audit_filter *filter, const struct lookup_page *page,
    lookup_answer answer, void *context);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * log-lookup.db: where in the audit log is what. A cache, made again from the log whenever it is missing,
 * damaged or of another log. It may give an entry too many, and whoever reads checks each against the log;
 * it is never the proof of anything.
 *
 * Each different set of terms (action, outcome, actors, cameras, case, hold: audit/terms.h) is stored once, as a
 * profile. A block stands for an entry bundle and holds 256 times a time and the number of a profile: about
 * five bytes an entry. A search finds the profiles that fit, then goes through the blocks.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audit/terms.h"
#include "base/attributes.h"

struct lookup_store;

/* Opens or makes it anew for the log `origin` of `published` entries. 0 or a negative errno. */
MUST_USE int lookup_store_open(
    const char *state_dir, const char *origin, uint64_t published, struct lookup_store **ret_store);
/* Takes NULL. Returns NULL. */
struct lookup_store *lookup_store_close(struct lookup_store *store);

/* The next entry to be added: all before are looked up. After a start at most 255 entries are read again. */
uint64_t lookup_store_size(const struct lookup_store *store);
/* Adds entry lookup_store_size(); NULL is one that cannot be read, which every search then finds. 0 or a negative
 * errno: -EUCLEAN means that the file is damaged and must be opened anew after lookup_store_wipe(). */
MUST_USE int lookup_store_add(struct lookup_store *store, const json_t *entry);
/* The bundle that lookup_store_size() lies in was pruned: goes on after it. */
void lookup_store_skip(struct lookup_store *store);
/* What was added is kept. After a failure lookup_store_size() is back at the last block that is stored. */
MUST_USE int lookup_store_commit(struct lookup_store *store);
/* The first stored block from `from` on (a block is a bundle of 256 entries). -ENOENT: there is none. */
MUST_USE int lookup_store_block(struct lookup_store *store, uint64_t from, uint64_t *ret_block);
/* Forgets the entries of a block; then, once for all, the names that no entry has any more, and commits. */
MUST_USE int lookup_store_forget(struct lookup_store *store, uint64_t block);
MUST_USE int lookup_store_forget_names(struct lookup_store *store);
/* Gives memory back that a search or a long reading needed. */
void lookup_store_relax(struct lookup_store *store);
/* Makes the closed file empty. */
void lookup_store_wipe(const char *state_dir);

/* ---- searching, in slices ---- */

enum { LOOKUP_PAGE_MAX = 50000 };

struct lookup_page {
	bool ascending; /* oldest first, from `bound` on; else newest first, before `bound` */
	uint64_t bound;
	size_t limit; /* at most LOOKUP_PAGE_MAX */
};

struct lookup_query;

/* `filter` is copied. NULL when memory is short. */
MUST_USE struct lookup_query *lookup_query_new(const struct audit_filter *filter, const struct lookup_page *page);
/* Takes NULL. Returns NULL. */
struct lookup_query *lookup_query_free(struct lookup_query *query);
/* Searches until clock_elapsed_us() has reached `until_us`. 1: more is to be done; 0: done; or a negative errno. */
MUST_USE int lookup_query_step(struct lookup_query *query, struct lookup_store *store, int64_t until_us);

struct lookup_found {
	uint64_t looked_up;      /* entries from here on are not in it */
	const uint64_t *numbers; /* in the order of the page */
	size_t count;
	bool more; /* there are further ones beyond the last */
};
/* After lookup_query_step() gave 0; valid as long as the query. */
void lookup_query_result(const struct lookup_query *query, struct lookup_found *ret_found);

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lookup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "audit/tile.h"
#include "base/clock.h"
#include "base/log.h"
#include "keeper.h"
#include "record.h"
#include "retention/log.h"

enum {
	SLICE_US = 10000,
	FINDS_MAX = 16,
	REMADE_MAX = 3, /* in one run */
	BUNDLE_ENTRIES = 256,
	/* A search waits for so many entries; further behind, the reader reads the rest itself. */
	CATCH_UP_FIRST = 20000,
};

static const struct timeval soon = {.tv_usec = 100000}, breather = {.tv_usec = 10000}, at_once = {0};

struct find {
	struct find *next;
	struct lookup_query *query;
	lookup_answer answer;
	void *context;
};

struct lookup {
	struct keeper *keeper;
	struct lookup_store *store; /* NULL: it cannot be written; searches find nothing looked up */
	struct retention_log *log;  /* open while it catches up */
	uint64_t published;         /* entries that can be read */
	bool complained;
	unsigned remade;
	bool sweeping; /* pruned bundles are looked for; from this one on */
	uint64_t sweep_next;
	struct event *work;
	struct find *finds, **last;
	unsigned find_count;
};

/* ---- catching up ---- */

static void log_close(struct lookup *lookup) {
	retention_log_close(lookup->log);
	lookup->log = NULL;
}

static void complain(struct lookup *lookup, int error, const char *what) {
	if (!lookup->complained)
		log_warning_errno(error, "%s; searching the audit log takes longer meanwhile", what);
	lookup->complained = true;
}

/* Damaged, or what it says cannot be: anew from the log; not for ever on a disk that does not keep it. */
static void remake(struct lookup *lookup) {
	const char *state_dir = lookup->keeper->settings->state_dir;
	if (++lookup->remade > REMADE_MAX) {
		lookup->store = lookup_store_close(lookup->store);
		complain(lookup, -EIO, "the lookup of the audit log is damaged again and again; it is left alone");
		return;
	}
	log_warning("the lookup of the audit log is damaged; it is made anew");
	lookup->store = lookup_store_close(lookup->store);
	lookup_store_wipe(state_dir);
	int error = lookup_store_open(
	    state_dir, audit_writer_origin(record_writer(lookup->keeper)), lookup->published, &lookup->store);
	if (error != 0)
		complain(lookup, error, "the lookup of the audit log cannot be made");
	else
		(void)evtimer_add(lookup->work, &soon);
}

static void failed(struct lookup *lookup, int error) {
	log_close(lookup);
	if (error == -EUCLEAN)
		remake(lookup);
	else
		complain(lookup, error, "the lookup of the audit log cannot be written");
}

static int log_begin(struct lookup *lookup) {
	struct retention_checkpoint head;
	if (lookup->log != NULL)
		return 0;
	int error = retention_log_open(audit_writer_folder(record_writer(lookup->keeper)), NULL, &lookup->log);
	if (error == 0)
		error = retention_log_checkpoint(lookup->log, &head);
	if (error == 0)
		lookup->published = head.size;
	else
		log_close(lookup);
	return error;
}

/* One entry, or a bundle that was pruned. */
static int look_at_next(struct lookup *lookup) {
	const char *bytes = NULL;
	size_t length = 0;
	int error = retention_log_entry(lookup->log, lookup_store_size(lookup->store), &bytes, &length);
	/* Only whole bundles are pruned; the last one must be there. */
	uint64_t bundle = lookup_store_size(lookup->store) / BUNDLE_ENTRIES;
	if (error == -ENOENT && (bundle + 1) * BUNDLE_ENTRIES <= lookup->published) {
		lookup_store_skip(lookup->store);
		return 0;
	}
	if (error < 0)
		return error;
	json_t *entry = json_loadb(bytes, length, 0, NULL);
	error = lookup_store_add(lookup->store, entry);
	json_decref(entry);
	return error;
}

static bool is_behind(const struct lookup *lookup) {
	return lookup->store != NULL && lookup_store_size(lookup->store) < lookup->published;
}

/* 1: more is to be done. A failure is told once, and tried again at the next publish. */
static int catch_up(struct lookup *lookup, int64_t until_us) {
	if (!is_behind(lookup))
		return 0;
	int error = log_begin(lookup);
	while (error == 0 && is_behind(lookup) && clock_elapsed_us() < until_us)
		error = look_at_next(lookup);
	if (error == 0 && is_behind(lookup))
		return 1;
	if (error == 0)
		error = lookup_store_commit(lookup->store);
	if (error != 0) {
		failed(lookup, error);
		return error == -EUCLEAN && lookup->store != NULL ? 1 : 0;
	}
	lookup->complained = false;
	log_close(lookup);
	lookup_store_relax(lookup->store);
	return 0;
}

/* ---- pruned bundles ---- */

static bool is_pruned(const struct lookup *lookup, uint64_t block) {
	char path[TILE_PATH_BYTES];
	tile_path(TILE_ENTRIES, block, TILE_WIDTH, path);
	return faccessat(audit_writer_folder(record_writer(lookup->keeper)), path, F_OK, 0) < 0 && errno == ENOENT;
}

static int sweep_step(struct lookup *lookup, int64_t until_us) {
	uint64_t end = audit_writer_pruned_below(record_writer(lookup->keeper)) / BUNDLE_ENTRIES, block = 0;
	int error = 0;
	while (error == 0 && clock_elapsed_us() < until_us) {
		error = lookup_store_block(lookup->store, lookup->sweep_next, &block);
		if (error == -ENOENT || (error == 0 && block >= end)) {
			lookup->sweeping = false;
			return lookup_store_forget_names(lookup->store);
		}
		if (error == 0 && is_pruned(lookup, block))
			error = lookup_store_forget(lookup->store, block);
		lookup->sweep_next = block + 1;
	}
	return error;
}

static void sweep(struct lookup *lookup, int64_t until_us) {
	if (!lookup->sweeping || lookup->store == NULL)
		return;
	int error = sweep_step(lookup, until_us);
	if (error == 0)
		return;
	/* Names that could not be taken out must not stay: the whole is made anew. */
	lookup->sweeping = false;
	failed(lookup, -EUCLEAN);
}

/* ---- searching ---- */

static void find_end(struct lookup *lookup, const struct lookup_found *found) {
	struct find *find = lookup->finds;
	lookup->finds = find->next;
	if (lookup->finds == NULL)
		lookup->last = &lookup->finds;
	lookup->find_count--;
	find->answer(lookup->keeper, found, find->context);
	(void)lookup_query_free(find->query);
	free(find);
}

static void find_first(struct lookup *lookup, int64_t until_us) {
	static const struct lookup_found nothing = {0};
	struct lookup_found found;
	int result = lookup->store == NULL ? -ENODATA : lookup_query_step(lookup->finds->query, lookup->store, until_us);
	if (result == 1)
		return;
	if (result == 0) {
		lookup_query_result(lookup->finds->query, &found);
		find_end(lookup, &found);
		lookup_store_relax(lookup->store);
		return;
	}
	if (lookup->store != NULL)
		failed(lookup, result);
	find_end(lookup, &nothing);
}

static void on_work(evutil_socket_t fd, short what, void *context) {
	(void)fd;
	(void)what;
	struct lookup *lookup = context;
	int64_t until_us = clock_elapsed_us() + SLICE_US;
	int more = catch_up(lookup, until_us);
	bool far = more != 0 && lookup->published - lookup_store_size(lookup->store) > CATCH_UP_FIRST;
	while (lookup->finds != NULL && (more == 0 || far) && clock_elapsed_us() < until_us + SLICE_US / 2)
		find_first(lookup, until_us + SLICE_US / 2);
	if (lookup->finds == NULL)
		sweep(lookup, until_us);
	if (lookup->finds != NULL)
		(void)evtimer_add(lookup->work, &at_once);
	else if (more != 0 || lookup->sweeping)
		(void)evtimer_add(lookup->work, &breather);
}

int lookup_find(struct keeper *keeper, const struct audit_filter *filter, const struct lookup_page *page,
    lookup_answer answer, void *context) {
	static const struct lookup_found nothing = {0};
	struct lookup *lookup = keeper->lookup;
	if (lookup == NULL || lookup->store == NULL) {
		answer(keeper, &nothing, context);
		return 0;
	}
	if (lookup->find_count >= FINDS_MAX)
		return -EBUSY;
	struct find *find = calloc(1, sizeof *find);
	if (find == NULL)
		return -ENOMEM;
	*find = (struct find){.query = lookup_query_new(filter, page), .answer = answer, .context = context};
	if (find->query == NULL) {
		free(find);
		return -ENOMEM;
	}
	*lookup->last = find;
	lookup->last = &find->next;
	lookup->find_count++;
	lookup->published = audit_writer_published(record_writer(keeper));
	(void)evtimer_add(lookup->work, &at_once);
	return 0;
}

/* ---- the log goes on ---- */

void lookup_published(struct keeper *keeper) {
	struct lookup *lookup = keeper->lookup;
	if (lookup == NULL)
		return;
	lookup->published = audit_writer_published(record_writer(keeper));
	/* A partial bundle that the reader has in memory is behind: it is opened again. */
	log_close(lookup);
	if (is_behind(lookup) && !evtimer_pending(lookup->work, NULL))
		(void)evtimer_add(lookup->work, &soon);
}

void lookup_pruned(struct keeper *keeper) {
	struct lookup *lookup = keeper->lookup;
	if (lookup == NULL || lookup->store == NULL || audit_writer_pruned_below(record_writer(keeper)) == 0)
		return;
	lookup->sweeping = true;
	lookup->sweep_next = 0;
	if (!evtimer_pending(lookup->work, NULL))
		(void)evtimer_add(lookup->work, &soon);
}

uint64_t lookup_size(const struct keeper *keeper) {
	return keeper->lookup == NULL || keeper->lookup->store == NULL ? 0 : lookup_store_size(keeper->lookup->store);
}

int lookup_open(struct keeper *keeper, struct lookup **ret_lookup) {
	struct lookup *lookup = calloc(1, sizeof *lookup);
	if (lookup == NULL)
		return -ENOMEM;
	lookup->keeper = keeper;
	lookup->last = &lookup->finds;
	lookup->published = audit_writer_published(record_writer(keeper));
	lookup->work = evtimer_new(keeper->base, on_work, lookup);
	if (lookup->work == NULL) {
		free(lookup);
		return -ENOMEM;
	}
	int error = lookup_store_open(
	    keeper->settings->state_dir, audit_writer_origin(record_writer(keeper)), lookup->published, &lookup->store);
	if (error != 0)
		complain(lookup, error, "the lookup of the audit log cannot be opened");
	if (is_behind(lookup))
		(void)evtimer_add(lookup->work, &soon);
	keeper->lookup = lookup;
	lookup_pruned(keeper); /* a crash may have come between */
	*ret_lookup = lookup;
	return 0;
}

struct lookup *lookup_close(struct keeper *keeper, struct lookup *lookup) {
	if (lookup == NULL)
		return NULL;
	keeper->lookup = NULL;
	while (lookup->finds != NULL)
		find_end(lookup, NULL);
	event_free(lookup->work);
	log_close(lookup);
	(void)lookup_store_close(lookup->store);
	free(lookup);
	return NULL;
}

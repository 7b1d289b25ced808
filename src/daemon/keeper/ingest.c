/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages of a watcher, and a listing of a folder against the rows that the index has of it. */
#include "ingest_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "deletion.h"
#include "timekeeping.h"

enum { TICK_SECONDS = 5 };

void identity_of(const struct record_entry *entry, struct file_identity *ret_file) {
	*ret_file = (struct file_identity){
	    .inode = entry->inode, .bytes = entry->bytes, .mtime_ns = entry->mtime_ns, .birth_ns = entry->birth_ns};
}

bool identity_equal(const struct file_identity *a, const struct file_identity *b) {
	return a->inode == b->inode && a->bytes == b->bytes && a->mtime_ns == b->mtime_ns && a->birth_ns == b->birth_ns;
}

void ingest_time(struct ingest *ingest) {
	ingest->now_us = timekeeping_trusted_us(ingest->keeper);
	ingest->wall_us = clock_wall_us();
	ingest->boot_us = clock_boot_us();
}

/* ---- the timer runs only while something waits ---- */

static void tick(evutil_socket_t fd, short what, void *context) {
	(void)fd;
	(void)what;
	struct ingest *ingest = context;
	ingest_time(ingest);
	gone_tick(ingest, false);
	idle_tick(ingest);
	(void)altered_wait_end(ingest, false);
	ingest_timer(ingest);
}

void ingest_timer(struct ingest *ingest) {
	if (ingest->gone_count == 0 && ingest->idle_count == 0 && ingest->altered_count == 0)
		return;
	if (event_pending(ingest->timer, EV_TIMEOUT, NULL))
		return;
	int64_t next = INT64_MAX;
	for (size_t i = 0; i < ingest->gone_count; i++)
		if (!ingest->gone[i].in_scan && ingest->gone[i].due_us < next)
			next = ingest->gone[i].due_us;
	for (size_t i = 0; i < ingest->idle_count; i++)
		if (ingest->idle[i].due_us < next)
			next = ingest->idle[i].due_us;
	for (size_t i = 0; i < ingest->altered_count; i++)
		if (ingest->altered[i].due_us < next)
			next = ingest->altered[i].due_us;
	if (next == INT64_MAX)
		return;
	int64_t wait =
	    next > ingest->boot_us + TICK_SECONDS * US_PER_SECOND ? TICK_SECONDS * US_PER_SECOND : next - ingest->boot_us;
	if (wait < US_PER_SECOND / 2)
		wait = US_PER_SECOND / 2;
	struct timeval delay = {.tv_sec = wait / US_PER_SECOND, .tv_usec = wait % US_PER_SECOND};
	(void)event_add(ingest->timer, &delay);
}

/* ---- a listing ---- */

static void listing_reset(struct listing *listing) {
	for (size_t i = 0; i < listing->sidecar_count; i++)
		sidecar_free(&listing->sidecars[i]);
	free(listing->sidecars);
	free(listing->known);
	free(listing->table);
	free(listing->names);
	memset(listing, 0, sizeof *listing);
}

static int known_add(struct listing *listing, const char *name, const struct known *what) {
	size_t length = strlen(name) + 1;
	if (!array_room(&listing->known, &listing->known_room, listing->known_count, sizeof *listing->known))
		return -ENOMEM;
	if (listing->names_used + length > listing->names_room) {
		size_t room = (listing->names_room + length) * 2 + 4096;
		char *grown = room > UINT32_MAX ? NULL : realloc(listing->names, room);
		if (grown == NULL)
			return -ENOMEM;
		listing->names = grown;
		listing->names_room = room;
	}
	struct known *known = &listing->known[listing->known_count++];
	*known = *what;
	known->name = (uint32_t)listing->names_used;
	known->hash = text_hash(text_of(name));
	memcpy(listing->names + listing->names_used, name, length);
	listing->names_used += length;
	return 0;
}

static int known_segment(const struct segment_row *row, void *context) {
	return known_add(context, row->name,
	    &(struct known){.what = KNOWN_SEGMENT, .state = row->state, .key = row->key, .file = row->file});
}

static int known_member(const struct segment_key *owner, const struct member_row *row, void *context) {
	return known_add(context, row->name, &(struct known){.what = KNOWN_MEMBER, .key = *owner, .file = row->file});
}

static int known_shared(const struct member_row *row, void *context) {
	return known_add(context, row->name, &(struct known){.what = KNOWN_SHARED, .file = row->file});
}

static int known_table(struct listing *listing) {
	size_t size = 16;
	while (size < listing->known_count * 2)
		size *= 2;
	listing->table = calloc(size, sizeof *listing->table);
	if (listing->table == NULL)
		return -ENOMEM;
	listing->table_mask = size - 1;
	for (size_t i = 0; i < listing->known_count; i++) {
		size_t at = listing->known[i].hash & listing->table_mask;
		while (listing->table[at] != 0)
			at = (at + 1) & listing->table_mask;
		listing->table[at] = (uint32_t)(i + 1);
	}
	return 0;
}

static struct known *known_find(struct listing *listing, struct text name) {
	if (listing->known_count == 0)
		return NULL;
	uint64_t hash = text_hash(name);
	for (size_t at = hash & listing->table_mask; listing->table[at] != 0; at = (at + 1) & listing->table_mask) {
		struct known *known = &listing->known[listing->table[at] - 1];
		if (known->hash == hash && text_equal(text_of(listing->names + known->name), name))
			return known;
	}
	return NULL;
}

static int listing_begin(struct ingest *ingest, const struct root *root, struct listing *listing, struct text path) {
	struct index *index = ingest->keeper->index;
	listing_reset(listing);
	if (!text_copy(listing->path, sizeof listing->path, path))
		return -EINVAL;
	listing->folder = index_find_folder(index, root->id, path);
	listing->fresh = listing->folder == -ENOENT;
	if (listing->fresh)
		listing->folder = index_folder(index, root->id, path);
	if (listing->folder < 0)
		return (int)listing->folder;
	int error = 0;
	if (!listing->fresh) {
		error = index_in_folder(index, listing->folder, known_segment, listing);
		if (error == 0)
			error = index_members_in_folder(index, listing->folder, known_member, listing);
		if (error == 0)
			error = index_shared_in_folder(index, listing->folder, known_shared, listing);
		if (error == 0)
			error = known_table(listing);
	}
	listing->active = error == 0;
	return error;
}

/* The root that a message is about, if what is told of it may be believed, and the index can take it. */
static struct root *root_of(struct keeper *keeper, uint16_t number) {
	struct root *root = roots_get(keeper, number);
	bool known = root != NULL && (root->state == ROOT_SCANNING || root->state == ROOT_ONLINE);
	if (index_damaged(keeper->index))
		return NULL; /* main.c ends the program; the next start makes a new one */
	return known && number < keeper->ingest->listing_count ? root : NULL;
}

/* The root of a message about a folder, as root_of(); notes the time. */
static struct root *folder_take(struct keeper *keeper, struct message *message, struct record_folder *ret_folder) {
	struct root *root = record_folder_get(&message->reader, ret_folder) ? root_of(keeper, ret_folder->root) : NULL;
	if (root != NULL)
		ingest_time(keeper->ingest);
	return root;
}

void ingest_listing(struct keeper *keeper, struct message *message) {
	struct ingest *ingest = keeper->ingest;
	struct record_folder folder;
	struct root *root = folder_take(keeper, message, &folder);
	if (root == NULL)
		return;
	struct listing *listing = &ingest->listings[root->number];
	if (!listing->active || !text_equal(text_of(listing->path), folder.path)) {
		int error = listing_begin(ingest, root, listing, folder.path);
		if (error != 0) {
			log_warning_errno(error, "cannot index folder '%.*s' of root '%s'; the next scan tries again",
			    (int)folder.path.length, folder.path.data, root->settings->name);
			listing_reset(listing);
			return;
		}
	}
	struct place place = {.root = root, .folder = listing->folder, .path = folder.path};
	struct record_entry entry;
	ingest->batching = true;
	while (message_next_entry(message, &entry)) {
		struct known *known = known_find(listing, entry.name);
		if (known != NULL)
			known->seen = true;
		enum told told = file_told(ingest, &place, &entry, known, listing->disturbed);
		listing->foreign += told == TOLD_FOREIGN ? 1 : 0;
		listing->undecided = listing->undecided || told == TOLD_UNDECIDED;
	}
	ingest->batching = false;
	int error = file_batch_insert(ingest, root);
	if (error != 0) {
		listing->undecided = true;
		log_warning_errno(error, "cannot index all of folder '%s' of root '%s'; the next scan tries again",
		    listing->path, root->settings->name);
	}
}

/* What was not told is not there. True if any waits to be called missing. */
static bool compare(struct ingest *ingest, const struct place *place, struct listing *listing) {
	bool any = false;
	for (size_t i = 0; i < listing->known_count; i++) {
		struct known *known = &listing->known[i];
		struct text name = text_of(listing->names + known->name);
		struct segment_row row;
		if (known->seen)
			continue;
		if (known->what == KNOWN_MEMBER)
			(void)!index_member_remove(ingest->keeper->index, place->folder, name);
		else if (known->what == KNOWN_SHARED)
			(void)!index_shared_remove(ingest->keeper->index, place->folder, name);
		else if (!deletion_expected(ingest->keeper, place->root, place->path, name) &&
		         index_get(ingest->keeper->index, &known->key, &row) == 0 && row.folder == place->folder) {
			gone_segment(ingest, place->root, &row);
			any = true;
		}
	}
	return any;
}

static void folder_store(struct ingest *ingest, const struct place *place, const struct record_folder_end *end,
    const struct listing *listing, bool again) {
	struct folder_row row;
	if (index_folder_get(ingest->keeper->index, place->folder, &row) != 0)
		return;
	place->root->foreign += listing->foreign;
	place->root->foreign -= place->root->foreign >= row.foreign ? row.foreign : place->root->foreign;
	bool known = !again && end->mtime_ns != 0;
	int error = index_folder_set(
	    ingest->keeper->index, place->folder, known ? end->mtime_ns : 0, known ? end->ctime_ns : 0, listing->foreign);
	if (error != 0)
		log_warning_errno(error, "cannot note that folder '%s' was read", row.path);
}

struct below {
	struct ingest *ingest;
	struct root *root;
};

static int below_segment(const struct segment_row *row, void *context) {
	struct below *below = context;
	struct folder_row folder;
	if (index_folder_get(below->ingest->keeper->index, row->folder, &folder) == 0 &&
	    !deletion_expected(below->ingest->keeper, below->root, text_of(folder.path), text_of(row->name)))
		gone_segment(below->ingest, below->root, row);
	return 0;
}

static int below_folder(const struct folder_row *row, void *context) {
	struct below *below = context;
	int error = index_in_folder(below->ingest->keeper->index, row->id, below_segment, below);
	if (error == 0)
		error = index_folder_set(below->ingest->keeper->index, row->id, 0, 0, 0);
	gone_folder(below->ingest, below->root, row->id);
	below->root->foreign -= below->root->foreign >= row->foreign ? row->foreign : below->root->foreign;
	return error;
}

static void folder_gone(struct ingest *ingest, struct root *root, struct text path) {
	struct below below = {.ingest = ingest, .root = root};
	int error = index_folders_below(ingest->keeper->index, root->id, path, below_folder, &below);
	if (error != 0)
		log_warning_errno(error, "cannot compare folder '%.*s' of root '%s', which is gone", (int)path.length,
		    path.data, root->settings->name);
}

void ingest_folder_end(struct keeper *keeper, const struct record_folder_end *end) {
	struct ingest *ingest = keeper->ingest;
	struct root *root = root_of(keeper, end->root);
	if (root == NULL)
		return;
	ingest_time(ingest);
	roots_folder_read(root, end->path, end->gone ? 0 : end->error);
	struct listing *listing = &ingest->listings[root->number];
	if (end->gone) {
		if (listing->active && text_equal(text_of(listing->path), end->path))
			listing_reset(listing);
		folder_gone(ingest, root, end->path);
		return;
	}
	/* An empty folder has no LISTING; what the index had of it is gone. */
	if (!listing->active || !text_equal(text_of(listing->path), end->path)) {
		if (end->error != 0 || listing_begin(ingest, root, listing, end->path) != 0) {
			listing_reset(listing);
			return;
		}
	}
	struct place place = {.root = root, .folder = listing->folder, .path = end->path};
	sidecars_end(ingest, &place, listing);
	bool again = listing->undecided || end->error != 0;
	if (end->error == 0)
		again = compare(ingest, &place, listing) || again;
	folder_store(ingest, &place, end, listing, again);
	listing_reset(listing);
}

/* ---- changes ---- */

static void name_gone(struct ingest *ingest, const struct place *place, struct text name) {
	struct index *index = ingest->keeper->index;
	struct segment_row row;
	/* Asked first: during an expiry pass nearly every name is one of ours. */
	if (deletion_expected(ingest->keeper, place->root, place->path, name))
		return;
	if (index_find(index, place->folder, name, &row) == 0) {
		gone_segment(ingest, place->root, &row);
		return;
	}
	if (index_member_remove(index, place->folder, name) == -ENOENT)
		(void)!index_shared_remove(index, place->folder, name);
}

void ingest_changes(struct keeper *keeper, struct message *message) {
	struct ingest *ingest = keeper->ingest;
	struct record_folder folder;
	struct root *root = folder_take(keeper, message, &folder);
	if (root == NULL)
		return;
	struct place place = {.root = root, .path = folder.path};
	place.folder = index_folder(keeper->index, root->id, folder.path);
	if (place.folder < 0) {
		log_warning_errno((int)place.folder, "cannot index folder '%.*s' of root '%s'", (int)folder.path.length,
		    folder.path.data, root->settings->name);
		return;
	}
	struct listing *listing = &ingest->listings[root->number];
	bool listed = listing->active && listing->folder == place.folder;
	struct record_entry entry;
	while (message_next_entry(message, &entry)) {
		struct known *known = listed ? known_find(listing, entry.name) : NULL;
		if (listed)
			listing->disturbed = true;
		if (known != NULL)
			known->seen = true;
		if (entry.what == ENTRY_GONE)
			name_gone(ingest, &place, entry.name);
		else
			(void)file_told(ingest, &place, &entry, NULL, true);
	}
}

void ingest_scan_end(struct keeper *keeper, const struct record_scan_end *end) {
	struct ingest *ingest = keeper->ingest;
	struct root *root = root_of(keeper, end->root);
	if (root == NULL)
		return;
	ingest_time(ingest);
	listing_reset(&ingest->listings[root->number]);
	gone_scan_end(ingest, root);
	roots_scanned(keeper, end);
	idle_scan_end(ingest, root);
	seal_scan_end(ingest, root);
	seal_flush(ingest, false);
}

void ingest_watcher_lost(struct keeper *keeper, struct root *root) {
	struct ingest *ingest = keeper->ingest;
	if (ingest == NULL || root->number >= ingest->listing_count)
		return;
	listing_reset(&ingest->listings[root->number]);
	gone_forget_root(ingest, root);
}

void ingest_flush(struct keeper *keeper) {
	struct ingest *ingest = keeper->ingest;
	if (ingest == NULL)
		return;
	ingest_time(ingest);
	gone_tick(ingest, false);
	(void)altered_wait_end(ingest, keeper->stopping);
	seal_flush(ingest, keeper->stopping);
}

int ingest_open(struct keeper *keeper, struct ingest **ret_ingest) {
	struct ingest *ingest = calloc(1, sizeof *ingest);
	if (ingest == NULL)
		return -ENOMEM;
	ingest->keeper = keeper;
	/* Roots are numbered in the settings; a new configuration may have more. */
	ingest->listing_count = 256;
	ingest->listings = calloc(ingest->listing_count, sizeof *ingest->listings);
	ingest->timer = evtimer_new(keeper->base, tick, ingest);
	if (ingest->listings == NULL || ingest->timer == NULL) {
		(void)ingest_close(ingest);
		return -ENOMEM;
	}
	*ret_ingest = ingest;
	return 0;
}

struct ingest *ingest_close(struct ingest *ingest) {
	if (ingest == NULL)
		return NULL;
	for (size_t i = 0; ingest->listings != NULL && i < ingest->listing_count; i++)
		listing_reset(&ingest->listings[i]);
	for (size_t i = 0; i < ingest->orphan_count; i++)
		sidecar_free(&ingest->orphans[i].sidecar);
	seal_free(ingest);
	altered_wait_free(ingest);
	if (ingest->timer != NULL)
		event_free(ingest->timer);
	free(ingest->orphans);
	free(ingest->listings);
	free(ingest->batch);
	free(ingest->gone);
	free(ingest->idle);
	free(ingest);
	return NULL;
}

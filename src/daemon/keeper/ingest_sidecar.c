/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files beside a segment: which segment they belong to, and those whose segment is not there yet. */
#include "ingest_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

static char *text_duplicate(struct text text) {
	return strndup(text.data == NULL ? "" : text.data, text.length);
}

void sidecar_free(struct sidecar *sidecar) {
	free(sidecar->name);
	free(sidecar->owner);
	*sidecar = (struct sidecar){0};
}

static bool sidecar_make(struct sidecar *sidecar, const struct record_entry *entry, const char *owner) {
	*sidecar = (struct sidecar){.name = text_duplicate(entry->name), .owner = text_duplicate(text_of(owner))};
	identity_of(entry, &sidecar->file);
	if (sidecar->name != NULL && sidecar->owner != NULL)
		return true;
	sidecar_free(sidecar);
	return false;
}

int sidecar_defer(struct listing *listing, const struct record_entry *entry, const char *owner) {
	if (!array_room(&listing->sidecars, &listing->sidecar_room, listing->sidecar_count, sizeof *listing->sidecars) ||
	    !sidecar_make(&listing->sidecars[listing->sidecar_count], entry, owner))
		return -ENOMEM;
	listing->sidecar_count++;
	return 0;
}

static int first_segment(const struct segment_row *row, void *context) {
	*(struct segment_row *)context = *row;
	return 1;
}

/* "gate/12-00" with each suffix that the layout's patterns end with: "….mp4", or "….{mp4,mkv}". */
static bool find_by_stem(
    struct ingest *ingest, const struct place *place, const char *stem, struct segment_row *ret_row) {
	const struct layout *layout = place->root->settings->layout;
	for (size_t i = 0; i < layout->pattern_count; i++) {
		const char *suffix = strrchr(pattern_source(layout->patterns[i].pattern), '.');
		if (suffix == NULL || strchr(suffix, '/') != NULL)
			continue;
		suffix += suffix[1] == '{' ? 2 : 1;
		while (*suffix != '\0') {
			size_t length = strcspn(suffix, ",}");
			char name[NAME_BYTES_MAX + 1];
			int written = snprintf(name, sizeof name, "%s.%.*s", stem, (int)length, suffix);
			if (written > 0 && (size_t)written < sizeof name &&
			    index_find(ingest->keeper->index, place->folder, text_of(name), ret_row) == 0)
				return true;
			suffix += length;
			suffix += strspn(suffix, ",}");
		}
	}
	return false;
}

static bool find_owner(
    struct ingest *ingest, const struct place *place, const char *owner, struct segment_row *ret_row) {
	struct index *index = ingest->keeper->index;
	if (owner[0] == '\0') /* the group is the folder */
		return index_in_folder(index, place->folder, first_segment, ret_row) == 1;
	return index_find(index, place->folder, text_of(owner), ret_row) == 0 ||
	       find_by_stem(ingest, place, owner, ret_row);
}

static bool ends_with(const char *text, const char *end) {
	size_t length = strlen(text), end_length = strlen(end);
	return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

static bool finishes(const struct root *root, const char *name) {
	const struct layout *layout = root->settings->layout;
	return layout->finish == FINISH_SIDECAR && layout->finish_suffix != NULL && ends_with(name, layout->finish_suffix);
}

struct finish_search {
	const struct root *root;
	bool found;
};

static int is_finishing_member(const struct member_row *member, void *context) {
	struct finish_search *search = context;
	search->found = finishes(search->root, member->name);
	return search->found ? 1 : 0;
}

bool sidecar_finishes(struct ingest *ingest, const struct root *root, const struct segment_row *row) {
	if (root->settings->layout->finish != FINISH_SIDECAR || !row->grouped)
		return false;
	struct finish_search search = {.root = root};
	return index_members(ingest->keeper->index, &row->key, is_finishing_member, &search) >= 0 && search.found;
}

bool sidecar_attach(struct ingest *ingest, const struct place *place, const struct sidecar *sidecar) {
	struct segment_row row;
	struct member_row member = {.folder = place->folder, .file = sidecar->file};
	if (!find_owner(ingest, place, sidecar->owner, &row) ||
	    !text_copy(member.name, sizeof member.name, text_of(sidecar->name)))
		return false;
	int error = index_member_put(ingest->keeper->index, &row.key, &member);
	if (error != 0) {
		log_warning_errno(error, "cannot index '%s' of root '%s'", sidecar->name, place->root->settings->name);
		return true;
	}
	bool open = row.state == SEGMENT_OPEN || row.state == SEGMENT_DISCOVERED;
	if (open && finishes(place->root, sidecar->name) && index_get(ingest->keeper->index, &row.key, &row) == 0)
		error = seal_stored(ingest, place->root, &row);
	if (error != 0)
		log_warning_errno(error, "cannot seal '%s' of root '%s'", row.name, place->root->settings->name);
	return true;
}

/* By a change: now, or when its segment appears. Over the bound the folder is read again at the next scan. */
void sidecar_wait(
    struct ingest *ingest, const struct place *place, const struct record_entry *entry, const char *owner) {
	struct orphan orphan = {.folder = place->folder};
	if (!sidecar_make(&orphan.sidecar, entry, owner))
		return;
	if (sidecar_attach(ingest, place, &orphan.sidecar)) {
		sidecar_free(&orphan.sidecar);
		return;
	}
	if (ingest->orphans == NULL) {
		ingest->orphans = calloc(ORPHANS_MAX, sizeof *ingest->orphans);
		ingest->orphan_count = 0;
	}
	if (ingest->orphans == NULL || ingest->orphan_count == ORPHANS_MAX) {
		struct folder_row folder;
		sidecar_free(&orphan.sidecar);
		if (index_folder_get(ingest->keeper->index, place->folder, &folder) == 0)
			(void)!index_folder_set(ingest->keeper->index, place->folder, 0, 0, folder.foreign);
		return;
	}
	for (size_t i = 0; i < ingest->orphan_count; i++) {
		struct orphan *other = &ingest->orphans[i];
		if (other->folder != place->folder || strcmp(other->sidecar.name, orphan.sidecar.name) != 0)
			continue;
		sidecar_free(&other->sidecar);
		other->sidecar = orphan.sidecar;
		return;
	}
	ingest->orphans[ingest->orphan_count++] = orphan;
}

/* A segment appeared in the folder: perhaps the one that some wait for. */
void sidecars_claim(struct ingest *ingest, const struct place *place) {
	size_t kept = 0;
	for (size_t i = 0; i < ingest->orphan_count; i++) {
		struct orphan *orphan = &ingest->orphans[i];
		if (orphan->folder == place->folder && sidecar_attach(ingest, place, &orphan->sidecar))
			sidecar_free(&orphan->sidecar);
		else
			ingest->orphans[kept++] = *orphan;
	}
	ingest->orphan_count = kept;
}

/* The folder is listed: what still has no segment matches nothing. */
void sidecars_end(struct ingest *ingest, const struct place *place, struct listing *listing) {
	for (size_t i = 0; i < listing->sidecar_count; i++) {
		struct sidecar *sidecar = &listing->sidecars[i];
		if (!sidecar_attach(ingest, place, sidecar)) {
			struct record_entry entry = {.name = text_of(sidecar->name), .inode = sidecar->file.inode};
			entry.bytes = sidecar->file.bytes;
			entry.mtime_ns = sidecar->file.mtime_ns;
			entry.birth_ns = sidecar->file.birth_ns;
			sidecar_wait(ingest, place, &entry, sidecar->owner);
			listing->foreign++;
		}
		sidecar_free(sidecar);
	}
	free(listing->sidecars);
	listing->sidecars = NULL;
	listing->sidecar_count = listing->sidecar_room = 0;
}

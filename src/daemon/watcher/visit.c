/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One folder is visited: first watched, then looked at, so that what happens in between is seen
 * twice rather than never. Afterwards it is either watched or in its root's table of unwatched
 * folders.
 */
#include <errno.h>
#include <string.h>

#include "base/descriptor.h"
#include "base/log.h"
#include "watcher.h"

static uint32_t seconds_of(int64_t time_ns) {
	int64_t seconds = time_ns / INT64_C(1000000000);
	return seconds < 0 ? 0 : seconds > UINT32_MAX ? UINT32_MAX : (uint32_t)seconds;
}

static int gone_send(struct watcher *watcher, const struct root *root, struct text path) {
	return watcher_send_folder_end(watcher, &(struct record_folder_end){.root = root->index, .path = path, .gone = 1});
}

static void forget(struct watcher *watcher, struct root *root, struct text path) {
	struct watch_state *state = watches_find(&watcher->watches, root->index, path);
	folders_remove(&root->unwatched, path);
	if (state != NULL)
		watches_remove(&watcher->watches, state->wd);
}

/* The path may be the library's or the table's own, and ends with what it names. */
int visit_gone(struct watcher *watcher, struct root *root, struct text path) {
	char kept[PATH_BYTES_MAX + 1];
	if (!text_copy(kept, sizeof kept, path))
		return 0;
	forget(watcher, root, path);
	return gone_send(watcher, root, text_of(kept));
}

static bool is_below(struct text path, struct text folder) {
	return path.length > folder.length && path.data[folder.length] == '/' &&
	       memcmp(path.data, folder.data, folder.length) == 0;
}

int visit_gone_below(struct watcher *watcher, struct root *root, struct text path) {
	for (size_t i = watcher->watches.count; i > 0; i--) {
		struct watch_name name;
		if (i > watcher->watches.count || !watches_name(watcher->watches.states[i - 1].wd, &name) ||
		    name.root != root->index || !is_below(name.path, path))
			continue;
		int error = visit_gone(watcher, root, name.path);
		if (error != 0)
			return error;
	}
	size_t position = 0;
	for (struct folder *folder = folders_next(&root->unwatched, &position); folder != NULL;
	     folder = folders_next(&root->unwatched, &position)) {
		struct text below = {folder->path, folder->length};
		int error = is_below(below, path) ? visit_gone(watcher, root, below) : 0;
		if (error != 0)
			return error;
	}
	return visit_gone(watcher, root, path);
}

static void leave_unwatched(struct root *root, struct text path, int64_t mtime_ns, int64_t ctime_ns) {
	struct folder *folder = folders_put(&root->unwatched, path, mtime_ns, ctime_ns);
	if (folder == NULL) {
		log_warning("no room to remember folder '%.*s' of '%s', it is compared at the next scan only", (int)path.length,
		    path.data, root->path);
		return;
	}
	folder->seen = true;
	folder->error = 0;
}

/* The folder could not be opened or looked at. It stays known, and is tried again each minute. */
static int visit_failed(struct watcher *watcher, struct root *root, struct text path, int error) {
	bool missing = error == -ENOENT || error == -ENOTDIR || error == -ELOOP;
	if (root->fd < 0 || ((missing || error == -ESTALE) && !root_still_there(root)))
		return watcher_root_lost(watcher, root, error);
	if (missing && path.length > 0)
		return visit_gone(watcher, root, path);

	struct watch_state *state = watches_find(&watcher->watches, root->index, path);
	if (state != NULL)
		watches_remove(&watcher->watches, state->wd);
	const struct folder *former = folders_find(&root->unwatched, path);
	bool told = former != NULL && former->error == (uint32_t)-error;
	leave_unwatched(root, path, 0, 0);
	struct folder *folder = folders_find(&root->unwatched, path);
	if (folder != NULL)
		folder->error = (uint32_t)-error;
	if (told)
		return 0;
	log_warning_errno(error, "cannot read folder '%.*s' of '%s', what is in it stays as it was", (int)path.length,
	    path.data, root->path);
	return watcher_send_folder_end(
	    watcher, &(struct record_folder_end){.root = root->index, .path = path, .error = (uint32_t)-error});
}

/* Whether the folder is watched now, and whether it was before. */
static int watch(struct watcher *watcher, struct root *root, struct text path, int fd, uint32_t changed_s) {
	char evicted[PATH_BYTES_MAX + 1];
	uint16_t evicted_root = 0;
	struct watch_request request = {
	    .root = root->index, .path = path, .folder_fd = fd, .changed_s = changed_s, .writes = root->slots};
	int result = watches_add(&watcher->watches, &request, evicted, sizeof evicted, &evicted_root);
	struct root *loser = result == WATCH_EVICTED ? watcher_root(watcher, evicted_root) : NULL;
	/* Events of it that still wait are lost with its watch, so it is read again. */
	if (loser != NULL)
		leave_unwatched(loser, text_of(evicted), 0, 0);
	return result;
}

/* Notes what is known now: listed_ns is what keeper was told, -1 after an error. */
static void note(
    struct watcher *watcher, struct root *root, struct text path, const struct statx *facts, int64_t listed_ns) {
	struct watch_state *state = watches_find(&watcher->watches, root->index, path);
	if (state == NULL) {
		/* After an error, such as no permission, only a change is a reason to try again. */
		leave_unwatched(root, path, listed_ns == 0 ? 0 : statx_ns(facts->stx_mtime),
		    listed_ns == 0 ? 0 : statx_ns(facts->stx_ctime));
		return;
	}
	folders_remove(&root->unwatched, path);
	state->changed_s = seconds_of(statx_ns(facts->stx_mtime));
	if (state->changed_s < watcher->watches.oldest_s)
		watcher->watches.oldest_s = state->changed_s;
	state->unsettled = listed_ns <= 0;
	state->seen = true;
}

static bool is_unchanged(const struct visit *visit, const struct statx *facts) {
	return (visit->reason == VISIT_COMPARE || visit->reason == VISIT_LOOK) && visit->mtime_ns != 0 &&
	       visit->mtime_ns == statx_ns(facts->stx_mtime) && visit->ctime_ns == statx_ns(facts->stx_ctime);
}

int visit_folder(struct watcher *watcher, struct root *root, struct text path, const struct visit *visit) {
	root->folders++;
	CLOSED_AT_END int fd = root_open_folder(root, path);
	struct statx facts;
	int error = fd < 0 ? fd : 0;
	int64_t mtime_ns = visit->mtime_ns;
	if (error == 0 && (mtime_ns == 0 || visit->reason == VISIT_LOOK)) {
		error = statx_of(fd, "", &facts);
		mtime_ns = error == 0 ? statx_ns(facts.stx_mtime) : 0;
	}
	if (error != 0)
		return visit_failed(watcher, root, path, error);
	if (visit->reason == VISIT_LOOK && statx_device(&facts) == root->device && is_unchanged(visit, &facts)) {
		struct watch_state *state = watches_find(&watcher->watches, root->index, path);
		if (state != NULL)
			state->seen = true;
		else
			leave_unwatched(root, path, visit->mtime_ns, visit->ctime_ns);
		return 0;
	}
	int watched = watch(watcher, root, path, fd, seconds_of(mtime_ns));
	error = statx_of(fd, "", &facts);
	if (error == 0 && statx_device(&facts) != root->device)
		error = -EXDEV;
	if (error != 0)
		return visit_failed(watcher, root, path, error);
	if (visit->reason == VISIT_NEW && watched == WATCH_KEPT)
		return 0;
	int64_t listed_ns = statx_ns(facts.stx_mtime);
	if (!is_unchanged(visit, &facts)) {
		error = listing_send(watcher, root, path, fd, &listed_ns);
		if (error != 0)
			return error;
	}
	note(watcher, root, path, &facts, listed_ns);
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A scan walks a root in small steps, so that keeper's requests and new events are served between
 * folders. Folders that keeper knows come first, most recently changed first, because these can
 * still change and need the watches most; folders found on the way go on a stack, newest on top.
 * What was watched and is not met any more is looked at once more at the end.
 *
 * A watch costs ten times a look at the times where the kernel has the folder's files cached (it
 * marks each one). So only the first WATCHED_AT_ONCE known folders get theirs before SCAN_END, which
 * keeper waits for; unchanged older ones follow, and their times are compared once more then.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "watcher.h"

enum {
	STACK_MAX = 1 << 20, /* folders that wait; a scan of a tree holds one level of each folder on its way */
	WATCHED_AT_ONCE = 256,
	FOLDERS_A_STEP = 64, /* unchanged ones: some 10 µs each */
};

/* Forgets what the last scan was compared with; folders without a watch get it by the minute's comparison. */
static void known_release(struct root *root) {
	if (root->watching)
		root->comparing = true;
	root->watching = false;
	free(root->order);
	root->order = NULL;
	root->order_count = 0;
	root->position = 0;
	folders_release(&root->known);
}

void scan_know(struct root *root, const struct record_known_folder *folder) {
	if (root->watching)
		known_release(root);
	if (folders_put(&root->known, folder->path, folder->mtime_ns, folder->ctime_ns) == NULL)
		log_warning("no room to remember folder '%.*s' of '%s', it is read again", (int)folder->path.length,
		    folder->path.data, root->path);
}

bool scan_push(struct watcher *watcher, const struct scan_item *item, struct text path) {
	if (watcher->stack_count == watcher->stack_room) {
		size_t room = watcher->stack_room == 0 ? 64 : watcher->stack_room * 2;
		if (room > STACK_MAX)
			return false;
		struct scan_item *stack = realloc(watcher->stack, room * sizeof *stack);
		if (stack == NULL)
			return false;
		watcher->stack = stack;
		watcher->stack_room = room;
	}
	char *copy = malloc(path.length + 1);
	if (copy == NULL || !text_copy(copy, path.length + 1, path)) {
		free(copy);
		return false;
	}
	struct scan_item *top = &watcher->stack[watcher->stack_count++];
	*top = *item;
	top->path = copy;
	item->root->waiting++;
	return true;
}

bool scan_found(struct watcher *watcher, struct root *root, struct text path, int64_t mtime_ns) {
	const struct folder *known = root->scanning ? folders_find(&root->known, path) : NULL;
	if (known != NULL && !known->seen)
		return true; /* its turn comes */
	const struct watch_state *state = watches_find(&watcher->watches, root->index, path);
	const struct folder *folder = folders_find(&root->unwatched, path);
	bool seen = (state != NULL && state->seen) || (folder != NULL && folder->seen);
	bool held = state != NULL || folder != NULL;
	if (held && (seen || !root->scanning))
		return true;
	return scan_push(watcher, &(struct scan_item){.root = root, .mtime_ns = mtime_ns, .again = held}, path);
}

/* Ends what a scan is about. Folders that wait on the stack stay there: events put them there too. */
static void scan_reset(struct root *root) {
	free(root->order);
	root->order = NULL;
	root->order_count = 0;
	root->position = 0;
	root->scanning = false;
	root->watching = false;
	root->comparing = false;
	root->scan_again = false;
}

void scan_cancel(struct watcher *watcher, struct root *root) {
	size_t kept = 0;
	for (size_t i = 0; i < watcher->stack_count; i++) {
		if (watcher->stack[i].root == root)
			free(watcher->stack[i].path);
		else
			watcher->stack[kept++] = watcher->stack[i];
	}
	watcher->stack_count = kept;
	root->waiting = 0;
	scan_reset(root);
}

static void unsee_all(struct watcher *watcher, struct root *root) {
	for (size_t i = 0; i < watcher->watches.count; i++) {
		struct watch_name name;
		if (watches_name(watcher->watches.states[i].wd, &name) && name.root == root->index)
			watcher->watches.states[i].seen = false;
	}
	size_t position = 0;
	for (struct folder *folder = folders_next(&root->unwatched, &position); folder != NULL;
	     folder = folders_next(&root->unwatched, &position))
		folder->seen = false;
}

int scan_begin(struct watcher *watcher, struct root *root) {
	if (!root->found) {
		int error = root_find(root);
		int sent = watcher_send_root(watcher, root, error);
		if (error != 0 || sent != 0)
			return sent;
	}
	int error = root_open(root);
	if (error != 0)
		return watcher_root_lost(watcher, root, error);
	if (root->watching)
		known_release(root);
	scan_reset(root);
	unsee_all(watcher, root);
	root->order = folders_newest_first(&root->known);
	if (root->order == NULL)
		folders_release(&root->known);
	root->order_count = root->known.count;
	for (size_t i = 0; i < root->order_count; i++)
		root->order[i]->seen = false;
	root->folders = root->folders_read = root->entries = 0;
	root->scanned = true;
	root->scanning = true;
	if (folders_find(&root->known, TEXT_NULL) == NULL &&
	    !scan_push(watcher, &(struct scan_item){.root = root, .again = true}, TEXT_NULL))
		return -ENOMEM;
	return 0;
}

void scan_compare_begin(struct watcher *watcher) {
	for (size_t i = 0; i < watcher->root_count; i++) {
		struct root *root = &watcher->roots[i];
		if (!root->found || root->scanning || root->watching || root->unwatched.count == 0)
			continue;
		root->comparing = true;
		root->compare_position = 0;
	}
}

bool scan_has_work(const struct watcher *watcher) {
	for (size_t i = 0; i < watcher->root_count; i++)
		if (watcher->roots[i].scanning || watcher->roots[i].watching || watcher->roots[i].comparing)
			return true;
	return watcher->stack_count > 0;
}

static int older_first(const void *a, const void *b) {
	const struct scan_item *first = a;
	const struct scan_item *second = b;
	return (first->mtime_ns > second->mtime_ns) - (first->mtime_ns < second->mtime_ns);
}

/* Visits a folder; what it found lies on the stack with the newest on top. */
static int visit_sorted(struct watcher *watcher, struct root *root, struct text path, const struct visit *visit) {
	size_t bottom = watcher->stack_count;
	int error = visit_folder(watcher, root, path, visit);
	if (watcher->stack_count > bottom + 1)
		qsort(watcher->stack + bottom, watcher->stack_count - bottom, sizeof *watcher->stack, older_first);
	return error;
}

static int step_stack(struct watcher *watcher) {
	struct scan_item item = watcher->stack[--watcher->stack_count];
	item.root->waiting--;
	struct visit visit = {.reason = item.again ? VISIT_AGAIN : VISIT_NEW, .mtime_ns = item.mtime_ns};
	int error = visit_sorted(watcher, item.root, text_of(item.path), &visit);
	free(item.path);
	return error;
}

static int compare(struct watcher *watcher, struct root *root, const struct folder *folder, enum visit_reason reason) {
	struct visit visit = {.reason = reason, .mtime_ns = folder->mtime_ns, .ctime_ns = folder->ctime_ns};
	char path[PATH_BYTES_MAX + 1]; /* the table may let go of the folder meanwhile */
	if (!text_copy(path, sizeof path, (struct text){folder->path, folder->length}))
		return 0;
	return visit_sorted(watcher, root, text_of(path), &visit);
}

static int step_known(struct watcher *watcher, struct root *root) {
	uint64_t read = root->folders_read;
	for (int i = 0; i < FOLDERS_A_STEP && root->position < root->order_count; i++) {
		enum visit_reason reason = root->position < WATCHED_AT_ONCE ? VISIT_COMPARE : VISIT_LOOK;
		struct folder *folder = root->order[root->position++];
		folder->seen = true;
		int error = compare(watcher, root, folder, reason);
		/* A listing is a step of its own. A root that was lost has no order any more. */
		if (error != 0 || root->folders_read != read)
			return error;
	}
	return 0;
}

static int step_unwatched(struct watcher *watcher, struct root *root) {
	uint64_t read = root->folders_read;
	for (int i = 0; i < FOLDERS_A_STEP && root->comparing; i++) {
		const struct folder *folder = folders_next(&root->unwatched, &root->compare_position);
		if (folder == NULL) {
			root->comparing = false;
			return 0;
		}
		int error = compare(watcher, root, folder, VISIT_COMPARE);
		if (error != 0 || root->folders_read != read)
			return error;
	}
	return 0;
}

static int step_watching(struct watcher *watcher, struct root *root) {
	for (int i = 0; i < FOLDERS_A_STEP && root->position < root->order_count; i++) {
		const struct folder *known = root->order[root->position++];
		const struct folder *folder = folders_find(&root->unwatched, (struct text){known->path, known->length});
		int error = folder == NULL ? 0 : compare(watcher, root, folder, VISIT_COMPARE);
		if (error != 0 || !root->watching)
			return error;
	}
	if (root->position < root->order_count)
		return 0;
	root->watching = false;
	known_release(root);
	watcher->coverage_due_us = 0;
	return 0;
}

/* Pushes what was not met. It is looked at again and not simply called gone: its parent may only have been unreadable.
 */
static bool unseen_push(struct watcher *watcher, struct root *root) {
	struct scan_item item = {.root = root, .again = true};
	for (size_t i = 0; i < watcher->watches.count; i++) {
		struct watch_state *state = &watcher->watches.states[i];
		struct watch_name name;
		if (state->seen || !watches_name(state->wd, &name) || name.root != root->index)
			continue;
		state->seen = true;
		if (!scan_push(watcher, &item, name.path))
			return false;
	}
	size_t position = 0;
	for (struct folder *folder = folders_next(&root->unwatched, &position); folder != NULL;
	     folder = folders_next(&root->unwatched, &position)) {
		if (folder->seen)
			continue;
		folder->seen = true;
		if (!scan_push(watcher, &item, (struct text){folder->path, folder->length}))
			return false;
	}
	return true;
}

static int scan_finish(struct watcher *watcher, struct root *root) {
	if (!unseen_push(watcher, root))
		return -ENOMEM;
	if (root->waiting > 0)
		return 0;
	bool again = root->scan_again;
	root->scanning = false;
	root->scan_again = false;
	root->watching = !again && root->order_count > WATCHED_AT_ONCE;
	root->position = WATCHED_AT_ONCE;
	if (!root->watching) {
		known_release(root);
		watcher->coverage_due_us = 0;
	}
	message_begin(&watcher->out, MESSAGE_SCAN_END);
	record_scan_end_put(&watcher->out.writer, &(struct record_scan_end){.root = root->index,
	                                              .folders = root->folders,
	                                              .folders_read = root->folders_read,
	                                              .entries = root->entries});
	int error = watcher_send(watcher);
	return error == 0 && again ? scan_begin(watcher, root) : error;
}

int scan_step(struct watcher *watcher) {
	if (watcher->stack_count > 0)
		return step_stack(watcher);
	for (size_t i = 0; i < watcher->root_count; i++) {
		struct root *root = &watcher->roots[i];
		if (root->scanning && root->position < root->order_count)
			return step_known(watcher, root);
		if (root->scanning)
			return scan_finish(watcher, root);
		if (root->watching)
			return step_watching(watcher, root);
		if (root->comparing)
			return step_unwatched(watcher, root);
	}
	return 0;
}

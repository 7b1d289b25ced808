/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Roots, cameras and folders of the index, with the caches that keep a lookup from costing a query. */
#include "index_private.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/log.h"

static char *bytes_copy(const void *bytes, size_t length) {
	char *copy = malloc(length + 1);
	if (copy == NULL)
		return NULL;
	if (length > 0)
		memcpy(copy, bytes, length);
	copy[length] = '\0';
	return copy;
}

/* SQLite takes a NULL pointer for NULL, which is not the empty path. */
static void bind_bytes(sqlite3_stmt *statement, int parameter, struct text bytes) {
	(void)sqlite3_bind_blob(
	    statement, parameter, bytes.length == 0 ? "" : bytes.data, (int)bytes.length, SQLITE_STATIC);
}

/* ---- roots ---- */

const struct index_root_entry *index_root_entry(const struct index *index, int64_t root) {
	for (size_t i = 0; i < index->root_count; i++)
		if (index->roots[i].id == root)
			return &index->roots[i];
	return NULL;
}

static struct index_root_entry *root_entry_put(struct index *index, int64_t id, const char *name) {
	for (size_t i = 0; i < index->root_count; i++)
		if (index->roots[i].id == id)
			return &index->roots[i];
	struct index_root_entry *grown = realloc(index->roots, (index->root_count + 1) * sizeof *grown);
	if (grown == NULL)
		return NULL;
	index->roots = grown;
	struct index_root_entry *entry = &grown[index->root_count++];
	*entry = (struct index_root_entry){.id = id};
	(void)!text_copy(entry->name, sizeof entry->name, text_of(name));
	return entry;
}

/* What the derived names depend on: while it is the same, they are. */
static char *derivation_of(const struct index_root *root) {
	const struct layout *layout = root->layout;
	char *text = NULL;
	size_t length = 0;
	FILE *stream = open_memstream(&text, &length);
	if (stream == NULL)
		return NULL;
	(void)fprintf(stream, "%d %s", (int)layout->clock, root->zone == NULL ? "" : zone_name(root->zone));
	for (size_t i = 0; i < layout->pattern_count; i++)
		(void)fprintf(stream, "\n%s", pattern_source(layout->patterns[i].pattern));
	if (fclose(stream) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

int index_root_forget(struct index *index, int64_t root) {
	static const char *const deletions[] = {
	    "DELETE FROM segment WHERE camera IN (SELECT id FROM camera WHERE root=?1)",
	    "DELETE FROM member WHERE folder IN (SELECT id FROM folder WHERE root=?1)",
	    "DELETE FROM shared WHERE folder IN (SELECT id FROM folder WHERE root=?1)",
	    "DELETE FROM folder_span WHERE folder IN (SELECT id FROM folder WHERE root=?1)",
	    "UPDATE folder SET mtime=0, ctime=0 WHERE root=?1",
	};
	int error = index_change(index);
	for (size_t i = 0; error == 0 && i < ARRAY_LENGTH(deletions); i++) {
		sqlite3_stmt *statement = NULL;
		int result = sqlite3_prepare_v2(index->db, deletions[i], -1, &statement, NULL);
		if (result == SQLITE_OK) {
			(void)sqlite3_bind_int64(statement, 1, root);
			result = sqlite3_step(statement);
		}
		(void)sqlite3_finalize(statement);
		error = index_error(index, result);
	}
	for (size_t i = 0; i < index->camera_count; i++) {
		struct index_camera_entry *camera = &index->cameras[i];
		if (camera->root != root)
			continue;
		camera->segments = camera->bytes = camera->not_sealed = 0;
		camera->dirty = true;
	}
	memset(index->spans, 0, sizeof index->spans);
	return error;
}

static int64_t root_add(struct index *index, const char *name, const char *derivation) {
	int error = index_change(index);
	if (error != 0)
		return error;
	sqlite3_stmt *statement = index_statement(index, STATEMENT_ROOT_PUT);
	if (statement == NULL)
		return -EIO;
	(void)sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(statement, 2, derivation, -1, SQLITE_STATIC);
	error = index_run(index, statement);
	return error != 0 ? error : sqlite3_last_insert_rowid(index->db);
}

static int root_derivation_set(struct index *index, int64_t root, const char *derivation) {
	int error = index_change(index);
	sqlite3_stmt *statement = error != 0 ? NULL : index_statement(index, STATEMENT_ROOT_DERIVATION);
	if (statement == NULL)
		return error != 0 ? error : -EIO;
	(void)sqlite3_bind_int64(statement, 1, root);
	(void)sqlite3_bind_text(statement, 2, derivation, -1, SQLITE_STATIC);
	return index_run(index, statement);
}

static int64_t root_find(struct index *index, const char *name, const char *derivation, bool *ret_same) {
	sqlite3_stmt *statement = index_statement(index, STATEMENT_ROOT_GET);
	if (statement == NULL)
		return -EIO;
	(void)sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
	int result = sqlite3_step(statement);
	int64_t id = result == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : -ENOENT;
	const char *old = result == SQLITE_ROW ? (const char *)sqlite3_column_text(statement, 1) : NULL;
	*ret_same = old != NULL && strcmp(old, derivation) == 0;
	index_statement_end(index, statement);
	int error = index_error(index, result);
	return error != 0 ? error : id;
}

int64_t index_root(struct index *index, const struct index_root *root) {
	char *derivation = derivation_of(root);
	if (derivation == NULL)
		return -ENOMEM;
	bool same = false;
	int64_t id = root_find(index, root->name, derivation, &same);
	int error = 0;
	if (id == -ENOENT) {
		id = root_add(index, root->name, derivation);
	} else if (id >= 0 && !same) {
		log_notice("the layout or time zone of root '%s' changed; it is indexed anew", root->name);
		error = index_root_forget(index, id);
		if (error == 0)
			error = root_derivation_set(index, id, derivation);
	}
	free(derivation);
	if (id < 0 || error != 0)
		return error != 0 ? error : id;
	struct index_root_entry *entry = root_entry_put(index, id, root->name);
	if (entry == NULL)
		return -ENOMEM;
	entry->layout = root->layout;
	entry->path_zone = root->layout->clock == LAYOUT_CLOCK_UTC ? zone_shared("UTC") : root->zone;
	return id;
}

void index_roots_detach(struct index *index) {
	for (size_t i = 0; i < index->root_count; i++) {
		index->roots[i].layout = NULL;
		index->roots[i].path_zone = NULL;
	}
}

/* ---- cameras ---- */

struct index_camera_entry *index_camera_entry(struct index *index, int64_t camera) {
	size_t low = 0, high = index->camera_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (index->cameras[middle].id < camera)
			low = middle + 1;
		else
			high = middle;
	}
	return low < index->camera_count && index->cameras[low].id == camera ? &index->cameras[low] : NULL;
}

static bool camera_is(const struct index_camera_entry *entry, int64_t root, struct text name) {
	return entry->root == root && entry->name_length == name.length && memcmp(entry->name, name.data, name.length) == 0;
}

struct index_camera_entry *index_camera_named(struct index *index, int64_t root, struct text name) {
	if (index->camera_last < index->camera_count && camera_is(&index->cameras[index->camera_last], root, name))
		return &index->cameras[index->camera_last];
	for (size_t i = 0; i < index->camera_count; i++) {
		if (camera_is(&index->cameras[i], root, name)) {
			index->camera_last = i;
			return &index->cameras[i];
		}
	}
	return NULL;
}

static struct index_camera_entry *camera_push(struct index *index, int64_t id, int64_t root, struct text name) {
	if (!array_room(&index->cameras, &index->camera_room, index->camera_count, sizeof *index->cameras))
		return NULL;
	char *copy = bytes_copy(name.data, name.length);
	if (copy == NULL)
		return NULL;
	struct index_camera_entry *entry = &index->cameras[index->camera_count++];
	*entry = (struct index_camera_entry){.id = id, .root = root, .name = copy, .name_length = (uint32_t)name.length};
	entry->erased_longest_us = -1;
	entry->unprobed_start = INT64_MAX;
	return entry;
}

int index_cameras_load(struct index *index) {
	static const char roots[] = "SELECT id,name FROM root";
	static const char cameras[] = "SELECT id,root,name,segments,bytes,not_sealed,longest FROM camera ORDER BY id";
	sqlite3_stmt *statement = NULL;
	int result = sqlite3_prepare_v2(index->db, roots, -1, &statement, NULL);
	int error = 0;
	while (error == 0 && result == SQLITE_OK && (result = sqlite3_step(statement)) == SQLITE_ROW) {
		if (root_entry_put(
		        index, sqlite3_column_int64(statement, 0), (const char *)sqlite3_column_text(statement, 1)) == NULL)
			error = -ENOMEM;
		result = SQLITE_OK;
	}
	(void)sqlite3_finalize(statement);
	if (error != 0 || index_error(index, result) != 0)
		return error != 0 ? error : index_error(index, result);
	result = sqlite3_prepare_v2(index->db, cameras, -1, &statement, NULL);
	while (error == 0 && result == SQLITE_OK && (result = sqlite3_step(statement)) == SQLITE_ROW) {
		struct text name = {.data = sqlite3_column_blob(statement, 2)};
		name.length = (size_t)sqlite3_column_bytes(statement, 2);
		struct index_camera_entry *entry =
		    camera_push(index, sqlite3_column_int64(statement, 0), sqlite3_column_int64(statement, 1), name);
		if (entry == NULL) {
			error = -ENOMEM;
			break;
		}
		entry->segments = (uint64_t)sqlite3_column_int64(statement, 3);
		entry->bytes = (uint64_t)sqlite3_column_int64(statement, 4);
		entry->not_sealed = (uint64_t)sqlite3_column_int64(statement, 5);
		entry->longest_us = sqlite3_column_int64(statement, 6);
		result = SQLITE_OK;
	}
	(void)sqlite3_finalize(statement);
	return error != 0 ? error : index_error(index, result);
}

int index_cameras_save(struct index *index) {
	for (size_t i = 0; i < index->camera_count; i++) {
		struct index_camera_entry *entry = &index->cameras[i];
		if (!entry->dirty)
			continue;
		sqlite3_stmt *statement = index_statement(index, STATEMENT_CAMERA_TOTALS);
		if (statement == NULL)
			return -EIO;
		(void)sqlite3_bind_int64(statement, 1, entry->id);
		(void)sqlite3_bind_int64(statement, 2, (int64_t)entry->segments);
		(void)sqlite3_bind_int64(statement, 3, (int64_t)entry->bytes);
		(void)sqlite3_bind_int64(statement, 4, (int64_t)entry->not_sealed);
		(void)sqlite3_bind_int64(statement, 5, entry->longest_us);
		int error = index_run(index, statement);
		if (error != 0)
			return error;
		entry->dirty = false;
	}
	return 0;
}

int64_t index_camera(struct index *index, int64_t root, struct text name) {
	const struct index_camera_entry *known = index_camera_named(index, root, name);
	if (known != NULL)
		return known->id;
	if (name.length > CAMERA_BYTES_MAX)
		return -ENAMETOOLONG;
	if (index->camera_count >= INDEX_CAMERAS_MAX)
		return -EOVERFLOW;
	int error = index_change(index);
	sqlite3_stmt *statement = error != 0 ? NULL : index_statement(index, STATEMENT_CAMERA_ADD);
	if (statement == NULL)
		return error != 0 ? error : -EIO;
	(void)sqlite3_bind_int64(statement, 1, root);
	bind_bytes(statement, 2, name);
	error = index_run(index, statement);
	if (error != 0)
		return error;
	int64_t id = sqlite3_last_insert_rowid(index->db);
	return camera_push(index, id, root, name) == NULL ? -ENOMEM : id;
}

static int64_t edge(struct index *index, enum index_statement which, int64_t camera) {
	sqlite3_stmt *statement = index_statement(index, which);
	if (statement == NULL)
		return 0;
	(void)sqlite3_bind_int64(statement, 1, camera);
	int64_t start_us = 0;
	int result = sqlite3_step(statement);
	if (result == SQLITE_ROW)
		start_us = key_start_us(sqlite3_column_int64(statement, 0), sqlite3_column_int64(statement, 1));
	index_statement_end(index, statement);
	(void)index_error(index, result);
	return start_us;
}

int index_camera_get(struct index *index, int64_t camera, struct camera_row *ret_row) {
	const struct index_camera_entry *entry = index_camera_entry(index, camera);
	if (entry == NULL)
		return -ENOENT;
	const struct index_root_entry *root = index_root_entry(index, entry->root);
	*ret_row =
	    (struct camera_row){.id = entry->id, .root = entry->root, .segments = entry->segments, .bytes = entry->bytes};
	ret_row->not_sealed = entry->not_sealed;
	if (root != NULL)
		(void)!text_copy(ret_row->root_name, sizeof ret_row->root_name, text_of(root->name));
	(void)!text_copy(
	    ret_row->name, sizeof ret_row->name, (struct text){.data = entry->name, .length = entry->name_length});
	if (entry->segments > 0) {
		ret_row->oldest_us = edge(index, STATEMENT_SEGMENT_OLDEST, camera);
		ret_row->newest_us = edge(index, STATEMENT_SEGMENT_NEWEST, camera);
	}
	return 0;
}

int index_cameras(struct index *index, index_each_camera each, void *context) {
	for (size_t i = 0; i < index->camera_count; i++) {
		struct camera_row row;
		int result = index_camera_get(index, index->cameras[i].id, &row);
		if (result == 0)
			result = each(&row, context);
		if (result != 0)
			return result;
	}
	return 0;
}

void index_totals(const struct index *index, uint64_t *ret_segments) {
	uint64_t segments = 0;
	for (size_t i = 0; i < index->camera_count; i++)
		segments += index->cameras[i].segments;
	*ret_segments = segments;
}

int64_t index_longest_us(struct index *index, int64_t camera) {
	const struct index_camera_entry *entry = index_camera_entry(index, camera);
	return entry == NULL ? 0 : entry->longest_us;
}

/* ---- folders ---- */

static void folder_cache_put(struct index *index, int64_t id, int64_t root, struct text path) {
	struct index_folder_entry *slot = &index->folders[(uint64_t)id % FOLDER_CACHE];
	char *copy = bytes_copy(path.data, path.length);
	if (copy == NULL)
		return;
	free(slot->path);
	*slot = (struct index_folder_entry){.id = id, .root = root, .length = path.length, .path = copy};
}

const struct index_folder_entry *index_folder_entry(struct index *index, int64_t folder) {
	const struct index_folder_entry *slot = &index->folders[(uint64_t)folder % FOLDER_CACHE];
	if (slot->id == folder)
		return slot;
	sqlite3_stmt *statement = index_statement(index, STATEMENT_FOLDER_GET);
	if (statement == NULL)
		return NULL;
	(void)sqlite3_bind_int64(statement, 1, folder);
	int result = sqlite3_step(statement);
	if (result == SQLITE_ROW) {
		struct text path = {.data = sqlite3_column_blob(statement, 1)};
		path.length = (size_t)sqlite3_column_bytes(statement, 1);
		folder_cache_put(index, folder, sqlite3_column_int64(statement, 5), path);
	}
	index_statement_end(index, statement);
	(void)index_error(index, result);
	return slot->id == folder ? slot : NULL;
}

int64_t index_find_folder(struct index *index, int64_t root, struct text path) {
	sqlite3_stmt *statement = index_statement(index, STATEMENT_FOLDER_FIND);
	if (statement == NULL)
		return -EIO;
	(void)sqlite3_bind_int64(statement, 1, root);
	bind_bytes(statement, 2, path);
	int result = sqlite3_step(statement);
	int64_t id = result == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : -ENOENT;
	index_statement_end(index, statement);
	int error = index_error(index, result);
	return error != 0 ? error : id;
}

int64_t index_folder(struct index *index, int64_t root, struct text path) {
	int64_t id = index_find_folder(index, root, path);
	if (id != -ENOENT)
		return id;
	int error = index_change(index);
	sqlite3_stmt *statement = error != 0 ? NULL : index_statement(index, STATEMENT_FOLDER_ADD);
	if (statement == NULL)
		return error != 0 ? error : -EIO;
	(void)sqlite3_bind_int64(statement, 1, root);
	bind_bytes(statement, 2, path);
	error = index_run(index, statement);
	if (error != 0)
		return error;
	id = sqlite3_last_insert_rowid(index->db);
	folder_cache_put(index, id, root, path);
	return id;
}

static void folder_read(sqlite3_stmt *statement, struct folder_row *row) {
	struct text path = {.data = sqlite3_column_blob(statement, 1)};
	path.length = (size_t)sqlite3_column_bytes(statement, 1);
	row->id = sqlite3_column_int64(statement, 0);
	if (!text_copy(row->path, sizeof row->path, path))
		row->path[0] = '\0';
	row->mtime_ns = sqlite3_column_int64(statement, 2);
	row->ctime_ns = sqlite3_column_int64(statement, 3);
	row->foreign = (uint64_t)sqlite3_column_int64(statement, 4);
}

int index_folder_get(struct index *index, int64_t folder, struct folder_row *ret_row) {
	sqlite3_stmt *statement = index_statement(index, STATEMENT_FOLDER_GET);
	if (statement == NULL)
		return -EIO;
	(void)sqlite3_bind_int64(statement, 1, folder);
	int result = sqlite3_step(statement);
	if (result == SQLITE_ROW)
		folder_read(statement, ret_row);
	index_statement_end(index, statement);
	return result == SQLITE_DONE ? -ENOENT : index_error(index, result);
}

int index_folder_set(struct index *index, int64_t folder, int64_t mtime_ns, int64_t ctime_ns, uint64_t foreign) {
	int error = index_change(index);
	sqlite3_stmt *statement = error != 0 ? NULL : index_statement(index, STATEMENT_FOLDER_SET);
	if (statement == NULL)
		return error != 0 ? error : -EIO;
	(void)sqlite3_bind_int64(statement, 1, folder);
	(void)sqlite3_bind_int64(statement, 2, mtime_ns);
	(void)sqlite3_bind_int64(statement, 3, ctime_ns);
	(void)sqlite3_bind_int64(statement, 4, (int64_t)foreign);
	return index_run(index, statement);
}

static int run_on_folder(struct index *index, enum index_statement which, int64_t folder) {
	sqlite3_stmt *statement = index_statement(index, which);
	if (statement == NULL)
		return -EIO;
	(void)sqlite3_bind_int64(statement, 1, folder);
	return index_run(index, statement);
}

int index_folder_remove(struct index *index, int64_t folder) {
	int error = index_change(index);
	if (error == 0)
		error = run_on_folder(index, STATEMENT_SPAN_REMOVE, folder);
	if (error == 0)
		error = run_on_folder(index, STATEMENT_FOLDER_REMOVE, folder);
	for (size_t i = 0; i < SPAN_CACHE; i++)
		if (index->spans[i].folder == folder)
			index->spans[i] = (struct index_span_entry){0};
	struct index_folder_entry *slot = &index->folders[(uint64_t)folder % FOLDER_CACHE];
	if (slot->id == folder) {
		free(slot->path);
		*slot = (struct index_folder_entry){0};
	}
	return error;
}

static int folder_walk(struct index *index, sqlite3_stmt *statement, index_each_folder each, void *context) {
	struct folder_row row;
	int result, stopped = 0;
	while (stopped == 0 && (result = sqlite3_step(statement)) == SQLITE_ROW) {
		folder_read(statement, &row);
		stopped = each(&row, context);
	}
	index_statement_end(index, statement);
	return stopped != 0 ? stopped : index_error(index, result);
}

int index_folders(struct index *index, int64_t root, index_each_folder each, void *context) {
	sqlite3_stmt *statement = index_statement(index, STATEMENT_FOLDER_ALL);
	if (statement == NULL)
		return -EIO;
	(void)sqlite3_bind_int64(statement, 1, root);
	return folder_walk(index, statement, each, context);
}

int index_folders_below(struct index *index, int64_t root, struct text path, index_each_folder each, void *context) {
	if (path.length == 0)
		return index_folders(index, root, each, context);
	/* Everything below "a" sorts from "a/" to before "a0": '0' is the byte after '/'. */
	char first[PATH_BYTES_MAX + 2], last[PATH_BYTES_MAX + 2];
	if (path.length > PATH_BYTES_MAX)
		return -ENAMETOOLONG;
	memcpy(first, path.data, path.length);
	memcpy(last, path.data, path.length);
	first[path.length] = '/';
	last[path.length] = '0';
	sqlite3_stmt *statement = index_statement(index, STATEMENT_FOLDER_BELOW);
	if (statement == NULL)
		return -EIO;
	(void)sqlite3_bind_int64(statement, 1, root);
	bind_bytes(statement, 2, path);
	bind_bytes(statement, 3, (struct text){.data = first, .length = path.length + 1});
	bind_bytes(statement, 4, (struct text){.data = last, .length = path.length + 1});
	return folder_walk(index, statement, each, context);
}

/* ---- the range of starts of each camera in a folder ---- */

static int span_write(struct index *index, struct index_span_entry *span) {
	if (span->folder == 0 || !span->dirty)
		return 0;
	sqlite3_stmt *statement = index_statement(index, STATEMENT_SPAN_PUT);
	if (statement == NULL)
		return -EIO;
	(void)sqlite3_bind_int64(statement, 1, span->folder);
	(void)sqlite3_bind_int64(statement, 2, span->camera);
	(void)sqlite3_bind_int64(statement, 3, span->first);
	(void)sqlite3_bind_int64(statement, 4, span->last);
	span->dirty = false;
	return index_run(index, statement);
}

int index_spans_save(struct index *index) {
	int error = 0;
	for (size_t i = 0; index->spans_dirty && error == 0 && i < SPAN_CACHE; i++)
		error = span_write(index, &index->spans[i]);
	if (error == 0)
		index->spans_dirty = false;
	return error;
}

static int span_load(struct index *index, struct index_span_entry *slot, int64_t folder, int64_t camera) {
	int error = span_write(index, slot);
	sqlite3_stmt *statement = error != 0 ? NULL : index_statement(index, STATEMENT_SPAN_GET);
	if (statement == NULL)
		return error != 0 ? error : -EIO;
	(void)sqlite3_bind_int64(statement, 1, folder);
	(void)sqlite3_bind_int64(statement, 2, camera);
	int result = sqlite3_step(statement);
	*slot = (struct index_span_entry){.folder = folder, .camera = camera, .first = INT64_MAX, .last = INT64_MIN};
	if (result == SQLITE_ROW) {
		slot->first = sqlite3_column_int64(statement, 0);
		slot->last = sqlite3_column_int64(statement, 1);
	}
	index_statement_end(index, statement);
	return index_error(index, result);
}

int index_span_cover(struct index *index, int64_t folder, int64_t camera, int64_t start_ms) {
	struct index_span_entry *slot = &index->spans[(uint64_t)(folder * 31 + camera) % SPAN_CACHE];
	if (slot->folder != folder || slot->camera != camera) {
		int error = span_load(index, slot, folder, camera);
		if (error != 0)
			return error;
	}
	if (start_ms >= slot->first && start_ms <= slot->last)
		return 0;
	if (start_ms < slot->first)
		slot->first = start_ms;
	if (start_ms > slot->last)
		slot->last = start_ms;
	slot->dirty = true;
	index->spans_dirty = true;
	return 0;
}

void index_caches_free(struct index *index) {
	for (size_t i = 0; i < index->camera_count; i++)
		free(index->cameras[i].name);
	free(index->cameras);
	free(index->roots);
	for (size_t i = 0; i < FOLDER_CACHE; i++)
		free(index->folders[i].path);
}

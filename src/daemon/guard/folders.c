/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "folders.h"

#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "handle.h"

struct folder_entry {
	struct folder_key key;
	struct folder folder;
	char *path;
};

struct folders {
	void *tree; /* tsearch(3), of struct folder_entry */
};

static int key_set(struct folder_key *key, const struct file_handle *handle) {
	if (handle->handle_bytes + sizeof handle->handle_type > sizeof key->bytes)
		return -EOVERFLOW;
	*key = (struct folder_key){.length = (uint32_t)sizeof handle->handle_type + handle->handle_bytes};
	memcpy(key->bytes, &handle->handle_type, sizeof handle->handle_type);
	memcpy(key->bytes + sizeof handle->handle_type, handle->f_handle, handle->handle_bytes);
	return 0;
}

int folder_key_of(int fd, struct folder_key *ret_key) {
	union handle handle;
	int error = handle_of(fd, &handle);
	return error < 0 ? error : key_set(ret_key, &handle.handle);
}

int folder_key_of_handle(const unsigned char *handle, size_t length, struct folder_key *ret_key) {
	union handle copy = {0};
	if (length < sizeof copy.handle)
		return -EPROTO;
	memcpy(copy.bytes, handle, sizeof copy.handle);
	size_t whole = sizeof copy.handle + copy.handle.handle_bytes;
	if (whole > length || whole > sizeof copy.bytes)
		return -EPROTO;
	memcpy(copy.bytes, handle, whole);
	return key_set(ret_key, &copy.handle);
}

struct folder_key folder_key_of_watch(int watch) {
	struct folder_key key = {.length = sizeof watch};
	memcpy(key.bytes, &watch, sizeof watch);
	return key;
}

static int by_key(const void *a, const void *b) {
	const struct folder_key *left = &((const struct folder_entry *)a)->key,
	                        *right = &((const struct folder_entry *)b)->key;
	if (left->length != right->length)
		return left->length < right->length ? -1 : 1;
	return memcmp(left->bytes, right->bytes, left->length);
}

static struct folder_entry *entry_find(const struct folders *folders, const struct folder_key *key) {
	if (folders == NULL)
		return NULL;
	struct folder_entry wanted = {.key = *key};
	struct folder_entry **node = tfind(&wanted, &folders->tree, by_key);
	return node == NULL ? NULL : *node;
}

static void entry_free(void *entry) {
	free(((struct folder_entry *)entry)->path);
	free(entry);
}

int folders_put(struct folders **folders, const struct folder_key *key, uint16_t root, const char *path) {
	if (*folders == NULL)
		*folders = calloc(1, sizeof **folders);
	char *copy = strdup(path);
	if (*folders == NULL || copy == NULL) {
		free(copy);
		return -ENOMEM;
	}
	struct folder_entry *entry = entry_find(*folders, key);
	if (entry == NULL) {
		entry = calloc(1, sizeof *entry);
		if (entry != NULL)
			entry->key = *key;
		if (entry == NULL || tsearch(entry, &(*folders)->tree, by_key) == NULL) {
			free(entry);
			free(copy);
			return -ENOMEM;
		}
	}
	free(entry->path);
	entry->path = copy;
	entry->folder = (struct folder){.root = root, .path = copy};
	return 0;
}

const struct folder *folders_find(const struct folders *folders, const struct folder_key *key) {
	const struct folder_entry *entry = entry_find(folders, key);
	return entry == NULL ? NULL : &entry->folder;
}

void folders_remove(struct folders *folders, const struct folder_key *key) {
	struct folder_entry *entry = entry_find(folders, key);
	if (entry == NULL)
		return;
	(void)tdelete(entry, &folders->tree, by_key);
	entry_free(entry);
}

struct folders *folders_free(struct folders *folders) {
	if (folders != NULL)
		tdestroy(folders->tree, entry_free);
	free(folders);
	return NULL;
}

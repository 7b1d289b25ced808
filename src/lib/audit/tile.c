/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/tile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/descriptor.h"

void tile_path(unsigned level, uint64_t index, unsigned width, char ret_path[TILE_PATH_BYTES]) {
	char digits[24];
	int length = snprintf(digits, sizeof digits, "%" PRIu64, index);
	size_t groups = ((size_t)length + 2) / 3;
	int padding = (int)groups * 3 - length;
	int used = level == TILE_ENTRIES ? snprintf(ret_path, TILE_PATH_BYTES, "tile/entries/")
	                                 : snprintf(ret_path, TILE_PATH_BYTES, "tile/%u/", level);
	for (int i = -padding; i < length; i++) {
		bool starts_group = (i + padding) % 3 == 0;
		bool is_last_group = i + padding >= ((int)groups - 1) * 3;
		if (starts_group && i + padding > 0)
			ret_path[used++] = '/';
		if (starts_group && !is_last_group)
			ret_path[used++] = 'x';
		ret_path[used++] = i < 0 ? '0' : digits[i];
	}
	ret_path[used] = '\0';
	if (width < TILE_WIDTH)
		(void)snprintf(ret_path + used, TILE_PATH_BYTES - (size_t)used, ".p/%u", width);
}

unsigned tile_width(unsigned level, uint64_t index, uint64_t size) {
	uint64_t count = tile_count(level == TILE_ENTRIES ? 0 : level, size);
	uint64_t tiles = count / TILE_WIDTH;
	return index < tiles ? TILE_WIDTH : index == tiles ? (unsigned)(count % TILE_WIDTH) : 0;
}

void tile_fold(struct merkle_hash *hashes, size_t count, struct merkle_hash *ret_root) {
	for (; count > 1; count /= 2)
		for (size_t i = 0; i < count / 2; i++)
			merkle_node(&hashes[2 * i], &hashes[2 * i + 1], &hashes[i]);
	*ret_root = hashes[0];
}

/* The narrowest partial file of at least `width` in the tile's folder; 0 if there is none. */
static unsigned wider_partial(int log_fd, unsigned level, uint64_t index, unsigned width) {
	char path[TILE_PATH_BYTES];
	tile_path(level, index, 1, path);
	*strrchr(path, '/') = '\0';
	int fd = openat(log_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	if (folder == NULL) {
		descriptor_close(&fd);
		return 0;
	}
	unsigned found = 0;
	for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
		char *end = NULL;
		unsigned long value = strtoul(entry->d_name, &end, 10);
		if (*end == '\0' && value >= width && value < TILE_WIDTH && (found == 0 || value < found))
			found = (unsigned)value;
	}
	(void)closedir(folder);
	return found;
}

static int width_open(int log_fd, unsigned level, uint64_t index, unsigned width, unsigned *ret_width) {
	char path[TILE_PATH_BYTES];
	tile_path(level, index, width, path);
	int fd = openat(log_fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*ret_width = width;
	return fd;
}

int tile_open(int log_fd, unsigned level, uint64_t index, unsigned width, unsigned *ret_width) {
	int fd = width_open(log_fd, level, index, width, ret_width);
	if (fd != -ENOENT || width == TILE_WIDTH)
		return fd;
	fd = width_open(log_fd, level, index, TILE_WIDTH, ret_width);
	if (fd != -ENOENT)
		return fd;
	unsigned wider = wider_partial(log_fd, level, index, width);
	return wider == 0 ? -ENOENT : width_open(log_fd, level, index, wider, ret_width);
}

/* The length of an open regular file, or a negative errno. */
static int64_t file_length(int fd) {
	struct stat facts;
	if (fstat(fd, &facts) < 0)
		return -errno;
	return S_ISREG(facts.st_mode) ? facts.st_size : -EBADMSG;
}

int tile_load(int log_fd, unsigned level, uint64_t index, unsigned width, struct merkle_hash hashes[TILE_WIDTH]) {
	unsigned file_width = 0;
	CLOSED_AT_END int fd = tile_open(log_fd, level, index, width, &file_width);
	if (fd < 0)
		return fd;
	int64_t length = file_length(fd);
	if (length < 0)
		return (int)length;
	if (length != (int64_t)file_width * MERKLE_HASH_BYTES)
		return -EBADMSG;
	size_t wanted = (size_t)width * MERKLE_HASH_BYTES;
	ssize_t got = descriptor_pread_all(fd, hashes, wanted, 0);
	return got < 0 ? (int)got : (size_t)got == wanted ? 0 : -EBADMSG;
}

int tile_source_hash(unsigned level, uint64_t index, struct merkle_hash *ret_hash, void *context) {
	struct tile_source *source = context;
	unsigned tile_level = level / 8;
	unsigned height = level % 8;
	uint64_t first = index << height;
	uint64_t number = first / TILE_WIDTH;
	unsigned width = tile_width(tile_level, number, source->size);
	if (source->width == 0 || source->level != tile_level || source->index != number || source->width != width) {
		source->width = 0;
		source->level = tile_level;
		source->index = number;
		tile_path(tile_level, number, width, source->path);
		int error = tile_load(source->log_fd, tile_level, number, width, source->hashes);
		if (error < 0)
			return error;
		source->width = width;
	}
	struct merkle_hash hashes[TILE_WIDTH];
	size_t count = (size_t)1 << height;
	memcpy(hashes, &source->hashes[first % TILE_WIDTH], count * sizeof hashes[0]);
	tile_fold(hashes, count, ret_hash);
	return 0;
}

int tile_source_root(struct tile_source *source, uint64_t size, struct merkle_hash *ret_root) {
	struct merkle_tree tree = {.size = size};
	/* From the largest perfect subtree, which is the leftmost, to the smallest. */
	for (unsigned level = MERKLE_LEVELS_MAX; level-- > 0;) {
		if ((size >> level & 1) == 0)
			continue;
		uint64_t index = level == 63 ? 0 : (size >> (level + 1)) << 1;
		int error = tile_source_hash(level, index, &tree.stack[tree.depth++], source);
		if (error < 0)
			return error;
	}
	merkle_root(&tree, ret_root);
	return 0;
}

void bundle_release(struct bundle *bundle) {
	free(bundle->bytes);
	*bundle = (struct bundle){0};
}

bool bundle_split(struct bundle *bundle, unsigned width) {
	size_t at = 0;
	for (unsigned i = 0; i < width; i++) {
		if (bundle->length - at < 2)
			return false;
		bundle->offsets[i] = (uint32_t)at;
		size_t length = (size_t)bundle->bytes[at] << 8 | bundle->bytes[at + 1];
		at += 2;
		if (length > bundle->length - at)
			return false;
		at += length;
	}
	bundle->offsets[width] = (uint32_t)at;
	bundle->width = width;
	return at == bundle->length;
}

int bundle_load(int log_fd, uint64_t index, unsigned width, struct bundle *bundle) {
	unsigned file_width = 0;
	CLOSED_AT_END int fd = tile_open(log_fd, TILE_ENTRIES, index, width, &file_width);
	if (fd < 0)
		return fd;
	int64_t length = file_length(fd);
	if (length < 0)
		return (int)length;
	if (length > BUNDLE_BYTES_MAX)
		return -EBADMSG;
	if ((size_t)length > bundle->room) {
		uint8_t *larger = realloc(bundle->bytes, (size_t)length);
		if (larger == NULL)
			return -ENOMEM;
		bundle->bytes = larger;
		bundle->room = (size_t)length;
	}
	ssize_t got = descriptor_pread_all(fd, bundle->bytes, (size_t)length, 0);
	if (got < 0)
		return (int)got;
	bundle->length = (size_t)got;
	return got == length && bundle_split(bundle, file_width) ? 0 : -EBADMSG;
}

int tile_edge_append(struct tile_edge *edge, const struct merkle_hash *leaf, tile_full full, void *context) {
	struct merkle_hash hash = *leaf;
	edge->size++;
	for (unsigned level = 0; level < TILE_LEVELS; level++) {
		uint64_t position = tile_count(level, edge->size) - 1;
		struct merkle_hash *tile = edge->hashes[level];
		tile[position % TILE_WIDTH] = hash;
		if (position % TILE_WIDTH != TILE_WIDTH - 1)
			break;
		int error = full(level, position / TILE_WIDTH, tile, context);
		if (error < 0)
			return error;
		tile_fold(tile, TILE_WIDTH, &hash);
	}
	return 0;
}

void tile_edge_root(const struct tile_edge *edge, struct merkle_hash *ret_root) {
	struct merkle_tree tree = {.size = edge->size};
	for (unsigned level = TILE_LEVELS; level-- > 0;) {
		size_t width = tile_count(level, edge->size) % TILE_WIDTH;
		size_t at = 0;
		for (size_t part = TILE_WIDTH / 2; part > 0; part /= 2) {
			if ((width & part) == 0)
				continue;
			struct merkle_hash hashes[TILE_WIDTH / 2];
			memcpy(hashes, &edge->hashes[level][at], part * sizeof hashes[0]);
			tile_fold(hashes, part, &tree.stack[tree.depth++]);
			at += part;
		}
	}
	merkle_root(&tree, ret_root);
}

int tile_edge_load(int log_fd, uint64_t size, struct tile_edge *ret_edge, char ret_path[TILE_PATH_BYTES]) {
	ret_edge->size = size;
	for (unsigned level = 0; level < TILE_LEVELS; level++) {
		uint64_t count = tile_count(level, size);
		unsigned width = (unsigned)(count % TILE_WIDTH);
		if (width == 0)
			continue;
		tile_path(level, count / TILE_WIDTH, width, ret_path);
		int error = tile_load(log_fd, level, count / TILE_WIDTH, width, ret_edge->hashes[level]);
		if (error < 0)
			return error;
	}
	return 0;
}

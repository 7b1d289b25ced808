/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which layout does a folder of recordings follow? Names are read as they come, folder by folder, at
 * most a share of each, so that one full folder does not hide the others; links are never followed.
 */
#include "settings/settings.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/descriptor.h"

enum {
	CANDIDATES_MAX = 64,
	DEPTH_MAX = 16,
	FOUND_CAMERAS_MAX = 1024,
	FOUND_EXAMPLES_MAX = 5,
	FOLDER_NAMES_LEAST = 64,
};

struct candidate {
	struct layout *layout;
	struct recognition found;
	uint64_t segments;
	uint64_t specificity; /* summed over the segments */
};

struct look {
	struct candidate candidates[CANDIDATES_MAX];
	size_t count;
	size_t left; /* names still to look at */
	size_t per_folder;
	bool no_memory;
};

static bool is_conf(const char *name) {
	size_t length = strlen(name);
	return length > 5 && name[0] != '.' && strcmp(name + length - 5, ".conf") == 0;
}

/* A layout file that is wrong is left out here: `config check` names its faults. */
static int load_layouts(struct look *look, const char *folder) {
	DIR *directory = opendir(folder);
	if (directory == NULL)
		return -errno;
	for (struct dirent *entry; look->count < CANDIDATES_MAX && (entry = readdir(directory)) != NULL;) {
		char path[PATH_MAX], message[256];
		struct layout *layout = NULL;
		int length = snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (!is_conf(entry->d_name) || length < 0 || (size_t)length >= sizeof(path) ||
		    layout_load(path, &layout, message, sizeof(message)) < 0)
			continue;
		if (layout->refused != NULL)
			layout_free(layout);
		else
			look->candidates[look->count++] = (struct candidate){.layout = layout};
	}
	(void)closedir(directory);
	return look->count > 0 ? 0 : -ENOENT;
}

/* Adds a name to a sorted list without repeats, or to the end of an unsorted one. */
static void list_add(struct look *look, char ***list, size_t *count, struct text name, bool sorted) {
	size_t low = 0, high = *count;
	while (sorted && low < high) {
		size_t middle = low + (high - low) / 2;
		const char *other = (*list)[middle];
		int order = strncmp(other, name.data, name.length);
		if (order == 0 && other[name.length] == '\0')
			return;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (!sorted)
		low = *count;
	char **grown = reallocarray(*list, *count + 1, sizeof(**list));
	char *copy = strndup(name.data, name.length);
	if (grown != NULL)
		*list = grown;
	if (grown == NULL || copy == NULL) {
		free(copy);
		look->no_memory = true;
		return;
	}
	memmove(grown + low + 1, grown + low, (*count - low) * sizeof(*grown));
	grown[low] = copy;
	(*count)++;
}

static void judge(struct look *look, struct text path) {
	for (size_t i = 0; i < look->count; i++) {
		struct candidate *candidate = &look->candidates[i];
		struct recognition *found = &candidate->found;
		struct layout_match match;
		layout_classify(candidate->layout, path, &match);
		if (match.role == LAYOUT_FOREIGN) {
			found->foreign++;
			if (found->example_count < FOUND_EXAMPLES_MAX)
				list_add(look, &found->examples, &found->example_count, path, false);
			continue;
		}
		found->matching++;
		if (match.role != LAYOUT_SEGMENT)
			continue;
		candidate->segments++;
		candidate->specificity += pattern_specificity(candidate->layout->patterns[match.pattern].pattern);
		if (match.parts.camera.length > 0 && found->camera_count < FOUND_CAMERAS_MAX)
			list_add(look, &found->cameras, &found->camera_count, match.parts.camera, true);
	}
}

static bool is_folder(int folder, const struct dirent *entry) {
	struct stat facts;
	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type == DT_DIR;
	return fstatat(folder, entry->d_name, &facts, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(facts.st_mode);
}

static void look_into(struct look *look, DIR *directory, char *path, size_t length, unsigned depth);

/* Opens the folder `name` below `parent` and looks into it. What cannot be read is passed over. */
static void descend(struct look *look, int parent, const char *name, char *path, size_t length, unsigned depth) {
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	if (directory == NULL) {
		descriptor_close(&fd);
		return;
	}
	look_into(look, directory, path, length, depth);
	(void)closedir(directory);
}

static void look_into(struct look *look, DIR *directory, char *path, size_t length, unsigned depth) {
	size_t files = 0;
	for (struct dirent *entry; look->left > 0 && (entry = readdir(directory)) != NULL;) {
		size_t name = strlen(entry->d_name);
		size_t start = length == 0 ? 0 : length + 1;
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 || start + name >= PATH_MAX)
			continue;
		bool folder = is_folder(dirfd(directory), entry);
		if (!folder && files >= look->per_folder)
			continue;
		if (length > 0)
			path[length] = '/';
		memcpy(path + start, entry->d_name, name + 1);
		if (folder) {
			if (depth < DEPTH_MAX)
				descend(look, dirfd(directory), entry->d_name, path, start + name, depth + 1);
			continue;
		}
		files++;
		look->left--;
		judge(look, (struct text){path, start + name});
	}
}

/* Layouts that take any name come after one that says more, if that fits at least half. */
static int class_of(const struct candidate *candidate) {
	uint64_t all = candidate->found.matching + candidate->found.foreign;
	bool generic = true;
	for (size_t i = 0; i < candidate->layout->pattern_count; i++)
		generic &= (pattern_parts(candidate->layout->patterns[i].pattern) & PATTERN_ANY_DEPTH) != 0;
	if (candidate->segments == 0)
		return 0;
	if (generic)
		return 2;
	return candidate->found.matching * 2 >= all ? 3 : 1;
}

static int compare(const void *left, const void *right) {
	const struct candidate *a = left, *b = right;
	int class_a = class_of(a), class_b = class_of(b);
	if (class_a != class_b)
		return class_b - class_a;
	if (a->found.matching != b->found.matching)
		return a->found.matching < b->found.matching ? 1 : -1;
	if (a->specificity != b->specificity)
		return a->specificity < b->specificity ? 1 : -1;
	return strcmp(a->layout->name, b->layout->name);
}

static struct recognition *take_results(struct look *look) {
	struct recognition *list = calloc(look->count + 1, sizeof(*list));
	qsort(look->candidates, look->count, sizeof(*look->candidates), compare);
	for (size_t i = 0; i < look->count; i++) {
		struct candidate *candidate = &look->candidates[i];
		candidate->found.layout = strdup(candidate->layout->name);
		look->no_memory |= candidate->found.layout == NULL;
		layout_free(candidate->layout);
		if (list != NULL)
			list[i] = candidate->found;
	}
	return list;
}

int recognise(
    const char *path, const char *layouts_dir, size_t most, struct recognition **ret_list, size_t *ret_count) {
	char below[PATH_MAX] = "";
	DIR *directory = opendir(path);
	if (directory == NULL)
		return -errno;
	struct look *look = calloc(1, sizeof(*look));
	int result = look == NULL ? -ENOMEM : load_layouts(look, layouts_dir);
	if (result < 0) {
		(void)closedir(directory);
		free(look);
		return result;
	}
	look->left = most;
	look->per_folder = most / 64 < FOLDER_NAMES_LEAST ? FOLDER_NAMES_LEAST : most / 64;
	look_into(look, directory, below, 0, 0);
	(void)closedir(directory);
	size_t count = look->count;
	struct recognition *list = take_results(look);
	if (list != NULL && !look->no_memory) {
		*ret_list = list;
		*ret_count = count;
	} else {
		recognition_free(list, list == NULL ? 0 : count);
		result = -ENOMEM;
	}
	free(look);
	return result;
}

static void strings_free(char **strings, size_t count) {
	for (size_t i = 0; i < count; i++)
		free(strings[i]);
	free(strings);
}

void recognition_free(struct recognition *list, size_t count) {
	for (size_t i = 0; i < count; i++) {
		free(list[i].layout);
		strings_free(list[i].cameras, list[i].camera_count);
		strings_free(list[i].examples, list[i].example_count);
	}
	free(list);
}

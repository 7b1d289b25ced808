/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Judging names by a layout. Reading one from its file is in layout_parse.c: processes that only judge do not link
 * libconfig. */
#include "settings/layout.h"

#include <stdlib.h>
#include <string.h>

static void patterns_free(struct pattern **patterns, size_t count) {
	for (size_t i = 0; i < count; i++)
		pattern_free(patterns[i]);
	free(patterns);
}

struct layout *layout_free(struct layout *layout) {
	if (layout == NULL)
		return NULL;
	for (size_t i = 0; i < layout->pattern_count; i++) {
		pattern_free(layout->patterns[i].pattern);
		pattern_free(layout->patterns[i].stem);
	}
	free(layout->patterns);
	patterns_free(layout->ignored, layout->ignored_count);
	patterns_free(layout->shared, layout->shared_count);
	for (size_t i = 0; i < layout->sidecar_count; i++) {
		free(layout->sidecars[i].replace_suffix);
		free(layout->sidecars[i].append_suffix);
	}
	free(layout->sidecars);
	free(layout->name);
	free(layout->title);
	free(layout->timezone);
	free(layout->finish_suffix);
	free(layout->recorder_setting);
	free(layout->recorder_shows);
	free(layout->refused);
	free(layout);
	return NULL;
}

static bool any_matches(
    struct pattern *const *patterns, size_t count, struct text path, struct pattern_match *ret_parts) {
	for (size_t i = 0; i < count; i++)
		if (pattern_matches(patterns[i], path, ret_parts))
			return true;
	return false;
}

/* Where the file name begins. */
static size_t name_start(struct text path) {
	size_t at = path.length;
	while (at > 0 && path.data[at - 1] != '/')
		at--;
	return at;
}

static bool has_suffix(struct text path, const char *suffix, size_t *ret_stem) {
	size_t length = strlen(suffix);
	if (length >= path.length || memcmp(path.data + (path.length - length), suffix, length) != 0)
		return false;
	*ret_stem = path.length - length;
	return true;
}

/* True if `path` without the sidecar's suffix is the name of a segment, as far as a name can tell. */
static bool sidecar_matches(
    const struct layout *layout, const struct layout_sidecar *sidecar, struct text path, struct layout_match *match) {
	bool replace = sidecar->replace_suffix != NULL;
	size_t stem;
	if (!has_suffix(path, replace ? sidecar->replace_suffix : sidecar->append_suffix, &stem))
		return false;
	struct text owner = {path.data, stem};
	for (size_t i = 0; i < layout->pattern_count; i++) {
		const struct pattern *pattern = replace ? layout->patterns[i].stem : layout->patterns[i].pattern;
		if (pattern == NULL || !pattern_matches(pattern, owner, &match->parts))
			continue;
		size_t start = name_start(owner);
		return text_copy(match->owner, sizeof(match->owner), (struct text){owner.data + start, owner.length - start});
	}
	return false;
}

static bool belongs_to_group(const struct layout *layout, struct text path, struct layout_match *match) {
	size_t start = name_start(path);
	struct text folder = {path.data, start > 0 ? start - 1 : 0};
	for (size_t i = 0; i < layout->pattern_count; i++)
		if (pattern_matches_folder(layout->patterns[i].pattern, folder, &match->parts))
			return true;
	return false;
}

static bool is_sidecar(const struct layout *layout, struct text path, struct layout_match *match) {
	for (size_t i = 0; i < layout->sidecar_count; i++)
		if (sidecar_matches(layout, &layout->sidecars[i], path, match))
			return true;
	return layout->group_is_folder && belongs_to_group(layout, path, match);
}

static bool is_segment(const struct layout *layout, struct text path, struct layout_match *match) {
	for (size_t i = 0; i < layout->pattern_count; i++) {
		if (!pattern_matches(layout->patterns[i].pattern, path, &match->parts))
			continue;
		match->pattern = (uint8_t)i;
		match->kind = layout->patterns[i].kind;
		return true;
	}
	return false;
}

void layout_classify(const struct layout *layout, struct text path, struct layout_match *ret_match) {
	struct layout_match *match = ret_match;
	match->role = LAYOUT_FOREIGN;
	match->kind = SEGMENT_VIDEO;
	match->pattern = 0;
	match->parts = (struct pattern_match){0};
	match->owner[0] = '\0';
	if (any_matches(layout->ignored, layout->ignored_count, path, &match->parts))
		match->role = LAYOUT_IGNORED;
	else if (any_matches(layout->shared, layout->shared_count, path, &match->parts))
		match->role = LAYOUT_SHARED;
	else if (is_segment(layout, path, match))
		match->role = LAYOUT_SEGMENT;
	else if (is_sidecar(layout, path, match))
		match->role = LAYOUT_SIDECAR;
}

bool layout_leads_through(const struct layout *layout, struct text folder) {
	for (size_t i = 0; i < layout->pattern_count; i++)
		if (pattern_leads_through(layout->patterns[i].pattern, folder))
			return true;
	for (size_t i = 0; i < layout->shared_count; i++)
		if (pattern_leads_through(layout->shared[i], folder))
			return true;
	return false;
}

bool layout_makes_folder(const struct layout *layout, struct text folder) {
	for (size_t i = 0; i < layout->pattern_count; i++)
		if (pattern_makes_folder(layout->patterns[i].pattern, folder))
			return true;
	return false;
}

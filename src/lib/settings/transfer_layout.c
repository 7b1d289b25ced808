/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "settings/layout.h"
#include "settings/names.h"
#include "settings/transfer.h"

static void put_patterns(struct byte_writer *writer, struct pattern *const *patterns, size_t count) {
	byte_put_u32(writer, (uint32_t)count);
	for (size_t i = 0; i < count; i++)
		transfer_put_string(writer, pattern_source(patterns[i]));
}

void layout_put(struct byte_writer *writer, const struct layout *layout) {
	transfer_put_string(writer, layout->name);
	transfer_put_string(writer, layout->title);
	byte_put_u8(writer, (uint8_t)layout->clock);
	transfer_put_string(writer, layout->timezone);
	byte_put_u32(writer, (uint32_t)layout->pattern_count);
	for (size_t i = 0; i < layout->pattern_count; i++) {
		byte_put_u8(writer, (uint8_t)layout->patterns[i].kind);
		transfer_put_string(writer, pattern_source(layout->patterns[i].pattern));
	}
	put_patterns(writer, layout->ignored, layout->ignored_count);
	put_patterns(writer, layout->shared, layout->shared_count);
	byte_put_u32(writer, (uint32_t)layout->sidecar_count);
	for (size_t i = 0; i < layout->sidecar_count; i++) {
		transfer_put_string(writer, layout->sidecars[i].replace_suffix);
		transfer_put_string(writer, layout->sidecars[i].append_suffix);
	}
	byte_put_u8(writer, layout->group_is_folder);
	byte_put_u8(writer, (uint8_t)layout->finish);
	byte_put_u32(writer, layout->idle_seconds);
	transfer_put_string(writer, layout->finish_suffix);
	byte_put_u8(writer, layout->slots);
	byte_put_u8(writer, layout->preserve);
	transfer_put_string(writer, layout->recorder_setting);
	transfer_put_string(writer, layout->recorder_shows);
	transfer_put_string(writer, layout->refused);
}

static struct pattern *get_pattern(struct byte_reader *reader) {
	char message[8];
	char *source = transfer_get_string(reader, true);
	struct pattern *pattern = source == NULL ? NULL : pattern_compile(source, message, sizeof(message));
	if (pattern == NULL)
		reader->failed = true;
	free(source);
	return pattern;
}

static struct pattern **get_patterns(struct byte_reader *reader, size_t *ret_count) {
	uint32_t count = transfer_get_count(reader, LAYOUT_PATTERNS_MAX);
	struct pattern **patterns = calloc(count + 1, sizeof(struct pattern *));
	if (patterns == NULL)
		reader->failed = true;
	for (uint32_t i = 0; i < count && !reader->failed; i++) {
		patterns[i] = get_pattern(reader);
		if (patterns[i] != NULL)
			*ret_count = i + 1;
	}
	return patterns;
}

static void get_segments(struct byte_reader *reader, struct layout *layout) {
	uint32_t count = transfer_get_count(reader, LAYOUT_PATTERNS_MAX);
	layout->patterns = calloc(count + 1, sizeof(*layout->patterns));
	if (layout->patterns == NULL)
		reader->failed = true;
	for (uint32_t i = 0; i < count && !reader->failed; i++) {
		struct layout_pattern *pattern = &layout->patterns[i];
		pattern->kind = transfer_get_enum(reader, kind_names.count);
		pattern->pattern = get_pattern(reader);
		if (pattern->pattern == NULL)
			break;
		pattern->stem = pattern_compile_stem(pattern->pattern);
		layout->pattern_count = i + 1;
	}
}

static void get_sidecars(struct byte_reader *reader, struct layout *layout) {
	uint32_t count = transfer_get_count(reader, LAYOUT_SIDECARS_MAX);
	layout->sidecars = calloc(count + 1, sizeof(*layout->sidecars));
	if (layout->sidecars == NULL)
		reader->failed = true;
	for (uint32_t i = 0; i < count && !reader->failed; i++) {
		struct layout_sidecar *sidecar = &layout->sidecars[i];
		sidecar->replace_suffix = transfer_get_string(reader, false);
		sidecar->append_suffix = transfer_get_string(reader, sidecar->replace_suffix == NULL);
		layout->sidecar_count = i + 1;
	}
}

struct layout *layout_get(struct byte_reader *reader) {
	struct layout *layout = calloc(1, sizeof(*layout));
	if (layout == NULL) {
		reader->failed = true;
		return NULL;
	}
	layout->name = transfer_get_string(reader, true);
	layout->title = transfer_get_string(reader, true);
	layout->clock = transfer_get_enum(reader, layout_clock_names.count);
	layout->timezone = transfer_get_string(reader, false);
	get_segments(reader, layout);
	layout->ignored = get_patterns(reader, &layout->ignored_count);
	layout->shared = get_patterns(reader, &layout->shared_count);
	get_sidecars(reader, layout);
	layout->group_is_folder = transfer_get_bool(reader);
	layout->finish = transfer_get_enum(reader, finish_names.count);
	layout->idle_seconds = byte_get_u32(reader);
	layout->finish_suffix = transfer_get_string(reader, layout->finish == FINISH_SIDECAR);
	layout->slots = transfer_get_bool(reader);
	layout->preserve = (uint8_t)transfer_get_enum(reader, (PRESERVE_REFLINK | PRESERVE_LINK | PRESERVE_COPY) + 1);
	layout->recorder_setting = transfer_get_string(reader, false);
	layout->recorder_shows = transfer_get_string(reader, false);
	layout->refused = transfer_get_string(reader, false);
	if (layout->refused == NULL && layout->pattern_count == 0)
		reader->failed = true;
	return reader->failed ? layout_free(layout) : layout;
}

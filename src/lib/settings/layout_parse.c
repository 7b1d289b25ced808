/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading a layout: layouts/<name>.conf, or the keys of a custom root. */
#include "settings/layout_parse.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint32_t idle_range[2] = {1, 86400};

bool layout_name_is_sound(const char *name) {
	size_t length = strlen(name);
	return length > 0 && length <= 64 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == length;
}

/* One text of a list of patterns, compiled; NULL if it was refused. */
static struct pattern *read_pattern(struct config_source *source, const config_setting_t *item) {
	char message[256];
	const char *text = config_setting_get_string(item);
	if (config_setting_type(item) != CONFIG_TYPE_STRING || text == NULL) {
		config_refuse(source, item, "a pattern is not a text; write \"%%{camera}/%%Y-%%m-%%d_%%H-%%M-%%S.mp4\"");
		return NULL;
	}
	for (const char *at = text; *at != '\0'; at++) {
		if ((unsigned char)*at < ' ' || *at == 0x7f) {
			config_refuse(source, item, "a pattern has a control character; write %%{name} for such a part");
			return NULL;
		}
	}
	struct pattern *pattern = pattern_compile(text, message, sizeof(message));
	if (pattern == NULL)
		config_refuse(source, item, "%s", message);
	return pattern;
}

/* The list of that name, at most LAYOUT_PATTERNS_MAX long. */
static const config_setting_t *pattern_list(struct config_source *source, const config_setting_t *in, const char *key) {
	const config_setting_t *list = config_list(source, in, key);
	if (list == NULL || config_setting_length(list) <= LAYOUT_PATTERNS_MAX)
		return list;
	config_refuse(source, list, "'%s' has too many patterns; write at most %d", key, LAYOUT_PATTERNS_MAX);
	return NULL;
}

static void read_patterns(struct config_source *source, const config_setting_t *in, const char *key,
    struct pattern ***ret_patterns, size_t *ret_count) {
	const config_setting_t *list = pattern_list(source, in, key);
	size_t length = list == NULL ? 0 : (size_t)config_setting_length(list);
	struct pattern **patterns = calloc(length + 1, sizeof(struct pattern *));
	if (patterns == NULL) {
		source->no_memory = true;
		return;
	}
	size_t count = 0;
	for (size_t i = 0; i < length; i++) {
		struct pattern *pattern = read_pattern(source, config_setting_get_elem(list, (unsigned)i));
		if (pattern != NULL)
			patterns[count++] = pattern;
	}
	*ret_patterns = patterns;
	*ret_count = count;
}

static void read_segments(struct config_source *source, const config_setting_t *in, const char *key,
    enum segment_kind kind, struct layout *layout) {
	struct pattern **patterns = NULL;
	size_t count = 0;
	read_patterns(source, in, key, &patterns, &count);
	struct layout_pattern *all =
	    reallocarray(layout->patterns, layout->pattern_count + count + 1, sizeof(*layout->patterns));
	if (all != NULL)
		layout->patterns = all;
	else
		source->no_memory = true;
	for (size_t i = 0; i < count; i++) {
		if (all == NULL || layout->pattern_count == LAYOUT_PATTERNS_MAX) {
			if (all != NULL)
				config_refuse(source, config_setting_get_member(in, key), "too many patterns; write at most %d in all",
				    LAYOUT_PATTERNS_MAX);
			pattern_free(patterns[i]);
			continue;
		}
		all[layout->pattern_count++] =
		    (struct layout_pattern){.pattern = patterns[i], .stem = pattern_compile_stem(patterns[i]), .kind = kind};
	}
	free(patterns);
}

/* A suffix of a sidecar: ".json". */
static bool check_suffix(struct config_source *source, const config_setting_t *at, const char *suffix) {
	size_t length = strlen(suffix);
	if (length >= 2 && length <= 32 && strchr(suffix, '/') == NULL)
		return true;
	config_refuse(source, at, "\"%s\" is not a suffix; write one such as \".json\"", suffix);
	return false;
}

static void read_sidecar(struct config_source *source, const config_setting_t *item, struct layout *layout) {
	static const char *const keys[] = {"replace", "append"};
	struct layout_sidecar sidecar = {0};
	if (!config_setting_is_group(item)) {
		config_refuse(
		    source, item, "a sidecar is not a group; write { replace = \".json\"; } or { append = \".thumb\"; }");
		return;
	}
	config_check_keys(source, item, keys, ARRAY_LENGTH(keys));
	config_read_text(source, item, "replace", &sidecar.replace_suffix);
	config_read_text(source, item, "append", &sidecar.append_suffix);
	const char *suffix = sidecar.replace_suffix != NULL ? sidecar.replace_suffix : sidecar.append_suffix;
	if ((sidecar.replace_suffix == NULL) == (sidecar.append_suffix == NULL))
		config_refuse(source, item, "a sidecar needs one of replace and append; write { replace = \".json\"; }");
	else if (check_suffix(source, item, suffix)) {
		layout->sidecars[layout->sidecar_count++] = sidecar;
		return;
	}
	free(sidecar.replace_suffix);
	free(sidecar.append_suffix);
}

static void read_sidecars(struct config_source *source, const config_setting_t *in, struct layout *layout) {
	const config_setting_t *list = config_list(source, in, "sidecars");
	layout->sidecars = config_list_room(source, list, "sidecars", LAYOUT_SIDECARS_MAX, sizeof(*layout->sidecars));
	if (list == NULL || layout->sidecars == NULL)
		return;
	for (int i = 0; i < config_setting_length(list); i++)
		read_sidecar(source, config_setting_get_elem(list, (unsigned)i), layout);
}

static uint8_t read_preserve(struct config_source *source, const config_setting_t *in) {
	const config_setting_t *list = config_list(source, in, "preserve");
	unsigned bits = 0;
	if (list == NULL)
		return PRESERVE_REFLINK | PRESERVE_COPY;
	for (int i = 0; i < config_setting_length(list); i++) {
		const char *way = config_setting_get_string_elem(list, i);
		size_t bit;
		if (way != NULL && name_find(&preserve_names, way, &bit))
			bits |= 1U << bit;
		else
			config_refuse(source, list, "unknown way of preserving; write \"reflink\", \"link\" or \"copy\"");
	}
	if (bits == 0)
		config_refuse(source, list, "no way of preserving; write preserve = [ \"reflink\", \"copy\" ];");
	return (uint8_t)bits;
}

static unsigned parts_of(const struct layout *layout) {
	unsigned parts = 0;
	for (size_t i = 0; i < layout->pattern_count; i++)
		parts |= pattern_parts(layout->patterns[i].pattern);
	return parts;
}

/* What contradicts itself. */
static void check_layout(struct config_source *source, const config_setting_t *at, const struct layout *layout) {
	unsigned parts = parts_of(layout);
	if (layout->pattern_count == 0)
		config_refuse(source, at, "no patterns; write video = ( \"…\" ); and perhaps still and sound");
	else if (layout->clock == LAYOUT_CLOCK_EPOCH && !(parts & PATTERN_HAS_EPOCH))
		config_refuse(
		    source, at, "clock is epoch, but no pattern has %%s, %%{epoch_ms} or %%{epoch_us}; write clock = \"none\"");
	else if ((layout->clock == LAYOUT_CLOCK_UTC || layout->clock == LAYOUT_CLOCK_LOCAL) && !(parts & PATTERN_HAS_DATE))
		config_refuse(source, at, "clock is %s, but no pattern has a date; write clock = \"none\"",
		    layout_clock_names.names[layout->clock]);
	else if (layout->clock == LAYOUT_CLOCK_NONE && (parts & (PATTERN_HAS_DATE | PATTERN_HAS_EPOCH)))
		config_refuse(
		    source, at, "the patterns have a time, but clock is none; write clock = \"utc\", \"local\" or \"epoch\"");
	if (layout->finish == FINISH_SIDECAR && layout->finish_suffix == NULL)
		config_refuse(source, at, "finish is sidecar, but which? write finish_suffix = \".json\";");
}

static const char *const layout_keys[] = {"title", "clock", "timezone", "video", "still", "sound", "ignored", "shared",
    "sidecars", "group_is_folder", "finish", "idle_seconds", "finish_suffix", "slots", "preserve", "recorder_setting",
    "recorder_shows", "refused"};

static void read_layout(struct config_source *source, struct layout *layout) {
	const config_setting_t *in = config_root_setting(&source->config);
	config_check_keys(source, in, layout_keys, ARRAY_LENGTH(layout_keys));
	config_read_text(source, in, "title", &layout->title);
	config_read_text(source, in, "refused", &layout->refused);
	if (layout->title == NULL)
		config_refuse(source, in, "no title; write title = \"RECORDER 1.0 and later\";");
	if (layout->refused != NULL) {
		if (config_setting_length(in) > 2)
			config_refuse(source, in, "a refused layout has more keys; write only title and refused");
		return;
	}
	layout->clock = config_read_choice(source, in, "clock", &layout_clock_names, LAYOUT_CLOCK_NONE);
	config_set_text(source, &layout->timezone, layout->clock == LAYOUT_CLOCK_LOCAL ? "local" : "UTC");
	config_read_text(source, in, "timezone", &layout->timezone);
	read_segments(source, in, "video", SEGMENT_VIDEO, layout);
	read_segments(source, in, "still", SEGMENT_STILL, layout);
	read_segments(source, in, "sound", SEGMENT_SOUND, layout);
	read_patterns(source, in, "ignored", &layout->ignored, &layout->ignored_count);
	read_patterns(source, in, "shared", &layout->shared, &layout->shared_count);
	read_sidecars(source, in, layout);
	config_read_bool(source, in, "group_is_folder", &layout->group_is_folder);
	layout->finish = config_read_choice(source, in, "finish", &finish_names, FINISH_CLOSE);
	config_read_integer(source, in, "idle_seconds", idle_range, &layout->idle_seconds);
	config_read_text(source, in, "finish_suffix", &layout->finish_suffix);
	if (layout->finish_suffix != NULL)
		(void)check_suffix(source, config_setting_get_member(in, "finish_suffix"), layout->finish_suffix);
	config_read_bool(source, in, "slots", &layout->slots);
	layout->preserve = read_preserve(source, in);
	config_read_text(source, in, "recorder_setting", &layout->recorder_setting);
	config_read_text(source, in, "recorder_shows", &layout->recorder_shows);
	check_layout(source, in, layout);
}

/* "frigate" of "/usr/share/retention/layouts/frigate.conf"; NULL if the file is not named like a layout. */
static char *name_of(const char *path) {
	const char *slash = strrchr(path, '/');
	const char *file = slash == NULL ? path : slash + 1;
	size_t length = strlen(file);
	if (length <= 5 || strcmp(file + length - 5, ".conf") != 0)
		return NULL;
	char *name = strndup(file, length - 5);
	if (name != NULL && layout_name_is_sound(name))
		return name;
	free(name);
	return NULL;
}

static struct layout *layout_new(char *name) {
	struct layout *layout = calloc(1, sizeof(*layout));
	if (layout == NULL || name == NULL) {
		free(layout);
		free(name);
		return NULL;
	}
	layout->name = name;
	layout->idle_seconds = 60;
	return layout;
}

int layout_load(const char *path, struct layout **ret_layout, char *message, size_t room) {
	struct config_source source;
	char *name = name_of(path);
	if (name == NULL) {
		(void)snprintf(
		    message, room, "%s:1: not the name of a layout; write NAME.conf in small letters, digits and '-'", path);
		return -EINVAL;
	}
	int result = config_source_open(&source, path, message, room);
	if (result < 0) {
		free(name);
		return result;
	}
	struct layout *layout = layout_new(name);
	if (layout != NULL)
		read_layout(&source, layout);
	else
		source.no_memory = true;
	result = config_source_finish(&source);
	if (result < 0)
		layout_free(layout);
	else
		*ret_layout = layout;
	return result;
}

struct layout *layout_read_custom(struct config_source *source, const config_setting_t *root) {
	size_t refused = source->refused;
	struct layout *layout = layout_new(strdup("custom"));
	if (layout == NULL) {
		source->no_memory = true;
		return NULL;
	}
	config_set_text(source, &layout->title, "patterns of this configuration");
	if (config_setting_get_member(root, "patterns") == NULL) {
		config_refuse(source, root,
		    "a custom layout has no patterns; write patterns = ( \"%%{camera}/%%Y-%%m-%%d_%%H-%%M-%%S.mp4\" );");
		return layout_free(layout);
	}
	enum segment_kind kind = config_read_choice(source, root, "kind", &kind_names, SEGMENT_VIDEO);
	read_segments(source, root, "patterns", kind, layout);
	layout->finish = config_read_choice(source, root, "finish", &finish_names, FINISH_CLOSE);
	if (layout->finish == FINISH_SIDECAR)
		config_refuse(source, config_setting_get_member(root, "finish"),
		    "a custom layout has no sidecars; write finish = \"close\", or a layout file of your own");
	config_read_integer(source, root, "idle_seconds", idle_range, &layout->idle_seconds);
	unsigned parts = parts_of(layout);
	if (parts & PATTERN_HAS_DATE)
		layout->clock = LAYOUT_CLOCK_LOCAL;
	else if (parts & PATTERN_HAS_EPOCH)
		layout->clock = LAYOUT_CLOCK_EPOCH;
	config_set_text(source, &layout->timezone, layout->clock == LAYOUT_CLOCK_LOCAL ? "local" : "UTC");
	layout->preserve = PRESERVE_REFLINK | PRESERVE_COPY;
	if (layout->pattern_count == 0 && source->refused == refused)
		config_refuse(source, root, "the list of patterns is empty; write at least one");
	return source->refused == refused && !source->no_memory ? layout : layout_free(layout);
}

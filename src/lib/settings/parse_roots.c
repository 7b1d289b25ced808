/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where footage lies: `roots`. */
#include "settings/parse.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/zone.h"
#include "settings/layout_parse.h"

enum { LAYOUT_FILES_MAX = 256 };

static bool name_is_sound(const char *name) {
	size_t length = strlen(name);
	return length > 0 && length <= 64 && name[0] != '.' && name[0] != '-' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == length;
}

/* Refuses a layout that does not exist, and says which was meant. */
static void refuse_unknown_layout(
    struct config_source *source, const config_setting_t *at, const char *folder, const char *name) {
	char *names[LAYOUT_FILES_MAX];
	size_t count = 0;
	DIR *directory = opendir(folder);
	for (struct dirent *entry; directory != NULL && count < LAYOUT_FILES_MAX && (entry = readdir(directory)) != NULL;) {
		size_t length = strlen(entry->d_name);
		if (length <= 5 || strcmp(entry->d_name + length - 5, ".conf") != 0)
			continue;
		names[count] = strndup(entry->d_name, length - 5);
		if (names[count] != NULL)
			count++;
	}
	if (directory != NULL)
		(void)closedir(directory);
	const char *nearest = name_nearest((const char *const *)names, count, name);
	if (count == 0)
		config_refuse(
		    source, at, "there are no layouts in %s; write layouts_dir = \"the folder of the layouts\";", folder);
	else if (nearest != NULL)
		config_refuse(source, at, "there is no layout '%s'; write layout = \"%s\";", name, nearest);
	else
		config_refuse(
		    source, at, "there is no layout '%s' in %s; write one of its names, \"any\" or \"custom\"", name, folder);
	while (count > 0)
		free(names[--count]);
}

static struct layout *load_named(
    struct config_source *source, const config_setting_t *at, const char *folder, const char *name) {
	char path[PATH_MAX], message[2048];
	struct layout *layout = NULL;
	int length = snprintf(path, sizeof(path), "%s/%s.conf", folder, name);
	if (!layout_name_is_sound(name) || length < 0 || (size_t)length >= sizeof(path)) {
		config_refuse(
		    source, at, "\"%s\" is not the name of a layout; write one in small letters, such as \"frigate\"", name);
		return NULL;
	}
	int result = layout_load(path, &layout, message, sizeof(message));
	if (result == -ENOENT) {
		refuse_unknown_layout(source, at, folder, name);
		return NULL;
	}
	if (result < 0) {
		config_refuse_line(source, message);
		return NULL;
	}
	if (layout->refused == NULL)
		return layout;
	config_refuse(source, at, "layout '%s' is refused: %s", name, layout->refused);
	return layout_free(layout);
}

static void read_layout(
    struct config_source *source, const config_setting_t *in, const char *folder, struct root_settings *root) {
	static const char *const custom_keys[] = {"patterns", "kind", "finish", "idle_seconds"};
	char *name = NULL;
	const config_setting_t *at = config_setting_get_member(in, "layout");
	config_read_text(source, in, "layout", &name);
	if (at == NULL)
		config_refuse(source, in,
		    "a root without layout; write layout = \"frigate\"; (retentionctl doctor --scan %s finds the name)",
		    root->path == NULL ? "PATH" : root->path);
	if (name == NULL)
		return;
	if (strcmp(name, "custom") == 0) {
		root->layout = layout_read_custom(source, in);
	} else {
		for (size_t i = 0; i < ARRAY_LENGTH(custom_keys); i++)
			if (config_setting_get_member(in, custom_keys[i]) != NULL)
				config_refuse(source, config_setting_get_member(in, custom_keys[i]),
				    "'%s' is for layout = \"custom\" only; write that, or leave it out", custom_keys[i]);
		root->layout = load_named(source, at, folder, name);
	}
	free(name);
}

static void read_timezone(struct config_source *source, const config_setting_t *in, struct root_settings *root) {
	const config_setting_t *at = config_setting_get_member(in, "timezone");
	struct zone *zone = NULL;
	config_set_text(source, &root->timezone, root->layout == NULL ? "UTC" : root->layout->timezone);
	config_read_text(source, in, "timezone", &root->timezone);
	if (root->timezone == NULL)
		return;
	bool asks_system = strcmp(root->timezone, "local") == 0;
	if (asks_system) {
		char *name = system_timezone();
		source->no_memory |= name == NULL;
		free(root->timezone);
		root->timezone = name;
	}
	int result = root->timezone == NULL ? -ENOMEM : zone_load(root->timezone, &zone);
	zone_free(zone);
	if (result == -ENOENT && asks_system)
		config_refuse(source, in,
		    "the system's time zone '%s' is not in its zone database; write timezone = \"Europe/Brussels\"; or "
		    "the like",
		    root->timezone);
	else if (result < 0)
		config_refuse(source, at == NULL ? in : at,
		    "time zone '%s' is not known; write a name such as \"Europe/Brussels\", \"UTC\" or \"local\"",
		    root->timezone);
}

/* A path that names footage: absolute, plain, and no symbolic link, which could be turned elsewhere later. */
static void read_path(struct config_source *source, const config_setting_t *in, const char *key, char **value) {
	config_read_text(source, in, key, value);
	path_check(source, in, key, *value);
}

static void root_release(struct root_settings *root) {
	free(root->name);
	free(root->path);
	free(root->vault);
	free(root->timezone);
	layout_free(root->layout);
	accessors_release(root->recorders, root->recorder_count);
}

static void read_root(struct config_source *source, const config_setting_t *in, struct settings *settings) {
	static const char *const keys[] = {"name", "path", "layout", "timezone", "mode", "vault", "foreign",
	    "allow_system_volume", "recorder", "patterns", "kind", "finish", "idle_seconds"};
	struct root_settings *root = &settings->roots[settings->root_count];
	size_t refused = source->refused;
	if (!config_setting_is_group(in)) {
		config_refuse(
		    source, in, "a root is not a group; write { name = \"NAME\"; path = \"/media/…\"; layout = \"…\"; }");
		return;
	}
	*root = (struct root_settings){.line = config_line(in)};
	config_check_keys(source, in, keys, ARRAY_LENGTH(keys));
	config_read_text(source, in, "name", &root->name);
	if (root->name == NULL && source->refused == refused)
		config_refuse(source, in, "a root without name; write name = \"NAME\";");
	else if (root->name != NULL && !name_is_sound(root->name))
		config_refuse(source, config_setting_get_member(in, "name"),
		    "'%s' cannot name a root; write up to 64 letters, digits, '.', '_' and '-'", root->name);
	for (size_t i = 0; root->name != NULL && i < settings->root_count; i++)
		if (strcmp(settings->roots[i].name, root->name) == 0)
			config_refuse(source, config_setting_get_member(in, "name"),
			    "two roots are named '%s'; write another name for one", root->name);
	if (config_setting_get_member(in, "path") == NULL)
		config_refuse(source, in, "a root without path; write path = \"/media/…\";");
	read_path(source, in, "path", &root->path);
	read_path(source, in, "vault", &root->vault);
	read_layout(source, in, settings->layouts_dir, root);
	read_timezone(source, in, root);
	root->mode = config_read_choice(source, in, "mode", &mode_names, ROOT_OBSERVE);
	root->foreign = config_read_choice(source, in, "foreign", &foreign_names, FOREIGN_KEEP);
	config_read_bool(source, in, "allow_system_volume", &root->allow_system_volume);
	recorders_read(source, in, root);
	if (root->name == NULL || root->path == NULL)
		root_release(root);
	else
		settings->root_count++;
}

void roots_read(struct config_source *source, struct settings *settings) {
	const config_setting_t *top = config_root_setting(&source->config);
	const config_setting_t *list = config_list(source, top, "roots");
	if (config_setting_get_member(top, "roots") == NULL)
		config_refuse(
		    source, top, "no roots; write roots = ( { name = \"NAME\"; path = \"/media/…\"; layout = \"…\"; } );");
	settings->roots = config_list_room(source, list, "roots", ROOTS_MAX, sizeof(*settings->roots));
	if (list == NULL || settings->roots == NULL)
		return;
	for (int i = 0; i < config_setting_length(list); i++)
		read_root(source, config_setting_get_elem(list, (unsigned)i), settings);
}

/* Refuses `path` (or NULL) of root `at`, or of the file where there is no such root, where it lies in another root or a
 * vault. */
static void check_within(
    struct config_source *source, const struct settings *settings, size_t at, const char *what, const char *path) {
	if (path == NULL)
		return;
	const config_setting_t *list = config_setting_get_member(config_root_setting(&source->config), "roots");
	const config_setting_t *setting = NULL;
	for (int i = 0; at < settings->root_count && i < config_setting_length(list); i++)
		if (config_line(config_setting_get_elem(list, (unsigned)i)) == settings->roots[at].line)
			setting = config_setting_get_elem(list, (unsigned)i);
	if (setting == NULL)
		setting = config_setting_get_member(config_root_setting(&source->config), what);
	bool is_vault = at < settings->root_count && path == settings->roots[at].vault;
	for (size_t i = 0; i < settings->root_count; i++) {
		const struct root_settings *other = &settings->roots[i];
		bool same = path == other->path;
		/* Equal paths of two roots are told once, by the later one. */
		bool told = at < settings->root_count && !is_vault && i > at && strcmp(path, other->path) == 0;
		if (!same && !told && path_is_within(path, other->path))
			config_refuse(source, setting, "'%s' %s lies inside root '%s' (%s); write a path outside of it", what, path,
			    other->name, other->path);
		bool shared = is_vault && other->vault != NULL && strcmp(path, other->vault) == 0;
		if (other->vault != NULL && !shared && path_is_within(path, other->vault))
			config_refuse(source, setting,
			    "'%s' %s lies inside the vault of root '%s' (%s); write a path outside of it", what, path, other->name,
			    other->vault);
	}
}

void roots_check_paths(struct config_source *source, const struct settings *settings) {
	if (source->no_memory)
		return;
	for (size_t i = 0; i < settings->root_count; i++) {
		check_within(source, settings, i, "path", settings->roots[i].path);
		check_within(source, settings, i, "vault", settings->roots[i].vault);
	}
	check_within(source, settings, SIZE_MAX, "state_dir", settings->state_dir);
	check_within(source, settings, SIZE_MAX, "run_dir", settings->run_dir);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "settings/config_source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "settings/settings.h"

enum { LINE_MAX_BYTES = 1024, LEFT_OUT_BYTES = 40 };

void config_refuse_line(struct config_source *source, const char *line) {
	size_t length = strlen(line);
	source->refused++;
	size_t separator = source->used > 0;
	if (source->room < LEFT_OUT_BYTES || source->used + separator + length + LEFT_OUT_BYTES > source->room) {
		source->left_out++;
		return;
	}
	if (separator)
		source->message[source->used++] = '\n';
	for (size_t i = 0; i < length; i++) {
		unsigned char byte = (unsigned char)line[i];
		source->message[source->used++] = (byte < ' ' && byte != '\n') || byte == 0x7f ? '?' : line[i];
	}
	source->message[source->used] = '\0';
}

unsigned config_line(const config_setting_t *at) {
	return at == NULL ? 0 : config_setting_source_line(at);
}

void config_refuse(struct config_source *source, const config_setting_t *at, const char *format, ...) {
	char line[LINE_MAX_BYTES];
	const char *file = at == NULL ? NULL : config_setting_source_file(at);
	unsigned number = config_line(at);
	int used = snprintf(line, sizeof(line), "%s:%u: ", file == NULL ? source->path : file, number == 0 ? 1 : number);
	if (used < 0 || (size_t)used >= sizeof(line))
		used = 0;
	va_list arguments;
	va_start(arguments, format);
	(void)vsnprintf(line + used, sizeof(line) - (size_t)used, format, arguments);
	va_end(arguments);
	for (char *newline = line; (newline = strchr(newline, '\n')) != NULL;)
		*newline = '?';
	config_refuse_line(source, line);
}

/* Opens what is a plain file of a sane size. */
static int open_plain(const char *path, FILE **ret_file, const char **ret_reason) {
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat facts;
	*ret_reason = NULL;
	if (fd < 0 || fstat(fd, &facts) < 0) {
		int error = errno;
		descriptor_close(&fd);
		return -error;
	}
	if (!S_ISREG(facts.st_mode) || facts.st_size > SETTINGS_BYTES_MAX) {
		descriptor_close(&fd);
		*ret_reason = S_ISREG(facts.st_mode) ? "is larger than 1 MiB" : "is not a plain file";
		return -EINVAL;
	}
	*ret_file = fdopen(fd, "r");
	if (*ret_file != NULL)
		return 0;
	int error = errno;
	descriptor_close(&fd);
	return -error;
}

static void describe_syntax(const struct config_source *source, char *message, size_t room) {
	const char *file = config_error_file(&source->config);
	const char *text = config_error_text(&source->config);
	int line = config_error_line(&source->config);
	const char *help = "write KEY = VALUE; with texts in double quotes, groups in { }, lists in ( )";
	if (text != NULL && strstr(text, "duplicate") != NULL)
		help = "write each key once";
	(void)snprintf(message, room, "%s:%d: %s; %s", file == NULL ? source->path : file, line < 1 ? 1 : line,
	    text == NULL ? "syntax error" : text, help);
}

int config_source_open(struct config_source *source, const char *path, char *message, size_t room) {
	FILE *file = NULL;
	const char *reason;
	if (room > 0)
		message[0] = '\0';
	int result = open_plain(path, &file, &reason);
	if (result < 0) {
		(void)snprintf(message, room, "%s: %s; write the path of a readable configuration file", path,
		    reason != NULL ? reason : strerror(-result));
		return result;
	}
	*source = (struct config_source){.path = path, .message = message, .room = room};
	config_init(&source->config);
	bool good = config_read(&source->config, file) == CONFIG_TRUE;
	(void)fclose(file);
	if (good)
		return 0;
	describe_syntax(source, message, room);
	config_destroy(&source->config);
	return -EINVAL;
}

int config_source_finish(struct config_source *source) {
	if (source->left_out > 0)
		(void)snprintf(source->message + source->used, source->room - source->used, "%s… and %zu more",
		    source->used > 0 ? "\n" : "", source->left_out);
	config_destroy(&source->config);
	if (source->no_memory) {
		(void)snprintf(source->message, source->room, "%s: out of memory", source->path);
		return -ENOMEM;
	}
	return source->refused > 0 ? -EINVAL : 0;
}

void config_check_keys(
    struct config_source *source, const config_setting_t *group, const char *const *keys, size_t count) {
	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *setting = config_setting_get_elem(group, (unsigned)i);
		const char *name = config_setting_name(setting);
		bool known = false;
		for (size_t k = 0; k < count && !known; k++)
			known = strcmp(keys[k], name) == 0;
		if (known)
			continue;
		const char *nearest = name_nearest(keys, count, name);
		if (nearest != NULL)
			config_refuse(source, setting, "unknown key '%s'; write %s instead", name, nearest);
		else
			config_refuse(source, setting, "unknown key '%s'; remove it, or see retention.conf(5) for the keys", name);
	}
}

config_setting_t *config_group(struct config_source *source, const config_setting_t *in, const char *key) {
	config_setting_t *setting = config_setting_get_member(in, key);
	if (setting == NULL || config_setting_is_group(setting))
		return setting;
	config_refuse(source, setting, "'%s' is not a group; write %s = { KEY = VALUE; };", key, key);
	return NULL;
}

config_setting_t *config_list(struct config_source *source, const config_setting_t *in, const char *key) {
	config_setting_t *setting = config_setting_get_member(in, key);
	if (setting == NULL || config_setting_is_list(setting) || config_setting_is_array(setting))
		return setting;
	config_refuse(source, setting, "'%s' is not a list; write %s = ( … );", key, key);
	return NULL;
}

void *config_list_room(
    struct config_source *source, const config_setting_t *list, const char *what, int most, size_t item_bytes) {
	int length = list == NULL ? 0 : config_setting_length(list);
	if (length > most) {
		config_refuse(source, list, "too many %s; write at most %d", what, most);
		return NULL;
	}
	void *room = calloc((size_t)length + 1, item_bytes);
	source->no_memory |= room == NULL;
	return room;
}

void config_set_text(struct config_source *source, char **value, const char *text) {
	char *copy = strdup(text);
	if (copy == NULL) {
		source->no_memory = true;
		return;
	}
	free(*value);
	*value = copy;
}

/* The text of a setting; NULL if it is none or has control characters (refused). */
static const char *text_value(struct config_source *source, const config_setting_t *setting, const char *example) {
	const char *name = config_setting_name(setting);
	const char *text = config_setting_get_string(setting);
	if (config_setting_type(setting) != CONFIG_TYPE_STRING || text == NULL) {
		config_refuse(source, setting, "'%s' is not a text; write %s = \"%s\";", name, name, example);
		return NULL;
	}
	for (const char *at = text; *at != '\0'; at++) {
		if ((unsigned char)*at < ' ' || *at == 0x7f) {
			config_refuse(source, setting, "'%s' has a control character; write it without", name);
			return NULL;
		}
	}
	return text;
}

void config_read_text(struct config_source *source, const config_setting_t *in, const char *key, char **value) {
	const config_setting_t *setting = config_setting_get_member(in, key);
	const char *text = setting == NULL ? NULL : text_value(source, setting, "…");
	if (text != NULL)
		config_set_text(source, value, text);
}

void config_read_bool(struct config_source *source, const config_setting_t *in, const char *key, bool *value) {
	const config_setting_t *setting = config_setting_get_member(in, key);
	if (setting == NULL)
		return;
	if (config_setting_type(setting) == CONFIG_TYPE_BOOL)
		*value = config_setting_get_bool(setting) == CONFIG_TRUE;
	else
		config_refuse(
		    source, setting, "'%s' is neither true nor false; write %s = true; or %s = false;", key, key, key);
}

void config_read_integer(struct config_source *source, const config_setting_t *in, const char *key,
    const uint32_t range[2], uint32_t *value) {
	const config_setting_t *setting = config_setting_get_member(in, key);
	if (setting == NULL)
		return;
	int type = config_setting_type(setting);
	bool whole = type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64;
	long long number = whole ? config_setting_get_int64(setting) : 0;
	if (type == CONFIG_TYPE_INT)
		number = config_setting_get_int(setting);
	if (whole && number >= range[0] && number <= range[1])
		*value = (uint32_t)number;
	else
		config_refuse(source, setting, "'%s' is not a whole number from %u to %u; write %s = %u;", key, range[0],
		    range[1], key, *value);
}

unsigned config_read_choice(struct config_source *source, const config_setting_t *in, const char *key,
    const struct name_table *table, unsigned value) {
	const config_setting_t *setting = config_setting_get_member(in, key);
	const char *text = setting == NULL ? NULL : text_value(source, setting, table->names[value]);
	size_t index;
	if (text == NULL)
		return value;
	if (name_find(table, text, &index))
		return (unsigned)index;
	char words[128] = "";
	for (size_t i = 0, used = 0; i < table->count && used < sizeof(words); i++) {
		int more = snprintf(words + used, sizeof(words) - used, "%s%s",
		    i == 0                 ? ""
		    : i + 1 < table->count ? ", "
		                           : " or ",
		    table->names[i]);
		used += more > 0 ? (size_t)more : 0;
	}
	config_refuse(source, setting, "'%s' cannot be \"%s\"; write one of %s", key, text, words);
	return value;
}

bool config_read_duration(
    struct config_source *source, const config_setting_t *in, const char *key, struct duration *value) {
	const config_setting_t *setting = config_setting_get_member(in, key);
	char example[64];
	if (setting == NULL)
		return false;
	if (duration_is_zero(value))
		(void)snprintf(example, sizeof(example), "P30D");
	else
		duration_format(value, example, sizeof(example));
	const char *text = text_value(source, setting, example);
	if (text == NULL)
		return false;
	if (duration_parse(text, value))
		return true;
	config_refuse(source, setting, "'%s' is not a duration: \"%s\"; write one in ISO 8601, such as %s = \"%s\";", key,
	    text, key, example);
	return false;
}

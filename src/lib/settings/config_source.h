/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A libconfig file that is being read: typed access to its keys, and a line for each thing wrong.
 * Private to this folder; the only header that includes libconfig's.
 *
 * A config_read_… leaves *value as it is where the key is absent, and where it is wrong (then it has
 * been refused). The caller reads everything and asks config_source_finish() once.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libconfig.h>

#include "base/attributes.h"
#include "base/duration.h"
#include "settings/names.h"

struct config_source {
	config_t config;
	const char *path;
	char *message; /* lines of "FILE:LINE: what is wrong; write …" */
	size_t room;
	size_t used;
	size_t refused; /* things wrong, whether or not their lines fitted */
	size_t left_out;
	bool no_memory;
};

/* Reads the file. 0, or a negative errno with the reason in `message`; then there is nothing to close. */
MUST_USE int config_source_open(struct config_source *source, const char *path, char *message, size_t room);
/* Frees the file. 0, or -EINVAL if something was refused, or -ENOMEM. */
MUST_USE int config_source_finish(struct config_source *source);

/* Notes one thing wrong, at the line of `at`. */
void config_refuse(struct config_source *source, const config_setting_t *at, const char *format, ...) PRINTF_LIKE(3, 4);
/* The same for a line that is already complete ("FILE:LINE: …"). */
void config_refuse_line(struct config_source *source, const char *line);

/* The line at which `at` stands. */
unsigned config_line(const config_setting_t *at);

/* Refuses every key of `group` that is not among `keys`. */
void config_check_keys(
    struct config_source *source, const config_setting_t *group, const char *const *keys, size_t count);

/* The group or list of that name, or NULL (absent, or refused). */
config_setting_t *config_group(struct config_source *source, const config_setting_t *in, const char *key);
config_setting_t *config_list(struct config_source *source, const config_setting_t *in, const char *key);
/* Zeroed room for what a list has, and one more; the caller frees it. The list may be NULL: it is empty. NULL where it
 * has more than `most` (refused, as `what`) or memory is short. */
void *config_list_room(
    struct config_source *source, const config_setting_t *list, const char *what, int most, size_t item_bytes);

/* Frees and replaces *value; texts have no control characters. */
void config_read_text(struct config_source *source, const config_setting_t *in, const char *key, char **value);
void config_set_text(struct config_source *source, char **value, const char *text);
void config_read_bool(struct config_source *source, const config_setting_t *in, const char *key, bool *value);
void config_read_integer(struct config_source *source, const config_setting_t *in, const char *key,
    const uint32_t range[2], uint32_t *value);
/* The table's index of the word; `value` has the index by default. */
unsigned config_read_choice(struct config_source *source, const config_setting_t *in, const char *key,
    const struct name_table *table, unsigned value);
/* True if the key is there and right. */
bool config_read_duration(
    struct config_source *source, const config_setting_t *in, const char *key, struct duration *value);

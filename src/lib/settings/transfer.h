/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Texts and durations on the way to the processes. Private to this folder. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/duration.h"

/* NULL is kept as NULL. */
void transfer_put_string(struct byte_writer *writer, const char *string);
/* A copy to free, NULL for NULL, and NULL with `failed` set for what does not fit, has a NUL, or is missing though
 * `needed`. */
char *transfer_get_string(struct byte_reader *reader, bool needed);

void transfer_put_duration(struct byte_writer *writer, const struct duration *duration);
void transfer_get_duration(struct byte_reader *reader, struct duration *ret_duration);

/* 0 or 1; else failed. */
bool transfer_get_bool(struct byte_reader *reader);
/* Less than `count`; else failed, and 0. */
unsigned transfer_get_enum(struct byte_reader *reader, size_t count);
/* 0 to `most`; else failed, and 0. */
uint32_t transfer_get_count(struct byte_reader *reader, uint32_t most);

/* What names programs, and `publish` (transfer_access.c). Getting allocates; the settings' own free covers a failure.
 */
struct accessor_settings;
struct settings;
void accessors_put(struct byte_writer *writer, const struct accessor_settings *list, size_t count);
void accessors_get(struct byte_reader *reader, struct accessor_settings **ret_list, size_t *ret_count);
void publish_put(struct byte_writer *writer, const struct settings *settings);
void publish_get(struct byte_reader *reader, struct settings *settings);

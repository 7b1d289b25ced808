/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The small text files of /proc: reading them whole, finding a line, reading numbers. No allocation, no streams. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attributes.h"

/* From the start of the file, as much as fits; ended by a zero byte. The length, or a negative errno. */
MUST_USE ssize_t text_read(int fd, char *text, size_t room);
/* What follows `name` at the start of a line; NULL if there is none. */
const char *text_line(const char *text, const char *name);
/*
 * Reads `count` decimal numbers that blanks separate; a negative one is 2^64 less itself. False, and the rest
 * untouched, where there are fewer. `text` may be NULL.
 */
MUST_USE bool text_numbers(const char *text, uint64_t *ret_numbers, size_t count);
/* Copies at most room - 1 bytes and ends them. */
void text_cut(char *to, size_t room, const char *from, size_t length);
/* The last component of a path. */
const char *text_base(const char *path);

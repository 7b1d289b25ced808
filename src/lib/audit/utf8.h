/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is valid UTF-8 (RFC 3629): names of files are bytes, notes and JSON are text. NUL counts as not valid: readers
 * of JSON refuse it. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Length of the valid character at the start of the bytes, 1 to 4, its number in ret_code (may be NULL); 0 if there is
 * none. */
size_t utf8_character(const char *bytes, size_t length, uint32_t *ret_code);
/* Length of the longest valid start of the bytes; equal to `length` if all is valid. */
size_t utf8_valid_length(const char *bytes, size_t length);

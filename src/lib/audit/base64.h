/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Strict base64 (RFC 4648, 4). libsodium 1.0.18 alone takes any byte of 0x80 and more for a '/', which would let one
 * signature be written in many ways. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/bytes.h"

enum base64_form { BASE64_PADDED, BASE64_BARE };

/* False unless the whole text is the one base64 form of at most `room` bytes. */
MUST_USE bool base64_read(struct text from, enum base64_form form, void *bytes, size_t room, size_t *ret_length);

/* The padded form with its NUL, which takes BASE64_ROOM(length) bytes. */
#define BASE64_ROOM(length) (((length) + 2) / 3 * 4 + 1)
void base64_write(const void *bytes, size_t length, char *text);

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/base64.h"

#include <sodium.h>

bool base64_read(struct text from, enum base64_form form, void *bytes, size_t room, size_t *ret_length) {
	for (size_t i = 0; i < from.length; i++)
		if ((uint8_t)from.data[i] >= 0x80)
			return false;
	const char *end = NULL;
	int variant = form == BASE64_PADDED ? sodium_base64_VARIANT_ORIGINAL : sodium_base64_VARIANT_ORIGINAL_NO_PADDING;
	return sodium_base642bin(bytes, room, from.data, from.length, NULL, ret_length, &end, variant) == 0 &&
	       end == from.data + from.length;
}

void base64_write(const void *bytes, size_t length, char *text) {
	(void)sodium_bin2base64(text, BASE64_ROOM(length), bytes, length, sodium_base64_VARIANT_ORIGINAL);
}

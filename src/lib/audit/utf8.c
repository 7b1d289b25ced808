/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/utf8.h"

size_t utf8_character(const char *bytes, size_t length, uint32_t *ret_code) {
	if (length == 0 || bytes[0] == '\0')
		return 0;
	const uint8_t *at = (const uint8_t *)bytes;
	size_t count = at[0] < 0x80 ? 1 : at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
	if ((at[0] >= 0x80 && at[0] < 0xc2) || at[0] > 0xf4 || count > length)
		return 0;
	uint32_t code = count == 1 ? at[0] : at[0] & (0x7fU >> count);
	for (size_t i = 1; i < count; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (at[i] & 0x3f);
	}
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	if (code < least[count] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	if (ret_code != NULL)
		*ret_code = code;
	return count;
}

size_t utf8_valid_length(const char *bytes, size_t length) {
	size_t valid = 0;
	while (valid < length) {
		size_t count = utf8_character(bytes + valid, length - valid, NULL);
		if (count == 0)
			break;
		valid += count;
	}
	return valid;
}

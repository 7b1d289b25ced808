/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ISO/IEC 10918-1 annex B (JPEG), PNG second edition 11.2.2, RFC 9649 (WebP). */
#include "media/still.h"

#include <string.h>

enum { JPEG_SEGMENTS_MAX = 256 };

static uint32_t big_endian_16(const uint8_t *bytes) {
	return (uint32_t)bytes[0] << 8 | bytes[1];
}

static uint32_t big_endian_32(const uint8_t *bytes) {
	return big_endian_16(bytes) << 16 | big_endian_16(bytes + 2);
}

static uint32_t little_endian_24(const uint8_t *bytes) {
	return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16;
}

/* The last bytes of the file hold this mark; cameras pad their pictures, so not only the very last are looked at. */
static bool ends_with(struct view *view, const char *mark, size_t length) {
	uint8_t tail[64];
	int64_t start = view->file_bytes < (int64_t)sizeof tail ? 0 : view->file_bytes - (int64_t)sizeof tail;
	int64_t got = view_pread(view, tail, sizeof tail, start);
	return got > 0 && memmem(tail, (size_t)got, mark, length) != NULL;
}

static bool jpeg_read(struct view *view, struct still *ret_still) {
	int64_t at = 2;
	for (int i = 0; i < JPEG_SEGMENTS_MAX; i++) {
		uint8_t bytes[9];
		if (view_pread(view, bytes, sizeof bytes, at) != (int64_t)sizeof bytes || bytes[0] != 0xff)
			return false;
		uint8_t marker = bytes[1];
		bool frame = marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
		if (frame) {
			*ret_still = (struct still){.width = big_endian_16(bytes + 7), .height = big_endian_16(bytes + 5)};
			ret_still->truncated = !ends_with(view, "\xff\xd9", 2);
			return true;
		}
		if (marker == 0xff)
			at += 1; /* fill byte */
		else if (marker == 0x01 || (marker >= 0xd0 && marker <= 0xd7))
			at += 2;
		else if (marker == 0xd9 || marker == 0xda)
			return false;
		else
			at += 2 + (int64_t)big_endian_16(bytes + 2);
	}
	return false;
}

static bool png_read(struct view *view, struct still *ret_still) {
	uint8_t bytes[24];
	if (view_pread(view, bytes, sizeof bytes, 0) != (int64_t)sizeof bytes || memcmp(bytes + 12, "IHDR", 4) != 0)
		return false;
	*ret_still = (struct still){.width = big_endian_32(bytes + 16), .height = big_endian_32(bytes + 20)};
	ret_still->truncated = !ends_with(view, "IEND", 4);
	return true;
}

static bool webp_read(struct view *view, struct still *ret_still) {
	uint8_t bytes[30];
	if (view_pread(view, bytes, sizeof bytes, 0) != (int64_t)sizeof bytes)
		return false;
	struct still still = {0};
	if (memcmp(bytes + 12, "VP8X", 4) == 0) {
		still.width = little_endian_24(bytes + 24) + 1;
		still.height = little_endian_24(bytes + 27) + 1;
	} else if (memcmp(bytes + 12, "VP8L", 4) == 0) {
		uint32_t bits = little_endian_24(bytes + 21) | (uint32_t)bytes[24] << 24;
		still.width = (bits & 0x3fff) + 1;
		still.height = (bits >> 14 & 0x3fff) + 1;
	} else if (memcmp(bytes + 12, "VP8 ", 4) == 0) {
		still.width = ((uint32_t)bytes[26] | (uint32_t)bytes[27] << 8) & 0x3fff;
		still.height = (((uint32_t)bytes[28] | (uint32_t)bytes[29] << 8) & 0x3fff);
	} else {
		return false;
	}
	uint64_t riff_bytes = little_endian_24(bytes + 4) | (uint64_t)bytes[7] << 24;
	still.truncated = riff_bytes + 8 > (uint64_t)view->file_bytes;
	*ret_still = still;
	return true;
}

bool still_read(struct view *view, const char *codec, struct still *ret_still) {
	struct still still;
	bool read = false;
	if (strcmp(codec, "mjpeg") == 0)
		read = jpeg_read(view, &still);
	else if (strcmp(codec, "png") == 0)
		read = png_read(view, &still);
	else if (strcmp(codec, "webp") == 0)
		read = webp_read(view, &still);
	if (!read || still.width == 0 || still.height == 0)
		return false;
	*ret_still = still;
	return true;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "media/container.h"

#include <stdbool.h>
#include <string.h>

#include "base/attributes.h"

/* A row matches where `magic` stands at `offset`, and `more` (if any) at `more_offset`. */
struct magic_row {
	struct container container;
	size_t offset;
	const char *magic;
	size_t more_offset;
	const char *more;
};

#define MP4(box) \
	{ {CONTAINER_MP4, "mp4", "mov"}, 4, box, 0, NULL }

static const struct magic_row magic_rows[] = {
    MP4("ftyp"),
    MP4("moov"),
    MP4("moof"),
    MP4("mdat"),
    MP4("styp"),
    MP4("sidx"),
    MP4("free"),
    MP4("skip"),
    MP4("wide"),
    {{CONTAINER_MATROSKA, "matroska", "matroska"}, 0, "\x1a\x45\xdf\xa3", 0, NULL},
    {{CONTAINER_VIDEO, "avi", "avi"}, 0, "RIFF", 8, "AVI "},
    {{CONTAINER_VIDEO, "flv", "flv"}, 0, "FLV\x01", 0, NULL},
    {{CONTAINER_SOUND, "wav", "wav"}, 0, "RIFF", 8, "WAVE"},
    {{CONTAINER_SOUND, "wav", "wav"}, 0, "RF64", 8, "WAVE"},
    {{CONTAINER_SOUND, "ogg", "ogg"}, 0, "OggS", 0, NULL},
    {{CONTAINER_SOUND, "flac", "flac"}, 0, "fLaC", 0, NULL},
    {{CONTAINER_SOUND, "mp3", "mp3"}, 0, "ID3", 0, NULL},
    {{CONTAINER_STILL, "jpeg", "mjpeg"}, 0, "\xff\xd8\xff", 0, NULL},
    {{CONTAINER_STILL, "png", "png"}, 0, "\x89PNG\r\n\x1a\n", 0, NULL},
    {{CONTAINER_STILL, "webp", "webp"}, 0, "RIFF", 8, "WEBP"},
};

static const struct container unknown = {CONTAINER_UNKNOWN, "", ""};
static const struct container mpegts = {CONTAINER_MPEGTS, "mpegts", "mpegts"};
static const struct container aac = {CONTAINER_SOUND, "aac", "aac"};
static const struct container mp3 = {CONTAINER_SOUND, "mp3", "mp3"};

static bool stands_at(const uint8_t *head, size_t length, size_t offset, const char *magic) {
	size_t bytes = strlen(magic);
	return offset + bytes <= length && memcmp(head + offset, magic, bytes) == 0;
}

/* Packets of 188 bytes, or 192 with a time stamp before each; a recording may begin within a packet. */
static bool is_mpegts(const uint8_t *head, size_t length) {
	static const size_t strides[] = {188, 192};
	for (size_t s = 0; s < ARRAY_LENGTH(strides); s++)
		for (size_t first = 0; first < strides[s]; first++) {
			size_t packets = 0;
			size_t at = first;
			while (at < length && head[at] == 0x47) {
				at += strides[s];
				packets++;
			}
			/* Eight in a row by chance: once in 2^64. A file that is shorter must fit to its end. */
			if (packets >= 8 || (packets >= 1 && first == 0 && at >= length && strides[s] == 188))
				return true;
		}
	return false;
}

const struct container *container_recognise(const uint8_t *head, size_t length, struct text suffix) {
	for (size_t i = 0; i < ARRAY_LENGTH(magic_rows); i++) {
		const struct magic_row *row = &magic_rows[i];
		if (stands_at(head, length, row->offset, row->magic) &&
		    (row->more == NULL || stands_at(head, length, row->more_offset, row->more)))
			return &row->container;
	}
	if (is_mpegts(head, length))
		return &mpegts;
	/* The frame sync of bare sound is eleven or twelve bits: too little to believe without the name. */
	if (length >= 2 && head[0] == 0xff && (head[1] & 0xf6) == 0xf0 && text_equal(suffix, text_of("aac")))
		return &aac;
	if (length >= 2 && head[0] == 0xff && (head[1] & 0xe0) == 0xe0 && text_equal(suffix, text_of("mp3")))
		return &mp3;
	return &unknown;
}

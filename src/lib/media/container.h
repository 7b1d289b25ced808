/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which container a file is, from its first bytes. Only what this table knows is ever handed to
 * libavformat, with its demuxer named: libavformat's own guessing would try all of its hundreds.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

enum container_family {
	CONTAINER_UNKNOWN,
	CONTAINER_MP4, /* also QuickTime, fragmented, m4a */
	CONTAINER_MATROSKA,
	CONTAINER_MPEGTS,
	CONTAINER_VIDEO, /* others that libavformat tells the length of: avi, flv */
	CONTAINER_SOUND, /* wav, ogg, flac, mp3, aac */
	CONTAINER_STILL,
};

struct container {
	enum container_family family;
	const char *name;    /* "mp4", as the facts say it */
	const char *demuxer; /* libavformat's name; for a still its decoder in libavcodec */
};

enum { CONTAINER_HEAD_BYTES = 4096 };

/* `length` first bytes of the file, at most CONTAINER_HEAD_BYTES; the suffix settles what the bytes leave open. Never
 * NULL. */
const struct container *container_recognise(const uint8_t *head, size_t length, struct text suffix);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The dearer grades: what streams there are, and whether the first keyframe of each video stream decodes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "media/demux.h"
#include "media/probe.h"

/*
 * Fills streams from a context that was opened with DEMUX_PARSED. `duration_us` stands in where a stream
 * does not say its own. 0 or an AVERROR.
 */
MUST_USE int inspect_streams(AVFormatContext *context, int64_t duration_us, struct probe_facts *facts);

/* What decoding found. */
struct keyframes {
	bool missing;       /* a video stream does not begin with a keyframe */
	bool undecodable;   /* the first keyframe of one does not decode, or there is none */
	const char *reason; /* for people; NULL when all is well */
};

/* Decodes the first keyframe of each video stream; after inspect_streams(). 0 or an AVERROR. */
MUST_USE int inspect_keyframes(AVFormatContext *context, struct keyframes *ret_keyframes);

/* Decodes a whole still picture with the named decoder. 0 or an AVERROR. */
MUST_USE int inspect_still(struct view *view, const char *decoder);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From when to when the footage in a container runs, in the container's own time, at the lowest cost:
 * from the header where it says so, else from the first and the last timestamps.
 */
#pragma once

#include <stdint.h>

#include "media/boxes.h"
#include "media/demux.h"

struct timeline {
	int64_t duration_us; /* 0 where it cannot be told */
	const char *reason;  /* why not; else NULL */
};

/*
 * `context` was opened with DEMUX_RAW over `view`; packets are read from it, so that it is of no use
 * afterwards. `boxes` is for mp4.
 */
void timeline_read(struct view *view, const struct container *container, const struct boxes *boxes,
    AVFormatContext *context, struct timeline *ret_timeline);

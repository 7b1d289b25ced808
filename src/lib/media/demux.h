/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An AVFormatContext over a view: no protocols, no other files, one named demuxer, known decoders only. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <libavformat/avformat.h>

#include "base/attributes.h"
#include "media/container.h"
#include "media/view.h"

/* Decoders that may run, also while libavformat guesses: what recorders write. Without threads. */
extern const char demux_decoders[];

/* Packets as they stand in the container: no parsing, no filled in timestamps. Enough for times, and cheap. */
enum demux_depth { DEMUX_RAW, DEMUX_PARSED };

/*
 * Opens view->io and the container in it. An AVERROR on failure, then nothing is open. `view` must stay
 * where it is until demux_close().
 */
MUST_USE int demux_open(
    struct view *view, const struct container *container, enum demux_depth depth, AVFormatContext **ret_context);
/* Closes both; takes NULL. */
void demux_close(struct view *view, AVFormatContext **context);

/* A time in a stream's own units as microseconds; INT64_MIN for AV_NOPTS_VALUE and what does not fit. */
int64_t demux_time_us(int64_t time, AVRational time_base);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Facts of one media file by libavformat and libavcodec, from a descriptor and never a path. Linked by prober (and
 * later remuxer) only. */
#pragma once

#include <stdint.h>

#include "base/attributes.h"
#include "ipc/message.h"

enum { PROBE_STREAMS_MAX = 16 };

struct probe_facts {
	struct record_facts facts; /* texts point into the arrays below */
	struct record_stream streams[PROBE_STREAMS_MAX];
	size_t stream_count;
	char container[33];
	char reason[161];
	char codecs[PROBE_STREAMS_MAX][33];
};

/* Initialises the libraries' logging once. */
void probe_open(void);

/*
 * Reads `fd` (size from fstat, pread through a custom AVIOContext, at most what the grade needs).
 * Always fills ret_facts; what could not be read is PROBE_UNREADABLE with a reason. The descriptor stays the caller's.
 */
void probe_read(int fd, const struct record_probe *request, struct probe_facts *ret_facts);

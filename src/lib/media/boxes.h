/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The outermost boxes of an mp4 file (ISO/IEC 14496-12, 4.2): whether the index is there, whether the
 * file was cut, and where the last fragment begins. Nothing inside a box is read here.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "media/view.h"

struct boxes {
	bool has_index;        /* a moov box, complete */
	bool fragmented;       /* at least one moof box, complete */
	bool truncated;        /* a box reaches past the end of the file, or the bytes between boxes are no box */
	int64_t head_bytes;    /* up to here is the index and the first fragment */
	int64_t last_fragment; /* where the last complete moof box begins, if it can be read alone; else the file's size */
};

/* Walks over the file of `view`. 0 or a negative errno (-EDQUOT: the budget is used up). */
MUST_USE int boxes_walk(struct view *view, struct boxes *ret_boxes);

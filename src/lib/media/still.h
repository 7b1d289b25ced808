/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The size of a still picture from its header, without decoding it: jpg, png, webp. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "media/view.h"

struct still {
	uint32_t width;
	uint32_t height;
	bool truncated; /* the mark that ends this format is not there */
};

/* `codec` is "mjpeg", "png" or "webp". False if the header holds no size. */
MUST_USE bool still_read(struct view *view, const char *codec, struct still *ret_still);

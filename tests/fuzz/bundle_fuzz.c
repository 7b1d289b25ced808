/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Entry bundles with any bytes: the first byte says how many entries there should be. What is accepted is covered by
 * its entries to the last byte. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "audit/tile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	if (size == 0)
		return 0;
	unsigned width = data[0] + 1U;
	struct bundle bundle = {.bytes = malloc(size), .room = size, .length = size - 1};
	if (bundle.bytes == NULL)
		return 0;
	memcpy(bundle.bytes, data + 1, size - 1);
	if (bundle_split(&bundle, width)) {
		size_t total = 0;
		for (unsigned i = 0; i < width; i++) {
			size_t length = 0;
			const uint8_t *entry = bundle_entry(&bundle, i, &length);
			struct merkle_hash leaf;
			merkle_leaf(entry, length, &leaf);
			total += 2 + length;
		}
		if (total != bundle.length)
			abort();
	}
	bundle_release(&bundle);
	return 0;
}

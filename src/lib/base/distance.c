/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/distance.h"

#include <limits.h>
#include <stddef.h>
#include <string.h>

unsigned word_distance(const char *a, const char *b) {
	unsigned row[DISTANCE_BYTES_MAX + 1];
	size_t width = strlen(b);
	if (width > DISTANCE_BYTES_MAX || strlen(a) > DISTANCE_BYTES_MAX)
		return UINT_MAX;
	for (unsigned j = 0; j <= width; j++)
		row[j] = j;
	for (unsigned i = 1; a[i - 1] != '\0'; i++) {
		unsigned diagonal = row[0];
		row[0] = i;
		for (unsigned j = 1; j <= width; j++) {
			unsigned above = row[j];
			unsigned best = diagonal + (a[i - 1] != b[j - 1] ? 1 : 0);
			best = above + 1 < best ? above + 1 : best;
			row[j] = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
			diagonal = above;
		}
	}
	return row[width];
}

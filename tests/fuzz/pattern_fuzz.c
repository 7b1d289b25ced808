/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer: the first line is a pattern, the rest a path. What matches must come back the same way. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "settings/pattern.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_way_back(const struct pattern *pattern, struct text path, const struct pattern_match *match) {
	char again[1024];
	size_t length = 0;
	struct pattern_match second;
	if (match->camera.length > path.length || match->group.length > path.length)
		abort();
	if (!pattern_format(pattern, match->camera, &match->local, match->epoch_us, again, sizeof(again), &length))
		return;
	if (!pattern_matches(pattern, (struct text){again, length}, &second) || !text_equal(second.camera, match->camera) ||
	    second.is_epoch != match->is_epoch || second.epoch_us != match->epoch_us)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	char source[600], message[256];
	struct pattern_match match;
	const uint8_t *line = size == 0 ? NULL : memchr(data, '\n', size);
	if (line == NULL || !text_copy(source, sizeof(source), (struct text){(const char *)data, (size_t)(line - data)}))
		return 0;
	struct pattern *pattern = pattern_compile(source, message, sizeof(message));
	if (pattern == NULL)
		return 0;
	struct text path = {(const char *)line + 1, size - (size_t)(line - data) - 1};
	if (pattern_matches(pattern, path, &match))
		check_way_back(pattern, path, &match);
	(void)pattern_leads_through(pattern, path);
	(void)pattern_matches_folder(pattern, path, &match);
	pattern_free(pattern_compile_stem(pattern));
	pattern_free(pattern);
	return 0;
}

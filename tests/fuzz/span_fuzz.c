/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Time spans and durations, which come from the control socket and the configuration. The first byte
 * chooses the zone. What is accepted must be a span of at least a microsecond between 1970 and 9999; what is
 * refused must say why within its room; a duration's canonical text must mean the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/duration.h"
#include "base/span.h"

static const char *const zone_names[] = {"UTC", "Europe/Brussels", "America/Sao_Paulo", "Australia/Lord_Howe"};

static void require(int holds) {
	if (!holds)
		abort();
}

static void try_span(const char *text, const struct zone *zone, int64_t now_us) {
	char message[64] = "";
	struct span span = {-1, -1};
	enum span_error error = span_parse(text, zone, now_us, &span, message, sizeof message);
	require(memchr(message, '\0', sizeof message) != NULL);
	if (error == SPAN_OK)
		require(span.from_us >= 0 && span.from_us < span.to_us && span.to_us <= INT64_C(500000000000000000));
	else
		require(message[0] != '\0' && span.from_us == -1 && span.to_us == -1);
	int64_t instant = -1;
	error = span_parse_instant(text, zone, now_us, &instant, message, sizeof message);
	require((error == SPAN_OK) == (instant >= 0));
}

static void try_duration(const char *text, const struct zone *zone, int64_t now_us) {
	struct duration duration;
	if (!duration_parse(text, &duration))
		return;
	char canonical[64];
	duration_format(&duration, canonical, sizeof canonical);
	struct duration again;
	require(duration_parse(canonical, &again) && again.years == duration.years && again.months == duration.months &&
	        again.days == duration.days && again.seconds == duration.seconds);
	require(duration_add(now_us, &duration, zone) >= now_us);
	int64_t fixed_us;
	if (duration_fixed_us(&duration, &fixed_us))
		require(fixed_us == duration_longest_seconds(&duration) * US_PER_SECOND);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	if (size == 0 || size > 4096)
		return 0;
	const struct zone *zone = zone_shared(zone_names[data[0] % ARRAY_LENGTH(zone_names)]);
	char *text = malloc(size);
	if (text == NULL || zone == NULL)
		abort();
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	const int64_t now_us = INT64_C(1795500664000000);
	try_span(text, zone, now_us);
	try_duration(text, zone, now_us);
	free(text);
	return 0;
}

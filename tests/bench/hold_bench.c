/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Places COUNT holds and times each, from the request until the answer is there:
 *   hold_bench SOCKET CAMERA FROM LENGTH_SECONDS STEP_SECONDS COUNT
 * The first begins at FROM (seconds since 1970), each next one STEP_SECONDS later. CAMERA "*" means all.
 * Prints the median, the longest, and how many of the holds covered footage in the last answer, in microseconds.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "retention/client.h"

enum { COUNT_MAX = 10000 };

static json_t *instant(long long time_s) {
	char text[40];
	time_t seconds = (time_t)time_s;
	struct tm utc;
	if (gmtime_r(&seconds, &utc) == NULL || strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
		return NULL;
	return json_string(text);
}

static char *parameters(const char *camera, long long from_s, long length_s) {
	json_t *params = json_pack("{s:o, s:o, s:s, s:s}", "from", instant(from_s), "to", instant(from_s + length_s),
	    "reason", "damage", "case", "BENCH");
	if (strcmp(camera, "*") == 0)
		(void)json_object_set_new(params, "all_cameras", json_true());
	else
		(void)json_object_set_new(params, "camera", json_string(camera));
	char *text = json_dumps(params, JSON_COMPACT);
	json_decref(params);
	return text;
}

static int by_size(const void *a, const void *b) {
	int64_t first = *(const int64_t *)a, second = *(const int64_t *)b;
	return first < second ? -1 : first > second;
}

int main(int count, char **arguments) {
	static int64_t took_us[COUNT_MAX];
	long rounds = count == 7 ? strtol(arguments[6], NULL, 10) : 0;
	if (rounds < 1 || rounds > COUNT_MAX) {
		(void)fprintf(stderr, "usage: hold_bench SOCKET CAMERA FROM LENGTH_SECONDS STEP_SECONDS COUNT\n");
		return 64;
	}
	long long from_s = strtoll(arguments[3], NULL, 10);
	long length_s = strtol(arguments[4], NULL, 10), step_s = strtol(arguments[5], NULL, 10);
	struct retention_client *client = NULL;
	if (retention_client_connect(arguments[1], &client) != 0) {
		(void)fprintf(stderr, "hold_bench: no daemon at %s\n", arguments[1]);
		return 1;
	}
	long long covered = 0;
	for (long i = 0; i < rounds; i++) {
		char *params = parameters(arguments[2], from_s + i * step_s, length_s), *answer = NULL;
		int64_t from_us = clock_elapsed_us();
		if (retention_client_call(client, "hold.place", params, &answer) != 0) {
			(void)fprintf(stderr, "hold_bench: %s\n", retention_client_error_message(client));
			return 1;
		}
		took_us[i] = clock_elapsed_us() - from_us;
		json_t *result = json_loads(answer, 0, NULL);
		covered = json_integer_value(json_object_get(json_object_get(result, "coverage"), "segments"));
		json_decref(result);
		retention_client_free(answer);
		free(params);
	}
	retention_client_disconnect(client);
	qsort(took_us, (size_t)rounds, sizeof *took_us, by_size);
	(void)printf("%lld %lld %lld\n", (long long)took_us[rounds / 2], (long long)took_us[rounds - 1], covered);
	return 0;
}

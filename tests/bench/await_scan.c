/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Waits until the daemon at SOCKET has compared its one root with the index, committed: await_scan SOCKET.
 * Prints when, in microseconds since 1970. The word comes as an event, so that waiting costs the daemon nothing.
 */
#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "retention/client.h"

enum { TRIES = 1000, TRY_US = 5000, WAIT_MS = 600000 };

static int say_now(void) {
	struct timespec now;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	(void)printf("%lld\n", (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	return 0;
}

static bool is_online(struct retention_client *client) {
	char *answer = NULL;
	if (retention_client_call(client, "status", NULL, &answer) != 0)
		return false;
	json_t *status = json_loads(answer, 0, NULL);
	const char *state =
	    json_string_value(json_object_get(json_array_get(json_object_get(status, "roots"), 0), "state"));
	bool online = state != NULL && strcmp(state, "online") == 0;
	json_decref(status);
	retention_client_free(answer);
	return online;
}

int main(int count, char **arguments) {
	struct retention_client *client = NULL;
	int error = -EINVAL;
	for (int i = 0; count == 2 && i < TRIES && error != 0; i++) {
		error = retention_client_connect(arguments[1], &client);
		if (error != 0)
			(void)usleep(TRY_US);
	}
	if (error == 0)
		error = retention_client_subscribe(client, "[\"root.state\"]");
	if (error != 0) {
		(void)fprintf(stderr, "await_scan: %s\n", strerror(-error));
		return 1;
	}
	/* It may have ended before we asked to be told. */
	bool online = is_online(client);
	while (!online) {
		char *event = NULL;
		if (retention_client_next_event(client, WAIT_MS, &event) != 0)
			return 1;
		online = strstr(event, "\"online\"") != NULL;
		retention_client_free(event);
	}
	error = say_now();
	retention_client_disconnect(client);
	return error;
}

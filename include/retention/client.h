/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Talking to retentiond: its control protocol (JSON-RPC 2.0 on a Unix socket, retention-protocol(7))
 * as C functions. JSON goes in and comes out as text, so that a program may use any JSON library.
 *
 *	struct retention_client *client;
 *	char *answer;
 *	if (retention_client_connect(NULL, &client) == 0) {
 *		if (retention_client_call(client, "hold.list", NULL, &answer) == 0) {
 *			puts(answer);
 *			retention_client_free(answer);
 *		}
 *		retention_client_disconnect(client);
 *	}
 *
 * Functions return 0, or a negative errno. -EREMOTEIO means that the daemon answered with an error:
 * retention_client_error_message() is its text for people. A client is used by one thread at a time;
 * calls are blocking and have no limit in time unless one is set.
 */
#ifndef RETENTION_CLIENT_H
#define RETENTION_CLIENT_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct retention_client;

/* The socket where the configuration says nothing else. */
#define RETENTION_CLIENT_SOCKET "/run/retention/control.sock"

/* Errors of the protocol, as retention_client_error_code() gives them. */
enum retention_client_error {
	RETENTION_ERROR_PARAMS = -32602, /* a parameter is wrong; the message says what to write */
	RETENTION_ERROR_NO_METHOD = -32601,
	RETENTION_ERROR_DENIED = -32001, /* the role is missing */
	RETENTION_ERROR_NOT_FOUND = -32002,
	RETENTION_ERROR_REFUSED = -32003,  /* the rules do not allow it now */
	RETENTION_ERROR_APPROVAL = -32004, /* waits for a second person */
	RETENTION_ERROR_BUSY = -32005
};

/*
 * Connects. `socket_path` NULL: the environment's RETENTION_SOCKET, else RETENTION_CLIENT_SOCKET. The
 * client is the caller's: retention_client_disconnect(). -ENOENT and -ECONNREFUSED: no daemon there;
 * -EACCES: this user may not reach it.
 */
int retention_client_connect(const char *socket_path, struct retention_client **ret_client);
/* Takes NULL. */
void retention_client_disconnect(struct retention_client *client);

/* The most that a call waits for its answer, in milliseconds; 0 (the default) waits for ever. Then calls give
 * -ETIMEDOUT and the client is of no more use. */
void retention_client_set_timeout(struct retention_client *client, int milliseconds);

/*
 * Calls a method ("hold.place") with a JSON object as text (NULL: none). The result is JSON text that
 * the caller frees with retention_client_free(). Events that arrive meanwhile are kept for
 * retention_client_next_event().
 */
int retention_client_call(struct retention_client *client, const char *method, const char *params, char **ret_result);

/*
 * The same for methods that answer with descriptors (SCM_RIGHTS): at most `room` are stored, close-on-exec
 * and the caller's to close; more are closed. *ret_count is how many were stored.
 */
int retention_client_call_descriptors(struct retention_client *client, const char *method, const char *params,
    char **ret_result, int *ret_descriptors, size_t room, size_t *ret_count);

/* What the daemon said in its last refusal. Never NULL; valid until the next call. The reason is one word, for
 * programs. */
int retention_client_error_code(const struct retention_client *client);
const char *retention_client_error_message(const struct retention_client *client);
const char *retention_client_error_reason(const struct retention_client *client);

/* Asks for events by name ("log.entry", "hold.placed"), a JSON array as text: ["hold.placed"]. */
int retention_client_subscribe(struct retention_client *client, const char *events);
/*
 * The next event as JSON text ({"event": …, "data": …}), to be freed with retention_client_free(). Waits at most
 * `milliseconds` (-1: for ever); -ETIMEDOUT for none, -EPIPE when the daemon went.
 */
int retention_client_next_event(struct retention_client *client, int milliseconds, char **ret_event);
/* To wait for events in the caller's own loop: readable means that retention_client_next_event() may have one. */
int retention_client_descriptor(const struct retention_client *client);

/* Frees texts that functions above gave. Takes NULL. */
void retention_client_free(char *text);

#ifdef __cplusplus
}
#endif

#endif

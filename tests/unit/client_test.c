/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libretention against a server in a child process that says what the daemon says, and what it never should. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "retention/client.h"

struct server {
	char folder[64], path[96];
	pid_t pid;
};

static void say(int fd, const char *text) {
	(void)!write(fd, text, strlen(text));
}

static void say_with_descriptor(int fd, const char *text) {
	int handed = open("/dev/null", O_RDONLY | O_CLOEXEC);
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} ancillary;
	memset(&ancillary, 0, sizeof(ancillary));
	struct iovec part = {.iov_base = (char *)(uintptr_t)text, .iov_len = strlen(text)};
	struct msghdr header = {
	    .msg_iov = &part, .msg_iovlen = 1, .msg_control = ancillary.bytes, .msg_controllen = sizeof(ancillary.bytes)};
	struct cmsghdr *message = CMSG_FIRSTHDR(&header);
	message->cmsg_level = SOL_SOCKET;
	message->cmsg_type = SCM_RIGHTS;
	message->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(message), &handed, sizeof(handed));
	(void)!sendmsg(fd, &header, 0);
	(void)close(handed);
}

static const char EVENT[] =
    "{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{\"event\":\"hold.placed\",\"data\":{\"id\":\"H-1\"}}}\n";

/* Answers by the method that is asked. */
static void serve(int fd) {
	char line[4096];
	FILE *in = fdopen(dup(fd), "r");
	int id = 0;
	while (in && fgets(line, sizeof(line), in)) {
		char text[256];
		id++;
		if (strstr(line, "\"good\"")) {
			say(fd, EVENT);
			(void)snprintf(text, sizeof(text), "{\"jsonrpc\":\"2.0\",\"id\":%d,", id);
			say(fd, text);
			(void)usleep(20000);
			say(fd, "\"result\":{\"schema\":1}}\n");
		} else if (strstr(line, "\"refused\"")) {
			(void)snprintf(text, sizeof(text),
			    "{\"jsonrpc\":\"2.0\",\"id\":%d,\"error\":{\"code\":-32001,\"message\":\"no\",\"data\":{\"reason\":"
			    "\"role\"}}}\n",
			    id);
			say(fd, text);
		} else if (strstr(line, "\"descriptor\"")) {
			(void)snprintf(text, sizeof(text), "{\"jsonrpc\":\"2.0\",\"id\":%d,\"result\":{}}\n", id);
			say_with_descriptor(fd, text);
		} else if (strstr(line, "\"garbage\"")) {
			say(fd, "garbage\n");
		} else if (strstr(line, "\"silent\"")) {
			(void)sleep(2);
		} else {
			break;
		}
	}
	_exit(0);
}

static int set_up(void **state) {
	struct server *server = calloc(1, sizeof(*server));
	assert_non_null(server);
	(void)snprintf(server->folder, sizeof(server->folder), "/tmp/client_test.XXXXXX");
	assert_non_null(mkdtemp(server->folder));
	(void)snprintf(server->path, sizeof(server->path), "%s/control.sock", server->folder);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", server->path);
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listener, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 1), 0);
	server->pid = fork();
	if (server->pid == 0) {
		(void)alarm(20);
		int fd = accept(listener, NULL, NULL);
		serve(fd);
	}
	(void)close(listener);
	*state = server;
	return 0;
}

static int tear_down(void **state) {
	struct server *server = *state;
	(void)waitpid(server->pid, NULL, 0);
	(void)unlink(server->path);
	(void)rmdir(server->folder);
	free(server);
	return 0;
}

static struct retention_client *connected(void **state) {
	struct server *server = *state;
	struct retention_client *client = NULL;
	assert_int_equal(retention_client_connect(server->path, &client), 0);
	return client;
}

static void a_call_is_answered_and_events_are_kept(void **state) {
	struct retention_client *client = connected(state);
	char *answer = NULL;
	assert_int_equal(retention_client_call(client, "good", "{\"a\":1}", &answer), 0);
	assert_string_equal(answer, "{\"schema\":1}");
	retention_client_free(answer);
	assert_int_equal(retention_client_next_event(client, 1000, &answer), 0);
	assert_string_equal(answer, "{\"event\":\"hold.placed\",\"data\":{\"id\":\"H-1\"}}");
	retention_client_free(answer);
	assert_int_equal(retention_client_next_event(client, 10, &answer), -ETIMEDOUT);
	retention_client_disconnect(client);
}

static void a_refusal_has_its_words(void **state) {
	struct retention_client *client = connected(state);
	char *answer = NULL;
	assert_int_equal(retention_client_call(client, "refused", NULL, &answer), -EREMOTEIO);
	assert_int_equal(retention_client_error_code(client), RETENTION_ERROR_DENIED);
	assert_string_equal(retention_client_error_message(client), "no");
	assert_string_equal(retention_client_error_reason(client), "role");
	assert_int_equal(retention_client_call(client, "good", NULL, &answer), 0);
	assert_int_equal(retention_client_error_code(client), 0);
	retention_client_free(answer);
	assert_int_equal(retention_client_call(client, "good", "[1]", &answer), -EINVAL);
	retention_client_disconnect(client);
}

static void descriptors_come_beside(void **state) {
	struct retention_client *client = connected(state);
	char *answer = NULL;
	int fd = -1;
	size_t count = 0;
	assert_int_equal(retention_client_call_descriptors(client, "descriptor", NULL, &answer, &fd, 1, &count), 0);
	assert_int_equal(count, 1);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	(void)close(fd);
	retention_client_free(answer);
	assert_int_equal(retention_client_call_descriptors(client, "descriptor", NULL, &answer, NULL, 0, &count), 0);
	assert_int_equal(count, 0);
	retention_client_free(answer);
	retention_client_disconnect(client);
}

static void a_bad_server_is_an_error(void **state) {
	struct retention_client *client = connected(state);
	char *answer = NULL;
	assert_int_equal(retention_client_call(client, "garbage", NULL, &answer), -EPROTO);
	retention_client_set_timeout(client, 50);
	assert_int_equal(retention_client_call(client, "silent", NULL, &answer), -ETIMEDOUT);
	retention_client_set_timeout(client, 0);
	assert_int_equal(retention_client_call(client, "end", NULL, &answer), -EPIPE);
	retention_client_disconnect(client);
}

static void no_daemon_is_told(void **state) {
	struct retention_client *client = NULL;
	(void)state;
	assert_int_equal(retention_client_connect("/nonexistent/control.sock", &client), -ENOENT);
	char path[300];
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(retention_client_connect(path, &client), -ENAMETOOLONG);
	assert_null(client);
	retention_client_disconnect(NULL);
}

int main(void) {
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_call_is_answered_and_events_are_kept, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_refusal_has_its_words, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(descriptors_come_beside, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_bad_server_is_an_error, set_up, tear_down),
	    cmocka_unit_test(no_daemon_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For whom a process works: real connections over loopback. */
#include "daemon/guard/accessor_remote.h"

#include <arpa/inet.h>
#include <limits.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>

#include "accessor_world.h"
#include "daemon/guard/accessor_private.h"
#include "tree.h"

/* ---- servers ---- */

static int listen_on(const char *address, uint16_t *ret_port) {
	struct sockaddr_in6 six = {.sin6_family = AF_INET6};
	struct sockaddr_in four = {.sin_family = AF_INET};
	bool is_six = inet_pton(AF_INET6, address, &six.sin6_addr) == 1;
	if (!is_six)
		assert_int_equal(inet_pton(AF_INET, address, &four.sin_addr), 1);
	int fd = socket(is_six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int both = 0;
	if (is_six)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &both, sizeof both);
	const struct sockaddr *bound = is_six ? (const struct sockaddr *)&six : (const struct sockaddr *)&four;
	if (fd < 0 || bind(fd, bound, is_six ? sizeof six : sizeof four) < 0 || listen(fd, 8) < 0) {
		descriptor_close(&fd);
		return -1;
	}
	socklen_t length = sizeof six;
	(void)getsockname(fd, (struct sockaddr *)&six, &length);
	*ret_port = ntohs(six.sin6_port); /* at the same place in both */
	return fd;
}

/* A client from `from` to `address`; its own port. */
static int connect_to(const char *address, uint16_t port, const char *from, uint16_t *ret_port) {
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(port)}, source = {.sin_family = AF_INET};
	bool is_six = inet_pton(AF_INET6, address, &six.sin6_addr) == 1;
	if (!is_six)
		assert_int_equal(inet_pton(AF_INET, address, &four.sin_addr), 1);
	int fd = socket(is_six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	if (from != NULL) {
		assert_int_equal(inet_pton(AF_INET, from, &source.sin_addr), 1);
		assert_int_equal(bind(fd, (const struct sockaddr *)&source, sizeof source), 0);
	}
	const struct sockaddr *to = is_six ? (const struct sockaddr *)&six : (const struct sockaddr *)&four;
	assert_int_equal(connect(fd, to, is_six ? sizeof six : sizeof four), 0);
	socklen_t length = sizeof six;
	assert_int_equal(getsockname(fd, (struct sockaddr *)&six, &length), 0);
	if (ret_port != NULL)
		*ret_port = ntohs(six.sin6_port);
	return fd;
}

/* Tells its port, then takes a client for each byte it hears. */
static int serve(void *address) {
	uint16_t port;
	int fd = listen_on(address, &port);
	if (fd < 0 || write(CHILD_END, &port, sizeof port) != sizeof port)
		return 1;
	while (hear(CHILD_END)) {
		if (accept(fd, NULL, NULL) < 0)
			return 1;
		say(CHILD_END);
	}
	return 0;
}

static struct child run_server(const char *address, uint16_t *ret_port) {
	struct child child = run(serve, (void *)(uintptr_t)address);
	if (read(child.talk, ret_port, sizeof *ret_port) != sizeof *ret_port) {
		end(&child);
		child.pid = 0;
	}
	return child;
}

static void take_client(const struct child *server) {
	say(server->talk);
	assert_true(hear(server->talk));
}

static void one_client_is_told(const char *listens, const char *address, const char *from, const char *expected) {
	uint16_t port, client_port;
	struct child server = run_server(listens, &port);
	if (server.pid == 0)
		skip(); /* a kernel without IPv6 */
	int client = connect_to(address, port, from, &client_port);
	take_client(&server);
	(void)look(server.pid);
	assert_text(told.accessor.remote_address, expected);
	assert_int_equal(told.accessor.remote_port, client_port);
	assert_int_equal(told.accessor.remotes, 1);
	assert_text(told.accessor.protocol, "tcp");
	(void)close(client);
	end(&server);
}

static void a_client_over_ipv4(void **state) {
	(void)state;
	one_client_is_told("127.0.0.1", "127.0.0.1", NULL, "127.0.0.1");
	one_client_is_told("127.0.0.1", "127.0.0.1", "127.0.0.7", "127.0.0.7");
}

static void a_client_over_ipv6(void **state) {
	(void)state;
	one_client_is_told("::1", "::1", NULL, "::1");
}

static void ipv4_within_ipv6_is_ipv4(void **state) {
	(void)state;
	one_client_is_told("::", "127.0.0.1", "127.0.0.9", "127.0.0.9");
}

/* Where there is no sock_diag. */
static void a_client_by_proc(void **state) {
	descriptor_close((int *)accessors->remotes); /* the netlink socket, which is its first member */
	a_client_over_ipv4(state);
	a_client_over_ipv6(state);
	ipv4_within_ipv6_is_ipv4(state);
}

static void several_clients_are_only_counted(void **state) {
	(void)state;
	uint16_t port;
	struct child server = run_server("127.0.0.1", &port);
	int first = connect_to("127.0.0.1", port, "127.0.0.7", NULL);
	take_client(&server);
	uint32_t alone = accessor_number(look(server.pid));
	assert_text(told.accessor.remote_address, "127.0.0.7");
	int second = connect_to("127.0.0.1", port, "127.0.0.8", NULL);
	take_client(&server);
	/* Another number: what was told of the first stays true. */
	struct accessor *accessor = accessors_look(accessors, server.pid, ACCESSOR_NO_PIDFD);
	assert_true(accessor_complete(accessors, accessor));
	tell(accessor, 0);
	uint32_t both = accessor_number(accessor);
	assert_int_not_equal(both, alone);
	assert_text(told.accessor.remote_address, "");
	assert_int_equal(told.accessor.remote_port, 0);
	assert_int_equal(told.accessor.remotes, 2);
	/* A second connection of the same client is no second client. */
	int third = connect_to("127.0.0.1", port, "127.0.0.8", NULL);
	take_client(&server);
	assert_int_equal(accessor_number(look(server.pid)), both);
	(void)close(first);
	(void)close(second);
	(void)close(third);
	end(&server);
}

static void clients_one_after_the_other(void **state) {
	(void)state;
	uint16_t port;
	struct child server = run_server("127.0.0.1", &port);
	int client = connect_to("127.0.0.1", port, "127.0.0.7", NULL);
	take_client(&server);
	uint32_t number = accessor_number(look(server.pid));
	/* The server keeps its end open, so the first is still there; it is gone once the client closed and reset. */
	const struct linger reset = {.l_onoff = 1};
	assert_int_equal(setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
	(void)close(client);
	client = connect_to("127.0.0.1", port, "127.0.0.8", NULL);
	take_client(&server);
	assert_int_not_equal(accessor_number(look(server.pid)), number);
	assert_text(told.accessor.remote_address, "127.0.0.8");
	assert_int_equal(told.accessor.remotes, 1);
	(void)close(client);
	end(&server);
}

static int connect_out(void *port) {
	int fd = connect_to("127.0.0.1", *(uint16_t *)port, NULL, NULL);
	return fd < 0 ? 1 : stay(NULL);
}

static void what_a_process_connects_to_is_no_client(void **state) {
	(void)state;
	uint16_t port;
	int listener = listen_on("127.0.0.1", &port);
	struct child child = run_ready(connect_out, &port);
	(void)look(child.pid);
	assert_int_equal(told.accessor.remotes, 0);
	assert_text(told.accessor.remote_address, "");
	assert_text(told.accessor.protocol, "");
	end(&child);
	(void)close(listener);
}

static int serve_in_own_network(void *context) {
	uint16_t port;
	if (unshare(CLONE_NEWNET) < 0)
		return 1;
	int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq loopback = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int listener = ioctl(control, SIOCSIFFLAGS, &loopback) < 0 ? -1 : listen_on(context, &port);
	if (listener < 0)
		return 1;
	/* The client belongs to another process in the end, so that only the server's side is looked at. */
	int client = connect_to("127.0.0.1", port, "127.0.0.7", NULL);
	if (fork() == 0)
		return stay(NULL);
	(void)close(client);
	(void)close(control);
	return accept(listener, NULL, NULL) < 0 ? 1 : stay(NULL);
}

static void a_client_in_another_network_namespace(void **state) {
	(void)state;
	skip_unless_root();
	struct child child = run_ready(serve_in_own_network, (void *)(uintptr_t) "127.0.0.1");
	assert_true(hear(child.talk));
	(void)look(child.pid);
	assert_text(told.accessor.remote_address, "127.0.0.7");
	assert_int_equal(told.accessor.remotes, 1);
	end(&child);
}

/* ---- a parent that serves ---- */

static const char *find_program(const char *name, char path[PATH_MAX]) {
	static const char *const folders[] = {"/usr/bin", "/bin", "/usr/local/bin"};
	for (size_t i = 0; i < ARRAY_LENGTH(folders); i++) {
		(void)snprintf(path, PATH_MAX, "%s/%s", folders[i], name);
		if (access(path, X_OK) == 0)
			return path;
	}
	return NULL;
}

static pid_t child_of(pid_t parent) {
	char path[64], text[64] = "";
	(void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", parent, parent);
	CLOSED_AT_END int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && read(fd, text, sizeof text - 1) > 0 ? (pid_t)strtol(text, NULL, 10) : 0;
}

/* What runs at the other end of an ssh connection works for whoever is connected to its sshd. */
static void the_client_of_a_parent(void **state) {
	(void)state;
	char folder[] = "/tmp/accessor_test.XXXXXX", server_path[64], socat[PATH_MAX], address[64];
	if (find_program("socat", socat) == NULL)
		skip();
	assert_non_null(mkdtemp(folder));
	(void)snprintf(server_path, sizeof server_path, "%s/sshd", folder);
	copy_file(socat, server_path);
	uint16_t port, client_port;
	int free_port = listen_on("127.0.0.1", &port);
	(void)close(free_port);
	(void)snprintf(address, sizeof address, "TCP-LISTEN:%u,bind=127.0.0.1,reuseaddr,fork", port);
	struct child server = run_program((const char *const[]){server_path, address, "EXEC:/bin/sleep 60", NULL});
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
	(void)inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
	int client = -1;
	for (size_t i = 0; i < 2000 && client < 0; i++) {
		client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (connect(client, (const struct sockaddr *)&to, sizeof to) < 0) {
			descriptor_close(&client);
			(void)usleep(1000);
		}
	}
	assert_true(client >= 0);
	struct sockaddr_in own;
	socklen_t length = sizeof own;
	assert_int_equal(getsockname(client, (struct sockaddr *)&own, &length), 0);
	client_port = ntohs(own.sin_port);
	pid_t session = 0, program = 0;
	char link[64], path[PATH_MAX] = "";
	for (size_t i = 0; i < 5000 && strstr(path, "sleep") == NULL; i++) {
		(void)usleep(1000);
		session = child_of(server.pid);
		program = session > 0 ? child_of(session) : 0;
		(void)snprintf(link, sizeof link, "/proc/%d/exe", program);
		ssize_t bytes = program > 0 ? readlink(link, path, sizeof path - 1) : 0;
		path[bytes < 0 ? 0 : bytes] = '\0';
	}
	assert_true(program > 0);
	(void)look(program);
	assert_text(told.accessor.protocol, "ssh");
	assert_text(told.accessor.remote_address, "127.0.0.1");
	assert_int_equal(told.accessor.remote_port, client_port);
	assert_int_equal(told.ancestors[0].pid, session);
	assert_text(told.ancestors[0].executable, server_path);
	(void)close(client);
	(void)kill(program, SIGKILL);
	end(&server);
	assert_int_equal(tree_remove(folder), 0);
}

/* ---- programs ---- */

static void servers_are_known_by_program_and_arguments(void **state) {
	(void)state;
	static const char served[] = "python3\0-m\0http.server", script[] = "python3\0read.py";
	assert_string_equal(server_program_of("/usr/sbin/smbd", "", 0)->protocol, "smb");
	assert_true(server_program_of("/usr/sbin/smbd", "", 0)->switches);
	assert_true(server_program_of("/usr/sbin/nginx", "", 0)->many);
	assert_null(server_program_of("/usr/bin/smbdx", "", 0));
	assert_null(server_program_of("/usr/sbin/smbd/cat", "", 0));
	assert_null(server_program_of("", "", 0));
	assert_string_equal(server_program_of("/usr/bin/python3.11", served, sizeof served)->protocol, "http");
	/* The last argument without its zero byte, as it is kept. */
	assert_string_equal(server_program_of("/usr/bin/python3.11", served, sizeof served - 1)->protocol, "http");
	assert_null(server_program_of("/usr/bin/python3.11", script, sizeof script));
	assert_true(server_program_is_possible("/usr/bin/python3.11"));
	assert_false(server_program_is_possible("/usr/bin/cat"));
	assert_string_equal(protocol_of_port(445), "smb");
	assert_string_equal(protocol_of_port(40000), "tcp");
}

int main(void) {
#define WITH_ACCESSORS(test) cmocka_unit_test_setup_teardown(test, open_accessors, close_accessors)
	const struct CMUnitTest tests[] = {
	    WITH_ACCESSORS(a_client_over_ipv4),
	    WITH_ACCESSORS(a_client_over_ipv6),
	    WITH_ACCESSORS(ipv4_within_ipv6_is_ipv4),
	    WITH_ACCESSORS(a_client_by_proc),
	    WITH_ACCESSORS(several_clients_are_only_counted),
	    WITH_ACCESSORS(clients_one_after_the_other),
	    WITH_ACCESSORS(what_a_process_connects_to_is_no_client),
	    WITH_ACCESSORS(a_client_in_another_network_namespace),
	    WITH_ACCESSORS(the_client_of_a_parent),
	    cmocka_unit_test(servers_are_known_by_program_and_arguments),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

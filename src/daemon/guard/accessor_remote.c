/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sockets of a process, and where they lead. */
#include "accessor_remote.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "accessor_text.h"
#include "base/descriptor.h"

enum {
	DESCRIPTORS_MAX = 4096, /* of one process that are looked at */
	SOCKETS_MAX = 256,
	CONNECTIONS_MAX = 64,
	DIAG_MESSAGES_MAX = 2048, /* each tells of some hundred sockets */
	DIAG_BYTES = 32768,
	PORTS = 65536,
	OTHERS_KEPT = 1024,
};

/* States of <netinet/tcp.h>, whose names clash with the kernel's. */
enum { STATE_ESTABLISHED = 1, STATE_CLOSE_WAIT = 8, STATE_LISTEN = 10 };

struct connection {
	uint64_t inode;
	uint16_t local_port;
	uint16_t remote_port;
	char address[ADDRESS_BYTES];
};

struct remotes {
	int netlink; /* -1: the kernel has no sock_diag */
	uint32_t sequence;
	uint64_t inodes[SOCKETS_MAX]; /* of the process that is looked at, by descriptor */
	size_t inode_count;
	struct connection connections[CONNECTIONS_MAX];
	size_t connection_count;
	/* Sockets that were found to be no connection, by their inode's remainder: they never become a client's. */
	uint64_t others[OTHERS_KEPT];
	uint8_t listening[PORTS / 8];
	char reply[DIAG_BYTES];
};

/* ---- sockets of a process ---- */

struct socket_list {
	uint64_t *inodes; /* or NULL */
	size_t count;
	uint64_t mark;
	size_t descriptors;
	unsigned highest;
};

/* FNV-1a; never 0. */
static uint64_t mix(uint64_t mark, uint64_t value) {
	for (size_t i = 0; i < sizeof value; i++)
		mark = (mark ^ (value >> (8 * i) & 0xff)) * UINT64_C(1099511628211);
	return mark == 0 ? 1 : mark;
}

/* "socket:[12345]" */
static void list_descriptor(int folder, const char *name, struct socket_list *list) {
	static const char SOCKET[] = "socket:[";
	char link[32];
	uint64_t inode;
	ssize_t length = readlinkat(folder, name, link, sizeof link - 1);
	if (length < 0)
		return;
	link[length] = '\0';
	if (strncmp(link, SOCKET, sizeof SOCKET - 1) != 0 || !text_numbers(link + sizeof SOCKET - 1, &inode, 1))
		return;
	list->mark = mix(list->mark == 0 ? UINT64_C(14695981039346656037) : list->mark, inode);
	if (list->inodes != NULL && list->count < SOCKETS_MAX)
		list->inodes[list->count++] = inode;
}

static void list_sockets(const struct process_handle *process, bool beyond_standard, struct socket_list *list) {
	CLOSED_AT_END int folder = openat(process->folder, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return;
	_Alignas(struct dirent64) char names[4096];
	bool only_standard = beyond_standard;
	size_t seen = 0;
	for (ssize_t length = getdents64(folder, names, sizeof names); length > 0 && seen < DESCRIPTORS_MAX;
	     length = getdents64(folder, names, sizeof names)) {
		for (ssize_t at = 0; at < length && only_standard;) {
			const struct dirent64 *entry = (const struct dirent64 *)(const void *)(names + at);
			at += entry->d_reclen;
			if (entry->d_name[0] != '.' && (entry->d_name[1] != '\0' || entry->d_name[0] > '2'))
				only_standard = false;
		}
		for (ssize_t at = 0; at < length && !only_standard && seen < DESCRIPTORS_MAX;) {
			const struct dirent64 *entry = (const struct dirent64 *)(const void *)(names + at);
			at += entry->d_reclen;
			if (entry->d_name[0] == '.')
				continue;
			seen++;
			list_descriptor(folder, entry->d_name, list);
		}
	}
}

uint64_t remote_sockets(const struct process_handle *process, bool beyond_standard) {
	struct socket_list list = {.inodes = NULL};
	list_sockets(process, beyond_standard, &list);
	return list.mark;
}

/* ---- what they are connected to ---- */

static void found_listener(struct remotes *remotes, uint16_t port) {
	remotes->listening[port / 8] = (uint8_t)(remotes->listening[port / 8] | 1U << port % 8);
}

static bool is_listening(const struct remotes *remotes, uint16_t port) {
	return (remotes->listening[port / 8] >> port % 8 & 1) != 0;
}

/* `address`: 4 or 16 bytes as on the wire; IPv4 in IPv6 is IPv4. */
static void address_text(int family, const uint8_t *address, char text[ADDRESS_BYTES]) {
	static const uint8_t MAPPED[12] = {[10] = 0xff, [11] = 0xff};
	if (family == AF_INET6 && memcmp(address, MAPPED, sizeof MAPPED) == 0) {
		family = AF_INET;
		address += sizeof MAPPED;
	}
	if (inet_ntop(family, address, text, ADDRESS_BYTES) == NULL)
		text[0] = '\0';
}

/* Keeps those that are the process's, in the order of its descriptors. */
static void found_connection(
    struct remotes *remotes, uint64_t inode, int family, const uint8_t *address, const uint16_t ports[2]) {
	for (size_t i = 0; i < remotes->inode_count; i++) {
		if (remotes->inodes[i] != inode || remotes->connection_count == CONNECTIONS_MAX)
			continue;
		struct connection *connection = &remotes->connections[remotes->connection_count++];
		*connection = (struct connection){.inode = inode, .local_port = ports[0], .remote_port = ports[1]};
		address_text(family, address, connection->address);
		return;
	}
}

static int diag_ask(struct remotes *remotes, uint8_t family) {
	struct {
		struct nlmsghdr header;
		struct inet_diag_req_v2 request;
	} message = {
	    .header =
	        {
	            .nlmsg_len = sizeof message,
	            .nlmsg_type = SOCK_DIAG_BY_FAMILY,
	            .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
	            .nlmsg_seq = ++remotes->sequence,
	        },
	    .request =
	        {
	            .sdiag_family = family,
	            .sdiag_protocol = IPPROTO_TCP,
	            .idiag_states = 1U << STATE_ESTABLISHED | 1U << STATE_CLOSE_WAIT | 1U << STATE_LISTEN,
	        },
	};
	return send(remotes->netlink, &message, sizeof message, 0) < 0 ? -errno : 0;
}

static void diag_socket(struct remotes *remotes, const struct inet_diag_msg *found) {
	const uint16_t ports[2] = {ntohs(found->id.idiag_sport), ntohs(found->id.idiag_dport)};
	if (found->idiag_state == STATE_LISTEN)
		found_listener(remotes, ports[0]);
	else
		found_connection(remotes, found->idiag_inode, found->idiag_family, (const uint8_t *)found->id.idiag_dst, ports);
}

/* One datagram of the answer: 1 when more follow, 0 at the end, or a negative errno. */
static int diag_read(struct remotes *remotes) {
	ssize_t length = recv(remotes->netlink, remotes->reply, sizeof remotes->reply, 0);
	if (length < 0)
		return -errno;
	size_t left = (size_t)length;
	const char *at = remotes->reply;
	while (left >= sizeof(struct nlmsghdr)) {
		struct nlmsghdr header;
		memcpy(&header, at, sizeof header);
		if (header.nlmsg_len < sizeof header || header.nlmsg_len > left)
			return -EPROTO;
		if (header.nlmsg_seq == remotes->sequence) {
			if (header.nlmsg_type == NLMSG_DONE)
				return 0;
			if (header.nlmsg_type == NLMSG_ERROR) {
				struct nlmsgerr error = {.error = 0};
				if (header.nlmsg_len >= NLMSG_LENGTH(sizeof error.error))
					memcpy(&error.error, at + NLMSG_HDRLEN, sizeof error.error);
				return error.error < 0 ? error.error : -EPROTO;
			}
			struct inet_diag_msg found;
			if (header.nlmsg_len >= NLMSG_LENGTH(sizeof found)) {
				memcpy(&found, at + NLMSG_HDRLEN, sizeof found);
				diag_socket(remotes, &found);
			}
		}
		size_t step = NLMSG_ALIGN(header.nlmsg_len) < left ? NLMSG_ALIGN(header.nlmsg_len) : left;
		at += step;
		left -= step;
	}
	return 1;
}

static int diag_dump(struct remotes *remotes) {
	static const uint8_t FAMILIES[] = {AF_INET, AF_INET6};
	if (remotes->netlink < 0)
		return -ENOSYS;
	for (size_t i = 0; i < sizeof FAMILIES; i++) {
		int state = diag_ask(remotes, FAMILIES[i]);
		if (state == 0)
			for (size_t messages = 0; (state = diag_read(remotes)) == 1;)
				if (++messages == DIAG_MESSAGES_MAX)
					return -E2BIG;
		/* A kernel without IPv6. */
		if (state < 0 && !(FAMILIES[i] == AF_INET6 && state == -ENOENT))
			return state;
	}
	return 0;
}

/* ---- the same from /proc/PID/net ---- */

static bool hexadecimal(const char **at, size_t digits, uint32_t *ret_number) {
	uint32_t number = 0;
	for (size_t i = 0; i < digits; i++, (*at)++) {
		char digit = **at;
		if (digit >= '0' && digit <= '9')
			number = number << 4 | (uint32_t)(digit - '0');
		else if (digit >= 'A' && digit <= 'F')
			number = number << 4 | (uint32_t)(digit - 'A' + 10);
		else
			return false;
	}
	*ret_number = number;
	return true;
}

/* "0100007F:1F90": words of the address in this machine's order, the port as a number. */
static bool read_end(const char **at, int family, uint8_t address[16], uint16_t *ret_port) {
	*at += strspn(*at, " ");
	for (size_t word = 0; word < (family == AF_INET ? 1U : 4U); word++) {
		uint32_t number;
		if (!hexadecimal(at, 8, &number))
			return false;
		memcpy(address + word * 4, &number, sizeof number);
	}
	uint32_t port;
	if (*(*at)++ != ':' || !hexadecimal(at, 4, &port))
		return false;
	*ret_port = (uint16_t)port;
	return true;
}

/* "  0: LOCAL REMOTE 01 00000000:00000000 00:00000000 00000000  uid  timeout inode …" */
static void read_line(struct remotes *remotes, int family, const char *line) {
	uint8_t address[16];
	uint16_t ports[2];
	uint32_t state;
	const char *at = strchr(line, ':');
	if (at == NULL)
		return;
	at++;
	if (!read_end(&at, family, address, &ports[0]) || !read_end(&at, family, address, &ports[1]))
		return;
	at += strspn(at, " ");
	if (!hexadecimal(&at, 2, &state))
		return;
	if (state == STATE_LISTEN)
		found_listener(remotes, ports[0]);
	if (state != STATE_ESTABLISHED && state != STATE_CLOSE_WAIT)
		return;
	uint64_t numbers[3];
	for (size_t fields = 0; fields < 3; fields++) { /* queues, timer, retransmissions */
		at += strspn(at, " ");
		at += strcspn(at, " ");
	}
	if (text_numbers(at, numbers, 3))
		found_connection(remotes, numbers[2], family, address, ports);
}

static void read_table(struct remotes *remotes, const struct process_handle *process, const char *name, int family) {
	CLOSED_AT_END int fd = openat(process->folder, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	size_t kept = 0;
	for (size_t blocks = 0; blocks < DIAG_MESSAGES_MAX; blocks++) {
		ssize_t length = read(fd, remotes->reply + kept, sizeof remotes->reply - 1 - kept);
		if (length <= 0)
			return;
		kept += (size_t)length;
		remotes->reply[kept] = '\0';
		char *line = remotes->reply;
		for (char *end = strchr(line, '\n'); end != NULL; line = end + 1, end = strchr(line, '\n')) {
			*end = '\0';
			read_line(remotes, family, line);
		}
		kept = strlen(line);
		memmove(remotes->reply, line, kept);
	}
}

/* ---- which of them are clients ---- */

/* The port of somebody who listens; where he is gone, a port for servers on our side and not on the other. */
static bool is_client(const struct remotes *remotes, const struct connection *connection) {
	enum { FOR_SERVERS = 1024 };
	return is_listening(remotes, connection->local_port) ||
	       (connection->local_port < FOR_SERVERS && connection->remote_port >= FOR_SERVERS);
}

static size_t order_of(const struct remotes *remotes, uint64_t inode) {
	size_t place = 0;
	while (place < remotes->inode_count && remotes->inodes[place] != inode)
		place++;
	return place;
}

static void conclude(struct remotes *remotes, bool many, struct remote *remote) {
	const struct connection *first = NULL;
	size_t connections = 0, addresses = 0;
	for (size_t i = 0; i < remotes->connection_count; i++) {
		const struct connection *connection = &remotes->connections[i];
		if (!is_client(remotes, connection))
			continue;
		bool known = false;
		for (size_t j = 0; j < i && !known; j++)
			known = is_client(remotes, &remotes->connections[j]) &&
			        strcmp(remotes->connections[j].address, connection->address) == 0;
		connections++;
		addresses += known ? 0 : 1;
		if (first == NULL || order_of(remotes, connection->inode) < order_of(remotes, first->inode))
			first = connection;
	}
	remote->count = (uint16_t)addresses;
	remote->local_port = first == NULL ? 0 : first->local_port;
	remote->port = 0;
	remote->address[0] = '\0';
	if (addresses != 1)
		return;
	memcpy(remote->address, first->address, sizeof remote->address);
	/* Of a control connection and its data connections the first is meant; of a browser's six nobody knows which. */
	remote->port = connections == 1 || !many ? first->remote_port : 0;
}

static bool all_are_others(const struct remotes *remotes) {
	for (size_t i = 0; i < remotes->inode_count; i++)
		if (remotes->others[remotes->inodes[i] % OTHERS_KEPT] != remotes->inodes[i])
			return false;
	return true;
}

static void remember_others(struct remotes *remotes) {
	for (size_t i = 0; i < remotes->inode_count; i++) {
		bool connected = remotes->connection_count == CONNECTIONS_MAX;
		for (size_t j = 0; j < remotes->connection_count && !connected; j++)
			connected = remotes->connections[j].inode == remotes->inodes[i];
		if (!connected)
			remotes->others[remotes->inodes[i] % OTHERS_KEPT] = remotes->inodes[i];
	}
}

/* Asking the kernel is asking it for all connections of the machine. */
static void find_connections(
    struct remotes *remotes, const struct process_source *source, const struct process_handle *process) {
	if (all_are_others(remotes))
		return;
	memset(remotes->listening, 0, sizeof remotes->listening);
	bool here = process_read_namespace(process, "ns/net") == source->network_namespace;
	if (!here || diag_dump(remotes) < 0) {
		remotes->connection_count = 0;
		read_table(remotes, process, "net/tcp", AF_INET);
		read_table(remotes, process, "net/tcp6", AF_INET6);
	}
	remember_others(remotes);
}

bool remote_look(struct remotes *remotes, const struct process_source *source, const struct process_handle *process,
    bool many, struct remote *remote) {
	struct socket_list list = {.inodes = remotes->inodes};
	list_sockets(process, false, &list);
	if (list.mark == remote->sockets)
		return false;
	struct remote before = *remote;
	remotes->inode_count = list.count;
	remotes->connection_count = 0;
	remote->sockets = list.mark;
	find_connections(remotes, source, process);
	conclude(remotes, many, remote);
	return remote->count != before.count || strcmp(remote->address, before.address) != 0;
}

struct remotes *remotes_new(void) {
	struct remotes *remotes = calloc(1, sizeof *remotes);
	if (remotes == NULL)
		return NULL;
	remotes->netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	/* The kernel answers while it is asked; should it once not, guard does not wait for it. */
	const struct timeval limit = {.tv_usec = 100000};
	if (remotes->netlink >= 0 &&
	    (setsockopt(remotes->netlink, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) < 0 || diag_dump(remotes) < 0))
		descriptor_close(&remotes->netlink);
	return remotes;
}

struct remotes *remotes_free(struct remotes *remotes) {
	if (remotes != NULL)
		descriptor_close(&remotes->netlink);
	free(remotes);
	return NULL;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Opens and reads a file in the ways that cat does not. For guard_access.bats; speaks to the kernel directly where
 * a library may not know the call.
 *
 *   guard_access WAY FILE [ARGUMENT]
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int fail(const char *what) {
	perror(what);
	return 1;
}

static int read_some(int fd) {
	char bytes[4096];
	return read(fd, bytes, sizeof bytes) > 0 ? 0 : fail("read");
}

static int by_mmap(const char *path) {
	int fd = open(path, O_RDONLY);
	const volatile char *bytes = fd < 0 ? MAP_FAILED : mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	(void)close(fd);
	return bytes == MAP_FAILED ? fail("mmap") : (void)bytes[100], 0;
}

static int by_handle(const char *path) {
	struct {
		struct file_handle head;
		char room[MAX_HANDLE_SZ];
	} handle = {.head.handle_bytes = MAX_HANDLE_SZ};
	int mount_id;
	if (name_to_handle_at(AT_FDCWD, path, &handle.head, &mount_id, 0) < 0)
		return fail("name_to_handle_at");
	char folder[4096];
	(void)snprintf(folder, sizeof folder, "%s", path);
	*strrchr(folder, '/') = '\0';
	int mount = open(folder, O_RDONLY | O_DIRECTORY);
	int fd = open_by_handle_at(mount, &handle.head, O_RDONLY);
	return fd < 0 ? fail("open_by_handle_at") : read_some(fd);
}

/* One entry in, one result out. */
static int32_t uring_do(int ring, struct io_uring_params *set, void *rings, const struct io_uring_sqe *entry) {
	struct io_uring_sqe *entries = mmap(NULL, set->sq_entries * sizeof *entries, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQES);
	if (entries == MAP_FAILED)
		return -ENOMEM;
	uint32_t *tail = (uint32_t *)((char *)rings + set->sq_off.tail);
	uint32_t *places = (uint32_t *)((char *)rings + set->sq_off.array);
	uint32_t mask = *(uint32_t *)((char *)rings + set->sq_off.ring_mask);
	entries[*tail & mask] = *entry;
	places[*tail & mask] = *tail & mask;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		return -errno;
	uint32_t *head = (uint32_t *)((char *)rings + set->cq_off.head);
	uint32_t cq_mask = *(uint32_t *)((char *)rings + set->cq_off.ring_mask);
	const struct io_uring_cqe *results = (const void *)((char *)rings + set->cq_off.cqes);
	int32_t result = results[*head & cq_mask].res;
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	(void)munmap(entries, set->sq_entries * sizeof *entries);
	return result;
}

static int by_uring(const char *path) {
	struct io_uring_params set = {.flags = 0};
	int ring = (int)syscall(SYS_io_uring_setup, 4, &set);
	if (ring < 0)
		return errno == ENOSYS || errno == EPERM ? 77 : fail("io_uring_setup");
	size_t bytes = set.sq_off.array + set.sq_entries * sizeof(uint32_t);
	size_t results = set.cq_off.cqes + set.cq_entries * sizeof(struct io_uring_cqe);
	void *rings = mmap(NULL, bytes > results ? bytes : results, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring,
	    IORING_OFF_SQ_RING);
	if (rings == MAP_FAILED)
		return fail("mmap of the rings");
	static char block[4096];
	int32_t fd = uring_do(ring, &set, rings,
	    &(struct io_uring_sqe){
	        .opcode = IORING_OP_OPENAT, .fd = AT_FDCWD, .addr = (uintptr_t)path, .open_flags = O_RDONLY});
	if (fd < 0)
		return fprintf(stderr, "openat by io_uring: %s\n", strerror(-fd)), 1;
	int32_t length = uring_do(ring, &set, rings,
	    &(struct io_uring_sqe){.opcode = IORING_OP_READ, .fd = fd, .addr = (uintptr_t)block, .len = sizeof block});
	return length > 0 ? 0 : 1;
}

static int by_splice(const char *path) {
	int fd = open(path, O_RDONLY), ends[2];
	if (fd < 0 || pipe(ends) < 0)
		return fail("splice");
	return splice(fd, NULL, ends[1], NULL, 4096, 0) > 0 ? 0 : fail("splice");
}

static int by_sendfile(const char *path) {
	int fd = open(path, O_RDONLY), ends[2];
	if (fd < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
		return fail("sendfile");
	return sendfile(ends[1], fd, NULL, 4096) > 0 ? 0 : fail("sendfile");
}

/* Processes that are gone as soon as they have opened it, one after the other. */
static int by_short_lives(const char *path, int count) {
	for (int i = 0; i < count; i++) {
		pid_t pid = fork();
		if (pid == 0)
			_exit(open(path, O_RDONLY) < 0);
		int status;
		if (waitpid(pid, &status, 0) < 0 || status != 0)
			return 1;
	}
	return 0;
}

/* Many at once: all stand ready, then each opens it, and none ends before all have. */
static int by_many(const char *path, int count) {
	int start[2], done[2], leave[2], failed = 0;
	char byte = 0;
	if (pipe(start) < 0 || pipe(done) < 0 || pipe(leave) < 0)
		return fail("pipe");
	for (int i = 0; i < count; i++) {
		pid_t pid = fork();
		if (pid < 0)
			return fail("fork");
		if (pid > 0)
			continue;
		(void)close(start[1]);
		(void)close(leave[1]);
		(void)!read(start[0], &byte, 1);
		byte = open(path, O_RDONLY) < 0;
		(void)!write(done[1], &byte, 1);
		(void)!read(leave[0], &byte, 1);
		_exit(0);
	}
	(void)close(start[1]);
	for (int i = 0; i < count; i++)
		failed |= read(done[0], &byte, 1) != 1 || byte != 0;
	(void)close(leave[1]);
	while (wait(NULL) > 0)
		;
	return failed;
}

/* Opens it, waits for a line on standard input, and reads on. */
static int by_waiting(const char *path) {
	char line[16];
	int fd = open(path, O_RDONLY);
	(void)!write(1, "open\n", 5);
	if (fd < 0 || read(0, line, sizeof line) < 0)
		return fail("waiting");
	return read_some(fd);
}

/* Opens it and gives the descriptor to another program, which reads. */
static int by_passing(const char *path) {
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) < 0)
		return fail("socketpair");
	char byte = 0, control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec part = {&byte, 1};
	struct msghdr message = {
	    .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
	pid_t pid = fork();
	if (pid == 0) {
		if (recvmsg(ends[1], &message, 0) != 1)
			_exit(1);
		int fd;
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
		(void)dup2(fd, 0);
		(void)execlp("head", "head", "-c", "10", (char *)NULL);
		_exit(127);
	}
	int fd = open(path, O_RDONLY), status;
	struct cmsghdr *passed = CMSG_FIRSTHDR(&message);
	passed->cmsg_level = SOL_SOCKET;
	passed->cmsg_type = SCM_RIGHTS;
	passed->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(passed), &fd, sizeof fd);
	if (fd < 0 || sendmsg(ends[0], &message, 0) != 1)
		return fail("passing");
	return waitpid(pid, &status, 0) < 0 || status != 0;
}

/* What is no open: its attributes, a descriptor that only names it. */
static int by_looking(const char *path) {
	struct stat state;
	int fd = open(path, O_PATH);
	return fd < 0 || stat(path, &state) < 0 || fstat(fd, &state) < 0 || access(path, R_OK) < 0;
}

/* Such a descriptor opened anew by /proc. */
static int by_reopening(const char *path) {
	char again[64];
	(void)snprintf(again, sizeof again, "/proc/self/fd/%d", open(path, O_PATH));
	int fd = open(again, O_RDONLY);
	return fd < 0 ? fail("reopening") : read_some(fd);
}

int main(int argc, char **argv) {
	static const struct {
		const char *name;
		int (*go)(const char *path);
	} ways[] = {{"mmap", by_mmap}, {"handle", by_handle}, {"io_uring", by_uring}, {"splice", by_splice},
	    {"sendfile", by_sendfile}, {"waiting", by_waiting}, {"passing", by_passing}, {"looking", by_looking},
	    {"reopening", by_reopening}};
	if (argc < 3)
		return 64;
	if (strcmp(argv[1], "short") == 0)
		return by_short_lives(argv[2], argc > 3 ? (int)strtol(argv[3], NULL, 10) : 1);
	if (strcmp(argv[1], "many") == 0)
		return by_many(argv[2], argc > 3 ? (int)strtol(argv[3], NULL, 10) : 1);
	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
		if (strcmp(argv[1], ways[i].name) == 0)
			return ways[i].go(argv[2]);
	return 64;
}

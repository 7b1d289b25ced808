/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Each row is entered by a child, which then tries what it may and what it may not. Identity and
 * capabilities need root; the rest is tried as an ordinary user too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/programs.h"
#include "sandbox/sandbox.h"

enum { NOBODY = 65534, ENTERED = 0, BY_SIGNAL = 1000, NOT_ENTERED = 250 };

#define BIT(number) (UINT64_C(1) << (number))

static char folder[64]; /* root/ vault/ state/ other/, each with a file "file" of ours, mode 0600 */
static char paths[4][96];
static struct sandbox_path root_only[1], root_and_vault[2], state_only[1];
static const enum process confined[] = {
    PROCESS_WATCHER, PROCESS_PROBER, PROCESS_HASHER, PROCESS_REAPER, PROCESS_KEEPER, PROCESS_GUARD, PROCESS_PUBLISHER};

static bool as_root(void) {
	return geteuid() == 0;
}

static int enter(enum process process, const struct sandbox_path *path, size_t count) {
	struct sandbox_request request = {
	    .process = process, .drop = as_root(), .user = NOBODY, .group = NOBODY, .paths = path, .path_count = count};
	return sandbox_enter(&request);
}

static int enter_own(enum process process) {
	switch (process) {
	case PROCESS_WATCHER:
		return enter(process, root_only, 1);
	case PROCESS_REAPER:
		return enter(process, root_and_vault, 2);
	case PROCESS_KEEPER:
		return enter(process, state_only, 1);
	default:
		return enter(process, NULL, 0);
	}
}

/* What `attempt` gave in a sandboxed child (an errno, 0 for success), or BY_SIGNAL and the signal that ended it. */
static int try_in(enum process process, int (*attempt)(void)) {
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		/* A killed attempt must not leave a message of the test library's. */
		(void)signal(SIGABRT, SIG_DFL);
		if (enter_own(process) != 0)
			_exit(NOT_ENTERED);
		_exit(attempt());
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? BY_SIGNAL + WTERMSIG(status) : WEXITSTATUS(status);
}

/* What no rule names ends the program; under AddressSanitizer it is refused. */
static int forbidden(void) {
	return sandbox_is_sanitized() ? EPERM : BY_SIGNAL + SIGSYS;
}

/* What landlock refuses; without it in the kernel, nothing does. */
static int out_of_reach(int abi_needed) {
	return sandbox_landlock_abi() >= abi_needed ? EACCES : 0;
}

static int result_of(long returned) {
	return returned < 0 ? errno : 0;
}

/* ---- attempts ---- */

static int open_at(int place, int flags) {
	char path[128];
	(void)snprintf(path, sizeof path, "%s/file", paths[place]);
	return result_of(open(path, flags | O_CLOEXEC, 0600));
}

enum { ROOT, VAULT, STATE, OTHER };

static int read_root(void) {
	return open_at(ROOT, O_RDONLY);
}
static int read_state(void) {
	return open_at(STATE, O_RDONLY);
}
static int read_other(void) {
	return open_at(OTHER, O_RDONLY);
}
static int write_root(void) {
	return open_at(ROOT, O_WRONLY);
}
static int write_state(void) {
	return open_at(STATE, O_WRONLY);
}
static int truncate_root(void) {
	return open_at(ROOT, O_WRONLY | O_TRUNC);
}
static int folder_fd(int place) {
	return open(paths[place], O_PATH | O_DIRECTORY | O_CLOEXEC);
}
static int unlink_in(int place) {
	return result_of(unlinkat(folder_fd(place), "file", 0));
}
static int unlink_root(void) {
	return unlink_in(ROOT);
}
static int unlink_other(void) {
	return unlink_in(OTHER);
}
static int unlink_state(void) {
	return unlink_in(STATE);
}
static int link_into_vault(void) {
	return result_of(linkat(folder_fd(ROOT), "file", folder_fd(VAULT), "linked", 0));
}
static int rename_into_vault(void) {
	return result_of(renameat2(folder_fd(ROOT), "file", folder_fd(VAULT), "moved", RENAME_NOREPLACE));
}
static int make_in_state(void) {
	char path[128];
	(void)snprintf(path, sizeof path, "%s/new", paths[STATE]);
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, "x", 1) != 1 || fdatasync(fd) < 0 || ftruncate(fd, 0) < 0)
		return errno;
	return result_of(unlink(path));
}
static int read_zone(void) {
	return result_of(open("/usr/share/zoneinfo", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}
static int read_passwords(void) {
	return result_of(open("/etc/passwd", O_RDONLY | O_CLOEXEC));
}
static int read_watch_limit(void) {
	return result_of(open("/proc/sys/fs/inotify/max_user_watches", O_RDONLY | O_CLOEXEC));
}
static int make_socket(void) {
	return result_of(socket(AF_UNIX, SOCK_STREAM, 0));
}
static int make_process(void) {
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	return result_of(pid);
}
static int execute(void) {
	char *const arguments[] = {(char *)(uintptr_t) "true", NULL};
	return result_of(execve("/bin/true", arguments, NULL));
}
static int trace(void) {
	return result_of(syscall(SYS_ptrace, 0, 0, 0, 0));
}
static int mount_something(void) {
	return result_of(syscall(SYS_mount, "none", "/mnt", "tmpfs", 0, NULL));
}
static int truncate_by_descriptor(void) {
	return result_of(syscall(SYS_truncate, paths[ROOT], 0));
}
static int kill_another(void) {
	return result_of(kill(getppid(), 0));
}
static int watch_root(void) {
	int fd = inotify_init1(IN_CLOEXEC);
	return fd < 0 ? errno : result_of(inotify_add_watch(fd, paths[ROOT], IN_CREATE));
}
static int take_lease(void) {
	char path[128];
	(void)snprintf(path, sizeof path, "%s/file", paths[ROOT]);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? errno : result_of(fcntl(fd, F_SETLEASE, F_WRLCK));
}
static int enter_namespace(void) {
	return result_of(syscall(SYS_setns, -1, 0));
}
static int connect_out(void) {
	/* Nobody listens there: that it was refused says that it was tried. */
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(1), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return fd < 0 ? errno : result_of(connect(fd, (const struct sockaddr *)&address, sizeof address));
}
static int listen_to_all(void) {
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return fd < 0 ? errno : result_of(listen(fd, 1));
}
static int watch_opens(void) {
	int fd = fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC, O_RDONLY);
	return fd < 0
	           ? errno
	           : result_of(fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN_PERM | FAN_EVENT_ON_CHILD, AT_FDCWD, paths[ROOT]));
}
static int look_at_parent(void) {
	char path[64], target[PATH_MAX];
	(void)snprintf(path, sizeof path, "/proc/%d/exe", (int)getppid());
	return result_of(readlink(path, target, sizeof target));
}
static int map_much(void) {
	void *map = mmap(NULL, (size_t)600 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return map == MAP_FAILED ? errno : 0;
}
static int use_memory(void) {
	unsigned char *bytes = malloc((size_t)8 << 20);
	if (bytes == NULL)
		return ENOMEM;
	memset(bytes, 1, (size_t)8 << 20);
	int sum = bytes[4096];
	free(bytes);
	return sum == 1 ? 0 : EIO;
}
static int call_abort(void) {
	abort();
}

static int inherited = -1; /* open before the sandbox */
static int read_inherited(void) {
	char byte;
	struct stat facts;
	return fstat(inherited, &facts) < 0 || pread(inherited, &byte, 1, 0) != 1 ? errno : 0;
}
static int write_inherited(void) {
	return result_of(write(inherited, "x", 1));
}
static int write_error_line(void) {
	return result_of(write(STDERR_FILENO, "", 0));
}
static int become_root(void) {
	return result_of(setresuid(0, 0, 0));
}

/* ---- tests ---- */

static void test_every_row_refuses_what_none_may(void **state) {
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(confined); i++) {
		assert_int_equal(try_in(confined[i], use_memory), 0);
		bool connects = confined[i] == PROCESS_PUBLISHER;
		assert_int_equal(try_in(confined[i], make_socket), connects ? 0 : EPERM);
		/* Looking names up may try to make a thread, and goes on without. */
		assert_int_equal(try_in(confined[i], make_process), connects ? EPERM : forbidden());
		assert_int_equal(try_in(confined[i], execute), forbidden());
		assert_int_equal(try_in(confined[i], trace), forbidden());
		assert_int_equal(try_in(confined[i], mount_something), forbidden());
		assert_int_equal(try_in(confined[i], truncate_by_descriptor), forbidden());
		assert_int_equal(try_in(confined[i], become_root), forbidden());
		assert_int_equal(try_in(confined[i], kill_another), EPERM);
		assert_int_equal(try_in(confined[i], call_abort), BY_SIGNAL + SIGABRT);
		assert_int_equal(try_in(confined[i], write_error_line), 0);
	}
}

static void test_prober_and_hasher_have_their_descriptor_only(void **state) {
	(void)state;
	char path[128];
	(void)snprintf(path, sizeof path, "%s/file", paths[OTHER]);
	inherited = open(path, O_RDWR | O_CLOEXEC);
	for (size_t i = 0; i < 2; i++) {
		enum process process = i == 0 ? PROCESS_PROBER : PROCESS_HASHER;
		assert_int_equal(try_in(process, read_root), EPERM);
		assert_int_equal(try_in(process, read_passwords), EPERM);
		assert_int_equal(try_in(process, read_inherited), 0);
		assert_int_equal(try_in(process, write_inherited), EPERM);
		assert_int_equal(try_in(process, unlink_root), forbidden());
		if (!sandbox_is_sanitized())
			assert_int_equal(try_in(process, map_much), ENOMEM);
	}
	(void)close(inherited);
}

static void test_watcher_reads_its_roots_and_changes_nothing(void **state) {
	(void)state;
	assert_int_equal(try_in(PROCESS_WATCHER, read_root), 0);
	assert_int_equal(try_in(PROCESS_WATCHER, watch_root), 0);
	assert_int_equal(try_in(PROCESS_WATCHER, read_watch_limit), 0);
	assert_int_equal(try_in(PROCESS_WATCHER, read_other), out_of_reach(1));
	assert_int_equal(try_in(PROCESS_WATCHER, read_passwords), out_of_reach(1));
	assert_int_equal(try_in(PROCESS_WATCHER, write_root), out_of_reach(1));
	assert_int_equal(try_in(PROCESS_WATCHER, unlink_root), forbidden());
	assert_int_equal(try_in(PROCESS_WATCHER, rename_into_vault), forbidden());
	assert_int_equal(try_in(PROCESS_WATCHER, make_in_state), as_root() ? EACCES : out_of_reach(1));
}

static void file_make(int place) {
	char path[128];
	(void)snprintf(path, sizeof path, "%s/file", paths[place]);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "footage", 7), 7);
	assert_int_equal(close(fd), 0);
}

static void test_reaper_removes_in_its_roots_and_alters_nothing(void **state) {
	(void)state;
	int beyond = out_of_reach(2);
	assert_int_equal(try_in(PROCESS_REAPER, read_root), 0);
	assert_int_equal(try_in(PROCESS_REAPER, take_lease), 0);
	assert_int_equal(try_in(PROCESS_REAPER, write_root), beyond);
	assert_int_equal(try_in(PROCESS_REAPER, truncate_root), beyond);
	if (beyond != 0) {
		assert_int_equal(try_in(PROCESS_REAPER, read_other), EACCES);
		assert_int_equal(try_in(PROCESS_REAPER, unlink_other), EACCES);
		assert_int_equal(try_in(PROCESS_REAPER, unlink_state), EACCES);
	}
	assert_int_equal(try_in(PROCESS_REAPER, link_into_vault), 0);
	assert_int_equal(try_in(PROCESS_REAPER, rename_into_vault), 0);
	file_make(ROOT);
	assert_int_equal(try_in(PROCESS_REAPER, unlink_root), 0);
	assert_int_equal(access(paths[OTHER], F_OK), 0);
	file_make(ROOT);
}

static void test_keeper_has_its_state_and_the_zones(void **state) {
	(void)state;
	assert_int_equal(try_in(PROCESS_KEEPER, make_in_state), 0);
	assert_int_equal(try_in(PROCESS_KEEPER, read_state), 0);
	assert_int_equal(try_in(PROCESS_KEEPER, write_state), 0);
	assert_int_equal(try_in(PROCESS_KEEPER, read_zone), 0);
	assert_int_equal(try_in(PROCESS_KEEPER, read_passwords), out_of_reach(1));
	assert_int_equal(try_in(PROCESS_KEEPER, read_root), as_root() ? EACCES : out_of_reach(1));
	assert_int_equal(try_in(PROCESS_KEEPER, unlink_root), as_root() ? EACCES : out_of_reach(1));
}

/* It holds rights with which one could do anything; its filter is what keeps it from that. */
static void test_guard_looks_at_everything_and_changes_nothing(void **state) {
	(void)state;
	if (as_root()) {
		assert_int_equal(try_in(PROCESS_GUARD, watch_opens), 0);
		assert_int_equal(try_in(PROCESS_GUARD, look_at_parent), 0);
		assert_int_equal(try_in(PROCESS_GUARD, read_root), 0);
	}
	assert_int_equal(try_in(PROCESS_GUARD, unlink_root), forbidden());
	assert_int_equal(try_in(PROCESS_GUARD, rename_into_vault), forbidden());
	assert_int_equal(try_in(PROCESS_GUARD, enter_namespace), forbidden());
	assert_int_equal(try_in(PROCESS_GUARD, connect_out), EPERM);
}

static void test_publisher_talks_and_reads_nothing(void **state) {
	(void)state;
	assert_int_equal(try_in(PROCESS_PUBLISHER, connect_out), ECONNREFUSED);
	assert_int_equal(try_in(PROCESS_PUBLISHER, listen_to_all), forbidden());
	assert_int_equal(try_in(PROCESS_PUBLISHER, read_passwords), out_of_reach(1));
	assert_int_equal(try_in(PROCESS_PUBLISHER, read_root), as_root() ? EACCES : out_of_reach(1));
	assert_int_equal(try_in(PROCESS_PUBLISHER, read_state), out_of_reach(1));
	assert_int_equal(try_in(PROCESS_PUBLISHER, unlink_root), forbidden());
	assert_int_equal(try_in(PROCESS_PUBLISHER, watch_opens), forbidden());
	if (!sandbox_is_sanitized())
		assert_int_equal(try_in(PROCESS_PUBLISHER, map_much), ENOMEM);
}

/* ---- /proc/<pid>/status ---- */

static uint64_t status_number(const char *text, const char *key, int radix) {
	const char *line = strstr(text, key);
	assert_non_null(line);
	return strtoull(line + strlen(key), NULL, radix);
}

/* The status of a child that has entered and waits. */
static void status_of(enum process process, char *text, size_t room) {
	int ends[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	pid_t pid = fork();
	if (pid == 0) {
		(void)close(ends[0]);
		char byte = (char)enter_own(process);
		(void)send(ends[1], &byte, 1, 0);
		(void)recv(ends[1], &byte, 1, 0);
		_exit(0);
	}
	char byte = 1;
	assert_int_equal(recv(ends[0], &byte, 1, 0), 1);
	assert_int_equal(byte, 0);
	char path[64];
	(void)snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = read(fd, text, room - 1);
	assert_true(length > 0);
	text[length] = '\0';
	(void)close(fd);
	(void)close(ends[0]);
	(void)close(ends[1]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void check_status(enum process process, uint64_t effective, uint64_t permitted) {
	char text[8192];
	status_of(process, text, sizeof text);
	bool is_confined = process != PROCESS_SUPERVISOR;
	assert_int_equal(status_number(text, "\nNoNewPrivs:", 10), is_confined);
	assert_int_equal(status_number(text, "\nSeccomp:", 10), is_confined ? 2 : 0);
	if (!as_root())
		return;
	uint64_t held = status_number(text, "\nCapBnd:", 16);
	assert_int_equal(held & ~permitted, 0);
	assert_true(status_number(text, "\nCapPrm:", 16) == (permitted & held));
	assert_true(status_number(text, "\nCapEff:", 16) == (effective & held));
	assert_int_equal(status_number(text, "\nCapInh:", 16), 0);
	assert_int_equal(status_number(text, "\nCapAmb:", 16), 0);
	assert_non_null(strstr(text, "\nUid:\t65534\t65534\t65534\t65534\n"));
	assert_non_null(strstr(text, "\nGid:\t65534\t65534\t65534\t65534\n"));
	const char *groups = strstr(text, "\nGroups:");
	assert_non_null(groups);
	assert_int_equal(strspn(groups + 8, " \t"), strcspn(groups + 8, "\n"));
}

static void test_status_shows_what_is_kept(void **state) {
	(void)state;
	uint64_t watcher = BIT(CAP_DAC_READ_SEARCH);
	uint64_t guard = BIT(CAP_SYS_ADMIN) | BIT(CAP_SYS_PTRACE) | BIT(CAP_DAC_READ_SEARCH);
	uint64_t reaper = BIT(CAP_DAC_OVERRIDE) | BIT(CAP_FOWNER) | BIT(CAP_LEASE);
	check_status(PROCESS_WATCHER, watcher, watcher);
	check_status(PROCESS_REAPER, reaper, reaper);
	check_status(PROCESS_PROBER, 0, 0);
	check_status(PROCESS_HASHER, 0, 0);
	check_status(PROCESS_KEEPER, 0, 0);
	check_status(PROCESS_PUBLISHER, 0, 0);
	check_status(PROCESS_GUARD, guard, guard);
	check_status(PROCESS_SUPERVISOR, watcher | BIT(CAP_KILL),
	    watcher | reaper | guard | BIT(CAP_KILL) | BIT(CAP_SETUID) | BIT(CAP_SETGID) | BIT(CAP_SETPCAP) |
	        BIT(CAP_CHOWN) | BIT(CAP_IPC_LOCK) | BIT(CAP_SYS_NICE));
}

static int limits_as_told(void) {
	struct rlimit cpu, output, files, core, space;
	if (getrlimit(RLIMIT_CPU, &cpu) < 0 || getrlimit(RLIMIT_FSIZE, &output) < 0 ||
	    getrlimit(RLIMIT_NOFILE, &files) < 0 || getrlimit(RLIMIT_CORE, &core) < 0 || getrlimit(RLIMIT_AS, &space) < 0)
		return errno;
	struct stat facts;
	rlim_t most = fstat(STDERR_FILENO, &facts) == 0 && S_ISREG(facts.st_mode) ? (rlim_t)facts.st_size + (1 << 20) : 0;
	bool space_as_told = sandbox_is_sanitized() || space.rlim_max == (rlim_t)512 << 20;
	return cpu.rlim_cur == 600 && output.rlim_max <= most && files.rlim_max == 32 && core.rlim_max == 0 && space_as_told
	           ? 0
	           : EIO;
}

static void test_limits_are_set(void **state) {
	(void)state;
	assert_int_equal(try_in(PROCESS_PROBER, limits_as_told), 0);
	assert_int_equal(try_in(PROCESS_HASHER, limits_as_told), 0);
}

static void test_a_process_without_a_row_ends(void **state) {
	(void)state;
	assert_int_equal(enter(PROCESS_REMUXER, NULL, 0), -ENOSYS);
	assert_int_equal(enter(PROCESS_COUNT, NULL, 0), -ENOSYS);
	assert_string_equal(process_name(PROCESS_REAPER), "reaper");
	assert_string_equal(process_name(PROCESS_COUNT), "unknown");
}

static int do_nothing(void) {
	return 0;
}

static void test_a_path_that_is_not_there_is_left_out(void **state) {
	(void)state;
	struct sandbox_path kept = root_only[0];
	root_only[0].path = "/nonexistent/footage";
	assert_int_equal(try_in(PROCESS_WATCHER, do_nothing), 0);
	assert_int_equal(try_in(PROCESS_WATCHER, read_root), out_of_reach(1));
	root_only[0] = kept;
}

/* The kernel forgets the parent-death signal at a change of user. */
static void test_a_child_still_ends_with_its_parent(void **state) {
	(void)state;
	int ends[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	pid_t parent = fork();
	if (parent == 0) {
		pid_t child = fork();
		if (child == 0) {
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
			(void)close(ends[0]);
			char byte = (char)enter_own(PROCESS_REAPER);
			(void)send(ends[1], &byte, 1, 0);
			for (int i = 0; i < 10; i++)
				(void)poll(NULL, 0, 1000);
			_exit(0);
		}
		(void)close(ends[1]);
		char byte;
		_exit(recv(ends[0], &byte, 1, MSG_PEEK) == 1 ? byte : 1);
	}
	(void)close(ends[1]);
	int status;
	assert_int_equal(waitpid(parent, &status, 0), parent);
	assert_int_equal(status, 0);
	char byte;
	assert_int_equal(recv(ends[0], &byte, 1, 0), 1);
	struct pollfd end = {.fd = ends[0], .events = POLLIN};
	assert_int_equal(poll(&end, 1, 5000), 1);
	assert_int_equal(recv(ends[0], &byte, 1, 0), 0);
	(void)close(ends[0]);
}

static int set_up(void **state) {
	(void)state;
	static const char *const names[] = {"root", "vault", "state", "other"};
	(void)snprintf(folder, sizeof folder, "/tmp/retention-sandbox-XXXXXX");
	if (mkdtemp(folder) == NULL || chmod(folder, 0755) < 0)
		return -1;
	for (int i = 0; i < 4; i++) {
		(void)snprintf(paths[i], sizeof paths[i], "%s/%s", folder, names[i]);
		if (mkdir(paths[i], 0755) < 0)
			return -1;
		file_make(i);
	}
	char path[128];
	(void)snprintf(path, sizeof path, "%s/file", paths[STATE]);
	if (as_root() && (chown(paths[STATE], NOBODY, NOBODY) < 0 || chown(path, NOBODY, NOBODY) < 0))
		return -1;
	root_only[0] = (struct sandbox_path){paths[ROOT], false};
	root_and_vault[0] = (struct sandbox_path){paths[ROOT], true};
	root_and_vault[1] = (struct sandbox_path){paths[VAULT], true};
	state_only[0] = (struct sandbox_path){paths[STATE], true};
	return 0;
}

static int tear_down(void **state) {
	(void)state;
	static const char *const names[] = {"file", "linked", "moved", "new"};
	for (int i = 0; i < 4; i++) {
		int fd = folder_fd(i);
		for (size_t k = 0; k < ARRAY_LENGTH(names); k++)
			(void)unlinkat(fd, names[k], 0);
		(void)close(fd);
		(void)rmdir(paths[i]);
	}
	return rmdir(folder);
}

int main(void) {
	/* Valgrind makes system calls of its own in the child's name. */
	const char *preloaded = getenv("LD_PRELOAD");
	if (preloaded != NULL && strstr(preloaded, "vgpreload") != NULL) {
		(void)puts("sandbox_test: skipped under valgrind");
		return 0;
	}
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_row_refuses_what_none_may),
	    cmocka_unit_test(test_prober_and_hasher_have_their_descriptor_only),
	    cmocka_unit_test(test_watcher_reads_its_roots_and_changes_nothing),
	    cmocka_unit_test(test_reaper_removes_in_its_roots_and_alters_nothing),
	    cmocka_unit_test(test_keeper_has_its_state_and_the_zones),
	    cmocka_unit_test(test_guard_looks_at_everything_and_changes_nothing),
	    cmocka_unit_test(test_publisher_talks_and_reads_nothing),
	    cmocka_unit_test(test_status_shows_what_is_kept),
	    cmocka_unit_test(test_limits_are_set),
	    cmocka_unit_test(test_a_process_without_a_row_ends),
	    cmocka_unit_test(test_a_path_that_is_not_there_is_left_out),
	    cmocka_unit_test(test_a_child_still_ends_with_its_parent),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who opens: real processes are looked at while they stand still, change, and end. */
#include "daemon/guard/accessor.h"

#include <grp.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <termios.h>

#include "accessor_world.h"
#include "daemon/guard/accessor_private.h"
#include "daemon/guard/accessor_text.h"
#include "tree.h"

static const char *const SLEEP[] = {"/bin/sleep", "60", NULL};
static char own_path[PATH_MAX];    /* of this program's file */
static char own_program[PATH_MAX]; /* what runs: another one under valgrind, which shows that only here */

static void real_path(const char *path, char real[PATH_MAX]) {
	assert_non_null(realpath(path, real));
}

/* ---- what is told ---- */

static void a_program_is_told(void **state) {
	(void)state;
	struct child child = run_program(SLEEP);
	char path[PATH_MAX];
	real_path("/bin/sleep", path);
	struct stat program;
	assert_int_equal(stat(path, &program), 0);
	(void)look(child.pid);
	const struct record_accessor *who = &told.accessor;
	assert_int_equal(who->pid, child.pid);
	assert_int_equal(who->reliable, 1);
	assert_int_equal(who->kernel, 0);
	assert_int_equal(who->part, ACCESSOR_OTHER);
	assert_text(who->executable, path);
	assert_int_equal(who->executable_device, program.st_dev);
	assert_int_equal(who->executable_inode, program.st_ino);
	assert_text(who->command, text_base(path));
	assert_int_equal(who->arguments.length, sizeof "/bin/sleep\00060" - 1);
	assert_memory_equal(who->arguments.data, "/bin/sleep\00060", who->arguments.length);
	assert_int_equal(who->arguments_bytes, who->arguments.length);
	assert_int_equal(who->real_user, getuid());
	assert_int_equal(who->effective_user, geteuid());
	assert_int_equal(who->filesystem_user, geteuid());
	assert_int_equal(who->group, getegid());
	assert_true(who->start_us > clock_wall_us() - 10 * US_PER_SECOND && who->start_us <= clock_wall_us() + 20000);
	assert_true(who->mount_namespace != 0);
	assert_int_equal(who->foreign_namespace, 0);
	assert_true(who->cgroup.length > 0);
	assert_text(who->protocol, "");
	assert_int_equal(who->remotes, 0);
	assert_true(told.ancestor_count >= 1);
	assert_int_equal(told.ancestors[0].pid, getpid());
	assert_text(told.ancestors[0].executable, own_program);
	assert_int_equal(told.ancestors[0].real_user, getuid());
	assert_true(told.ancestors[0].start_us <= who->start_us);
	end(&child);
}

static void a_known_one_is_told_once(void **state) {
	(void)state;
	struct child child = run_program(SLEEP);
	struct accessor *accessor = accessors_look(accessors, child.pid, ACCESSOR_NO_PIDFD);
	assert_true(accessor_complete(accessors, accessor));
	uint32_t number = accessor_number(accessor);
	assert_ptr_equal(accessors_look(accessors, child.pid, ACCESSOR_NO_PIDFD), accessor);
	assert_false(accessor_complete(accessors, accessor));
	assert_int_equal(accessor_number(accessor), number);
	accessors_forget_told(accessors);
	assert_true(accessor_complete(accessors, accessor));
	assert_int_equal(accessor_number(accessor), number);
	end(&child);
}

static void given_pidfds_are_taken(void **state) {
	(void)state;
	struct child child = run_program(SLEEP);
	for (size_t i = 0; i < 3; i++) {
		int pidfd = (int)syscall(SYS_pidfd_open, child.pid, 0);
		if (pidfd < 0)
			skip();
		struct accessor *accessor = accessors_look(accessors, child.pid, pidfd);
		assert_true(accessor->reliable);
		/* The first is kept, the others are closed. */
		assert_int_equal(fcntl(pidfd, F_GETFD) >= 0, i == 0);
	}
	end(&child);
}

static void long_arguments_are_cut_and_counted(void **state) {
	(void)state;
	static char text[20000];
	memset(text, 'a', sizeof text - 1);
	struct child child = run_program((const char *const[]){"/bin/sh", "-c", "sleep 60; :", text, NULL});
	(void)look(child.pid);
	assert_int_equal(told.accessor.arguments.length, ARGUMENTS_BYTES);
	assert_memory_equal(told.accessor.arguments.data, "/bin/sh\0-c", sizeof "/bin/sh\0-c");
	assert_int_equal(
	    told.accessor.arguments_bytes, sizeof "/bin/sh" + sizeof "-c" + sizeof "sleep 60; :" + sizeof text);
	end(&child);
}

static int become_user(void *context) {
	(void)context;
	static const gid_t groups[] = {4, 24, 27};
	int login = open("/proc/self/loginuid", O_WRONLY | O_CLOEXEC);
	ssize_t written = login < 0 ? -1 : write(login, "1234", 4);
	(void)written;
	if (setgroups(ARRAY_LENGTH(groups), groups) < 0 || setresgid(2001, 2002, 2003) < 0 ||
	    setresuid(1001, 1002, 1003) < 0)
		return 1;
	return stay(NULL);
}

static void users_and_groups_are_told(void **state) {
	(void)state;
	skip_unless_root();
	struct child child = run_ready(become_user, NULL);
	(void)look(child.pid);
	assert_int_equal(told.accessor.real_user, 1001);
	assert_int_equal(told.accessor.effective_user, 1002);
	assert_int_equal(told.accessor.filesystem_user, 1002);
	assert_int_equal(told.accessor.group, 2002);
	assert_text(told.accessor.groups, "4 24 27");
	char path[64], login[32] = "";
	(void)snprintf(path, sizeof path, "/proc/%d/loginuid", child.pid);
	CLOSED_AT_END int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		assert_true(read(fd, login, sizeof login - 1) > 0);
		assert_int_equal(told.accessor.login_user, strtoul(login, NULL, 10));
	}
	end(&child);
}

static int take_many_groups(void *context) {
	(void)context;
	static gid_t groups[300];
	for (size_t i = 0; i < ARRAY_LENGTH(groups); i++)
		groups[i] = (gid_t)(10000 + i);
	return setgroups(ARRAY_LENGTH(groups), groups) < 0 ? 1 : stay(NULL);
}

static void many_groups_are_cut(void **state) {
	(void)state;
	skip_unless_root();
	struct child child = run_ready(take_many_groups, NULL);
	(void)look(child.pid);
	assert_true(told.accessor.groups.length < GROUPS_BYTES);
	assert_memory_equal(told.accessor.groups.data, "10000 10001 ", 12);
	assert_memory_equal(told.accessor.groups.data + told.accessor.groups.length - 4, " ...", 4);
	end(&child);
}

static int own_terminal(void *context) {
	const char *name = context;
	if (setsid() < 0)
		return 1;
	int terminal = open(name, O_RDWR);
	return terminal < 0 || ioctl(terminal, TIOCSCTTY, 0) < 0 ? 1 : stay(NULL);
}

static void terminal_is_told(void **state) {
	(void)state;
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	char name[64];
	assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
	assert_int_equal(ptsname_r(master, name, sizeof name), 0);
	struct child child = run_ready(own_terminal, name);
	(void)look(child.pid);
	assert_text(told.accessor.terminal, name + sizeof "/dev/" - 1);
	end(&child);
	(void)close(master);
}

static void kernel_threads_are_named(void **state) {
	(void)state;
	if (kill(2, 0) < 0 && errno == ESRCH)
		skip();
	(void)look(2);
	assert_int_equal(told.accessor.kernel, 1);
	assert_int_equal(told.accessor.reliable, 1);
	assert_text(told.accessor.executable, "");
	assert_text(told.accessor.command, "kthreadd");
}

static void removed_programs_keep_their_path(void **state) {
	(void)state;
	char path[] = "/tmp/accessor_test.XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	(void)close(fd);
	copy_file("/bin/sleep", path);
	assert_int_equal(chmod(path, 0755), 0);
	struct child child = run_program((const char *const[]){path, "60", NULL});
	assert_int_equal(unlink(path), 0);
	(void)look(child.pid);
	assert_text(told.accessor.executable, path);
	end(&child);
}

static int own_mounts(void *context) {
	(void)context;
	return unshare(CLONE_NEWNS) < 0 ? 1 : stay(NULL);
}

static void mount_namespace_is_told(void **state) {
	(void)state;
	skip_unless_root();
	struct child child = run_ready(own_mounts, NULL);
	(void)look(child.pid);
	assert_int_equal(told.accessor.foreign_namespace, 1);
	assert_int_equal(told.accessor.reliable, 1);
	end(&child);
}

static int enter_cgroup(void *context) {
	char path[PATH_MAX];
	(void)snprintf(path, sizeof path, "%s/cgroup.procs", (const char *)context);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd < 0 || write(fd, "0", 1) != 1 ? 1 : stay(NULL);
}

static void unit_is_told(void **state) {
	(void)state;
	static const char SLICE[] = "/sys/fs/cgroup/systemd/accessortest.slice";
	char unit[128];
	(void)snprintf(unit, sizeof unit, "%s/accessortest-%d.service", SLICE, getpid());
	bool made = mkdir(SLICE, 0755) == 0 || errno == EEXIST;
	if (!made || mkdir(unit, 0755) < 0)
		skip();
	struct child child = run_ready(enter_cgroup, unit);
	(void)look(child.pid);
	end(&child);
	(void)rmdir(unit);
	(void)rmdir(SLICE);
	assert_text(told.accessor.unit, text_base(unit));
	assert_text(told.accessor.cgroup, unit + sizeof "/sys/fs/cgroup/systemd" - 1);
}

static void units_are_found_as_systemd_names_them(void **state) {
	(void)state;
	static const struct {
		const char *cgroup, *unit;
	} cases[] = {
	    {"/system.slice/frigate.service", "frigate.service"},
	    {"/", ""},
	    {"", ""},
	    {"/docker/0123", ""},
	    {"/docker/0123/system.slice/frigate.service", ""},
	    {"/system.slice/docker-0123.scope", "docker-0123.scope"},
	    {"/system.slice/docker-0123.scope/system.slice/frigate.service", "docker-0123.scope"},
	    {"/user.slice/user-1000.slice/session-3.scope", "session-3.scope"},
	    /* What a user made below the own service manager is no unit of the system. */
	    {"/user.slice/user-1000.slice/user@1000.service/app.slice/frigate.service", "user@1000.service"},
	    {"/system.slice/system-getty.slice/getty@tty1.service", "getty@tty1.service"},
	    {"/_cpu.service", "cpu.service"},
	    {"/.service", ""},
	    {"/machine.slice", ""},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		size_t offset, length;
		cgroup_unit(cases[i].cgroup, &offset, &length);
		assert_text((struct text){cases[i].cgroup + offset, length}, cases[i].unit);
	}
}

static void terminals_have_names(void **state) {
	(void)state;
	static const struct {
		uint32_t number;
		const char *name;
	} cases[] = {{0, ""}, {136 << 8 | 3, "pts/3"}, {4 << 8 | 1, "tty1"}, {4 << 8 | 64, "ttyS0"},
	    {204 << 8 | 64, "ttyAMA0"}, {136 << 8 | 1 << 20 | 2, "pts/258"}, {137 << 8 | 1, "pts/257"},
	    {5 << 8 | 1, "5:1"}};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		char name[TERMINAL_BYTES];
		terminal_name(cases[i].number, name);
		assert_string_equal(name, cases[i].name);
	}
}

/* ---- what changes ---- */

static int change_user(void *context) {
	(void)context;
	static const uid_t users[] = {1001, 0, 1002};
	say(CHILD_END);
	for (size_t i = 0; hear(CHILD_END) && i < ARRAY_LENGTH(users); i++)
		say(setresuid((uid_t)-1, users[i], 0) < 0 ? -1 : CHILD_END);
	return 0;
}

static void another_user_is_another_accessor(void **state) {
	(void)state;
	skip_unless_root();
	struct child child = run_ready(change_user, NULL);
	uint32_t as_root = accessor_number(look(child.pid));
	say(child.talk);
	assert_true(hear(child.talk));
	struct accessor *changed = accessors_look(accessors, child.pid, ACCESSOR_NO_PIDFD);
	assert_true(accessor_complete(accessors, changed));
	tell(changed, 0);
	uint32_t as_user = accessor_number(changed);
	assert_int_not_equal(as_user, as_root);
	assert_int_equal(told.accessor.effective_user, 1001);
	/* And back: the same number as before, which is known already. */
	say(child.talk);
	assert_true(hear(child.talk));
	struct accessor *again = accessors_look(accessors, child.pid, ACCESSOR_NO_PIDFD);
	assert_int_equal(accessor_number(again), as_root);
	assert_false(accessor_complete(accessors, again));
	end(&child);
}

static int exec_when_told(void *arguments) {
	say(CHILD_END);
	if (!hear(CHILD_END))
		return 1;
	return exec_program(arguments);
}

static void another_program_is_another_accessor(void **state) {
	(void)state;
	struct child child = run_ready(exec_when_told, (void *)(uintptr_t)SLEEP);
	uint32_t before = accessor_number(look(child.pid));
	assert_text(told.accessor.executable, own_program);
	say(child.talk);
	assert_false(hear(child.talk));
	assert_int_not_equal(accessor_number(look(child.pid)), before);
	char path[PATH_MAX];
	real_path("/bin/sleep", path);
	assert_text(told.accessor.executable, path);
	end(&child);
}

/* Another program of the same name: only its file tells. */
static void a_namesake_is_another_accessor(void **state) {
	(void)state;
	struct child child = run_program(SLEEP);
	uint32_t number = accessor_number(look(child.pid));
	struct accessor *known = accessors_look(accessors, child.pid, ACCESSOR_NO_PIDFD);
	/* As if it had been another file before. */
	known->program.inode++;
	assert_int_not_equal(accessor_number(look(child.pid)), number);
	known->program.inode--;
	known->program.device++;
	assert_int_not_equal(accessor_number(look(child.pid)), number);
	end(&child);
}

/* Each id counts by itself. */
static void any_other_id_is_another_accessor(void **state) {
	(void)state;
	struct child child = run_program(SLEEP);
	for (size_t i = 0; i < 4; i++) {
		struct accessor *known = look(child.pid);
		uint32_t *const ids[] = {
		    &known->ids.real_user, &known->ids.effective_user, &known->ids.filesystem_user, &known->ids.group};
		++*ids[i]; /* as if it had been so before */
		assert_int_not_equal(accessor_number(look(child.pid)), accessor_number(known));
	}
	end(&child);
}

/* The same program under the same name, started anew: only its arguments and its stack tell. */
static void the_same_program_started_anew_is_noticed(void **state) {
	(void)state;
	int input[2];
	assert_int_equal(pipe2(input, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0) {
		(void)dup2(input[0], 0);
		(void)execl("/bin/sh", "sh", "-c", "read x; exec sh -c 'read y; :' second", (char *)NULL);
		_exit(127);
	}
	(void)close(input[0]);
	char link[64], path[PATH_MAX] = "", shell[PATH_MAX];
	real_path("/bin/sh", shell);
	(void)snprintf(link, sizeof link, "/proc/%d/exe", pid);
	while (strcmp(path, shell) != 0) {
		ssize_t length = readlink(link, path, sizeof path - 1);
		path[length < 0 ? 0 : length] = '\0';
		(void)usleep(1000);
	}
	uint32_t before = accessor_number(look(pid));
	uint32_t bytes = told.accessor.arguments_bytes;
	assert_int_equal(write(input[1], "\n", 1), 1);
	(void)usleep(CHECK_INTERVAL_US + 100000);
	assert_int_not_equal(accessor_number(look(pid)), before);
	assert_int_not_equal(told.accessor.arguments_bytes, bytes);
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	(void)close(input[1]);
}

static void one_that_is_gone_is_not_reliable(void **state) {
	(void)state;
	struct child child = run_program(SLEEP);
	pid_t pid = child.pid;
	uint32_t number = accessor_number(look(pid));
	assert_int_equal(told.accessor.reliable, 1);
	end(&child);
	assert_int_not_equal(accessor_number(look(pid)), number);
	assert_int_equal(told.accessor.reliable, 0);
	assert_int_equal(told.accessor.pid, pid);
	assert_int_equal(told.accessor.real_user, UINT32_MAX);
	/* The kernel says that it was gone: whoever has its number now is somebody else. */
	struct accessor *accessor = accessors_look(accessors, getpid(), ACCESSOR_PIDFD_GONE);
	(void)accessor_complete(accessors, accessor);
	tell(accessor, 0);
	assert_int_equal(told.accessor.reliable, 0);
	assert_text(told.accessor.executable, "");
	(void)look(0);
	assert_int_equal(told.accessor.reliable, 0);
}

/* Gives the next child a number that was used before. */
static struct child run_as_number(pid_t pid) {
	for (size_t attempts = 0; attempts < 200; attempts++) {
		char number[16];
		int length = snprintf(number, sizeof number, "%d", pid - 1);
		CLOSED_AT_END int last = open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC);
		if (last < 0 || write(last, number, (size_t)length) != length)
			return (struct child){0, -1};
		struct child child = run_ready(stay, NULL);
		if (child.pid == pid)
			return child;
		end(&child);
	}
	return (struct child){0, -1};
}

static void a_number_used_again_is_another_process(void **state) {
	(void)state;
	skip_unless_root();
	struct child first = run_program(SLEEP);
	pid_t pid = first.pid;
	uint32_t number = accessor_number(look(pid));
	end(&first);
	struct child second = run_as_number(pid);
	if (second.pid == 0)
		skip();
	assert_int_not_equal(accessor_number(look(pid)), number);
	assert_text(told.accessor.executable, own_program);
	assert_int_equal(told.accessor.reliable, 1);
	end(&second);
}

static void more_than_are_kept(void **state) {
	(void)state;
	enum { MANY = ACCESSORS_KEPT + 100 };
	static struct child children[MANY];
	static uint32_t numbers[MANY];
	for (size_t i = 0; i < MANY; i++) {
		children[i] = run_ready(stay, NULL);
		numbers[i] = accessor_number(look(children[i].pid));
		assert_int_equal(told.accessor.reliable, 1);
		assert_int_equal(told.accessor.pid, children[i].pid);
	}
	assert_int_equal(accessor_number(look(children[MANY - 1].pid)), numbers[MANY - 1]);
	assert_int_not_equal(accessor_number(look(children[0].pid)), numbers[0]);
	for (size_t i = 0; i < MANY; i++)
		end(&children[i]);
	/* Descriptors stay bounded. */
	int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_true(next >= 0 && next < ACCESSORS_KEPT * 4 + PARENTS_KEPT * 4 + 64);
	(void)close(next);
}

/* ---- threads ---- */

static void *thread_as_user(void *fd) {
	if (syscall(SYS_setresuid, -1, 1001, -1) == 0)
		say(*(int *)fd);
	(void)pause();
	return NULL;
}

static int run_threads(int fd) {
	pthread_t thread;
	return pthread_create(&thread, NULL, thread_as_user, &fd) != 0 ? 1 : (pause(), 0);
}

static void *thread_that_stays(void *fd) {
	(void)usleep(50000);
	say(*(int *)fd);
	(void)pause();
	return NULL;
}

static int run_without_first_thread(void) {
	static int fd = CHILD_END;
	pthread_t thread;
	if (pthread_create(&thread, NULL, thread_that_stays, &fd) != 0)
		return 1;
	pthread_exit(NULL);
}

static int exec_kept(void *arguments) {
	char *const *argv = arguments;
	(void)execv(argv[0], argv);
	return 127;
}

/* A copy of this program, which says by itself when it is ready. */
static struct child run_ready_program(const char *const *arguments) {
	return run_ready(exec_kept, (void *)(uintptr_t)arguments);
}

/* Samba gives each thread the user for whom it works. */
static void a_servers_thread_has_its_own_user(void **state) {
	(void)state;
	skip_unless_root();
	char folder[] = "/tmp/accessor_test.XXXXXX", path[64];
	assert_non_null(mkdtemp(folder));
	(void)snprintf(path, sizeof path, "%s/smbd", folder);
	copy_file(own_path, path);
	struct child child = run_ready_program((const char *const[]){path, "--threads", NULL});
	(void)look(child.pid);
	assert_int_equal(told.accessor.effective_user, 1001);
	assert_int_equal(told.accessor.real_user, 0);
	assert_text(told.accessor.protocol, "smb");
	end(&child);
	assert_int_equal(tree_remove(folder), 0);
}

static void a_process_whose_first_thread_ended_is_told(void **state) {
	(void)state;
	struct child child = run_ready_program((const char *const[]){own_path, "--without-first", NULL});
	(void)look(child.pid);
	assert_int_equal(told.accessor.reliable, 1);
	assert_int_equal(told.accessor.kernel, 0);
	assert_text(told.accessor.executable, own_path);
	uint32_t number = told.accessor.accessor;
	assert_int_equal(accessor_number(look(child.pid)), number);
	end(&child);
}

/* ---- rules ---- */

static enum accessor_part part_of(pid_t pid, size_t root) {
	struct accessor *accessor = accessors_look(accessors, pid, ACCESSOR_NO_PIDFD);
	return accessor_part(accessors, accessor, root);
}

static void rules_name_programs(void **state) {
	(void)state;
	char path[PATH_MAX];
	real_path("/bin/sleep", path);
	struct child child = run_program(SLEEP);
	struct accessor_settings rules[] = {{.executable = path, .user_id = (uid_t)-1},
	    {.user = (char[]){"somebody"}, .user_id = geteuid()},
	    {.executable = path, .user = (char[]){"somebody"}, .user_id = geteuid()},
	    {.executable = path, .user = (char[]){"nobody"}, .user_id = geteuid() + 1},
	    {.executable = (char[]){"/bin/other"}, .user = (char[]){"somebody"}, .user_id = geteuid()},
	    {.user = (char[]){"unknown"}, .user_id = (uid_t)-1}, {.unit = (char[]){"none.service"}, .user_id = (uid_t)-1},
	    {.executable = path, .unit = (char[]){"none.service"}, .user_id = (uid_t)-1}, {.user_id = (uid_t)-1}};
	static const bool fits[] = {true, true, true, false, false, false, false, false, false};
	struct root_settings roots[2] = {{.name = (char[]){"a"}}, {.name = (char[]){"b"}}};
	struct settings with = {.roots = roots, .root_count = 2};
	for (size_t i = 0; i < ARRAY_LENGTH(rules); i++) {
		roots[1].recorders = &rules[i];
		roots[1].recorder_count = 1;
		with.guard.allow_count = 0;
		accessors_configure(accessors, &with);
		assert_int_equal(part_of(child.pid, 0), ACCESSOR_OTHER);
		assert_int_equal(part_of(child.pid, 1), fits[i] ? ACCESSOR_RECORDER : ACCESSOR_OTHER);
		assert_int_equal(part_of(child.pid, 2), ACCESSOR_OTHER);
		roots[1].recorder_count = 0;
		with.guard.allow = &rules[i];
		with.guard.allow_count = 1;
		accessors_configure(accessors, &with);
		assert_int_equal(part_of(child.pid, 1), fits[i] ? ACCESSOR_ALLOWED : ACCESSOR_OTHER);
	}
	accessors_configure(accessors, &settings);
	assert_int_equal(part_of(child.pid, 1), ACCESSOR_OTHER);
	end(&child);
}

static int impersonate(void *context) {
	const char *path = context;
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("/bin/cat", path, NULL, MS_BIND, NULL) < 0)
		return 1;
	const char *const arguments[] = {path, NULL};
	(void)dup2(CHILD_END, 0);
	return exec_program((void *)(uintptr_t)arguments);
}

static void a_path_in_another_mount_namespace_is_not_believed(void **state) {
	(void)state;
	skip_unless_root();
	char path[PATH_MAX];
	real_path("/bin/sleep", path);
	struct accessor_settings rule = {.executable = path, .user_id = (uid_t)-1};
	struct settings with = {.guard = {.allow = &rule, .allow_count = 1}};
	accessors_configure(accessors, &with);
	struct child honest = run_ready(own_mounts, NULL);
	end(&honest);
	/* Somebody mounts a program of his own over the one that is allowed. */
	struct child child = run(impersonate, path);
	char link[64], found[PATH_MAX] = "";
	(void)snprintf(link, sizeof link, "/proc/%d/exe", child.pid);
	for (size_t i = 0; i < 2000 && strcmp(found, path) != 0; i++) {
		ssize_t length = readlink(link, found, sizeof found - 1);
		found[length < 0 ? 0 : length] = '\0';
		(void)usleep(1000);
	}
	assert_int_equal(part_of(child.pid, 0), ACCESSOR_OTHER);
	(void)look(child.pid);
	assert_text(told.accessor.executable, path);
	end(&child);
	/* The real one is allowed there as well. */
	child = run_program((const char *const[]){"/usr/bin/unshare", "-m", "/bin/sleep", "60", NULL});
	for (size_t i = 0; i < 2000 && part_of(child.pid, 0) != ACCESSOR_ALLOWED; i++)
		(void)usleep(1000);
	assert_int_equal(part_of(child.pid, 0), ACCESSOR_ALLOWED);
	(void)look(child.pid);
	assert_int_equal(told.accessor.foreign_namespace, 1);
	end(&child);
	accessors_configure(accessors, &settings);
}

static void own_programs_are_known(void **state) {
	(void)state;
	struct accessors *with_us = accessors_new(&settings, getpid());
	struct child own = run_ready_program((const char *const[]){own_path, "--stay", NULL});
	struct child other = run_program(SLEEP);
	assert_int_equal(accessor_part(with_us, accessors_look(with_us, own.pid, ACCESSOR_NO_PIDFD), 0), ACCESSOR_OWN);
	assert_int_equal(accessor_part(with_us, accessors_look(with_us, getpid(), ACCESSOR_NO_PIDFD), 0), ACCESSOR_OWN);
	assert_int_equal(accessor_part(with_us, accessors_look(with_us, other.pid, ACCESSOR_NO_PIDFD), 0), ACCESSOR_OTHER);
	/* The same program whose parent is not the supervisor is not ours. */
	assert_int_equal(part_of(own.pid, 0), ACCESSOR_OTHER);
	end(&own);
	end(&other);
	(void)accessors_free(with_us);
}

/* ---- never waiting ---- */

static void a_stuck_reader_of_arguments_holds_nobody_up(void **state) {
	(void)state;
	enum { MANY = ARGUMENTS_ASKED + 10 };
	static struct child children[MANY];
	for (size_t i = 0; i < MANY; i++)
		children[i] = run_program(SLEEP);
	pid_t reader = accessors->arguments.reader;
	assert_int_equal(kill(reader, SIGSTOP), 0);
	assert_int_equal(waitpid(reader, NULL, WUNTRACED), reader);
	struct accessor *asked[MANY];
	for (size_t i = 0; i < MANY; i++) {
		asked[i] = accessors_look(accessors, children[i].pid, ACCESSOR_NO_PIDFD);
		assert_true(accessor_complete(accessors, asked[i]));
		tell(asked[i], 0);
		assert_int_equal(told.accessor.arguments_bytes, 0);
		assert_int_equal(told.accessor.reliable, 1);
	}
	/* Those that are too many are not asked for, and after a while nobody waits for the others. */
	assert_true(accessor_awaits(accessors, asked[0]));
	assert_false(accessor_awaits(accessors, asked[MANY - 1]));
	assert_null(accessors_receive(accessors));
	(void)usleep(ARGUMENTS_STUCK_US + 50000);
	assert_false(accessor_awaits(accessors, asked[0]));
	/* Late answers find their accessors, those that are still there. */
	assert_int_equal(kill(reader, SIGCONT), 0);
	accessors->asked[asked[1]->question % ARGUMENTS_ASKED] = NULL;
	for (size_t i = 0; i < MANY - 10; i++) {
		if (i == 1)
			continue;
		struct pollfd wait = {.fd = accessors_descriptor(accessors), .events = POLLIN};
		struct accessor *answered;
		while ((answered = accessors_receive(accessors)) == NULL)
			assert_int_equal(poll(&wait, 1, 10000), 1);
		assert_ptr_equal(answered, asked[i]);
		tell(answered, 0);
		assert_int_equal(told.accessor.arguments_bytes, sizeof "/bin/sleep\00060" - 1);
		assert_memory_equal(told.accessor.arguments.data, "/bin/sleep\00060", told.accessor.arguments.length);
	}
	for (size_t i = 0; i < MANY; i++)
		end(&children[i]);
}

static void a_reader_that_is_gone_is_not_asked(void **state) {
	(void)state;
	struct child child = run_program(SLEEP);
	assert_int_equal(kill(accessors->arguments.reader, SIGKILL), 0);
	(void)waitpid(accessors->arguments.reader, NULL, 0);
	(void)look(child.pid);
	assert_int_equal(told.accessor.arguments_bytes, 0);
	assert_int_equal(told.accessor.reliable, 1);
	end(&child);
}

static void the_reader_has_no_rights(void **state) {
	(void)state;
	char path[64], status[4096];
	(void)snprintf(path, sizeof path, "/proc/%d/status", accessors->arguments.reader);
	for (size_t i = 0; i < 100; i++) {
		CLOSED_AT_END int fd = open(path, O_RDONLY | O_CLOEXEC);
		assert_true(fd >= 0 && text_read(fd, status, sizeof status) > 0);
		if (strcmp(text_line(status, "NoNewPrivs:") == NULL ? "" : "x", "x") == 0 &&
		    strncmp(text_line(status, "NoNewPrivs:"), "\t1", 2) == 0 && strstr(status, "CapEff:\t0000000000000000"))
			break;
		(void)usleep(1000);
	}
	assert_non_null(strstr(status, "NoNewPrivs:\t1"));
	if (geteuid() == 0) {
		assert_non_null(strstr(status, "CapEff:\t0000000000000000"));
		assert_non_null(strstr(status, "Uid:\t65534\t65534\t65534\t65534"));
	}
	(void)snprintf(path, sizeof path, "/proc/%d/fd", accessors->arguments.reader);
	size_t count = 0;
	for (int fd = 0; fd < 64; fd++) {
		char link[96], target[64];
		(void)snprintf(link, sizeof link, "%s/%d", path, fd);
		count += readlink(link, target, sizeof target) > 0 ? 1 : 0;
	}
	assert_int_equal(count, 1);
}

/* ---- speed, printed ---- */

static double per_look_us(pid_t pid, bool anew) {
	enum { ROUNDS = 2000 };
	struct accessor **bucket = &accessors->buckets[(uint32_t)pid % BUCKETS];
	int64_t best_us = INT64_MAX;
	for (size_t series = 0; series < 3; series++) {
		int64_t from_us = clock_elapsed_us();
		for (size_t i = 0; i < ROUNDS; i++) {
			(void)accessors_look(accessors, pid, ACCESSOR_NO_PIDFD);
			if (anew)
				*bucket = NULL; /* so that the next look does not know it */
		}
		int64_t took_us = clock_elapsed_us() - from_us;
		best_us = took_us < best_us ? took_us : best_us;
	}
	return (double)best_us / ROUNDS;
}

/* What the simplest responder reads: status, exe, cgroup. */
static double plain_reading_us(pid_t pid) {
	enum { ROUNDS = 2000 };
	int64_t from_us = clock_elapsed_us();
	for (size_t i = 0; i < ROUNDS; i++) {
		static const char *const names[] = {"status", "cgroup"};
		char path[64], text[8192];
		for (size_t j = 0; j < ARRAY_LENGTH(names); j++) {
			(void)snprintf(path, sizeof path, "/proc/%d/%s", pid, names[j]);
			int fd = open(path, O_RDONLY | O_CLOEXEC);
			assert_true(read(fd, text, sizeof text) > 0);
			(void)close(fd);
		}
		(void)snprintf(path, sizeof path, "/proc/%d/exe", pid);
		assert_true(readlink(path, text, sizeof text) > 0);
	}
	return (double)(clock_elapsed_us() - from_us) / ROUNDS;
}

static void looking_is_cheap(void **state) {
	(void)state;
	struct child child = run_program(SLEEP);
	double known_us = per_look_us(child.pid, false), anew_us = per_look_us(child.pid, true);
	print_message("[          ] known %.2f us, new %.2f us; status, exe and cgroup alone %.2f us\n", known_us, anew_us,
	    plain_reading_us(child.pid));
	end(&child);
}

/* Before Linux 6.13, and before 5.3: ids from status, no pidfd. */
static int open_without_information(void **state) {
	int error = open_accessors(state);
	accessors->source.pidfd_info = false;
	return error;
}

static int open_without_pidfds(void **state) {
	int error = open_without_information(state);
	accessors->source.pidfds = false;
	return error;
}

int main(int argc, char **argv) {
	if (argc == 2 && strcmp(argv[1], "--threads") == 0)
		return run_threads(CHILD_END);
	if (argc == 2 && strcmp(argv[1], "--without-first") == 0)
		return run_without_first_thread();
	if (argc == 2 && strcmp(argv[1], "--stay") == 0)
		return stay(NULL);
	if (realpath(argv[0], own_path) == NULL || realpath("/proc/thread-self/exe", own_program) == NULL)
		return 1;
#define WITH_ACCESSORS(test) cmocka_unit_test_setup_teardown(test, open_accessors, close_accessors)
#define ON_OLDER_KERNELS(test)                                                        \
	cmocka_unit_test_setup_teardown(test, open_without_information, close_accessors), \
	    cmocka_unit_test_setup_teardown(test, open_without_pidfds, close_accessors)
	const struct CMUnitTest tests[] = {
	    WITH_ACCESSORS(a_program_is_told),
	    WITH_ACCESSORS(a_known_one_is_told_once),
	    WITH_ACCESSORS(given_pidfds_are_taken),
	    WITH_ACCESSORS(long_arguments_are_cut_and_counted),
	    WITH_ACCESSORS(users_and_groups_are_told),
	    WITH_ACCESSORS(many_groups_are_cut),
	    WITH_ACCESSORS(terminal_is_told),
	    WITH_ACCESSORS(kernel_threads_are_named),
	    WITH_ACCESSORS(removed_programs_keep_their_path),
	    WITH_ACCESSORS(mount_namespace_is_told),
	    WITH_ACCESSORS(unit_is_told),
	    cmocka_unit_test(units_are_found_as_systemd_names_them),
	    cmocka_unit_test(terminals_have_names),
	    WITH_ACCESSORS(another_user_is_another_accessor),
	    WITH_ACCESSORS(another_program_is_another_accessor),
	    WITH_ACCESSORS(a_namesake_is_another_accessor),
	    WITH_ACCESSORS(any_other_id_is_another_accessor),
	    WITH_ACCESSORS(the_same_program_started_anew_is_noticed),
	    WITH_ACCESSORS(one_that_is_gone_is_not_reliable),
	    WITH_ACCESSORS(a_number_used_again_is_another_process),
	    WITH_ACCESSORS(more_than_are_kept),
	    WITH_ACCESSORS(a_servers_thread_has_its_own_user),
	    WITH_ACCESSORS(a_process_whose_first_thread_ended_is_told),
	    WITH_ACCESSORS(rules_name_programs),
	    WITH_ACCESSORS(a_path_in_another_mount_namespace_is_not_believed),
	    WITH_ACCESSORS(own_programs_are_known),
	    WITH_ACCESSORS(a_stuck_reader_of_arguments_holds_nobody_up),
	    WITH_ACCESSORS(a_reader_that_is_gone_is_not_asked),
	    WITH_ACCESSORS(the_reader_has_no_rights),
	    WITH_ACCESSORS(looking_is_cheap),
	    ON_OLDER_KERNELS(a_program_is_told),
	    ON_OLDER_KERNELS(a_known_one_is_told_once),
	    ON_OLDER_KERNELS(users_and_groups_are_told),
	    ON_OLDER_KERNELS(another_user_is_another_accessor),
	    ON_OLDER_KERNELS(another_program_is_another_accessor),
	    ON_OLDER_KERNELS(one_that_is_gone_is_not_reliable),
	    ON_OLDER_KERNELS(a_number_used_again_is_another_process),
	    ON_OLDER_KERNELS(a_servers_thread_has_its_own_user),
	    ON_OLDER_KERNELS(looking_is_cheap),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

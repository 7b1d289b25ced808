/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One row a program: what it keeps, and why. A right that is not needed any more is taken out here,
 * and nowhere else; a new one is given here, with its reason.
 */
#include "sandbox/programs.h"

#include <linux/capability.h>
#include <sys/socket.h>

#include "base/attributes.h"
#include "sandbox/landlock.h"
#include "sandbox/syscall_numbers.h"

#define CAPABILITY(number) (UINT64_C(1) << (number))

#define ALLOW(name) \
	{ __NR_##name, RULE_ALLOW, 0 }
#define ALLOW_SELF(name) \
	{ __NR_##name, RULE_ALLOW_SELF, 0 }
#define ALLOW_VALUE(name, first) \
	{ __NR_##name, RULE_ALLOW_VALUE, first }
#define REFUSE(name) \
	{ __NR_##name, RULE_REFUSE, 0 }
#define GROUP(name) \
	{ name, ARRAY_LENGTH(name) }

enum { MEBIBYTE = 1024 * 1024, CPU_SECONDS_MAX = 600, CPU_SECONDS_GRACE = 10 };

/* ---- system calls ---- */

/* What the C library and a message channel need once a program runs. No path, no descriptor made. */
static const struct syscall_rule calls_common[] = {
    ALLOW(read),
    ALLOW(readv),
    ALLOW(pread64),
    ALLOW(lseek),
    ALLOW(_llseek),
    ALLOW(close),
    ALLOW(fstat),
    ALLOW(fstat64),
    ALLOW(newfstatat),
    ALLOW(fstatat64),
    ALLOW(statx),
    ALLOW(mmap),
    ALLOW(mmap2),
    ALLOW(munmap),
    ALLOW(mprotect),
    ALLOW(mremap),
    ALLOW(madvise),
    ALLOW(brk),
    ALLOW(futex),
    ALLOW(futex_time64),
    ALLOW(set_robust_list),
    ALLOW(rseq),
    ALLOW(membarrier),
    ALLOW(sched_yield),
    ALLOW(sched_getaffinity),
    ALLOW(getcpu),
    ALLOW(rt_sigaction),
    ALLOW(rt_sigprocmask),
    ALLOW(rt_sigreturn),
    ALLOW(sigreturn),
    ALLOW(sigaltstack),
    ALLOW(restart_syscall),
    ALLOW(clock_gettime),
    ALLOW(clock_gettime64),
    ALLOW(clock_getres),
    ALLOW(clock_getres_time64),
    ALLOW(gettimeofday),
    ALLOW(time),
    ALLOW(nanosleep),
    ALLOW(clock_nanosleep),
    ALLOW(clock_nanosleep_time64),
    ALLOW(getrandom),
    ALLOW(poll),
    ALLOW(ppoll),
    ALLOW(ppoll_time64),
    ALLOW(recvmsg),
    ALLOW(recvfrom),
    ALLOW(recv),
    ALLOW(sendmsg),
    ALLOW(sendto),
    ALLOW(send),
    ALLOW(getpid),
    ALLOW(getppid),
    ALLOW(gettid),
    ALLOW(getuid),
    ALLOW(getuid32),
    ALLOW(geteuid),
    ALLOW(geteuid32),
    ALLOW(getgid),
    ALLOW(getgid32),
    ALLOW(getegid),
    ALLOW(getegid32),
    ALLOW(uname),
    ALLOW(sysinfo),
    ALLOW(getrusage),
    ALLOW(getrlimit),
    ALLOW(ugetrlimit),
    ALLOW_VALUE(prlimit64, 0),
    /* The backlog is read at idle priority. */
    ALLOW(ioprio_set),
    /* abort(3) must end the program in the way that its parent can read. */
    ALLOW_SELF(tgkill),
    ALLOW_SELF(kill),
    ALLOW(exit),
    ALLOW(exit_group),
};

/* Prober and hasher: bytes come in by descriptor, answers go out by channel. */
static const struct syscall_rule calls_reader[] = {
    ALLOW_VALUE(write, 2),
    ALLOW_VALUE(writev, 2),
    ALLOW(fadvise64),
    ALLOW(arm_fadvise64_64),
    ALLOW(dup),
    ALLOW_VALUE(fcntl, 2),
    ALLOW_VALUE(fcntl64, 2),
    REFUSE(open),
    REFUSE(openat),
    REFUSE(openat2),
    REFUSE(access),
    REFUSE(faccessat),
    REFUSE(faccessat2),
    REFUSE(readlink),
    REFUSE(readlinkat),
    REFUSE(stat),
    REFUSE(stat64),
    REFUSE(lstat),
    REFUSE(lstat64),
    REFUSE(getdents64),
    REFUSE(socket),
    REFUSE(ioctl),
    REFUSE(prctl),
    REFUSE(sched_setaffinity),
};

/* Files may be found, opened and read. */
static const struct syscall_rule calls_files[] = {
    ALLOW(write),
    ALLOW(writev),
    ALLOW(open),
    ALLOW(openat),
    ALLOW(openat2),
    ALLOW(access),
    ALLOW(faccessat),
    ALLOW(faccessat2),
    ALLOW(readlink),
    ALLOW(readlinkat),
    ALLOW(stat),
    ALLOW(stat64),
    ALLOW(lstat),
    ALLOW(lstat64),
    ALLOW(getdents64),
    ALLOW(getcwd),
    ALLOW(statfs),
    ALLOW(statfs64),
    ALLOW(fstatfs),
    ALLOW(fstatfs64),
    ALLOW(fcntl),
    ALLOW(fcntl64),
    ALLOW(ioctl),
    ALLOW(fadvise64),
    ALLOW(arm_fadvise64_64),
    ALLOW(dup),
    ALLOW(dup3),
    ALLOW(name_to_handle_at),
    ALLOW(umask),
    ALLOW(getgroups),
    /* Reading only: setting the clock takes a capability that no row has. */
    ALLOW(adjtimex),
    ALLOW(clock_adjtime),
    ALLOW(clock_adjtime64),
    ALLOW(epoll_create1),
    ALLOW(epoll_ctl),
    ALLOW(epoll_wait),
    ALLOW(epoll_pwait),
    ALLOW(epoll_pwait2),
    ALLOW(eventfd2),
    ALLOW(timerfd_create),
    ALLOW(timerfd_settime),
    ALLOW(timerfd_settime64),
    ALLOW(timerfd_gettime),
    ALLOW(timerfd_gettime64),
    ALLOW(signalfd4),
    REFUSE(socket),
    REFUSE(prctl),
    REFUSE(sched_setaffinity),
};

static const struct syscall_rule calls_watcher[] = {
    ALLOW(inotify_init1),
    ALLOW(inotify_add_watch),
    ALLOW(inotify_rm_watch),
};

/* Relative to a folder's descriptor only: the calls that take a bare path are not here. No call that changes a file's
 * bytes. */
static const struct syscall_rule calls_reaper[] = {
    ALLOW(unlinkat),
    ALLOW(renameat),
    ALLOW(renameat2),
    ALLOW(linkat),
    ALLOW(mkdirat),
    ALLOW(fsync),
    ALLOW(fdatasync),
    ALLOW(syncfs),
    ALLOW(flock),
};

/* SQLite, the log's files, and clients on a listening socket that was made before. */
static const struct syscall_rule calls_keeper[] = {
    ALLOW(pwrite64),
    ALLOW(pwritev),
    ALLOW(preadv),
    ALLOW(fsync),
    ALLOW(fdatasync),
    ALLOW(syncfs),
    ALLOW(sync_file_range),
    ALLOW(arm_sync_file_range),
    ALLOW(ftruncate),
    ALLOW(ftruncate64),
    ALLOW(fallocate),
    ALLOW(flock),
    ALLOW(unlink),
    ALLOW(unlinkat),
    ALLOW(rename),
    ALLOW(renameat),
    ALLOW(renameat2),
    ALLOW(link),
    ALLOW(linkat),
    ALLOW(mkdir),
    ALLOW(mkdirat),
    ALLOW(rmdir),
    ALLOW(fchmod),
    ALLOW(fchmodat),
    ALLOW(fchown),
    ALLOW(utimensat),
    ALLOW(utimensat_time64),
    ALLOW(copy_file_range),
    ALLOW(sendfile),
    ALLOW(sendfile64),
    ALLOW(accept),
    ALLOW(accept4),
    ALLOW(getsockopt),
    ALLOW(setsockopt),
    ALLOW(getsockname),
    ALLOW(getpeername),
    ALLOW(shutdown),
    ALLOW(pipe),
    ALLOW(pipe2),
    ALLOW(mlock),
    ALLOW(munlock),
    ALLOW(msync),
    ALLOW(times),
    /* New settings, sealed, for guard. */
    ALLOW(memfd_create),
};

/* Publisher: connections to the outside. Names are looked up by datagrams (to a name server, or to systemd-resolved)
 * and by what nsswitch.conf names; AI_ADDRCONFIG asks the kernel over netlink. No call that makes a thread or a
 * process. */
static const struct syscall_rule calls_publisher[] = {
    ALLOW(socket),
    ALLOW(connect),
    ALLOW(bind),
    ALLOW(shutdown),
    ALLOW(getsockopt),
    ALLOW(setsockopt),
    ALLOW(getsockname),
    ALLOW(getpeername),
    ALLOW(sendmmsg),
    ALLOW(recvmmsg),
    ALLOW(recvmmsg_time64),
    REFUSE(clone),
    REFUSE(clone3),
};

/* Guard: marks, handles, and what /proc and the kernel's list of sockets say of a process. */
static const struct syscall_rule calls_guard[] = {
    ALLOW(fanotify_init),
    ALLOW(fanotify_mark),
    ALLOW(inotify_init1),
    ALLOW(inotify_add_watch),
    ALLOW(inotify_rm_watch),
    ALLOW(open_by_handle_at),
    ALLOW(pidfd_open),
    ALLOW(pidfd_send_signal),
    ALLOW(wait4),
    ALLOW_VALUE(socket, AF_NETLINK),
    ALLOW(bind),
    ALLOW(connect),
    ALLOW(getsockopt),
    ALLOW(setsockopt),
};

/* ---- landlock ---- */

#define LAND_READ (LAND_READ_FILE | LAND_READ_DIR)
#define LAND_STATE                                                                                      \
	(LAND_READ | LAND_WRITE_FILE | LAND_TRUNCATE | LAND_REMOVE_DIR | LAND_REMOVE_FILE | LAND_MAKE_DIR | \
	    LAND_MAKE_REG | LAND_REFER)
/* No LAND_WRITE_FILE and no LAND_TRUNCATE: what removes footage cannot alter it. */
#define LAND_ERASE (LAND_READ | LAND_REMOVE_DIR | LAND_REMOVE_FILE | LAND_MAKE_DIR | LAND_MAKE_REG | LAND_REFER)

/* ---- rows ---- */

#define WATCHER_CAPABILITIES CAPABILITY(CAP_DAC_READ_SEARCH)
/* CAP_LEASE: F_SETLEASE on a file of another user tells whether anyone still has it open. */
#define REAPER_CAPABILITIES (CAPABILITY(CAP_DAC_OVERRIDE) | CAPABILITY(CAP_FOWNER) | CAPABILITY(CAP_LEASE))
/* CAP_SYS_ADMIN: permission events of fanotify(7). CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH: whose open it is, in /proc.
 */
#define GUARD_CAPABILITIES (CAPABILITY(CAP_SYS_ADMIN) | CAPABILITY(CAP_SYS_PTRACE) | CAPABILITY(CAP_DAC_READ_SEARCH))
/* What a child needs on its way into its own row; reaper gives a vault that it makes to its user then, and guard locks
 * its memory and goes before others. */
#define ENTRY_CAPABILITIES                                                                               \
	(CAPABILITY(CAP_SETUID) | CAPABILITY(CAP_SETGID) | CAPABILITY(CAP_SETPCAP) | CAPABILITY(CAP_CHOWN) | \
	    CAPABILITY(CAP_IPC_LOCK) | CAPABILITY(CAP_SYS_NICE))
/* To end children of other users, and to read the configuration and look at the roots, wherever they lie. */
#define SUPERVISOR_CAPABILITIES (CAPABILITY(CAP_KILL) | CAPABILITY(CAP_DAC_READ_SEARCH))

#define LIMIT_CORE \
	{ RLIMIT_CORE, 0, 0 }
#define LIMIT_CPU \
	{ RLIMIT_CPU, CPU_SECONDS_MAX, CPU_SECONDS_MAX + CPU_SECONDS_GRACE }
#define LIMIT_FILES \
	{ RLIMIT_NOFILE, 32, 32 }
#define LIMIT_SPACE \
	{ RLIMIT_AS, 512 * MEBIBYTE, 512 * MEBIBYTE }

static const struct program_row rows[PROCESS_COUNT] =
    {
        /* Not confined: landlock, seccomp and no_new_privs would pass to its children, and they need more. */
        [PROCESS_SUPERVISOR] =
            {
                .present = true,
                .effective = SUPERVISOR_CAPABILITIES,
                .permitted = SUPERVISOR_CAPABILITIES | WATCHER_CAPABILITIES | REAPER_CAPABILITIES | GUARD_CAPABILITIES |
                             ENTRY_CAPABILITIES,
            },
        [PROCESS_WATCHER] =
            {
                .present = true,
                .confined = true,
                .effective = WATCHER_CAPABILITIES,
                .permitted = WATCHER_CAPABILITIES,
                .landlock_abi = 1,
                .read = LAND_READ,
                .fixed = {{"/proc/sys/fs/inotify", false}},
                .calls = {GROUP(calls_common), GROUP(calls_files), GROUP(calls_watcher)},
                .limits = {LIMIT_CORE},
                .limit_count = 1,
            },
        [PROCESS_PROBER] =
            {
                .present = true,
                .confined = true,
                .landlock_abi = 1,
                .calls = {GROUP(calls_common), GROUP(calls_reader)},
                .limits = {LIMIT_CORE, LIMIT_CPU, LIMIT_FILES, LIMIT_SPACE},
                .limit_count = 4,
                .writes_nothing = true,
            },
        [PROCESS_HASHER] =
            {
                .present = true,
                .confined = true,
                .landlock_abi = 1,
                .calls = {GROUP(calls_common), GROUP(calls_reader)},
                .limits = {LIMIT_CORE, LIMIT_CPU, LIMIT_FILES, LIMIT_SPACE},
                .limit_count = 4,
                .writes_nothing = true,
            },
        /* No landlock: who is in a domain may not read the /proc of processes outside of it. What guard opens for
           reading is /proc and folders; the rights that count here are the calls it does not have. */
        [PROCESS_GUARD] =
            {
                .present = true,
                .confined = true,
                .unlanded = true,
                .effective = GUARD_CAPABILITIES,
                .permitted = GUARD_CAPABILITIES,
                .calls = {GROUP(calls_common), GROUP(calls_guard), GROUP(calls_files)},
                .limits = {LIMIT_CORE},
                .limit_count = 1,
            },
        [PROCESS_REAPER] =
            {
                .present = true,
                .confined = true,
                .effective = REAPER_CAPABILITIES,
                .permitted = REAPER_CAPABILITIES,
                /* ABI 1 refuses every rename and link between folders, so also each into the vault. */
                .landlock_abi = 2,
                .read = LAND_READ,
                .write = LAND_ERASE,
                .calls = {GROUP(calls_common), GROUP(calls_files), GROUP(calls_reaper)},
                .limits = {LIMIT_CORE},
                .limit_count = 1,
            },
        [PROCESS_KEEPER] =
            {
                .present = true,
                .confined = true,
                .landlock_abi = 1,
                .read = LAND_READ,
                .write = LAND_STATE,
                /* The zone database; SQLite seeds itself from the last. */
                .fixed = {{"/usr/share/zoneinfo", false}, {"/etc/localtime", false}, {"/dev/urandom", false}},
                .calls = {GROUP(calls_common), GROUP(calls_files), GROUP(calls_keeper)},
                .limits = {LIMIT_CORE},
                .limit_count = 1,
            },
        [PROCESS_PUBLISHER] =
            {
                .present = true,
                .confined = true,
                .connects = true,
                .landlock_abi = 1,
                .read = LAND_READ,
                /* How names are looked up, and whom TLS trusts. Modules that nsswitch.conf names are loaded when the
                   first name is looked up. */
                .fixed = {{"/etc/resolv.conf", false}, {"/run/systemd/resolve", false}, {"/etc/hosts", false},
                    {"/etc/nsswitch.conf", false}, {"/etc/gai.conf", false}, {"/etc/host.conf", false},
                    {"/etc/ld.so.cache", false}, {"/usr/lib", false}, {"/lib", false}, {"/etc/ssl", false},
                    {"/usr/share/ca-certificates", false}, {"/usr/local/share/ca-certificates", false}},
                .calls = {GROUP(calls_common), GROUP(calls_publisher), GROUP(calls_files)},
                .limits = {LIMIT_CORE, LIMIT_SPACE},
                .limit_count = 2,
            },
};

const struct program_row *program_row_of(enum process process) {
	return process < PROCESS_COUNT && rows[process].present ? &rows[process] : NULL;
}

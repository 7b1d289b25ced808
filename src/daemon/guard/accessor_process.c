/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The process itself: its descriptors, whether it is still there, as whom it runs. */
#include "accessor_process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "accessor_text.h"
#include "base/clock.h"
#include "base/descriptor.h"

enum { THREADS_MAX = 256, STATUS_BYTES = 4096, STAT_BYTES = 1024 };

/* Linux 6.13; in our own words, because the headers of older distributions lack it. */
struct pidfd_info {
	uint64_t mask;
	uint64_t cgroup;
	uint32_t pid, tgid, ppid;
	uint32_t real_user, real_group, effective_user, effective_group;
	uint32_t saved_user, saved_group, filesystem_user, filesystem_group;
	int32_t exit_code;
};
static const uint64_t PIDFD_INFO_IDS = 1 | 2; /* PIDFD_INFO_PID | PIDFD_INFO_CREDS */
static const unsigned long PIDFD_GET_INFO_CALL = _IOWR(0xFF, 11, struct pidfd_info);

static int pidfd_open_of(pid_t pid) {
#ifdef SYS_pidfd_open
	return (int)syscall(SYS_pidfd_open, pid, 0);
#else
	(void)pid;
	errno = ENOSYS;
	return -1;
#endif
}

/* ---- what the kernel offers ---- */

/* Kept while it moves little, so that one process has one start, whenever it is asked for. */
static int64_t boot_time_us(int64_t kept_us) {
	int64_t now_us = clock_wall_us() - clock_boot_us();
	int64_t moved_us = now_us - kept_us;
	return moved_us > -20000 && moved_us < 20000 ? kept_us : now_us;
}

int process_source_open(struct process_source *source) {
	*source = (struct process_source){.proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC)};
	if (source->proc < 0)
		return -errno;
	source->ticks_per_second = sysconf(_SC_CLK_TCK);
	if (source->ticks_per_second <= 0)
		source->ticks_per_second = 100;
	source->boot_us = boot_time_us(INT64_MIN / 2);

	CLOSED_AT_END int pidfd = pidfd_open_of(getpid());
	struct pidfd_info info = {.mask = PIDFD_INFO_IDS};
	source->pidfds = pidfd >= 0;
	source->pidfd_info =
	    pidfd >= 0 && ioctl(pidfd, PIDFD_GET_INFO_CALL, &info) == 0 && (info.mask & PIDFD_INFO_IDS) == PIDFD_INFO_IDS;

	struct process_handle self;
	int error = process_open(source, getpid(), -1, &self);
	if (error == 0) {
		source->mount_namespace = process_read_namespace(&self, "ns/mnt");
		source->network_namespace = process_read_namespace(&self, "ns/net");
		process_close(&self);
	} else {
		process_source_close(source);
	}
	return error;
}

void process_source_close(struct process_source *source) {
	descriptor_close(&source->proc);
}

/* ---- one process ---- */

int process_open(const struct process_source *source, pid_t pid, int pidfd, struct process_handle *ret_process) {
	struct process_handle process = PROCESS_NULL;
	process.pid = pid;
	process.pidfd = pidfd;
	if (process.pidfd < 0 && source->pidfds)
		process.pidfd = pidfd_open_of(pid);
	char name[16];
	(void)snprintf(name, sizeof name, "%d", pid);
	process.folder = openat(source->proc, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (process.folder < 0) {
		int error = errno == ENOENT ? -ESRCH : -errno;
		process_close(&process);
		return error;
	}
	*ret_process = process;
	return 0;
}

void process_close(struct process_handle *process) {
	descriptor_close(&process->pidfd);
	descriptor_close(&process->folder);
	descriptor_close(&process->command);
	descriptor_close(&process->status);
}

static ssize_t read_status(struct process_handle *process, char text[STATUS_BYTES]) {
	if (process->status < 0)
		process->status = openat(process->folder, "status", O_RDONLY | O_CLOEXEC);
	return process->status < 0 ? -errno : text_read(process->status, text, STATUS_BYTES);
}

/* "Uid:\t1000\t1000\t1000\t1000": real, effective, saved, file system. */
static bool parse_ids(const char *status, struct process_ids *ret_ids) {
	uint64_t users[4], groups[4], parent;
	if (!text_numbers(text_line(status, "Uid:"), users, 4) || !text_numbers(text_line(status, "Gid:"), groups, 4) ||
	    !text_numbers(text_line(status, "PPid:"), &parent, 1))
		return false;
	*ret_ids = (struct process_ids){
	    .real_user = (uint32_t)users[0],
	    .effective_user = (uint32_t)users[1],
	    .filesystem_user = (uint32_t)users[3],
	    .group = (uint32_t)groups[1],
	    .parent = (uint32_t)parent,
	};
	return true;
}

int process_read_ids(const struct process_source *source, struct process_handle *process, struct process_ids *ret_ids) {
	if (source->pidfd_info && process->pidfd >= 0 && !process->by_thread) {
		struct pidfd_info info = {.mask = PIDFD_INFO_IDS};
		if (ioctl(process->pidfd, PIDFD_GET_INFO_CALL, &info) < 0)
			return -errno;
		*ret_ids = (struct process_ids){
		    .real_user = info.real_user,
		    .effective_user = info.effective_user,
		    .filesystem_user = info.filesystem_user,
		    .group = info.effective_group,
		    .parent = info.ppid,
		};
		return 0;
	}
	char status[STATUS_BYTES];
	ssize_t length = read_status(process, status);
	if (length < 0)
		return (int)length;
	return parse_ids(status, ret_ids) ? 0 : -EIO;
}

bool process_alive(const struct process_source *source, struct process_handle *process) {
	struct process_ids ids;
	return process_read_ids(source, process, &ids) == 0;
}

static bool ids_equal(const struct process_ids *a, const struct process_ids *b) {
	return a->real_user == b->real_user && a->effective_user == b->effective_user &&
	       a->filesystem_user == b->filesystem_user && a->group == b->group;
}

/* Calls `each` with the folder of each thread until it says true. */
static void each_thread(
    const struct process_handle *process, bool (*each)(int folder, const char *name, void *context), void *context) {
	CLOSED_AT_END int tasks = openat(process->folder, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (tasks < 0)
		return;
	_Alignas(struct dirent64) char names[4096];
	size_t seen = 0;
	for (ssize_t length = getdents64(tasks, names, sizeof names); length > 0;
	     length = getdents64(tasks, names, sizeof names))
		for (ssize_t at = 0; at < length && seen < THREADS_MAX;) {
			const struct dirent64 *entry = (const struct dirent64 *)(const void *)(names + at);
			at += entry->d_reclen;
			if (entry->d_name[0] != '.' && (seen++, each(tasks, entry->d_name, context)))
				return;
		}
}

struct thread_choice {
	struct process_ids first; /* of the first thread */
	struct process_ids ids;
	int rank; /* how much speaks for `ids` */
};

static bool weigh_thread(int folder, const char *name, void *context) {
	struct thread_choice *choice = context;
	char path[32], status[STATUS_BYTES];
	struct process_ids ids;
	(void)snprintf(path, sizeof path, "%.16s/status", name);
	CLOSED_AT_END int fd = openat(folder, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || text_read(fd, status, sizeof status) < 0 || !parse_ids(status, &ids))
		return false;
	const char *state = text_line(status, "State:");
	bool stands_still = state != NULL && strchr(state, 'D') == state + strspn(state, "\t ");
	int rank = (stands_still ? 2 : 0) + (ids_equal(&ids, &choice->first) ? 0 : 1);
	if (rank > choice->rank) {
		choice->rank = rank;
		choice->ids = ids;
	}
	return false;
}

int process_read_ids_of_thread(
    const struct process_source *source, struct process_handle *process, struct process_ids *ret_ids) {
	struct thread_choice choice = {.rank = 0};
	int error = process_read_ids(source, process, &choice.first);
	if (error != 0)
		return error;
	choice.ids = choice.first;
	each_thread(process, weigh_thread, &choice);
	*ret_ids = choice.ids;
	return 0;
}

/* The first thread that still has a program stands for the process. */
static bool take_thread(int folder, const char *name, void *context) {
	struct process_handle *process = context;
	char byte;
	int thread = openat(folder, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (thread < 0 || readlinkat(thread, "exe", &byte, 1) < 0) {
		descriptor_close(&thread);
		return false;
	}
	descriptor_close(&process->folder);
	descriptor_close(&process->command);
	descriptor_close(&process->status);
	process->folder = thread;
	process->by_thread = true;
	return true;
}

void process_follow_thread(struct process_handle *process) {
	each_thread(process, take_thread, process);
}

/* ---- its stat ---- */

/* After the command, which may hold anything: "S 1 2 3 …", fields 3 and up. */
int process_read_stat(const struct process_handle *process, struct process_stat *ret_stat) {
	enum { PARENT = 1, SESSION = 3, TERMINAL = 4, FLAGS = 6, THREADS = 17, START = 19, STACK = 25, FIELDS };
	static const uint64_t KERNEL_THREAD = 0x00200000; /* PF_KTHREAD */
	char text[STAT_BYTES];
	CLOSED_AT_END int fd = openat(process->folder, "stat", O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -errno : text_read(fd, text, sizeof text);
	if (length < 0)
		return (int)length;
	const char *name = strchr(text, '('), *at = strrchr(text, ')');
	if (name == NULL || at == NULL || at < name || at[1] != ' ' || at[2] == '\0')
		return -EIO;
	uint64_t fields[FIELDS] = {0};
	if (!text_numbers(at + 3, fields + 1, FIELDS - 1))
		return -EIO;
	*ret_stat = (struct process_stat){
	    .parent = (pid_t)fields[PARENT],
	    .session = (pid_t)fields[SESSION],
	    .terminal = (uint32_t)fields[TERMINAL],
	    .kernel = (fields[FLAGS] & KERNEL_THREAD) != 0,
	    .threads = (uint32_t)fields[THREADS],
	    .start_ticks = fields[START],
	    .stack = fields[STACK],
	};
	text_cut(ret_stat->command, sizeof ret_stat->command, name + 1, (size_t)(at - name - 1));
	return 0;
}

int64_t process_start_us(struct process_source *source, uint64_t start_ticks) {
	source->boot_us = boot_time_us(source->boot_us);
	uint64_t ticks = (uint64_t)source->ticks_per_second;
	return source->boot_us + (int64_t)(start_ticks / ticks * (uint64_t)US_PER_SECOND) +
	       (int64_t)(start_ticks % ticks * (uint64_t)US_PER_SECOND / ticks);
}

void process_read_groups(struct process_handle *process, char text[GROUPS_BYTES]) {
	char status[STATUS_BYTES];
	text[0] = '\0';
	bool was_open = process->status >= 0;
	if (read_status(process, status) < 0)
		return;
	if (!was_open)
		descriptor_close(&process->status);
	const char *line = text_line(status, "Groups:");
	if (line == NULL)
		return;
	line += strspn(line, "\t ");
	size_t length = strcspn(line, "\n");
	bool cut = line[length] == '\0'; /* more than the status that was read */
	while (length > 0 && line[length - 1] == ' ' && !cut)
		length--;
	if (length >= GROUPS_BYTES || cut) {
		static const char END[] = " ...";
		length = length >= GROUPS_BYTES - sizeof END ? GROUPS_BYTES - sizeof END : length;
		while (length > 0 && line[length - 1] != ' ')
			length--;
		memcpy(text, line, length);
		memcpy(text + length, END + (length > 0 ? 1 : 0), sizeof END - (length > 0 ? 1 : 0));
		return;
	}
	memcpy(text, line, length);
	text[length] = '\0';
}

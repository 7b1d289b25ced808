/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * retention guard: knows who opens footage. Descriptor 3 is its channel; the supervisor sends START,
 * keeper the rest. It answers first and tells afterwards, from memory alone, and ends when the channel
 * does.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/descriptor.h"
#include "base/log.h"
#include "guard.h"
#include "inotify.h"
#include "ipc/child.h"
#include "ipc/pulse.h"
#include "last.h"
#include "level.h"
#include "names.h"
#include "opens.h"
#include "requests.h"
#include "sandbox/sandbox.h"
#include "tell.h"

enum {
	DESCRIPTORS_WANTED = 65536,
	STACK_BYTES = 256 * 1024,
	START_MS = 10000,
	/* What happened is told together with what follows within this time: a message for each open would double its cost.
	 */
	GATHER_US = 20000,
	/* And longer while a command line is still to come. */
	AWAIT_US = 60000,
	GATHER_BYTES = 32 * 1024,
	TURNS_IN_A_ROW = 64, /* of openers, before the rest gets its turn */
};

/* ---- start ---- */

static void descriptors_raise(void) {
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= DESCRIPTORS_WANTED)
		return;
	limit.rlim_cur = limit.rlim_max < DESCRIPTORS_WANTED ? limit.rlim_max : DESCRIPTORS_WANTED;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* A locked stack does not grow once the right to lock memory is gone: it is made as long as it will be before. */
static __attribute__((noinline)) void stack_grow(void) {
	volatile unsigned char bytes[STACK_BYTES];
	for (size_t i = 0; i < sizeof bytes; i += 512)
		bytes[i] = 0;
}

/* `how`: 0 for all that is mapped now, or MCL_ONFAULT for what is in use and what comes into use. */
static void memory_lock(int how) {
	/* Without privilege nobody waits for us. */
	if (mlockall(MCL_CURRENT | how) < 0 && geteuid() == 0)
		log_warning_errno(errno, "cannot lock memory, an open may have to wait for swap");
}

/* Before all others: openers wait for us, and who deletes a file is gone a moment later. The supervisor's watchdog and
 * the kernel's limit for such programs keep a fault of ours from taking the processor. The reader of command lines
 * inherits it: later than us it would find the short-lived gone. */
static void priority_raise(void) {
	const struct sched_param lowest = {.sched_priority = 1};
	if (sched_setscheduler(0, SCHED_FIFO, &lowest) < 0)
		(void)setpriority(PRIO_PROCESS, 0, -15);
}

/* Everything that is ever needed to answer. */
static int guard_prepare(struct guard *guard) {
	descriptors_raise();
	priority_raise();
	stack_grow();
	/* Program and libraries whole; the tables only as far as they are used. */
	memory_lock(0);
	guard->own = getpid();
	guard->opens.fd = guard->names.fd = guard->inotify = guard->found.proc = -1;
	for (size_t i = 0; i < ROOTS_MAX; i++)
		guard->roots[i].fd = -1;
	uint8_t *memory = mmap(NULL, OUTGOING_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return -errno;
	outgoing_init(&guard->outgoing, memory, OUTGOING_BYTES);
	/* Before there is a group: what it starts must never inherit one. */
	guard->accessors = accessors_new(guard->settings, getppid());
	if (guard->accessors == NULL)
		return -ENOMEM;
	guard->own_descriptors = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (guard->own_descriptors < 0)
		return -errno;
	memory_lock(MCL_ONFAULT);
	return 0;
}

static int start_receive(struct guard *guard, struct record_start *ret_start, struct pulse **ret_pulse) {
	int started = child_start(PROCESS_GUARD, START_MS, &guard->message, ret_start);
	if (started <= 0)
		return started == 0 ? -EPIPE : started;
	CLOSED_AT_END int settings_fd = message_take_descriptor(&guard->message, 0);
	CLOSED_AT_END int pulse_fd = message_take_descriptor(&guard->message, 1);
	message_close_descriptors(&guard->message);
	if (settings_fd < 0 || pulse_fd < 0)
		return -EPROTO;
	*ret_pulse = pulse_map(pulse_fd);
	return *ret_pulse == NULL ? -errno : settings_unseal(settings_fd, &guard->settings);
}

/* ---- loop ---- */

enum { POLL_CHANNEL, POLL_OPENS, POLL_NAMES, POLL_INOTIFY, POLL_ARGUMENTS, POLL_COUNT };

struct loop {
	struct pollfd polls[POLL_COUNT];
	struct pulse *pulse;
	int64_t gathered_us; /* when the oldest of what waits to be sent came; 0: nothing waits */
	bool full;           /* keeper does not read */
	bool more;           /* work that is done in steps is not done yet */
};

static void pulse_begin(struct loop *loop) {
	atomic_store_explicit(&loop->pulse->busy_since_us, clock_elapsed_us(), memory_order_relaxed);
}

/* `alive_us` bounds what could be lost with us, so it stands still while something is not sent yet. */
static void pulse_end(struct guard *guard, struct loop *loop) {
	bool untold = !outgoing_is_empty(&guard->outgoing) || outgoing_has_loss(&guard->outgoing);
	if (!untold)
		atomic_store_explicit(&loop->pulse->alive_us, clock_wall_us(), memory_order_relaxed);
	atomic_store_explicit(&loop->pulse->untold, untold, memory_order_relaxed);
	atomic_fetch_add_explicit(&loop->pulse->turns, 1, memory_order_relaxed);
	atomic_store_explicit(&loop->pulse->busy_since_us, 0, memory_order_release);
}

static int64_t gather_us(const struct guard *guard) {
	return outgoing_awaits(&guard->outgoing) ? AWAIT_US : GATHER_US;
}

static int wait_ms(const struct guard *guard, const struct loop *loop) {
	if (loop->more)
		return 0;
	return loop->gathered_us != 0 && !loop->full ? (int)(gather_us(guard) / 1000) : -1;
}

static int wait_for_work(struct guard *guard, struct loop *loop) {
	loop->polls[POLL_CHANNEL] =
	    (struct pollfd){.fd = CHILD_CHANNEL, .events = (short)(POLLIN | (loop->full ? POLLOUT : 0))};
	loop->polls[POLL_OPENS] = (struct pollfd){.fd = guard->opens.fd, .events = POLLIN};
	loop->polls[POLL_NAMES] = (struct pollfd){.fd = guard->names.fd, .events = POLLIN};
	loop->polls[POLL_INOTIFY] = (struct pollfd){.fd = guard->inotify, .events = POLLIN};
	loop->polls[POLL_ARGUMENTS] = (struct pollfd){.fd = accessors_descriptor(guard->accessors), .events = POLLIN};
	if (poll(loop->polls, POLL_COUNT, wait_ms(guard, loop)) < 0)
		return errno == EINTR ? 0 : -errno;
	return 0;
}

static int opens_answer(struct guard *guard) {
	for (int i = 0; i < TURNS_IN_A_ROW; i++) {
		int more = opens_turn(guard);
		if (more <= 0)
			return more;
	}
	return 0;
}

/* Those who wait come first. */
static int work(struct guard *guard, struct loop *loop) {
	int error = loop->polls[POLL_OPENS].revents != 0 ? opens_answer(guard) : 0;
	if (error == 0 && (loop->polls[POLL_CHANNEL].revents & ~POLLOUT) != 0)
		error = requests_turn(guard, CHILD_CHANNEL);
	if (error == 0 && loop->polls[POLL_NAMES].revents != 0)
		error = names_turn(guard);
	if (error == 0 && loop->polls[POLL_ARGUMENTS].revents != 0)
		tell_arguments(guard);
	if (error == 0 && loop->polls[POLL_INOTIFY].revents != 0 && guard->inotify >= 0)
		error = inotify_turn(guard);
	return error;
}

static bool is_due(const struct guard *guard, struct loop *loop) {
	if (loop->full)
		return (loop->polls[POLL_CHANNEL].revents & POLLOUT) != 0;
	int64_t now_us = clock_elapsed_us();
	if (loop->gathered_us == 0)
		loop->gathered_us = now_us;
	return now_us - loop->gathered_us >= gather_us(guard) || outgoing_bytes(&guard->outgoing) >= GATHER_BYTES;
}

static int tell(struct guard *guard, struct loop *loop, bool anyway) {
	level_tell(guard);
	if (outgoing_is_empty(&guard->outgoing) && !outgoing_has_loss(&guard->outgoing))
		return 0;
	if (!is_due(guard, loop) && (!anyway || loop->full))
		return 0;
	int error = outgoing_send(&guard->outgoing, CHILD_CHANNEL);
	loop->full = error == -EAGAIN;
	loop->gathered_us = 0;
	if (loop->full)
		return 0;
	/* What found no room before has some now. */
	return error == 0 && level_is_untold(guard) ? tell(guard, loop, true) : error;
}

static int turn(struct guard *guard, struct loop *loop) {
	int error = wait_for_work(guard, loop);
	if (error != 0)
		return error;
	pulse_begin(loop);
	bool nothing = true;
	for (size_t i = 0; i < POLL_COUNT; i++)
		nothing = nothing && loop->polls[i].revents == 0;
	error = work(guard, loop);
	if (error == 0) {
		bool walking = walk_step(guard);
		loop->more = found_step(guard) || walking;
		roots_close(guard);
		error = tell(guard, loop, nothing && !loop->more);
	}
	pulse_end(guard, loop);
	return error;
}

static int guard_run(struct guard *guard, struct pulse *pulse) {
	struct loop loop = {.pulse = pulse};
	int error;
	do
		error = turn(guard, &loop);
	while (error == 0);
	return error == -EPIPE ? 0 : error;
}

/* ---- the program ---- */

static int run(struct guard *guard) {
	struct record_start start;
	struct pulse *pulse = NULL;
	int error = start_receive(guard, &start, &pulse);
	if (error == 0)
		error = guard_prepare(guard);
	if (error == 0) {
		struct sandbox_request sandbox = child_sandbox(PROCESS_GUARD, &start);
		error = sandbox_enter(&sandbox);
	}
	if (error == 0) {
		level_open(guard);
		last_watch(guard->opens.fd);
		error = guard_run(guard, pulse);
		/* First of all: waiters go on. */
		level_close(guard);
		last_watch(-1);
	}
	found_release(guard);
	walk_release(guard);
	guard->accessors = accessors_free(guard->accessors);
	guard->settings = settings_free(guard->settings);
	pulse_unmap(pulse);
	return error;
}

int main(void) {
	log_open("guard", LOG_LEVEL_INFO);
	struct guard *guard = calloc(1, sizeof *guard);
	int error = guard == NULL || chdir("/") < 0 ? -errno : run(guard);
	free(guard);
	if (error == 0 || error == -EPIPE)
		return EXIT_SUCCESS;
	log_error_errno(error, "cannot go on, ending");
	return EXIT_FAILURE;
}

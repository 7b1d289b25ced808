/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Guard's watchdog: what counts as standing still, and that it is seen in a real process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/clock.h"
#include "daemon/supervisor/children.h"
#include "daemon/supervisor/watchdog.h"
#include "ipc/pulse.h"

static struct event_base *base;
static unsigned kills;
static char reason[128];

void child_stands_still(struct child *child, const char *why) {
	kills++;
	(void)strncpy(reason, why, sizeof(reason) - 1);
	child->watchdog.condemned = true;
}

static unsigned deaths;

void child_is_dead(struct child *child) {
	deaths++;
	/* As the end of a child does. */
	watchdog_end(&child->watchdog);
}

static void test_what_stands_still(void **state) {
	(void)state;
	const int64_t now = 100 * US_PER_SECOND, most = PULSE_BUSY_MAX_MS * INT64_C(1000);
	assert_null(watchdog_judge('S', 0, now));
	assert_null(watchdog_judge('R', now - most, now));
	assert_non_null(watchdog_judge('R', now - most - 1, now));
	/* On a disk that hangs. */
	assert_non_null(watchdog_judge('D', now - most - 1, now));
	assert_null(watchdog_judge('D', now - 1, now));
	assert_non_null(watchdog_judge('T', 0, now));
	assert_non_null(watchdog_judge('t', 0, now));
	/* Where /proc does not tell, the pulse does. */
	assert_null(watchdog_judge('?', 0, now));
	assert_non_null(watchdog_judge('?', now - most - 1, now));
	/* Waiters are free within three seconds: what may pass before a look, the look's distance, and some time to die. */
	assert_true(PULSE_BUSY_MAX_MS + 1000 <= 2700);
}

static void test_state_in_proc(void **state) {
	(void)state;
	assert_int_equal(watchdog_state_of("12 (guard) S 1 12 12 0"), 'S');
	assert_int_equal(watchdog_state_of("12 (a) T (b) t 1 12"), 't');
	assert_int_equal(watchdog_state_of("12 (guard)"), '?');
	assert_int_equal(watchdog_state_of("12 (guard) "), '?');
	assert_int_equal(watchdog_state_of("12 guard S"), '?');
	assert_int_equal(watchdog_state_of(""), '?');
}

static void test_pulse_is_shared_and_keeps_its_size(void **state) {
	(void)state;
	struct stat facts;
	int fd = pulse_make();
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &facts), 0);
	assert_int_equal(facts.st_size, PULSE_BYTES);
	assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
	/* A page that could be cut away would end whoever looks at it. */
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(errno, EPERM);
	assert_true(sizeof(struct pulse) <= PULSE_BYTES);
	struct pulse *one = pulse_map(fd), *other = pulse_map(fd);
	assert_true(one != NULL && other != NULL);
	assert_int_equal(atomic_load(&other->busy_since_us), 0);
	assert_int_equal(atomic_load(&other->alive_us), 0);
	atomic_store(&one->busy_since_us, 17);
	assert_int_equal(atomic_load(&other->busy_since_us), 17);
	pulse_unmap(one);
	pulse_unmap(other);
	pulse_unmap(NULL);
	(void)close(fd);
	assert_null(pulse_map(-1));
}

/* A process that does nothing, and its watchdog. */
static void begin(struct child *child) {
	*child = (struct child){.watchdog = WATCHDOG_NONE};
	kills = deaths = 0;
	child->pid = fork();
	assert_true(child->pid >= 0);
	if (child->pid == 0) {
		/* Also where a test fails. */
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			(void)pause();
	}
	assert_int_equal(watchdog_prepare(&child->watchdog), 0);
	assert_true(child->watchdog.pulse_fd >= 0);
	assert_int_equal(watchdog_begin(&child->watchdog, base, child), 0);
}

static void end(struct child *child) {
	watchdog_end(&child->watchdog);
	watchdog_end(&child->watchdog);
	(void)kill(child->pid, SIGKILL);
	while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static void look_for(int ms) {
	struct timeval span = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
	(void)event_base_loopexit(base, &span);
	(void)event_base_dispatch(base);
}

static void test_idle_is_seen_alive(void **state) {
	(void)state;
	struct child child;
	begin(&child);
	int64_t before_us = clock_wall_us();
	assert_int_equal(watchdog_alive_us(&child.watchdog, before_us), 0);
	look_for(1100);
	assert_int_equal(kills, 0);
	int64_t now_us = clock_wall_us();
	assert_true(watchdog_alive_us(&child.watchdog, now_us) >= before_us);
	/* The later of what was seen and what it says itself, but never the future. */
	atomic_store(&child.watchdog.pulse->alive_us, now_us + 5);
	assert_true(watchdog_alive_us(&child.watchdog, now_us + 10) == now_us + 5);
	assert_true(watchdog_alive_us(&child.watchdog, now_us + 1) == now_us + 1);
	atomic_store(&child.watchdog.pulse->alive_us, -1);
	assert_true(watchdog_alive_us(&child.watchdog, now_us) >= before_us);
	end(&child);
}

static void test_busy_for_too_long(void **state) {
	(void)state;
	struct child child;
	begin(&child);
	atomic_store(&child.watchdog.pulse->busy_since_us, clock_elapsed_us() - PULSE_BUSY_MAX_MS * INT64_C(1000) - 1);
	look_for(2100);
	/* Once, not at each look. */
	assert_int_equal(kills, 1);
	assert_non_null(strstr(reason, "busy"));
	assert_int_equal(child.watchdog.seen_us, 0);
	end(&child);
}

static void test_busy_is_no_proof_of_life(void **state) {
	(void)state;
	struct child child;
	begin(&child);
	atomic_store(&child.watchdog.pulse->busy_since_us, clock_elapsed_us() + 5 * US_PER_SECOND);
	look_for(1100);
	assert_int_equal(kills, 0);
	assert_int_equal(watchdog_alive_us(&child.watchdog, clock_wall_us()), 0);
	end(&child);
}

/* What it has seen and not told would be lost with it. */
static void test_untold_is_no_proof_of_life(void **state) {
	(void)state;
	struct child child;
	begin(&child);
	atomic_store(&child.watchdog.pulse->untold, 1);
	look_for(1100);
	assert_int_equal(kills, 0);
	assert_int_equal(watchdog_alive_us(&child.watchdog, clock_wall_us()), 0);
	end(&child);
}

/* A debugger's stop sends us no signal. */
static void test_traced_is_stopped(void **state) {
	(void)state;
	struct child child;
	begin(&child);
	if (ptrace(PTRACE_ATTACH, child.pid, NULL, NULL) < 0) {
		end(&child);
		skip();
	}
	look_for(1100);
	assert_int_equal(kills, 1);
	assert_non_null(strstr(reason, "stopped"));
	/* As long as its tracer has not collected it nobody else can; that it is dead is seen all the same. */
	assert_int_equal(kill(child.pid, SIGKILL), 0);
	look_for(1100);
	assert_int_equal(kills, 1);
	assert_int_equal(deaths, 1);
	end(&child);
}

static int setup(void **state) {
	(void)state;
	base = event_base_new();
	return base == NULL ? -1 : 0;
}

static int teardown(void **state) {
	(void)state;
	event_base_free(base);
	return 0;
}

int main(void) {
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_what_stands_still),
	    cmocka_unit_test(test_state_in_proc),
	    cmocka_unit_test(test_pulse_is_shared_and_keeps_its_size),
	    cmocka_unit_test(test_idle_is_seen_alive),
	    cmocka_unit_test(test_busy_for_too_long),
	    cmocka_unit_test(test_busy_is_no_proof_of_life),
	    cmocka_unit_test(test_untold_is_no_proof_of_life),
	    cmocka_unit_test(test_traced_is_stopped),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}

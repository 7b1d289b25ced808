/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "children.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/descriptor.h"
#include "base/log.h"
#include "ipc/message.h"
#include "link.h"
#include "settings/settings.h"
#include "spawn.h"
#include "supervisor.h"

#define MILLISECONDS(count) ((count)*INT64_C(1000))

enum { STATUS_NOT_STARTED = 127 << 8 /* as spawn() ends it */ };
static const int64_t forgive_after_us = MILLISECONDS(60000);
static const int64_t release_us = MILLISECONDS(2000);
static const int64_t stop_us = MILLISECONDS(1800); /* everything is gone in under 2 s */
static const int64_t exec_us = MILLISECONDS(10000);
static const int64_t clean_life_us = MILLISECONDS(1000); /* an end with status 0 after this is no failure */

/* ---- small things about one child ---- */

static bool child_is_keeper(const struct child *child) {
	return child->process == PROCESS_KEEPER;
}

/* One for all roots. */
static bool process_is_single(enum process process) {
	return process == PROCESS_GUARD || process == PROCESS_PUBLISHER;
}

/* "watcher of 'frigate'" for people. */
struct child_name {
	char text[160];
};

static struct child_name child_name(const struct child *child) {
	struct child_name name;
	const struct settings *settings = child->supervisor->settings;
	const char *process = process_name(child->process);
	if (child->root_count == 0 || child->roots[0] >= settings->root_count)
		(void)snprintf(name.text, sizeof name.text, "%s", process);
	else
		(void)snprintf(name.text, sizeof name.text, "%s of '%.100s'%s", process, settings->roots[child->roots[0]].name,
		    child->root_count > 1 ? " and others" : "");
	return name;
}

static void timer_set(struct child *child, int64_t us) {
	struct timeval wait = {.tv_sec = (time_t)(us / US_PER_SECOND), .tv_usec = (suseconds_t)(us % US_PER_SECOND)};
	if (event_add(child->timer, &wait) < 0)
		log_error("cannot set the timer of %s", child_name(child).text);
}

static int64_t back_off_left(const struct child *child) {
	int64_t wait = child_back_off_us(child->process, child->failures);
	if (wait == 0)
		return 0;
	int64_t left = child->ended_us + wait - clock_elapsed_us();
	return left > 0 ? left : 0;
}

static void reason_write(const struct child *child, char *reason, size_t room) {
	if (child->status == STATUS_NOT_STARTED)
		(void)snprintf(reason, room, "could not be started");
	else if (WIFSIGNALED(child->status) && WTERMSIG(child->status) == SIGSYS)
		(void)snprintf(reason, room, "killed for a system call that its sandbox forbids");
	else if (WIFSIGNALED(child->status))
		(void)snprintf(reason, room, "killed by signal %d (SIG%s)", WTERMSIG(child->status),
		    sigabbrev_np(WTERMSIG(child->status)) != NULL ? sigabbrev_np(WTERMSIG(child->status)) : "?");
	else
		(void)snprintf(reason, room, "ended with status %d", WEXITSTATUS(child->status));
}

static void report_close(struct child *child) {
	if (child->report_event != NULL)
		event_free(child->report_event);
	child->report_event = NULL;
	descriptor_close(&child->report);
}

static struct child *child_free(struct child *child) {
	report_close(child);
	watchdog_end(&child->watchdog);
	descriptor_close(&child->keeper_end);
	if (child->timer != NULL)
		event_free(child->timer);
	free(child);
	return NULL;
}

/* ---- what the table's actions do ---- */

static void child_handle(struct child *child, enum child_event event);

/* The program runs, or the pipe says why it does not; then the exit follows. */
static void on_report(evutil_socket_t fd, short what, void *context) {
	(void)what;
	struct child *child = context;
	int error;
	ssize_t length = read(fd, &error, sizeof error);
	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	report_close(child);
	if (length == (ssize_t)sizeof error)
		log_error_errno(
		    error, "cannot start '%s/%s'", child->supervisor->places.programs, process_name(child->process));
	else
		child_handle(child, CHILD_EVENT_STARTED);
}

static int start_with(struct child *child, const int ends[2]) {
	struct supervisor *supervisor = child->supervisor;
	char path[PATH_MAX + 32];
	(void)snprintf(path, sizeof path, "%s/%s", supervisor->places.programs, process_name(child->process));
	int error = child->process == PROCESS_GUARD ? watchdog_prepare(&child->watchdog) : 0;
	if (error == 0)
		error = link_write_start(supervisor, child, ends[0]);
	if (error == 0)
		error = spawn(path, ends[1], &child->pid, &child->report);
	if (error != 0)
		return error;
	child->report_event = event_new(supervisor->base, child->report, EV_READ | EV_PERSIST, on_report, child);
	if (child->report_event == NULL || event_add(child->report_event, NULL) < 0)
		return -ENOMEM;
	return child_is_keeper(child) ? link_open(supervisor, ends[0]) : 0;
}

static void act_start(struct child *child) {
	int ends[2] = {-1, -1};
	int error = message_pair(ends);
	child->started_us = clock_elapsed_us();
	if (error == 0)
		error = start_with(child, ends);
	descriptor_close(&ends[1]);
	if (error == 0) {
		if (!child_is_keeper(child))
			child->keeper_end = ends[0];
		timer_set(child, exec_us);
		return;
	}
	descriptor_close(&ends[0]);
	log_error_errno(error, "cannot start %s", child_name(child).text);
	if (child->pid > 0) {
		/* It runs, but cannot be talked to: its exit will be collected. */
		(void)kill(child->pid, SIGKILL);
		return;
	}
	child->status = STATUS_NOT_STARTED;
	child->ended_us = child->started_us;
	child_handle(child, CHILD_EVENT_EXITED);
}

static void act_hand_over(struct child *child) {
	log_debug("%s runs as process %d", child_name(child).text, (int)child->pid);
	if (child->process == PROCESS_GUARD && watchdog_begin(&child->watchdog, child->supervisor->base, child) < 0) {
		/* Unwatched it could hold up the whole machine. */
		child_stands_still(child, "cannot be watched");
	}
	if (!child_is_keeper(child)) {
		link_tell_up(child->supervisor, child);
		descriptor_close(&child->keeper_end);
	}
	timer_set(child, forgive_after_us);
}

static void act_count(struct child *child) {
	bool clean = WIFEXITED(child->status) && WEXITSTATUS(child->status) == 0;
	if (clean && child->ended_us - child->started_us >= clean_life_us && !child_is_keeper(child))
		return;
	child->failures++;
	char reason[128];
	reason_write(child, reason, sizeof reason);
	log_warning("%s (process %d) %s, failure %u in a row, it is started again", child_name(child).text,
	    (int)child->ended_pid, reason, child->failures);
}

static void act_ask(struct child *child) {
	if (child_is_keeper(child))
		link_tell_stop(child->supervisor);
	else
		descriptor_close(&child->keeper_end);
}

static void act_kill(const struct child *child) {
	if (child->pid > 0 && kill(child->pid, SIGKILL) < 0)
		log_error_errno(errno, "cannot kill %s (process %d)", child_name(child).text, (int)child->pid);
}

static void keeper_lost(struct supervisor *supervisor) {
	/* In an orderly stop the others end by themselves, once they have finished what they were doing. */
	if (supervisor->ending)
		return;
	struct child *child;
	LIST_FOREACH(child, &supervisor->children.list, next)
	if (!child_is_keeper(child))
		child_handle(child, CHILD_EVENT_KEEPER_LOST);
	notify_send(&supervisor->notify, "STATUS=keeper ended, it is started again");
	child_handle(supervisor->children.keeper, CHILD_EVENT_WANTED);
}

static void act_tell(struct child *child) {
	descriptor_close(&child->keeper_end);
	if (child_is_keeper(child)) {
		keeper_lost(child->supervisor);
		return;
	}
	char reason[128];
	reason_write(child, reason, sizeof reason);
	if (!child->orphan)
		link_tell_down(child->supervisor, child, reason);
}

/* Another process of this program that still serves one of these roots (or this key). */
static const struct child *child_before(const struct child *child) {
	const struct child *other;
	LIST_FOREACH(other, &child->supervisor->children.list, next) {
		if (other == child || other->process != child->process || other->pid == 0)
			continue;
		if (other->key == child->key || process_is_single(child->process))
			return other;
		for (size_t i = 0; i < other->root_count; i++)
			for (size_t k = 0; k < child->root_count; k++)
				if (other->roots[i] == child->roots[k])
					return other;
	}
	return NULL;
}

static void child_handle(struct child *child, enum child_event event) {
	if (child->state == CHILD_BACKING_OFF && event == CHILD_EVENT_TIMER) {
		/* Never two reapers on one root: it waits for the other's end, however long a hung disk delays that. */
		child->blocked = child_before(child) != NULL;
		if (child->blocked)
			return;
	}
	struct child_step step = child_step_of(child->state, event);
	child->state = step.next;
	if ((step.actions & CHILD_REFUSE) != 0)
		link_tell_refused(child->supervisor, child->process, child->key, "there is one already");
	if ((step.actions & CHILD_CANCEL) != 0)
		(void)event_del(child->timer);
	if ((step.actions & CHILD_SCHEDULE) != 0)
		timer_set(child, back_off_left(child));
	if ((step.actions & CHILD_START) != 0)
		act_start(child);
	if ((step.actions & CHILD_HAND_OVER) != 0)
		act_hand_over(child);
	if ((step.actions & CHILD_FORGIVE) != 0)
		child->failures = 0;
	if ((step.actions & CHILD_COUNT) != 0)
		act_count(child);
	if ((step.actions & CHILD_ORPHAN) != 0)
		child->orphan = true;
	if ((step.actions & CHILD_ASK) != 0)
		act_ask(child);
	if ((step.actions & CHILD_WAIT) != 0)
		timer_set(child, child->supervisor->ending ? stop_us : release_us);
	if ((step.actions & CHILD_KILL) != 0)
		act_kill(child);
	if ((step.actions & CHILD_TELL) != 0)
		act_tell(child);
}

/* ---- entries ---- */

static void on_timer(evutil_socket_t fd, short what, void *context) {
	(void)fd;
	(void)what;
	child_handle(context, CHILD_EVENT_TIMER);
}

static struct child *child_new(struct supervisor *supervisor, enum process process) {
	struct child *child = calloc(1, sizeof *child);
	if (child == NULL)
		return NULL;
	child->supervisor = supervisor;
	child->process = process;
	child->keeper_end = -1;
	child->report = -1;
	child->watchdog = WATCHDOG_NONE;
	child->timer = evtimer_new(supervisor->base, on_timer, child);
	if (child->timer == NULL)
		return child_free(child);
	LIST_INSERT_HEAD(&supervisor->children.list, child, next);
	supervisor->children.count++;
	return child;
}

static void child_remove(struct supervisor *supervisor, struct child *child) {
	LIST_REMOVE(child, next);
	supervisor->children.count--;
	(void)child_free(child);
}

/* Forgets those that are idle: all that have no back-off to remember, and at the limit one that has. */
static void children_sweep(struct supervisor *supervisor) {
	for (struct child *child = LIST_FIRST(&supervisor->children.list), *after; child != NULL; child = after) {
		after = LIST_NEXT(child, next);
		bool full = supervisor->children.count >= CHILDREN_MAX;
		if (child->state == CHILD_IDLE && !child_is_keeper(child) && (full || child->failures == 0))
			child_remove(supervisor, child);
	}
}

/* An idle entry of the same program on the same roots, which knows of earlier failures. */
static struct child *child_recall(struct supervisor *supervisor, const struct child_wish *wish) {
	struct child *child;
	LIST_FOREACH(child, &supervisor->children.list, next)
	if (child->state == CHILD_IDLE && child->process == wish->process && child->root_count == wish->root_count &&
	    memcmp(child->roots, wish->roots, wish->root_count * sizeof wish->roots[0]) == 0)
		return child;
	return NULL;
}

/* The one that this number of keeper's means: never one that is on its way out. */
static struct child *child_find(struct supervisor *supervisor, enum process process, uint32_t key) {
	struct child *child;
	LIST_FOREACH(child, &supervisor->children.list, next)
	if (child->process == process && child->key == key && !child_is_keeper(child) && child->state != CHILD_IDLE &&
	    child->state != CHILD_STOPPING)
		return child;
	return NULL;
}

/* ---- keeper's wishes ---- */

static bool wish_has_root(const struct child_wish *wish, uint16_t root, size_t before) {
	for (size_t i = 0; i < before; i++)
		if (wish->roots[i] == root)
			return true;
	return false;
}

static const char *wish_judge_single(struct supervisor *supervisor, const struct child_wish *wish) {
	const struct settings *settings = supervisor->settings;
	if (wish->root_count != 0)
		return "this program serves no root";
	if (wish->process == PROCESS_GUARD && settings->guard.mode == GUARD_OFF)
		return "guard.mode is off in the configuration";
	if (wish->process == PROCESS_GUARD && !supervisor->identity.drop)
		return "guard needs root";
	/* Wanted without a target in the configuration too: a receiver that was taken out is still told so. */
	if (wish->process == PROCESS_PUBLISHER && identity_find_publisher(&supervisor->options, &supervisor->identity) != 0)
		return "there is no user that could publish";
	const struct child *child;
	LIST_FOREACH(child, &supervisor->children.list, next)
	if (child->process == wish->process && child->state != CHILD_IDLE && child->state != CHILD_STOPPING)
		return "there is one already";
	return NULL;
}

/* NULL if the configuration allows it, else why not. */
static const char *wish_judge(struct supervisor *supervisor, const struct child_wish *wish) {
	switch (wish->process) {
	case PROCESS_PROBER:
	case PROCESS_HASHER:
		return wish->root_count == 0 ? NULL : "this program serves no root";
	case PROCESS_GUARD:
	case PROCESS_PUBLISHER:
		return wish_judge_single(supervisor, wish);
	case PROCESS_WATCHER:
	case PROCESS_REAPER:
		break;
	default:
		return "keeper may not have this program";
	}
	if (wish->root_count == 0)
		return "no root is named";
	for (size_t i = 0; i < wish->root_count; i++) {
		if (wish->roots[i] >= supervisor->settings->root_count)
			return "no such root in the configuration";
		if (wish_has_root(wish, wish->roots[i], i))
			return "a root is named twice";
	}
	const struct child *child;
	LIST_FOREACH(child, &supervisor->children.list, next)
	if (child->process == wish->process && child->state != CHILD_IDLE && child->state != CHILD_STOPPING)
		for (size_t i = 0; i < child->root_count; i++)
			if (wish_has_root(wish, child->roots[i], wish->root_count))
				return "another one serves one of its roots";
	return NULL;
}

void children_want(struct supervisor *supervisor, const struct child_wish *wish) {
	if (supervisor->ending)
		return;
	struct child *child = child_find(supervisor, wish->process, wish->key);
	const char *reason = child != NULL ? "there is one already" : wish_judge(supervisor, wish);
	if (reason == NULL) {
		child = child_recall(supervisor, wish);
		if (child == NULL) {
			children_sweep(supervisor);
			child = supervisor->children.count < CHILDREN_MAX ? child_new(supervisor, wish->process) : NULL;
		}
		if (child == NULL)
			reason = "too many programs";
	}
	if (reason != NULL) {
		link_tell_refused(supervisor, wish->process, wish->key, reason);
		return;
	}
	child->key = wish->key;
	child->orphan = false;
	child->status = 0;
	child->root_count = wish->root_count;
	memcpy(child->roots, wish->roots, wish->root_count * sizeof wish->roots[0]);
	child_handle(child, CHILD_EVENT_WANTED);
}

void children_tell(struct supervisor *supervisor, enum process process, uint32_t key, enum child_event event) {
	struct child *child = child_find(supervisor, process, key);
	if (child != NULL) {
		child_handle(child, event);
		return;
	}
	/* It may be released already, and slow: then only a kill still means something. */
	if (event == CHILD_EVENT_KILL)
		LIST_FOREACH(child, &supervisor->children.list, next)
	if (child->process == process && child->key == key && child->state == CHILD_STOPPING)
		child_handle(child, event);
}

/* ---- the end of processes ---- */

static void child_ended(struct child *child, int status) {
	child->ended_pid = child->pid;
	child->pid = 0;
	child->status = status;
	child->ended_us = clock_elapsed_us();
	child->alive_us = watchdog_alive_us(&child->watchdog, clock_wall_us());
	watchdog_end(&child->watchdog);
	/* What it could not say before: that it ran, or why it did not. */
	if (child->report_event != NULL)
		on_report(child->report, EV_READ, child);
	report_close(child);
	/* Its last message (why it ended) may still be in the channel, which ends by itself. */
	if (!child_is_keeper(child) || child->supervisor->keeper == NULL)
		child_handle(child, CHILD_EVENT_EXITED);
}

static void children_unblock(struct supervisor *supervisor) {
	struct child *child;
	LIST_FOREACH(child, &supervisor->children.list, next)
	if (child->blocked && child->state == CHILD_BACKING_OFF)
		child_handle(child, CHILD_EVENT_TIMER);
}

static void end_if_empty(struct supervisor *supervisor) {
	if (supervisor->ending && !children_any_alive(supervisor))
		(void)event_base_loopbreak(supervisor->base);
}

void child_stands_still(struct child *child, const char *why) {
	log_warning(
	    "%s (process %d) %s, it is killed so that nobody waits for it", child_name(child).text, (int)child->pid, why);
	child->watchdog.condemned = true;
	child_handle(child, child->state == CHILD_STOPPING ? CHILD_EVENT_KILL : CHILD_EVENT_BROKEN);
}

void child_is_dead(struct child *child) {
	struct supervisor *supervisor = child->supervisor;
	child_ended(child, SIGKILL);
	children_unblock(supervisor);
	end_if_empty(supervisor);
}

/* Any child may be stopped by an administrator; only for guard others wait. */
static void child_changed(struct child *child, int status) {
	if (!WIFSTOPPED(status))
		child_ended(child, status);
	else if (child->process == PROCESS_GUARD)
		child_stands_still(child, "was stopped");
}

void children_reap(struct supervisor *supervisor) {
	enum { WAIT = WNOHANG | WUNTRACED };
	int status;
	for (pid_t pid = waitpid(-1, &status, WAIT); pid > 0; pid = waitpid(-1, &status, WAIT)) {
		struct child *child;
		LIST_FOREACH(child, &supervisor->children.list, next) {
			if (child->pid == pid) {
				child_changed(child, status);
				break;
			}
		}
	}
	children_unblock(supervisor);
	end_if_empty(supervisor);
}

void children_keeper_unlinked(struct supervisor *supervisor) {
	struct child *keeper = supervisor->children.keeper;
	child_handle(keeper, keeper->pid == 0 ? CHILD_EVENT_EXITED : CHILD_EVENT_BROKEN);
	end_if_empty(supervisor);
}

void children_stop(struct supervisor *supervisor) {
	struct child *child;
	LIST_FOREACH(child, &supervisor->children.list, next)
	child_handle(child, CHILD_EVENT_STOP);
	end_if_empty(supervisor);
}

bool children_any_alive(const struct supervisor *supervisor) {
	const struct child *child;
	LIST_FOREACH(child, &supervisor->children.list, next)
	if (child->pid > 0)
		return true;
	return false;
}

int children_open(struct supervisor *supervisor) {
	LIST_INIT(&supervisor->children.list);
	struct child *keeper = child_new(supervisor, PROCESS_KEEPER);
	if (keeper == NULL)
		return -ENOMEM;
	supervisor->children.keeper = keeper;
	child_handle(keeper, CHILD_EVENT_WANTED);
	return 0;
}

void children_close(struct supervisor *supervisor) {
	for (struct child *child = LIST_FIRST(&supervisor->children.list), *after; child != NULL; child = after) {
		after = LIST_NEXT(child, next);
		if (child->pid > 0)
			log_warning(
			    "%s (process %d) hangs in the kernel and ends when it can", child_name(child).text, (int)child->pid);
		child_remove(supervisor, child);
	}
	supervisor->children.keeper = NULL;
}

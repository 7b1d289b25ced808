/* SPDX-License-Identifier: GPL-2.0-or-later */
/* retentiond: the supervisor of all the others. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/descriptor.h"
#include "base/log.h"
#include "configuration.h"
#include "link.h"
#include "sandbox/sandbox.h"
#include "settings/settings.h"
#include "supervisor.h"

/* Keeper says that it lives at least this often, or the service manager's watchdog is not fed. */
static const int64_t alive_within_us = 10 * US_PER_SECOND;

enum { SIGNALS = 4 };

struct events {
	struct event *signals[SIGNALS];
	struct event *watchdog;
};

void supervisor_stop(struct supervisor *supervisor, int exit_status) {
	if (exit_status > supervisor->exit_status)
		supervisor->exit_status = exit_status;
	if (supervisor->ending)
		return;
	supervisor->ending = true;
	notify_send(&supervisor->notify, "STOPPING=1");
	/* Usually the last child's end comes first; one that hangs in the kernel cannot be waited for. */
	(void)event_base_loopexit(supervisor->base, &(struct timeval){.tv_sec = 1, .tv_usec = 950000});
	children_stop(supervisor);
}

static void on_signal(evutil_socket_t number, short what, void *context) {
	(void)what;
	struct supervisor *supervisor = context;
	switch (number) {
	case SIGCHLD:
		children_reap(supervisor);
		break;
	case SIGHUP:
		configuration_reload(supervisor);
		break;
	default:
		if (!supervisor->ending)
			log_info("stopping");
		supervisor_stop(supervisor, 0);
	}
}

static void on_watchdog(evutil_socket_t fd, short what, void *context) {
	(void)fd;
	(void)what;
	const struct supervisor *supervisor = context;
	if (clock_elapsed_us() - supervisor->keeper_alive_us <= alive_within_us)
		notify_send(&supervisor->notify, "WATCHDOG=1");
}

static int events_open(struct events *events, struct supervisor *supervisor) {
	static const int numbers[SIGNALS] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD};
	for (int i = 0; i < SIGNALS; i++) {
		events->signals[i] = evsignal_new(supervisor->base, numbers[i], on_signal, supervisor);
		if (events->signals[i] == NULL || event_add(events->signals[i], NULL) < 0)
			return -ENOMEM;
	}
	int64_t half_us = supervisor->notify.watchdog_us / 2;
	if (half_us <= 0)
		return 0;
	struct timeval every = {
	    .tv_sec = (time_t)(half_us / US_PER_SECOND), .tv_usec = (suseconds_t)(half_us % US_PER_SECOND)};
	events->watchdog = event_new(supervisor->base, -1, EV_PERSIST, on_watchdog, supervisor);
	return events->watchdog == NULL || event_add(events->watchdog, &every) < 0 ? -ENOMEM : 0;
}

static void events_close(struct events *events) {
	for (int i = 0; i < SIGNALS; i++)
		if (events->signals[i] != NULL)
			event_free(events->signals[i]);
	if (events->watchdog != NULL)
		event_free(events->watchdog);
}

/* What this start could not have, said once. */
static void say_limits(const struct supervisor *supervisor) {
	if (!supervisor->identity.drop)
		log_notice("running as an ordinary user: guard is off, and files of others cannot be read or removed");
	else if (sandbox_capabilities_missing() != 0)
		log_notice("capabilities 0x%llx are missing here: files of other users may be out of reach, and who opens "
		           "footage may not be told",
		    (unsigned long long)sandbox_capabilities_missing());
	if (sandbox_landlock_abi() < 2)
		log_notice(
		    "this kernel's landlock has ABI %d: programs are confined without what it lacks", sandbox_landlock_abi());
}

/* Everything that is opened, then the rights that opening took are given away. */
static int supervisor_open(struct supervisor *supervisor) {
	int error = places_find(&supervisor->places);
	if (error != 0) {
		log_error_errno(error, "cannot find out where this program lies");
		return error;
	}
	error = configuration_open(supervisor);
	if (error == 0)
		error = configuration_check_first_start(supervisor);
	if (error == 0)
		error = identity_find(&supervisor->options, &supervisor->identity);
	if (error == 0 && settings_publishes(supervisor->settings))
		error = identity_find_publisher(&supervisor->options, &supervisor->identity);
	if (error == 0)
		error = folders_open(&supervisor->folders, supervisor->settings, &supervisor->identity);
	(void)umask(0027);
	if (error != 0)
		return error;
	say_limits(supervisor);
	error = sandbox_enter(&(struct sandbox_request){
	    .process = PROCESS_SUPERVISOR, .drop = supervisor->identity.drop, .user = geteuid(), .group = getegid()});
	if (error != 0)
		log_error_errno(error, "cannot give up rights");
	return error;
}

static int supervisor_run(struct supervisor *supervisor) {
	struct events events = {0};
	supervisor->base = event_base_new();
	int error = supervisor->base == NULL ? -ENOMEM : events_open(&events, supervisor);
	if (error == 0)
		error = children_open(supervisor);
	if (error == 0) {
		log_info("version %s, configuration '%s', %zu root%s", RETENTION_VERSION, supervisor->settings->source,
		    supervisor->settings->root_count, supervisor->settings->root_count == 1 ? "" : "s");
		if (event_base_dispatch(supervisor->base) < 0)
			error = -EIO;
	}
	if (error != 0)
		log_error_errno(error, "cannot run the event loop");
	link_close(supervisor);
	children_close(supervisor);
	events_close(&events);
	if (supervisor->base != NULL)
		event_base_free(supervisor->base);
	return error;
}

int main(int argc, char **argv) {
	struct supervisor supervisor = {.folders = FOLDERS_NONE, .settings_fd = -1};
	int status = options_parse(argc, argv, &supervisor.options);
	if (status != OPTIONS_RUN)
		return status;
	/* Plain lines: the children look at the same variable. */
	if (supervisor.options.foreground)
		(void)unsetenv("JOURNAL_STREAM");
	log_open("retentiond", supervisor.options.verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)umask(0022);
	notify_open(&supervisor.notify);

	int error = supervisor_open(&supervisor);
	if (error == 0)
		error = supervisor_run(&supervisor);

	folders_close(&supervisor.folders);
	supervisor.settings = settings_free(supervisor.settings);
	descriptor_close(&supervisor.settings_fd);
	notify_close(&supervisor.notify);
	if (error == 0 && supervisor.exit_status == 0)
		log_info("stopped");
	return error == 0 ? supervisor.exit_status : EXIT_FAILURE;
}

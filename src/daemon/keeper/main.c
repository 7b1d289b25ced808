/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * retention keeper: decides, and owns all durable state. Descriptor 3 is the supervisor's channel;
 * START brings the settings and the listening control socket. What is outside the state folder is
 * opened before the line that gives up the right to.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/descriptor.h"
#include "base/log.h"
#include "base/zone.h"
#include "children.h"
#include "configuration.h"
#include "control.h"
#include "deletion.h"
#include "epochs.h"
#include "expiry.h"
#include "holds.h"
#include "index.h"
#include "ingest.h"
#include "ipc/channel.h"
#include "ipc/child.h"
#include "keeper.h"
#include "lookup.h"
#include "media.h"
#include "observation.h"
#include "outbox.h"
#include "owed.h"
#include "peer.h"
#include "rebuild.h"
#include "record.h"
#include "reports.h"
#include "roots.h"
#include "sandbox/sandbox.h"
#include "state.h"
#include "timekeeping.h"

enum {
	ALIVE_SECONDS = 3,
	MINUTE_SECONDS = 60,
	COMMIT_CHECK_SECONDS = 5,
	COMMIT_SECONDS =
	    1200, /* each commit writes every page it touches: seldom, and the log makes up for what a crash loses */
	COMMIT_PENDING = 50000,
};

struct timers {
	struct event *alive, *minute, *commit;
};

/* ---- start ---- */

static int start_receive(struct keeper *keeper, struct record_start *ret_start, int *ret_listen_fd) {
	static struct message message;
	int started = child_start(PROCESS_KEEPER, -1, &message, ret_start);
	if (started <= 0)
		return started == 0 ? -EPIPE : started;
	CLOSED_AT_END int settings_fd = message_take_descriptor(&message, 0);
	int listen_fd = message_take_descriptor(&message, 1);
	message_close_descriptors(&message);
	int error = settings_fd < 0 || listen_fd < 0 ? -EPROTO : 0;
	if (error == 0)
		error = settings_unseal(settings_fd, &keeper->settings);
	if (error != 0) {
		descriptor_close(&listen_fd);
		return error;
	}
	*ret_listen_fd = listen_fd;
	return 0;
}

/* What the sandbox would refuse later. */
static int open_outside(struct keeper *keeper) {
	keeper->state_fd = open(keeper->settings->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	keeper->mountinfo_fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	if (keeper->state_fd < 0 || keeper->mountinfo_fd < 0)
		return -errno;
	keeper->syslog_fd = keeper->settings->log.syslog ? record_open_syslog() : -1;
	/* The zones that are known now; a new configuration may name others, which the row leaves readable. */
	for (size_t i = 0; i < keeper->settings->root_count; i++)
		if (zone_shared(keeper->settings->roots[i].timezone) == NULL)
			log_warning("the zone database has no '%s'", keeper->settings->roots[i].timezone);
	(void)zone_shared("UTC");
	keeper->user_names = user_names_read();
	return clock_open();
}

static int give_up_rights(struct keeper *keeper, const struct record_start *start) {
	keeper->trial = start->drop == 0;
	const struct sandbox_path paths[] = {{.path = keeper->settings->state_dir, .writable = true}};
	struct sandbox_request request = child_sandbox(PROCESS_KEEPER, start);
	request.paths = paths;
	request.path_count = ARRAY_LENGTH(paths);
	return sandbox_enter(&request);
}

void keeper_fatal(struct keeper *keeper, const char *text) {
	struct message_writer out;
	message_begin(&out, MESSAGE_FATAL);
	record_notice_put(&out.writer, &(struct record_notice){.text = text_of(text)});
	log_error("%s", text);
	if (message_send_wait(CHILD_CHANNEL, &out, NULL, 0) != 0)
		log_error("the supervisor could not be told");
	keeper->stopping = true;
	keeper->failed = true;
	(void)event_base_loopbreak(keeper->base);
}

static int open_state(struct keeper *keeper) {
	char message[512] = "";
	/* It is made before the log: a log without it had holds that nobody knows any more. */
	bool lost = faccessat(keeper->state_fd, "state.db", F_OK, 0) < 0 && errno == ENOENT &&
	            faccessat(keeper->state_fd, "log/checkpoint", F_OK, 0) == 0;
	if (lost) {
		keeper_fatal(keeper,
		    "state.db is missing beside an audit log: holds may have been in it, so nothing is deleted "
		    "and retentiond does not run; put back 'state.db.yesterday' as 'state.db', or make an empty "
		    "file 'state.db' to start with no holds");
		return -ENOENT;
	}
	int error = state_open(keeper->settings->state_dir, &keeper->state, message, sizeof message);
	if (error != 0)
		keeper_fatal(keeper, message[0] != '\0' ? message : "state.db cannot be opened");
	return error;
}

static int open_index(struct keeper *keeper) {
	bool log_was_there = faccessat(keeper->state_fd, "log/checkpoint", F_OK, 0) == 0;
	bool fresh = false;
	int error = record_open(keeper, &keeper->record);
	if (error != 0) {
		log_error_errno(error, "cannot open the audit log");
		return error;
	}
	error = timekeeping_open(keeper, &keeper->timekeeping);
	if (error == 0)
		error = index_open(keeper->settings->state_dir, &keeper->index, &fresh);
	if (error == 0)
		configuration_record(keeper, NULL, log_was_there ? CONFIGURATION_STARTED : CONFIGURATION_FIRST);
	if (error == 0)
		error = roots_open(keeper, &keeper->roots);
	if (error == 0)
		error = owed_open(keeper, &keeper->owed);
	if (error == 0)
		error = rebuild_open(keeper, fresh, log_was_there, &keeper->rebuild);
	if (error != 0)
		log_error_errno(error, "cannot open the index");
	return error;
}

/* In this order: each uses those above it. */
static int open_parts(struct keeper *keeper, int listen_fd) {
	int error = open_state(keeper);
	if (error == 0)
		error = open_index(keeper);
	if (error == 0)
		error = lookup_open(keeper, &keeper->lookup);
	if (error == 0)
		error = holds_open(keeper, &keeper->holds);
	if (error == 0)
		error = epochs_open(keeper, &keeper->epochs);
	if (error == 0)
		error = children_open(keeper, CHILD_CHANNEL, &keeper->children);
	if (error == 0)
		error = ingest_open(keeper, &keeper->ingest);
	if (error == 0)
		error = media_open(keeper, &keeper->media);
	if (error == 0)
		error = observation_open(keeper, &keeper->observation);
	if (error == 0)
		error = deletion_open(keeper, &keeper->deletion);
	if (error == 0)
		error = expiry_open(keeper, &keeper->expiry);
	if (error == 0)
		error = outbox_open(keeper, &keeper->outbox);
	if (error == 0)
		error = control_open(keeper, listen_fd, &keeper->control);
	else
		descriptor_close(&listen_fd);
	if (error == 0)
		roots_begin(keeper);
	return error;
}

/* ---- running ---- */

static void say(struct keeper *keeper, enum message_type type) {
	char text[200];
	uint64_t segments = 0;
	size_t online = 0;
	for (size_t i = 0; i < roots_count(keeper); i++)
		online += roots_get(keeper, i)->state == ROOT_ONLINE ? 1 : 0;
	index_totals(keeper->index, &segments);
	(void)snprintf(text, sizeof text, "%" PRIu64 " segments, %zu of %zu roots online%s", segments, online,
	    roots_count(keeper),
	    keeper->index_rebuilding       ? ", rebuilding the index"
	    : online < roots_count(keeper) ? ", scanning or waiting"
	                                   : "");
	struct message_writer out;
	message_begin(&out, type);
	record_notice_put(&out.writer, &(struct record_notice){.text = text_of(text)});
	channel_send(keeper->supervisor, &out, NULL, 0);
}

static void on_alive(evutil_socket_t fd, short what, void *context) {
	(void)fd;
	(void)what;
	say(context, MESSAGE_ALIVE);
}

static void on_minute(evutil_socket_t fd, short what, void *context) {
	(void)fd;
	(void)what;
	struct keeper *keeper = context;
	holds_tick(keeper);
	ingest_flush(keeper);
	(void)malloc_trim(0); /* what a scan or a pass needed goes back to the system */
	int error = state_copy(keeper->state, clock_wall_us());
	if (error != 0)
		log_warning_errno(error, "cannot make the daily copy of state.db");
}

/* A new start finds it set aside, makes a new index, and rebuilds. */
static void index_is_damaged(struct keeper *keeper) {
	log_error("the index is damaged; it is set aside and made anew from the disks and the audit log");
	keeper->failed = true;
	keeper_stop(keeper);
}

static void on_commit(evutil_socket_t fd, short what, void *context) {
	(void)fd;
	(void)what;
	struct keeper *keeper = context;
	if (index_damaged(keeper->index)) {
		index_is_damaged(keeper);
		return;
	}
	int64_t now = clock_boot_us();
	uint64_t pending = index_pending(keeper->index);
	if (pending == 0 || (pending < COMMIT_PENDING && now - keeper->index_committed_us < COMMIT_SECONDS * US_PER_SECOND))
		return;
	int error = rebuild_commit(keeper);
	if (error != 0)
		log_warning_errno(error, "cannot commit the index; trying again");
	else
		keeper->index_committed_us = now;
}

void keeper_stop(struct keeper *keeper) {
	keeper->stopping = true;
	(void)event_base_loopexit(keeper->base, NULL);
}

void keeper_configure(struct keeper *keeper, struct settings *settings) {
	struct settings *old = keeper->settings;
	keeper->settings = settings;
	observation_configure_begin(keeper);
	int error = roots_reload(keeper);
	(void)settings_free(old);
	if (error != 0) {
		log_error_errno(error, "cannot take up the new configuration; starting again with it");
		keeper->failed = true;
		keeper_stop(keeper);
		return;
	}
	struct audit_actor actor = {.is_set = false};
	control_reload_actor(keeper, &actor);
	outbox_configure(keeper);
	configuration_record(keeper, &actor, CONFIGURATION_RELOADED);
	observation_configure(keeper);
	log_notice("the new configuration is in force");
	expiry_soon(keeper);
}

static int timers_start(struct keeper *keeper, struct timers *timers) {
	const struct timeval alive = {.tv_sec = ALIVE_SECONDS}, minute = {.tv_sec = MINUTE_SECONDS};
	const struct timeval commit = {.tv_sec = COMMIT_CHECK_SECONDS};
	timers->alive = event_new(keeper->base, -1, EV_PERSIST, on_alive, keeper);
	timers->minute = event_new(keeper->base, -1, EV_PERSIST, on_minute, keeper);
	timers->commit = event_new(keeper->base, -1, EV_PERSIST, on_commit, keeper);
	if (timers->alive == NULL || timers->minute == NULL || timers->commit == NULL)
		return -ENOMEM;
	if (event_add(timers->alive, &alive) < 0 || event_add(timers->minute, &minute) < 0 ||
	    event_add(timers->commit, &commit) < 0)
		return -ENOMEM;
	return 0;
}

static void timers_stop(struct timers *timers) {
	struct event *const events[] = {timers->alive, timers->minute, timers->commit};
	for (size_t i = 0; i < ARRAY_LENGTH(events); i++)
		if (events[i] != NULL)
			event_free(events[i]);
}

/* The last entries, the last commit; then each part after those that use it. */
static void close_parts(struct keeper *keeper) {
	bool damaged = keeper->index != NULL && index_damaged(keeper->index);
	keeper->stopping = true;
	if (keeper->ingest != NULL && !damaged)
		ingest_flush(keeper);
	keeper->observation = observation_close(keeper->observation);
	if (keeper->record != NULL)
		(void)record_append(keeper, AUDIT_STOP, AUDIT_SUCCESS, NULL, NULL, NULL, NULL);
	bool committed = keeper->rebuild != NULL && !damaged && rebuild_commit(keeper) == 0;
	if (keeper->rebuild != NULL && !damaged && !committed)
		log_warning("cannot commit the index; the next start catches up");
	keeper->control = control_close(keeper->control);
	reports_close(keeper);
	keeper->lookup = lookup_close(keeper, keeper->lookup);
	keeper->outbox = outbox_close(keeper->outbox);
	keeper->children = children_close(keeper->children);
	keeper->expiry = expiry_close(keeper->expiry);
	keeper->deletion = deletion_close(keeper->deletion);
	keeper->media = media_close(keeper->media);
	keeper->ingest = ingest_close(keeper->ingest);
	keeper->epochs = epochs_close(keeper->epochs);
	keeper->holds = holds_close(keeper->holds);
	keeper->rebuild = rebuild_close(keeper->rebuild);
	keeper->owed = owed_close(keeper->owed);
	keeper->roots = roots_close(keeper->roots);
	/* Rows must not go without the durable entry that tells of them. */
	keeper->index = committed ? index_close(keeper->index) : index_abandon(keeper->index);
	if (damaged && index_mark_damaged(keeper->settings->state_dir) != 0)
		log_error("the damaged index cannot be set aside: move index.db away by hand");
	keeper->timekeeping = timekeeping_close(keeper->timekeeping);
	keeper->record = record_close(keeper->record);
	keeper->state = state_close(keeper->state);
	keeper->supervisor = channel_free(keeper->supervisor);
}

static int run(struct keeper *keeper, int listen_fd) {
	struct timers timers = {0};
	int error = open_parts(keeper, listen_fd);
	if (error == 0)
		error = timers_start(keeper, &timers);
	if (error == 0) {
		say(keeper, MESSAGE_READY);
		(void)event_base_dispatch(keeper->base);
	} else if (!keeper->failed) {
		log_error_errno(error, "cannot start");
		keeper->failed = true;
	}
	timers_stop(&timers);
	close_parts(keeper);
	return keeper->failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(void) {
	/* The supervisor says when to stop, so that the last words can still be written. */
	(void)signal(SIGTERM, SIG_IGN);
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGPIPE, SIG_IGN);

	struct keeper keeper = {.state_fd = -1, .mountinfo_fd = -1, .syslog_fd = -1};
	struct record_start start = {0};
	int listen_fd = -1;
	int error = start_receive(&keeper, &start, &listen_fd);
	if (error != 0) {
		log_error_errno(error, "cannot take the supervisor's START");
		return EXIT_FAILURE;
	}
	error = open_outside(&keeper);
	keeper.started_us = clock_wall_us();
	keeper.base = event_base_new();
	if (error == 0 && keeper.base == NULL)
		error = -ENOMEM;
	if (error == 0)
		error = give_up_rights(&keeper, &start);
	if (error != 0) {
		log_error_errno(error, "cannot start");
		return EXIT_FAILURE;
	}
	int status = run(&keeper, listen_fd);
	event_base_free(keeper.base);
	keeper.settings = settings_free(keeper.settings);
	descriptor_close(&keeper.state_fd);
	descriptor_close(&keeper.mountinfo_fd);
	descriptor_close(&keeper.syslog_fd);
	return status;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/log.h"
#include "base/span.h"
#include "base/zone.h"
#include "keeper.h"
#include "lookup.h"
#include "observation.h"
#include "outbox.h"
#include "retention/log.h"
#include "state.h"
#include "timekeeping.h"

/* A full day of expiry of a large site fits in this. */
enum { RESERVE_BYTES = 4 << 20, PUBLISH_ENTRIES = 256, BUNDLE_ENTRIES = 256 };

static const struct timeval sync_delay = {.tv_usec = 200000};
static const struct timeval soon_delay = {.tv_sec = 5};
static const struct timeval retry_delay = {.tv_sec = 10};

struct record {
	struct audit_writer *writer;
	struct event *sync_event;    /* makes what was appended durable, for entries that nobody waits for */
	struct event *publish_event; /* log.checkpoint */
	struct event *soon_event;    /* a checkpoint that holds and the like ask for */
	struct event *retry_event;   /* the log could not be written */
	bool complained;
	void (*on_entry)(const char *entry, size_t length, void *context);
	void *on_entry_context;
};

int record_open_syslog(void) {
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) < 0) {
		(void)close(fd);
		fd = -1;
	}
	return fd;
}

/* Facility authpriv, severity info. A syslog that does not listen loses the copy, never the entry. */
static void forward(const struct keeper *keeper, const char *entry, size_t length) {
	if (keeper->syslog_fd < 0 || !keeper->settings->log.syslog)
		return;
	char line[AUDIT_ENTRY_BYTES_MAX + 64];
	int used = snprintf(line, sizeof line, "<86>retentiond: %.*s", (int)length, entry);
	if (used > 0)
		(void)send(keeper->syslog_fd, line, (size_t)used < sizeof line ? (size_t)used : sizeof line - 1,
		    MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void complain(struct keeper *keeper, int error) {
	if (!keeper->record->complained)
		log_error_errno(error, "the audit log cannot be written: nothing is deleted until it can");
	keeper->record->complained = true;
	observation_log_writable(keeper, false);
	(void)evtimer_add(keeper->record->retry_event, &retry_delay);
}

static void on_sync(evutil_socket_t fd, short events, void *context) {
	(void)fd;
	(void)events;
	struct keeper *keeper = context;
	int error = record_durable(keeper);
	(void)error; /* record_durable() has complained */
}

static void on_publish(evutil_socket_t fd, short events, void *context) {
	(void)fd;
	(void)events;
	struct keeper *keeper = context;
	(void)record_publish(keeper);
}

static void on_retry(evutil_socket_t fd, short events, void *context) {
	(void)fd;
	(void)events;
	struct keeper *keeper = context;
	if (!audit_writer_retry(keeper->record->writer) || record_durable(keeper) < 0) {
		(void)evtimer_add(keeper->record->retry_event, &retry_delay);
		return;
	}
	keeper->record->complained = false;
	observation_log_writable(keeper, true);
	log_notice("the audit log can be written again");
}

static int make_events(struct keeper *keeper, struct record *record) {
	int64_t checkpoint_us = 0;
	if (!duration_fixed_us(&keeper->settings->log.checkpoint, &checkpoint_us) || checkpoint_us < US_PER_SECOND)
		checkpoint_us = 600 * US_PER_SECOND;
	struct timeval checkpoint = {.tv_sec = (time_t)(checkpoint_us / US_PER_SECOND)};
	record->sync_event = evtimer_new(keeper->base, on_sync, keeper);
	record->soon_event = evtimer_new(keeper->base, on_publish, keeper);
	record->retry_event = evtimer_new(keeper->base, on_retry, keeper);
	record->publish_event = event_new(keeper->base, -1, EV_PERSIST, on_publish, keeper);
	if (record->sync_event == NULL || record->soon_event == NULL || record->retry_event == NULL ||
	    record->publish_event == NULL || event_add(record->publish_event, &checkpoint) < 0)
		return -ENOMEM;
	return 0;
}

static void release(struct record *record) {
	struct event *events[] = {record->sync_event, record->soon_event, record->retry_event, record->publish_event};
	for (size_t i = 0; i < ARRAY_LENGTH(events); i++)
		if (events[i] != NULL)
			event_free(events[i]);
	(void)audit_writer_close(record->writer);
	free(record);
}

/* The entries under the newest checkpoint. */
static int read_published(
    struct keeper *keeper, uint64_t from_sequence, int (*each)(const json_t *entry, void *context), void *context) {
	struct retention_log *log = NULL;
	int result = retention_log_open(audit_writer_folder(keeper->record->writer), NULL, &log);
	struct retention_checkpoint checkpoint = {.size = 0};
	if (result == 0)
		result = retention_log_checkpoint(log, &checkpoint);
	for (uint64_t i = from_sequence; result == 0 && i < checkpoint.size; i++) {
		const char *bytes = NULL;
		size_t length = 0;
		result = retention_log_entry(log, i, &bytes, &length);
		if (result == -ENOENT) {
			/* Pruned: on with the next bundle. */
			i |= BUNDLE_ENTRIES - 1;
			result = 0;
			continue;
		}
		if (result != 0)
			break;
		json_t *entry = json_loadb(bytes, length, 0, NULL);
		if (entry != NULL)
			result = each(entry, context);
		json_decref(entry);
	}
	retention_log_close(log);
	return result;
}

int record_each(
    struct keeper *keeper, uint64_t from_sequence, int (*each)(const json_t *entry, void *context), void *context) {
	int result = record_publish(keeper);
	return result == 0 ? read_published(keeper, from_sequence, each, context) : result;
}

static int take_time(const json_t *entry, void *context) {
	const char *text = json_string_value(json_object_get(entry, "@timestamp"));
	char message[128];
	int64_t *last_us = context;
	if (text != NULL && span_parse_instant(text, zone_shared("UTC"), 0, last_us, message, sizeof message) != SPAN_OK)
		*last_us = 0;
	return 0;
}

/*
 * Nobody watched between the last sign of life (an entry, or the clock's mark in state.db) and now:
 * what happened to footage meanwhile is known only as far as the disks still show it. The entry is
 * observation.c's, which knows when opens are seen again.
 */
static void record_gap(struct keeper *keeper) {
	uint64_t published = audit_writer_published(keeper->record->writer);
	struct clock_state clock;
	int64_t last_us = 0;
	if (published > 0 && read_published(keeper, published - 1, take_time, &last_us) != 0)
		return;
	if (state_clock_get(keeper->state, &clock) == 0 && clock.mark_wall_us > last_us)
		last_us = clock.mark_wall_us;
	if (last_us == 0)
		return;
	keeper->down_since_us = last_us;
	keeper->down_until_us = clock_wall_us();
}

/* What is in force from here on, as a configuration entry says it: reports tell from it what was only observed when. */
static void in_force_put(const struct settings *settings, json_t *details) {
	enum { ROOTS_TOLD_MAX = 64 };
	char retention[64] = "", maximum[64] = "";
	if (settings->has_retention)
		duration_format(&settings->retention, retention, sizeof retention);
	if (settings->has_legal_maximum)
		duration_format(&settings->legal_maximum, maximum, sizeof maximum);
	(void)json_object_set_new(details, "retention", json_string(retention));
	(void)json_object_set_new(details, "legal_maximum", json_string(maximum));
	json_t *roots = json_array();
	for (size_t i = 0; i < settings->root_count && i < ROOTS_TOLD_MAX; i++)
		(void)json_array_append_new(roots,
		    json_pack("{s:s, s:s}", "root", settings->roots[i].name, "mode", root_mode_name(settings->roots[i].mode)));
	(void)json_object_set_new(details, "roots", roots);
}

static void record_start(struct keeper *keeper, const struct audit_start_report *report) {
	if (report->how != AUDIT_STARTED_NEW && report->how != AUDIT_BROKEN_RENEWED)
		record_gap(keeper);
	if (report->how == AUDIT_BROKEN_RENEWED) {
		log_error("the audit log did not hold (%s): it was set aside and a new one begun", report->reason);
		(void)record_append(keeper, AUDIT_LOG_RENEWED, AUDIT_FAILURE, report->reason, NULL, NULL, NULL);
	} else if (report->how == AUDIT_RECOVERED) {
		json_t *details = json_pack("{s:I, s:b}", "replayed", (json_int_t)report->replayed, "torn", (int)report->torn);
		(void)record_append(
		    keeper, AUDIT_LOG_RECOVERED, AUDIT_SUCCESS, report->reason[0] ? report->reason : NULL, NULL, details, NULL);
	}
	json_t *details =
	    json_pack("{s:s, s:s, s:b}", "version", RETENTION_VERSION, "configuration", keeper->settings->source,
	        "clean_stop", (int)(report->how == AUDIT_CONTINUED || report->how == AUDIT_STARTED_NEW));
	in_force_put(keeper->settings, details);
	(void)record_append(keeper, AUDIT_START, AUDIT_SUCCESS, NULL, NULL, details, NULL);
}

int record_open(struct keeper *keeper, struct record **ret_record) {
	struct record *record = calloc(1, sizeof *record);
	if (record == NULL)
		return -ENOMEM;
	struct audit_start_report report = {0};
	int error =
	    audit_writer_open(keeper->state_fd, keeper->settings->publish.origin, RESERVE_BYTES, &record->writer, &report);
	if (error == 0)
		error = make_events(keeper, record);
	if (error != 0) {
		release(record);
		return error;
	}
	*ret_record = record;
	keeper->record = record;
	record_start(keeper, &report);
	return 0;
}

struct record *record_close(struct record *record) {
	if (record != NULL)
		release(record);
	return NULL;
}

int record_append(struct keeper *keeper, enum audit_action action, enum audit_outcome outcome, const char *reason,
    const struct audit_actor *actor, json_t *details, uint64_t *ret_sequence) {
	struct record *record = keeper->record;
	struct audit_stamp stamp = {.sequence = audit_writer_size(record->writer)};
	clock_read(&stamp.clock);
	stamp.level = keeper->timekeeping != NULL ? timekeeping_verdict(keeper)->level : CLOCK_UNVERIFIED;
	size_t length = 0;
	char *entry = audit_entry_format(&stamp, action, outcome, reason, actor, details, &length);
	json_decref(details);
	if (entry == NULL) {
		log_error("an audit entry '%s' cannot be made: it is too long or memory is short", audit_action_name(action));
		return -EMSGSIZE;
	}
	uint64_t index = 0;
	int error = audit_writer_append(record->writer, entry, length, &index);
	if (error == 0) {
		if (ret_sequence != NULL)
			*ret_sequence = index;
		if (!evtimer_pending(record->sync_event, NULL))
			(void)evtimer_add(record->sync_event, &sync_delay);
		if (record->on_entry != NULL)
			record->on_entry(entry, length, record->on_entry_context);
		forward(keeper, entry, length);
		if (audit_action_is_alarm(action))
			outbox_alarm(keeper, entry, length, action);
	} else {
		complain(keeper, error);
	}
	free(entry);
	return error;
}

int record_durable(struct keeper *keeper) {
	struct record *record = keeper->record;
	(void)evtimer_del(record->sync_event);
	int error = audit_writer_sync(record->writer);
	if (error != 0) {
		complain(keeper, error);
		return error;
	}
	if (audit_writer_size(record->writer) - audit_writer_published(record->writer) >= PUBLISH_ENTRIES)
		(void)record_publish(keeper);
	return 0;
}

void record_publish_soon(struct keeper *keeper) {
	if (!evtimer_pending(keeper->record->soon_event, NULL))
		(void)evtimer_add(keeper->record->soon_event, &soon_delay);
}

int record_publish(struct keeper *keeper) {
	struct record *record = keeper->record;
	uint64_t before = audit_writer_published(record->writer);
	(void)evtimer_del(record->soon_event);
	int error = audit_writer_sync(record->writer);
	if (error == 0)
		error = audit_writer_publish(record->writer);
	if (error != 0)
		complain(keeper, error);
	else
		lookup_published(keeper);
	if (audit_writer_published(record->writer) != before)
		outbox_checkpoint(keeper);
	return error;
}

bool record_writable(const struct keeper *keeper) {
	return audit_writer_writable(keeper->record->writer);
}

struct audit_writer *record_writer(struct keeper *keeper) {
	return keeper->record->writer;
}

bool record_is(const json_t *entry, enum audit_action action) {
	const char *found = json_string_value(json_object_get(json_object_get(entry, "event"), "action"));
	return found != NULL && strcmp(found, audit_action_name(action)) == 0;
}

struct wanted {
	enum audit_action action;
	const char *key;
	int64_t value;
};

static int is_wanted(const json_t *entry, void *context) {
	const struct wanted *wanted = context;
	const json_t *number = json_object_get(entry, wanted->key);
	return record_is(entry, wanted->action) && json_is_integer(number) && json_integer_value(number) == wanted->value;
}

int record_contains(
    struct keeper *keeper, uint64_t from_sequence, enum audit_action action, const char *key, int64_t value) {
	struct wanted wanted = {action, key, value};
	return record_each(keeper, from_sequence, is_wanted, &wanted);
}

void record_subscribe(
    struct keeper *keeper, void (*on_entry)(const char *entry, size_t length, void *context), void *context) {
	keeper->record->on_entry = on_entry;
	keeper->record->on_entry_context = context;
}

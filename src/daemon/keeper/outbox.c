/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Alarms are written in the turn that appends their entries, and go to state.db together a moment
 * later, once the entries are durable. What a crash loses between is found again in the log: state.db
 * keeps up to where alarms were looked for.
 */
#include "outbox.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "answer.h"
#include "audit/writer.h"
#include "base/clock.h"
#include "base/log.h"
#include "keeper.h"
#include "outbox_private.h"
#include "record.h"
#include "state.h"
#include "syslog_text.h"

/* Looked at where nobody knows up to where alarms were looked for: what this start wrote. */
enum { ENTRIES_BACK = 16 };

/* ---- targets ---- */

static struct outbox_target *target_find(const struct outbox *outbox, const char *address) {
	for (size_t i = 0; i < outbox->target_count; i++)
		if (strcmp(outbox->targets[i]->row.address, address) == 0)
			return outbox->targets[i];
	return NULL;
}

static void target_free(struct outbox *outbox, struct outbox_target *target) {
	witness_test_end(outbox, target, "the witness is not in the configuration any more");
	free(target->key);
	free(target->note);
	free(target);
}

void outbox_target_save(struct outbox *outbox, const struct outbox_target *target) {
	int error = state_target_put(outbox->keeper->state, &target->row);
	if (error != 0)
		log_warning_errno(error, "cannot keep what '%s' has got", target->row.address);
}

static void target_remove(struct outbox *outbox, size_t index) {
	struct outbox_target *target = outbox->targets[index];
	int error = state_target_remove(outbox->keeper->state, target->row.address);
	if (error != 0)
		log_warning_errno(error, "cannot forget '%s'", target->row.address);
	target_free(outbox, target);
	outbox->targets[index] = outbox->targets[--outbox->target_count];
}

static struct outbox_target *target_add(struct outbox *outbox, const struct target_row *row) {
	if (outbox->target_count == OUTBOX_TARGETS_MAX)
		return NULL;
	struct outbox_target *target = calloc(1, sizeof *target);
	if (target == NULL)
		return NULL;
	target->row = *row;
	target->lost_told = row->lost;
	target->heartbeat_us = clock_elapsed_us() + OUTBOX_HEARTBEAT_S * US_PER_SECOND;
	outbox->targets[outbox->target_count++] = target;
	return target;
}

static int load_target(const struct target_row *row, void *context) {
	struct outbox_target *target = target_add(context, row);
	if (target == NULL)
		return -ENOMEM;
	target->failed_before = row->error[0] != '\0';
	return 0;
}

static void configure_one(struct outbox *outbox, enum delivery_kind kind, const char *address, const char *key) {
	struct outbox_target *target = target_find(outbox, address);
	if (target == NULL) {
		struct target_row row = {.kind = (uint8_t)kind,
		    .alarm = outbox->last_alarm + (int64_t)outbox->pending_count,
		    .added_us = clock_wall_us()};
		if (text_copy(row.address, sizeof row.address, text_of(address)))
			target = target_add(outbox, &row);
		if (target == NULL) {
			log_error("cannot publish to '%s': there is no room for it", address);
			return;
		}
		outbox_target_save(outbox, target);
	}
	target->configured = true;
	target->row.last_alarm = 0;
	free(target->key);
	target->key = key != NULL ? strdup(key) : NULL;
	if (key != NULL && (target->key == NULL || !cosigner_parse(key, strlen(key), &target->cosigner)))
		log_error("the key of witness '%s' is none of algorithm cosignature/v1; its answers are not taken", address);
}

static void forget_position(struct outbox *outbox) {
	for (size_t i = 0; i < outbox->target_count; i++)
		if (outbox->targets[i]->row.kind == DELIVERY_SYSLOG)
			return;
	char position[POSITION_BYTES];
	int error = state_alarms_position(outbox->keeper->state, position);
	if (error == 0)
		error = state_alarms_position_put(outbox->keeper->state, "");
	if (error != 0 && error != -ENOENT)
		log_warning_errno(error, "cannot keep which alarms have been looked at");
}

void outbox_configure(struct keeper *keeper) {
	struct outbox *outbox = keeper->outbox;
	const struct settings *settings = keeper->settings;
	if (outbox == NULL)
		return;
	for (size_t i = 0; i < outbox->target_count; i++)
		outbox->targets[i]->configured = false;
	for (size_t i = 0; i < settings->publish.receiver_count; i++)
		configure_one(outbox, DELIVERY_SYSLOG, settings->publish.receivers[i], NULL);
	for (size_t i = 0; i < settings->publish.witness_count; i++)
		configure_one(outbox, DELIVERY_WITNESS, settings->publish.witnesses[i].url, settings->publish.witnesses[i].key);
	for (size_t i = outbox->target_count; i > 0; i--)
		if (!outbox->targets[i - 1]->configured && outbox->targets[i - 1]->row.kind == DELIVERY_WITNESS)
			target_remove(outbox, i - 1);
	forget_position(outbox);
	outbox_pump_soon(outbox);
}

/* ---- alarms ---- */

uint64_t outbox_waiting(const struct outbox *outbox, const struct outbox_target *target) {
	if (target->row.kind != DELIVERY_SYSLOG)
		return 0;
	int64_t last =
	    target->row.last_alarm != 0 ? target->row.last_alarm : outbox->last_alarm + (int64_t)outbox->pending_count;
	return last > target->row.alarm ? (uint64_t)(last - target->row.alarm) : 0;
}

static bool has_receivers(const struct outbox *outbox) {
	for (size_t i = 0; i < outbox->target_count; i++)
		if (outbox->targets[i]->row.kind == DELIVERY_SYSLOG && outbox->targets[i]->row.last_alarm == 0)
			return true;
	return false;
}

static bool has_leaving(const struct outbox *outbox) {
	for (size_t i = 0; i < outbox->target_count; i++)
		if (outbox->targets[i]->row.kind == DELIVERY_SYSLOG && !outbox->targets[i]->configured &&
		    outbox->targets[i]->row.last_alarm == 0)
			return true;
	return false;
}

static void position_now(const struct outbox *outbox, uint64_t sequence, char position[POSITION_BYTES]) {
	(void)snprintf(
	    position, POSITION_BYTES, "%s %" PRIu64, audit_writer_origin(record_writer(outbox->keeper)), sequence);
}

/* Each alarm of ours is one of theirs until it is delivered; what is over the limit goes, the oldest first. */
static void drop_oldest(struct outbox *outbox) {
	int64_t oldest = outbox->last_alarm - OUTBOX_ALARMS_MAX;
	for (size_t i = 0; i < outbox->target_count; i++) {
		struct outbox_target *target = outbox->targets[i];
		/* What is under way is not counted as lost. */
		if (target->row.kind != DELIVERY_SYSLOG || target->row.alarm >= oldest || target->sent > 0)
			continue;
		target->row.lost += (uint64_t)(oldest - target->row.alarm);
		target->row.alarm = oldest;
		outbox_target_save(outbox, target);
	}
}

static void tell_lost(struct outbox *outbox) {
	int64_t now = clock_elapsed_us();
	if (outbox->lost_entry_us != 0 && now - outbox->lost_entry_us < OUTBOX_LOST_ENTRY_S * US_PER_SECOND)
		return;
	for (size_t i = 0; i < outbox->target_count; i++) {
		struct outbox_target *target = outbox->targets[i];
		if (target->row.lost == target->lost_told)
			continue;
		json_t *details = json_pack("{s:{s:s, s:I}}", "delivery", "receiver", target->row.address, "lost",
		    (json_int_t)(target->row.lost - target->lost_told));
		target->lost_told = target->row.lost;
		outbox->lost_entry_us = now;
		(void)record_append(outbox->keeper, AUDIT_DELIVERY_LOST, AUDIT_FAILURE,
		    "too many alarms wait for a receiver; the oldest were dropped", NULL, details, NULL);
	}
}

void outbox_tidy(struct outbox *outbox) {
	int64_t delivered = outbox->last_alarm;
	int64_t now_us = clock_wall_us();
	for (size_t i = outbox->target_count; i > 0; i--) {
		struct outbox_target *target = outbox->targets[i - 1];
		if (target->row.kind != DELIVERY_SYSLOG)
			continue;
		bool is_done = target->row.last_alarm != 0 && target->row.alarm >= target->row.last_alarm;
		int64_t alive_us =
		    target->row.success_us > target->row.added_us ? target->row.success_us : target->row.added_us;
		if (target->row.last_alarm != 0 && !is_done && now_us - alive_us > OUTBOX_LEAVING_S * US_PER_SECOND) {
			target->row.lost += (uint64_t)(target->row.last_alarm - target->row.alarm);
			tell_lost(outbox);
			is_done = true;
		}
		if (is_done && target->sent == 0)
			target_remove(outbox, i - 1);
		else if (target->row.alarm < delivered)
			delivered = target->row.alarm;
	}
	if (outbox->first_alarm == 0 || delivered < outbox->first_alarm)
		return;
	int error = state_alarms_trim(outbox->keeper->state, delivered);
	if (error != 0)
		log_warning_errno(error, "cannot remove delivered alarms");
	else
		outbox->first_alarm = delivered < outbox->last_alarm ? delivered + 1 : 0;
}

static void pending_release(struct outbox *outbox) {
	for (size_t i = 0; i < outbox->pending_count; i++)
		free(outbox->pending[i]);
	outbox->pending_count = 0;
	outbox->pending_leaves = false;
}

/* The last word to those that leave. */
static void mark_leaving(struct outbox *outbox, int64_t last_word) {
	for (size_t i = 0; i < outbox->target_count; i++) {
		struct outbox_target *target = outbox->targets[i];
		if (target->row.kind != DELIVERY_SYSLOG || target->configured || target->row.last_alarm != 0)
			continue;
		target->row.last_alarm = last_word;
		outbox_target_save(outbox, target);
	}
}

static void schedule(struct event *event, int64_t wait_ms) {
	struct timeval delay = {.tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000};
	(void)evtimer_add(event, &delay);
}

static int flush(struct outbox *outbox) {
	char position[POSITION_BYTES];
	int64_t last = 0;
	if (outbox->pending_count == 0)
		return 0;
	int error = record_durable(outbox->keeper);
	position_now(outbox, audit_writer_size(record_writer(outbox->keeper)), position);
	if (error == 0)
		error = state_alarms_put(
		    outbox->keeper->state, (const char *const *)outbox->pending, outbox->pending_count, position, &last);
	if (error != 0)
		return error;
	outbox->last_alarm = last;
	if (outbox->first_alarm == 0)
		outbox->first_alarm = last - (int64_t)outbox->pending_count + 1;
	if (outbox->pending_leaves)
		mark_leaving(outbox, last - (int64_t)outbox->pending_count + 1 + (int64_t)outbox->leaves_at);
	pending_release(outbox);
	drop_oldest(outbox);
	outbox_tidy(outbox);
	tell_lost(outbox);
	outbox_pump_soon(outbox);
	return 0;
}

static void on_flush(evutil_socket_t fd, short what, void *context) {
	(void)fd;
	(void)what;
	struct outbox *outbox = context;
	int error = flush(outbox);
	if (error != 0) {
		log_warning_errno(error, "cannot keep alarms that are to leave the box; trying again");
		schedule(outbox->flush, OUTBOX_BACKOFF_FIRST_S * 1000);
	}
}

static void pending_add(struct outbox *outbox, char *body, bool leaves) {
	if (outbox->pending_count == OUTBOX_ALARMS_MAX && flush(outbox) != 0) {
		/* Neither the log nor state.db can be written; the entries are in neither. */
		free(body);
		return;
	}
	if (leaves && !outbox->pending_leaves) {
		outbox->pending_leaves = true;
		outbox->leaves_at = outbox->pending_count;
	}
	outbox->pending[outbox->pending_count++] = body;
	if (!evtimer_pending(outbox->flush, NULL))
		schedule(outbox->flush, OUTBOX_FLUSH_MS);
}

static void alarm_from(struct outbox *outbox, const json_t *entry, enum audit_action action) {
	bool is_configuration = action == AUDIT_CONFIGURATION;
	bool leaves = is_configuration && has_leaving(outbox);
	if (!has_receivers(outbox) || (is_configuration && !leaves && json_object_get(entry, "weakened") == NULL))
		return;
	struct clock_reading clock;
	clock_read(&clock);
	const struct syslog_origin from = {.host = outbox->host,
	    .origin = audit_writer_origin(record_writer(outbox->keeper)),
	    .accuracy_us = clock.synced ? clock.max_error_us : -1};
	char *body = syslog_alarm(&from, entry, action);
	if (body != NULL)
		pending_add(outbox, body, leaves);
	else
		log_error("an alarm cannot be made: memory is short");
}

void outbox_alarm(struct keeper *keeper, const char *entry, size_t length, enum audit_action action) {
	struct outbox *outbox = keeper->outbox;
	if (outbox == NULL || !has_receivers(outbox))
		return;
	json_t *object = json_loadb(entry, length, 0, NULL);
	if (object != NULL)
		alarm_from(outbox, object, action);
	json_decref(object);
}

void outbox_checkpoint(struct keeper *keeper) {
	if (keeper->outbox != NULL && keeper->outbox->target_count > 0)
		outbox_pump_soon(keeper->outbox);
}

/* ---- catching up ---- */

static int alarm_again(const json_t *entry, void *context) {
	for (int action = 0; action < AUDIT_ACTION_COUNT; action++)
		if (audit_action_is_alarm((enum audit_action)action) && record_is(entry, (enum audit_action)action))
			alarm_from(context, entry, (enum audit_action)action);
	return 0;
}

static int catch_up(struct outbox *outbox) {
	char position[POSITION_BYTES];
	const char *origin = audit_writer_origin(record_writer(outbox->keeper));
	uint64_t size = audit_writer_size(record_writer(outbox->keeper));
	size_t length = strlen(origin);
	uint64_t from = size > ENTRIES_BACK ? size - ENTRIES_BACK : 0;
	int error = state_alarms_position(outbox->keeper->state, position);
	if (error != 0 && error != -ENOENT)
		return error;
	if (error == 0 && strncmp(position, origin, length) == 0 && position[length] == ' ')
		from = strtoull(position + length + 1, NULL, 10);
	else if (error == 0)
		from = 0; /* a new log */
	if (!has_receivers(outbox) || from >= size)
		return 0;
	error = record_each(outbox->keeper, from, alarm_again, outbox);
	return error != 0 ? error : flush(outbox);
}

/* ---- the interface ---- */

static void on_pump(evutil_socket_t fd, short what, void *context) {
	(void)fd;
	(void)what;
	outbox_pump(context);
}

int outbox_open(struct keeper *keeper, struct outbox **ret_outbox) {
	struct outbox *outbox = calloc(1, sizeof *outbox);
	if (outbox == NULL)
		return -ENOMEM;
	outbox->keeper = keeper;
	outbox->next_id = 1;
	outbox->pending = calloc(OUTBOX_ALARMS_MAX, sizeof *outbox->pending);
	outbox->flush = evtimer_new(keeper->base, on_flush, outbox);
	outbox->pump = evtimer_new(keeper->base, on_pump, outbox);
	if (gethostname(outbox->host, sizeof outbox->host - 1) < 0)
		outbox->host[0] = '\0';
	int error = outbox->pending == NULL || outbox->flush == NULL || outbox->pump == NULL ? -ENOMEM : 0;
	if (error == 0)
		error = state_alarms_range(keeper->state, &outbox->first_alarm, &outbox->last_alarm);
	if (error == 0)
		error = state_targets(keeper->state, load_target, outbox);
	if (error != 0) {
		(void)outbox_close(outbox);
		return error;
	}
	keeper->outbox = outbox;
	*ret_outbox = outbox;
	outbox_configure(keeper);
	error = catch_up(outbox);
	if (error != 0)
		log_warning_errno(error, "cannot look in the log for alarms that did not leave the box");
	/* No entry says that they were taken out: the log was exchanged. What waits still goes to them. */
	if (has_leaving(outbox) && outbox->last_alarm > 0)
		mark_leaving(outbox, outbox->last_alarm);
	outbox_tidy(outbox);
	return 0;
}

struct outbox *outbox_close(struct outbox *outbox) {
	if (outbox == NULL)
		return NULL;
	outbox->stopping = true;
	int error = outbox->pending == NULL ? 0 : flush(outbox);
	if (error != 0)
		log_warning_errno(error, "cannot keep alarms that are to leave the box; the next start finds them in the log");
	if (outbox->pending != NULL)
		pending_release(outbox);
	free(outbox->pending);
	for (size_t i = 0; i < outbox->target_count; i++) {
		witness_test_end(outbox, outbox->targets[i], "retentiond stops");
		target_free(outbox, outbox->targets[i]);
	}
	if (outbox->flush != NULL)
		event_free(outbox->flush);
	if (outbox->pump != NULL)
		event_free(outbox->pump);
	free(outbox);
	return NULL;
}

bool outbox_target_late(const struct outbox *outbox, const struct outbox_target *target) {
	(void)outbox;
	int64_t since_us = target->row.success_us > target->row.added_us ? target->row.success_us : target->row.added_us;
	if (target->waiting_since_us == 0)
		return false;
	/* Since when something waits is known of this run alone; where all is quiet a success may be old and nothing late.
	 */
	return clock_elapsed_us() - target->waiting_since_us > OUTBOX_LATE_S * US_PER_SECOND ||
	       (target->failed_before && target->failures > 0 &&
	           clock_wall_us() - since_us > OUTBOX_LATE_S * US_PER_SECOND);
}

/* ---- for people ---- */

size_t outbox_count(const struct keeper *keeper) {
	return keeper->outbox != NULL ? keeper->outbox->target_count : 0;
}

struct outbox_view outbox_view(const struct keeper *keeper, size_t index) {
	const struct outbox *outbox = keeper->outbox;
	const struct outbox_target *target = outbox->targets[index];
	return (struct outbox_view){.address = target->row.address,
	    .kind = (enum delivery_kind)target->row.kind,
	    .leaving = !target->configured,
	    .waiting = outbox_waiting(outbox, target) + (outbox_checkpoint_due(outbox, target) ? 1 : 0),
	    .failures = target->failures,
	    .lost = target->row.lost,
	    .late = outbox_target_late(outbox, target),
	    .conflict = target->row.conflict,
	    .success_us = target->row.success_us,
	    .size = target->row.size,
	    .error = target->row.error,
	    .key = target->key};
}

static json_t *view_json(struct keeper *keeper, const struct outbox_view *view) {
	json_t *object = json_object();
	bool is_witness = view->kind == DELIVERY_WITNESS;
	answer_text(object, is_witness ? "url" : "address", view->address);
	if (is_witness)
		answer_text(object, "key", view->key);
	answer_integer(object, "size", view->size);
	answer_time(keeper, object, is_witness ? "cosigned" : "delivered", view->success_us, NULL);
	answer_integer(object, "waiting", view->waiting);
	answer_integer(object, "failures", view->failures);
	if (is_witness)
		json_object_set_new(object, "conflict", json_boolean(view->conflict));
	else
		answer_integer(object, "lost", view->lost);
	json_object_set_new(object, "late", json_boolean(view->late));
	json_object_set_new(object, "leaving", json_boolean(view->leaving));
	answer_text(object, "error", view->error[0] != '\0' ? view->error : NULL);
	return object;
}

json_t *outbox_json(struct keeper *keeper) {
	json_t *receivers = json_array(), *witnesses = json_array();
	for (size_t i = 0; i < outbox_count(keeper); i++) {
		struct outbox_view view = outbox_view(keeper, i);
		(void)json_array_append_new(view.kind == DELIVERY_WITNESS ? witnesses : receivers, view_json(keeper, &view));
	}
	return json_pack("{s:o, s:o}", "receivers", receivers, "witnesses", witnesses);
}

void outbox_attention(struct keeper *keeper, json_t *list) {
	for (size_t i = 0; i < outbox_count(keeper); i++) {
		struct outbox_view view = outbox_view(keeper, i);
		char moment[48];
		if (view.conflict)
			answer_say(list, "witness %s knows another history of the audit log: %s", view.address, view.error);
		else if (view.late && view.success_us == 0)
			answer_say(list, "%s has never been reached: %s", view.address, view.error);
		else if (view.late) {
			answer_moment(keeper, view.success_us, NULL, moment, sizeof moment);
			answer_say(list, "%s has not been reached since %s: %s", view.address, moment, view.error);
		}
	}
}

bool outbox_test(struct keeper *keeper, const char *address, struct request *request) {
	struct outbox *outbox = keeper->outbox;
	struct outbox_target *target = outbox == NULL ? NULL : target_find(outbox, address);
	if (target == NULL || target->row.kind != DELIVERY_WITNESS || target->test != NULL)
		return false;
	target->test = request;
	target->wanted = true;
	target->next_us = 0;
	target->next_checkpoint_us = 0;
	outbox_pump_soon(outbox);
	return true;
}

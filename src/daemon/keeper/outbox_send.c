/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Deliveries under way. A receiver gets its alarms in their order: the next batch begins where the last one that was
 * taken ends. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "audit/writer.h"
#include "base/clock.h"
#include "base/log.h"
#include "children.h"
#include "ipc/channel.h"
#include "keeper.h"
#include "outbox_private.h"
#include "record.h"
#include "syslog_text.h"
#include "timekeeping.h"

void outbox_pump_soon(struct outbox *outbox) {
	static const struct timeval now = {0};
	if (!outbox->stopping)
		(void)evtimer_add(outbox->pump, &now);
}

bool outbox_checkpoint_due(const struct outbox *outbox, const struct outbox_target *target) {
	struct audit_writer *writer = record_writer(outbox->keeper);
	if (!target->configured || audit_writer_published(writer) == 0)
		return false;
	bool differs = target->row.size != audit_writer_published(writer) ||
	               strcmp(target->row.origin, audit_writer_origin(writer)) != 0;
	bool heartbeat = target->row.kind == DELIVERY_WITNESS && clock_elapsed_us() >= target->heartbeat_us;
	return differs || heartbeat || target->wanted;
}

/* ---- what came of it ---- */

static void waiting_changed(struct outbox *outbox, struct outbox_target *target) {
	bool waits = outbox_waiting(outbox, target) > 0 || outbox_checkpoint_due(outbox, target);
	if (!waits)
		target->waiting_since_us = 0;
	else if (target->waiting_since_us == 0)
		target->waiting_since_us = clock_elapsed_us();
}

void outbox_failed(struct outbox *outbox, struct outbox_target *target, const char *error) {
	target->failures++;
	target->backoff_s = target->backoff_s == 0 ? OUTBOX_BACKOFF_FIRST_S : 2 * target->backoff_s;
	if (target->backoff_s > OUTBOX_BACKOFF_LAST_S)
		target->backoff_s = OUTBOX_BACKOFF_LAST_S;
	target->next_us = clock_elapsed_us() + target->backoff_s * US_PER_SECOND;
	target->wanted = false;
	if (strcmp(target->row.error, error) != 0) {
		log_warning("cannot publish to '%s': %s; trying again", target->row.address, error);
		(void)snprintf(target->row.error, sizeof target->row.error, "%s", error);
		outbox_target_save(outbox, target);
	}
	if (target->row.kind == DELIVERY_WITNESS)
		witness_look_behind(outbox, target);
	witness_test_end(outbox, target, target->row.error);
}

void outbox_succeeded(struct outbox *outbox, struct outbox_target *target) {
	if (target->row.error[0] != '\0')
		log_notice("'%s' can be reached again", target->row.address);
	target->failures = 0;
	target->failed_before = false;
	target->backoff_s = 0;
	target->next_us = 0;
	target->wanted = false;
	target->row.error[0] = '\0';
	target->row.success_us = clock_wall_us();
	outbox_target_save(outbox, target);
}

/* Notes that a receiver has a checkpoint, and up to where alarms were looked for. */
static void checkpoint_delivered(struct outbox *outbox, struct outbox_target *target) {
	char position[POSITION_BYTES];
	const char *origin = audit_writer_origin(record_writer(outbox->keeper));
	target->row.size = target->checkpoint_size;
	target->next_checkpoint_us = clock_elapsed_us() + OUTBOX_CHECKPOINT_GAP_S * US_PER_SECOND;
	(void)snprintf(target->row.origin, sizeof target->row.origin, "%s", origin);
	if (outbox->pending_count > 0)
		return;
	(void)snprintf(position, sizeof position, "%s %" PRIu64, origin, target->checkpoint_size);
	int error = state_alarms_position_put(outbox->keeper->state, position);
	if (error != 0)
		log_warning_errno(error, "cannot keep which alarms have been looked at");
}

static void batch_end(struct outbox *outbox, struct outbox_target *target) {
	target->sent = 0;
	target->answered = 0;
	waiting_changed(outbox, target);
	outbox_tidy(outbox); /* which may free the target */
	outbox_pump_soon(outbox);
}

static void syslog_answer(
    struct outbox *outbox, struct outbox_target *target, size_t place, const struct record_delivered *delivered) {
	bool is_done = delivered->result != DELIVERY_FAILED && !target->batch_failed;
	target->answered++;
	if (is_done && delivered->result == DELIVERY_INVALID)
		log_warning("a message to '%s' was left out: %.*s", target->row.address, (int)delivered->reason.length,
		    delivered->reason.data);
	if (!is_done && !target->batch_failed) {
		char reason[TARGET_ERROR_BYTES];
		(void)snprintf(reason, sizeof reason, "%.*s", (int)delivered->reason.length, delivered->reason.data);
		target->batch_failed = true;
		outbox_failed(outbox, target, reason);
	}
	if (is_done && target->alarms[place] != 0)
		target->row.alarm = target->alarms[place];
	else if (is_done)
		checkpoint_delivered(outbox, target);
	if (target->answered < target->sent)
		return;
	if (!target->batch_failed)
		outbox_succeeded(outbox, target);
	else
		outbox_target_save(outbox, target);
	batch_end(outbox, target);
}

void outbox_message(struct keeper *keeper, struct message *message) {
	struct outbox *outbox = keeper->outbox;
	struct record_delivered delivered;
	if (outbox == NULL || message->type != MESSAGE_DELIVERED || !record_delivered_get(&message->reader, &delivered)) {
		log_warning("publisher sent a %s, which it may not; ignoring it", message_name(message->type));
		return;
	}
	for (size_t i = 0; i < outbox->target_count; i++) {
		struct outbox_target *target = outbox->targets[i];
		if (delivered.id < target->first_id || delivered.id - target->first_id >= target->sent ||
		    delivered.id - target->first_id != target->answered)
			continue;
		if (target->row.kind == DELIVERY_SYSLOG) {
			syslog_answer(outbox, target, (size_t)(delivered.id - target->first_id), &delivered);
		} else {
			target->answered++;
			witness_answer(outbox, target, &delivered);
			batch_end(outbox, target);
		}
		return;
	}
}

void outbox_child(struct keeper *keeper, struct channel *channel) {
	struct outbox *outbox = keeper->outbox;
	if (outbox == NULL)
		return;
	outbox->publisher = channel;
	for (size_t i = 0; channel == NULL && i < outbox->target_count; i++) {
		struct outbox_target *target = outbox->targets[i];
		if (target->sent == 0)
			continue;
		target->sent = 0;
		target->answered = 0;
		outbox_failed(outbox, target, "publisher ended before it could be told");
	}
	outbox_pump_soon(outbox);
}

/* ---- sending ---- */

static void send_one(struct outbox *outbox, struct outbox_target *target, const char *body, size_t length) {
	static struct message_writer out;
	message_begin(&out, MESSAGE_DELIVER);
	record_deliver_put(&out.writer, &(struct record_deliver){.id = outbox->next_id++,
	                                    .kind = target->row.kind,
	                                    .address = text_of(target->row.address),
	                                    .body = {body, length}});
	if (target->sent == 0) {
		target->first_id = outbox->next_id - 1;
		target->answered = 0;
		target->batch_failed = false;
		target->sent_us = clock_elapsed_us();
	}
	target->sent++;
	channel_send(outbox->publisher, &out, NULL, 0);
}

struct sending {
	struct outbox *outbox;
	struct outbox_target *target;
};

static int send_alarm(int64_t number, const char *body, size_t length, void *context) {
	struct sending *sending = context;
	struct outbox_target *target = sending->target;
	if (target->row.last_alarm != 0 && number > target->row.last_alarm)
		return 0;
	target->alarms[target->sent] = number;
	send_one(sending->outbox, target, body, length);
	return 0;
}

static void send_checkpoint(struct outbox *outbox, struct outbox_target *target) {
	struct audit_writer *writer = record_writer(outbox->keeper);
	struct clock_reading clock;
	clock_read(&clock);
	const struct syslog_origin from = {.host = outbox->host,
	    .origin = audit_writer_origin(writer),
	    .accuracy_us = clock.synced ? clock.max_error_us : -1};
	char *body = syslog_checkpoint(
	    &from, audit_writer_checkpoint(writer), clock.wall_us, timekeeping_verdict(outbox->keeper)->level);
	if (body == NULL)
		return;
	target->alarms[target->sent] = 0;
	target->checkpoint_size = audit_writer_published(writer);
	send_one(outbox, target, body, strlen(body));
	free(body);
}

static bool checkpoint_may_go(const struct outbox *outbox, const struct outbox_target *target) {
	return outbox_checkpoint_due(outbox, target) && clock_elapsed_us() >= target->next_checkpoint_us;
}

static void send_to_receiver(struct outbox *outbox, struct outbox_target *target) {
	struct sending sending = {outbox, target};
	int error = state_alarms(outbox->keeper->state, target->row.alarm, OUTBOX_BATCH_MAX - 1, send_alarm, &sending);
	if (error != 0)
		log_warning_errno(error, "cannot read the alarms that wait");
	if (error == 0 && checkpoint_may_go(outbox, target))
		send_checkpoint(outbox, target);
}

static void send_to_witness(struct outbox *outbox, struct outbox_target *target) {
	size_t length = 0;
	char *body = witness_request(outbox, target, &length);
	if (body == NULL)
		outbox_failed(outbox, target, "the request cannot be made: the log cannot be read");
	else
		send_one(outbox, target, body, length);
	free(body);
}

/* Whether there is something for the target, and when it may go. */
static bool is_due(const struct outbox *outbox, const struct outbox_target *target, int64_t *ret_when_us) {
	bool has_alarm = target->row.kind == DELIVERY_SYSLOG &&
	                 (target->row.last_alarm != 0 ? target->row.last_alarm : outbox->last_alarm) > target->row.alarm;
	bool has_checkpoint = outbox_checkpoint_due(outbox, target);
	*ret_when_us = target->next_us;
	if (!has_alarm && has_checkpoint && target->next_checkpoint_us > *ret_when_us)
		*ret_when_us = target->next_checkpoint_us;
	return has_alarm || has_checkpoint;
}

static void end_hung(struct outbox *outbox, const struct outbox_target *target) {
	if (clock_elapsed_us() - target->sent_us < OUTBOX_ANSWER_S * US_PER_SECOND)
		return;
	log_warning("publisher did not answer within %d s; it is ended", OUTBOX_ANSWER_S);
	children_kill(outbox->keeper, PROCESS_PUBLISHER);
}

/* One target: sends what may go, and says when to look at it again. */
static int64_t pump_one(struct outbox *outbox, struct outbox_target *target) {
	int64_t when_us = 0;
	int64_t now_us = clock_elapsed_us();
	waiting_changed(outbox, target);
	if (target->sent > 0) {
		end_hung(outbox, target);
		return now_us + OUTBOX_ANSWER_S * US_PER_SECOND;
	}
	if (!is_due(outbox, target, &when_us))
		return target->row.kind == DELIVERY_WITNESS ? target->heartbeat_us : INT64_MAX;
	if (when_us > now_us)
		return when_us;
	outbox->publisher = children_publisher(outbox->keeper);
	if (outbox->publisher == NULL)
		return now_us + OUTBOX_BACKOFF_FIRST_S * US_PER_SECOND; /* asked for; outbox_child() follows */
	if (target->row.kind == DELIVERY_WITNESS)
		send_to_witness(outbox, target);
	else
		send_to_receiver(outbox, target);
	return now_us + OUTBOX_BACKOFF_FIRST_S * US_PER_SECOND;
}

void outbox_pump(struct outbox *outbox) {
	int64_t next_us = INT64_MAX;
	if (outbox->stopping || outbox->keeper->stopping)
		return;
	for (size_t i = 0; i < outbox->target_count; i++) {
		int64_t when_us = pump_one(outbox, outbox->targets[i]);
		next_us = when_us < next_us ? when_us : next_us;
	}
	if (next_us == INT64_MAX)
		return;
	int64_t wait_us = next_us - clock_elapsed_us();
	wait_us = wait_us < 1000 ? 1000 : wait_us;
	struct timeval delay = {.tv_sec = wait_us / US_PER_SECOND, .tv_usec = wait_us % US_PER_SECOND};
	(void)evtimer_add(outbox->pump, &delay);
}

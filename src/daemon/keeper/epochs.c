/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A minute's timer asks whether the key's time is over by the clock that is never stepped: a wall clock
 * that jumps rotates nothing twice. Pruning asks the trusted wall clock, and goes in slices.
 */
#include "epochs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "audit/entry_file.h"
#include "audit/terms.h"
#include "audit/writer.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/zone.h"
#include "holds.h"
#include "keeper.h"
#include "lookup.h"
#include "record.h"
#include "retention/log.h"
#include "timekeeping.h"

enum { FIRST_LOOK_MS = 500, LOOK_SECONDS = 60, SLICE_BUNDLES = 8, SLICE_MS = 20 };

static const int64_t sweep_us = 24 * 3600 * US_PER_SECOND;

struct epochs {
	struct event *look_event;  /* is it time? */
	struct event *prune_event; /* the next slice */
	int64_t since_us;          /* wall clock of the entry, for people */
	int64_t since_boot_us;     /* the same instant by the boot clock; may lie before the boot */
	uint64_t old_epochs;       /* hand-overs up to this one are older than log.keep */
	int64_t swept_boot_us;     /* the last sweep; 0: none yet in this run */
	struct audit_prune prune;
};

/* ---- rotation ---- */

static int64_t rotate_us(const struct keeper *keeper) {
	int64_t seconds = duration_longest_seconds(&keeper->settings->log.rotate);
	return (seconds > 0 ? seconds : 24 * 3600) * US_PER_SECOND;
}

static int64_t entry_time_us(struct text entry) {
	json_t *json = json_loadb(entry.data, entry.length, 0, NULL);
	int64_t time_us = json == NULL ? 0 : audit_entry_time_us(json);
	json_decref(json);
	return time_us;
}

/* The time of the entry that began the present epoch: of its hand-over, or the first of all. 0: none is known. */
static int64_t epoch_began_us(const struct keeper *keeper) {
	struct audit_writer *writer = record_writer((struct keeper *)(uintptr_t)keeper);
	struct hand_over hand_over;
	int64_t began_us = 0;
	uint64_t epoch = audit_writer_epoch(writer);
	if (epoch > 0 && hand_over_load(audit_writer_folder(writer), epoch, &hand_over) == 0) {
		began_us = entry_time_us(hand_over.entry);
		hand_over_release(&hand_over);
	} else if (epoch == 0 && audit_writer_published(writer) > 0) {
		struct retention_log *log = NULL;
		const char *bytes = NULL;
		size_t length = 0;
		if (retention_log_open(audit_writer_folder(writer), NULL, &log) == 0 &&
		    retention_log_entry(log, 0, &bytes, &length) == 0)
			began_us = entry_time_us((struct text){bytes, length});
		retention_log_close(log);
	}
	return began_us;
}

static void begin_now(struct epochs *epochs) {
	epochs->since_us = clock_wall_us();
	epochs->since_boot_us = clock_boot_us();
}

int epochs_rotate(struct keeper *keeper, const struct audit_actor *actor, const char *reason) {
	struct audit_writer *writer = record_writer(keeper);
	char vkey[VKEY_BYTES];
	uint64_t sequence = 0;
	int error = audit_writer_next_key(writer, vkey, sizeof vkey);
	if (error == 0) {
		json_t *details =
		    json_pack("{s:{s:I, s:s, s:s, s:I}}", "key", "epoch", (json_int_t)audit_writer_epoch(writer) + 1, "vkey",
		        vkey, "previous", audit_writer_vkey(writer), "first_size", (json_int_t)audit_writer_size(writer) + 1);
		error = record_append(keeper, AUDIT_KEY_ROTATED, AUDIT_SUCCESS, reason, actor, details, &sequence);
		if (error == 0)
			error = audit_writer_hand_over(writer, sequence);
	} else if (error == -EBUSY) {
		error = 0; /* its entry is there; it waits for the log to be writable */
	}
	if (error == 0)
		error = record_publish(keeper);
	if (error == 0)
		begin_now(keeper->epochs);
	return error;
}

int64_t epochs_since_us(const struct keeper *keeper) {
	return keeper->epochs->since_us;
}

int64_t epochs_next_us(const struct keeper *keeper) {
	return clock_wall_us() + keeper->epochs->since_boot_us + rotate_us(keeper) - clock_boot_us();
}

/* ---- what mentions held footage ---- */

struct mention {
	struct keeper *keeper;
	struct span span;
	bool held;
};

static void widen(const struct audit_segment *segment, void *context) {
	struct span *span = context;
	if (segment->start_us < span->from_us)
		span->from_us = segment->start_us;
	if (segment->end_us > span->to_us)
		span->to_us = segment->end_us;
}

/* What time of recording an entry is about; all of it where it does not say. */
static struct span entry_span(const json_t *entry) {
	const struct span always = {INT64_MIN / 4, INT64_MAX / 4};
	struct span span = {INT64_MAX, INT64_MIN};
	const json_t *segments = json_object_get(entry, "segments");
	const json_t *footage = json_object_get(entry, "footage");
	const json_t *from = json_object_get(footage, "from_us");
	const json_t *to = json_object_get(footage, "to_us");
	if (json_is_object(segments) && audit_segments_read(segments, widen, &span) > 0)
		return span;
	if (json_is_integer(from) && json_is_integer(to) && json_integer_value(from) < json_integer_value(to))
		return (struct span){json_integer_value(from), json_integer_value(to)};
	return always;
}

static void camera_look(const char *name, struct mention *mention) {
	char root[256];
	const char *slash = strchr(name, '/');
	if (slash == NULL || !text_copy(root, sizeof root, (struct text){name, (size_t)(slash - name)}))
		mention->held = true; /* in doubt it stays */
	else if (holds_touch(mention->keeper, root, slash + 1, mention->span.from_us, mention->span.to_us))
		mention->held = true;
}

static void term_look(enum audit_term kind, const char *text, void *context) {
	if (kind == AUDIT_TERM_CAMERA)
		camera_look(text, context);
}

static bool hold_named(const struct keeper *keeper, const char *entry, size_t length, bool *ret_any) {
	*ret_any = false;
	for (size_t i = 0; i < holds_count(keeper); i++) {
		const struct hold *hold = holds_get(keeper, i);
		if (!hold_in_force(hold))
			continue;
		*ret_any = true;
		if (memmem(entry, length, hold->id, strlen(hold->id)) != NULL)
			return true;
	}
	return false;
}

static bool mentions_held(const char *entry, size_t length, void *context) {
	struct keeper *keeper = context;
	bool any = false;
	if (hold_named(keeper, entry, length, &any) || !any)
		return any;
	json_t *json = json_loadb(entry, length, 0, NULL);
	if (json == NULL)
		return true;
	struct mention mention = {keeper, entry_span(json), false};
	char camera[600];
	audit_terms(json, term_look, &mention);
	/* A name that is not UTF-8 is told by the terms only as it is shown. */
	if (!mention.held && json_object_get(json, "camera_b64") != NULL) {
		if (audit_get_bytes(json, "camera", camera, sizeof camera))
			camera_look(camera, &mention);
		else
			mention.held = true;
	}
	json_decref(json);
	return mention.held;
}

/* ---- pruning ---- */

/* The first size that is to stay: all hand-overs before it are older than log.keep. 0: nothing is. */
static uint64_t prunable_below(struct keeper *keeper, int64_t now_us, char last[40]) {
	struct epochs *epochs = keeper->epochs;
	struct audit_writer *writer = record_writer(keeper);
	const struct zone *utc = zone_shared("UTC");
	uint64_t below = 0;
	for (uint64_t epoch = epochs->old_epochs + 1; epoch <= audit_writer_epoch(writer); epoch++) {
		struct hand_over hand_over;
		if (hand_over_load(audit_writer_folder(writer), epoch, &hand_over) < 0)
			break;
		int64_t ended_us = entry_time_us(hand_over.entry);
		uint64_t first_size = hand_over.first_size;
		hand_over_release(&hand_over);
		if (ended_us <= 0 || duration_add(ended_us, &keeper->settings->log.keep, utc) > now_us)
			break;
		below = first_size;
		epochs->old_epochs = epoch;
		time_format_utc(ended_us, last, 40);
	}
	return below;
}

/* When the first entry of all was written: the first pruning knew it from the entry, later ones from that pruning. */
static void first_time(struct audit_writer *writer, char first[40]) {
	struct pruned pruned;
	struct retention_log *log = NULL;
	const char *bytes = NULL;
	size_t length = 0;
	first[0] = '\0';
	if (pruned_load(audit_writer_folder(writer), &pruned) == 0) {
		json_t *json = json_loadb(pruned.entry.data, pruned.entry.length, 0, NULL);
		const char *text = json_string_value(json_object_get(json_object_get(json, "pruned"), "first"));
		if (!text_copy(first, 40, text_of(text == NULL ? "" : text)))
			first[0] = '\0';
		json_decref(json);
		pruned_release(&pruned);
	} else if (retention_log_open(audit_writer_folder(writer), NULL, &log) == 0 &&
	           retention_log_entry(log, 0, &bytes, &length) == 0) {
		int64_t time_us = entry_time_us((struct text){bytes, length});
		time_format_utc(time_us, first, 40);
	}
	retention_log_close(log);
}

/* The entry, under a checkpoint, and log/pruned: before anything goes. */
static int prune_say(struct keeper *keeper, uint64_t below, const char *last) {
	struct audit_writer *writer = record_writer(keeper);
	char first[40], keep[64], root[64];
	uint64_t sequence = 0;
	int error = audit_writer_root_text(writer, below, root, sizeof root);
	if (error < 0)
		return error;
	first_time(writer, first);
	duration_format(&keeper->settings->log.keep, keep, sizeof keep);
	json_t *details = json_pack("{s:{s:I, s:s, s:s, s:s, s:s}}", "pruned", "below", (json_int_t)below, "root", root,
	    "first", first, "last", last, "keep", keep);
	error = record_append(keeper, AUDIT_LOG_PRUNED, AUDIT_SUCCESS, NULL, NULL, details, &sequence);
	if (error == 0)
		error = record_publish(keeper);
	return error == 0 ? audit_writer_prune_begin(writer, sequence) : error;
}

static void prune_later(struct epochs *epochs) {
	const struct timeval delay = {.tv_usec = SLICE_MS * 1000};
	(void)evtimer_add(epochs->prune_event, &delay);
}

static void on_prune(evutil_socket_t fd, short what, void *context) {
	(void)fd;
	(void)what;
	struct keeper *keeper = context;
	struct epochs *epochs = keeper->epochs;
	/* Whatever a hold placed just now keeps is asked for each bundle; without trust in the clock nothing goes. */
	if (timekeeping_trusted_us(keeper) == 0)
		return;
	epochs->prune.bundles = SLICE_BUNDLES;
	int result = audit_writer_prune(record_writer(keeper), &epochs->prune);
	if (result <= 0)
		lookup_pruned(keeper);
	if (result > 0)
		prune_later(epochs);
	else if (result < 0)
		log_warning_errno(result, "cannot prune the audit log; trying again in a day");
	else if (epochs->prune.removed > 0)
		log_notice("pruned %llu bundles of the audit log; %llu stay, because they mention footage that is held",
		    (unsigned long long)epochs->prune.removed, (unsigned long long)epochs->prune.kept);
}

static void prune_look(struct keeper *keeper) {
	struct epochs *epochs = keeper->epochs;
	struct audit_writer *writer = record_writer(keeper);
	int64_t now_us = timekeeping_trusted_us(keeper);
	char last[40] = "";
	if (now_us == 0 || keeper->index_rebuilding || !record_writable(keeper))
		return;
	uint64_t before = epochs->old_epochs;
	uint64_t below = prunable_below(keeper, now_us, last);
	bool more = below > audit_writer_pruned_below(writer);
	if (more) {
		int error = prune_say(keeper, below, last);
		if (error < 0) {
			log_warning_errno(error, "cannot prune the audit log; trying again");
			epochs->old_epochs = before;
			return;
		}
	}
	/* Bundles that a released hold kept, or a crash left. */
	bool due = epochs->swept_boot_us == 0 || clock_boot_us() - epochs->swept_boot_us > sweep_us;
	if ((!more && !due) || audit_writer_pruned_below(writer) == 0)
		return;
	epochs->swept_boot_us = clock_boot_us();
	epochs->prune = (struct audit_prune){.keeps = mentions_held, .context = keeper};
	prune_later(epochs);
}

/* ---- the timer ---- */

static void on_look(evutil_socket_t fd, short what, void *context) {
	(void)fd;
	(void)what;
	struct keeper *keeper = context;
	struct epochs *epochs = keeper->epochs;
	if (clock_boot_us() >= epochs->since_boot_us + rotate_us(keeper) && record_writable(keeper)) {
		int error = epochs_rotate(keeper, NULL, "its time is over");
		if (error == -E2BIG)
			log_warning("the audit log has had as many keys as it can have; this one stays");
		else if (error < 0)
			log_warning_errno(error, "the audit log's key cannot be changed; trying again");
	}
	prune_look(keeper);
	const struct timeval delay = {.tv_sec = LOOK_SECONDS};
	(void)evtimer_add(epochs->look_event, &delay);
}

int epochs_open(struct keeper *keeper, struct epochs **ret_epochs) {
	struct epochs *epochs = calloc(1, sizeof *epochs);
	if (epochs == NULL)
		return -ENOMEM;
	epochs->look_event = evtimer_new(keeper->base, on_look, keeper);
	epochs->prune_event = evtimer_new(keeper->base, on_prune, keeper);
	const struct timeval delay = {.tv_usec = FIRST_LOOK_MS * 1000};
	if (epochs->look_event == NULL || epochs->prune_event == NULL || evtimer_add(epochs->look_event, &delay) < 0)
		return (void)epochs_close(epochs), -ENOMEM;
	begin_now(epochs);
	int64_t began_us = epoch_began_us(keeper);
	/* A start in the future says that one of the two clocks was wrong: the key's time begins now. */
	if (began_us > 0 && began_us < epochs->since_us) {
		epochs->since_boot_us -= epochs->since_us - began_us;
		epochs->since_us = began_us;
	}
	*ret_epochs = epochs;
	return 0;
}

struct epochs *epochs_close(struct epochs *epochs) {
	if (epochs == NULL)
		return NULL;
	if (epochs->look_event != NULL)
		event_free(epochs->look_event);
	if (epochs->prune_event != NULL)
		event_free(epochs->prune_event);
	free(epochs);
	return NULL;
}

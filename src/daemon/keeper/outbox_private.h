/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the outbox's files share: outbox.c has the targets and the queue of alarms, outbox_send.c what is under way,
 * outbox_witness.c what is said to a witness and what its answer means. */
#pragma once

#include "audit/cosignature.h"
#include "outbox.h"
#include "state_deliveries.h"

enum {
	OUTBOX_TARGETS_MAX = 48, /* 16 of the configuration, and those that are leaving */
	OUTBOX_ALARMS_MAX = 1000,
	OUTBOX_BATCH_MAX = 16,
	OUTBOX_FLUSH_MS = 200,
	OUTBOX_BACKOFF_FIRST_S = 5,
	OUTBOX_BACKOFF_LAST_S = 900,
	OUTBOX_ANSWER_S = 60,        /* publisher gives up after 20 s; then it is ended */
	OUTBOX_CHECKPOINT_GAP_S = 2, /* between two checkpoints to one target */
	OUTBOX_LATE_S = 3600,
	OUTBOX_HEARTBEAT_S = 3600,
	OUTBOX_LEAVING_S = 7 * 86400,
	OUTBOX_LOST_ENTRY_S = 60,
};

struct outbox_target {
	struct target_row row;
	bool configured;
	char *key; /* witness */
	struct note_verifier cosigner;
	/* Under way: deliveries with the numbers first_id … first_id + sent - 1. */
	uint64_t first_id;
	size_t sent, answered;
	bool batch_failed;
	bool batch_invalid;
	int64_t alarms[OUTBOX_BATCH_MAX]; /* numbers; 0: the checkpoint */
	int64_t sent_us;                  /* elapsed clock, as the next two */
	uint64_t checkpoint_size;
	char *note; /* witness: what it was asked to sign */
	uint64_t asked_old;
	unsigned asked_again; /* with another old size, in a row */
	/* When next. */
	int64_t next_us;            /* after a failure */
	int64_t next_checkpoint_us; /* after a success */
	int64_t heartbeat_us;       /* witness */
	bool wanted;                /* now, whatever there is: `witness test` */
	int64_t backoff_s;
	uint64_t failures;
	int64_t waiting_since_us; /* elapsed clock; 0: nothing waits */
	bool failed_before;       /* the last try of the run before, and none succeeded since */
	uint64_t lost_told;       /* of row.lost, in an entry */
	struct request *test;
};

struct outbox {
	struct keeper *keeper;
	struct channel *publisher;
	struct outbox_target *targets[OUTBOX_TARGETS_MAX];
	size_t target_count;
	int64_t first_alarm, last_alarm; /* in state.db */
	char **pending;                  /* alarms that are not in state.db yet */
	size_t pending_count;
	bool pending_leaves; /* one of them is the last that leaving targets get: the one with this place */
	size_t leaves_at;
	uint64_t next_id;
	struct event *flush, *pump;
	int64_t lost_entry_us;
	char host[256];
	bool stopping;
};

/* ---- outbox.c ---- */

/* What waits for a target: alarms, those not in state.db yet included. */
uint64_t outbox_waiting(const struct outbox *outbox, const struct outbox_target *target);
void outbox_target_save(struct outbox *outbox, const struct outbox_target *target);
/* Removes alarms that all have, and targets that have left. */
void outbox_tidy(struct outbox *outbox);
bool outbox_target_late(const struct outbox *outbox, const struct outbox_target *target);

/* ---- outbox_send.c ---- */

/* Sends what can be sent now, and says when to look again. */
void outbox_pump(struct outbox *outbox);
void outbox_pump_soon(struct outbox *outbox);
/* Whether a checkpoint (or, for a witness, a sign of life) is due. */
bool outbox_checkpoint_due(const struct outbox *outbox, const struct outbox_target *target);
void outbox_failed(struct outbox *outbox, struct outbox_target *target, const char *error);
void outbox_succeeded(struct outbox *outbox, struct outbox_target *target);

/* ---- outbox_witness.c ---- */

/* The request's body; the caller frees. Keeps the note in the target. NULL: it cannot be made now. */
MUST_USE char *witness_request(struct outbox *outbox, struct outbox_target *target, size_t *ret_length);
/* Judges the answer. */
void witness_answer(struct outbox *outbox, struct outbox_target *target, const struct record_delivered *delivered);
/* An entry when a witness has been late for an hour. */
void witness_look_behind(struct outbox *outbox, struct outbox_target *target);
/* Ends `witness test`. */
void witness_test_end(struct outbox *outbox, struct outbox_target *target, const char *error);

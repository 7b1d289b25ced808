/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What leaves the box, and what came of it: alarms and checkpoints to syslog receivers, checkpoints to
 * witnesses. Alarms wait in state.db until each receiver has them, a thousand at most; of checkpoints
 * only the newest waits. Publisher, asked for when there is something to send, does the network's part.
 * A target that cannot be reached is tried again after 5 s, then twice as long each time, to 15 min.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audit/entry.h"
#include "base/attributes.h"
#include "ipc/message.h"

struct channel;
struct keeper;
struct outbox;
struct request;

MUST_USE int outbox_open(struct keeper *keeper, struct outbox **ret_outbox);
struct outbox *outbox_close(struct outbox *outbox);

/* Publisher came, or went (NULL). */
void outbox_child(struct keeper *keeper, struct channel *channel);
/* DELIVERED. */
void outbox_message(struct keeper *keeper, struct message *message);

/* A new checkpoint is published. */
void outbox_checkpoint(struct keeper *keeper);
/* An entry was appended whose action is an alarm. */
void outbox_alarm(struct keeper *keeper, const char *entry, size_t length, enum audit_action action);
/* New settings are in force; to be called before the entry that says so, which is the last that a receiver gets that is
 * not in them any more. */
void outbox_configure(struct keeper *keeper);

/* ---- for people ---- */

struct outbox_view {
	const char *address;
	enum delivery_kind kind;
	bool leaving; /* taken out of the configuration, and still to be told so */
	uint64_t waiting;
	uint64_t failures; /* in a row */
	uint64_t lost;
	bool late; /* for more than an hour */
	bool conflict;
	int64_t success_us; /* wall clock; 0: never */
	uint64_t size;      /* of the last checkpoint that it has */
	const char *error;  /* "" after a success */
	const char *key;    /* a witness's verifier key; else NULL */
};
size_t outbox_count(const struct keeper *keeper);
struct outbox_view outbox_view(const struct keeper *keeper, size_t index);
/* {"receivers": […], "witnesses": […]} */
MUST_USE json_t *outbox_json(struct keeper *keeper);
/* Adds a sentence for each target that is late or in conflict. */
void outbox_attention(struct keeper *keeper, json_t *list);
/* Asks a witness now, with the newest checkpoint, and answers the request with what it said. False: no such witness, or
 * it is being asked already; then the request is still the caller's. */
MUST_USE bool outbox_test(struct keeper *keeper, const char *address, struct request *request);

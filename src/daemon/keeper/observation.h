/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who opened footage, as guard tells it. observation.c holds guard's channel and turns its messages
 * into entries, observation_joined.c joins many opens into few entries, observation_actors.c keeps who
 * the openers are, observation_altered.c who deleted, renamed or wrote what, observation_coverage.c
 * how closely each root was observed from when to when, and what was not.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/bytes.h"
#include "ipc/message.h"

struct keeper;
struct root;
struct channel;
struct actor;
struct observation;

/* Asks for guard (unless guard.mode is off). children.c must be open. */
MUST_USE int observation_open(struct keeper *keeper, struct observation **ret_observation);
/* Writes what waits: before the stop entry, and before control_close() (names of users). Takes NULL. Returns NULL. */
struct observation *observation_close(struct observation *observation);

/* Guard came (its channel), or went (NULL). */
void observation_child(struct keeper *keeper, struct channel *channel);
/* It ended. alive_us: when it was last seen to work, 0 where nobody looked. */
void observation_lost(struct keeper *keeper, int64_t alive_us);
/* The supervisor does not start it. */
void observation_refused(struct keeper *keeper, struct text reason);
void observation_message(struct keeper *keeper, struct message *message);
/* A root's state changed. */
void observation_roots(struct keeper *keeper);
/* New settings: before roots.c takes them up, and after. */
void observation_configure_begin(struct keeper *keeper);
void observation_configure(struct keeper *keeper);
/* The audit log can be written, or cannot: in block mode nothing is opened then. */
void observation_log_writable(struct keeper *keeper, bool writable);
bool observation_running(const struct keeper *keeper);
/* Writes the opens that wait to be joined with others: before somebody is told who opened what. */
void observation_settle(struct keeper *keeper);

/*
 * Who deleted, renamed or wrote the path (below the root) within the last two minutes: adds alteration, user, process,
 * actor, source and network to the details of an altered entry. False if nobody is known; then nothing is added.
 */
bool observation_who(struct keeper *keeper, const struct root *root, struct text path, json_t *details);

/* The same in two steps, for missing entries: one culprit for each path, one entry for each culprit. */
struct culprit {
	struct actor *actor; /* NULL: not known who, or (at_us 0) nothing is known at all */
	uint32_t pid;
	uint8_t what; /* enum alteration_what */
	int64_t at_us;
};
/* Who made the path go away, or (`replaced`) put another file in its place. False, and an empty culprit, if nobody is
 * known. The actor is held: observation_let_go(). */
bool observation_culprit(
    struct keeper *keeper, const struct root *root, struct text path, bool replaced, struct culprit *ret_culprit);
void observation_let_go(struct culprit *culprit);
/* An order in which the same culprits are neighbours: below 0, 0 for the same, above 0. */
int observation_culprit_compare(const struct culprit *a, const struct culprit *b);
/* 0 or -ENOMEM. */
int observation_culprit_put(struct keeper *keeper, const struct culprit *culprit, json_t *details);

/* For status: guard as a whole, and one root. New objects. */
json_t *observation_json(struct keeper *keeper);
json_t *observation_root_json(struct keeper *keeper, const struct root *root);

/* Sentences: what needs a person, and what is worth knowing. */
void observation_attention(struct keeper *keeper, json_t *list);
void observation_notes(struct keeper *keeper, json_t *list);

/* For metrics and doctor. */
struct observation_totals {
	bool wanted, running;
	const char *refused;   /* why the supervisor does not start it; or NULL */
	int64_t lost_since_us; /* 0 while it runs or is off */
	uint64_t opens, denied, lost, restarts;
};
void observation_totals(const struct keeper *keeper, struct observation_totals *ret_totals);
struct observation_level {
	uint8_t level; /* enum guard_level */
	uint8_t by;    /* enum guard_mark */
	bool alterations;
	bool told; /* guard has spoken of this root */
	int64_t since_us;
	uint32_t folders, folders_failed;
	const char *reason; /* why not the best level; "" at it */
};
void observation_level(const struct keeper *keeper, const struct root *root, struct observation_level *ret_level);
/* "every open is seen, by whom", for people. */
const char *guard_level_text(uint8_t level);
/* "permission", for programs. */
const char *guard_level_name(uint8_t level);

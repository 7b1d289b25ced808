/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside observation*.c. */
#pragma once

#include <event2/event.h>

#include "audit/entry.h"
#include "observation.h"
#include "observation_actors.h"
#include "observation_altered.h"
#include "observation_joined.h"
#include "settings/settings.h"

enum {
	GUARD_WAIT_SECONDS = 10, /* for a new guard, before it is written that there is none */
	GUARD_REASON_BYTES = 257,
};

/* What is entered of a root's level, and what status shows. */
struct level {
	uint8_t level; /* enum guard_level */
	uint8_t by;    /* enum guard_mark */
	bool pidfd, alterations;
	uint32_t folders, folders_failed;
	int64_t since_us;
	char reason[GUARD_REASON_BYTES];
};

/* A root of the settings, by its number there. */
struct observed_root {
	char name[256];
	uint64_t path_hash; /* another path is another root */
	bool watched;       /* guard was told to */
	bool told;          /* this guard has said how */
	bool entered;       /* `written` is in the log */
	struct level now, written;
	int64_t day; /* of the counts, on the root's clock */
	uint64_t opens, denied;
};

/* A time in which opens may not have been seen. */
struct opens_gap {
	bool pending;
	bool told;                 /* written without its end already */
	bool downtime;             /* nothing ran: the entry says that too */
	int64_t from_us;           /* wall clock */
	int64_t recorders_from_us; /* what recorders did was joined since then, and never written; 0: nothing */
};

struct observation {
	struct keeper *keeper;
	const struct user_names *names; /* control.c's, which outlives this */
	struct channel *channel;
	struct actors *actors;
	struct joined *joined;
	struct altered *altered;
	struct event *timer;
	struct observed_root *roots; /* ROOTS_MAX */
	size_t root_count;
	struct opens_gap gap;
	bool wanted;
	bool reloading;
	bool refuse_all; /* as guard was told */
	bool came_before;
	char refused[GUARD_REASON_BYTES];
	int64_t lost_since_us; /* wall clock */
	int64_t deadline_us;   /* boot clock: until then a guard is awaited; 0: it is there, or was given up */
	int64_t saved_boot_us;
	char saved[96]; /* as state.db has it */
	uint64_t opens, denied, lost, restarts;
};

/* observation_coverage.c */
void coverage_told(struct observation *observation, const struct record_guard_coverage *coverage);
/* Nobody observes this root from then on. */
void coverage_none(struct observation *observation, size_t root, int64_t since_us, const char *reason);
/* Enters that: at once for what is meant so, later where a new guard is awaited. */
void coverage_none_write(struct observation *observation);
/* A guard is awaited from now on. */
void guard_await(struct observation *observation);
/* Opens may be unseen from then on. */
void gap_begin(struct observation *observation, int64_t from_us);
/* What a start finds: nothing ran. Writes it at once where no guard is to come. */
void gap_downtime(struct observation *observation);
/* The end is known where every watched root is covered. */
void gap_look(struct observation *observation);
void gap_tick(struct observation *observation, int64_t now_us);
/* Without an end: at a stop, or when no guard came in time. */
void gap_write_open(struct observation *observation);
/* What guard could not tell, and what the log could not take. */
void gap_loss(struct observation *observation, const struct record_guard_loss *loss);
void gap_joined_loss(struct observation *observation);
/* What a crash would lose is kept in state.db, seldom. */
void opens_save(struct observation *observation, bool closing, int64_t now_us);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keeper makes all decisions and owns all durable state. One struct per idea, each in its own file;
 * struct keeper holds them together, and a function takes the keeper when it needs more than its own.
 *
 *   main.c         order of start, sandbox, loop, order of stop
 *   roots.c        roots and their volumes: where each is, whether it may be believed (online, offline)
 *   children.c     channels to watcher, reaper, prober, hasher; asks the supervisor for them
 *   ingest.c       what watcher tells becomes segments; finishing, sealing, disappearing
 *   observation.c  guard's messages: who opened footage, and when nobody saw it
 *   media.c        queue to prober and hasher; what they say becomes facts
 *   mounts.c       the mount table
 *   rebuild.c      index and audit log brought back together after a crash or a lost index; owed.c: seal entries
 *   index.c        index.db: a cache of the disk
 *   state.c        state.db: not a cache
 *   record.c       audit entries; lookup.c: where in the log is what (a cache)
 *   epochs.c       the log's keys change, its oldest epochs are pruned
 *   timekeeping.c  how far the clock may be believed, durable
 *   holds.c        holds in memory, merged per camera; coverage.c: what a hold covers
 *   expiry.c       which segments go now; expiry_reason.c: why the others stay
 *   deletion.c     intents, batches, tombstones
 *   outbox.c       what leaves the box by publisher; configuration.c: what a new configuration weakens
 *   control.c      the control socket: control_client.c each connection, control_request.c each call
 *   methods_*.c    its methods
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "settings/settings.h"

struct event_base;
struct channel;
struct index;
struct state;
struct record;
struct roots;
struct children;
struct ingest;
struct media;
struct observation;
struct timekeeping;
struct holds;
struct expiry;
struct deletion;
struct control;
struct user_names;
struct rebuild;
struct owed;
struct epochs;
struct outbox;
struct reports;
struct lookup;

struct keeper {
	struct event_base *base;
	struct channel *supervisor;
	struct settings *settings;
	int state_fd;     /* the state folder */
	int mountinfo_fd; /* the mount table, opened before the sandbox */
	int syslog_fd;    /* record_open_syslog(), before the sandbox; -1: none */
	struct state *state;
	struct index *index;
	struct record *record;
	struct timekeeping *timekeeping;
	struct roots *roots;
	struct children *children;
	struct ingest *ingest;
	struct media *media;
	struct observation *observation; /* NULL before it is open and while keeper stops */
	struct holds *holds;
	struct expiry *expiry;
	struct deletion *deletion;
	struct control *control;
	struct user_names *user_names; /* read before the sandbox closes /etc/passwd; control.c takes it over */
	struct owed *owed;             /* seal entries; NULL before it is open */
	struct rebuild *rebuild;
	struct epochs *epochs;
	struct outbox *outbox;      /* NULL before it is open and while keeper stops */
	struct reports *reports;    /* those that were begun; NULL: none yet */
	struct lookup *lookup;      /* NULL before it is open and while keeper stops */
	int64_t index_committed_us; /* boot clock */
	int64_t started_us;         /* wall clock, for status */
	int64_t down_since_us;      /* wall clock: nothing ran from then …; 0 at the first start */
	int64_t down_until_us;      /* … until then */
	bool index_rebuilding; /* the index was missing or corrupt: nothing is deleted until every root is scanned and the
	                          log replayed */
	bool trial;            /* run by an ordinary user, who then has every role */
	bool stopping;
	bool failed; /* ends with an error, so that the supervisor starts it again (or stops, after keeper_fatal()) */
};

/* Ends the program in good order: channels close (the children end), the log is published, the databases close. */
void keeper_stop(struct keeper *keeper);
/* Corrupt or newer state: tells the supervisor why, so that it stops everything. Does not return to the loop. */
void keeper_fatal(struct keeper *keeper, const char *text);
/* New settings, taken over, come into force; the old ones are freed. */
void keeper_configure(struct keeper *keeper, struct settings *settings);

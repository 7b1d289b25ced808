/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keeper makes all decisions and owns all durable state. One struct per idea, each in its own file;
 * struct keeper holds them together, and a function takes the keeper when it needs more than its own.
 *
 *   main.c         order of start, sandbox, loop, order of stop
 *   roots.c        roots and their volumes: where each is, whether it may be believed (online, offline)
 *   children.c     channels to watcher, reaper, prober, hasher; asks the supervisor for them
 *   ingest.c       what watcher tells becomes segments; finishing, sealing, disappearing
 *   media.c        queue to prober and hasher; what they say becomes facts
 *   mounts.c       the mount table
 *   rebuild.c      index and audit log brought back together after a crash or a lost index
 *   index.c        index.db: a cache of the disk
 *   state.c        state.db: not a cache
 *   record.c       audit entries
 *   timekeeping.c  how far the clock may be believed, durable
 *   holds.c        holds in memory, merged per camera; coverage.c: what a hold covers
 *   expiry.c       which segments go now and why the others stay; deletion.c: intents, batches, tombstones
 *   control.c      the control socket; methods_*.c: its methods
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
struct timekeeping;
struct holds;
struct expiry;
struct deletion;
struct control;
struct user_names;
struct rebuild;

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
	struct holds *holds;
	struct expiry *expiry;
	struct deletion *deletion;
	struct control *control;
	struct user_names *user_names; /* read before the sandbox closes /etc/passwd; control.c takes it over */
	struct rebuild *rebuild;
	int64_t index_committed_us; /* boot clock */
	int64_t started_us;         /* wall clock, for status */
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

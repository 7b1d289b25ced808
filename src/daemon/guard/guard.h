/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the parts of guard share. It answers each open of footage within microseconds, from memory
 * alone, and tells keeper afterwards who it was.
 *
 *   main.c              start, the loop, the pulse
 *   last.c              whatever ends guard frees the waiters first
 *   requests.c          what keeper asks
 *   kernel.h group.c    fanotify groups, as much as the kernel can
 *   level.c             how closely can be observed here, and telling it for each root
 *   roots.c             the watched roots: which volume, which mount, which kind of mark
 *   walk.c folders.c    marks on folders, where their filesystem has none of its own; the folder of a mark
 *   opens.c openers.c   the answer loop; who opened last
 *   names.c inotify.c   events with a name: what others did to names and bytes; opens at the lower levels
 *   found.c             what was open already
 *   place.c below.c     where below a root a descriptor is
 *   handle.c            files by their handle
 *   policy.c            who may
 *   accessor*.c         who it is
 *   tell.c outgoing.c   what keeper is told, and what waits for that
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "accessor.h"
#include "found.h"
#include "group.h"
#include "ipc/message.h"
#include "openers.h"
#include "outgoing.h"
#include "place.h"
#include "roots.h"
#include "settings/settings.h"
#include "walk.h"

struct folders;

enum {
	OPENS_A_TURN = 32, /* events read at once: each has two descriptors */
	NAME_EVENTS_BYTES = 16384,
	TOLD_SLOTS = 4096,
};

/* An open between its answer and its record. */
struct seen {
	struct accessor *accessor;
	int fd;
	bool denied;
	bool placed;
	int64_t at_us;
	struct place place;
};

struct guard {
	struct settings *settings;
	struct accessors *accessors;
	struct openers openers;
	pid_t own;
	bool refuse_all;

	enum guard_level level;
	char level_reason[256]; /* why not the best; "" at it */
	struct group opens;     /* permission or notification */
	struct group names;     /* alterations; at GUARD_LEVEL_ANONYMOUS also opens */
	int inotify;            /* at GUARD_LEVEL_INOTIFY, and where there are no names */
	int own_descriptors;    /* /proc/self/fd */
	int64_t opens_read_us;  /* when the queue of opens was last empty */
	int64_t names_read_us;  /* when the queue of names was last empty */

	struct guarded_root roots[ROOTS_MAX];
	struct walk walk;
	struct found found;
	struct folders *folders;

	/* The accessors that keeper knows, by their number: and as whose traffic. */
	struct {
		uint32_t number;
		uint16_t root; /* for which this is so */
		uint8_t part;
	} told[TOLD_SLOTS];
	struct outgoing outgoing;

	struct seen seen[OPENS_A_TURN];
	_Alignas(8) unsigned char name_events[NAME_EVENTS_BYTES];
	struct place place;
	struct message message;
	struct message_writer out;
};

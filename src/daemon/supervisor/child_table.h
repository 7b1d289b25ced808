/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What becomes of a child: the one place that decides about starts, lost children and ends. A pure
 * table of states and events; children.c carries out what it says.
 */
#pragma once

#include <stdint.h>

#include "sandbox/process.h"

enum child_state {
	CHILD_IDLE,        /* no process; kept for its back-off */
	CHILD_BACKING_OFF, /* wanted; starts when its timer ends, or when one on the same roots has ended */
	CHILD_STARTING,    /* forked; the program is not running yet */
	CHILD_RUNNING,
	CHILD_STOPPING, /* told to end, or killed */
	CHILD_STATE_COUNT,
};

enum child_event {
	CHILD_EVENT_WANTED,  /* keeper asks for it; for keeper itself: it is always wanted */
	CHILD_EVENT_TIMER,   /* what its timer means depends on the state */
	CHILD_EVENT_STARTED, /* exec succeeded */
	CHILD_EVENT_EXITED,
	CHILD_EVENT_RELEASED, /* keeper closed its end */
	CHILD_EVENT_KILL,     /* keeper wants it gone now */
	CHILD_EVENT_BROKEN,   /* its channel to the supervisor ended or broke the protocol (keeper); it stands still (guard)
	                       */
	CHILD_EVENT_KEEPER_LOST, /* keeper is gone, and with it every channel */
	CHILD_EVENT_STOP,        /* the whole daemon stops */
	CHILD_EVENT_COUNT,
};

/* Bits, carried out from the lowest to the highest. */
enum child_action {
	CHILD_REFUSE = 1,     /* tell keeper that there is one already */
	CHILD_CANCEL = 2,     /* end the timer */
	CHILD_SCHEDULE = 4,   /* set the timer to the rest of the back-off */
	CHILD_START = 8,      /* fork and exec; the timer bounds exec */
	CHILD_HAND_OVER = 16, /* give keeper the other end; the timer runs until its failures are forgotten */
	CHILD_FORGIVE = 32,   /* it lived long enough: forget the failures */
	CHILD_COUNT = 64,     /* one failure more */
	CHILD_ORPHAN = 128,   /* nobody wants to know how it ends */
	CHILD_ASK = 256,      /* ask it to end: STOP for keeper, the end of the channel for others */
	CHILD_WAIT = 512,     /* the timer bounds how long it may take */
	CHILD_KILL = 1024,    /* SIGKILL */
	CHILD_TELL = 2048,    /* tell keeper that it is down */
};

struct child_step {
	enum child_state next;
	unsigned actions;
};

/* How long after its last end a program is started again that has ended so often in a row without being asked. */
int64_t child_back_off_us(enum process process, uint32_t failures);

struct child_step child_step_of(enum child_state state, enum child_event event);

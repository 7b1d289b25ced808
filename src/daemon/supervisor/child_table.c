/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "child_table.h"

#include <stdbool.h>

enum { DOUBLINGS_MAX = 9 };

#define MILLISECONDS(count) ((count)*INT64_C(1000))

#define STAY(state) \
	{ CHILD_##state, 0 }

/* Every cell is filled: an event that cannot happen in a state (a start told after the end) changes nothing. */
static const struct child_step table[CHILD_STATE_COUNT][CHILD_EVENT_COUNT] =
    {
        [CHILD_IDLE] =
            {
                [CHILD_EVENT_WANTED] = {CHILD_BACKING_OFF, CHILD_SCHEDULE},
                [CHILD_EVENT_TIMER] = STAY(IDLE),
                [CHILD_EVENT_STARTED] = STAY(IDLE),
                [CHILD_EVENT_EXITED] = STAY(IDLE),
                /* It ended at the same moment: CHILD_DOWN is on its way. */
                [CHILD_EVENT_RELEASED] = STAY(IDLE),
                [CHILD_EVENT_KILL] = STAY(IDLE),
                [CHILD_EVENT_BROKEN] = STAY(IDLE),
                [CHILD_EVENT_KEEPER_LOST] = STAY(IDLE),
                [CHILD_EVENT_STOP] = STAY(IDLE),
            },
        [CHILD_BACKING_OFF] =
            {
                [CHILD_EVENT_WANTED] = {CHILD_BACKING_OFF, CHILD_REFUSE},
                [CHILD_EVENT_TIMER] = {CHILD_STARTING, CHILD_START},
                [CHILD_EVENT_STARTED] = STAY(BACKING_OFF),
                [CHILD_EVENT_EXITED] = STAY(BACKING_OFF),
                [CHILD_EVENT_RELEASED] = {CHILD_IDLE, CHILD_CANCEL | CHILD_TELL},
                [CHILD_EVENT_KILL] = {CHILD_IDLE, CHILD_CANCEL | CHILD_TELL},
                [CHILD_EVENT_BROKEN] = STAY(BACKING_OFF),
                [CHILD_EVENT_KEEPER_LOST] = {CHILD_IDLE, CHILD_CANCEL},
                [CHILD_EVENT_STOP] = {CHILD_IDLE, CHILD_CANCEL},
            },
        [CHILD_STARTING] =
            {
                [CHILD_EVENT_WANTED] = {CHILD_STARTING, CHILD_REFUSE},
                /* Its program lies on a disk that hangs. */
                [CHILD_EVENT_TIMER] = {CHILD_STARTING, CHILD_KILL},
                [CHILD_EVENT_STARTED] = {CHILD_RUNNING, CHILD_HAND_OVER},
                [CHILD_EVENT_EXITED] = {CHILD_IDLE, CHILD_CANCEL | CHILD_COUNT | CHILD_TELL},
                [CHILD_EVENT_RELEASED] = {CHILD_STOPPING, CHILD_ASK | CHILD_WAIT},
                [CHILD_EVENT_KILL] = {CHILD_STOPPING, CHILD_CANCEL | CHILD_KILL},
                [CHILD_EVENT_BROKEN] = {CHILD_STARTING, CHILD_KILL},
                [CHILD_EVENT_KEEPER_LOST] = {CHILD_STOPPING, CHILD_CANCEL | CHILD_ORPHAN | CHILD_KILL},
                [CHILD_EVENT_STOP] = {CHILD_STOPPING, CHILD_ASK | CHILD_WAIT},
            },
        [CHILD_RUNNING] =
            {
                [CHILD_EVENT_WANTED] = {CHILD_RUNNING, CHILD_REFUSE},
                [CHILD_EVENT_TIMER] = {CHILD_RUNNING, CHILD_FORGIVE},
                [CHILD_EVENT_STARTED] = STAY(RUNNING),
                [CHILD_EVENT_EXITED] = {CHILD_IDLE, CHILD_CANCEL | CHILD_COUNT | CHILD_TELL},
                [CHILD_EVENT_RELEASED] = {CHILD_STOPPING, CHILD_ASK | CHILD_WAIT},
                [CHILD_EVENT_KILL] = {CHILD_STOPPING, CHILD_CANCEL | CHILD_KILL},
                /* Stays, so that its end counts as a failure and has its back-off. */
                [CHILD_EVENT_BROKEN] = {CHILD_RUNNING, CHILD_KILL},
                [CHILD_EVENT_KEEPER_LOST] = {CHILD_STOPPING, CHILD_CANCEL | CHILD_ORPHAN | CHILD_KILL},
                [CHILD_EVENT_STOP] = {CHILD_STOPPING, CHILD_ASK | CHILD_WAIT},
            },
        [CHILD_STOPPING] =
            {
                [CHILD_EVENT_WANTED] = {CHILD_STOPPING, CHILD_REFUSE},
                [CHILD_EVENT_TIMER] = {CHILD_STOPPING, CHILD_KILL},
                [CHILD_EVENT_STARTED] = STAY(STOPPING),
                [CHILD_EVENT_EXITED] = {CHILD_IDLE, CHILD_CANCEL | CHILD_TELL},
                [CHILD_EVENT_RELEASED] = STAY(STOPPING),
                [CHILD_EVENT_KILL] = {CHILD_STOPPING, CHILD_KILL},
                /* A keeper that ends closes its channel first. */
                [CHILD_EVENT_BROKEN] = STAY(STOPPING),
                [CHILD_EVENT_KEEPER_LOST] = {CHILD_STOPPING, CHILD_ORPHAN | CHILD_KILL},
                [CHILD_EVENT_STOP] = {CHILD_STOPPING, CHILD_WAIT},
            },
};

int64_t child_back_off_us(enum process process, uint32_t failures) {
	static const int64_t first_us = MILLISECONDS(100);
	/* While there is no guard nobody waits for it, but nobody sees who opens footage either. */
	bool guard = process == PROCESS_GUARD;
	uint32_t at_once = guard ? 3 : 0;
	int64_t longest_us = guard ? MILLISECONDS(10000) : MILLISECONDS(30000);
	if (failures <= at_once)
		return 0;
	uint32_t doublings = failures - at_once - 1;
	int64_t wait_us = doublings < DOUBLINGS_MAX ? first_us << doublings : longest_us;
	return wait_us < longest_us ? wait_us : longest_us;
}

struct child_step child_step_of(enum child_state state, enum child_event event) {
	return table[state][event];
}

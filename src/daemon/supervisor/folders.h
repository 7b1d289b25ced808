/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state and run folders, the locks that make this instance the only one on them, and the control socket. */
#pragma once

#include "base/attributes.h"
#include "identity.h"

struct settings;

struct folders {
	int state_lock;     /* state_dir/lock */
	int run_lock;       /* the run folder itself */
	int control_socket; /* listening */
};

#define FOLDERS_NONE ((struct folders){.state_lock = -1, .run_lock = -1, .control_socket = -1})

/* Makes what is missing, locks, listens. 0, or a negative errno after a log line; folders_close() in both cases. */
MUST_USE int folders_open(struct folders *folders, const struct settings *settings, const struct identity *identity);

/* Removes the socket and gives the locks back. */
void folders_close(struct folders *folders);

/* True if state_dir holds a state database: this is not the first start. */
bool folders_have_state(const struct settings *settings);

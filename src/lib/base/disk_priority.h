/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How this process competes for the disk. */
#pragma once

#include <stdbool.h>

/* True: reads and writes yield to everyone else's, so to the recorder's (ioprio_set(2)). Best effort: not all
 * schedulers know priorities. */
void disk_priority_set_idle(bool idle);

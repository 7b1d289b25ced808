/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/disk_priority.h"

#include <linux/ioprio.h>
#include <sys/syscall.h>
#include <unistd.h>

void disk_priority_set_idle(bool idle) {
	int priority = idle ? IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0) : IOPRIO_PRIO_VALUE(IOPRIO_CLASS_NONE, 0);
	(void)syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, priority);
}

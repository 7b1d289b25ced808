/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parents, kept with their pidfd. */
#include "accessor_parents.h"

#include <string.h>

#include "accessor_remote.h"
#include "base/clock.h"

void parents_init(struct parents *parents, struct process_source *source) {
	parents->source = source;
	parents->looks = 0;
	memset(parents->pids, 0, sizeof parents->pids);
	memset(parents->seen, 0, sizeof parents->seen);
}

static void forget(struct parents *parents, size_t place) {
	if (parents->pids[place] != 0)
		process_close(&parents->kept[place].process);
	parents->pids[place] = 0;
	parents->seen[place] = 0;
}

void parents_release(struct parents *parents) {
	for (size_t i = 0; i < PARENTS_KEPT; i++)
		forget(parents, i);
}

/* Still there; another name means that it runs another program. */
static bool is_current(struct parents *parents, struct parent *parent) {
	struct process_ids ids;
	char command[COMMAND_BYTES];
	if (process_read_ids(parents->source, &parent->process, &ids) != 0)
		return false;
	process_read_command(&parent->process, command);
	if (strcmp(command, parent->command) != 0)
		return false;
	parent->real_user = ids.real_user;
	parent->parent = (pid_t)ids.parent;
	return true;
}

static bool read_parent(struct parents *parents, pid_t pid, struct parent *parent) {
	parent->process = PROCESS_NULL;
	if (process_open(parents->source, pid, -1, &parent->process) != 0)
		return false;
	struct process_stat stat;
	struct process_ids ids;
	if (process_read_stat(&parent->process, &stat) != 0)
		return false;
	memcpy(parent->command, stat.command, sizeof parent->command);
	if (process_read_executable(&parent->process, parent->executable, sizeof parent->executable) < 0)
		parent->executable[0] = '\0';
	/* Last: that it was there all the time. */
	if (process_read_ids(parents->source, &parent->process, &ids) != 0)
		return false;
	parent->real_user = ids.real_user;
	parent->parent = (pid_t)ids.parent;
	parent->start_us = process_start_us(parents->source, stat.start_ticks);
	parent->server = server_program_of(parent->executable, "", 0);
	return true;
}

const struct parent *parent_look(struct parents *parents, pid_t pid, int64_t age_us) {
	size_t oldest = 0;
	int64_t now_us = clock_elapsed_us();
	for (size_t i = 0; i < PARENTS_KEPT; i++) {
		if (parents->pids[i] == pid) {
			struct parent *parent = &parents->kept[i];
			bool checked = now_us - parent->checked_us < age_us;
			if (checked || is_current(parents, parent)) {
				parent->checked_us = checked ? parent->checked_us : now_us;
				parents->seen[i] = ++parents->looks;
				return parent;
			}
			forget(parents, i);
		}
		if (parents->seen[i] < parents->seen[oldest])
			oldest = i;
	}
	forget(parents, oldest);
	if (!read_parent(parents, pid, &parents->kept[oldest])) {
		process_close(&parents->kept[oldest].process);
		return NULL;
	}
	parents->kept[oldest].checked_us = now_us;
	parents->pids[oldest] = pid;
	parents->seen[oldest] = ++parents->looks;
	return &parents->kept[oldest];
}

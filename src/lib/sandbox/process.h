/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The programs of the daemon. Their numbers travel in messages and are never used twice. */
#pragma once

enum process {
	PROCESS_SUPERVISOR,
	PROCESS_WATCHER,
	PROCESS_PROBER,
	PROCESS_HASHER,
	PROCESS_GUARD,
	PROCESS_REAPER,
	PROCESS_KEEPER,
	PROCESS_PUBLISHER,
	PROCESS_REMUXER,
	PROCESS_COUNT,
};

/* "watcher": also the name of its program in libexec. "unknown" for a number that is none. */
const char *process_name(unsigned process);

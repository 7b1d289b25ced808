/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The roots and the volumes they are on. roots.c reads the mount table (opened before the sandbox,
 * re-read when the kernel says it changed), groups the roots by mount, has children.c start a
 * watcher and a reaper for each group, and compares what the watcher finds (filesystem UUID, root
 * inode and birth time) with what state.db knows: a root that is not mounted, or is another disk, is
 * offline: nothing of it is marked missing, nothing is deleted, status and the log say so.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "ipc/message.h"
#include "settings/settings.h"

struct keeper;
struct roots;
struct channel;

enum root_state {
	ROOT_OFFLINE,  /* reason says why */
	ROOT_STARTING, /* its watcher was asked for and has not found it yet */
	ROOT_SCANNING, /* identified; not all of it was compared with the index yet */
	ROOT_ONLINE,
};

enum { CLOSED_FOLDERS_MAX = 8 };

struct root {
	uint16_t number; /* in the settings, and in messages */
	const struct root_settings *settings;
	const struct zone *zone;
	int64_t id; /* index_root() */
	enum root_state state;
	char reason[200];               /* offline: why and what to do */
	int64_t since_us;               /* wall clock, of the state */
	bool observe_only;              /* another box's disk */
	bool scanned;                   /* compared completely at least once since it came */
	int64_t observing_since_us;     /* mode observe: since when; 0 in enforce */
	struct record_root_found found; /* texts point into the two arrays below */
	char uuid[65];
	char filesystem[65];
	uint32_t group;          /* roots of one mount share it, with watcher and reaper */
	struct channel *watcher; /* NULL while there is none */
	struct channel *reaper;
	uint64_t folders, foreign; /* of the last scan and since */
	char foreign_examples[3][256];
	char closed_folders[CLOSED_FOLDERS_MAX][256]; /* folders that could not be read, "" where free; cut at 255 bytes */
	uint32_t closed_errno;                        /* of the latest of them */
	struct record_watch_coverage coverage;
};

MUST_USE int roots_open(struct keeper *keeper, struct roots **ret_roots);
/* Looks at the mounts and asks for the children; everything that they call must be open. */
void roots_begin(struct keeper *keeper);
struct roots *roots_close(struct roots *roots);
/* After new settings: roots come and go. */
MUST_USE int roots_reload(struct keeper *keeper);

size_t roots_count(const struct keeper *keeper);
struct root *roots_get(struct keeper *keeper, size_t number);
struct root *roots_by_name(struct keeper *keeper, const char *name);
struct root *roots_by_id(struct keeper *keeper, int64_t id);
const char *root_state_name(enum root_state state);
bool root_may_delete(const struct root *root); /* enforce, online, scanned, not another box's */

/* Called by children.c and ingest.c. */
void roots_found(struct keeper *keeper, const struct record_root_found *found);
void roots_scanned(struct keeper *keeper, const struct record_scan_end *end);
/* The watcher or reaper of this group came (channel) or went (NULL). */
void roots_child(struct keeper *keeper, uint32_t group, enum process process, struct channel *channel);
/* A folder could not be read (`error`, positive), or could (0). */
void roots_folder_read(struct root *root, struct text path, uint32_t error);
/* How many of those noted cannot be read; when it is CLOSED_FOLDERS_MAX there may be more. */
size_t roots_folders_closed(const struct root *root);
/* An operator adopts what is there now as this root's volume. 0, or a negative errno. */
MUST_USE int roots_adopt(struct keeper *keeper, struct root *root, bool observe_only);
/*
 * Another folder has taken the root's place, which the sandboxes of its watcher and reaper do not reach
 * (landlock holds on to the folder, not the path): new ones are made, at most every 10 s.
 */
bool roots_may_start_anew(const struct keeper *keeper);
bool roots_start_anew(struct keeper *keeper, const struct root *root);
/* Compares everything with the disk again. */
void roots_rescan(struct keeper *keeper, struct root *root);

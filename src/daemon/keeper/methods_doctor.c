/* SPDX-License-Identifier: GPL-2.0-or-later */
/* doctor: what keeper can judge about its surroundings, each with what to do. retentionctl adds what the kernel offers.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "answer.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "control.h"
#include "index.h"
#include "keeper.h"
#include "methods.h"
#include "observation.h"
#include "overview.h"
#include "record.h"
#include "roots.h"
#include "timekeeping.h"

/* state: "ok", "note" or "problem". */
static void check(json_t *list, const char *name, const char *state, const char *text, const char *todo) {
	json_t *object = json_object();
	if (!object)
		return;
	answer_text(object, "check", name);
	answer_text(object, "state", state);
	answer_text(object, "text", text);
	answer_text(object, "do", todo);
	json_array_append_new(list, object);
}

static void mount_check(const struct root *root, json_t *list) {
	char text[5000];
	const char *path = root->settings->path;
	if (root->state == ROOT_OFFLINE) {
		snprintf(text, sizeof(text), "%s (%s): %s", root->settings->name, path, root->reason);
		check(list, "root", "problem", text,
		    "mount the disk; if it is another disk on purpose: retentionctl volume adopt ROOT --as new|own|other");
	} else if (root->found.read_only) {
		snprintf(text, sizeof(text), "%s (%s) is mounted read-only", root->settings->name, path);
		check(list, "root", "problem", text,
		    "mount it with rw, or check the disk: the kernel turns a damaged one read-only");
	} else {
		snprintf(text, sizeof(text), "%s (%s): %s, %s on %s", root->settings->name, path, root_state_name(root->state),
		    root->uuid[0] ? root->uuid : "no UUID", root->filesystem[0] ? root->filesystem : "an unknown filesystem");
		check(list, "root", "ok", text, NULL);
		if (root->found.root_birth_ns == 0)
			check(list, "root", "note",
			    "this filesystem keeps no birth times: files are identified by inode, size and mtime", NULL);
	}
}

static void mode_check(struct keeper *keeper, const struct overview *overview, const struct root *root, json_t *list) {
	char text[600], moment[48], count[32];
	if (root->settings->mode == ROOT_ENFORCE && !root->observe_only)
		return;
	answer_moment(keeper, root->observing_since_us ? root->observing_since_us : keeper->started_us, root->zone, moment,
	    sizeof(moment));
	uint64_t past = overview_root_past_limit(overview, root->settings->name);
	snprintf(text, sizeof(text), "%s only observes since %s: %s files past the limit", root->settings->name, moment,
	    count_text(past, count));
	check(list, "mode", past > 0 ? "problem" : "note", text,
	    "look at `retentionctl deletion plan`, then set mode = \"enforce\" and reload");
}

static void watch_check(const struct root *root, json_t *list) {
	const struct record_watch_coverage *coverage = &root->coverage;
	char text[300], todo[200];
	if (coverage->watched >= coverage->folders)
		return;
	snprintf(text, sizeof(text), "%s: %" PRIu32 " of %" PRIu32 " folders are watched; the limit is %" PRIu32,
	    root->settings->name, coverage->watched, coverage->folders, coverage->limit);
	snprintf(todo, sizeof(todo),
	    "sysctl fs.inotify.max_user_watches=%" PRIu32 " (each watch takes about 1 KiB of kernel memory)",
	    coverage->limit + 2 * (coverage->folders - coverage->watched));
	check(list, "inotify", "note", text, todo);
}

/* What the kernel allows guard to see, and what would give more. */
static void opens_check(struct keeper *keeper, const struct root *root, json_t *list) {
	struct observation_level level;
	char text[700];
	observation_level(keeper, root, &level);
	snprintf(text, sizeof(text), "%s: %s%s%s", root->settings->name, guard_level_text(level.level),
	    level.reason[0] ? ": " : "", level.reason);
	if (level.level == GUARD_LEVEL_PERMISSION && level.folders_failed == 0)
		check(list, "opens", level.alterations ? "ok" : "note", text,
		    level.alterations ? NULL : "a kernel of 5.9 or newer tells who deletes and changes footage");
	else if (level.level == GUARD_LEVEL_PERMISSION)
		check(list, "opens", "note", text,
		    "put the footage on a filesystem of its own: one mark covers all of it, also in containers");
	else if (level.level == GUARD_LEVEL_NOTIFICATION)
		check(list, "opens", "note", text,
		    "a kernel with CONFIG_FANOTIFY_ACCESS_PERMISSIONS holds each opener until it is known who it is");
	else if (level.told)
		check(list, "opens", "note", text,
		    "run retentiond as root, on a kernel with CONFIG_FANOTIFY and CONFIG_FANOTIFY_ACCESS_PERMISSIONS");
}

static void guard_check(struct keeper *keeper, json_t *list) {
	struct observation_totals totals;
	char text[400];
	observation_totals(keeper, &totals);
	if (!totals.wanted) {
		check(list, "guard", "note", "guard.mode is off: nobody sees who opens footage",
		    "set guard = { mode = \"attribute\"; }; and reload");
	} else if (totals.refused) {
		snprintf(text, sizeof(text), "guard does not run: %s", totals.refused);
		check(list, "guard", keeper->trial ? "note" : "problem", text, "start retentiond as root, from its package");
	} else if (!totals.running) {
		check(list, "guard", "problem", "guard does not run: nobody sees who opens footage",
		    "see the log lines of the daemon");
	} else {
		check(list, "guard", "ok", "guard runs", NULL);
	}
	for (size_t i = 0; totals.running && i < roots_count(keeper); i++)
		if (roots_get(keeper, i)->state != ROOT_OFFLINE)
			opens_check(keeper, roots_get(keeper, i), list);
}

static void foreign_check(const struct root *root, json_t *list) {
	char text[1100], count[32];
	if (root->foreign == 0)
		return;
	snprintf(text, sizeof(text), "%s: %s files are not recognised by layout '%s', such as: %s%s%s%s%s",
	    root->settings->name, count_text(root->foreign, count),
	    root->settings->layout ? root->settings->layout->name : "", root->foreign_examples[0],
	    root->foreign_examples[1][0] ? ", " : "", root->foreign_examples[1], root->foreign_examples[2][0] ? ", " : "",
	    root->foreign_examples[2]);
	check(list, "names", "note", text,
	    "if this is footage: choose another layout (retentionctl doctor --scan PATH) or write a pattern; it is never "
	    "deleted as it is");
}

static void recorder_check(const struct root *root, json_t *list) {
	const struct layout *layout = root->settings->layout;
	if (layout && layout->recorder_setting && layout->recorder_setting[0])
		check(list, "recorder", "note", layout->title ? layout->title : layout->name, layout->recorder_setting);
	if (layout && layout->recorder_shows && layout->recorder_shows[0])
		check(list, "recorder", "note", layout->recorder_shows, NULL);
}

static void clock_check(struct keeper *keeper, json_t *list) {
	const struct clock_verdict *verdict = timekeeping_judge(keeper);
	char text[400];
	snprintf(text, sizeof(text), "the clock is %s; deletion needs %s or better%s%s", clock_level_name(verdict->level),
	    clock_level_name(keeper->settings->clock.require), verdict->reason[0] ? ": " : "", verdict->reason);
	check(list, "clock", verdict->trusted ? "ok" : "problem", text,
	    verdict->trusted
	        ? NULL
	        : "synchronise it (chrony, systemd-timesyncd), or look at a watch and say: retentionctl clock confirm");
	if (keeper->settings->clock.require == CLOCK_UNVERIFIED)
		check(list, "clock", "note", "clock.require = \"unverified\" is for trials",
		    "set clock.require = \"rtc\" before this box is relied on");
}

/* Readable by others, or not ours: whoever reads the key can sign a false log. */
static void key_check(struct keeper *keeper, json_t *list) {
	struct stat info;
	if (fstatat(keeper->state_fd, "keys", &info, AT_SYMLINK_NOFOLLOW) < 0) {
		check(
		    list, "keys", "problem", "the folder of the signing key cannot be read", "see the log lines of the daemon");
	} else if (info.st_mode & 0077) {
		check(list, "keys", "problem", "others may enter the folder of the signing key",
		    "chmod 700 keys in the state folder");
	} else {
		check(list, "keys", "ok", "the signing key is for the daemon alone", NULL);
	}
	if (fstatat(keeper->state_fd, "state.db", &info, AT_SYMLINK_NOFOLLOW) == 0 && (info.st_mode & 0007))
		check(list, "permissions", "problem", "state.db can be read by everyone: holds name cases",
		    "chmod o= state.db in the state folder");
	if (fstatat(keeper->state_fd, "state.db.yesterday", &info, AT_SYMLINK_NOFOLLOW) == 0 &&
	    clock_wall_us() - info.st_mtim.tv_sec * US_PER_SECOND > 3 * US_PER_DAY)
		check(list, "copies", "problem", "the daily copy of state.db is older than three days",
		    "see the log lines of the daemon; is the state folder's disk full?");
	check(list, "log", record_writable(keeper) ? "ok" : "problem",
	    record_writable(keeper) ? "the audit log can be written"
	                            : "the audit log cannot be written: nothing is deleted",
	    record_writable(keeper) ? NULL : "free space on the state folder's disk, or replace it");
}

/* Sound needs a legal basis of its own. Only cameras that the configuration names can state one. */
static void sound_check(struct keeper *keeper, json_t *list) {
	char text[700];
	for (size_t i = 0; i < keeper->settings->camera_count; i++) {
		const struct camera_settings *camera = &keeper->settings->cameras[i];
		if (!camera->sound || camera->sound_basis)
			continue;
		snprintf(text, sizeof(text), "%s may record sound, and no sound_basis is given", camera->camera);
		check(list, "sound", "note", text,
		    "turn sound off in the recorder and set sound = false, or set sound_basis = \"…\"");
	}
}

static void rule_check(const struct overview *overview, json_t *list) {
	char text[800];
	for (size_t i = 0; i < overview->camera_count; i++) {
		const struct overview_camera *camera = &overview->cameras[i];
		if (!camera->rule.has_retention && !camera->rule.has_legal_maximum) {
			snprintf(text, sizeof(text), "%s/%s has no limit: its footage is kept for ever", camera->row.root_name,
			    camera->row.name);
			check(list, "rule", "problem", text, "set policy.retention");
		}
		if (camera->others_segments > 0) {
			char count[32];
			snprintf(text, sizeof(text), "%s/%s: %s files were deleted by others before they were due",
			    camera->row.root_name, camera->row.name, count_text(camera->others_segments, count));
			check(list, "recorder", "problem", text,
			    "set the recorder's own limit longer than the one here; see `recorder` above");
		}
	}
}

struct failed_one {
	struct keeper *keeper;
	json_t *list;
	unsigned shown;
};

static int failed_add(const struct segment_row *row, void *context) {
	struct failed_one *failed = context;
	char path[PATH_BYTES_MAX + NAME_BYTES_MAX + 2] = "", text[sizeof(path) + 200];
	if (index_path(failed->keeper->index, row, path, sizeof(path)) < 0)
		snprintf(path, sizeof(path), "%s", row->name);
	snprintf(text, sizeof(text), "deleting '%s' failed: %s", path, strerror(row->delete_errno));
	check(failed->list, "deletion", "problem", text,
	    row->delete_errno == EACCES || row->delete_errno == EPERM
	        ? "the folder refuses it: look at its owner, mode, and attributes (lsattr: i and a)"
	        : "it is tried again; a disk that fails shows in dmesg");
	return ++failed->shown >= 10;
}

void doctor_call(struct keeper *keeper, struct request *request, const json_t *params) {
	(void)params;
	struct overview overview;
	if (!overview_for_request(keeper, request, clock_wall_us() + US_PER_DAY, &overview))
		return;
	json_t *list = json_array();
	for (size_t i = 0; i < roots_count(keeper); i++) {
		const struct root *root = roots_get(keeper, i);
		mount_check(root, list);
		mode_check(keeper, &overview, root, list);
		watch_check(root, list);
		foreign_check(root, list);
		recorder_check(root, list);
	}
	guard_check(keeper, list);
	clock_check(keeper, list);
	key_check(keeper, list);
	rule_check(&overview, list);
	sound_check(keeper, list);
	struct failed_one failed = {.keeper = keeper, .list = list};
	if (index_failed(keeper->index, failed_add, &failed) < 0)
		check(list, "deletion", "problem", "the index cannot be read", "see the log lines of the daemon");
	overview_release(&overview);
	json_t *result = answer_new();
	json_object_set_new(result, "checks", list);
	request_reply(request, result);
}

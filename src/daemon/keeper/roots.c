/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where each root is, whether it is the volume that it was, and what follows from that. */
#include "roots.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/zone.h"
#include "children.h"
#include "control.h"
#include "deletion.h"
#include "expiry.h"
#include "index.h"
#include "ingest.h"
#include "ipc/channel.h"
#include "keeper.h"
#include "mounts.h"
#include "observation.h"
#include "rebuild.h"
#include "record.h"
#include "state.h"

enum { LOOK_SECONDS = 30, RECONCILE_SECONDS = 3600, ANEW_SECONDS = 10 };

struct roots {
	struct keeper *keeper;
	struct root *list;
	int64_t *mounts; /* the mount that each root is on; -1: none that may be used */
	bool *told;      /* its root-online entry was written in this run and nothing worse since */
	size_t count;
	uint32_t next_group;
	struct event *changed; /* the kernel says that the mount table changed */
	struct event *look;
	int64_t reconciled_us; /* boot clock */
	int64_t anew_us;       /* boot clock: when watchers and reapers were last made anew; 0: never */
};

const char *root_state_name(enum root_state state) {
	static const char *const names[] = {"offline", "starting", "scanning", "online"};
	return names[state];
}

bool root_may_delete(const struct root *root) {
	return root->settings->mode == ROOT_ENFORCE && root->state == ROOT_ONLINE && root->scanned && !root->observe_only;
}

size_t roots_count(const struct keeper *keeper) {
	return keeper->roots == NULL ? 0 : keeper->roots->count;
}

struct root *roots_get(struct keeper *keeper, size_t number) {
	return number < roots_count(keeper) ? &keeper->roots->list[number] : NULL;
}

struct root *roots_by_name(struct keeper *keeper, const char *name) {
	for (size_t i = 0; i < roots_count(keeper); i++)
		if (strcmp(keeper->roots->list[i].settings->name, name) == 0)
			return &keeper->roots->list[i];
	return NULL;
}

struct root *roots_by_id(struct keeper *keeper, int64_t id) {
	for (size_t i = 0; i < roots_count(keeper); i++)
		if (keeper->roots->list[i].id == id)
			return &keeper->roots->list[i];
	return NULL;
}

/* ---- states ---- */

static void set_state(struct keeper *keeper, struct root *root, enum root_state state) {
	if (root->state == state)
		return;
	root->state = state;
	root->since_us = clock_wall_us();
	observation_roots(keeper);
	json_t *data = json_pack("{s:s, s:s}", "root", root->settings->name, "state", root_state_name(state));
	if (data != NULL && keeper->control != NULL)
		control_event(keeper, "root.state", data);
	json_decref(data);
}

static json_t *identity_details(const struct root *root) {
	json_t *details = json_object();
	(void)json_object_set_new(details, "root", json_string(root->settings->name));
	if (root->uuid[0] != '\0') {
		(void)json_object_set_new(details, "uuid", json_string(root->uuid));
		(void)json_object_set_new(details, "filesystem", json_string(root->filesystem));
		(void)json_object_set_new(details, "root_inode", json_integer((json_int_t)root->found.root_inode));
		(void)json_object_set_new(
		    details, "root_birth_us", json_integer((json_int_t)(root->found.root_birth_ns / 1000)));
	}
	return details;
}

static void set_offline(struct keeper *keeper, struct root *root, const char *reason) {
	if (root->state == ROOT_OFFLINE && strcmp(root->reason, reason) == 0)
		return;
	ingest_watcher_lost(keeper, root);
	(void)snprintf(root->reason, sizeof root->reason, "%s", reason);
	root->scanned = false;
	set_state(keeper, root, ROOT_OFFLINE);
	keeper->roots->told[root->number] = false;
	log_warning(
	    "root '%s' is offline: %s; nothing of it is marked missing, nothing is deleted", root->settings->name, reason);
	(void)record_append(keeper, AUDIT_ROOT_OFFLINE, AUDIT_SUCCESS, reason, NULL, identity_details(root), NULL);
}

/* ---- scanning ---- */

struct paging {
	struct root *root;
	uint64_t foreign;
	struct message_writer out;
};

static void page_begin(struct paging *paging) {
	message_begin(&paging->out, MESSAGE_FOLDERS_KNOWN);
	record_root_put(&paging->out.writer, &(struct record_root){.root = paging->root->number});
}

static int page_folder(const struct folder_row *row, void *context) {
	struct paging *paging = context;
	paging->foreign += row->foreign;
	if (!message_has_room(&paging->out)) {
		channel_send(paging->root->watcher, &paging->out, NULL, 0);
		page_begin(paging);
	}
	message_add_known_folder(
	    &paging->out, &(struct record_known_folder){
	                      .path = text_of(row->path), .mtime_ns = row->mtime_ns, .ctime_ns = row->ctime_ns});
	return 0;
}

static void scan(struct keeper *keeper, struct root *root, bool tell_known) {
	struct paging *paging = root->watcher == NULL ? NULL : malloc(sizeof *paging);
	if (paging == NULL)
		return;
	paging->root = root;
	paging->foreign = 0;
	page_begin(paging);
	int error = tell_known ? index_folders(keeper->index, root->id, page_folder, paging) : 0;
	if (error != 0)
		log_warning_errno(
		    error, "cannot read the folders of root '%s' from the index; they are read again", root->settings->name);
	/* Folders that did not change are not listed again: what was counted in them stands. */
	if (tell_known)
		root->foreign = paging->foreign;
	if (paging->out.items > 0)
		channel_send(root->watcher, &paging->out, NULL, 0);
	message_begin(&paging->out, MESSAGE_SCAN);
	record_root_put(&paging->out.writer, &(struct record_root){.root = root->number});
	channel_send(root->watcher, &paging->out, NULL, 0);
	free(paging);
}

void roots_rescan(struct keeper *keeper, struct root *root) {
	if (root->state == ROOT_SCANNING || root->state == ROOT_ONLINE)
		scan(keeper, root, true);
}

void roots_scanned(struct keeper *keeper, const struct record_scan_end *end) {
	struct root *root = roots_get(keeper, end->root);
	if (root == NULL || (root->state != ROOT_SCANNING && root->state != ROOT_ONLINE))
		return;
	bool first = !root->scanned;
	root->folders = end->folders;
	root->scanned = true;
	set_state(keeper, root, ROOT_ONLINE);
	if (first)
		log_info("root '%s' is compared: %" PRIu64 " folders, %" PRIu64 " of them read, %" PRIu64 " entries",
		    root->settings->name, end->folders, end->folders_read, end->entries);
	deletion_root_online(keeper, root);
	rebuild_look(keeper);
	int error = first ? rebuild_commit(keeper) : 0;
	if (error != 0)
		log_warning_errno(error, "cannot commit the index");
	expiry_soon(keeper);
}

void roots_folder_read(struct root *root, struct text path, uint32_t error) {
	char cut[sizeof root->closed_folders[0]];
	char *place = NULL;
	if (error == 0 && root->closed_errno == 0)
		return;
	/* The root's own path is empty: it is told as ".". */
	(void)snprintf(
	    cut, sizeof cut, "%.*s", path.length == 0 ? 1 : (int)path.length, path.length == 0 ? "." : path.data);
	for (size_t i = 0; i < CLOSED_FOLDERS_MAX; i++) {
		if (strcmp(root->closed_folders[i], cut) == 0) {
			place = root->closed_folders[i];
			break;
		}
		if (root->closed_folders[i][0] == '\0' && place == NULL && error != 0)
			place = root->closed_folders[i];
	}
	if (place != NULL)
		memcpy(place, error != 0 ? cut : "", error != 0 ? strlen(cut) + 1 : 1);
	if (error != 0 || roots_folders_closed(root) == 0)
		root->closed_errno = error;
}

size_t roots_folders_closed(const struct root *root) {
	size_t count = 0;
	for (size_t i = 0; i < CLOSED_FOLDERS_MAX; i++)
		count += root->closed_folders[i][0] != '\0';
	return count;
}

/* ---- identity ---- */

static void describe_other(const struct root *root, const struct volume_row *row, char *reason, size_t room) {
	if (strcmp(row->uuid, root->uuid) != 0)
		(void)snprintf(reason, room,
		    "another disk (UUID %.36s, expected %.36s): run 'retentionctl volume adopt %.40s' if that is meant",
		    root->uuid, row->uuid, root->settings->name);
	else
		(void)snprintf(reason, room,
		    "its folder was made anew on the same disk: run 'retentionctl volume adopt %.40s' if that is meant",
		    root->settings->name);
}

static bool is_same(const struct root *root, const struct volume_row *row) {
	return strcmp(row->uuid, root->uuid) == 0 && row->root_inode == root->found.root_inode &&
	       row->root_birth_ns == root->found.root_birth_ns;
}

static int store_volume(struct keeper *keeper, const struct root *root, bool observe_only) {
	struct volume_row row = {
	    .root_inode = root->found.root_inode,
	    .root_birth_ns = root->found.root_birth_ns,
	    .adopted_us = clock_wall_us(),
	    .observe_only = observe_only,
	};
	if (!text_copy(row.root, sizeof row.root, text_of(root->settings->name)) ||
	    !text_copy(row.uuid, sizeof row.uuid, text_of(root->uuid)) ||
	    !text_copy(row.filesystem, sizeof row.filesystem, text_of(root->filesystem)))
		return -ENAMETOOLONG;
	return state_volume_put(keeper->state, &row);
}

static void begin_scanning(struct keeper *keeper, struct root *root) {
	root->reason[0] = '\0';
	if (root->state == ROOT_ONLINE || root->state == ROOT_SCANNING)
		return;
	root->scanned = false;
	root->foreign = 0;
	memset(root->closed_folders, 0, sizeof root->closed_folders);
	root->closed_errno = 0;
	set_state(keeper, root, ROOT_SCANNING);
	if (!keeper->roots->told[root->number])
		(void)record_append(keeper, AUDIT_ROOT_ONLINE, AUDIT_SUCCESS, NULL, NULL, identity_details(root), NULL);
	keeper->roots->told[root->number] = true;
	scan(keeper, root, true);
}

/* 0 where the volume is the one that it was, or is seen for the first time. */
static void identify(struct keeper *keeper, struct root *root) {
	struct volume_row row;
	int error = state_volume_get(keeper->state, root->settings->name, &row);
	if (error == -ENOENT) {
		error = store_volume(keeper, root, false);
		row.observe_only = false;
	} else if (error == 0 && !is_same(root, &row)) {
		char reason[sizeof root->reason];
		describe_other(root, &row, reason, sizeof reason);
		set_offline(keeper, root, reason);
		return;
	}
	if (error != 0) {
		set_offline(keeper, root, "its volume cannot be looked up in the state; see the daemon's log");
		log_error_errno(error, "cannot look up the volume of root '%s'", root->settings->name);
		return;
	}
	root->observe_only = row.observe_only;
	begin_scanning(keeper, root);
}

static void release(struct keeper *keeper, uint32_t group);
static void want_groups(struct keeper *keeper);

bool roots_may_start_anew(const struct keeper *keeper) {
	const struct roots *roots = keeper->roots;
	return roots->anew_us == 0 || clock_boot_us() - roots->anew_us >= ANEW_SECONDS * US_PER_SECOND;
}

bool roots_start_anew(struct keeper *keeper, const struct root *root) {
	if (!roots_may_start_anew(keeper))
		return false;
	keeper->roots->anew_us = clock_boot_us();
	log_notice("root '%s': another folder is in its place; its watcher and reaper start anew", root->settings->name);
	release(keeper, root->group);
	want_groups(keeper);
	return true;
}

void roots_found(struct keeper *keeper, const struct record_root_found *found) {
	struct root *root = roots_get(keeper, found->root);
	if (root == NULL || root->watcher == NULL || (found->error == ESTALE && roots_start_anew(keeper, root)))
		return;
	if (found->error != 0) {
		char reason[sizeof root->reason];
		(void)snprintf(
		    reason, sizeof reason, "'%.100s' cannot be opened: %s", root->settings->path, strerror((int)found->error));
		set_offline(keeper, root, reason);
		return;
	}
	char uuid[sizeof root->uuid], filesystem[sizeof root->filesystem];
	if (!text_copy(uuid, sizeof uuid, found->uuid) || !text_copy(filesystem, sizeof filesystem, found->filesystem))
		return;
	memcpy(root->uuid, uuid, sizeof uuid);
	memcpy(root->filesystem, filesystem, sizeof filesystem);
	root->found = *found;
	root->found.uuid = text_of(root->uuid);
	root->found.filesystem = text_of(root->filesystem);
	identify(keeper, root);
}

int roots_adopt(struct keeper *keeper, struct root *root, bool observe_only) {
	if (root->watcher == NULL || root->found.error != 0 || root->uuid[0] == '\0')
		return -ENODEV;
	struct volume_row row;
	int error = state_volume_get(keeper->state, root->settings->name, &row);
	bool other = error == 0 && !is_same(root, &row);
	if (error != 0 && error != -ENOENT)
		return error;
	/* What the index has is on the disk that was here before: it is not missing, it is elsewhere. */
	if (other)
		error = index_root_forget(keeper->index, root->id);
	else
		error = 0;
	if (error == 0)
		error = store_volume(keeper, root, observe_only);
	if (error != 0)
		return error;
	json_t *details = identity_details(root);
	(void)json_object_set_new(details, "observe_only", json_boolean(observe_only));
	if (other)
		(void)json_object_set_new(details, "former_uuid", json_string(row.uuid));
	error = record_append(keeper, AUDIT_VOLUME_ADOPTED, AUDIT_SUCCESS, NULL, NULL, details, NULL);
	root->observe_only = observe_only;
	if (root->state == ROOT_OFFLINE)
		begin_scanning(keeper, root);
	return error;
}

/* ---- children ---- */

void roots_child(struct keeper *keeper, uint32_t group, enum process process, struct channel *channel) {
	for (size_t i = 0; i < roots_count(keeper); i++) {
		struct root *root = &keeper->roots->list[i];
		if (root->group != group || group == 0)
			continue;
		if (process == PROCESS_REAPER) {
			bool lost = root->reaper != NULL && channel == NULL;
			root->reaper = channel;
			if (lost && keeper->deletion != NULL)
				deletion_reaper_lost(keeper, root);
			continue;
		}
		root->watcher = channel;
		if (channel != NULL)
			continue; /* it says what it finds by itself */
		ingest_watcher_lost(keeper, root);
		root->scanned = false;
		if (root->state != ROOT_OFFLINE)
			set_state(keeper, root, ROOT_STARTING);
	}
}

/* ---- mounts ---- */

static void want_groups(struct keeper *keeper) {
	struct roots *roots = keeper->roots;
	for (size_t i = 0; i < roots->count; i++) {
		struct root *root = &roots->list[i];
		if (roots->mounts[i] < 0 || root->group != 0)
			continue;
		uint16_t members[64];
		size_t count = 0;
		uint32_t group = roots->next_group++;
		for (size_t j = i; j < roots->count && count < ARRAY_LENGTH(members); j++) {
			if (roots->mounts[j] != roots->mounts[i] || roots->list[j].group != 0)
				continue;
			roots->list[j].group = group;
			roots->list[j].reason[0] = '\0';
			set_state(keeper, &roots->list[j], ROOT_STARTING);
			members[count++] = (uint16_t)j;
		}
		children_want_group(keeper, group, members, count);
	}
}

static void release(struct keeper *keeper, uint32_t group) {
	struct roots *roots = keeper->roots;
	for (size_t i = 0; group != 0 && i < roots->count; i++) {
		struct root *root = &roots->list[i];
		if (root->group != group)
			continue;
		ingest_watcher_lost(keeper, root);
		bool had_reaper = root->reaper != NULL;
		root->watcher = root->reaper = NULL;
		root->group = 0;
		root->scanned = false;
		if (root->state != ROOT_OFFLINE)
			set_state(keeper, root, ROOT_STARTING);
		if (had_reaper && keeper->deletion != NULL)
			deletion_reaper_lost(keeper, root);
	}
	if (group != 0)
		children_release_group(keeper, group);
}

/* No mount of the kernel's has it. */
enum { MOUNT_OF_CHROOT = INT32_MAX };

static int64_t usable_mount(const char *table, const struct root_settings *settings, char *reason, size_t room) {
	struct mount mount;
	/* In a chroot below a mount the table has no entry for "/": what is on no other mount is there. */
	if (mounts_find(table, settings->path, &mount) != 0)
		mount = (struct mount){.id = MOUNT_OF_CHROOT, .point_length = 1};
	if (mount.point_length == 1 && !settings->allow_system_volume) {
		(void)snprintf(reason, room,
		    "not mounted: '%.60s' is on the system disk; mount its disk, or write allow_system_volume = true",
		    settings->path);
		return -1;
	}
	return mount.id;
}

static void look_at_mounts(struct keeper *keeper) {
	struct roots *roots = keeper->roots;
	char *table = NULL;
	int error = mounts_read(keeper->mountinfo_fd, &table);
	if (error != 0) {
		log_warning_errno(error, "cannot read the mount table; roots stay as they are");
		return;
	}
	for (size_t i = 0; i < roots->count; i++) {
		char reason[sizeof roots->list[i].reason];
		int64_t mount = usable_mount(table, roots->list[i].settings, reason, sizeof reason);
		if (mount != roots->mounts[i])
			release(keeper, roots->list[i].group);
		roots->mounts[i] = mount;
		if (mount < 0)
			set_offline(keeper, &roots->list[i], reason);
	}
	free(table);
	want_groups(keeper);
}

static void on_mounts_changed(evutil_socket_t fd, short what, void *context) {
	(void)fd;
	(void)what;
	look_at_mounts(context);
}

static void on_look(evutil_socket_t fd, short what, void *context) {
	(void)fd;
	(void)what;
	struct keeper *keeper = context;
	struct roots *roots = keeper->roots;
	int64_t now = clock_boot_us();
	bool reconcile = now - roots->reconciled_us >= RECONCILE_SECONDS * US_PER_SECOND;
	look_at_mounts(keeper);
	for (size_t i = 0; i < roots->count; i++) {
		struct root *root = &roots->list[i];
		if (root->state == ROOT_OFFLINE && root->watcher != NULL)
			scan(keeper, root, false); /* looks for the folder again, and says what it finds */
		else if (reconcile && root->state == ROOT_ONLINE)
			scan(keeper, root, true);
	}
	if (reconcile)
		roots->reconciled_us = now;
}

/* ---- opening ---- */

static void observing_since(struct keeper *keeper, struct root *root) {
	char key[300], value[32];
	int length = snprintf(key, sizeof key, "observing_since/%s", root->settings->name);
	if (length < 0 || (size_t)length >= sizeof key)
		return;
	bool known = state_value_get(keeper->state, key, value, sizeof value) == 0 && strcmp(value, "0") != 0;
	if (root->settings->mode == ROOT_OBSERVE && !known) {
		(void)snprintf(value, sizeof value, "%" PRId64, clock_wall_us());
		(void)!state_value_put(keeper->state, key, value);
		known = true;
	} else if (root->settings->mode == ROOT_ENFORCE && known) {
		(void)!state_value_put(keeper->state, key, "0");
		known = false;
	}
	root->observing_since_us = known ? strtoll(value, NULL, 10) : 0;
}

static int fill(struct keeper *keeper, struct roots *roots) {
	const struct settings *settings = keeper->settings;
	roots->list = calloc(settings->root_count + 1, sizeof *roots->list);
	roots->mounts = calloc(settings->root_count + 1, sizeof *roots->mounts);
	roots->told = calloc(settings->root_count + 1, sizeof *roots->told);
	if (roots->list == NULL || roots->mounts == NULL || roots->told == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < settings->root_count; i++) {
		struct root *root = &roots->list[i];
		root->number = (uint16_t)i;
		root->settings = &settings->roots[i];
		root->zone = zone_shared(root->settings->timezone);
		root->since_us = clock_wall_us();
		root->state = ROOT_STARTING;
		roots->mounts[i] = -1;
		root->id = index_root(keeper->index,
		    &(struct index_root){.name = root->settings->name, .layout = root->settings->layout, .zone = root->zone});
		if (root->id < 0)
			return (int)root->id;
		observing_since(keeper, root);
		roots->count++;
	}
	return 0;
}

static void empty(struct roots *roots) {
	free(roots->list);
	free(roots->mounts);
	free(roots->told);
	roots->list = NULL;
	roots->mounts = NULL;
	roots->told = NULL;
	roots->count = 0;
}

int roots_reload(struct keeper *keeper) {
	struct roots *roots = keeper->roots;
	for (size_t i = 0; i < roots->count; i++)
		release(keeper, roots->list[i].group);
	index_roots_detach(keeper->index);
	empty(roots);
	int error = fill(keeper, roots);
	if (error == 0)
		look_at_mounts(keeper);
	return error;
}

int roots_open(struct keeper *keeper, struct roots **ret_roots) {
	struct roots *roots = calloc(1, sizeof *roots);
	if (roots == NULL)
		return -ENOMEM;
	*roots = (struct roots){.keeper = keeper, .next_group = 1, .reconciled_us = clock_boot_us()};
	/* mountinfo is always readable; a change shows as an error condition, which the kernel reports once. */
	roots->changed = event_new(keeper->base, keeper->mountinfo_fd, EV_WRITE | EV_PERSIST, on_mounts_changed, keeper);
	roots->look = event_new(keeper->base, -1, EV_PERSIST, on_look, keeper);
	struct timeval interval = {.tv_sec = LOOK_SECONDS};
	int error = roots->changed == NULL || roots->look == NULL ? -ENOMEM : fill(keeper, roots);
	if (error == 0 && (event_add(roots->changed, NULL) < 0 || event_add(roots->look, &interval) < 0))
		error = -ENOMEM;
	if (error != 0) {
		(void)roots_close(roots);
		return error;
	}
	*ret_roots = roots;
	return 0;
}

void roots_begin(struct keeper *keeper) {
	look_at_mounts(keeper);
}

struct roots *roots_close(struct roots *roots) {
	if (roots == NULL)
		return NULL;
	if (roots->changed != NULL)
		event_free(roots->changed);
	if (roots->look != NULL)
		event_free(roots->look);
	empty(roots);
	free(roots);
	return NULL;
}

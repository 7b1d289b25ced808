/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What watcher tells becomes rows and entries. The test plays watcher (messages encoded and checked as
 * on the wire) and stands in for the parts of keeper that decide; roots, ingest, rebuild and index are real.
 */
#include "daemon/keeper/ingest.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "base/clock.h"
#include "base/zone.h"
#include "daemon/keeper/children.h"
#include "daemon/keeper/control.h"
#include "daemon/keeper/deletion.h"
#include "daemon/keeper/expiry.h"
#include "daemon/keeper/index.h"
#include "daemon/keeper/ingest_private.h"
#include "daemon/keeper/keeper.h"
#include "daemon/keeper/media.h"
#include "daemon/keeper/observation.h"
#include "daemon/keeper/owed.h"
#include "daemon/keeper/rebuild.h"
#include "daemon/keeper/record.h"
#include "daemon/keeper/roots.h"
#include "daemon/keeper/state.h"
#include "daemon/keeper/timekeeping.h"
#include "ipc/channel.h"

/* ---- stand-ins ---- */

static json_t *entries[64];
static size_t entry_count;
static char expected_name[64];
static struct volume_row volume;
static bool has_volume;
static size_t wanted_media;

int64_t timekeeping_trusted_us(struct keeper *keeper) {
	(void)keeper;
	return clock_wall_us();
}

int record_append(struct keeper *keeper, enum audit_action action, enum audit_outcome outcome, const char *reason,
    const struct audit_actor *actor, json_t *details, uint64_t *ret_sequence) {
	(void)keeper, (void)outcome, (void)reason, (void)actor;
	assert_true(entry_count < ARRAY_LENGTH(entries));
	json_t *entry = details == NULL ? json_object() : details;
	json_object_set_new(entry, "event",
	    json_pack("{s:I, s:s}", "sequence", (json_int_t)entry_count, "action", audit_action_name(action)));
	if (ret_sequence != NULL)
		*ret_sequence = entry_count;
	entries[entry_count++] = entry;
	return 0;
}

int record_durable(struct keeper *keeper) {
	(void)keeper;
	return 0;
}

bool record_is(const json_t *entry, enum audit_action action) {
	return strcmp(json_string_value(json_object_get(json_object_get(entry, "event"), "action")),
	           audit_action_name(action)) == 0;
}

int record_each(struct keeper *keeper, uint64_t from, int (*each)(const json_t *entry, void *context), void *context) {
	(void)keeper;
	int result = 0;
	for (uint64_t i = from; result == 0 && i < entry_count; i++)
		result = each(entries[i], context);
	return result;
}

struct audit_writer *record_writer(struct keeper *keeper) {
	(void)keeper;
	return NULL;
}

uint64_t audit_writer_size(const struct audit_writer *writer) {
	(void)writer;
	return entry_count;
}

bool deletion_expected(struct keeper *keeper, const struct root *root, struct text folder, struct text name) {
	(void)keeper, (void)root, (void)folder;
	return text_equal(name, text_of(expected_name));
}

void deletion_root_online(struct keeper *keeper, struct root *root) {
	(void)keeper, (void)root;
}

void deletion_reaper_lost(struct keeper *keeper, struct root *root) {
	(void)keeper, (void)root;
}

void expiry_soon(struct keeper *keeper) {
	(void)keeper;
}

void control_event(struct keeper *keeper, const char *event, const json_t *data) {
	(void)keeper, (void)event, (void)data;
}

bool media_want(struct keeper *keeper, const struct segment_key *key, enum media_priority priority) {
	(void)keeper, (void)key, (void)priority;
	wanted_media++;
	return true;
}

int media_each_new(
    const struct keeper *keeper, int (*each)(const struct segment_key *key, void *context), void *context) {
	(void)keeper, (void)each, (void)context;
	return 0;
}

void children_want_group(struct keeper *keeper, uint32_t group, const uint16_t *roots, size_t count) {
	(void)keeper, (void)group, (void)roots, (void)count;
}

void children_release_group(struct keeper *keeper, uint32_t group) {
	(void)keeper, (void)group;
}

/* ---- guard: who did it, told by the test ---- */

static struct {
	char path[256]; /* part of the paths that `by` did */
	struct culprit culprit;
} culprits[2];
static size_t written_by; /* pid, for altered entries; 0: not known yet */
static bool guard_runs;

void observation_roots(struct keeper *keeper) {
	(void)keeper;
}

bool observation_running(const struct keeper *keeper) {
	(void)keeper;
	return guard_runs;
}

bool observation_culprit(
    struct keeper *keeper, const struct root *root, struct text path, bool replaced, struct culprit *ret_culprit) {
	(void)keeper, (void)root, (void)replaced;
	*ret_culprit = (struct culprit){0};
	for (size_t i = 0; i < ARRAY_LENGTH(culprits); i++)
		if (culprits[i].path[0] != '\0' && memmem(path.data, path.length, culprits[i].path, strlen(culprits[i].path)))
			*ret_culprit = culprits[i].culprit;
	return ret_culprit->at_us != 0;
}

void observation_let_go(struct culprit *culprit) {
	(void)culprit;
}

int observation_culprit_compare(const struct culprit *a, const struct culprit *b) {
	return a->pid < b->pid ? -1 : a->pid > b->pid;
}

int observation_culprit_put(struct keeper *keeper, const struct culprit *culprit, json_t *details) {
	(void)keeper;
	return culprit->at_us == 0 ? 0 : json_object_set_new(details, "process", json_pack("{s:i}", "pid", culprit->pid));
}

bool observation_who(struct keeper *keeper, const struct root *root, struct text path, json_t *details) {
	(void)keeper, (void)root, (void)path;
	return written_by != 0 && json_object_set_new(details, "process", json_pack("{s:i}", "pid", (int)written_by)) == 0;
}

int state_volume_get(struct state *state, const char *root, struct volume_row *ret_row) {
	(void)state, (void)root;
	if (!has_volume)
		return -ENOENT;
	*ret_row = volume;
	return 0;
}

int state_volume_put(struct state *state, const struct volume_row *row) {
	(void)state;
	volume = *row;
	has_volume = true;
	return 0;
}

int state_value_get(struct state *state, const char *key, char *value, size_t room) {
	(void)state, (void)key, (void)value, (void)room;
	return -ENOENT;
}

int state_value_put(struct state *state, const char *key, const char *value) {
	(void)state, (void)key, (void)value;
	return 0;
}

/* ---- the stage ---- */

struct stage {
	struct keeper keeper;
	struct settings settings;
	struct root_settings root_settings;
	struct layout *layout;
	char folder[64];
	int watcher_fd;
	struct channel *channel;
	int64_t base_us; /* an hour ago, on the hour */
};

static void on_message(struct channel *channel, struct message *message, void *context) {
	(void)channel, (void)message, (void)context;
}

static void on_end(struct channel *channel, int error, void *context) {
	(void)channel, (void)error, (void)context;
}

static const struct channel_handler handler = {.on_message = on_message, .on_end = on_end};

static void found(struct stage *stage, const char *uuid) {
	roots_found(
	    &stage->keeper, &(struct record_root_found){
	                        .uuid = text_of(uuid), .filesystem = text_of("ext4"), .root_inode = 2, .root_birth_ns = 5});
}

static struct stage *stage_new(const char *layout) {
	struct stage *stage = calloc(1, sizeof *stage);
	char path[200], message[500];
	assert_non_null(stage);
	(void)snprintf(path, sizeof path, "config/layouts/%s.conf", layout);
	assert_int_equal(layout_load(path, &stage->layout, message, sizeof message), 0);
	(void)snprintf(stage->folder, sizeof stage->folder, "/tmp/ingest_test.XXXXXX");
	assert_non_null(mkdtemp(stage->folder));
	static char name[] = "r", root_path[] = "/srv/footage", zone[] = "UTC";
	stage->root_settings = (struct root_settings){.name = name,
	    .path = root_path,
	    .layout = stage->layout,
	    .timezone = zone,
	    .mode = ROOT_ENFORCE,
	    .allow_system_volume = true};
	stage->settings = (struct settings){
	    .state_dir = stage->folder, .roots = &stage->root_settings, .root_count = 1, .fingerprint = FINGERPRINT_NEVER};
	struct keeper *keeper = &stage->keeper;
	keeper->settings = &stage->settings;
	keeper->base = event_base_new();
	keeper->mountinfo_fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	entry_count = 0;
	has_volume = false;
	wanted_media = 0;
	memset(culprits, 0, sizeof culprits);
	written_by = 0;
	guard_runs = false;
	expected_name[0] = '\0';
	bool fresh;
	assert_int_equal(index_open(stage->folder, &keeper->index, &fresh), 0);
	assert_int_equal(roots_open(keeper, &keeper->roots), 0);
	assert_int_equal(owed_open(keeper, &keeper->owed), 0);
	assert_int_equal(rebuild_open(keeper, fresh, false, &keeper->rebuild), 0);
	assert_int_equal(ingest_open(keeper, &keeper->ingest), 0);
	roots_begin(keeper);
	int ends[2];
	assert_int_equal(message_pair(ends), 0);
	stage->watcher_fd = ends[1];
	stage->channel = channel_new(keeper->base, ends[0], &handler, NULL);
	assert_non_null(stage->channel);
	roots_child(keeper, roots_get(keeper, 0)->group, PROCESS_WATCHER, stage->channel);
	stage->base_us = clock_wall_us() / (3600 * US_PER_SECOND) * (3600 * US_PER_SECOND) - 7200 * US_PER_SECOND;
	return stage;
}

static void stage_free(struct stage *stage) {
	struct keeper *keeper = &stage->keeper;
	keeper->ingest = ingest_close(keeper->ingest);
	keeper->rebuild = rebuild_close(keeper->rebuild);
	keeper->owed = owed_close(keeper->owed);
	keeper->roots = roots_close(keeper->roots);
	keeper->index = index_close(keeper->index);
	(void)channel_free(stage->channel);
	(void)close(stage->watcher_fd);
	(void)close(keeper->mountinfo_fd);
	event_base_free(keeper->base);
	char path[128];
	(void)snprintf(path, sizeof path, "%s/index.db", stage->folder);
	(void)unlink(path);
	(void)rmdir(stage->folder);
	(void)layout_free(stage->layout);
	for (size_t i = 0; i < entry_count; i++)
		json_decref(entries[i]);
	free(stage);
}

/* "…/04.10.mp4" of minute and second, closed 10 s later, long ago enough to be finished. */
static struct record_entry entry_of(const struct stage *stage, const char *name, uint64_t inode) {
	int minute = 0, second = 0;
	(void)sscanf(name, "%d.%d", &minute, &second);
	int64_t start = stage->base_us + (minute * 60 + second) * US_PER_SECOND;
	return (struct record_entry){.what = ENTRY_LISTED,
	    .type = ENTRY_FILE,
	    .name = text_of(name),
	    .inode = inode,
	    .bytes = 1000,
	    .mtime_ns = (start + 10 * US_PER_SECOND) * 1000,
	    .birth_ns = start * 1000 + (int64_t)inode,
	    .links = 1};
}

static const char *hour_folder(const struct stage *stage) {
	static char text[64];
	struct local_time local;
	zone_to_local(zone_shared("UTC"), stage->base_us, &local, NULL);
	(void)snprintf(text, sizeof text, "%04d-%02d-%02d/%02d/gate", local.year, local.month, local.day, local.hour);
	return text;
}

static void tell(
    struct stage *stage, enum message_type type, const char *folder, const struct record_entry *told, size_t count) {
	struct message_writer *out = malloc(sizeof *out);
	struct message *message = malloc(sizeof *message);
	message_begin(out, type);
	record_folder_put(&out->writer, &(struct record_folder){.path = text_of(folder)});
	for (size_t i = 0; i < count; i++)
		message_add_entry(out, &told[i]);
	out->bytes[2] = (uint8_t)out->items;
	out->bytes[3] = (uint8_t)(out->items >> 8);
	assert_true(message_check(out->bytes, out->writer.used, 0, message));
	if (type == MESSAGE_LISTING)
		ingest_listing(&stage->keeper, message);
	else
		ingest_changes(&stage->keeper, message);
	free(out);
	free(message);
}

static void list(struct stage *stage, const char *folder, const struct record_entry *told, size_t count) {
	if (count > 0)
		tell(stage, MESSAGE_LISTING, folder, told, count);
	ingest_folder_end(
	    &stage->keeper, &(struct record_folder_end){.path = text_of(folder), .mtime_ns = 1, .ctime_ns = 1});
}

static void scan_end(struct stage *stage) {
	ingest_scan_end(&stage->keeper, &(struct record_scan_end){0});
}

/* The wait for the other half of a rename is over. */
static void wait_over(struct stage *stage) {
	for (size_t i = 0; i < stage->keeper.ingest->gone_count; i++)
		stage->keeper.ingest->gone[i].due_us = 0;
	for (size_t i = 0; i < stage->keeper.ingest->altered_count; i++)
		stage->keeper.ingest->altered[i].due_us = 0;
	ingest_flush(&stage->keeper);
}

static size_t entries_of(enum audit_action action) {
	size_t count = 0;
	for (size_t i = 0; i < entry_count; i++)
		count += record_is(entries[i], action) ? 1 : 0;
	return count;
}

static int find(struct stage *stage, const char *folder, const char *name, struct segment_row *ret_row) {
	int64_t id = index_find_folder(stage->keeper.index, roots_get(&stage->keeper, 0)->id, text_of(folder));
	return id < 0 ? (int)id : index_find(stage->keeper.index, id, text_of(name), ret_row);
}

/* Three segments on a scanned root. */
static struct stage *with_three(void) {
	struct stage *stage = stage_new("frigate");
	found(stage, "uuid-1");
	struct record_entry told[] = {
	    entry_of(stage, "00.00.mp4", 1), entry_of(stage, "00.10.mp4", 2), entry_of(stage, "00.20.mp4", 3)};
	list(stage, hour_folder(stage), told, 3);
	scan_end(stage);
	return stage;
}

/* ---- tests ---- */

static void a_listing_is_indexed_and_sealed(void **state) {
	(void)state;
	struct stage *stage = with_three();
	struct segment_row row;
	assert_int_equal(find(stage, hour_folder(stage), "00.10.mp4", &row), 0);
	assert_int_equal(row.key.start_us, stage->base_us + 10 * US_PER_SECOND);
	assert_int_equal(row.state, SEGMENT_SEALED);
	assert_int_equal(row.source, START_FROM_PATH);
	assert_int_equal(row.file.inode, 2);
	assert_int_equal(roots_get(&stage->keeper, 0)->state, ROOT_ONLINE);
	stage->keeper.stopping = true;
	ingest_flush(&stage->keeper);
	assert_int_equal(entries_of(AUDIT_SEAL), 1);
	/* Listed again, nothing changes and nothing is told twice. */
	struct record_entry told[] = {
	    entry_of(stage, "00.00.mp4", 1), entry_of(stage, "00.10.mp4", 2), entry_of(stage, "00.20.mp4", 3)};
	list(stage, hour_folder(stage), told, 3);
	ingest_flush(&stage->keeper);
	assert_int_equal(entries_of(AUDIT_SEAL), 1);
	assert_int_equal(entries_of(AUDIT_MISSING), 0);
	stage_free(stage);
}

static int sum_segments(const struct erased_row *row, void *context) {
	assert_false(row->by_us);
	*(uint64_t *)context += row->segments;
	return 0;
}

static void what_vanished_is_missing_once(void **state) {
	(void)state;
	struct stage *stage = with_three();
	struct record_entry told[] = {entry_of(stage, "00.10.mp4", 2)};
	list(stage, hour_folder(stage), told, 1);
	wait_over(stage);
	list(stage, hour_folder(stage), told, 1);
	wait_over(stage);
	assert_int_equal(entries_of(AUDIT_MISSING), 1);
	struct segment_row row;
	assert_int_equal(find(stage, hour_folder(stage), "00.00.mp4", &row), -ENOENT);
	assert_int_equal(find(stage, hour_folder(stage), "00.10.mp4", &row), 0);
	uint64_t erased = 0;
	assert_int_equal(index_erased(stage->keeper.index, row.key.camera, 0, INT64_MAX, sum_segments, &erased), 0);
	assert_int_equal(erased, 2);
	/* The folder goes as a whole. */
	ingest_folder_end(&stage->keeper, &(struct record_folder_end){.path = text_of(hour_folder(stage)), .gone = 1});
	wait_over(stage);
	assert_int_equal(entries_of(AUDIT_MISSING), 2);
	assert_int_equal(
	    index_find_folder(stage->keeper.index, roots_get(&stage->keeper, 0)->id, text_of(hour_folder(stage))), -ENOENT);
	stage_free(stage);
}

static int64_t pid_in(const json_t *entry) {
	return json_integer_value(json_object_get(json_object_get(entry, "process"), "pid"));
}

static int64_t count_in(const json_t *entry) {
	return json_integer_value(json_object_get(json_object_get(entry, "segments"), "count"));
}

/* The first and the last were removed by one, the middle one by another: two entries, whose rows are all gone. */
static void different_culprits_never_share_an_entry(void **state) {
	(void)state;
	struct stage *stage = with_three();
	(void)snprintf(culprits[0].path, sizeof culprits[0].path, "%s", ".mp4");
	culprits[0].culprit = (struct culprit){.pid = 100, .at_us = 1};
	(void)snprintf(culprits[1].path, sizeof culprits[1].path, "%s", "00.10");
	culprits[1].culprit = (struct culprit){.pid = 200, .at_us = 1};
	list(stage, hour_folder(stage), NULL, 0);
	wait_over(stage);
	assert_int_equal(entries_of(AUDIT_MISSING), 2);
	int64_t by[2] = {0};
	for (size_t i = 0; i < entry_count; i++)
		if (record_is(entries[i], AUDIT_MISSING))
			by[pid_in(entries[i]) / 100 - 1] += count_in(entries[i]);
	assert_int_equal(by[0], 2);
	assert_int_equal(by[1], 1);
	uint64_t segments = 1;
	index_totals(stage->keeper.index, &segments);
	assert_int_equal(segments, 0);
	stage_free(stage);
}

/* Watcher was faster than guard: the entry waits a moment, and is there before the index is. */
static void an_altered_entry_waits_for_who_it_was(void **state) {
	(void)state;
	for (int commits = 0; commits < 2; commits++) {
		struct stage *stage = with_three();
		guard_runs = true;
		struct record_entry told = entry_of(stage, "00.10.mp4", 2);
		told.what = ENTRY_CHANGED;
		told.bytes = 999;
		tell(stage, MESSAGE_CHANGES, hour_folder(stage), &told, 1);
		assert_int_equal(entries_of(AUDIT_ALTERED), 0);
		written_by = 4711;
		if (commits == 0)
			wait_over(stage);
		else
			assert_int_equal(rebuild_commit(&stage->keeper), 0);
		assert_int_equal(entries_of(AUDIT_ALTERED), 1);
		for (size_t i = 0; i < entry_count; i++)
			if (record_is(entries[i], AUDIT_ALTERED))
				assert_int_equal(pid_in(entries[i]), 4711);
		wait_over(stage);
		assert_int_equal(entries_of(AUDIT_ALTERED), 1);
		stage_free(stage);
	}
}

static void what_we_delete_is_not_missing(void **state) {
	(void)state;
	struct stage *stage = with_three();
	(void)snprintf(expected_name, sizeof expected_name, "00.00.mp4");
	struct record_entry gone[] = {{.what = ENTRY_GONE, .name = text_of("00.00.mp4")}};
	tell(stage, MESSAGE_CHANGES, hour_folder(stage), gone, 1);
	wait_over(stage);
	assert_int_equal(entries_of(AUDIT_MISSING), 0);
	stage_free(stage);
}

static void a_failed_listing_proves_nothing(void **state) {
	(void)state;
	struct stage *stage = with_three();
	struct record_entry told[] = {entry_of(stage, "00.10.mp4", 2)};
	tell(stage, MESSAGE_LISTING, hour_folder(stage), told, 1);
	ingest_folder_end(&stage->keeper, &(struct record_folder_end){.path = text_of(hour_folder(stage)), .error = EIO});
	wait_over(stage);
	assert_int_equal(entries_of(AUDIT_MISSING), 0);
	stage_free(stage);
}

static void a_rename_moves_the_row(void **state) {
	(void)state;
	struct stage *stage = with_three();
	struct record_entry gone[] = {{.what = ENTRY_GONE, .name = text_of("00.00.mp4")}};
	tell(stage, MESSAGE_CHANGES, hour_folder(stage), gone, 1);
	struct record_entry arrived[] = {entry_of(stage, "00.00.mp4", 1)};
	arrived[0].what = ENTRY_ARRIVED;
	arrived[0].name = text_of("00.01.mp4");
	tell(stage, MESSAGE_CHANGES, hour_folder(stage), arrived, 1);
	wait_over(stage);
	struct segment_row row;
	assert_int_equal(entries_of(AUDIT_MISSING), 0);
	assert_int_equal(find(stage, hour_folder(stage), "00.00.mp4", &row), -ENOENT);
	assert_int_equal(find(stage, hour_folder(stage), "00.01.mp4", &row), 0);
	assert_int_equal(row.file.inode, 1);
	stage_free(stage);
}

static void altered_once_and_no_new_age(void **state) {
	(void)state;
	struct stage *stage = with_three();
	struct record_entry told = entry_of(stage, "00.00.mp4", 1);
	struct segment_row before, after;
	assert_int_equal(find(stage, hour_folder(stage), "00.00.mp4", &before), 0);
	for (int i = 1; i < 4; i++) {
		told.what = ENTRY_CHANGED;
		told.bytes += 10;
		told.mtime_ns += INT64_C(1000000000);
		tell(stage, MESSAGE_CHANGES, hour_folder(stage), &told, 1);
	}
	assert_int_equal(entries_of(AUDIT_ALTERED), 1);
	assert_int_equal(find(stage, hour_folder(stage), "00.00.mp4", &after), 0);
	assert_int_equal(after.state, SEGMENT_ALTERED);
	assert_int_equal(after.key.start_us, before.key.start_us);
	assert_int_equal(after.file.bytes, told.bytes);
	/* Another inode under the name is other footage. */
	told.inode = 99;
	told.birth_ns++;
	tell(stage, MESSAGE_CHANGES, hour_folder(stage), &told, 1);
	assert_int_equal(entries_of(AUDIT_MISSING), 1);
	assert_int_equal(find(stage, hour_folder(stage), "00.00.mp4", &after), 0);
	assert_int_equal(after.file.inode, 99);
	stage_free(stage);
}

static void open_until_it_is_closed(void **state) {
	(void)state;
	struct stage *stage = with_three();
	struct segment_row row;
	struct record_entry told = entry_of(stage, "00.30.mp4", 4);
	told.what = ENTRY_APPEARED;
	tell(stage, MESSAGE_CHANGES, hour_folder(stage), &told, 1);
	assert_int_equal(find(stage, hour_folder(stage), "00.30.mp4", &row), 0);
	assert_int_equal(row.state, SEGMENT_OPEN);
	told.what = ENTRY_CLOSED;
	told.bytes = 5000;
	tell(stage, MESSAGE_CHANGES, hour_folder(stage), &told, 1);
	assert_int_equal(find(stage, hour_folder(stage), "00.30.mp4", &row), 0);
	assert_int_equal(row.state, SEGMENT_SEALED);
	assert_int_equal(row.file.bytes, 5000);
	stage_free(stage);
}

static void only_files_are_footage(void **state) {
	(void)state;
	struct stage *stage = stage_new("frigate");
	found(stage, "uuid-1");
	struct record_entry told[] = {entry_of(stage, "00.00.mp4", 1), entry_of(stage, "00.10.mp4", 2),
	    entry_of(stage, "00.20.mp4", 3), entry_of(stage, "00.30.mp4", 4), entry_of(stage, "notes\n\xff.txt", 5)};
	told[0].type = ENTRY_LINK;
	told[1].type = ENTRY_OTHER;
	told[2].type = ENTRY_FOLDER;
	told[3].type = ENTRY_MOUNT;
	list(stage, hour_folder(stage), told, 5);
	scan_end(stage);
	uint64_t segments = 1;
	index_totals(stage->keeper.index, &segments);
	assert_int_equal(segments, 0);
	assert_int_equal(roots_get(&stage->keeper, 0)->foreign, 4);
	stage_free(stage);
}

static void sidecars_in_either_order(void **state) {
	(void)state;
	struct stage *stage = stage_new("motioneye");
	found(stage, "uuid-1");
	int64_t now = clock_wall_us();
	struct local_time local;
	zone_to_local(zone_shared("UTC"), now - 7200 * US_PER_SECOND, &local, NULL);
	char folder[64], names[4][32];
	(void)snprintf(folder, sizeof folder, "cam/%04d-%02d-%02d", local.year, local.month, local.day);
	struct record_entry told[4];
	for (int i = 0; i < 4; i++) {
		(void)snprintf(names[i], sizeof names[i], "%02d-%02d-0%d.mp4%s", local.hour, local.minute, i / 2,
		    i % 2 == 0 ? ".thumb" : "");
		told[i] = entry_of(stage, "0", (uint64_t)i + 1);
		told[i].mtime_ns = (now - 7000 * US_PER_SECOND) * 1000;
		told[i].name = text_of(names[i]);
	}
	list(stage, folder, told, 2);
	scan_end(stage);
	struct segment_row row;
	assert_int_equal(find(stage, folder, names[1], &row), 0);
	assert_true(row.grouped);
	told[2].what = told[3].what = ENTRY_CLOSED;
	tell(stage, MESSAGE_CHANGES, folder, told + 2, 2);
	assert_int_equal(find(stage, folder, names[3], &row), 0);
	assert_true(row.grouped);
	stage_free(stage);
}

static void another_disk_is_offline(void **state) {
	(void)state;
	struct stage *stage = with_three();
	struct root *root = roots_get(&stage->keeper, 0);
	roots_child(&stage->keeper, root->group, PROCESS_WATCHER, NULL);
	assert_int_equal(root->state, ROOT_STARTING);
	roots_child(&stage->keeper, root->group, PROCESS_WATCHER, stage->channel);
	found(stage, "uuid-2");
	assert_int_equal(root->state, ROOT_OFFLINE);
	assert_non_null(strstr(root->reason, "volume adopt r"));
	/* What its watcher tells is not believed. */
	list(stage, hour_folder(stage), NULL, 0);
	scan_end(stage);
	wait_over(stage);
	assert_int_equal(entries_of(AUDIT_MISSING), 0);
	assert_int_equal(entries_of(AUDIT_ROOT_OFFLINE), 1);
	assert_false(root_may_delete(root));
	/* Adopted: the old disk's footage is elsewhere, not missing. */
	assert_int_equal(roots_adopt(&stage->keeper, root, false), 0);
	list(stage, hour_folder(stage), NULL, 0);
	scan_end(stage);
	wait_over(stage);
	assert_int_equal(entries_of(AUDIT_MISSING), 0);
	assert_int_equal(root->state, ROOT_ONLINE);
	stage_free(stage);
}

static void a_crash_does_not_tell_twice(void **state) {
	(void)state;
	struct stage *stage = with_three();
	assert_int_equal(rebuild_commit(&stage->keeper), 0);
	/* The entry of a deletion is durable, the index was not committed since. */
	struct segment_row row;
	assert_int_equal(find(stage, hour_folder(stage), "00.10.mp4", &row), 0);
	struct audit_segment segment = {.start_us = row.key.start_us, .end_us = row.key.start_us + 1, .bytes = 1};
	assert_int_equal(record_append(&stage->keeper, AUDIT_DELETE, AUDIT_SUCCESS, NULL, NULL,
	                     json_pack("{s:s, s:s, s:o}", "camera", "r/gate", "rule", "retention", "segments",
	                         audit_segments(&segment, 1, true)),
	                     NULL),
	    0);
	stage->keeper.rebuild = rebuild_close(stage->keeper.rebuild);
	assert_int_equal(rebuild_open(&stage->keeper, false, true, &stage->keeper.rebuild), 0);
	assert_false(stage->keeper.index_rebuilding);
	assert_int_equal(find(stage, hour_folder(stage), "00.10.mp4", &row), -ENOENT);
	struct record_entry told[] = {entry_of(stage, "00.00.mp4", 1), entry_of(stage, "00.20.mp4", 3)};
	list(stage, hour_folder(stage), told, 2);
	wait_over(stage);
	assert_int_equal(entries_of(AUDIT_MISSING), 0);
	stage_free(stage);
}

/* Keeper is gone, with what it had in memory; what it wrote into the index since the last commit counts as committed.
 */
static void crash(struct stage *stage) {
	struct keeper *keeper = &stage->keeper;
	keeper->ingest = ingest_close(keeper->ingest);
	keeper->rebuild = rebuild_close(keeper->rebuild);
	keeper->owed = owed_close(keeper->owed);
	keeper->stopping = false;
	assert_int_equal(owed_open(keeper, &keeper->owed), 0);
	assert_int_equal(rebuild_open(keeper, false, true, &keeper->rebuild), 0);
	assert_int_equal(ingest_open(keeper, &keeper->ingest), 0);
}

static void scan_and_stop(struct stage *stage) {
	scan_end(stage);
	stage->keeper.stopping = true;
	ingest_flush(&stage->keeper);
}

static void closed(struct stage *stage, const char *name, uint64_t inode) {
	struct record_entry told = entry_of(stage, name, inode);
	told.what = ENTRY_CLOSED;
	tell(stage, MESSAGE_CHANGES, hour_folder(stage), &told, 1);
}

/* Of all entries with the action. */
static size_t segments_in(enum audit_action action) {
	size_t count = 0;
	for (size_t i = 0; i < entry_count; i++)
		if (record_is(entries[i], action))
			count += (size_t)json_integer_value(json_object_get(json_object_get(entries[i], "segments"), "count"));
	return count;
}

static void a_seal_that_a_crash_cut_off_comes_after_it_and_only_once(void **state) {
	(void)state;
	struct stage *stage = stage_new("frigate");
	/* In the hour that is not over. */
	int64_t minute_ago_us = clock_wall_us() - 60 * US_PER_SECOND, hour_us = 3600 * US_PER_SECOND;
	stage->base_us = minute_ago_us / hour_us * hour_us;
	int seconds = (int)((minute_ago_us - stage->base_us) / US_PER_SECOND);
	seconds = seconds > 3590 ? 3590 : seconds;
	char names[3][24];
	for (int i = 0; i < 3; i++)
		(void)snprintf(names[i], sizeof names[i], "%02d.%02d.mp4", (seconds + i) / 60, (seconds + i) % 60);
	found(stage, "uuid-1");
	scan_end(stage);
	closed(stage, names[0], 1);
	closed(stage, names[1], 2);
	assert_int_equal(rebuild_commit(&stage->keeper), 0);
	assert_int_equal(entries_of(AUDIT_SEAL), 0);

	crash(stage);
	crash(stage); /* before the scan was over */
	scan_and_stop(stage);
	assert_int_equal(entries_of(AUDIT_SEAL), 1);
	assert_int_equal(segments_in(AUDIT_SEAL), 2);

	/* The entry is durable, the index that knows of it is not. */
	crash(stage);
	scan_and_stop(stage);
	assert_int_equal(entries_of(AUDIT_SEAL), 1);

	/* The entry is durable, and the row itself was lost. */
	stage->keeper.stopping = false;
	closed(stage, names[2], 3);
	scan_and_stop(stage);
	assert_int_equal(entries_of(AUDIT_SEAL), 2);
	struct segment_row row;
	assert_int_equal(find(stage, hour_folder(stage), names[2], &row), 0);
	assert_int_equal(index_remove(stage->keeper.index, &row.key), 0);
	crash(stage);
	closed(stage, names[2], 3);
	assert_int_equal(find(stage, hour_folder(stage), names[2], &row), 0);
	scan_and_stop(stage);
	assert_int_equal(entries_of(AUDIT_SEAL), 2);
	stage_free(stage);
}

static void a_seal_that_is_owed_comes_before_what_says_that_it_is_missing(void **state) {
	(void)state;
	struct stage *stage = with_three();
	struct segment_row row;
	assert_int_equal(rebuild_commit(&stage->keeper), 0);
	assert_int_equal(segments_in(AUDIT_SEAL), 3);
	assert_int_equal(find(stage, hour_folder(stage), "00.10.mp4", &row), 0);
	assert_int_equal(index_owed_put(stage->keeper.index, &row.key, 1), 0);
	crash(stage);
	struct record_entry told[] = {entry_of(stage, "00.00.mp4", 1), entry_of(stage, "00.20.mp4", 3)};
	list(stage, hour_folder(stage), told, 2);
	wait_over(stage);
	assert_int_equal(entries_of(AUDIT_MISSING), 1);
	assert_int_equal(segments_in(AUDIT_SEAL), 4);
	assert_true(record_is(entries[entry_count - 2], AUDIT_SEAL));
	assert_true(record_is(entries[entry_count - 1], AUDIT_MISSING));
	stage_free(stage);
}

static void claims_widen_and_delay_only(void **state) {
	(void)state;
	struct stage *stage = with_three();
	struct segment_row row, after;
	assert_int_equal(find(stage, hour_folder(stage), "00.10.mp4", &row), 0);
	struct segment_key key = row.key;
	/* Old by its container: for holds it counts from there, for deletion nothing is hastened. */
	ingest_facts(&stage->keeper, &key,
	    &(struct record_facts){.result = PROBE_READ, .start_us = row.key.start_us - 10 * US_PER_DAY, .duration_us = 1});
	assert_int_equal(index_get(stage->keeper.index, &key, &after), 0);
	assert_int_equal(after.key.start_us, row.key.start_us);
	assert_true(after.earliest_us <= row.key.start_us - 10 * US_PER_DAY);
	assert_true(after.probed);
	/* Not shorter than what the next segment and mtime show. */
	assert_true(after.end_us >= row.file.mtime_ns / 1000 - 2 * US_PER_SECOND);
	ingest_facts(&stage->keeper, &key, &(struct record_facts){.result = PROBE_UNREADABLE});
	assert_int_equal(index_get(stage->keeper.index, &key, &after), 0);
	assert_int_equal(after.state, SEGMENT_UNREADABLE);
	assert_int_equal(after.key.start_us, row.key.start_us);
	stage_free(stage);
}

int main(void) {
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_listing_is_indexed_and_sealed),
	    cmocka_unit_test(what_vanished_is_missing_once),
	    cmocka_unit_test(what_we_delete_is_not_missing),
	    cmocka_unit_test(different_culprits_never_share_an_entry),
	    cmocka_unit_test(an_altered_entry_waits_for_who_it_was),
	    cmocka_unit_test(a_failed_listing_proves_nothing),
	    cmocka_unit_test(a_rename_moves_the_row),
	    cmocka_unit_test(altered_once_and_no_new_age),
	    cmocka_unit_test(open_until_it_is_closed),
	    cmocka_unit_test(only_files_are_footage),
	    cmocka_unit_test(sidecars_in_either_order),
	    cmocka_unit_test(another_disk_is_offline),
	    cmocka_unit_test(a_crash_does_not_tell_twice),
	    cmocka_unit_test(a_seal_that_a_crash_cut_off_comes_after_it_and_only_once),
	    cmocka_unit_test(a_seal_that_is_owed_comes_before_what_says_that_it_is_missing),
	    cmocka_unit_test(claims_widen_and_delay_only),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

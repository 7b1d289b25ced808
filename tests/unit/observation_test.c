/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What guard tells becomes entries. The test plays guard (messages encoded and checked as on the wire),
 * keeps time, and stands in for the log, the index and the rest of keeper.
 */
#include "daemon/keeper/observation.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "audit/entry.h"
#include "audit/writer.h"
#include "base/clock.h"
#include "base/zone.h"
#include "daemon/keeper/children.h"
#include "daemon/keeper/holds.h"
#include "daemon/keeper/index.h"
#include "daemon/keeper/keeper.h"
#include "daemon/keeper/observation_altered.h"
#include "daemon/keeper/observation_entry.h"
#include "daemon/keeper/observation_joined.h"
#include "daemon/keeper/observation_private.h"
#include "daemon/keeper/record.h"
#include "daemon/keeper/roots.h"
#include "daemon/keeper/state.h"
#include "ipc/channel.h"

#define SECOND INT64_C(1000000)
#define MINUTE (60 * SECOND)

/* ---- stand-ins ---- */

static int64_t wall_us, boot_us;
static json_t *entries[4096];
static size_t entry_count;
static bool writable;
static struct root the_root;
static struct hold_set held;
static char saved[8][2][96]; /* state_value_put() */
static bool guard_wanted;

int64_t clock_wall_us(void) {
	return wall_us;
}

int64_t clock_boot_us(void) {
	return boot_us;
}

int64_t clock_elapsed_us(void) {
	return boot_us;
}

static void pass(int64_t us) {
	wall_us += us;
	boot_us += us;
}

int record_append(struct keeper *keeper, enum audit_action action, enum audit_outcome outcome, const char *reason,
    const struct audit_actor *actor, json_t *details, uint64_t *ret_sequence) {
	(void)keeper, (void)actor, (void)ret_sequence;
	assert_true(entry_count < ARRAY_LENGTH(entries));
	if (!writable) {
		json_decref(details);
		return -ENOSPC;
	}
	/* As long as a real one is it must be taken. */
	struct audit_stamp stamp = {.sequence = entry_count};
	size_t length = 0;
	char *line = audit_entry_format(&stamp, action, outcome, reason, NULL, details, &length);
	assert_non_null(line);
	assert_true(length <= AUDIT_ENTRY_BYTES_MAX);
	json_decref(details);
	entries[entry_count] = json_loadb(line, length, 0, NULL);
	assert_non_null(entries[entry_count++]);
	free(line);
	return 0;
}

int record_durable(struct keeper *keeper) {
	(void)keeper;
	return writable ? 0 : -ENOSPC;
}

bool record_writable(const struct keeper *keeper) {
	(void)keeper;
	return writable;
}

size_t roots_count(const struct keeper *keeper) {
	return keeper->settings->root_count;
}

struct root *roots_get(struct keeper *keeper, size_t number) {
	return number < roots_count(keeper) ? &the_root : NULL;
}

struct root *roots_by_name(struct keeper *keeper, const char *name) {
	(void)keeper;
	return strcmp(name, the_root.settings->name) == 0 ? &the_root : NULL;
}

const struct hold_set *holds_for_camera(struct keeper *keeper, const char *root, const char *camera) {
	(void)keeper, (void)root;
	return strcmp(camera, "gate") == 0 ? &held : NULL;
}

void holds_naming(
    struct keeper *keeper, const char *root, const char *camera, struct span span, char *text, size_t room) {
	(void)keeper, (void)root, (void)camera, (void)span;
	(void)snprintf(text, room, "H-2026-0001, H-2026-0002");
}

int64_t index_find_folder(struct index *index, int64_t root, struct text path) {
	(void)index, (void)root, (void)path;
	return 7;
}

/* The index has every segment of ten seconds whose name gives its start, and knows where it ends. */
static int segment_of(int64_t start_us, struct segment_row *ret_row) {
	*ret_row = (struct segment_row){.key = {.camera = 3, .start_us = start_us}, .end_us = start_us + 10 * SECOND};
	return 0;
}

int index_find(struct index *index, int64_t folder, struct text name, struct segment_row *ret_row) {
	(void)index, (void)folder, (void)name, (void)ret_row;
	return -ENOENT;
}

int64_t index_camera(struct index *index, int64_t root, struct text name) {
	(void)index, (void)root, (void)name;
	return 3;
}

int index_before(struct index *index, int64_t camera, int64_t start_us, struct segment_row *ret_row) {
	(void)index, (void)camera;
	return segment_of(start_us - 1, ret_row);
}

int64_t index_next_start(struct index *index, int64_t camera, int64_t start_us, enum segment_kind kind) {
	(void)index, (void)camera, (void)start_us, (void)kind;
	return 0;
}

void children_want_guard(struct keeper *keeper, bool wanted) {
	(void)keeper;
	guard_wanted = wanted;
}

static char *saved_value(const char *key) {
	for (size_t i = 0; i < ARRAY_LENGTH(saved); i++)
		if (strcmp(saved[i][0], key) == 0)
			return saved[i][1];
	return NULL;
}

int state_value_get(struct state *state, const char *key, char *value, size_t room) {
	(void)state;
	const char *found = saved_value(key);
	return found != NULL && text_copy(value, room, text_of(found)) ? 0 : -ENOENT;
}

int state_value_put(struct state *state, const char *key, const char *value) {
	(void)state;
	char *place = saved_value(key);
	for (size_t i = 0; place == NULL && i < ARRAY_LENGTH(saved); i++)
		if (saved[i][0][0] == '\0') {
			(void)snprintf(saved[i][0], sizeof saved[i][0], "%s", key);
			place = saved[i][1];
		}
	assert_non_null(place);
	(void)snprintf(place, sizeof saved[0][1], "%s", value);
	return 0;
}

/* ---- the stage ---- */

struct stage {
	struct keeper keeper;
	struct settings settings;
	struct root_settings root_settings;
	struct layout *layout;
	struct channel *channel;
	int guard_fd;
};

static void on_message(struct channel *channel, struct message *message, void *context) {
	(void)channel, (void)message, (void)context;
}

static void on_end(struct channel *channel, int error, void *context) {
	(void)channel, (void)error, (void)context;
}

static const struct channel_handler handler = {.on_message = on_message, .on_end = on_end};

static void forget_entries(void) {
	for (size_t i = 0; i < entry_count; i++)
		json_decref(entries[i]);
	entry_count = 0;
}

static void guard_comes(struct stage *stage) {
	int ends[2];
	assert_int_equal(message_pair(ends), 0);
	stage->guard_fd = ends[1];
	stage->channel = channel_new(stage->keeper.base, ends[0], &handler, NULL);
	assert_non_null(stage->channel);
	observation_child(&stage->keeper, stage->channel);
}

static void guard_goes(struct stage *stage, int64_t alive_us) {
	stage->channel = channel_free(stage->channel);
	(void)close(stage->guard_fd);
	stage->guard_fd = -1;
	observation_child(&stage->keeper, NULL);
	observation_lost(&stage->keeper, alive_us);
}

/* Memory of the log and of state.db is the caller's: a stage may be a second start. */
static struct stage *stage_start(enum guard_mode mode, int64_t down_since_us) {
	struct stage *stage = calloc(1, sizeof *stage);
	char message[500];
	assert_non_null(stage);
	assert_int_equal(layout_load("config/layouts/frigate.conf", &stage->layout, message, sizeof message), 0);
	static char name[] = "cctv", path[] = "/srv/cctv", zone[] = "UTC";
	stage->root_settings =
	    (struct root_settings){.name = name, .path = path, .layout = stage->layout, .timezone = zone};
	stage->settings = (struct settings){.roots = &stage->root_settings, .root_count = 1, .guard = {.mode = mode}};
	stage->guard_fd = -1;
	the_root =
	    (struct root){.settings = &stage->root_settings, .zone = zone_shared("UTC"), .id = 1, .state = ROOT_ONLINE};
	struct keeper *keeper = &stage->keeper;
	keeper->settings = &stage->settings;
	keeper->down_since_us = down_since_us;
	keeper->down_until_us = wall_us;
	keeper->base = event_base_new();
	assert_int_equal(observation_open(keeper, &keeper->observation), 0);
	return stage;
}

static struct stage *stage_new(enum guard_mode mode) {
	guard_wanted = false;
	wall_us = INT64_C(1795500000) * SECOND;
	boot_us = 600 * SECOND;
	writable = true;
	memset(saved, 0, sizeof saved);
	hold_set_init(&held);
	forget_entries();
	return stage_start(mode, 0);
}

static void stage_end(struct stage *stage) {
	stage->keeper.stopping = true;
	stage->keeper.observation = observation_close(stage->keeper.observation);
	(void)channel_free(stage->channel);
	if (stage->guard_fd >= 0)
		(void)close(stage->guard_fd);
	event_base_free(stage->keeper.base);
	(void)layout_free(stage->layout);
	free(stage);
}

/* Without its last words: what kill -9 leaves. */
static void stage_crash(struct stage *stage) {
	char waiting[96];
	bool was_writable = writable;
	(void)snprintf(waiting, sizeof waiting, "%s", saved_value("opens_waiting"));
	writable = false;
	stage_end(stage);
	writable = was_writable;
	(void)!state_value_put(NULL, "opens_waiting", waiting);
}

static void stage_free(struct stage *stage) {
	stage_end(stage);
	hold_set_release(&held);
	forget_entries();
}

static void deliver(struct stage *stage, struct message_writer *out) {
	struct message *message = malloc(sizeof *message);
	assert_non_null(message);
	out->bytes[2] = (uint8_t)out->items;
	out->bytes[3] = (uint8_t)(out->items >> 8);
	assert_true(message_check(out->bytes, out->writer.used, 0, message));
	observation_message(&stage->keeper, message);
	free(message);
	free(out);
}

static struct message_writer *letter(enum message_type type) {
	struct message_writer *out = malloc(sizeof *out);
	assert_non_null(out);
	message_begin(out, type);
	return out;
}

static struct record_accessor somebody(uint32_t number, uint32_t pid) {
	return (struct record_accessor){.accessor = number,
	    .pid = pid,
	    .start_us = wall_us - 5 * SECOND,
	    .reliable = 1,
	    .real_user = 1000,
	    .effective_user = 1001,
	    .filesystem_user = 1001,
	    .login_user = 1000,
	    .group = 100,
	    .groups = text_of("100 44"),
	    .session = 3,
	    .executable = text_of("/usr/bin/ffmpeg"),
	    .executable_device = 65026,
	    .executable_inode = 12345,
	    .command = text_of("ffmpeg"),
	    .arguments = {.data = "ffmpeg\0-i\0x.mp4", .length = 15},
	    .arguments_bytes = 16,
	    .cgroup = text_of("/user.slice/user-1000.slice/session-3.scope"),
	    .unit = text_of("session-3.scope"),
	    .terminal = text_of("pts/3"),
	    .mount_namespace = 4026531841};
}

static void tell_accessor(struct stage *stage, const struct record_accessor *record) {
	struct message_writer *out = letter(MESSAGE_ACCESSOR);
	record_accessor_put(&out->writer, record);
	message_add_ancestor(out, &(struct record_ancestor){.pid = 900,
	                              .real_user = 1000,
	                              .start_us = wall_us - 100 * SECOND,
	                              .command = text_of("bash"),
	                              .executable = text_of("/bin/bash")});
	message_add_ancestor(out, &(struct record_ancestor){.pid = 800,
	                              .real_user = 0,
	                              .start_us = wall_us - 200 * SECOND,
	                              .command = text_of("sshd"),
	                              .executable = text_of("/usr/sbin/sshd")});
	deliver(stage, out);
}

static void access_at(struct stage *stage, const struct record_access *access) {
	struct message_writer *out = letter(MESSAGE_ACCESSES);
	message_add_access(out, access);
	deliver(stage, out);
}

/* Segment n of ten seconds of a camera, from 08:00 of a day; opened once, now. */
static struct record_access segment(uint32_t accessor, const char *camera, unsigned n, char *path, size_t room) {
	unsigned seconds = 8 * 3600 + 10 * n;
	(void)snprintf(
	    path, room, "2026-11-20/%02u/%s/%02u.%02u.mp4", seconds / 3600, camera, seconds / 60 % 60, seconds % 60);
	return (struct record_access){.accessor = accessor,
	    .what = ACCESS_OPENED,
	    .count = 1,
	    .first_us = wall_us,
	    .last_us = wall_us,
	    .inode = 5000 + n,
	    .bytes = 1000,
	    .path = text_of(path)};
}

static void open_segment(struct stage *stage, uint32_t accessor, const char *camera, unsigned n, uint8_t what) {
	char path[100];
	struct record_access access = segment(accessor, camera, n, path, sizeof path);
	access.what = what;
	access_at(stage, &access);
}

static void cover(struct stage *stage, uint8_t level, int64_t since_us) {
	struct message_writer *out = letter(MESSAGE_GUARD_COVERAGE);
	record_guard_coverage_put(
	    &out->writer, &(struct record_guard_coverage){.since_us = since_us,
	                      .level = level,
	                      .by = level == GUARD_LEVEL_NONE ? GUARD_MARK_NONE : GUARD_MARK_FILESYSTEM,
	                      .pidfd = 1,
	                      .alterations = 1,
	                      .reason = text_of(level == GUARD_LEVEL_PERMISSION ? "" : "the kernel has no better")});
	deliver(stage, out);
}

static void alter(struct stage *stage, uint32_t accessor, uint8_t what, const char *path) {
	struct message_writer *out = letter(MESSAGE_ALTERATIONS);
	message_add_alteration(
	    out, &(struct record_alteration){
	             .accessor = accessor, .pid = 4711, .what = what, .at_us = wall_us, .path = text_of(path)});
	deliver(stage, out);
}

/* The timer of the loop, which the test's clock does not move. */
static void tick(struct stage *stage) {
	event_active(stage->keeper.observation->timer, EV_TIMEOUT, 0);
	(void)event_base_loop(stage->keeper.base, EVLOOP_NONBLOCK);
}

/* ---- reading entries ---- */

static const json_t *at(const json_t *object, const char *path) {
	char copy[128], *rest = copy;
	(void)snprintf(copy, sizeof copy, "%s", path);
	while (object != NULL && rest != NULL && *rest != '\0') {
		char *key = strsep(&rest, "/");
		object = json_is_array(object) ? json_array_get(object, (size_t)strtoul(key, NULL, 10))
		                               : json_object_get(object, key);
	}
	return object;
}

static const char *text_at(const json_t *entry, const char *path) {
	const char *text = json_string_value(at(entry, path));
	return text == NULL ? "" : text;
}

static int64_t number_at(const json_t *entry, const char *path) {
	return json_integer_value(at(entry, path));
}

static const json_t *entry_of(const char *action, size_t number) {
	for (size_t i = 0; i < entry_count; i++)
		if (strcmp(text_at(entries[i], "event/action"), action) == 0 && number-- == 0)
			return entries[i];
	return NULL;
}

static bool is_action(const json_t *entry, const char *action) {
	return strcmp(text_at(entry, "event/action"), action) == 0;
}

static size_t entries_of(const char *action) {
	size_t count = 0;
	for (size_t i = 0; i < entry_count; i++)
		count += is_action(entries[i], action);
	return count;
}

static int64_t opens_told(const char *action) {
	int64_t sum = 0;
	for (size_t i = 0; i < entry_count; i++)
		sum += is_action(entries[i], action) ? number_at(entries[i], "recorder/count") : 0;
	return sum;
}

/* ---- opens ---- */

static struct stage *watching(enum guard_mode mode) {
	struct stage *stage = stage_new(mode);
	guard_comes(stage);
	cover(stage, GUARD_LEVEL_PERMISSION, wall_us);
	struct record_accessor record = somebody(1, 4711);
	tell_accessor(stage, &record);
	return stage;
}

static void the_first_open_is_an_entry_at_once(void **state) {
	(void)state;
	struct stage *stage = watching(GUARD_ATTRIBUTE);
	open_segment(stage, 1, "gate", 0, ACCESS_OPENED);
	const json_t *entry = entry_of("open", 0);
	assert_non_null(entry);
	assert_string_equal(text_at(entry, "camera"), "cctv/gate");
	assert_string_equal(text_at(entry, "file/path"), "2026-11-20/08/gate/00.00.mp4");
	assert_string_equal(text_at(entry, "file/inode"), "5000");
	assert_int_equal(number_at(entry, "file/size"), 1000);
	assert_string_equal(text_at(entry, "footage/from"), "2026-11-20T08:00:00Z");
	assert_string_equal(text_at(entry, "footage/to"), "2026-11-20T08:00:10Z");
	assert_int_equal(number_at(entry, "recorder/count"), 1);
	assert_string_equal(text_at(entry, "recorder/level"), "permission");
	assert_true(json_is_true(at(entry, "recorder/reliable")));
	assert_string_equal(text_at(entry, "user/id"), "1001");
	assert_string_equal(text_at(entry, "user/effective/id"), "1001");
	assert_int_equal(number_at(entry, "process/pid"), 4711);
	assert_string_equal(text_at(entry, "process/executable"), "/usr/bin/ffmpeg");
	assert_string_equal(text_at(entry, "process/name"), "ffmpeg");
	assert_string_equal(text_at(entry, "process/command_line"), "ffmpeg -i x.mp4");
	assert_string_equal(text_at(entry, "process/claims/1"), "command_line");
	assert_string_equal(text_at(entry, "process/real_user/id"), "1000");
	assert_int_equal(number_at(entry, "process/parents/1/pid"), 800);
	assert_string_equal(text_at(entry, "process/parents/0/executable"), "/bin/bash");
	assert_string_equal(text_at(entry, "actor/login_uid"), "1000");
	assert_string_equal(text_at(entry, "actor/session_id"), "3");
	assert_string_equal(text_at(entry, "actor/tty"), "pts/3");
	assert_string_equal(text_at(entry, "actor/unit"), "session-3.scope");
	assert_string_equal(text_at(entry, "actor/mount_namespace"), "4026531841");
	assert_string_equal(text_at(entry, "actor/part"), "other");
	assert_null(at(entry, "source"));
	assert_null(at(entry, "held"));
	stage_free(stage);
}

/* `gap_us` between opens: as fast as can be, or in real time. */
static void playback(int64_t gap_us) {
	struct stage *stage = watching(GUARD_ATTRIBUTE);
	for (unsigned n = 0; n < 360; n++) {
		open_segment(stage, 1, "gate", n, ACCESS_OPENED);
		pass(gap_us);
		tick(stage);
	}
	for (int i = 0; i < 7; i++) {
		pass(10 * SECOND);
		tick(stage);
	}
	assert_in_range(entries_of("open"), 2, 3);
	assert_int_equal(opens_told("open"), 360);
	const json_t *last = entry_of("open", entries_of("open") - 1);
	assert_string_equal(text_at(last, "footage/to"), "2026-11-20T09:00:00Z");
	assert_true(json_is_true(at(last, "recorder/joined")));
	int64_t files = 0, bytes = 0;
	for (size_t i = 0; i < entries_of("open"); i++) {
		files += number_at(entry_of("open", i), "recorder/files");
		bytes += number_at(entry_of("open", i), "recorder/bytes");
	}
	assert_int_equal(files, 360);
	assert_int_equal(bytes, 360000);
	stage_free(stage);
}

static void an_hour_played_at_once_makes_at_most_three_entries(void **state) {
	(void)state;
	playback(20000);
}

static void an_hour_played_in_an_hour_makes_at_most_three_entries(void **state) {
	(void)state;
	playback(10 * SECOND);
}

static void the_same_file_again_is_one_file(void **state) {
	(void)state;
	struct stage *stage = watching(GUARD_ATTRIBUTE);
	for (int i = 0; i < 11; i++)
		open_segment(stage, 1, "gate", 4, ACCESS_OPENED);
	pass(MINUTE);
	tick(stage);
	assert_int_equal(entries_of("open"), 2);
	assert_int_equal(number_at(entry_of("open", 1), "recorder/count"), 10);
	assert_int_equal(number_at(entry_of("open", 1), "recorder/files"), 1);
	assert_int_equal(number_at(entry_of("open", 1), "recorder/bytes"), 1000);
	stage_free(stage);
}

static void what_differs_is_never_joined(void **state) {
	(void)state;
	struct stage *stage = watching(GUARD_ATTRIBUTE);
	open_segment(stage, 1, "gate", 0, ACCESS_OPENED);
	open_segment(stage, 1, "yard", 0, ACCESS_OPENED); /* camera */
	open_segment(stage, 1, "gate", 0, ACCESS_DENIED); /* outcome */
	open_segment(stage, 1, "gate", 0, ACCESS_FOUND_OPEN);
	struct record_accessor record = somebody(1, 4711);
	record.effective_user = 0; /* the same number is told again: another user */
	tell_accessor(stage, &record);
	open_segment(stage, 1, "gate", 0, ACCESS_OPENED);
	record.effective_user = 1001;
	record.executable = text_of("/usr/bin/cp"); /* exec */
	tell_accessor(stage, &record);
	open_segment(stage, 1, "gate", 0, ACCESS_OPENED);
	record.remote_address = text_of("192.0.2.7");
	record.remote_port = 445;
	record.protocol = text_of("smb");
	tell_accessor(stage, &record);
	open_segment(stage, 1, "gate", 0, ACCESS_OPENED);
	assert_int_equal(entries_of("open"), 5);
	assert_int_equal(entries_of("open-denied"), 1);
	assert_string_equal(text_at(entry_of("open-denied", 0), "event/outcome"), "failure");
	assert_int_equal(entries_of("open-before-watch"), 1);
	assert_string_equal(text_at(entry_of("open", 4), "source/ip"), "192.0.2.7");
	assert_int_equal(number_at(entry_of("open", 4), "source/port"), 445);
	assert_string_equal(text_at(entry_of("open", 4), "network/protocol"), "smb");
	/* The first one's row is still there: who it was by has not changed with the number. */
	struct record_accessor first = somebody(9, 4711);
	first.start_us = record.start_us;
	first.command = text_of("renamed"); /* a name of its own choice makes nobody new */
	tell_accessor(stage, &first);
	open_segment(stage, 9, "gate", 1, ACCESS_OPENED);
	assert_int_equal(entries_of("open"), 5);
	pass(MINUTE);
	tick(stage);
	assert_int_equal(entries_of("open"), 6);
	assert_int_equal(opens_told("open"), 6);
	stage_free(stage);
}

static void a_recorder_is_one_entry_an_hour_a_camera(void **state) {
	(void)state;
	struct stage *stage = stage_new(GUARD_ATTRIBUTE);
	guard_comes(stage);
	for (uint32_t i = 0; i < 60; i++) {
		struct record_accessor record = somebody(i + 1, 5000 + i); /* a process for each minute */
		record.part = ACCESSOR_RECORDER;
		tell_accessor(stage, &record);
		open_segment(stage, i + 1, "gate", i, ACCESS_OPENED);
		open_segment(stage, i + 1, "yard", i, ACCESS_OPENED);
		pass(30 * SECOND);
		tick(stage);
	}
	assert_int_equal(entries_of("open"), 0);
	pass(60 * MINUTE);
	tick(stage);
	assert_int_equal(entries_of("open"), 2);
	assert_int_equal(number_at(entry_of("open", 0), "recorder/count"), 60);
	assert_string_equal(text_at(entry_of("open", 0), "actor/part"), "recorder");
	/* One that serves somebody over the network acts for that one. */
	struct record_accessor serving = somebody(100, 6000);
	serving.part = ACCESSOR_RECORDER;
	serving.protocol = text_of("http");
	serving.remote_address = text_of("2001:db8::7");
	tell_accessor(stage, &serving);
	open_segment(stage, 100, "gate", 70, ACCESS_OPENED);
	assert_int_equal(entries_of("open"), 3);
	/* A stop writes what waits. */
	open_segment(stage, 1, "gate", 71, ACCESS_OPENED);
	assert_int_equal(entries_of("open"), 3);
	stage->keeper.observation = observation_close(stage->keeper.observation);
	assert_int_equal(entries_of("open"), 4);
	stage->keeper.observation = NULL;
	assert_int_equal(observation_open(&stage->keeper, &stage->keeper.observation), 0);
	stage_free(stage);
}

static void a_full_table_writes_out_the_oldest(void **state) {
	(void)state;
	struct stage *stage = watching(GUARD_ATTRIBUTE);
	for (uint32_t i = 0; i < JOINED_ROWS_MAX + 100; i++) {
		struct record_accessor record = somebody(i + 10, 10000 + i);
		tell_accessor(stage, &record);
		open_segment(stage, i + 10, "gate", 0, ACCESS_OPENED);
		open_segment(stage, i + 10, "gate", 1, ACCESS_OPENED);
		pass(1000);
	}
	assert_int_equal(entries_of("open"), JOINED_ROWS_MAX + 200);
	pass(MINUTE);
	tick(stage);
	assert_int_equal(opens_told("open"), 2 * (JOINED_ROWS_MAX + 100));
	stage_free(stage);
}

static void a_log_that_cannot_be_written_loses_no_count(void **state) {
	(void)state;
	struct stage *stage = watching(GUARD_BLOCK);
	size_t before = entry_count;
	writable = false;
	observation_log_writable(&stage->keeper, false);
	for (uint32_t i = 0; i < JOINED_ROWS_MAX + 7; i++) {
		struct record_accessor record = somebody(i + 10, 10000 + i);
		tell_accessor(stage, &record);
		open_segment(stage, i + 10, "gate", 0, ACCESS_OPENED);
		pass(1000);
	}
	assert_int_equal(entry_count, before);
	writable = true;
	observation_log_writable(&stage->keeper, true);
	pass(2 * MINUTE);
	tick(stage);
	tick(stage);
	pass(2 * MINUTE);
	tick(stage);
	int64_t lost = number_at(entry_of("gap", 0), "gap/lost");
	assert_int_equal(lost, 7);
	assert_int_equal(opens_told("open") + lost, JOINED_ROWS_MAX + 7);
	/* Guard was told both: nothing is opened, then it may be again. */
	unsigned rules = 0, refused = 0;
	struct message *message = malloc(sizeof *message);
	(void)event_base_loop(stage->keeper.base, EVLOOP_NONBLOCK);
	while (message_receive_wait(stage->guard_fd, message, 0) > 0) {
		struct record_guard_rule rule;
		if (message->type != MESSAGE_GUARD_RULE || !record_guard_rule_get(&message->reader, &rule))
			continue;
		rules++;
		refused += rule.refuse_all;
	}
	free(message);
	assert_int_equal(rules, 2);
	assert_int_equal(refused, 1);
	stage_free(stage);
}

static void foreign_paths_and_unknown_openers_are_entries_too(void **state) {
	(void)state;
	struct stage *stage = watching(GUARD_ATTRIBUTE);
	struct record_access access = {.accessor = 1, .count = 1, .first_us = wall_us, .last_us = wall_us, .inode = 9};
	access.path = text_of("notes/\xff\xfe.txt");
	access_at(stage, &access);
	assert_string_equal(text_at(entry_of("open", 0), "camera"), "");
	assert_string_equal(text_at(entry_of("open", 0), "root"), "cctv");
	assert_true(json_is_true(at(entry_of("open", 0), "file/foreign")));
	assert_string_equal(text_at(entry_of("open", 0), "file/path_b64"), "bm90ZXMv//4udHh0");
	access.path = TEXT_NULL; /* could not be told */
	access.accessor = 77;    /* nor who */
	access_at(stage, &access);
	assert_null(at(entry_of("open", 1), "file/foreign"));
	assert_false(json_is_true(at(entry_of("open", 1), "recorder/reliable")));
	assert_null(at(entry_of("open", 1), "user"));
	assert_int_equal(opens_told("open"), 2);
	stage_free(stage);
}

static void held_footage_is_said_to_be(void **state) {
	(void)state;
	struct stage *stage = watching(GUARD_ATTRIBUTE);
	char path[100];
	struct record_access access = segment(1, "gate", 1, path, sizeof path);
	int64_t start = INT64_C(1795161610) * SECOND; /* 2026-11-20T08:00:10Z */
	struct span span = {.from_us = start, .to_us = start + 30 * SECOND};
	assert_int_equal(hold_set_add(&held, span), 0);
	hold_set_merge(&held);
	open_segment(stage, 1, "gate", 90, ACCESS_OPENED);
	assert_null(at(entry_of("open", 0), "held"));
	access_at(stage, &access);
	pass(MINUTE);
	tick(stage);
	assert_true(json_is_true(at(entry_of("open", 1), "held")));
	assert_string_equal(text_at(entry_of("open", 1), "holds/0"), "H-2026-0001");
	assert_string_equal(text_at(entry_of("open", 1), "holds/1"), "H-2026-0002");
	stage_free(stage);
}

static void the_longest_of_everything_fits(void **state) {
	(void)state;
	struct stage *stage = watching(GUARD_ATTRIBUTE);
	static char bad[4096], folder[4096];
	for (int fill = 0; fill < 2; fill++) {
		memset(bad, fill == 0 ? '\x01' : '\xff', sizeof bad); /* six bytes each in JSON, or three and base64 */
		struct record_accessor record = somebody(2 + (uint32_t)fill, 4712 + (uint32_t)fill);
		record.executable = (struct text){bad, 4095};
		record.groups = record.cgroup = (struct text){bad, 512};
		record.unit = (struct text){bad, 256};
		record.arguments = (struct text){bad, 1024};
		record.arguments_bytes = 100000;
		record.command = (struct text){bad, 64};
		record.terminal = (struct text){bad, 32};
		record.protocol = (struct text){bad, 16};
		record.remote_address = (struct text){bad, 64};
		struct message_writer *out = letter(MESSAGE_ACCESSOR);
		record_accessor_put(&out->writer, &record);
		for (int i = 0; i < 10; i++)
			message_add_ancestor(
			    out, &(struct record_ancestor){
			             .pid = 7, .command = (struct text){bad, 64}, .executable = (struct text){bad, 4095}});
		deliver(stage, out);
		struct record_access access = {
		    .accessor = record.accessor, .count = 1, .first_us = wall_us, .last_us = wall_us};
		access.path = (struct text){bad, 4095};
		access_at(stage, &access);
		const json_t *entry = entry_of("open", (size_t)fill);
		assert_non_null(entry);
		assert_int_equal(number_at(entry, "file/path_bytes"), 4095);
		assert_int_equal(strlen(text_at(entry, "file/path_sha256")), 64);
		assert_int_equal(number_at(entry, "process/parents_count"), 10);
	}
	/* Text is cut between characters. */
	memset(folder, 'x', 1023);
	(void)snprintf(folder + 1023, sizeof folder - 1023, "\xc3\xa9\xc3\xa9");
	struct record_access access = {.accessor = 1, .count = 1, .first_us = wall_us, .last_us = wall_us};
	access.path = text_of(folder);
	access_at(stage, &access);
	assert_int_equal(strlen(text_at(entry_of("open", 2), "file/path")), 1023);
	assert_null(at(entry_of("open", 2), "file/path_b64"));
	stage_free(stage);
}

/* ---- coverage and gaps ---- */

static void coverage_is_entered_when_it_changes(void **state) {
	(void)state;
	struct stage *stage = stage_new(GUARD_ATTRIBUTE);
	guard_comes(stage);
	assert_true(guard_wanted);
	cover(stage, GUARD_LEVEL_PERMISSION, wall_us);
	int64_t since_us = wall_us;
	pass(SECOND);
	cover(stage, GUARD_LEVEL_PERMISSION, wall_us); /* more folders, say */
	assert_int_equal(entries_of("watch-coverage"), 1);
	pass(SECOND);
	cover(stage, GUARD_LEVEL_NOTIFICATION, wall_us);
	assert_int_equal(entries_of("watch-coverage"), 2);
	const json_t *entry = entry_of("watch-coverage", 1);
	assert_string_equal(text_at(entry, "root"), "cctv");
	assert_string_equal(text_at(entry, "watch/from/level"), "permission");
	assert_int_equal(number_at(entry, "watch/from/since_us"), since_us);
	assert_string_equal(text_at(entry, "watch/to/level"), "notification");
	assert_int_equal(number_at(entry, "watch/to/since_us"), wall_us);
	assert_string_equal(text_at(entry, "event/reason"), "the kernel has no better");
	the_root.state = ROOT_OFFLINE;
	observation_roots(&stage->keeper);
	assert_string_equal(text_at(entry_of("watch-coverage", 2), "watch/to/level"), "none");
	assert_int_equal(entries_of("gap"), 0);
	stage_free(stage);
}

static void a_guard_that_is_off_is_said_to_be(void **state) {
	(void)state;
	struct stage *stage = stage_new(GUARD_OFF);
	assert_false(guard_wanted);
	assert_int_equal(entries_of("watch-coverage"), 1);
	assert_string_equal(text_at(entry_of("watch-coverage", 0), "watch/to/level"), "none");
	assert_string_equal(text_at(entry_of("watch-coverage", 0), "event/reason"), "guard.mode is off");
	stage_free(stage);
}

static void a_guard_that_is_killed_leaves_a_gap_with_exact_bounds(void **state) {
	(void)state;
	struct stage *stage = watching(GUARD_ATTRIBUTE);
	pass(100 * SECOND);
	int64_t alive_us = wall_us - 300000;
	guard_goes(stage, alive_us);
	assert_int_equal(entries_of("gap"), 0);
	pass(SECOND);
	guard_comes(stage);
	pass(SECOND);
	cover(stage, GUARD_LEVEL_PERMISSION, wall_us);
	assert_int_equal(entries_of("gap"), 1);
	const json_t *gap = entry_of("gap", 0);
	assert_string_equal(text_at(gap, "gap/of"), "opens");
	assert_int_equal(number_at(gap, "gap/from_us"), alive_us);
	assert_int_equal(number_at(gap, "gap/to_us"), wall_us);
	assert_int_equal(entries_of("watch-coverage"), 1); /* it is as it was, and the gap says the rest */
	stage_free(stage);
}

static void a_guard_that_does_not_come_back_is_said_and_completed(void **state) {
	(void)state;
	struct stage *stage = watching(GUARD_ATTRIBUTE);
	int64_t alive_us = wall_us;
	pass(SECOND);
	guard_goes(stage, alive_us);
	pass(11 * SECOND);
	tick(stage);
	assert_int_equal(entries_of("gap"), 1);
	assert_null(at(entry_of("gap", 0), "gap/to_us"));
	assert_string_equal(text_at(entry_of("watch-coverage", 1), "watch/to/level"), "none");
	assert_int_equal(number_at(entry_of("watch-coverage", 1), "watch/to/since_us"), alive_us);
	struct observation_totals totals;
	observation_totals(&stage->keeper, &totals);
	assert_int_equal(totals.lost_since_us, alive_us);
	pass(50 * SECOND);
	guard_comes(stage);
	cover(stage, GUARD_LEVEL_PERMISSION, wall_us);
	assert_int_equal(entries_of("gap"), 2);
	assert_int_equal(number_at(entry_of("gap", 1), "gap/from_us"), alive_us);
	assert_int_equal(number_at(entry_of("gap", 1), "gap/to_us"), wall_us);
	assert_string_equal(text_at(entry_of("watch-coverage", 2), "watch/to/level"), "permission");
	stage_free(stage);
}

static void a_stop_leaves_no_gap_unsaid(void **state) {
	(void)state;
	struct stage *stage = watching(GUARD_ATTRIBUTE);
	guard_goes(stage, wall_us);
	pass(SECOND);
	stage->keeper.observation = observation_close(stage->keeper.observation);
	assert_int_equal(entries_of("gap"), 1);
	assert_null(at(entry_of("gap", 0), "gap/to_us"));
	stage_free(stage);
}

static void a_new_start_is_one_gap_up_to_the_marks(void **state) {
	(void)state;
	struct stage *stage = watching(GUARD_ATTRIBUTE);
	stage_end(stage);
	int64_t down_us = wall_us;
	pass(500 * SECOND);
	int64_t up_us = wall_us;
	stage = stage_start(GUARD_ATTRIBUTE, down_us);
	assert_int_equal(entries_of("gap"), 0);
	pass(SECOND);
	guard_comes(stage);
	pass(SECOND);
	cover(stage, GUARD_LEVEL_PERMISSION, wall_us);
	assert_int_equal(entries_of("gap"), 1);
	const json_t *gap = entry_of("gap", 0);
	assert_string_equal(text_at(gap, "event/reason"), "retentiond did not run");
	assert_int_equal(number_at(gap, "gap/from_us"), down_us);
	assert_int_equal(number_at(gap, "gap/to_us"), up_us);
	assert_int_equal(number_at(gap, "opens/from_us"), down_us);
	assert_int_equal(number_at(gap, "opens/to_us"), wall_us);
	stage_free(stage);
}

static void what_a_crash_lost_of_joined_opens_is_in_the_gap(void **state) {
	(void)state;
	struct stage *stage = watching(GUARD_ATTRIBUTE);
	open_segment(stage, 1, "gate", 0, ACCESS_OPENED);
	pass(SECOND);
	int64_t second_us = wall_us;
	for (unsigned n = 1; n < 12; n++) { /* joined, and from the second minute on not written for long */
		open_segment(stage, 1, "gate", n, ACCESS_OPENED);
		pass(15 * SECOND);
		tick(stage);
	}
	assert_int_equal(entries_of("open"), 2);
	int64_t written = opens_told("open");
	int64_t down_us = wall_us;
	stage_crash(stage);
	pass(20 * SECOND);
	stage = stage_start(GUARD_ATTRIBUTE, down_us);
	guard_comes(stage);
	cover(stage, GUARD_LEVEL_PERMISSION, wall_us);
	assert_int_equal(opens_told("open"), written);
	const json_t *gap = entry_of("gap", 0);
	assert_int_equal(number_at(gap, "gap/from_us"), down_us);
	/* From the first open that no entry has: the third minute's. */
	assert_in_range(number_at(gap, "opens/from_us"), second_us, second_us + 75 * SECOND);
	stage_free(stage);
}

/* A start that crashes before its gap could be written: the next one says both. */
static void a_gap_survives_a_crash_before_it_is_written(void **state) {
	(void)state;
	struct stage *stage = watching(GUARD_ATTRIBUTE);
	stage_end(stage);
	int64_t down_us = wall_us;
	pass(500 * SECOND);
	stage = stage_start(GUARD_ATTRIBUTE, down_us);
	pass(SECOND);
	stage_crash(stage);
	pass(SECOND);
	stage = stage_start(GUARD_ATTRIBUTE, wall_us - SECOND);
	pass(11 * SECOND);
	tick(stage); /* no guard came */
	assert_int_equal(entries_of("gap"), 1);
	assert_int_equal(number_at(entry_of("gap", 0), "gap/from_us"), down_us);
	assert_null(at(entry_of("gap", 0), "opens/to_us"));
	stage_free(stage);
}

static void what_guard_lost_is_a_gap(void **state) {
	(void)state;
	struct stage *stage = watching(GUARD_ATTRIBUTE);
	struct message_writer *out = letter(MESSAGE_GUARD_LOSS);
	record_guard_loss_put(
	    &out->writer, &(struct record_guard_loss){
	                      .from_us = wall_us - SECOND, .to_us = wall_us, .lost = 123, .why = GUARD_LOSS_MEMORY});
	deliver(stage, out);
	const json_t *gap = entry_of("gap", 0);
	assert_int_equal(number_at(gap, "gap/lost"), 123);
	assert_string_equal(text_at(gap, "gap/why"), "memory");
	assert_int_equal(number_at(gap, "gap/from_us"), wall_us - SECOND);
	struct observation_totals totals;
	observation_totals(&stage->keeper, &totals);
	assert_int_equal(totals.lost, 123);
	stage_free(stage);
}

static void a_guard_that_may_not_run_is_said_once(void **state) {
	(void)state;
	struct stage *stage = stage_new(GUARD_ATTRIBUTE);
	observation_refused(&stage->keeper, text_of("guard needs root"));
	observation_refused(&stage->keeper, text_of("guard needs root"));
	assert_int_equal(entries_of("watch-coverage"), 1);
	assert_string_equal(text_at(entry_of("watch-coverage", 0), "event/reason"), "guard needs root");
	stage_free(stage);
}

/* ---- who did it ---- */

static void culprits_are_known_for_two_minutes(void **state) {
	(void)state;
	struct stage *stage = watching(GUARD_ATTRIBUTE);
	struct keeper *keeper = &stage->keeper;
	struct culprit culprit;
	struct text path = text_of("2026-11-20/08/gate/00.00.mp4");
	alter(stage, 1, ALTERATION_WRITTEN, "2026-11-20/08/gate/00.00.mp4");
	/* Who wrote a file did not make it go away. */
	assert_false(observation_culprit(keeper, &the_root, path, false, &culprit));
	assert_true(observation_culprit(keeper, &the_root, path, true, &culprit));
	observation_let_go(&culprit);
	alter(stage, 1, ALTERATION_DELETED, "2026-11-20/08/gate/00.00.mp4");
	assert_true(observation_culprit(keeper, &the_root, path, false, &culprit));
	json_t *details = json_object();
	assert_int_equal(observation_culprit_put(keeper, &culprit, details), 0);
	assert_string_equal(text_at(details, "alteration/what"), "deleted");
	assert_string_equal(text_at(details, "process/executable"), "/usr/bin/ffmpeg");
	assert_string_equal(text_at(details, "actor/login_uid"), "1000");
	json_decref(details);
	observation_let_go(&culprit);
	details = json_object();
	assert_true(observation_who(keeper, &the_root, path, details));
	assert_string_equal(text_at(details, "alteration/what"), "written");
	json_decref(details);
	pass(121 * SECOND);
	assert_false(observation_culprit(keeper, &the_root, path, false, &culprit));
	/* A folder that was moved away takes along what is in it; the kernel did not tell who. */
	alter(stage, 0, ALTERATION_RENAMED_AWAY, "2026-11-20/08");
	assert_true(observation_culprit(keeper, &the_root, path, false, &culprit));
	assert_null(culprit.actor);
	assert_int_equal(culprit.pid, 4711);
	assert_false(observation_culprit(keeper, &the_root, text_of("2026-11-20/080/gate/00.00.mp4"), false, &culprit));
	stage_free(stage);
}

static void many_alterations_are_bounded(void **state) {
	(void)state;
	struct stage *stage = watching(GUARD_ATTRIBUTE);
	struct altered *altered = stage->keeper.observation->altered;
	char path[64];
	for (unsigned i = 0; i < ALTERED_MAX + 500; i++) {
		(void)snprintf(path, sizeof path, "f/%u", i);
		alter(stage, 1, ALTERATION_DELETED, path);
	}
	assert_int_equal(altered_count(altered), ALTERED_MAX);
	assert_non_null(altered_find(altered, text_of("cctv"), text_of("f/500"), ALTERED_WENT, boot_us));
	assert_null(altered_find(altered, text_of("cctv"), text_of("f/499"), ALTERED_WENT, boot_us));
	assert_null(altered_find(altered, text_of("other"), text_of("f/500"), ALTERED_WENT, boot_us));
	/* Written again and again, it stays known as long as the last time is. */
	for (int i = 0; i < 20; i++) {
		pass(10 * SECOND);
		alter(stage, 1, ALTERATION_WRITTEN, "live");
	}
	assert_non_null(altered_find(altered, text_of("cctv"), text_of("live"), ALTERED_WRITTEN, boot_us));
	pass(121 * SECOND);
	altered_tick(altered, boot_us);
	assert_int_equal(altered_count(altered), 0);
	stage_free(stage);
}

int main(void) {
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_first_open_is_an_entry_at_once),
	    cmocka_unit_test(an_hour_played_at_once_makes_at_most_three_entries),
	    cmocka_unit_test(an_hour_played_in_an_hour_makes_at_most_three_entries),
	    cmocka_unit_test(the_same_file_again_is_one_file),
	    cmocka_unit_test(what_differs_is_never_joined),
	    cmocka_unit_test(a_recorder_is_one_entry_an_hour_a_camera),
	    cmocka_unit_test(a_full_table_writes_out_the_oldest),
	    cmocka_unit_test(a_log_that_cannot_be_written_loses_no_count),
	    cmocka_unit_test(foreign_paths_and_unknown_openers_are_entries_too),
	    cmocka_unit_test(held_footage_is_said_to_be),
	    cmocka_unit_test(the_longest_of_everything_fits),
	    cmocka_unit_test(coverage_is_entered_when_it_changes),
	    cmocka_unit_test(a_guard_that_is_off_is_said_to_be),
	    cmocka_unit_test(a_guard_that_is_killed_leaves_a_gap_with_exact_bounds),
	    cmocka_unit_test(a_guard_that_does_not_come_back_is_said_and_completed),
	    cmocka_unit_test(a_stop_leaves_no_gap_unsaid),
	    cmocka_unit_test(a_new_start_is_one_gap_up_to_the_marks),
	    cmocka_unit_test(what_a_crash_lost_of_joined_opens_is_in_the_gap),
	    cmocka_unit_test(a_gap_survives_a_crash_before_it_is_written),
	    cmocka_unit_test(what_guard_lost_is_a_gap),
	    cmocka_unit_test(a_guard_that_may_not_run_is_said_once),
	    cmocka_unit_test(culprits_are_known_for_two_minutes),
	    cmocka_unit_test(many_alterations_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* state.db: what is put comes back after the database is opened again; damage and newer schemas are refused. */
#include "daemon/keeper/state.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

struct place {
	char folder[64];
	char path[96];
};

static int make_place(void **context) {
	static struct place place;
	(void)snprintf(place.folder, sizeof place.folder, "/tmp/state-test-XXXXXX");
	if (mkdtemp(place.folder) == NULL)
		return -1;
	(void)snprintf(place.path, sizeof place.path, "%s/state.db", place.folder);
	*context = &place;
	return 0;
}

static int remove_place(void **context) {
	const struct place *place = *context;
	static const char *const suffixes[] = {"", "-wal", "-shm", ".today", ".yesterday", ".new"};
	for (size_t i = 0; i < ARRAY_LENGTH(suffixes); i++) {
		char path[128];
		(void)snprintf(path, sizeof path, "%s%s", place->path, suffixes[i]);
		(void)unlink(path);
	}
	return rmdir(place->folder);
}

static struct state *open_state(const struct place *place) {
	struct state *state = NULL;
	char message[512] = "";
	int error = state_open(place->folder, &state, message, sizeof message);
	if (error != 0)
		print_error("%s\n", message);
	assert_int_equal(error, 0);
	return state;
}

static struct hold example(void) {
	static char *cameras[] = {(char *)"frigate/gate", (char *)"frigate/\xff odd"};
	return (struct hold){
	    .id = "H-2026-0001",
	    .kind = HOLD_INCIDENT,
	    .state = HOLD_ACTIVE,
	    .cameras = cameras,
	    .camera_count = 2,
	    .from_us = 1000000,
	    .to_us = 2000000,
	    .pre_roll_us = 60000000,
	    .post_roll_us = 240000000,
	    .reason = "damage",
	    .case_reference = "2026/17",
	    .note = (char *)"a note",
	    .note_salt = "00112233445566778899aabbccddeeff",
	    .placed_us = 5,
	    .review_us = 6,
	    .placed_by = 1000,
	    .placed_by_name = "an",
	    .late = true,
	};
}

static int take_hold(const struct hold *hold, void *context) {
	return hold_copy(context, hold);
}

static int count_outbox(int64_t outbox, int action, const char *details, uint64_t log_size, void *context) {
	int *count = context;
	assert_int_equal(action, 7);
	assert_string_equal(details, "{\"a\":1}");
	assert_int_equal(log_size, 42);
	assert_true(outbox > 0);
	++*count;
	return 0;
}

static void test_hold_survives(void **context) {
	struct state *state = open_state(*context);
	struct hold hold = example();
	int64_t outbox = 0;
	assert_int_equal(state_hold_put(state, &hold, 7, "{\"a\":1}", 42, &outbox), 0);
	state_close(state);

	state = open_state(*context);
	struct hold read;
	hold_init(&read);
	assert_int_equal(state_holds(state, take_hold, &read), 0);
	assert_string_equal(read.id, hold.id);
	assert_int_equal(read.camera_count, 2);
	assert_string_equal(read.cameras[1], hold.cameras[1]);
	assert_string_equal(read.note, "a note");
	assert_int_equal(hold_span(&read).from_us, 1000000 - 60000000);
	assert_int_equal(hold_span(&read).to_us, 2000000 + 240000000);
	assert_true(read.late);
	hold_release(&read);
	int waiting = 0;
	assert_int_equal(state_outbox(state, count_outbox, &waiting), 0);
	assert_int_equal(waiting, 1);
	assert_int_equal(state_outbox_remove(state, outbox), 0);
	waiting = 0;
	assert_int_equal(state_outbox(state, count_outbox, &waiting), 0);
	assert_int_equal(waiting, 0);
	state_close(state);
}

static int take_intent(const struct intent_row *intent, void *context) {
	int64_t *id = context;
	assert_string_equal(intent->root, "frigate");
	assert_int_equal(intent->log_size, 9);
	assert_int_equal(intent->length, 3);
	assert_memory_equal(intent->items, "\0\1\2", 3);
	*id = intent->id;
	return 0;
}

static void test_intents_are_never_numbered_twice(void **context) {
	struct state *state = open_state(*context);
	int64_t first = 0;
	int64_t second = 0;
	int64_t found = 0;
	assert_int_equal(state_intent_put(state, "frigate", 9, "\0\1\2", 3, &first), 0);
	assert_int_equal(state_intents(state, take_intent, &found), 0);
	assert_int_equal(found, first);
	assert_int_equal(state_intent_remove(state, first), 0);
	state_close(state);
	state = open_state(*context);
	assert_int_equal(state_intent_put(state, "frigate", 9, "\0\1\2", 3, &second), 0);
	assert_true(second > first); /* the log finds tombstones by this number */
	state_close(state);
}

static void test_clock_brake_volume_value(void **context) {
	struct state *state = open_state(*context);
	struct clock_state clock = {
	    .high_water_us = 77, .boot_id = "b", .frozen = true, .needs_person = true, .reason = "why"};
	struct brake_count brake = {.window_start_us = 1, .segments = 2, .recording_us = 3, .engaged = true};
	struct volume_row volume = {.root = "r",
	    .uuid = "u",
	    .filesystem = "ext4",
	    .root_inode = UINT64_MAX,
	    .root_birth_ns = -1,
	    .observe_only = true};
	struct clock_state clock_read_back;
	struct brake_count brake_read_back;
	struct volume_row volume_read_back;
	char value[16];
	assert_int_equal(state_clock_get(state, &clock_read_back), -ENOENT);
	assert_int_equal(state_value_get(state, "k", value, sizeof value), -ENOENT);
	assert_int_equal(state_clock_put(state, &clock), 0);
	assert_int_equal(state_brake_put(state, &brake), 0);
	assert_int_equal(state_volume_put(state, &volume), 0);
	assert_int_equal(state_value_put(state, "k", "v"), 0);
	state_close(state);
	state = open_state(*context);
	assert_int_equal(state_clock_get(state, &clock_read_back), 0);
	assert_int_equal(clock_read_back.high_water_us, 77);
	assert_true(clock_read_back.frozen && clock_read_back.needs_person);
	assert_string_equal(clock_read_back.reason, "why");
	assert_int_equal(state_brake_get(state, &brake_read_back), 0);
	assert_true(brake_read_back.engaged && !brake_read_back.released && brake_read_back.segments == 2);
	assert_int_equal(state_volume_get(state, "r", &volume_read_back), 0);
	assert_true(volume_read_back.root_inode == UINT64_MAX && volume_read_back.root_birth_ns == -1 &&
	            volume_read_back.observe_only);
	assert_int_equal(state_value_get(state, "k", value, sizeof value), 0);
	assert_string_equal(value, "v");
	state_close(state);
}

static void test_damage_is_refused_and_left(void **context) {
	const struct place *place = *context;
	struct state *state = open_state(place);
	struct hold hold = example();
	int64_t outbox = 0;
	assert_int_equal(state_hold_put(state, &hold, 7, "{}", 0, &outbox), 0);
	state_close(state);
	int fd = open(place->path, O_WRONLY | O_CLOEXEC);
	static const char noise[4096] = "this is no page of a database";
	for (off_t offset = 4096; offset < 6 * 4096; offset += 4096)
		assert_int_equal(pwrite(fd, noise, sizeof noise, offset), sizeof noise);
	(void)close(fd);
	struct stat before;
	struct stat after;
	assert_int_equal(stat(place->path, &before), 0);
	char message[512] = "";
	assert_int_equal(state_open(place->folder, &state, message, sizeof message), -EUCLEAN);
	assert_non_null(strstr(message, "yesterday"));
	assert_int_equal(stat(place->path, &after), 0);
	assert_int_equal(before.st_size, after.st_size);
}

static void test_newer_schema_is_refused(void **context) {
	const struct place *place = *context;
	state_close(open_state(place));
	sqlite3 *db = NULL;
	assert_int_equal(sqlite3_open(place->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 999", NULL, NULL, NULL), SQLITE_OK);
	(void)sqlite3_close(db);
	struct state *state = NULL;
	char message[512] = "";
	assert_int_equal(state_open(place->folder, &state, message, sizeof message), -EPROTONOSUPPORT);
	assert_non_null(strstr(message, "newer"));
}

static void test_copy_keeps_yesterday(void **context) {
	const struct place *place = *context;
	struct state *state = open_state(place);
	char yesterday[128];
	(void)snprintf(yesterday, sizeof yesterday, "%s.yesterday", place->path);
	assert_int_equal(state_copy(state, US_PER_DAY), 0);
	assert_int_equal(access(yesterday, F_OK), 0);
	assert_int_equal(state_value_put(state, "day", "2"), 0);
	assert_int_equal(state_copy(state, 2 * US_PER_DAY), 0);
	assert_int_equal(state_value_put(state, "day", "3"), 0);
	assert_int_equal(state_copy(state, 3 * US_PER_DAY), 0);
	state_close(state);
	sqlite3 *db = NULL;
	sqlite3_stmt *statement = NULL;
	assert_int_equal(sqlite3_open(yesterday, &db), SQLITE_OK);
	assert_int_equal(
	    sqlite3_prepare_v2(db, "SELECT value FROM value WHERE key = 'day'", -1, &statement, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	assert_string_equal((const char *)sqlite3_column_text(statement, 0), "2");
	(void)sqlite3_finalize(statement);
	(void)sqlite3_close(db);
}

int main(void) {
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_hold_survives, make_place, remove_place),
	    cmocka_unit_test_setup_teardown(test_intents_are_never_numbered_twice, make_place, remove_place),
	    cmocka_unit_test_setup_teardown(test_clock_brake_volume_value, make_place, remove_place),
	    cmocka_unit_test_setup_teardown(test_damage_is_refused_and_left, make_place, remove_place),
	    cmocka_unit_test_setup_teardown(test_newer_schema_is_refused, make_place, remove_place),
	    cmocka_unit_test_setup_teardown(test_copy_keeps_yesterday, make_place, remove_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

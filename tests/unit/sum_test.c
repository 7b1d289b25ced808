/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sum: each column, each reason, one segment in several sources, times when nobody watched. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "audit/entry.h"
#include "base/clock.h"
#include "evidence/fields.h"
#include "evidence/segment_table.h"
#include "evidence/sum.h"

#define HOUR (INT64_C(3600) * US_PER_SECOND)
#define DAY US_PER_DAY
/* 2024-01-01 */
#define BASE (INT64_C(1704067200) * US_PER_SECOND)
#define AT(days) (BASE + (days)*DAY)
#define NOW AT(90)

struct world {
	struct sum *sum;
	uint64_t sequence;
};

static struct sum_request request(void) {
	return (struct sum_request){.span = {AT(0), AT(91)},
	    .zone = zone_shared("UTC"),
	    .begun = 1000,
	    .now_us = NOW,
	    .interval_us = 600 * US_PER_SECOND,
	    .with_segments = true};
}

static struct world world_new(const struct sum_request *wanted) {
	struct world world = {.sum = sum_new(wanted)};
	assert_non_null(world.sum);
	return world;
}

/* An entry with these details (taken over), `at_us` by its clock. */
static int feed(struct world *world, const char *action, int64_t at_us, json_t *details) {
	char text[40], stamp[40];
	time_format_utc(at_us - at_us % US_PER_SECOND, text, sizeof text);
	(void)snprintf(stamp, sizeof stamp, "%.19s.%03dZ", text, (int)(at_us % US_PER_SECOND / 1000));
	json_t *entry = json_pack("{s:{s:s, s:I}, s:s}", "event", "action", action, "sequence",
	    (json_int_t)world->sequence++, "@timestamp", stamp);
	if (details != NULL)
		(void)json_object_update(entry, details);
	json_decref(details);
	int error = sum_entry(world->sum, entry);
	json_decref(entry);
	return error;
}

static json_t *segments(const int64_t *starts, size_t count, const char *name, bool bytes) {
	struct audit_segment list[16] = {{0}};
	assert_true(count <= 16);
	for (size_t i = 0; i < count; i++)
		list[i] = (struct audit_segment){
		    .start_us = starts[i], .end_us = starts[i] + 10 * US_PER_SECOND, .bytes = 100, .name = text_of(name)};
	return audit_segments(list, count, bytes);
}

static json_t *about(const char *camera, json_t *list) {
	return json_pack("{s:s, s:o}", "camera", camera, "segments", list);
}

static void seal(struct world *world, int64_t at_us, int64_t start_us) {
	assert_int_equal(feed(world, "seal", at_us, about("frigate/gate", segments(&start_us, 1, "", true))), 0);
}

static void erased(struct world *world, int64_t at_us, int64_t start_us, int64_t due_us) {
	json_t *details = about("frigate/gate", segments(&start_us, 1, "", false));
	(void)json_object_set_new(details, "first_due_us", json_integer(due_us));
	(void)json_object_set_new(details, "due_after_ms", json_pack("[I]", (json_int_t)((due_us - start_us) / 1000)));
	assert_int_equal(feed(world, "delete", at_us, details), 0);
}

static void missing(struct world *world, int64_t at_us, int64_t start_us) {
	assert_int_equal(feed(world, "missing", at_us, about("frigate/gate", segments(&start_us, 1, "", true))), 0);
}

static void there(struct world *world, int64_t start_us, const char *reason, bool held, int64_t due_us) {
	json_t *page = about("frigate/gate", segments(&start_us, 1, "", true));
	(void)json_object_set_new(page, "reasons", json_pack("[[s, i]]", reason, 1));
	(void)json_object_set_new(page, "held", json_pack("[[b, i]]", (int)held, 1));
	if (due_us != 0)
		(void)json_object_set_new(page, "due_after_ms", json_pack("[I]", (json_int_t)((due_us - start_us) / 1000)));
	assert_int_equal(sum_facts(world->sum, page), 0);
	json_decref(page);
}

static void start(struct world *world, int64_t at_us, const char *mode, bool clean) {
	assert_int_equal(feed(world, "start", at_us,
	                     json_pack("{s:s, s:s, s:[{s:s, s:s}], s:b}", "retention", "P30D", "legal_maximum", "P1M",
	                         "roots", "root", "frigate", "mode", mode, "clean_stop", (int)clean)),
	    0);
}

static json_t *end(struct world *world) {
	json_t *result = sum_result(world->sum);
	assert_non_null(result);
	world->sum = sum_free(world->sum);
	/* The columns add up, always. */
	const json_t *total = json_object_get(result, "total");
	int64_t sum = 0;
	for (int i = 0; i < SUM_COLUMN_COUNT; i++)
		sum += field_number(total, sum_column_name((enum sum_column)i));
	assert_int_equal(sum, field_number(total, "recorded"));
	assert_int_equal(sum, json_array_size(json_object_get(result, "segments")));
	return result;
}

static void only(json_t *result, const char *column, const char *reason) {
	assert_int_equal(field_number(json_object_get(result, "total"), "recorded"), 1);
	const json_t *detail = json_array_get(json_object_get(result, "details"), 0);
	assert_string_equal(field_text(detail, "column"), column);
	assert_string_equal(field_text(detail, "reason"), reason);
	json_decref(result);
}

#define SEGMENT AT(10)
#define DUE AT(40)

static void each_column(void **state) {
	(void)state;
	static const struct {
		int64_t seen, erased, missing;
		const char *reason; /* in the index */
		bool held;
		const char *column, *why;
	} cases[] = {
	    {AT(10), DUE + 5 * US_PER_SECOND, 0, NULL, false, "erased_on_time", "in_time"},
	    {AT(10), DUE + 660 * US_PER_SECOND, 0, NULL, false, "erased_on_time", "in_time"},
	    {AT(10), DUE + 661 * US_PER_SECOND, 0, NULL, false, "erased_late", "unknown"},
	    {0, DUE + 5 * US_PER_SECOND, 0, NULL, false, "erased_on_time", "in_time"},
	    {AT(45), AT(46), 0, NULL, false, "erased_late", "found_late"},
	    {AT(10), 0, AT(12), NULL, false, "deleted_by_others", "unseen"},
	    {0, 0, AT(12), NULL, false, "deleted_by_others", "unseen"},
	    {AT(10), 0, 0, NULL, false, "unaccountable", "unknown"},
	    {AT(10), 0, 0, "not_due", false, "kept", "not_due"},
	    {0, 0, 0, "not_due", false, "kept", "not_due"},
	    {AT(10), 0, 0, "no_rule", false, "kept", "no_rule"},
	    {AT(10), 0, 0, "held", true, "held", "held"},
	    {AT(10), 0, 0, "no_rule", true, "held", "held"},
	    {AT(10), 0, 0, "observing", false, "overdue", "observing"},
	    {AT(10), 0, 0, "pending", false, "overdue", "pending"},
	    {AT(10), 0, 0, "failed", false, "overdue", "failed"},
	    {AT(10), 0, 0, "offline", false, "overdue", "offline"},
	    /* gone, and there again */
	    {AT(10), DUE, 0, "observing", false, "overdue", "observing"},
	    /* vanished, came back and was erased: the last counts */
	    {AT(10), DUE, AT(12), NULL, false, "erased_on_time", "in_time"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct sum_request wanted = request();
		struct world world = world_new(&wanted);
		if (cases[i].seen != 0)
			seal(&world, cases[i].seen, SEGMENT);
		if (cases[i].missing != 0)
			missing(&world, cases[i].missing, SEGMENT);
		if (cases[i].erased != 0)
			erased(&world, cases[i].erased, SEGMENT, DUE);
		if (cases[i].reason != NULL)
			there(&world, SEGMENT, cases[i].reason, cases[i].held, strcmp(cases[i].reason, "no_rule") == 0 ? 0 : DUE);
		print_message("case %zu\n", i);
		json_t *result = end(&world);
		assert_int_equal(field_number(result, "again"), cases[i].reason != NULL && cases[i].erased != 0);
		only(result, cases[i].column, cases[i].why);
	}
}

static void what_is_due_and_about_to_go_is_not_overdue(void **state) {
	(void)state;
	struct sum_request wanted = request();
	struct world world = world_new(&wanted);
	seal(&world, AT(60), AT(60));
	there(&world, AT(60), "pending", false, NOW - 30 * US_PER_SECOND);
	only(end(&world), "kept", "pending");
}

static void several_sources_are_one_segment(void **state) {
	(void)state;
	struct sum_request wanted = request();
	struct world world = world_new(&wanted);
	seal(&world, AT(10), SEGMENT);
	seal(&world, AT(20), SEGMENT); /* told again after the index was rebuilt */
	erased(&world, DUE, SEGMENT, DUE);
	json_t *result = end(&world);
	assert_int_equal(field_number(json_object_get(json_object_get(result, "total"), "bytes"), "recorded"), 100);
	only(result, "erased_on_time", "in_time");
}

static void two_names_of_one_start_are_two(void **state) {
	(void)state;
	int64_t at = SEGMENT;
	struct sum_request wanted = request();
	struct world world = world_new(&wanted);
	seal(&world, AT(10), SEGMENT);
	assert_int_equal(feed(&world, "seal", AT(10), about("frigate/gate", segments(&at, 1, "x/y.mp4", true))), 0);
	assert_int_equal(feed(&world, "seal", AT(10), about("frigate/gate", segments(&at, 1, "x/z.mp4", true))), 0);
	erased(&world, DUE, SEGMENT, DUE);
	there(&world, AT(60), "not_due", false, AT(95));
	json_t *result = end(&world);
	const json_t *total = json_object_get(result, "total");
	assert_int_equal(field_number(total, "recorded"), 4);
	assert_int_equal(field_number(total, "erased_on_time"), 1);
	assert_int_equal(field_number(total, "unaccountable"), 2);
	assert_true(json_is_true(json_object_get(result, "finding")));
	json_decref(result);
}

static void what_ends_while_the_report_is_made_is_as_it_was(void **state) {
	(void)state;
	struct sum_request wanted = request();
	wanted.begun = 3;
	struct world world = world_new(&wanted);
	seal(&world, AT(10), SEGMENT);
	there(&world, SEGMENT, "held", true, DUE);
	world.sequence = 4;
	erased(&world, NOW, SEGMENT, DUE);
	seal(&world, NOW, AT(89)); /* recorded meanwhile */
	json_t *result = end(&world);
	assert_int_equal(field_number(result, "again"), 0);
	only(result, "held", "held");
}

static void why_it_was_late(void **state) {
	(void)state;
	for (int i = 0; i < 8; i++) {
		static const char *const reasons[] = {
		    "down", "observing", "offline", "held", "clock", "brake", "rule", "failed"};
		struct sum_request wanted = request();
		struct world world = world_new(&wanted);
		start(&world, AT(1), i == 1 ? "observe" : "enforce", true);
		seal(&world, AT(10), SEGMENT);
		if (i == 3)
			(void)feed(&world, "hold-placed", AT(11),
			    json_pack("{s:{s:s, s:b, s:[s], s:I, s:I, s:I, s:I}}", "hold", "id", "H-1", "all_cameras", 0, "cameras",
			        "frigate/gate", "from_us", (json_int_t)(SEGMENT - HOUR), "to_us", (json_int_t)(SEGMENT + HOUR),
			        "pre_roll_us", (json_int_t)0, "post_roll_us", (json_int_t)0));
		if (i == 2)
			(void)feed(&world, "root-offline", AT(41), json_pack("{s:s}", "root", "frigate"));
		if (i == 4)
			(void)feed(&world, "clock-frozen", AT(41), NULL);
		if (i == 5)
			(void)feed(&world, "brake", AT(41), NULL);
		if (i == 7)
			(void)feed(&world, "delete-failed", AT(41), json_pack("{s:s}", "camera", "frigate/gate"));
		if (i == 0)
			(void)feed(&world, "gap", AT(48),
			    json_pack("{s:{s:I, s:I}}", "gap", "from_us", (json_int_t)AT(30), "to_us", (json_int_t)AT(48)));
		if (i == 1)
			start(&world, AT(48), "enforce", true);
		if (i == 2)
			(void)feed(&world, "root-online", AT(48), json_pack("{s:s}", "root", "frigate"));
		if (i == 3)
			(void)feed(&world, "hold-released", AT(48), json_pack("{s:{s:s}}", "hold", "id", "H-1"));
		if (i == 4)
			(void)feed(&world, "clock-trusted", AT(48), NULL);
		if (i == 5)
			(void)feed(&world, "brake-released", AT(48), NULL);
		if (i == 6)
			(void)feed(
			    &world, "configuration", AT(48), json_pack("{s:s, s:s}", "retention", "P7D", "legal_maximum", "P1M"));
		erased(&world, AT(48) + HOUR, SEGMENT, DUE);
		json_t *result = end(&world);
		const json_t *detail = json_array_get(json_object_get(result, "details"), 0);
		print_message("%s\n", reasons[i]);
		assert_int_equal(field_number(detail, "longest_seconds"), (8 * DAY + HOUR) / US_PER_SECOND);
		only(result, "erased_late", i == 0 ? "unknown" : reasons[i]);
	}
}

static void a_hold_on_other_footage_is_no_reason(void **state) {
	(void)state;
	struct sum_request wanted = request();
	struct world world = world_new(&wanted);
	seal(&world, AT(10), SEGMENT);
	(void)feed(&world, "hold-placed", AT(11),
	    json_pack("{s:{s:s, s:b, s:[s], s:I, s:I}}", "hold", "id", "H-1", "all_cameras", 0, "cameras", "frigate/gate",
	        "from_us", (json_int_t)AT(11), "to_us", (json_int_t)AT(12)));
	(void)feed(&world, "hold-placed", AT(11),
	    json_pack("{s:{s:s, s:b, s:[s], s:I, s:I}}", "hold", "id", "H-2", "all_cameras", 0, "cameras", "frigate/yard",
	        "from_us", (json_int_t)AT(9), "to_us", (json_int_t)AT(12)));
	erased(&world, AT(48), SEGMENT, DUE);
	only(end(&world), "erased_late", "unknown");
}

/* "retentiond did not run" is what the entry says; other gaps are about opens. */
static void down(struct world *world, int64_t from_us, int64_t to_us) {
	json_t *entry = json_pack("{s:{s:s, s:s, s:I}, s:s, s:{s:I, s:I}}", "event", "action", "gap", "reason",
	    "retentiond did not run", "sequence", (json_int_t)world->sequence++, "@timestamp", "2024-02-18T00:00:00.000Z",
	    "gap", "from_us", (json_int_t)from_us, "to_us", (json_int_t)to_us);
	assert_int_equal(sum_entry(world->sum, entry), 0);
	json_decref(entry);
}

static void late_because_nobody_was_there(void **state) {
	(void)state;
	struct sum_request wanted = request();
	struct world world = world_new(&wanted);
	seal(&world, AT(10), SEGMENT);
	down(&world, AT(30), AT(48));
	erased(&world, AT(48) + HOUR, SEGMENT, DUE);
	only(end(&world), "erased_late", "down");
}

static void what_vanished_with_the_index_says_so(void **state) {
	(void)state;
	struct sum_request wanted = request();
	struct world world = world_new(&wanted);
	seal(&world, AT(10), SEGMENT);
	start(&world, AT(20), "enforce", false);
	assert_int_equal(feed(&world, "index-rebuilt", AT(20) + HOUR, NULL), 0);
	json_t *result = end(&world);
	const json_t *list = json_object_get(result, "unwatched");
	/* before the log, the crash, the rebuilding */
	assert_int_equal(json_array_size(list), 3);
	assert_string_equal(field_text(json_array_get(list, 0), "reason"), "before_log");
	assert_string_equal(field_text(json_array_get(list, 0), "from"), "2024-01-01T00:00:00Z");
	assert_string_equal(field_text(json_array_get(list, 0), "to"), "2024-01-11T00:00:00Z");
	assert_string_equal(field_text(json_array_get(list, 1), "reason"), "crash");
	assert_string_equal(field_text(json_array_get(list, 2), "reason"), "index_rebuilt");
	assert_string_equal(field_text(json_array_get(list, 2), "from"), "2024-01-11T00:00:00Z");
	assert_string_equal(field_text(json_array_get(list, 2), "to"), "2024-01-21T01:00:00Z");
	only(result, "unaccountable", "index_rebuilt");
}

static void an_empty_span_tells_when_nobody_watched(void **state) {
	(void)state;
	struct sum_request wanted = request();
	struct world world = world_new(&wanted);
	start(&world, AT(5), "observe", true);
	(void)feed(&world, "root-offline", AT(6), json_pack("{s:s}", "root", "frigate"));
	(void)feed(&world, "root-online", AT(7), json_pack("{s:s}", "root", "frigate"));
	start(&world, AT(9), "enforce", true);
	json_t *result = end(&world);
	const json_t *list = json_object_get(result, "unwatched");
	assert_int_equal(field_number(json_object_get(result, "total"), "recorded"), 0);
	assert_false(json_is_true(json_object_get(result, "finding")));
	assert_int_equal(json_array_size(list), 3);
	assert_string_equal(field_text(json_array_get(list, 1), "reason"), "observing");
	assert_int_equal(field_number(json_array_get(list, 1), "seconds"), 4 * 86400);
	assert_string_equal(field_text(json_array_get(list, 2), "reason"), "offline");
	assert_int_equal(field_number(json_array_get(list, 2), "seconds"), 86400);
	json_decref(result);
}

static void pruned_entries_leave_their_time(void **state) {
	(void)state;
	struct sum_request wanted = request();
	struct world world = world_new(&wanted);
	sum_pruned(world.sum, 256);
	start(&world, AT(5), "enforce", true);
	sum_pruned(world.sum, 512);
	sum_pruned(world.sum, 768);
	start(&world, AT(9), "enforce", true);
	json_t *result = end(&world);
	const json_t *list = json_object_get(result, "unwatched");
	assert_int_equal(json_array_size(list), 2);
	assert_string_equal(field_text(json_array_get(list, 0), "reason"), "pruned");
	assert_string_equal(field_text(json_array_get(list, 0), "to"), "2024-01-06T00:00:00Z");
	assert_string_equal(field_text(json_array_get(list, 1), "from"), "2024-01-06T00:00:00Z");
	assert_string_equal(field_text(json_array_get(list, 1), "to"), "2024-01-10T00:00:00Z");
	json_decref(result);
}

static void only_cameras_and_times_that_were_asked_for(void **state) {
	(void)state;
	json_t *cameras = json_pack("[s]", "frigate/gate");
	int64_t at = SEGMENT;
	struct sum_request wanted = request();
	wanted.cameras = cameras;
	struct world world = world_new(&wanted);
	seal(&world, AT(10), SEGMENT);
	seal(&world, AT(10), AT(-1));
	seal(&world, AT(91), AT(91));
	assert_int_equal(feed(&world, "seal", AT(10), about("frigate/yard", segments(&at, 1, "", true))), 0);
	there(&world, SEGMENT, "not_due", false, AT(95));
	only(end(&world), "kept", "not_due");
	json_decref(cameras);
}

static void a_start_that_was_decided_anew_is_one_segment(void **state) {
	(void)state;
	int64_t first = SEGMENT, then = SEGMENT + HOUR;
	struct sum_request wanted = request();
	struct world world = world_new(&wanted);
	assert_int_equal(feed(&world, "seal", AT(10), about("frigate/gate", segments(&first, 1, "a/1.mp4", true))), 0);
	json_t *details = about("frigate/gate", segments(&then, 1, "a/1.mp4", false));
	(void)json_object_set_new(details, "due_after_ms", json_pack("[I]", (json_int_t)(30 * DAY / 1000)));
	assert_int_equal(feed(&world, "delete", DUE + HOUR, details), 0);
	json_t *result = end(&world);
	assert_int_equal(field_number(result, "decided_anew"), 1);
	only(result, "erased_on_time", "in_time");
}

static void a_copy_is_its_own_and_told(void **state) {
	(void)state;
	uint8_t hash[32] = {1, 2, 3};
	struct sum_request wanted = request();
	struct world world = world_new(&wanted);
	for (int i = 0; i < 3; i++) {
		struct audit_segment segment = {
		    .start_us = AT(10 + i), .end_us = AT(10 + i) + HOUR, .bytes = 5, .sha256 = hash};
		assert_int_equal(feed(&world, "seal", AT(20 + i), about("frigate/gate", audit_segments(&segment, 1, true))), 0);
		missing(&world, AT(30), AT(10 + i));
	}
	json_t *result = end(&world);
	assert_int_equal(field_number(result, "copies"), 2);
	assert_string_equal(
	    field_text(json_object_get(json_array_get(json_object_get(result, "copies_listed"), 1), "same_as"), "start"),
	    "2024-01-11T00:00:00Z");
	assert_int_equal(field_number(json_object_get(result, "total"), "deleted_by_others"), 3);
	json_decref(result);
}

static void who_did_it_is_told(void **state) {
	(void)state;
	int64_t at = SEGMENT;
	struct sum_request wanted = request();
	struct world world = world_new(&wanted);
	json_t *details = about("frigate/gate", segments(&at, 1, "", true));
	(void)json_object_set_new(details, "alteration", json_pack("{s:s}", "what", "deleted"));
	(void)json_object_set_new(details, "user", json_pack("{s:s}", "name", "mallory"));
	(void)json_object_set_new(details, "process", json_pack("{s:s}", "executable", "/usr/bin/rm"));
	assert_int_equal(feed(&world, "missing", AT(12), details), 0);
	json_t *result = end(&world);
	assert_string_equal(
	    field_text(json_array_get(json_object_get(result, "details"), 0), "text"), "mallory with /usr/bin/rm");
	only(result, "deleted_by_others", "seen");
}

static void a_list_that_cannot_be_read_is_refused(void **state) {
	(void)state;
	struct sum_request wanted = request();
	struct world world = world_new(&wanted);
	assert_int_equal(feed(&world, "seal", AT(10), about("frigate/gate", json_pack("{s:i}", "count", 3))), -EBADMSG);
	world.sum = sum_free(world.sum);
}

static void many_fold_into_few(void **state) {
	(void)state;
	struct segment_table table;
	segment_table_init(&table);
	int64_t camera = segment_table_camera(&table, "a/b");
	assert_int_equal(camera, 0);
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < 20000; i++) {
			struct segment_record record = {
			    .start_us = (int64_t)((i * 7919) % 20000), .sources = (uint8_t)(1 << round)};
			assert_int_equal(segment_table_add(&table, 0, &record, TEXT_NULL), 0);
		}
	segment_table_fold(&table);
	assert_int_equal(table.cameras[0].count, 20000);
	assert_int_equal(table.records, 20000);
	for (int i = 0; i < 20000; i++) {
		assert_int_equal(table.cameras[0].records[i].start_us, i);
		assert_int_equal(table.cameras[0].records[i].sources, 7);
	}
	segment_table_release(&table);
}

int main(void) {
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_column),
	    cmocka_unit_test(what_is_due_and_about_to_go_is_not_overdue),
	    cmocka_unit_test(several_sources_are_one_segment),
	    cmocka_unit_test(two_names_of_one_start_are_two),
	    cmocka_unit_test(what_ends_while_the_report_is_made_is_as_it_was),
	    cmocka_unit_test(why_it_was_late),
	    cmocka_unit_test(a_hold_on_other_footage_is_no_reason),
	    cmocka_unit_test(late_because_nobody_was_there),
	    cmocka_unit_test(what_vanished_with_the_index_says_so),
	    cmocka_unit_test(an_empty_span_tells_when_nobody_watched),
	    cmocka_unit_test(pruned_entries_leave_their_time),
	    cmocka_unit_test(only_cameras_and_times_that_were_asked_for),
	    cmocka_unit_test(a_start_that_was_decided_anew_is_one_segment),
	    cmocka_unit_test(a_copy_is_its_own_and_told),
	    cmocka_unit_test(who_did_it_is_told),
	    cmocka_unit_test(a_list_that_cannot_be_read_is_refused),
	    cmocka_unit_test(many_fold_into_few),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lookup beside the audit log: what is added is found, by each filter, page by page; what is forgotten is gone with
 * its names; a file that is damaged or of another log is made anew. And what an entry can be looked up by. */
#include "daemon/keeper/lookup_store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "audit/terms.h"
#include "base/clock.h"
#include "base/zone.h"
#include "tree.h"

static const char origin[] = "box.test/retention/00000001";

struct place {
	char folder[64];
	struct lookup_store *store;
};

static void open_store(struct place *place, uint64_t published) {
	assert_int_equal(lookup_store_open(place->folder, origin, published, &place->store), 0);
}

static int make_place(void **context) {
	static struct place place;
	(void)snprintf(place.folder, sizeof place.folder, "/tmp/lookup-test-XXXXXX");
	if (mkdtemp(place.folder) == NULL)
		return -1;
	place.store = NULL;
	*context = &place;
	return 0;
}

static int remove_place(void **context) {
	struct place *place = *context;
	place->store = lookup_store_close(place->store);
	(void)tree_remove(place->folder);
	return 0;
}

/* Entry n: a camera of four, an officer of three, a second apart; each seventh is denied, each 1,000th has a case. */
static json_t *entry_make(uint64_t number) {
	static const char *const cameras[] = {"frigate/gate", "frigate/hall", "nvr/gate", "nvr/yard"};
	char time[40], user[16], id[16];
	time_format_utc(INT64_C(1790000000) * US_PER_SECOND + (int64_t)number * US_PER_SECOND, time, sizeof time);
	(void)snprintf(user, sizeof user, "officer%d", (int)(number % 3));
	(void)snprintf(id, sizeof id, "%d", 1000 + (int)(number % 3));
	json_t *entry = json_pack("{s:{s:I, s:s, s:[s], s:s}, s:s, s:{s:s, s:s}, s:s}", "event", "sequence",
	    (json_int_t)number, "action", number % 7 == 0 ? "open-denied" : "open", "type",
	    number % 7 == 0 ? "denied" : "access", "outcome", number % 7 == 0 ? "failure" : "success", "@timestamp", time,
	    "user", "id", id, "name", user, "camera", cameras[number % 4]);
	assert_non_null(entry);
	if (number % 1000 == 0)
		json_object_set_new(entry, "case", json_string("PV-1"));
	return entry;
}

static void add(struct place *place, uint64_t count) {
	for (uint64_t i = 0; i < count; i++) {
		json_t *entry = entry_make(lookup_store_size(place->store));
		assert_int_equal(lookup_store_add(place->store, entry), 0);
		json_decref(entry);
	}
	assert_int_equal(lookup_store_commit(place->store), 0);
}

/* Runs a search, the smallest slices that there are; the caller frees. */
static struct lookup_query *find(
    struct place *place, const struct audit_filter *filter, struct lookup_page page, struct lookup_found *ret_found) {
	struct lookup_query *query = lookup_query_new(filter, &page);
	int result, slices = 0;
	assert_non_null(query);
	while ((result = lookup_query_step(query, place->store, 0)) == 1)
		assert_true(++slices < 100000);
	assert_int_equal(result, 0);
	lookup_query_result(query, ret_found);
	return query;
}

/* All that a filter finds is what reading every entry finds, in both directions and in pages of 100. */
static void check(struct place *place, const struct audit_filter *filter, uint64_t first) {
	uint64_t size = lookup_store_size(place->store);
	uint64_t *expected = calloc(size + 1, sizeof *expected);
	size_t count = 0;
	assert_non_null(expected);
	for (uint64_t number = first; number < size; number++) {
		json_t *entry = entry_make(number);
		if (audit_filter_matches(filter, entry))
			expected[count++] = number;
		json_decref(entry);
	}
	for (int up = 0; up < 2; up++) {
		uint64_t bound = up ? 0 : UINT64_MAX;
		size_t seen = 0;
		bool more = true;
		while (more) {
			struct lookup_found found;
			struct lookup_query *query =
			    find(place, filter, (struct lookup_page){.ascending = up, .bound = bound, .limit = 100}, &found);
			for (size_t i = 0; i < found.count; i++, seen++) {
				assert_true(seen < count);
				assert_int_equal(found.numbers[i], expected[up ? seen : count - 1 - seen]);
			}
			assert_int_equal(found.looked_up, size);
			more = found.more;
			if (found.count > 0)
				bound = up ? found.numbers[found.count - 1] + 1 : found.numbers[found.count - 1];
			(void)lookup_query_free(query);
		}
		assert_int_equal(seen, count);
	}
	free(expected);
}

static void check_filters(struct place *place, uint64_t first) {
	const int64_t start = INT64_C(1790000000) * US_PER_SECOND;
	const struct audit_filter filters[] = {
	    {.has_span = false},
	    {.terms = {[AUDIT_TERM_ACTOR] = "officer1"}},
	    {.terms = {[AUDIT_TERM_ACTOR] = "1002"}},
	    {.terms = {[AUDIT_TERM_ACTOR] = "officer9"}},
	    {.terms = {[AUDIT_TERM_CAMERA] = "gate"}},
	    {.terms = {[AUDIT_TERM_CAMERA] = "nvr/gate"}},
	    {.terms = {[AUDIT_TERM_CAMERA] = "ate"}},
	    {.terms = {[AUDIT_TERM_OUTCOME] = "denied", [AUDIT_TERM_CAMERA] = "yard", [AUDIT_TERM_ACTOR] = "officer0"}},
	    {.terms = {[AUDIT_TERM_CASE] = "PV-1"}},
	    {.has_span = true, .from_us = start + 300 * US_PER_SECOND, .to_us = start + 777 * US_PER_SECOND},
	    {.terms = {[AUDIT_TERM_ACTION] = "open"},
	        .has_span = true,
	        .from_us = start + 100 * US_PER_SECOND,
	        .to_us = INT64_MAX},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(filters); i++)
		check(place, &filters[i], first);
}

static void what_is_added_is_found(void **context) {
	struct place *place = *context;
	open_store(place, 0);
	check_filters(place, 0);
	add(place, 200); /* only in memory */
	check_filters(place, 0);
	add(place, 3000); /* blocks, and a rest */
	check_filters(place, 0);
	add(place, 256 * 13 - 3200); /* exactly full */
	check_filters(place, 0);
}

static void after_a_start_only_the_rest_is_missing(void **context) {
	struct place *place = *context;
	open_store(place, 0);
	add(place, 1000);
	place->store = lookup_store_close(place->store);
	open_store(place, 1000);
	assert_int_equal(lookup_store_size(place->store), 768);
	check_filters(place, 0);
	add(place, 232);
	check_filters(place, 0);
}

static uint64_t size_after_reopening(struct place *place, const char *other_origin, uint64_t published) {
	place->store = lookup_store_close(place->store);
	assert_int_equal(lookup_store_open(place->folder, other_origin, published, &place->store), 0);
	return lookup_store_size(place->store);
}

static void of_another_log_it_is_made_anew(void **context) {
	struct place *place = *context;
	open_store(place, 0);
	add(place, 1024);
	assert_int_equal(size_after_reopening(place, origin, 1024), 1024);
	assert_int_equal(size_after_reopening(place, "other.test/retention/2", 1024), 0);
	add(place, 512);
	/* The log has fewer entries than were looked up: it is not the one that was. */
	assert_int_equal(size_after_reopening(place, "other.test/retention/2", 511), 0);
}

static void file_of(const struct place *place, char path[PATH_MAX]) {
	(void)snprintf(path, PATH_MAX, "%s/log-lookup.db", place->folder);
}

static void a_damaged_file_is_made_anew(void **context) {
	struct place *place = *context;
	char path[PATH_MAX];
	uint8_t garbage[100];
	memset(garbage, 0xa5, sizeof garbage);
	open_store(place, 0);
	add(place, 2048);
	place->store = lookup_store_close(place->store);
	file_of(place, path);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, garbage, sizeof garbage, 0), sizeof garbage);
	(void)close(fd);
	open_store(place, 2048);
	assert_int_equal(lookup_store_size(place->store), 0);
	add(place, 600);
	check_filters(place, 0);
}

/* Deeper in, it shows when it is met: an error that is not mistaken for an answer, and then it is wiped. */
static void damage_within_is_an_error_and_no_answer(void **context) {
	struct place *place = *context;
	char path[PATH_MAX];
	uint8_t garbage[4096];
	struct stat facts;
	memset(garbage, 0xa5, sizeof garbage);
	open_store(place, 0);
	add(place, 256 * 64);
	place->store = lookup_store_close(place->store);
	file_of(place, path);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &facts), 0);
	for (off_t at = 8 * 4096; at + 4096 <= facts.st_size; at += 4096)
		assert_int_equal(pwrite(fd, garbage, sizeof garbage, at), sizeof garbage);
	(void)close(fd);
	int error = lookup_store_open(place->folder, origin, 256 * 64, &place->store);
	if (error == 0 && lookup_store_size(place->store) > 0) {
		struct lookup_query *query = lookup_query_new(
		    &(struct audit_filter){.has_span = false}, &(struct lookup_page){.ascending = true, .limit = 50000});
		int result;
		while ((result = lookup_query_step(query, place->store, INT64_MAX)) == 1)
			;
		assert_int_equal(result, -EUCLEAN);
		(void)lookup_query_free(query);
	}
	place->store = lookup_store_close(place->store);
	lookup_store_wipe(place->folder);
	open_store(place, 256 * 64);
	assert_int_equal(lookup_store_size(place->store), 0);
	add(place, 300);
	check_filters(place, 0);
}

static bool file_has(const struct place *place, const char *text) {
	static const char *const suffixes[] = {"", "-wal"};
	bool found = false;
	for (size_t i = 0; i < ARRAY_LENGTH(suffixes); i++) {
		char path[PATH_MAX];
		(void)snprintf(path, sizeof path, "%s/log-lookup.db%s", place->folder, suffixes[i]);
		FILE *file = fopen(path, "r");
		char *bytes = malloc(1 << 22);
		size_t length = file == NULL ? 0 : fread(bytes, 1, 1 << 22, file);
		found = found || memmem(bytes, length, text, strlen(text)) != NULL;
		free(bytes);
		if (file != NULL)
			(void)fclose(file);
	}
	return found;
}

static void forget(struct place *place, uint64_t count) {
	uint64_t block = 0;
	for (uint64_t number = 0; number < count; number++) {
		assert_int_equal(lookup_store_block(place->store, 0, &block), 0);
		assert_int_equal(block, number);
		assert_int_equal(lookup_store_forget(place->store, number), 0);
	}
	assert_int_equal(lookup_store_forget_names(place->store), 0);
	assert_int_equal(lookup_store_block(place->store, 1000000, &block), -ENOENT);
}

static void what_is_pruned_is_gone_with_its_names(void **context) {
	struct place *place = *context;
	open_store(place, 0);
	json_t *early = json_pack("{s:{s:s}, s:s, s:{s:s}}", "event", "action", "open", "@timestamp",
	    "2026-01-01T00:00:00.000Z", "user", "name", "early-bird");
	assert_int_equal(lookup_store_add(place->store, early), 0);
	json_decref(early);
	add(place, 256 * 6 + 10 - 1);
	struct audit_filter filter = {.terms = {[AUDIT_TERM_ACTOR] = "early-bird"}};
	struct lookup_page page = {.bound = UINT64_MAX, .limit = 10};
	struct lookup_found found;
	struct lookup_query *query = find(place, &filter, page, &found);
	assert_int_equal(found.count, 1);
	(void)lookup_query_free(query);
	forget(place, 3);
	query = find(place, &filter, page, &found);
	assert_int_equal(found.count, 0);
	(void)lookup_query_free(query);
	check_filters(place, 256 * 3);
	add(place, 100);
	check_filters(place, 256 * 3);
	place->store = lookup_store_close(place->store);
	assert_false(file_has(place, "early-bird"));
	assert_true(file_has(place, "officer1"));
	open_store(place, 256 * 7);
	check_filters(place, 256 * 3);
}

/* A bundle that is not there any more is passed over, and the rest stays in its place. */
static void a_pruned_bundle_is_skipped(void **context) {
	struct place *place = *context;
	open_store(place, 0);
	lookup_store_skip(place->store);
	lookup_store_skip(place->store);
	assert_int_equal(lookup_store_size(place->store), 512);
	add(place, 700);
	check_filters(place, 512);
}

static void a_search_survives_what_happens_between_its_slices(void **context) {
	struct place *place = *context;
	open_store(place, 0);
	add(place, 256 * 20 + 100);
	struct audit_filter filter = {.terms = {[AUDIT_TERM_ACTOR] = "officer1"}};
	struct lookup_page page = {.bound = UINT64_MAX, .limit = 50000};
	struct lookup_query *query = lookup_query_new(&filter, &page);
	struct lookup_found found;
	int result, slices = 0;
	while ((result = lookup_query_step(query, place->store, 0)) == 1) {
		add(place, 60);
		if (++slices == 10)
			forget(place, 4);
	}
	assert_int_equal(result, 0);
	lookup_query_result(query, &found);
	/* Begun again after the forgetting: entries of that moment, from bundle 4 on. */
	size_t expected = 0;
	for (uint64_t number = 256 * 4; number < found.looked_up; number++)
		expected += number % 3 == 1 ? 1 : 0;
	assert_true(found.looked_up > 256 * 20 + 100);
	assert_int_equal(found.count, expected);
	(void)lookup_query_free(query);
}

/* Nothing may be left out because it was too much. */
static void an_entry_that_is_too_much_is_found_by_all(void **context) {
	struct place *place = *context;
	open_store(place, 0);
	json_t *entry = entry_make(0), *cameras = json_array();
	for (int i = 0; i < 100; i++) {
		char name[32];
		(void)snprintf(name, sizeof name, "nvr/camera%d", i);
		json_array_append_new(cameras, json_string(name));
	}
	json_object_set_new(entry, "cameras", cameras);
	assert_int_equal(lookup_store_add(place->store, entry), 0);
	json_decref(entry);
	assert_int_equal(lookup_store_add(place->store, NULL), 0); /* cannot be read */
	char *long_name = calloc(1, 600);
	memset(long_name, 'x', 599);
	entry = entry_make(2);
	json_object_set_new(entry, "camera", json_string(long_name));
	assert_int_equal(lookup_store_add(place->store, entry), 0);
	json_decref(entry);
	struct {
		struct audit_filter filter;
		size_t count;
	} rows[] = {
	    {{.terms = {[AUDIT_TERM_CAMERA] = "camera99"}}, 3}, {{.terms = {[AUDIT_TERM_CAMERA] = long_name}}, 3},
	    {{.terms = {[AUDIT_TERM_HOLD] = "H-2026-0001"}}, 2},
	    {{.has_span = true, .from_us = 1, .to_us = 2}, 1}, /* only the one without a time */
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct lookup_found found;
		struct lookup_query *query =
		    find(place, &rows[i].filter, (struct lookup_page){.bound = UINT64_MAX, .limit = 10}, &found);
		assert_int_equal(found.count, rows[i].count);
		(void)lookup_query_free(query);
	}
	free(long_name);
}

/* A million entries fit in 60 MB by far. */
static void it_is_small(void **context) {
	struct place *place = *context;
	char path[PATH_MAX];
	struct stat facts;
	open_store(place, 0);
	add(place, 25600);
	place->store = lookup_store_close(place->store);
	file_of(place, path);
	assert_int_equal(stat(path, &facts), 0);
	assert_true(facts.st_size < 25600 * 10);
}

/* ---- what an entry can be looked up by ---- */

static bool has(const char *text, enum audit_term kind, const char *wanted) {
	json_t *entry = json_loads(text, 0, NULL);
	assert_non_null(entry);
	struct audit_filter filter = {0};
	filter.terms[kind] = wanted;
	bool matches = audit_filter_matches(&filter, entry);
	json_decref(entry);
	return matches;
}

static void an_open_is_found_by_all_that_names_its_actor(void **context) {
	(void)context;
	static const char open[] =
	    "{\"event\":{\"action\":\"open\",\"type\":[\"access\"],\"outcome\":\"success\"},\"camera\":\"frigate/gate\","
	    "\"held\":true,\"holds\":[\"H-2026-0007\"],\"user\":{\"id\":\"1001\",\"name\":\"anna\",\"effective\":{\"id\":"
	    "\"0\",\"name\":\"root\"},\"group\":{\"id\":\"77\"}},\"process\":{\"pid\":4711,\"executable\":\"/usr/bin/cp\","
	    "\"name\":\"claim\",\"real_user\":{\"id\":\"1002\"},\"parents\":[{\"pid\":1,\"executable\":\"/usr/sbin/sshd\","
	    "\"user\":{\"id\":\"3\",\"name\":\"daemon\"}}]},\"actor\":{\"login_uid\":\"1003\",\"login_name\":\"bert\","
	    "\"unit\":"
	    "\"smbd.service\"},\"source\":{\"ip\":\"192.0.2.7\",\"port\":445}}";
	static const char *const actors[] = {
	    "1001", "anna", "0", "root", "/usr/bin/cp", "cp", "1002", "1003", "bert", "smbd.service", "192.0.2.7"};
	static const char *const others[] = {"4711", "77", "claim", "sshd", "daemon", "3", "445", "ann", "bin/c"};
	for (size_t i = 0; i < ARRAY_LENGTH(actors); i++)
		assert_true(has(open, AUDIT_TERM_ACTOR, actors[i]));
	for (size_t i = 0; i < ARRAY_LENGTH(others); i++)
		assert_false(has(open, AUDIT_TERM_ACTOR, others[i]));
	assert_true(has(open, AUDIT_TERM_CAMERA, "gate"));
	assert_true(has(open, AUDIT_TERM_HOLD, "H-2026-0007"));
	assert_true(has(open, AUDIT_TERM_HELD, "held"));
	assert_true(has(open, AUDIT_TERM_OUTCOME, "success"));
	assert_false(has(open, AUDIT_TERM_OUTCOME, "denied"));
}

static void holds_and_refusals(void **context) {
	(void)context;
	static const char hold[] = "{\"event\":{\"action\":\"hold-placed\",\"outcome\":\"success\"},\"hold\":{\"id\":"
	                           "\"H-2026-0001\",\"cameras\":[\"a/b\",\"c/d\"],\"case\":\"PV/12\"}}";
	static const char denied[] =
	    "{\"event\":{\"action\":\"request-denied\",\"type\":[\"denied\"],\"outcome\":\"failure\"},"
	    "\"held\":false,\"request\":{\"method\":\"hold.release\",\"params\":{\"id\":"
	    "\"H-2026-0001\"}}}";
	assert_true(has(hold, AUDIT_TERM_HOLD, "H-2026-0001"));
	assert_true(has(hold, AUDIT_TERM_CAMERA, "c/d"));
	assert_true(has(hold, AUDIT_TERM_CASE, "PV/12"));
	assert_false(has(hold, AUDIT_TERM_CASE, "12")); /* a slash ends a root's name, not a case's part */
	assert_true(has(hold, AUDIT_TERM_HELD, "held"));
	assert_true(has(denied, AUDIT_TERM_HOLD, "H-2026-0001"));
	assert_true(has(denied, AUDIT_TERM_OUTCOME, "denied"));
	assert_true(has(denied, AUDIT_TERM_OUTCOME, "failure"));
	assert_false(has(denied, AUDIT_TERM_HELD, "held"));
}

static void times_are_read_to_the_millisecond(void **context) {
	(void)context;
	json_t *entry = json_pack("{s:s}", "@timestamp", "2026-11-24T06:11:04.123Z");
	assert_int_equal(audit_entry_time_us(entry), INT64_C(1795500664123000));
	json_decref(entry);
	entry = json_pack("{s:s}", "@timestamp", "yesterday");
	assert_int_equal(audit_entry_time_us(entry), 0);
	json_decref(entry);
}

int main(void) {
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(what_is_added_is_found, make_place, remove_place),
	    cmocka_unit_test_setup_teardown(after_a_start_only_the_rest_is_missing, make_place, remove_place),
	    cmocka_unit_test_setup_teardown(of_another_log_it_is_made_anew, make_place, remove_place),
	    cmocka_unit_test_setup_teardown(a_damaged_file_is_made_anew, make_place, remove_place),
	    cmocka_unit_test_setup_teardown(damage_within_is_an_error_and_no_answer, make_place, remove_place),
	    cmocka_unit_test_setup_teardown(what_is_pruned_is_gone_with_its_names, make_place, remove_place),
	    cmocka_unit_test_setup_teardown(a_pruned_bundle_is_skipped, make_place, remove_place),
	    cmocka_unit_test_setup_teardown(a_search_survives_what_happens_between_its_slices, make_place, remove_place),
	    cmocka_unit_test_setup_teardown(an_entry_that_is_too_much_is_found_by_all, make_place, remove_place),
	    cmocka_unit_test_setup_teardown(it_is_small, make_place, remove_place),
	    cmocka_unit_test(an_open_is_found_by_all_that_names_its_actor),
	    cmocka_unit_test(holds_and_refusals),
	    cmocka_unit_test(times_are_read_to_the_millisecond),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

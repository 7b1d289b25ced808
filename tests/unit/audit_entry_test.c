/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The line to the byte, text that is not UTF-8, limits; segments there and back with random inputs, and their size. */
#include "audit/entry.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "audit/writer.h"

static struct audit_stamp stamp_of(int64_t wall_us) {
	struct audit_stamp stamp = {.sequence = 42, .level = CLOCK_RTC};
	stamp.clock.wall_us = wall_us;
	stamp.clock.boot_us = 1234567;
	memcpy(stamp.clock.boot_id, "0f3c1d2e-1111-2222-3333-444455556666", BOOT_ID_BYTES);
	return stamp;
}

/* The line with its random nonce made constant. */
static char *format(
    enum audit_action action, const char *reason, const struct audit_actor *actor, const json_t *details) {
	struct audit_stamp stamp = stamp_of(INT64_C(1795500664123999));
	size_t length = 0;
	char *line = audit_entry_format(&stamp, action, AUDIT_SUCCESS, reason, actor, details, &length);
	if (line == NULL)
		return NULL;
	assert_int_equal(strlen(line), length);
	assert_null(strchr(line, '\n'));
	assert_memory_equal(line, "{\"schema\":1,\"nonce\":\"", 21);
	assert_int_equal(strspn(line + 21, "0123456789abcdef"), 32);
	memset(line + 21, '0', 32);
	json_t *parsed = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(parsed);
	json_decref(parsed);
	return line;
}

#define NONCE "{\"schema\":1,\"nonce\":\"00000000000000000000000000000000\","
#define CLOCK                                                                                                         \
	"\"@timestamp\":\"2026-11-24T06:11:04.123Z\",\"clock\":{\"level\":\"rtc\",\"boot_id\":\"0f3c1d2e-1111-2222-3333-" \
	"444455556666\",\"boot_us\":1234567}"

static void test_line(void **state) {
	(void)state;
	struct audit_actor actor = {.is_set = true, .user_id = 1000, .user_name = "eva", .pid = 77, .role = "officer"};
	json_t *details = json_pack("{s:s,s:{s:s}}", "camera", "frigate/gate", "hold", "id", "H-1");
	char *line = format(AUDIT_HOLD_PLACED, "offence", &actor, details);
	assert_string_equal(line, NONCE "\"event\":{\"sequence\":42,\"action\":\"hold-placed\",\"category\":[\"file\"],"
	                                "\"type\":[\"change\"],\"outcome\":\"success\",\"reason\":\"offence\"}," CLOCK
	                                ",\"user\":{\"id\":\"1000\",\"name\":\"eva\"},\"process\":{\"pid\":77},\"role\":"
	                                "\"officer\",\"camera\":\"frigate/gate\",\"hold\":{\"id\":\"H-1\"}}");
	free(line);
	json_decref(details);
	line = format(AUDIT_START, NULL, NULL, NULL);
	assert_string_equal(line, NONCE "\"event\":{\"sequence\":42,\"action\":\"start\",\"category\":[\"process\"],"
	                                "\"type\":[\"start\"],\"outcome\":\"success\"}," CLOCK "}");
	free(line);
}

static void test_nonce_is_random(void **state) {
	(void)state;
	struct audit_stamp stamp = stamp_of(0);
	size_t length = 0;
	char *a = audit_entry_format(&stamp, AUDIT_STOP, AUDIT_UNKNOWN, NULL, NULL, NULL, &length);
	char *b = audit_entry_format(&stamp, AUDIT_STOP, AUDIT_UNKNOWN, NULL, NULL, NULL, &length);
	assert_string_not_equal(a, b);
	assert_non_null(strstr(a, "1970-01-01T00:00:00.000Z"));
	free(a);
	free(b);
	/* Before 1970 the fraction still counts forward. */
	stamp = stamp_of(-1);
	a = audit_entry_format(&stamp, AUDIT_STOP, AUDIT_FAILURE, NULL, NULL, NULL, &length);
	assert_non_null(strstr(a, "1969-12-31T23:59:59.999Z"));
	free(a);
}

static void test_refused(void **state) {
	(void)state;
	static const char *const taken[] = {
	    "{\"event\":1}", "{\"schema\":2}", "{\"nonce\":\"\"}", "{\"@timestamp\":1}", "{\"a\":{\"b\":[1,1.5]}}", "[1]"};
	for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
		json_t *details = json_loads(taken[i], 0, NULL);
		assert_null(format(AUDIT_GAP, NULL, NULL, details));
		json_decref(details);
	}
	char text[AUDIT_ENTRY_BYTES_MAX];
	memset(text, 'x', sizeof text);
	for (size_t length = 7700; length < sizeof text; length++) {
		json_t *details = json_pack("{s:s#}", "a", text, length);
		char *line = format(AUDIT_GAP, NULL, NULL, details);
		json_decref(details);
		if (line == NULL)
			return;
		assert_true(strlen(line) <= AUDIT_ENTRY_BYTES_MAX);
		free(line);
	}
	fail_msg("nothing was too long");
}

static void test_bytes(void **state) {
	(void)state;
	static const struct {
		const char *bytes;
		size_t length;
		const char *json;
	} rows[] = {
	    {"plain", 5, "{\"n\":\"plain\"}"},
	    {"", 0, "{\"n\":\"\"}"},
	    {"caf\xc3\xa9", 5, "{\"n\":\"caf\xc3\xa9\"}"},
	    {"a\nb\"\\", 5, "{\"n\":\"a\\nb\\\"\\\\\"}"},
	    {"a\0b", 3,
	        "{\"n\":\"a\xef\xbf\xbd"
	        "b\",\"n_b64\":\"YQBi\"}"},
	    {"caf\xe9.mp4", 8, "{\"n\":\"caf\xef\xbf\xbd.mp4\",\"n_b64\":\"Y2Fm6S5tcDQ=\"}"},
	    {"\xc0\x80", 2, "{\"n\":\"\xef\xbf\xbd\xef\xbf\xbd\",\"n_b64\":\"wIA=\"}"},
	    {"\xed\xa0\x80", 3, "{\"n\":\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\",\"n_b64\":\"7aCA\"}"},
	    {"\xf4\x90\x80\x80", 4, "{\"n\":\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\",\"n_b64\":\"9JCAgA==\"}"},
	    {"\xe2\x82", 2, "{\"n\":\"\xef\xbf\xbd\xef\xbf\xbd\",\"n_b64\":\"4oI=\"}"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		json_t *object = json_object();
		assert_int_equal(audit_set_bytes(object, "n", (struct text){rows[i].bytes, rows[i].length}), 0);
		char *text = json_dumps(object, JSON_COMPACT);
		assert_string_equal(text, rows[i].json);
		free(text);
		char back[64];
		bool whole = memchr(rows[i].bytes, '\0', rows[i].length) == NULL;
		assert_int_equal(audit_get_bytes(object, "n", back, sizeof back), whole);
		if (whole) {
			assert_int_equal(strlen(back), rows[i].length);
			assert_memory_equal(back, rows[i].bytes, rows[i].length);
		}
		assert_false(audit_get_bytes(object, "m", back, sizeof back));
		json_decref(object);
	}
}

static void test_actions(void **state) {
	(void)state;
	for (int i = 0; i < AUDIT_ACTION_COUNT; i++) {
		const char *name = audit_action_name((enum audit_action)i);
		assert_true(strlen(name) > 0 && strspn(name, "abcdefghijklmnopqrstuvwxyz-") == strlen(name));
		for (int j = 0; j < i; j++)
			assert_string_not_equal(name, audit_action_name((enum audit_action)j));
	}
}

/* ---- segments ---- */

enum { SEGMENTS = 400 };

struct batch {
	struct audit_segment segments[SEGMENTS];
	uint8_t hashes[SEGMENTS][32];
	char names[SEGMENTS][16];
	size_t count;
};

struct comparison {
	const struct batch *batch;
	bool with_bytes;
	size_t seen;
};

static void compare(const struct audit_segment *segment, void *context) {
	struct comparison *comparison = context;
	const struct audit_segment *expected = &comparison->batch->segments[comparison->seen++];
	assert_int_equal(segment->start_us, expected->start_us);
	assert_true(llabs(segment->end_us - expected->end_us) <= 500);
	assert_int_equal(segment->bytes, comparison->with_bytes ? expected->bytes : 0);
	assert_int_equal(segment->sha256 == NULL, expected->sha256 == NULL);
	if (expected->sha256 != NULL)
		assert_memory_equal(segment->sha256, expected->sha256, 32);
	assert_true(text_equal(segment->name, expected->name));
}

/* Length as JSON. */
static size_t there_and_back(const struct batch *batch, bool with_bytes) {
	json_t *object = audit_segments(batch->segments, batch->count, with_bytes);
	assert_non_null(object);
	char *text = json_dumps(object, JSON_COMPACT);
	json_decref(object);
	json_t *parsed = json_loads(text, 0, NULL);
	struct comparison comparison = {batch, with_bytes, 0};
	assert_int_equal(audit_segments_read(parsed, compare, &comparison), batch->count);
	assert_int_equal(comparison.seen, batch->count);
	size_t length = strlen(text);
	free(text);
	json_decref(parsed);
	return length;
}

static uint32_t below(uint32_t bound) {
	return randombytes_uniform(bound);
}

static void batch_random(struct batch *batch) {
	*batch = (struct batch){.count = 1 + below(SEGMENTS)};
	uint32_t style = below(64);
	int64_t unit = style & 1 ? US_PER_SECOND : style & 2 ? 1000 : 1;
	int64_t at = (int64_t)below(2000000000) * US_PER_SECOND;
	for (size_t i = 0; i < batch->count; i++) {
		struct audit_segment *segment = &batch->segments[i];
		segment->start_us = at;
		at += style & 4 ? 10 * US_PER_SECOND : (int64_t)below(20000000) * unit - 1000 * unit;
		segment->end_us = style & 8 ? at : segment->start_us + (int64_t)below(1000000000);
		segment->bytes = style & 16 ? below(1000) / 999 : below(UINT32_MAX) * (uint64_t)below(10);
		randombytes_buf(batch->hashes[i], 32);
		segment->sha256 = style & 32 && below(10) > 0 ? batch->hashes[i] : NULL;
		if (style % 3 == 0 && below(3) == 0) {
			randombytes_buf(batch->names[i], sizeof batch->names[i]);
			segment->name = (struct text){batch->names[i], 1 + below(15)};
		}
	}
}

static void test_segments_random(void **state) {
	(void)state;
	static struct batch batch;
	for (size_t round = 0; round < 500; round++) {
		batch_random(&batch);
		bool with_bytes = below(2) == 0;
		(void)there_and_back(&batch, with_bytes);
		batch.count = audit_segments_fit(batch.segments, batch.count, with_bytes);
		assert_true(batch.count >= 1);
		assert_true(there_and_back(&batch, with_bytes) <= AUDIT_SEGMENTS_BYTES);
	}
}

/* Ten-second segments of a camera for an hour, sizes as they come, ends a few ms off. */
static void test_segments_are_small(void **state) {
	(void)state;
	static struct batch batch;
	batch = (struct batch){.count = 360};
	for (size_t i = 0; i < batch.count; i++) {
		batch.segments[i].start_us = (1795500000 + (int64_t)i * 10) * US_PER_SECOND;
		batch.segments[i].end_us = batch.segments[i].start_us + 10 * US_PER_SECOND;
		batch.segments[i].bytes = 2000000 + below(999999);
	}
	assert_true(there_and_back(&batch, false) < 2 * batch.count);
	assert_true(there_and_back(&batch, true) <= 9 * batch.count);
	assert_int_equal(audit_segments_fit(batch.segments, batch.count, false), batch.count);
	for (size_t i = 0; i < batch.count; i++)
		batch.segments[i].end_us += (int64_t)below(80) * 1000 - 40000;
	assert_true(there_and_back(&batch, true) <= 12 * batch.count);
	for (size_t i = 0; i < batch.count; i++)
		batch.segments[i].sha256 = batch.hashes[i];
	assert_true(there_and_back(&batch, true) <= 60 * batch.count);
	size_t fits = audit_segments_fit(batch.segments, batch.count, true);
	assert_true(fits > 100 && fits < 130);
}

static void test_segments_refused(void **state) {
	(void)state;
	static const char *const bad[] = {
	    "{}",
	    "[]",
	    "{\"count\":0,\"first_us\":1,\"last_ms\":1,\"bytes\":[]}",
	    "{\"count\":5000,\"first_us\":1,\"last_ms\":1,\"bytes_total\":1}",
	    "{\"count\":2,\"first_us\":1,\"last_ms\":1,\"bytes_total\":1}",
	    "{\"count\":2,\"first_us\":1,\"last_ms\":1,\"unit_us\":0,\"steps\":[1],\"bytes_total\":1}",
	    "{\"count\":2,\"first_us\":1,\"last_ms\":1,\"unit_us\":1,\"steps\":[1,1],\"bytes_total\":1}",
	    "{\"count\":2,\"first_us\":1,\"last_ms\":1,\"unit_us\":1,\"steps\":[[1,9]],\"bytes_total\":1}",
	    "{\"count\":2,\"first_us\":1,\"last_ms\":1,\"unit_us\":1,\"steps\":[[1,0]],\"bytes_total\":1}",
	    "{\"count\":2,\"first_us\":1,\"last_ms\":1,\"unit_us\":1,\"steps\":[\"1\"],\"bytes_total\":1}",
	    "{\"count\":2,\"first_us\":9223372036854775807,\"last_ms\":1,\"unit_us\":1,\"steps\":[1],\"bytes_total\":1}",
	    "{\"count\":2,\"first_us\":1,\"last_ms\":1,\"unit_us\":9223372036854775807,\"steps\":[2],\"bytes_total\":1}",
	    "{\"count\":1,\"first_us\":1,\"last_ms\":9223372036854775807,\"bytes_total\":1}",
	    "{\"count\":1,\"first_us\":1,\"last_ms\":1,\"bytes\":[-1]}",
	    "{\"count\":1,\"first_us\":1,\"last_ms\":1,\"bytes\":[1],\"sha256\":[\"abc\"]}",
	    "{\"count\":1,\"first_us\":1,\"last_ms\":1,\"bytes\":[1],\"sha256\":[]}",
	    "{\"count\":1,\"first_us\":1,\"last_ms\":1,\"bytes\":[1],\"names\":[7]}",
	    "{\"count\":1,\"first_us\":1,\"last_ms\":1,\"bytes\":[1],\"names\":[{\"b64\":\"?\"}]}",
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		json_t *object = json_loads(bad[i], 0, NULL);
		assert_non_null(object);
		struct comparison comparison = {0};
		if (audit_segments_read(object, compare, &comparison) != -EBADMSG)
			fail_msg("accepted %s", bad[i]);
		json_decref(object);
	}
	struct audit_segment segment = {.start_us = INT64_MAX};
	assert_null(audit_segments(&segment, 1, true));
	assert_null(audit_segments(&segment, 0, true));
	assert_int_equal(audit_segments_fit(&segment, 0, true), 0);
}

int main(void) {
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_line),
	    cmocka_unit_test(test_nonce_is_random),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_bytes),
	    cmocka_unit_test(test_actions),
	    cmocka_unit_test(test_segments_random),
	    cmocka_unit_test(test_segments_are_small),
	    cmocka_unit_test(test_segments_refused),
	};
	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}

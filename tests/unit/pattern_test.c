/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Patterns: what matches, what must not, and the way back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "settings/pattern.h"

static struct pattern *compiled(const char *source) {
	char message[256] = "";
	struct pattern *pattern = pattern_compile(source, message, sizeof(message));
	if (pattern == NULL)
		fail_msg("'%s' does not compile: %s", source, message);
	return pattern;
}

static bool matches(const char *source, const char *path, struct pattern_match *match) {
	struct pattern *pattern = compiled(source);
	bool result = pattern_matches(pattern, text_of(path), match);
	pattern_free(pattern);
	return result;
}

static void assert_match(const char *source, const char *path) {
	struct pattern_match match;
	if (!matches(source, path, &match))
		fail_msg("'%s' should match '%s'", source, path);
}

static void assert_no_match(const char *source, const char *path) {
	struct pattern_match match;
	if (matches(source, path, &match))
		fail_msg("'%s' should not match '%s'", source, path);
}

static void assert_text(struct text text, const char *expected) {
	if (!text_equal(text, text_of(expected)))
		fail_msg("'%.*s' is not '%s'", (int)text.length, text.data, expected);
}

static void test_frigate(void **state) {
	(void)state;
	struct pattern_match match;
	assert_true(matches("%Y-%m-%d/%H/%{camera}/%M.%S.mp4", "2026-11-24/06/gate-1/05.09.mp4", &match));
	assert_text(match.camera, "gate-1");
	assert_true(match.has_date && match.has_time);
	assert_false(match.is_epoch);
	assert_int_equal(match.local.year, 2026);
	assert_int_equal(match.local.month, 11);
	assert_int_equal(match.local.day, 24);
	assert_int_equal(match.local.hour, 6);
	assert_int_equal(match.local.minute, 5);
	assert_int_equal(match.local.second, 9);
}

static void test_anchored(void **state) {
	(void)state;
	const char *frigate = "%Y-%m-%d/%H/%{camera}/%M.%S.mp4";
	assert_no_match(frigate, "x/2026-11-24/06/gate/05.09.mp4");
	assert_no_match(frigate, "2026-11-24/06/gate/05.09.mp4.tmp");
	assert_no_match(frigate, "2026-11-24/06/gate/x05.09.mp4");
	assert_no_match(frigate, "2026-11-24/06/05.09.mp4");
	assert_no_match(frigate, "2026-11-24/06/a/b/05.09.mp4");
	assert_no_match(frigate, "/2026-11-24/06/gate/05.09.mp4");
	assert_no_match(frigate, "2026-11-24/06/gate/05.09.mp4/");
	assert_no_match(frigate, "2026-11-24//06/gate/05.09.mp4");
	assert_no_match(frigate, "");
	assert_no_match(frigate, "2026-11-24/06/../05.09.mp4");
	assert_no_match(frigate, "2026-11-24/06//05.09.mp4");
	assert_no_match(frigate, "2026-11-24/06/.hidden/05.09.mp4");
}

static void test_impossible_times(void **state) {
	(void)state;
	const char *pattern = "%Y-%m-%d_%H-%M-%S.mp4";
	assert_match(pattern, "2026-12-31_23-59-60.mp4");
	assert_no_match(pattern, "2026-13-01_00-00-00.mp4");
	assert_no_match(pattern, "2026-00-01_00-00-00.mp4");
	assert_no_match(pattern, "2026-02-29_00-00-00.mp4");
	assert_match(pattern, "2028-02-29_00-00-00.mp4");
	assert_no_match(pattern, "2026-04-31_00-00-00.mp4");
	assert_no_match(pattern, "2026-01-01_24-00-00.mp4");
	assert_no_match(pattern, "2026-01-01_00-60-00.mp4");
	assert_no_match(pattern, "2026-01-01_00-00-61.mp4");
	assert_no_match(pattern, "2026-1-01_00-00-00.mp4");
	assert_no_match(pattern, "0000-01-01_00-00-00.mp4");
	assert_no_match(pattern, "2026-01-0x_00-00-00.mp4");
}

static void test_repeated_parts_agree(void **state) {
	(void)state;
	const char *pattern = "%Y/%m/%d/%{camera}/%Y-%m-%d_%H-%M-%S_%{camera}.mdat";
	assert_match(pattern, "2026/11/24/gate/2026-11-24_06-00-00_gate.mdat");
	assert_no_match(pattern, "2026/11/24/gate/2026-11-25_06-00-00_gate.mdat");
	assert_no_match(pattern, "2026/11/24/gate/2026-11-24_06-00-00_door.mdat");
	assert_match("%{camera}/%{event}/%{event}-video.mp4", "1/77/77-video.mp4");
	assert_no_match("%{camera}/%{event}/%{event}-video.mp4", "1/77/78-video.mp4");
}

static void test_epochs(void **state) {
	(void)state;
	struct pattern_match match;
	assert_true(matches("segments/%{camera}/%s.m4s", "segments/cam/1764000000.m4s", &match));
	assert_true(match.is_epoch);
	assert_int_equal(match.epoch_us, 1764000000000000);
	assert_true(matches("%{epoch_ms}.mp4", "1764000000123.mp4", &match));
	assert_int_equal(match.epoch_us, 1764000000123000);
	assert_true(matches("**/%{epoch_us}.mp4", "a/b/1764000000123456.mp4", &match));
	assert_int_equal(match.epoch_us, 1764000000123456);
	assert_true(matches("%s-%f.ts", "1764000000-250000.ts", &match));
	assert_int_equal(match.epoch_us, 1764000000250000);
	assert_no_match("%s.mp4", "99999999999999999999.mp4");
	assert_no_match("%s.mp4", "012.mp4");
	assert_no_match("%s.mp4", "123456789012345678901.mp4");
	assert_no_match("%s.mp4", "-1.mp4");
}

static void test_fraction_offset_and_days(void **state) {
	(void)state;
	struct pattern_match match;
	const char *pattern = "%Y-%m-%d_%H-%M-%S-%f%z.mp4";
	assert_true(matches(pattern, "2026-11-24_06-00-00-250000+0130.mp4", &match));
	assert_int_equal(match.local.microsecond, 250000);
	assert_true(match.has_offset);
	assert_int_equal(match.offset_seconds, 5400);
	assert_true(matches(pattern, "2026-11-24_06-00-00-5Z.mp4", &match));
	assert_int_equal(match.local.microsecond, 500000);
	assert_int_equal(match.offset_seconds, 0);
	assert_true(matches(pattern, "2026-11-24_06-00-00-123456789-03:00.mp4", &match));
	assert_int_equal(match.local.microsecond, 123456);
	assert_int_equal(match.offset_seconds, -10800);
	assert_true(matches("%Y/%j/%H%M%S.ts", "2028/366/010203.ts", &match));
	assert_int_equal(match.local.month, 12);
	assert_int_equal(match.local.day, 31);
	assert_no_match("%Y/%j/%H%M%S.ts", "2026/366/010203.ts");
	assert_true(matches("%y%m%d.ts", "261124.ts", &match));
	assert_int_equal(match.local.year, 2026);
	assert_false(match.has_time);
}

static void test_longest_name_wins(void **state) {
	(void)state;
	struct pattern_match match;
	assert_true(matches("%s_%{n}-%{number}_%{camera}_%{region}_%{changes}_%{number}.mp4",
	    "1764000000_6-967003_front_door_200-200-400-400_24_769.mp4", &match));
	assert_text(match.camera, "front_door");
	assert_int_equal(match.epoch_us, 1764000000000000);
	assert_true(matches("%{camera}_%Y.ts", "a_2025_2026.ts", &match));
	assert_text(match.camera, "a_2025");
	assert_true(matches("%{camera}-%{name}.{mp4,4}", "a-b-c.mp4", &match));
	assert_text(match.camera, "a-b");
}

/* The camera that the plainest search finds: the longest before a separator that leaves something for the rest. */
static size_t plain_camera(const char *name, size_t length, size_t names) {
	for (size_t camera = length; camera > 0; camera--) {
		size_t separators = 0;
		/* After the camera's own '_' there must be `names - 2` more with at least one byte around each. */
		if (name[camera] != '_')
			continue;
		size_t last = camera;
		for (size_t at = camera + 2; at < length && separators < names - 2; at++)
			if (name[at] == '_' && at > last + 1) {
				separators++;
				last = at;
			}
		if (separators == names - 2 && last + 1 < length)
			return camera;
	}
	return 0;
}

/* Every name of up to 11 bytes of two letters, both ways of searching against the plainest one. */
static void test_search_is_exact(void **state) {
	(void)state;
	struct pattern *alternating = compiled("%{camera}_%{x}_%{y}");
	struct pattern *general = compiled("%{camera}{_,_}%{x}{_,_}%{y}");
	for (size_t length = 1; length <= 11; length++)
		for (unsigned bits = 0; bits < 1U << length; bits++) {
			char name[16];
			struct pattern_match first, second;
			for (size_t i = 0; i < length; i++)
				name[i] = bits >> i & 1 ? '_' : 'a';
			name[length] = '\0';
			struct text path = {name, length};
			size_t camera = plain_camera(name, length, 3);
			assert_int_equal(pattern_matches(alternating, path, &first), camera > 0);
			assert_int_equal(pattern_matches(general, path, &second), camera > 0);
			if (camera > 0 && (first.camera.length != camera || second.camera.length != camera))
				fail_msg(
				    "'%s': camera of %zu, %zu and %zu bytes", name, camera, first.camera.length, second.camera.length);
		}
	pattern_free(alternating);
	pattern_free(general);
}

static void test_choices_and_literals(void **state) {
	(void)state;
	assert_match("%{name}.{mp4,mkv}", "x.mkv");
	assert_no_match("%{name}.{mp4,mkv}", "x.avi");
	assert_no_match("%{name}.{mp4,mkv}", ".mkv");
	assert_match("100%%/%{name}", "100%/x");
	assert_match("out%03d.ts", "out001.ts");
	assert_no_match("out%03d.ts", "outx01.ts");
	assert_match("{out,segment}%{n}.ts", "segment12.ts");
	assert_match("{a,ab}%{name}", "abc");
	assert_match("**/%{name}.mp4", "x.mp4");
	assert_match("**/%{name}.mp4", "a/b/c/x.mp4");
	assert_no_match("**/%{name}.mp4", "a/.b/c/x.mp4");
	assert_no_match("**/%{name}.mp4", "a//x.mp4");
	assert_no_match("%{camera}/x.mp4", "./x.mp4");
	assert_no_match("%{camera}/x.mp4", "../x.mp4");
	assert_match("%{camera}/x.mp4", "a\nb/x.mp4");
	assert_match("%{camera}/x.mp4", "\xff\xfe/x.mp4");
}

static void test_ffmpeg_formats_as_they_are(void **state) {
	(void)state;
	assert_match("%Y-%m-%d_%H-%M-%S", "2026-11-24_06-00-00");
	assert_match("cam1-%Y%m%d-%H%M%S.mkv", "cam1-20261124-060000.mkv");
}

static void test_wrong_patterns(void **state) {
	(void)state;
	static const char *const wrong[] = {"", "/x", "x/", "a//b", "%", "%Q", "%{", "%{}", "%{Camera}", "%{camera", "{a",
	    "{}", "{a,}", "a}", "%{a}%{b}", "%s%f", "%Y%Y", "%{a}-%{a}", "*", "a/**/b", "../x", "a/./b", "{a/b}", "%T",
	    "a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t/u/v/w/x/y"};
	for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
		char message[256] = "";
		struct pattern *pattern = pattern_compile(wrong[i], message, sizeof(message));
		if (pattern != NULL)
			fail_msg("'%s' should not compile", wrong[i]);
		assert_true(message[0] != '\0');
	}
}

/* Many parts of any length and a name that nearly fits: the search must stay small. */
static void test_no_explosion(void **state) {
	(void)state;
	struct pattern *pattern = compiled("%{a}-%{b}-%{c}-%{d}-%{e}-%{f}-%{g}-%{h}-%{i}-%{number}.mp4");
	struct pattern_match match;
	char name[256];
	for (size_t i = 0; i < 250; i++)
		name[i] = i % 2 ? '-' : 'a';
	for (int round = 0; round < 200; round++)
		assert_false(pattern_matches(pattern, (struct text){name, 250}, &match));
	name[245] = '-';
	memcpy(name + 246, "7.mp4", 5);
	assert_true(pattern_matches(pattern, (struct text){name, 251}, &match));
	assert_false(pattern_matches(pattern, (struct text){name, 256}, &match));
	pattern_free(pattern);
}

static void test_folders(void **state) {
	(void)state;
	struct pattern *pattern = compiled("%{camera}/%Y-%m-%d/%{event}/%{event}-video.mp4");
	struct pattern_match match;
	assert_true(pattern_leads_through(pattern, text_of("")));
	assert_true(pattern_leads_through(pattern, text_of("1")));
	assert_true(pattern_leads_through(pattern, text_of("1/2026-11-24")));
	assert_true(pattern_leads_through(pattern, text_of("1/2026-11-24/77")));
	assert_false(pattern_leads_through(pattern, text_of("1/x")));
	assert_false(pattern_leads_through(pattern, text_of("1/2026-11-24/77/x")));
	assert_true(pattern_matches_folder(pattern, text_of("1/2026-11-24/77"), &match));
	assert_text(match.group, "77");
	assert_false(pattern_matches_folder(pattern, text_of("1/2026-11-24"), &match));
	pattern_free(pattern);
	pattern = compiled("%{number}.mkv");
	assert_true(pattern_matches_folder(pattern, text_of(""), &match));
	assert_false(pattern_matches_folder(pattern, text_of("a"), &match));
	assert_true(pattern_leads_through(pattern, text_of("")));
	assert_false(pattern_leads_through(pattern, text_of("a")));
	pattern_free(pattern);
	pattern = compiled("**/%{name}.mkv");
	assert_true(pattern_leads_through(pattern, text_of("a/b")));
	assert_false(pattern_leads_through(pattern, text_of("a/.b")));
	pattern_free(pattern);
}

static void test_format(void **state) {
	(void)state;
	static const struct {
		const char *pattern, *path;
		bool back;
	} cases[] = {
	    {"%Y-%m-%d/%H/%{camera}/%M.%S.mp4", "2026-11-24/06/gate/05.09.mp4", true},
	    {"%{camera}/%Y-%m-%d_%H-%M-%S-%f.mp4", "gate/2026-11-24_06-00-00-000123.mp4", true},
	    {"%Y/%m/%d/%{camera}/%Y-%m-%d_%H-%M-%S_%{camera}.mdat", "2026/11/24/a/2026-11-24_06-00-00_a.mdat", true},
	    {"segments/%{camera}/%s.m4s", "segments/a/1764000000.m4s", true},
	    {"%{camera}/%{epoch_us}.mp4", "a/1764000000123456.mp4", true},
	    {"%s-%f.{ts}", "1764000000-000001.ts", true},
	    {"%y/%j/%H%M%S.ts", "28/060/010203.ts", true},
	    {"%{number}-%Y%m%d%H%M%S.mkv", "01-20261124060000.mkv", false},
	    {"%{camera}.{mp4,mkv}", "a.mp4", false},
	    {"**/%{camera}.mp4", "a.mp4", false},
	    {"%{camera}-%{event}.mp4", "a-1.mp4", false},
	    {"%Y-%m-%d%z.mp4", "2026-11-24Z.mp4", false},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct pattern *pattern = compiled(cases[i].pattern);
		struct pattern_match match;
		char path[256];
		size_t length;
		assert_true(pattern_matches(pattern, text_of(cases[i].path), &match));
		bool back = pattern_format(pattern, match.camera, &match.local, match.epoch_us, path, sizeof(path), &length);
		if (back != cases[i].back)
			fail_msg("'%s': way back is %d", cases[i].pattern, back);
		if (back) {
			assert_string_equal(path, cases[i].path);
			assert_int_equal(length, strlen(path));
		}
		pattern_free(pattern);
	}
}

static void test_format_refuses(void **state) {
	(void)state;
	struct pattern *pattern = compiled("%{camera}/%Y-%m-%d_%H-%M-%S.mp4");
	struct local_time local = {.year = 2026, .month = 11, .day = 24, .hour = 6};
	char path[64];
	size_t length;
	assert_true(pattern_format(pattern, text_of("a"), &local, 0, path, sizeof(path), &length));
	assert_false(pattern_format(pattern, text_of(".."), &local, 0, path, sizeof(path), &length));
	assert_false(pattern_format(pattern, text_of("a/b"), &local, 0, path, sizeof(path), &length));
	assert_false(pattern_format(pattern, text_of(""), &local, 0, path, sizeof(path), &length));
	assert_false(pattern_format(pattern, text_of("a"), NULL, 0, path, sizeof(path), &length));
	assert_false(pattern_format(pattern, text_of("a"), &local, 0, path, 10, &length));
	local.month = 13;
	assert_false(pattern_format(pattern, text_of("a"), &local, 0, path, sizeof(path), &length));
	pattern_free(pattern);
	pattern = compiled("%{camera}/%s.mp4");
	assert_true(pattern_format(pattern, text_of("a"), NULL, 1000000, path, sizeof(path), &length));
	assert_false(pattern_format(pattern, text_of("a"), NULL, 1000001, path, sizeof(path), &length));
	assert_false(pattern_format(pattern, text_of("a"), NULL, -1000000, path, sizeof(path), &length));
	pattern_free(pattern);
}

static void test_stem(void **state) {
	(void)state;
	static const char *const cases[][2] = {{"%{camera}/%M.%S.mp4", "%{camera}/%M.%S"}, {"a/%S.{mp4,mkv}", "a/%S"},
	    {"a/%S{.mp4,.mkv}", "a/%S"}, {"a.b/%S", NULL}, {"%{camera}.%S", NULL},
	    {"%{n}-x.%{codec}.mp4", "%{n}-x.%{codec}"}, {"%{camera}", NULL}};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct pattern *pattern = compiled(cases[i][0]);
		struct pattern *stem = pattern_compile_stem(pattern);
		if (cases[i][1] == NULL)
			assert_null(stem);
		else
			assert_string_equal(pattern_source(stem), cases[i][1]);
		pattern_free(stem);
		pattern_free(pattern);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_frigate),
	    cmocka_unit_test(test_anchored),
	    cmocka_unit_test(test_impossible_times),
	    cmocka_unit_test(test_repeated_parts_agree),
	    cmocka_unit_test(test_epochs),
	    cmocka_unit_test(test_fraction_offset_and_days),
	    cmocka_unit_test(test_longest_name_wins),
	    cmocka_unit_test(test_search_is_exact),
	    cmocka_unit_test(test_choices_and_literals),
	    cmocka_unit_test(test_ffmpeg_formats_as_they_are),
	    cmocka_unit_test(test_wrong_patterns),
	    cmocka_unit_test(test_no_explosion),
	    cmocka_unit_test(test_folders),
	    cmocka_unit_test(test_format),
	    cmocka_unit_test(test_format_refuses),
	    cmocka_unit_test(test_stem),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

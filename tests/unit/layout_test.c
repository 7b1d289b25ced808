/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The layouts that are shipped, on names as the recorders write them; and layout files that are wrong. Run from the
 * project's folder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "settings/layout.h"

#define FOLDER "config/layouts"

static struct layout *loaded(const char *name) {
	char path[256], message[1024] = "";
	struct layout *layout = NULL;
	(void)snprintf(path, sizeof(path), FOLDER "/%s.conf", name);
	if (layout_load(path, &layout, message, sizeof(message)) < 0)
		fail_msg("%s", message);
	return layout;
}

struct sample {
	const char *layout, *path;
	enum layout_role role;
	enum segment_kind kind;
	const char *camera; /* NULL where the path has none */
	const char *owner;  /* of a sidecar */
};

#define VIDEO(layout, path, camera) \
	{ layout, path, LAYOUT_SEGMENT, SEGMENT_VIDEO, camera, NULL }
#define STILL(layout, path, camera) \
	{ layout, path, LAYOUT_SEGMENT, SEGMENT_STILL, camera, NULL }
#define SOUND(layout, path, camera) \
	{ layout, path, LAYOUT_SEGMENT, SEGMENT_SOUND, camera, NULL }
#define BESIDE(layout, path, owner) \
	{ layout, path, LAYOUT_SIDECAR, SEGMENT_VIDEO, NULL, owner }
#define OTHER(layout, path, role) \
	{ layout, path, role, SEGMENT_VIDEO, NULL, NULL }

static const struct sample samples[] = {
    VIDEO("frigate", "2026-11-24/06/front-door/05.09.mp4", "front-door"),
    OTHER("frigate", "2026-11-24/06/front-door/05.09.mp4.tmp", LAYOUT_FOREIGN),
    OTHER("frigate", "frigate.db", LAYOUT_FOREIGN),
    VIDEO("mediamtx", "gate/2026-11-24_06-05-09-123456.mp4", "gate"),
    VIDEO("mediamtx", "gate/2026-11-24_06-05-09-123456.ts", "gate"),
    VIDEO("mediamtx", "gate/2026-11-24_06-05-09-123456+0100.mp4", "gate"),
    VIDEO("mediamtx", "gate/2026-11-24_06-05-09-123456_Z.ts", "gate"),
    VIDEO("mediamtx", "gate/1764000000-123456.mp4", "gate"),
    VIDEO("mediamtx", "site/gate/2026-11-24_06-05-09-123456.mp4", "gate"),
    VIDEO("zoneminder-medium", "3/2026-11-24/4711/4711-video.h264.mp4", "3"),
    VIDEO("zoneminder-medium", "3/2026-11-24/4711/4711-video.mp4", "3"),
    BESIDE("zoneminder-medium", "3/2026-11-24/4711/snapshot.jpg", ""),
    BESIDE("zoneminder-medium", "3/2026-11-24/4711/00001-capture.jpg", ""),
    BESIDE("zoneminder-medium", "3/2026-11-24/4711/incomplete.mp4", ""),
    OTHER("zoneminder-medium", "3/2026-11-24/notes.txt", LAYOUT_FOREIGN),
    VIDEO("zoneminder-deep", "3/26/11/24/06/05/09/4711-video.h264.mp4", "3"),
    BESIDE("zoneminder-deep", "3/26/11/24/06/05/09/alarm.jpg", ""),
    OTHER("zoneminder-deep", "3/26/11/24/.4711", LAYOUT_IGNORED),
    OTHER("zoneminder-deep", "3/26/13/24/06/05/09/alarm.jpg", LAYOUT_FOREIGN),
    VIDEO("zoneminder-shallow", "3/4711/4711-video.h264.mp4", "3"),
    BESIDE("zoneminder-shallow", "3/4711/snapshot.jpg", ""),
    VIDEO("shinobi", "gRoup1/front/2026-11-24T06-05-09.mp4", "front"),
    VIDEO("shinobi", "gRoup1/front/2026-11-24T06-05-09.webm", "front"),
    STILL("shinobi", "gRoup1/front_timelapse/2026-11-24/2026-11-24T06-05-09.jpg", "front"),
    VIDEO("motion", "01-20261124060509.mkv", NULL),
    VIDEO("motion", "01-20261124060509m.mkv", NULL),
    STILL("motion", "01-20261124060509-03.jpg", NULL),
    STILL("motion", "01-20261124060509-snapshot.jpg", NULL),
    OTHER("motion", "lastsnap.jpg", LAYOUT_IGNORED),
    VIDEO("motioneye", "Camera1/2026-11-24/06-05-09.mp4", "Camera1"),
    BESIDE("motioneye", "Camera1/2026-11-24/06-05-09.mp4.thumb", "06-05-09.mp4"),
    STILL("motioneye", "Camera1/2026-11-24/06-05-09.jpg", "Camera1"),
    OTHER("motioneye", "Camera1/2026-11-24/x.mp4.thumb", LAYOUT_FOREIGN),
    VIDEO("viseron", "segments/gate/1764000000.m4s", "gate"),
    VIDEO("viseron", "tier1/segments/gate/1764000000.m4s", "gate"),
    {"viseron", "segments/gate/init.mp4", LAYOUT_SHARED, SEGMENT_VIDEO, "gate", NULL},
    VIDEO("kerberos", "1764000000_6-967003_front_door_200-200-400-400_24_769.mp4", "front_door"),
    VIDEO("kerberos", "1764000000_3-967_gate_0-0-0-0_-1_3000.mp4", "gate"),
    VIDEO("kerberos", "1764000000_3-967_gate_0-0-0-0_0_0_.mp4", "gate"),
    VIDEO("sentryshot", "2026/11/24/gate/2026-11-24_06-05-09_gate.mdat", "gate"),
    BESIDE("sentryshot", "2026/11/24/gate/2026-11-24_06-05-09_gate.meta", "2026-11-24_06-05-09_gate"),
    BESIDE("sentryshot", "2026/11/24/gate/2026-11-24_06-05-09_gate.jpeg", "2026-11-24_06-05-09_gate"),
    BESIDE("sentryshot", "2026/11/24/gate/2026-11-24_06-05-09_gate.json", "2026-11-24_06-05-09_gate"),
    OTHER("sentryshot", "2026/11/24/gate/2026-11-24_06-05-09_door.json", LAYOUT_FOREIGN),
    VIDEO("os-nvr", "2026/11/24/gate/2026-11-24_06-05-09_gate.mdat", "gate"),
    VIDEO("os-nvr", "2026/11/24/gate/2026-11-24_06-05-09_gate.mp4", "gate"),
    BESIDE("os-nvr", "2026/11/24/gate/2026-11-24_06-05-09_gate.json", "2026-11-24_06-05-09_gate"),
    VIDEO("bluecherry", "2026/11/24/000003/06-05-09.mp4", "000003"),
    BESIDE("bluecherry", "2026/11/24/000003/06-05-09.jpg", "06-05-09"),
    VIDEO("lightnvr", "mp4/gate/2026/11/24/recording_20261124_060509.mp4", "gate"),
    OTHER("lightnvr", "mp4/gate/2026/11/25/recording_20261124_060509.mp4", LAYOUT_FOREIGN),
    VIDEO("opennvr", "cam-7/2026-11-24/06/05-09-123456.mp4", "7"),
    VIDEO("ex-nvr", "ex_nvr/0b1c/hi_quality/2026/11/24/06/1764000000123456.mp4", "0b1c"),
    VIDEO("ex-nvr", "a/b/1764000000123456.mp4", NULL),
    VIDEO("ffmpeg-segment", "gate/2026-11-24_06-05-09.mkv", "gate"),
    VIDEO("ffmpeg-segment", "gate/20261124T060509.ts", "gate"),
    VIDEO("ffmpeg-segment", "gate_2026-11-24_06-05-09.mp4", "gate"),
    VIDEO("ffmpeg-segment", "gate/2026/11/24/06-05-09.mp4", "gate"),
    SOUND("ffmpeg-segment", "gate/2026-11-24_06-05-09.wav", "gate"),
    OTHER("ffmpeg-segment", "gate/list.m3u8", LAYOUT_IGNORED),
    VIDEO("ffmpeg-ring", "gate/out007.ts", "gate"),
    VIDEO("ffmpeg-ring", "gate/007.mp4", "gate"),
    VIDEO("splitmuxsink", "gate/video00001.mp4", "gate"),
    VIDEO("splitmuxsink", "gate/2026-11-24_06-05-09.mkv", "gate"),
    VIDEO("any", "whatever.mp4", NULL),
    VIDEO("any", "a/b c/\xff.mkv", NULL),
    STILL("any", "a/x.png", NULL),
    SOUND("any", "a/x.opus", NULL),
    OTHER("any", "a/x.txt", LAYOUT_FOREIGN),
    OTHER("any", "a/.trash/x.mp4", LAYOUT_FOREIGN),
};

static void check_sample(const struct layout *layout, const struct sample *sample) {
	struct layout_match match;
	layout_classify(layout, text_of(sample->path), &match);
	if (match.role != sample->role || (match.role == LAYOUT_SEGMENT && match.kind != sample->kind))
		fail_msg("%s: '%s' is role %d kind %d", sample->layout, sample->path, (int)match.role, (int)match.kind);
	if (match.role == LAYOUT_SEGMENT || sample->camera != NULL)
		if (!text_equal(match.parts.camera, text_of(sample->camera)))
			fail_msg("%s: '%s' has camera '%.*s'", sample->layout, sample->path, (int)match.parts.camera.length,
			    match.parts.camera.data);
	if (sample->owner != NULL)
		assert_string_equal(match.owner, sample->owner);
}

static void test_samples(void **state) {
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(samples); i++) {
		struct layout *layout = loaded(samples[i].layout);
		check_sample(layout, &samples[i]);
		layout_free(layout);
	}
}

static void test_transfer(void **state) {
	(void)state;
	static uint8_t bytes[65536];
	for (size_t i = 0; i < ARRAY_LENGTH(samples); i++) {
		struct layout *layout = loaded(samples[i].layout);
		struct byte_writer writer;
		struct byte_reader reader;
		byte_writer_init(&writer, bytes, sizeof(bytes));
		layout_put(&writer, layout);
		assert_false(writer.failed);
		byte_reader_init(&reader, bytes, writer.used);
		struct layout *copy = layout_get(&reader);
		assert_non_null(copy);
		assert_true(byte_reader_done(&reader));
		check_sample(copy, &samples[i]);
		assert_int_equal(copy->finish, layout->finish);
		assert_int_equal(copy->clock, layout->clock);
		assert_int_equal(copy->preserve, layout->preserve);
		assert_int_equal(copy->sidecar_count, layout->sidecar_count);
		assert_string_equal(copy->recorder_setting, layout->recorder_setting);
		layout_free(copy);
		for (size_t length = 0; length < writer.used; length += 7) {
			byte_reader_init(&reader, bytes, length);
			assert_null(layout_get(&reader));
		}
		layout_free(layout);
	}
}

/* What a pattern writes it must read back as the same camera and time, and write again the same. */
static void check_way_back(const struct pattern *pattern, int64_t seconds) {
	struct zone *zone = NULL;
	struct local_time local;
	char path[512], again[512];
	size_t length, more;
	assert_int_equal(zone_load("UTC", &zone), 0);
	zone_to_local(zone, seconds * 1000000, &local, NULL);
	zone_free(zone);
	local.microsecond = 0;
	if (!pattern_format(pattern, text_of("front_door-2"), &local, seconds * 1000000, path, sizeof(path), &length))
		return;
	struct pattern_match match;
	if (!pattern_matches(pattern, (struct text){path, length}, &match))
		fail_msg("'%s' does not match its own '%s'", pattern_source(pattern), path);
	if (match.is_epoch)
		assert_int_equal(match.epoch_us, seconds * 1000000);
	else if (match.has_date && match.has_time)
		assert_memory_equal(&match.local, &local, sizeof(local));
	assert_true(pattern_format(pattern, match.camera, &match.local, match.epoch_us, again, sizeof(again), &more));
	assert_string_equal(path, again);
}

static void each_layout(void (*visit)(const struct layout *layout)) {
	DIR *folder = opendir(FOLDER);
	assert_non_null(folder);
	size_t count = 0;
	for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
		char name[300];
		size_t length = strlen(entry->d_name);
		if (length <= 5 || strcmp(entry->d_name + length - 5, ".conf") != 0)
			continue;
		assert_true(text_copy(name, sizeof(name), (struct text){entry->d_name, length - 5}));
		struct layout *layout = loaded(name);
		visit(layout);
		layout_free(layout);
		count++;
	}
	assert_true(count >= 21);
	closedir(folder);
}

static void visit_way_back(const struct layout *layout) {
	for (size_t i = 0; i < layout->pattern_count; i++)
		for (int64_t seconds = 946684800; seconds < 4000000000; seconds += 86399 * 97)
			check_way_back(layout->patterns[i].pattern, seconds);
}

static void test_way_back(void **state) {
	(void)state;
	each_layout(visit_way_back);
}

static void visit_complete(const struct layout *layout) {
	assert_non_null(layout->title);
	if (layout->refused != NULL)
		return;
	if (layout->recorder_setting == NULL || layout->recorder_shows == NULL || layout->preserve == 0)
		fail_msg("layout %s is not complete", layout->name);
}

static void test_complete(void **state) {
	(void)state;
	each_layout(visit_complete);
}

static void test_moonfire_is_refused(void **state) {
	(void)state;
	struct layout *layout = loaded("moonfire");
	assert_non_null(layout->refused);
	assert_int_equal(layout->pattern_count, 0);
	layout_free(layout);
}

static void test_leads_through(void **state) {
	(void)state;
	struct layout *layout = loaded("frigate");
	assert_true(layout_leads_through(layout, text_of("")));
	assert_true(layout_leads_through(layout, text_of("2026-11-24/06")));
	assert_false(layout_leads_through(layout, text_of("clips")));
	layout_free(layout);
}

/* A layout of this text; the line and a word of the refusal. */
static void refused(const char *text, const char *line, const char *word) {
	char folder[] = "/tmp/layout_test.XXXXXX", path[64], message[1024] = "", place[96];
	struct layout *layout = NULL;
	assert_non_null(mkdtemp(folder));
	(void)snprintf(path, sizeof(path), "%s/x.conf", folder);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	(void)fputs(text, file);
	(void)fclose(file);
	int result = layout_load(path, &layout, message, sizeof(message));
	(void)unlink(path);
	(void)rmdir(folder);
	assert_int_equal(result, -EINVAL);
	(void)snprintf(place, sizeof(place), "%s:%s: ", path, line);
	if (strstr(message, place) == NULL || strstr(message, word) == NULL)
		fail_msg("'%s' has not '%s' or not '%s'", message, place, word);
}

static void test_wrong_files(void **state) {
	(void)state;
	refused("title = \"x\";\nvideo = ( \"%Q\" );", "2", "not known");
	refused("title = \"x\";\nvideo = \"%{camera}.mp4\";", "2", "not a list");
	refused("title = \"x\";\nvideo = ( 5 );", "2", "not a text");
	refused("title = \"x\";\n\nvidoe = ( \"a\" );", "3", "write video instead");
	refused("title = \"x\"\nvideo = \n", "3", "syntax error");
	refused("title = \"x\";", "1", "no patterns");
	refused("video = ( \"%{camera}.mp4\" );", "1", "no title");
	refused("title = \"x\"; clock = \"utc\"; video = ( \"%{camera}.mp4\" );", "1", "no pattern has a date");
	refused("title = \"x\"; clock = \"epoch\"; video = ( \"%{camera}.mp4\" );", "1", "epoch");
	refused("title = \"x\"; video = ( \"%s.mp4\" );", "1", "clock is none");
	refused("title = \"x\"; video = ( \"a.mp4\" ); finish = \"sidecar\";", "1", "finish_suffix");
	refused("title = \"x\"; video = ( \"a.mp4\" );\nfinish = \"never\";", "2", "close, rename, link, sidecar or idle");
	refused("title = \"x\"; video = ( \"a.mp4\" );\nidle_seconds = 0;", "2", "1 to 86400");
	refused("title = \"x\"; video = ( \"a.mp4\" );\nslots = 1;", "2", "true");
	refused("title = \"x\"; video = ( \"a.mp4\" );\nsidecars = ( { } );", "2", "replace");
	refused("title = \"x\"; video = ( \"a.mp4\" );\nsidecars = ( { append = \"a/b\"; } );", "2", "suffix");
	refused("title = \"x\"; video = ( \"a.mp4\" );\npreserve = [ \"hope\" ];", "2", "reflink");
	refused("title = \"x\"; refused = \"y\"; video = ( \"a.mp4\" );", "1", "only title and refused");
}

static void test_unreadable(void **state) {
	(void)state;
	char message[256];
	struct layout *layout = NULL;
	assert_int_equal(layout_load("/nonexistent/x.conf", &layout, message, sizeof(message)), -ENOENT);
	assert_int_equal(layout_load("/tmp/Strange Name.conf", &layout, message, sizeof(message)), -EINVAL);
	assert_null(layout);
}

int main(void) {
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_samples),
	    cmocka_unit_test(test_transfer),
	    cmocka_unit_test(test_way_back),
	    cmocka_unit_test(test_complete),
	    cmocka_unit_test(test_moonfire_is_refused),
	    cmocka_unit_test(test_leads_through),
	    cmocka_unit_test(test_wrong_files),
	    cmocka_unit_test(test_unreadable),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

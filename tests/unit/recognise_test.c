/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Recognising which layout a folder of recordings follows. Run from the project's folder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "settings/settings.h"
#include "tree.h"

static char folder[64];

static int setup(void **state) {
	(void)state;
	(void)snprintf(folder, sizeof(folder), "/tmp/recognise_test.XXXXXX");
	return mkdtemp(folder) == NULL ? -1 : 0;
}

static int teardown(void **state) {
	(void)state;
	return tree_remove(folder);
}

static void make(const char *name) {
	char path[512];
	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	for (char *slash = path + strlen(folder) + 1; (slash = strchr(slash, '/')) != NULL; *slash++ = '/') {
		*slash = '\0';
		(void)mkdir(path, 0700);
	}
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	(void)close(fd);
}

static const struct recognition *best(struct recognition **list, size_t *count) {
	assert_int_equal(recognise(folder, "config/layouts", 20000, list, count), 0);
	assert_true(*count >= 20);
	return *list;
}

static void expect(const char *const *names, size_t count, const char *layout) {
	struct recognition *list;
	size_t found;
	for (size_t i = 0; i < count; i++)
		make(names[i]);
	if (strcmp(best(&list, &found)->layout, layout) != 0)
		fail_msg("'%s' was taken for %s, not %s", names[0], list->layout, layout);
	recognition_free(list, found);
}

#define EXPECT(layout, ...)                                \
	static void layout##_is_recognised(void **state) {     \
		static const char *const names[] = {__VA_ARGS__};  \
		(void)state;                                       \
		expect(names, ARRAY_LENGTH(names), name_##layout); \
	}

#define name_frigate "frigate"
EXPECT(frigate, "2026-11-24/06/gate/05.09.mp4", "2026-11-24/06/gate/05.19.mp4")
#define name_mediamtx "mediamtx"
EXPECT(mediamtx, "gate/2026-11-24_06-05-09-123456.mp4")
#define name_zoneminder_medium "zoneminder-medium"
EXPECT(zoneminder_medium, "3/2026-11-24/4711/4711-video.h264.mp4", "3/2026-11-24/4711/snapshot.jpg")
#define name_zoneminder_deep "zoneminder-deep"
EXPECT(zoneminder_deep, "3/26/11/24/06/05/09/4711-video.h264.mp4", "3/26/11/24/06/05/09/00001-capture.jpg")
#define name_zoneminder_shallow "zoneminder-shallow"
EXPECT(zoneminder_shallow, "3/4711/4711-video.h264.mp4", "3/4711/snapshot.jpg")
#define name_shinobi "shinobi"
EXPECT(shinobi, "g/front/2026-11-24T06-05-09.mp4")
#define name_motion "motion"
EXPECT(motion, "01-20261124060509.mkv", "01-20261124060509-01.jpg")
#define name_motioneye "motioneye"
EXPECT(motioneye, "Camera1/2026-11-24/06-05-09.mp4", "Camera1/2026-11-24/06-05-09.mp4.thumb")
#define name_viseron "viseron"
EXPECT(viseron, "segments/gate/1764000000.m4s", "segments/gate/init.mp4")
#define name_kerberos "kerberos"
EXPECT(kerberos, "1764000000_6-967003_gate_200-200-400-400_24_769.mp4")
#define name_bluecherry "bluecherry"
EXPECT(bluecherry, "2026/11/24/000003/06-05-09.mp4", "2026/11/24/000003/06-05-09.jpg")
#define name_lightnvr "lightnvr"
EXPECT(lightnvr, "mp4/gate/2026/11/24/recording_20261124_060509.mp4")
#define name_opennvr "opennvr"
EXPECT(opennvr, "cam-7/2026-11-24/06/05-09-123456.mp4")
#define name_ex_nvr "ex-nvr"
EXPECT(ex_nvr, "ex_nvr/d/hi_quality/2026/11/24/06/1764000000123456.mp4")
#define name_ffmpeg_segment "ffmpeg-segment"
EXPECT(ffmpeg_segment, "gate/2026-11-24_06-05-09.wav", "gate/2026-11-24_06-05-09.mp4", "gate/2026-11-24_06-06-09.mp4")
#define name_ffmpeg_ring "ffmpeg-ring"
EXPECT(ffmpeg_ring, "gate/out000.ts", "gate/out001.ts")
#define name_splitmuxsink "splitmuxsink"
EXPECT(splitmuxsink, "gate/video_00001.mov", "gate/splitmux00002.mov")
#define name_any "any"
EXPECT(any, "strange/names here.mp4", "strange/more.mkv", "strange/notes.txt")

static void sentryshot_is_recognised(void **state) {
	static const char *const names[] = {"2026/11/24/gate/2026-11-24_06-05-09_gate.mdat",
	    "2026/11/24/gate/2026-11-24_06-05-09_gate.meta", "2026/11/24/gate/2026-11-24_06-05-09_gate.json"};
	struct recognition *list;
	size_t count;
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
		make(names[i]);
	/* OS-NVR writes the same names: either is right. */
	(void)best(&list, &count);
	assert_true(strcmp(list->layout, "sentryshot") == 0 || strcmp(list->layout, "os-nvr") == 0);
	recognition_free(list, count);
}

static void cameras_and_examples(void **state) {
	struct recognition *list;
	size_t count;
	char path[128];
	(void)state;
	for (int i = 0; i < 40; i++) {
		(void)snprintf(path, sizeof(path), "2026-11-24/%02d/%s/00.00.mp4", i % 24,
		    i % 3 == 0   ? "gate"
		    : i % 3 == 1 ? "b"
		                 : "hall");
		make(path);
	}
	make("notes.txt");
	make("odd.mp4");
	make("2026-11-24/05/gate/wrong");
	const struct recognition *first = best(&list, &count);
	assert_string_equal(first->layout, "frigate");
	assert_int_equal(first->foreign, 3);
	assert_int_equal(first->camera_count, 3);
	assert_string_equal(first->cameras[0], "b");
	assert_string_equal(first->cameras[1], "gate");
	assert_string_equal(first->cameras[2], "hall");
	assert_int_equal(first->example_count, 3);
	recognition_free(list, count);
}

static void links_are_not_followed(void **state) {
	struct recognition *list;
	size_t count;
	char path[128];
	(void)state;
	make("2026-11-24/06/gate/05.09.mp4");
	(void)snprintf(path, sizeof(path), "%s/loop", folder);
	assert_int_equal(symlink(".", path), 0);
	const struct recognition *first = best(&list, &count);
	assert_int_equal(first->matching, 1);
	assert_int_equal(first->foreign, 1);
	recognition_free(list, count);
}

static void nothing_and_nowhere(void **state) {
	struct recognition *list;
	size_t count;
	(void)state;
	assert_int_equal(best(&list, &count)->matching, 0);
	recognition_free(list, count);
	assert_int_equal(recognise("/nonexistent", "config/layouts", 10, &list, &count), -ENOENT);
	assert_int_equal(recognise(folder, "/nonexistent", 10, &list, &count), -ENOENT);
	assert_int_equal(recognise(folder, folder, 10, &list, &count), -ENOENT);
}

static void looks_at_no_more_than_asked(void **state) {
	struct recognition *list;
	size_t count;
	char path[128];
	(void)state;
	for (int i = 0; i < 30; i++) {
		(void)snprintf(path, sizeof(path), "gate/out%03d.ts", i);
		make(path);
	}
	assert_int_equal(recognise(folder, "config/layouts", 10, &list, &count), 0);
	assert_int_equal(list[0].matching + list[0].foreign, 10);
	recognition_free(list, count);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
	const struct CMUnitTest tests[] = {
	    TEST(frigate_is_recognised),
	    TEST(mediamtx_is_recognised),
	    TEST(zoneminder_medium_is_recognised),
	    TEST(zoneminder_deep_is_recognised),
	    TEST(zoneminder_shallow_is_recognised),
	    TEST(shinobi_is_recognised),
	    TEST(motion_is_recognised),
	    TEST(motioneye_is_recognised),
	    TEST(viseron_is_recognised),
	    TEST(kerberos_is_recognised),
	    TEST(bluecherry_is_recognised),
	    TEST(lightnvr_is_recognised),
	    TEST(opennvr_is_recognised),
	    TEST(ex_nvr_is_recognised),
	    TEST(ffmpeg_segment_is_recognised),
	    TEST(ffmpeg_ring_is_recognised),
	    TEST(splitmuxsink_is_recognised),
	    TEST(any_is_recognised),
	    TEST(sentryshot_is_recognised),
	    TEST(cameras_and_examples),
	    TEST(links_are_not_followed),
	    TEST(nothing_and_nowhere),
	    TEST(looks_at_no_more_than_asked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

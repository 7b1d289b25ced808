/* SPDX-License-Identifier: GPL-2.0-or-later */
/* media/probe: facts of real files, made by ffmpeg when the test starts, whole and damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "media/probe.h"
#include "settings/layout.h"
#include "tree.h"

extern char **environ;

enum { WIDTH = 320, HEIGHT = 240, RATE = 25, FRAME_US = 1000000 / RATE, LENGTH_US = 4000000 };

/* 2026-05-01T10:00:00Z */
static const int64_t CREATED_US = INT64_C(1777629600000000);

static char folder[PATH_MAX];
static struct probe_facts facts;

/* Runs ffmpeg with these arguments in the folder. */
static void make(const char *const *arguments) {
	const char *all[64] = {"ffmpeg", "-nostdin", "-loglevel", "error", "-y"};
	size_t count = 5;
	for (; *arguments != NULL; arguments++) {
		assert_true(count < ARRAY_LENGTH(all) - 1);
		all[count++] = *arguments;
	}
	pid_t child;
	assert_int_equal(posix_spawnp(&child, "ffmpeg", NULL, NULL, (char *const *)all, environ), 0);
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

#define MAKE(...) make((const char *const[]){__VA_ARGS__, NULL})
#define COPY(...) MAKE("-i", "plain.mp4", "-c", "copy", __VA_ARGS__)

static int set_up_group(void **state) {
	(void)state;
	const char *base = getenv("TMPDIR");
	(void)snprintf(folder, sizeof folder, "%s/probe-test-XXXXXX", base == NULL ? "/tmp" : base);
	assert_non_null(mkdtemp(folder));
	assert_int_equal(chdir(folder), 0);
	probe_open();
	MAKE("-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25:duration=4", "-f", "lavfi", "-i",
	    "sine=sample_rate=48000:duration=4", "-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-bf", "0", "-c:a",
	    "aac", "-threads", "1", "-metadata", "creation_time=2026-05-01T10:00:00Z", "plain.mp4");
	COPY("-movflags", "faststart", "faststart.mp4");
	COPY("-movflags", "frag_keyframe+empty_moov+default_base_moof", "fragmented.mp4");
	COPY("-movflags", "frag_keyframe", "hybrid.mp4");
	COPY("fine.ts");
	COPY("fine.mkv");
	COPY("-f", "matroska", "-live", "1", "live.mkv");
	COPY("fine.avi");
	COPY("-an", "fine.flv");
	MAKE("-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25:duration=4", "-c:v", "libvpx", "-threads", "1",
	    "-deadline", "realtime", "-cpu-used", "8", "fine.webm");
	MAKE("-i", "plain.mp4", "-vn", "-c:a", "pcm_s16le", "fine.wav", "-vn", "-c:a", "flac", "fine.flac", "-vn", "-c:a",
	    "libopus", "fine.opus", "-vn", "-c:a", "copy", "fine.m4a", "-vn", "-c:a", "copy", "fine.aac");
	MAKE("-i", "plain.mp4", "-frames:v", "1", "fine.jpg", "-frames:v", "1", "fine.png", "-frames:v", "1", "fine.webp");
	/* Segments of one long recording: timestamps go on from file to file. */
	MAKE("-ss", "2", "-copyts", "-i", "plain.mp4", "-c", "copy", "later.mkv");
	return 0;
}

static int tear_down_group(void **state) {
	(void)state;
	return tree_remove(folder);
}

static void read_facts(const char *name, enum probe_grade grade) {
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	const char *dot = strrchr(name, '.');
	struct record_probe request = {
	    .request = 5, .grade = (uint8_t)grade, .suffix = text_of(dot == NULL ? "" : dot + 1)};
	probe_read(fd, &request, &facts);
	(void)close(fd);
	assert_int_equal(facts.facts.request, 5);
}

/* The first `bytes` of a file, or all but the last -bytes, as another file. */
static void cut(const char *from, const char *to, off_t bytes) {
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	struct stat status;
	assert_true(in >= 0 && out >= 0 && fstat(in, &status) == 0);
	off_t left = bytes < 0 ? status.st_size + bytes : bytes;
	char buffer[4096];
	while (left > 0) {
		ssize_t got = read(in, buffer, left < (off_t)sizeof buffer ? (size_t)left : sizeof buffer);
		assert_true(got > 0 && write(out, buffer, (size_t)got) == got);
		left -= got;
	}
	(void)close(in);
	(void)close(out);
}

static void write_file(const char *name, const void *bytes, size_t length) {
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0 && write(fd, bytes, length) == (ssize_t)length);
	(void)close(fd);
}

static void assert_length(const char *name, int64_t expected_us, int64_t slack_us) {
	int64_t off_us = facts.facts.duration_us - expected_us;
	if (off_us > slack_us || off_us < -slack_us)
		print_error("%s: %lld us, expected %lld\n", name, (long long)facts.facts.duration_us, (long long)expected_us);
	assert_true(off_us <= slack_us && off_us >= -slack_us);
}

static void video_ends_within_a_frame(void **state) {
	(void)state;
	static const char *const rows[][2] = {{"plain.mp4", "mp4"}, {"faststart.mp4", "mp4"}, {"fragmented.mp4", "mp4"},
	    {"hybrid.mp4", "mp4"}, {"fine.ts", "mpegts"}, {"fine.mkv", "matroska"}, {"live.mkv", "matroska"},
	    {"fine.avi", "avi"}, {"fine.flv", "flv"}, {"fine.webm", "matroska"}};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		read_facts(rows[i][0], PROBE_HEADER);
		if (facts.facts.result != PROBE_READ || facts.facts.damage != 0)
			print_error("%s: %s\n", rows[i][0], facts.reason);
		assert_int_equal(facts.facts.result, PROBE_READ);
		assert_int_equal(facts.facts.damage, 0);
		assert_int_equal(facts.facts.grade, PROBE_HEADER);
		assert_string_equal(facts.container, rows[i][1]);
		assert_length(rows[i][0], LENGTH_US, FRAME_US);
	}
}

static void length_does_not_count_from_zero(void **state) {
	(void)state;
	read_facts("later.mkv", PROBE_HEADER);
	assert_length("later.mkv", LENGTH_US / 2, FRAME_US);
}

static void start_is_what_the_container_says(void **state) {
	(void)state;
	read_facts("plain.mp4", PROBE_HEADER);
	assert_true(facts.facts.start_us == CREATED_US);
	read_facts("fine.ts", PROBE_HEADER);
	assert_true(facts.facts.start_us == 0);
	/* A clock that was never set is no start. */
	COPY("-metadata", "creation_time=1970-01-02T00:00:00Z", "old.mp4");
	read_facts("old.mp4", PROBE_HEADER);
	assert_true(facts.facts.start_us == 0);
}

static void sound_has_its_length(void **state) {
	(void)state;
	static const char *const names[] = {"fine.wav", "fine.flac", "fine.opus", "fine.m4a"};
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		read_facts(names[i], PROBE_STREAMS);
		assert_int_equal(facts.facts.result, PROBE_READ);
		assert_int_equal(facts.facts.grade, PROBE_STREAMS);
		assert_length(names[i], LENGTH_US, 50000);
		assert_int_equal(facts.stream_count, 1);
		assert_int_equal(facts.streams[0].kind, SEGMENT_SOUND);
		assert_int_equal(facts.streams[0].rate_millihertz, 48000000);
	}
	/* Bare frames say only their rate: an estimate. */
	read_facts("fine.aac", PROBE_HEADER);
	assert_length("fine.aac", LENGTH_US, LENGTH_US / 10);
}

static void stills_have_their_size(void **state) {
	(void)state;
	static const char *const names[] = {"fine.jpg", "fine.png", "fine.webp"};
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
		for (int grade = PROBE_HEADER; grade <= PROBE_DECODE; grade++) {
			read_facts(names[i], (enum probe_grade)grade);
			assert_int_equal(facts.facts.result, PROBE_READ);
			assert_int_equal(facts.facts.grade, grade);
			assert_int_equal(facts.facts.damage, 0);
			assert_true(facts.facts.duration_us == 0);
			assert_int_equal(facts.stream_count, 1);
			assert_int_equal(facts.streams[0].kind, SEGMENT_STILL);
			assert_int_equal(facts.streams[0].width, WIDTH);
			assert_int_equal(facts.streams[0].height, HEIGHT);
		}
	cut("fine.jpg", "cut.jpg", -2000);
	read_facts("cut.jpg", PROBE_HEADER);
	assert_int_equal(facts.facts.damage, PROBE_TRUNCATED);
	read_facts("cut.jpg", PROBE_DECODE);
	assert_int_equal(facts.facts.result, PROBE_UNREADABLE);
	assert_int_equal(facts.facts.grade, PROBE_STREAMS);
}

static void streams_are_told(void **state) {
	(void)state;
	static const char *const names[] = {"plain.mp4", "fragmented.mp4", "fine.ts", "fine.mkv"};
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		read_facts(names[i], PROBE_STREAMS);
		assert_int_equal(facts.facts.grade, PROBE_STREAMS);
		assert_int_equal(facts.stream_count, 2);
		assert_int_equal(facts.streams[0].kind, SEGMENT_VIDEO);
		assert_true(text_equal(facts.streams[0].codec, text_of("h264")));
		assert_int_equal(facts.streams[0].width, WIDTH);
		assert_int_equal(facts.streams[0].height, HEIGHT);
		assert_int_equal(facts.streams[0].rate_millihertz, RATE * 1000);
		assert_int_equal(facts.streams[1].kind, SEGMENT_SOUND);
		assert_true(text_equal(facts.streams[1].codec, text_of("aac")));
		int64_t length_us = facts.streams[0].last_us - facts.streams[0].first_us;
		assert_true(length_us > LENGTH_US - FRAME_US && length_us < LENGTH_US + FRAME_US);
	}
}

static void first_keyframe_decodes(void **state) {
	(void)state;
	static const char *const names[] = {
	    "plain.mp4", "fragmented.mp4", "fine.ts", "fine.mkv", "fine.avi", "fine.webm", "fine.flv"};
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		read_facts(names[i], PROBE_DECODE);
		if (facts.facts.grade != PROBE_DECODE)
			print_error("%s: %s\n", names[i], facts.reason);
		assert_int_equal(facts.facts.grade, PROBE_DECODE);
		assert_int_equal(facts.facts.result, PROBE_READ);
		assert_int_equal(facts.facts.damage, 0);
	}
}

/* faststart.mp4 with up to `most` bytes of its media overwritten; the index stays as it was. */
static void break_media(const char *name, size_t most) {
	int fd = open("faststart.mp4", O_RDONLY | O_CLOEXEC);
	struct stat status;
	assert_true(fd >= 0 && fstat(fd, &status) == 0);
	size_t length = (size_t)status.st_size;
	uint8_t *bytes = malloc(length);
	assert_non_null(bytes);
	assert_int_equal(read(fd, bytes, length), length);
	(void)close(fd);
	uint8_t *media = memmem(bytes, length, "mdat", 4);
	assert_non_null(media);
	media += 4;
	size_t left = (size_t)(bytes + length - media);
	memset(media, 0xff, left < most ? left : most);
	write_file(name, bytes, length);
	free(bytes);
}

static void broken_keyframe_is_told(void **state) {
	(void)state;
	break_media("broken.mp4", 20000);
	read_facts("broken.mp4", PROBE_HEADER);
	assert_int_equal(facts.facts.result, PROBE_READ);
	read_facts("broken.mp4", PROBE_DECODE);
	assert_int_equal(facts.facts.damage, PROBE_NO_KEYFRAME);
	assert_length("broken.mp4", LENGTH_US, FRAME_US);
	/* No frame is left at all: the times still stand. */
	break_media("broken.mp4", SIZE_MAX);
	read_facts("broken.mp4", PROBE_DECODE);
	assert_int_equal(facts.facts.result, PROBE_UNREADABLE);
	assert_int_not_equal(facts.facts.grade, PROBE_DECODE);
	assert_length("broken.mp4", LENGTH_US, FRAME_US);
}

static void truncation_is_seen(void **state) {
	(void)state;
	static const char *const names[] = {"fine.mkv", "fine.avi", "fine.ts", "faststart.mp4", "fragmented.mp4"};
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		char name[64];
		(void)snprintf(name, sizeof name, "cut-%s", names[i]);
		cut(names[i], name, -20001);
		read_facts(name, PROBE_HEADER);
		if ((facts.facts.damage & PROBE_TRUNCATED) == 0)
			print_error("%s: damage %u\n", name, facts.facts.damage);
		assert_int_equal(facts.facts.result, PROBE_READ);
		assert_int_equal(facts.facts.damage, PROBE_TRUNCATED);
		assert_string_not_equal(facts.reason, "");
		assert_true(facts.facts.duration_us > LENGTH_US / 2);
	}
	/* Cut where the index would follow. */
	cut("plain.mp4", "cut.mp4", 20000);
	read_facts("cut.mp4", PROBE_DECODE);
	assert_int_equal(facts.facts.result, PROBE_UNREADABLE);
	assert_int_equal(facts.facts.damage, PROBE_TRUNCATED | PROBE_NO_INDEX);
	assert_int_equal(facts.facts.grade, PROBE_HEADER);
}

static void what_is_no_media_is_named(void **state) {
	(void)state;
	write_file("empty.mp4", "", 0);
	read_facts("empty.mp4", PROBE_HEADER);
	assert_int_equal(facts.facts.result, PROBE_UNREADABLE);
	assert_int_equal(facts.facts.damage, PROBE_EMPTY);
	static const char text[] = "This is a text that somebody named like a recording.\n";
	write_file("text.mp4", text, sizeof text - 1);
	read_facts("text.mp4", PROBE_DECODE);
	assert_int_equal(facts.facts.result, PROBE_NOT_MEDIA);
	static const char zeros[10000];
	write_file("zeros.mp4", zeros, sizeof zeros);
	read_facts("zeros.mp4", PROBE_HEADER);
	assert_int_equal(facts.facts.result, PROBE_UNREADABLE);
	assert_int_equal(facts.facts.damage, PROBE_EMPTY);
	/* The suffix decides nothing where the bytes speak. */
	assert_int_equal(rename("fine.webm", "named.mp4"), 0);
	read_facts("named.mp4", PROBE_HEADER);
	assert_int_equal(rename("named.mp4", "fine.webm"), 0);
	assert_string_equal(facts.container, "matroska");
	int fds[2];
	assert_int_equal(pipe(fds), 0);
	struct record_probe request = {.grade = PROBE_HEADER};
	probe_read(fds[0], &request, &facts);
	assert_int_equal(facts.facts.result, PROBE_NOT_MEDIA);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

/* A playlist or a reference would make libavformat open other files: no such container is known here. */
static void nothing_else_is_opened(void **state) {
	(void)state;
	static const char *const texts[] = {"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nplain.mp4\n#EXT-X-ENDLIST\n",
	    "ffconcat version 1.0\nfile plain.mp4\n", "<?xml version=\"1.0\"?><MPD></MPD>",
	    "v=0\no=- 0 0 IN IP4 127.0.0.1\n"};
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		write_file("list.mp4", texts[i], strlen(texts[i]));
		read_facts("list.mp4", PROBE_DECODE);
		assert_int_equal(facts.facts.result, PROBE_NOT_MEDIA);
	}
}

/* One that is long, in small fragments: what is read does not grow with it. */
static void fragments_are_not_all_read(void **state) {
	(void)state;
	MAKE("-stream_loop", "40", "-i", "plain.mp4", "-an", "-c", "copy", "-movflags",
	    "frag_keyframe+empty_moov+default_base_moof+skip_trailer", "long.mp4");
	/* Whoever walks from fragment to fragment loses the way here. */
	int fd = open("long.mp4", O_RDWR | O_CLOEXEC);
	struct stat status;
	assert_true(fd >= 0 && fstat(fd, &status) == 0);
	static char lost[1024 * 1024];
	memset(lost, 0xff, sizeof lost);
	assert_int_equal(pwrite(fd, lost, sizeof lost, status.st_size / 2), sizeof lost);
	(void)close(fd);
	read_facts("long.mp4", PROBE_HEADER);
	assert_int_equal(facts.facts.damage, 0);
	assert_length("long.mp4", INT64_C(41) * LENGTH_US, 3 * FRAME_US);
}

int main(void) {
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(video_ends_within_a_frame),
	    cmocka_unit_test(length_does_not_count_from_zero),
	    cmocka_unit_test(start_is_what_the_container_says),
	    cmocka_unit_test(sound_has_its_length),
	    cmocka_unit_test(stills_have_their_size),
	    cmocka_unit_test(streams_are_told),
	    cmocka_unit_test(first_keyframe_decodes),
	    cmocka_unit_test(broken_keyframe_is_told),
	    cmocka_unit_test(truncation_is_seen),
	    cmocka_unit_test(what_is_no_media_is_named),
	    cmocka_unit_test(nothing_else_is_opened),
	    cmocka_unit_test(fragments_are_not_all_read),
	};
	return cmocka_run_group_tests(tests, set_up_group, tear_down_group);
}

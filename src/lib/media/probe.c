/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One file: recognise the container, look at its outer structure for damage, open it with that
 * demuxer, read the times, and where asked the streams and the first keyframes. What can be told stays
 * told when a later step fails.
 */
#include "media/probe.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <libavutil/log.h>
#include <libavutil/mem.h>
#include <libavutil/parseutils.h>

#include "base/clock.h"
#include "media/boxes.h"
#include "media/container.h"
#include "media/demux.h"
#include "media/inspect.h"
#include "media/still.h"
#include "media/timeline.h"
#include "settings/layout.h"

enum { MEBIBYTE = 1024 * 1024, ALLOCATION_BYTES_MAX = 128 * MEBIBYTE, TIME_MOST_US = 8000000 };

/* What a grade may read. The index of an hour of mp4 takes some MiB, and a still is read whole. */
static const int64_t bytes_most[] = {
    [PROBE_HEADER] = 32 * MEBIBYTE, [PROBE_STREAMS] = 48 * MEBIBYTE, [PROBE_DECODE] = 96 * MEBIBYTE};

/* 2000-01-01: an older start is a clock that was never set. */
static const int64_t START_LEAST_US = INT64_C(946684800) * US_PER_SECOND;

void probe_open(void) {
	av_log_set_level(AV_LOG_QUIET);
	av_max_alloc(ALLOCATION_BYTES_MAX);
}

static void say(struct probe_facts *facts, const char *format, ...) PRINTF_LIKE(2, 3);
static void say(struct probe_facts *facts, const char *format, ...) {
	va_list arguments;
	va_start(arguments, format);
	(void)vsnprintf(facts->reason, sizeof facts->reason, format, arguments);
	va_end(arguments);
}

/* The result for a step that failed: the file's fault, or ours (then it may be asked again). */
static void fail(struct view *view, struct probe_facts *facts, int error, const char *what) {
	bool ours = error == AVERROR(ENOMEM) || (view->error != 0 && view->error != -EDQUOT);
	facts->facts.result = ours ? PROBE_FAILED : PROBE_UNREADABLE;
	if (view->error == -EDQUOT) {
		say(facts, "%s: it takes too long to read", what);
		return;
	}
	char cause[100] = "";
	if (view->error != 0)
		(void)snprintf(cause, sizeof cause, "%s", strerror(-view->error));
	else
		(void)av_strerror(error, cause, sizeof cause);
	say(facts, "%s: %s", what, cause);
}

static bool all_zero(const uint8_t *bytes, size_t length) {
	for (size_t i = 0; i < length; i++)
		if (bytes[i] != 0)
			return false;
	return true;
}

/* Finds the container; false where there is none, with the result set. */
static bool recognise(
    struct view *view, struct text suffix, const struct container **ret_container, struct probe_facts *facts) {
	uint8_t head[CONTAINER_HEAD_BYTES];
	int64_t got = view_pread(view, head, sizeof head, 0);
	if (got < 0) {
		fail(view, facts, (int)got, "cannot be read");
		return false;
	}
	const struct container *container = container_recognise(head, (size_t)got, suffix);
	if (container->family != CONTAINER_UNKNOWN) {
		(void)snprintf(facts->container, sizeof facts->container, "%s", container->name);
		*ret_container = container;
		return true;
	}
	/* What a power cut leaves: the file has its size, and its blocks were never written. */
	bool zero = all_zero(head, (size_t)got);
	facts->facts.result = zero ? PROBE_UNREADABLE : PROBE_NOT_MEDIA;
	facts->facts.damage = zero ? PROBE_EMPTY : 0;
	say(facts, zero ? "it begins with zero bytes only" : "it is no container that recorders write");
	return false;
}

static void read_still(struct view *view, const struct container *container, uint8_t grade, struct probe_facts *facts) {
	struct still still;
	if (!still_read(view, container->demuxer, &still)) {
		fail(view, facts, AVERROR_INVALIDDATA, "the picture's header cannot be read");
		return;
	}
	(void)snprintf(facts->codecs[0], sizeof facts->codecs[0], "%s", container->demuxer);
	facts->streams[0] = (struct record_stream){
	    .kind = SEGMENT_STILL, .codec = text_of(facts->codecs[0]), .width = still.width, .height = still.height};
	facts->stream_count = 1;
	facts->facts.grade = grade == PROBE_HEADER ? PROBE_HEADER : PROBE_STREAMS;
	if (still.truncated) {
		facts->facts.damage |= PROBE_TRUNCATED;
		say(facts, "the picture ends early");
	}
	if (grade < PROBE_DECODE)
		return;
	int error = inspect_still(view, container->demuxer);
	if (error < 0)
		fail(view, facts, error, "the picture does not decode");
	else
		facts->facts.grade = PROBE_DECODE;
}

static uint64_t number_at(const uint8_t *bytes, size_t count, bool big_endian) {
	uint64_t value = 0;
	for (size_t i = 0; i < count; i++)
		value = value << 8 | bytes[big_endian ? i : count - 1 - i];
	return value;
}

/* Matroska: the EBML header's size, then the Segment's (RFC 8794, 4; all ones: not known). True if it was cut. */
static bool matroska_truncated(struct view *view) {
	uint8_t bytes[64 + 12];
	int64_t got = view_pread(view, bytes, sizeof bytes, 0);
	if (got < (int64_t)sizeof bytes || bytes[4] < 0x80)
		return got >= 0;
	size_t segment = 5 + (bytes[4] & 0x7fU);
	if (segment > 64 || memcmp(bytes + segment, "\x18\x53\x80\x67", 4) != 0 || bytes[segment + 4] != 0x01)
		return false;
	uint64_t size = number_at(bytes + segment + 5, 7, true);
	return size != UINT64_C(0xffffffffffffff) && size + segment + 12 > (uint64_t)view->file_bytes;
}

/* RIFF: the size that the outermost chunk says; 0 and all ones: not known. */
static bool riff_truncated(struct view *view) {
	uint8_t bytes[8];
	if (view_pread(view, bytes, sizeof bytes, 0) != (int64_t)sizeof bytes || memcmp(bytes, "RIFF", 4) != 0)
		return false;
	uint64_t size = number_at(bytes + 4, 4, false);
	return size != UINT32_MAX && size + 8 > (uint64_t)view->file_bytes;
}

/* Damage that the outer structure shows. False if there is nothing to open: the index of an mp4 is missing. */
static bool look_at_structure(
    struct view *view, const struct container *container, struct boxes *ret_boxes, struct probe_facts *facts) {
	bool truncated = false;
	*ret_boxes = (struct boxes){.has_index = true, .last_fragment = view->file_bytes};
	if (container->family == CONTAINER_MP4) {
		int error = boxes_walk(view, ret_boxes);
		if (error < 0) {
			fail(view, facts, AVERROR(-error), "its boxes cannot be read");
			return false;
		}
		truncated = ret_boxes->truncated;
	} else if (container->family == CONTAINER_MATROSKA) {
		truncated = matroska_truncated(view);
	} else if (container->family == CONTAINER_MPEGTS) {
		truncated = view->file_bytes % 188 != 0 && view->file_bytes % 192 != 0;
	} else {
		truncated = riff_truncated(view);
	}
	if (truncated) {
		facts->facts.damage |= PROBE_TRUNCATED;
		say(facts, "the file ends early");
	}
	if (!ret_boxes->has_index && ret_boxes->fragmented) {
		/* As recorders with an init.mp4 beside it write it (ISO/IEC 14496-12, 8.16: segments): whole, but with no times
		 * to read. */
		say(facts, "fragments, whose initialisation segment stands beside them");
	} else if (!ret_boxes->has_index) {
		facts->facts.damage |= PROBE_NO_INDEX;
		facts->facts.result = PROBE_UNREADABLE;
		say(facts, "the index (moov) is missing: recording was cut off");
	}
	return ret_boxes->has_index;
}

static void read_start(const AVFormatContext *context, struct probe_facts *facts) {
	const AVDictionaryEntry *entry = av_dict_get(context->metadata, "creation_time", NULL, 0);
	int64_t start_us;
	if (entry != NULL && av_parse_time(&start_us, entry->value, 0) == 0 && start_us >= START_LEAST_US)
		facts->facts.start_us = start_us;
}

/* Grade header: start and duration. False if the container cannot be opened. */
static bool read_header(
    struct view *view, const struct container *container, const struct boxes *boxes, struct probe_facts *facts) {
	if (boxes->fragmented)
		view_cut(view, boxes->head_bytes, boxes->last_fragment);
	/* Bare sound has no times but what its frames say, when parsed. */
	enum demux_depth depth = container->family == CONTAINER_SOUND ? DEMUX_PARSED : DEMUX_RAW;
	AVFormatContext *context;
	int error = demux_open(view, container, depth, &context);
	if (error < 0) {
		fail(view, facts, error, "the container cannot be opened");
		return false;
	}
	read_start(context, facts);
	struct timeline timeline;
	timeline_read(view, container, boxes, context, &timeline);
	facts->facts.duration_us = timeline.duration_us;
	if (timeline.reason != NULL && facts->reason[0] == '\0')
		say(facts, "%s", timeline.reason);
	demux_close(view, &context);
	view_cut(view, view->file_bytes, view->file_bytes);
	return true;
}

static void note_keyframes(const struct keyframes *keyframes, struct probe_facts *facts) {
	if (keyframes->missing) {
		facts->facts.damage |= PROBE_NO_KEYFRAME;
		say(facts, "it does not begin with a keyframe");
	}
	if (keyframes->undecodable) {
		facts->facts.result = PROBE_UNREADABLE;
		say(facts, "%s", keyframes->reason);
		return;
	}
	facts->facts.grade = PROBE_DECODE;
}

/* Grades streams and decode. */
static void read_streams(
    struct view *view, const struct container *container, uint8_t grade, struct probe_facts *facts) {
	AVFormatContext *context;
	int error = demux_open(view, container, DEMUX_PARSED, &context);
	if (error < 0) {
		fail(view, facts, error, "the container cannot be opened");
		return;
	}
	error = inspect_streams(context, facts->facts.duration_us, facts);
	if (error < 0) {
		fail(view, facts, error, "the streams cannot be read");
	} else {
		facts->facts.grade = PROBE_STREAMS;
		struct keyframes keyframes;
		error = grade == PROBE_DECODE ? inspect_keyframes(context, &keyframes) : 0;
		if (error < 0)
			fail(view, facts, error, "the first keyframe cannot be read");
		else if (grade == PROBE_DECODE)
			note_keyframes(&keyframes, facts);
	}
	demux_close(view, &context);
}

static void read_view(struct view *view, const struct record_probe *request, struct probe_facts *facts) {
	const struct container *container;
	if (!recognise(view, request->suffix, &container, facts))
		return;
	if (container->family == CONTAINER_STILL) {
		read_still(view, container, request->grade, facts);
		return;
	}
	struct boxes boxes;
	if (look_at_structure(view, container, &boxes, facts) && read_header(view, container, &boxes, facts) &&
	    request->grade > PROBE_HEADER)
		read_streams(view, container, request->grade, facts);
}

void probe_read(int fd, const struct record_probe *request, struct probe_facts *ret_facts) {
	memset(ret_facts, 0, sizeof *ret_facts);
	ret_facts->facts =
	    (struct record_facts){.request = request->request, .grade = PROBE_HEADER, .result = PROBE_READ, .damage = 0};
	struct stat status;
	if (fstat(fd, &status) < 0) {
		ret_facts->facts.result = PROBE_FAILED;
		say(ret_facts, "cannot be read: %s", strerror(errno));
	} else if (!S_ISREG(status.st_mode)) {
		ret_facts->facts.result = PROBE_NOT_MEDIA;
		say(ret_facts, "it is not a regular file");
	} else if (status.st_size == 0) {
		ret_facts->facts.result = PROBE_UNREADABLE;
		ret_facts->facts.damage = PROBE_EMPTY;
		say(ret_facts, "the file is empty");
	} else {
		struct view view;
		view_init(&view, fd, status.st_size, bytes_most[request->grade], TIME_MOST_US);
		read_view(&view, request, ret_facts);
	}
	ret_facts->facts.container = text_of(ret_facts->container);
	ret_facts->facts.reason = text_of(ret_facts->reason);
}

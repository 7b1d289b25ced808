/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "media/timeline.h"

#include <stdlib.h>
#include <string.h>

enum {
	STREAMS_MAX = 64,              /* as max_streams in demux.c */
	FIRST_PACKETS_MAX = 200,       /* looked at for the first timestamps */
	TAIL_BYTES_LEAST = 256 * 1024, /* read from the end, then four times more until there are timestamps */
	TAIL_BYTES_MOST = 4 * 1024 * 1024,
	HEAD_SEARCH_BYTES = 256 * 1024, /* where the first cluster of a matroska file begins */
	CLUSTER_TAIL_BYTES = 8 * 1024 * 1024,
};

static const char no_times[] = "the container does not say how long it is, and its last timestamps were not found";

/* Timestamps of one stream's packets, in microseconds. */
struct stamps {
	int64_t first_us;
	int64_t last_us;
	int64_t last_duration_us; /* of the packet at last_us, 0 if it does not say */
	int64_t lead_us;          /* how far the first packet's presentation lies behind its decoding */
	uint32_t packets;
};

struct scan {
	struct stamps streams[STREAMS_MAX];
};

static bool is_kind(const AVFormatContext *context, unsigned stream, enum AVMediaType kind) {
	return context->streams[stream]->codecpar->codec_type == kind;
}

static unsigned stream_count(const AVFormatContext *context) {
	return context->nb_streams < STREAMS_MAX ? context->nb_streams : STREAMS_MAX;
}

static bool has_video(const AVFormatContext *context) {
	for (unsigned i = 0; i < stream_count(context); i++)
		if (is_kind(context, i, AVMEDIA_TYPE_VIDEO))
			return true;
	return false;
}

static void scan_note(struct scan *scan, const AVFormatContext *context, const AVPacket *packet) {
	if (packet->stream_index < 0 || packet->stream_index >= STREAMS_MAX)
		return;
	AVRational base = context->streams[packet->stream_index]->time_base;
	int64_t time_us = demux_time_us(packet->pts != AV_NOPTS_VALUE ? packet->pts : packet->dts, base);
	if (time_us == INT64_MIN)
		return;
	struct stamps *stamps = &scan->streams[packet->stream_index];
	if (stamps->packets == 0 && packet->pts != AV_NOPTS_VALUE && packet->dts != AV_NOPTS_VALUE)
		stamps->lead_us = time_us - demux_time_us(packet->dts, base);
	if (stamps->packets == 0 || time_us < stamps->first_us)
		stamps->first_us = time_us;
	if (stamps->packets == 0 || time_us > stamps->last_us) {
		stamps->last_us = time_us;
		stamps->last_duration_us = packet->duration > 0 ? demux_time_us(packet->duration, base) : 0;
	}
	stamps->packets++;
}

/* Every stream that counts has at least so many packets: the video's, or where there is none, one of any. */
static bool scan_has(const struct scan *scan, const AVFormatContext *context, uint32_t packets) {
	bool video = has_video(context);
	bool any = false;
	for (unsigned i = 0; i < stream_count(context); i++) {
		bool enough = scan->streams[i].packets >= packets;
		if (video && is_kind(context, i, AVMEDIA_TYPE_VIDEO) && !enough)
			return false;
		any = any || enough;
	}
	return any;
}

/* Reads packets until the end, or, with `first_only`, until the first timestamps are known. */
static void scan_read(struct scan *scan, AVFormatContext *context, bool first_only) {
	AVPacket *packet = av_packet_alloc();
	for (unsigned i = 0; packet != NULL && (!first_only || i < FIRST_PACKETS_MAX); i++) {
		if (av_read_frame(context, packet) < 0)
			break;
		scan_note(scan, context, packet);
		av_packet_unref(packet);
		if (first_only && scan_has(scan, context, 1))
			break;
	}
	av_packet_free(&packet);
}

/* The earliest first timestamp; false if there is none. */
static bool scan_first(const struct scan *scan, const AVFormatContext *context, int64_t *ret_us) {
	int64_t first_us = INT64_MAX;
	for (unsigned i = 0; i < stream_count(context); i++)
		if (scan->streams[i].packets > 0 && scan->streams[i].first_us < first_us)
			first_us = scan->streams[i].first_us;
	if (first_us == INT64_MAX)
		return false;
	*ret_us = first_us;
	return true;
}

/*
 * The end of the last frame. Where packets do not say how long they are, a frame lasts as long as the
 * others in this scan did. Beside video, sound counts with its last timestamp only: its packets are
 * collections of frames, whose spacing says nothing about the last one.
 */
static bool scan_end(const struct scan *scan, const AVFormatContext *context, int64_t *ret_us) {
	bool video = has_video(context);
	int64_t end_us = INT64_MIN;
	for (unsigned i = 0; i < stream_count(context); i++) {
		const struct stamps *stamps = &scan->streams[i];
		if (stamps->packets == 0)
			continue;
		int64_t frame_us = stamps->last_duration_us;
		if (frame_us == 0 && stamps->packets > 1 && (!video || is_kind(context, i, AVMEDIA_TYPE_VIDEO)))
			frame_us = (stamps->last_us - stamps->first_us) / (stamps->packets - 1);
		if (stamps->last_us + frame_us > end_us)
			end_us = stamps->last_us + frame_us;
	}
	if (end_us == INT64_MIN)
		return false;
	*ret_us = end_us;
	return true;
}

static int64_t longest_stream_us(const AVFormatContext *context) {
	int64_t longest_us = 0;
	for (unsigned i = 0; i < context->nb_streams; i++) {
		int64_t duration_us = demux_time_us(context->streams[i]->duration, context->streams[i]->time_base);
		if (duration_us > longest_us)
			longest_us = duration_us;
	}
	return longest_us;
}

static int64_t header_duration_us(const AVFormatContext *context) {
	if (context->duration != AV_NOPTS_VALUE && context->duration > 0)
		return context->duration;
	return longest_stream_us(context);
}

/*
 * A fragmented mp4 was opened over its first and last fragments: libavformat has set each track's end
 * from the last one, in decoding time. The first packets say how far presentation lies behind that.
 * Where there is video the footage begins with it: sound may begin with an empty packet.
 */
static int64_t fragments_duration_us(AVFormatContext *context) {
	struct scan head = {0};
	scan_read(&head, context, true);
	bool video = has_video(context);
	int64_t first_us = INT64_MAX;
	int64_t end_us = INT64_MIN;
	for (unsigned i = 0; i < stream_count(context); i++) {
		const struct stamps *stamps = &head.streams[i];
		int64_t track_end_us = demux_time_us(context->streams[i]->duration, context->streams[i]->time_base);
		if (track_end_us != INT64_MIN && track_end_us + stamps->lead_us > end_us)
			end_us = track_end_us + stamps->lead_us;
		bool counts = stamps->packets > 0 && (!video || is_kind(context, i, AVMEDIA_TYPE_VIDEO));
		if (counts && stamps->first_us < first_us)
			first_us = stamps->first_us;
	}
	return first_us < end_us ? end_us - first_us : 0;
}

static int64_t mpegts_duration_us(struct view *view, AVFormatContext *context) {
	struct scan head = {0};
	scan_read(&head, context, true);
	int64_t first_us;
	if (!scan_first(&head, context, &first_us))
		return 0;
	for (int64_t tail = TAIL_BYTES_LEAST; tail <= TAIL_BYTES_MOST && !view_exhausted(view); tail *= 4) {
		int64_t start = view->file_bytes > tail ? view->file_bytes - tail : 0;
		if (avio_seek(context->pb, start, SEEK_SET) < 0 || avformat_flush(context) < 0)
			return 0;
		struct scan scan = {0};
		scan_read(&scan, context, false);
		int64_t end_us;
		if ((scan_has(&scan, context, 2) || start == 0 || tail * 4 > TAIL_BYTES_MOST) &&
		    scan_end(&scan, context, &end_us)) {
			/* Timestamps of 33 bits start again after 26.5 hours. */
			if (end_us < first_us)
				end_us += av_rescale_q(INT64_C(1) << 33, (AVRational){1, 90000}, AV_TIME_BASE_Q);
			return end_us - first_us;
		}
		if (start == 0)
			break;
	}
	return 0;
}

/* The Cluster element with its Timestamp (RFC 9559, 5.1.3) begins here, whatever its size says. */
static bool is_cluster(const uint8_t *bytes) {
	if (memcmp(bytes, "\x1f\x43\xb6\x75", 4) != 0 || bytes[4] == 0)
		return false;
	int size_bytes = __builtin_clz((unsigned)bytes[4]) - 24 + 1;
	return bytes[4 + size_bytes] == 0xe7 || bytes[4 + size_bytes] == 0xbf;
}

enum { CLUSTER_HEADER_BYTES = 13 };

/* The first or the last cluster within `room` bytes from `start`; -1 if there is none. */
static int64_t cluster_find(struct view *view, int64_t start, int64_t room, bool last) {
	uint8_t *bytes = malloc((size_t)room);
	if (bytes == NULL)
		return -1;
	int64_t got = view_pread(view, bytes, (size_t)room, start);
	int64_t found = -1;
	for (int64_t i = 0; i + CLUSTER_HEADER_BYTES <= got && (last || found < 0); i++)
		if (bytes[i] == 0x1f && is_cluster(bytes + i))
			found = start + i;
	free(bytes);
	return found;
}

static int64_t last_cluster(struct view *view) {
	for (int64_t tail = TAIL_BYTES_LEAST; tail <= CLUSTER_TAIL_BYTES; tail *= 4) {
		int64_t room = view->file_bytes < tail ? view->file_bytes : tail;
		int64_t found = cluster_find(view, view->file_bytes - room, room, true);
		if (found >= 0 || room < tail)
			return found;
	}
	return -1;
}

/* The end of a matroska file that does not say its length: its header, and of the rest only the last cluster. */
static bool matroska_end(struct view *view, const struct container *container, int64_t *ret_us) {
	int64_t room = view->file_bytes < HEAD_SEARCH_BYTES ? view->file_bytes : HEAD_SEARCH_BYTES;
	int64_t first = cluster_find(view, 0, room, false);
	int64_t last = last_cluster(view);
	if (first < 0 || last < 0)
		return false;
	struct view cut = *view;
	view_cut(&cut, first, last);
	AVFormatContext *context;
	bool found = false;
	if (demux_open(&cut, container, DEMUX_RAW, &context) == 0) {
		struct scan scan = {0};
		scan_read(&scan, context, false);
		found = scan_end(&scan, context, ret_us);
		demux_close(&cut, &context);
	}
	view->bytes_left = cut.bytes_left;
	view->reads_left = cut.reads_left;
	return found;
}

static int64_t matroska_duration_us(struct view *view, const struct container *container, AVFormatContext *context) {
	struct scan head = {0};
	int64_t end_us = header_duration_us(context);
	scan_read(&head, context, true);
	int64_t first_us;
	if (!scan_first(&head, context, &first_us))
		return end_us;
	if (end_us == 0 && !matroska_end(view, container, &end_us))
		return 0;
	/* The header's duration counts from time 0; segments cut from a long recording begin later. */
	return first_us > 0 && first_us < end_us ? end_us - first_us : end_us;
}

/* What tells its length only once packets were read, or only by its bit rate. */
static int64_t other_duration_us(const struct container *container, AVFormatContext *context) {
	int64_t duration_us = header_duration_us(context);
	if (duration_us > 0)
		return duration_us;
	if (container->family == CONTAINER_SOUND) {
		(void)avformat_find_stream_info(context, NULL);
	} else {
		struct scan head = {0};
		scan_read(&head, context, true);
	}
	return header_duration_us(context);
}

void timeline_read(struct view *view, const struct container *container, const struct boxes *boxes,
    AVFormatContext *context, struct timeline *ret_timeline) {
	int64_t duration_us = 0;
	if (container->family == CONTAINER_MPEGTS)
		duration_us = mpegts_duration_us(view, context);
	else if (container->family == CONTAINER_MATROSKA)
		duration_us = matroska_duration_us(view, container, context);
	else if (container->family == CONTAINER_MP4 && boxes->fragmented)
		duration_us = fragments_duration_us(context);
	else
		duration_us = other_duration_us(container, context);
	bool known = duration_us > 0;
	*ret_timeline = (struct timeline){.duration_us = known ? duration_us : 0, .reason = known ? NULL : no_times};
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "media/inspect.h"

#include <stdio.h>

#include <libavcodec/avcodec.h>

#include "settings/layout.h"

enum {
	PACKETS_MAX = 2000,       /* read until each video stream has decoded */
	PACKETS_DECODED_MAX = 64, /* given to one decoder before it must have answered */
	STILL_BYTES_MAX = 32 * 1024 * 1024,
	PIXELS_MAX = 64 * 1024 * 1024,
};

static uint32_t rate_millihertz(AVFormatContext *context, AVStream *stream) {
	const AVCodecParameters *codec = stream->codecpar;
	int64_t rate;
	if (codec->codec_type == AVMEDIA_TYPE_AUDIO) {
		rate = (int64_t)codec->sample_rate * 1000;
	} else {
		AVRational frames = av_guess_frame_rate(context, stream, NULL);
		if (frames.num <= 0 || frames.den <= 0)
			return 0;
		rate = av_rescale(1000, frames.num, frames.den);
	}
	return rate > 0 && rate <= UINT32_MAX ? (uint32_t)rate : 0;
}

static void stream_fill(AVFormatContext *context, AVStream *stream, int64_t duration_us, struct probe_facts *facts) {
	const AVCodecParameters *codec = stream->codecpar;
	size_t at = facts->stream_count++;
	int64_t first_us = demux_time_us(stream->start_time, stream->time_base);
	int64_t length_us = demux_time_us(stream->duration, stream->time_base);
	if (first_us == INT64_MIN)
		first_us = 0;
	(void)snprintf(facts->codecs[at], sizeof facts->codecs[at], "%s", avcodec_get_name(codec->codec_id));
	facts->streams[at] = (struct record_stream){
	    .kind = codec->codec_type == AVMEDIA_TYPE_VIDEO ? SEGMENT_VIDEO : SEGMENT_SOUND,
	    .codec = text_of(facts->codecs[at]),
	    .width = codec->width > 0 ? (uint32_t)codec->width : 0,
	    .height = codec->height > 0 ? (uint32_t)codec->height : 0,
	    .rate_millihertz = rate_millihertz(context, stream),
	    .first_us = first_us,
	    .last_us = first_us + (length_us > 0 ? length_us : duration_us),
	};
}

int inspect_streams(AVFormatContext *context, int64_t duration_us, struct probe_facts *facts) {
	int error = avformat_find_stream_info(context, NULL);
	if (error < 0)
		return error;
	for (unsigned i = 0; i < context->nb_streams && facts->stream_count < PROBE_STREAMS_MAX; i++) {
		enum AVMediaType kind = context->streams[i]->codecpar->codec_type;
		if (kind == AVMEDIA_TYPE_VIDEO || kind == AVMEDIA_TYPE_AUDIO)
			stream_fill(context, context->streams[i], duration_us, facts);
	}
	return 0;
}

/* A decoder without threads that takes errors seriously; NULL if there is none for this codec. */
static AVCodecContext *decoder_new(const AVCodec *decoder, const AVCodecParameters *parameters) {
	AVCodecContext *context = decoder == NULL ? NULL : avcodec_alloc_context3(decoder);
	if (context == NULL)
		return NULL;
	context->codec_whitelist = av_strdup(demux_decoders);
	context->thread_count = 1;
	context->max_pixels = PIXELS_MAX;
	context->err_recognition = AV_EF_EXPLODE;
	if (context->codec_whitelist == NULL ||
	    (parameters != NULL && avcodec_parameters_to_context(context, parameters) < 0) ||
	    avcodec_open2(context, decoder, NULL) < 0)
		avcodec_free_context(&context);
	return context;
}

/* One video stream on its way to its first picture. */
struct attempt {
	AVCodecContext *decoder;
	unsigned packets; /* given to the decoder; 0 until the first keyframe */
	bool seen;        /* a packet of this stream was met */
	bool finished;
};

/* Takes what the decoder has ready: 1 for a sound picture, 0 for none yet, or an AVERROR. */
static int picture_take(AVCodecContext *decoder, AVFrame *frame) {
	int error = avcodec_receive_frame(decoder, frame);
	if (error == AVERROR(EAGAIN) || error == AVERROR_EOF)
		return 0;
	if (error < 0)
		return error;
	bool sound = frame->decode_error_flags == 0 && (frame->flags & AV_FRAME_FLAG_CORRUPT) == 0;
	av_frame_unref(frame);
	return sound ? 1 : AVERROR_INVALIDDATA;
}

/* Gives one packet, or NULL at the end. 1 once a picture came out, 0 for not yet, or an AVERROR. */
static int attempt_feed(struct attempt *attempt, const AVPacket *packet, AVFrame *frame) {
	int error = avcodec_send_packet(attempt->decoder, packet);
	if (error < 0 && error != AVERROR_EOF)
		return error;
	attempt->packets++;
	return picture_take(attempt->decoder, frame);
}

static void attempt_packet(struct attempt *attempt, const AVPacket *packet, AVFrame *frame, struct keyframes *found) {
	bool key = (packet->flags & AV_PKT_FLAG_KEY) != 0;
	if (!attempt->seen && !key)
		found->missing = true;
	attempt->seen = true;
	if (attempt->packets == 0 && !key)
		return;
	int result = attempt_feed(attempt, packet, frame);
	if (result < 0 || (result == 0 && attempt->packets >= PACKETS_DECODED_MAX)) {
		found->undecodable = true;
		found->reason = "the first keyframe does not decode";
	}
	attempt->finished = result != 0 || attempt->packets >= PACKETS_DECODED_MAX;
}

/* At the end of the file: what a decoder holds back comes out now, or never. */
static void attempt_end(struct attempt *attempt, AVFrame *frame, struct keyframes *found) {
	if (attempt->decoder == NULL || attempt->finished)
		return;
	if (attempt->packets > 0 && attempt_feed(attempt, NULL, frame) == 1)
		return;
	found->undecodable = true;
	found->reason = attempt->packets > 0 ? "the first keyframe does not decode" : "there is no keyframe";
}

static bool attempts_running(const struct attempt *attempts, unsigned count) {
	for (unsigned i = 0; i < count; i++)
		if (attempts[i].decoder != NULL && !attempts[i].finished)
			return true;
	return false;
}

static int keyframes_read(AVFormatContext *context, struct attempt *attempts, struct keyframes *found) {
	AVPacket *packet = av_packet_alloc();
	AVFrame *frame = av_frame_alloc();
	int error = packet == NULL || frame == NULL ? AVERROR(ENOMEM) : 0;
	for (unsigned i = 0; error == 0 && i < PACKETS_MAX && attempts_running(attempts, PROBE_STREAMS_MAX); i++) {
		error = av_read_frame(context, packet);
		if (error < 0)
			break;
		int stream = packet->stream_index;
		if (stream >= 0 && stream < PROBE_STREAMS_MAX && attempts[stream].decoder != NULL && !attempts[stream].finished)
			attempt_packet(&attempts[stream], packet, frame, found);
		av_packet_unref(packet);
	}
	if (error == 0 || error == AVERROR_EOF || error == AVERROR_INVALIDDATA) {
		error = 0;
		for (unsigned i = 0; i < PROBE_STREAMS_MAX; i++)
			attempt_end(&attempts[i], frame, found);
	}
	av_packet_free(&packet);
	av_frame_free(&frame);
	return error;
}

int inspect_keyframes(AVFormatContext *context, struct keyframes *ret_keyframes) {
	struct attempt attempts[PROBE_STREAMS_MAX] = {0};
	struct keyframes found = {0};
	for (unsigned i = 0; i < context->nb_streams && i < PROBE_STREAMS_MAX; i++) {
		const AVCodecParameters *codec = context->streams[i]->codecpar;
		if (codec->codec_type != AVMEDIA_TYPE_VIDEO)
			continue;
		attempts[i].decoder = decoder_new(avcodec_find_decoder(codec->codec_id), codec);
		if (attempts[i].decoder == NULL) {
			found.undecodable = true;
			found.reason = "there is no decoder for its video";
		}
	}
	int error = keyframes_read(context, attempts, &found);
	for (unsigned i = 0; i < PROBE_STREAMS_MAX; i++)
		avcodec_free_context(&attempts[i].decoder);
	if (error == 0)
		*ret_keyframes = found;
	return error;
}

int inspect_still(struct view *view, const char *decoder_name) {
	if (view->file_bytes > STILL_BYTES_MAX)
		return AVERROR(EFBIG);
	AVCodecContext *decoder = decoder_new(avcodec_find_decoder_by_name(decoder_name), NULL);
	AVPacket *packet = av_packet_alloc();
	AVFrame *frame = av_frame_alloc();
	int error = decoder == NULL || packet == NULL || frame == NULL ? AVERROR(ENOMEM)
	                                                               : av_new_packet(packet, (int)view->file_bytes);
	if (error == 0 && view_pread(view, packet->data, (size_t)packet->size, 0) != packet->size)
		error = AVERROR(EIO);
	if (error == 0)
		error = avcodec_send_packet(decoder, packet);
	if (error == 0)
		error = avcodec_send_packet(decoder, NULL);
	if (error == 0) {
		int taken = picture_take(decoder, frame);
		error = taken == 1 ? 0 : taken < 0 ? taken : AVERROR_INVALIDDATA;
	}
	av_packet_free(&packet);
	av_frame_free(&frame);
	avcodec_free_context(&decoder);
	return error;
}

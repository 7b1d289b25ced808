/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "media/demux.h"

#include <libavutil/mem.h>

const char demux_decoders[] = "h264,hevc,mpeg4,mjpeg,mpeg2video,vp8,vp9,av1,libdav1d,h263,flv,png,webp,"
                              "aac,mp3float,mp3,opus,vorbis,flac,alac,ac3,pcm_s16le,pcm_s16be,pcm_s24le,pcm_s32le,"
                              "pcm_f32le,pcm_u8,pcm_alaw,pcm_mulaw,adpcm_ima_wav,adpcm_g726,g723_1";

enum { PROBE_BYTES = 512 * 1024, ANALYSE_US = 3000000 };

static int refuse_open(AVFormatContext *context UNUSED, AVIOContext **ret_io UNUSED, const char *url UNUSED,
    int flags UNUSED, AVDictionary **options UNUSED) {
	return AVERROR(EPERM);
}

static int is_exhausted(void *opaque) {
	return view_exhausted(opaque) ? 1 : 0;
}

static AVFormatContext *context_new(struct view *view, const struct container *container, enum demux_depth depth) {
	AVFormatContext *context = avformat_alloc_context();
	if (context == NULL)
		return NULL;
	context->pb = view->io;
	context->io_open = refuse_open;
	context->interrupt_callback = (AVIOInterruptCB){.callback = is_exhausted, .opaque = view};
	/* The walk over an mp4's fragments is ours (boxes.c): libavformat need not repeat it. */
	context->flags |= AVFMT_FLAG_CUSTOM_IO;
	if (depth == DEMUX_RAW)
		context->flags |= AVFMT_FLAG_NOPARSE | AVFMT_FLAG_NOFILLIN;
	context->probesize = PROBE_BYTES;
	context->max_analyze_duration = ANALYSE_US;
	context->max_streams = 64;
	context->skip_estimate_duration_from_pts = 1;
	context->protocol_whitelist = av_strdup("");
	context->format_whitelist = av_strdup(container->demuxer);
	context->codec_whitelist = av_strdup(demux_decoders);
	if (context->protocol_whitelist == NULL || context->format_whitelist == NULL || context->codec_whitelist == NULL) {
		avformat_free_context(context);
		return NULL;
	}
	return context;
}

int demux_open(
    struct view *view, const struct container *container, enum demux_depth depth, AVFormatContext **ret_context) {
	const AVInputFormat *format = av_find_input_format(container->demuxer);
	if (format == NULL)
		return AVERROR_DEMUXER_NOT_FOUND;
	if (view_open(view) < 0)
		return AVERROR(ENOMEM);
	AVFormatContext *context = context_new(view, container, depth);
	/* avformat_open_input() frees the context itself when it fails. */
	int error = context == NULL ? AVERROR(ENOMEM) : avformat_open_input(&context, NULL, format, NULL);
	if (error < 0) {
		view_close(view);
		return error;
	}
	*ret_context = context;
	return 0;
}

void demux_close(struct view *view, AVFormatContext **context) {
	if (*context != NULL)
		avformat_close_input(context);
	view_close(view);
}

int64_t demux_time_us(int64_t time, AVRational time_base) {
	if (time == AV_NOPTS_VALUE || time_base.num <= 0 || time_base.den <= 0)
		return INT64_MIN;
	return av_rescale_q(time, time_base, AV_TIME_BASE_Q);
}

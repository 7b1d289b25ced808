/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "media/view.h"

#include <errno.h>
#include <unistd.h>

#include <libavformat/avio.h>
#include <libavutil/error.h>
#include <libavutil/mem.h>

#include "base/clock.h"

enum { VIEW_READS_MAX = 200000 };

void view_init(struct view *view, int fd, int64_t file_bytes, int64_t bytes_most, int64_t time_most_us) {
	*view = (struct view){
	    .fd = fd,
	    .file_bytes = file_bytes,
	    .head_bytes = file_bytes,
	    .tail_start = file_bytes,
	    .bytes_left = bytes_most,
	    .reads_left = VIEW_READS_MAX,
	    .deadline_us = clock_elapsed_us() + time_most_us,
	};
}

void view_cut(struct view *view, int64_t head_bytes, int64_t tail_start) {
	bool whole = tail_start <= head_bytes || tail_start > view->file_bytes;
	view->head_bytes = whole ? view->file_bytes : head_bytes;
	view->tail_start = whole ? view->file_bytes : tail_start;
}

bool view_exhausted(struct view *view) {
	if (view->bytes_left > 0 && view->reads_left > 0 && clock_elapsed_us() < view->deadline_us)
		return false;
	view->error = -EDQUOT;
	return true;
}

int64_t view_pread(struct view *view, void *bytes, size_t room, int64_t offset) {
	size_t used = 0;
	while (used < room) {
		if (view_exhausted(view))
			return -EDQUOT;
		ssize_t got = pread(view->fd, (char *)bytes + used, room - used, offset + (int64_t)used);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return view->error = -errno;
		if (got == 0)
			break;
		used += (size_t)got;
		view->bytes_left -= got;
		view->reads_left--;
	}
	return (int64_t)used;
}

static int64_t view_bytes(const struct view *view) {
	return view->head_bytes + (view->file_bytes - view->tail_start);
}

static int view_read(void *opaque, uint8_t *bytes, int room) {
	struct view *view = opaque;
	int64_t offset = view->position;
	int64_t left = view->head_bytes - view->position;
	if (left <= 0) {
		offset = view->tail_start + (view->position - view->head_bytes);
		left = view->file_bytes - offset;
	}
	if (left <= 0 || room <= 0)
		return AVERROR_EOF;
	int64_t got = view_pread(view, bytes, (size_t)(left < room ? left : room), offset);
	if (got < 0)
		return got == -EDQUOT ? AVERROR_EXIT : AVERROR(EIO);
	if (got == 0)
		return AVERROR_EOF;
	view->position += got;
	return (int)got;
}

static int64_t view_seek(void *opaque, int64_t offset, int whence) {
	struct view *view = opaque;
	int64_t target;
	switch (whence & ~AVSEEK_FORCE) {
	case AVSEEK_SIZE:
		return view_bytes(view);
	case SEEK_SET:
		target = offset;
		break;
	case SEEK_CUR:
	case SEEK_END: {
		int64_t base = (whence & ~AVSEEK_FORCE) == SEEK_CUR ? view->position : view_bytes(view);
		if (__builtin_add_overflow(base, offset, &target))
			return AVERROR(EINVAL);
		break;
	}
	default:
		return AVERROR(EINVAL);
	}
	if (target < 0)
		return AVERROR(EINVAL);
	/* Past the end is allowed, as in a file: the read there says so. */
	int64_t bytes = view_bytes(view);
	view->position = target < bytes ? target : bytes;
	return target;
}

int view_open(struct view *view) {
	uint8_t *buffer = av_malloc(VIEW_BUFFER_BYTES);
	if (buffer == NULL)
		return -ENOMEM;
	view->position = 0;
	view->io = avio_alloc_context(buffer, VIEW_BUFFER_BYTES, 0, view, view_read, NULL, view_seek);
	if (view->io == NULL) {
		av_free(buffer);
		return -ENOMEM;
	}
	return 0;
}

void view_close(struct view *view) {
	if (view->io == NULL)
		return;
	av_freep(&view->io->buffer);
	avio_context_free(&view->io);
}

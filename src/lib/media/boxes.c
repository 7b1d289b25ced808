/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A recording of an hour has thousands of fragments, and each box header is a seek on a disk that
 * turns. So only the beginning is walked; the last fragment is looked for from the end, as a moof box
 * from which box headers lead exactly to the end of the file. Where that fails (fragments larger than
 * what is searched, so there are few) the walk goes on to the end.
 */
#include "media/boxes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	BOX_HEADER_BYTES = 16,
	MOOF_MARK_BYTES = 24, /* size, "moof", size, "mfhd", … */
	BOXES_STEP_BYTES = 64 * 1024,
	BOXES_TAIL_BYTES = 1024 * 1024,
	BOXES_CHAIN_MAX = 64,
	BOXES_MAX = 16384,
};

struct box {
	char type[5];
	int64_t start;
	int64_t end; /* may lie past the end of the file */
	bool whole;  /* header and body are within the file */
};

static uint64_t big_endian(const uint8_t *bytes, size_t count) {
	uint64_t value = 0;
	for (size_t i = 0; i < count; i++)
		value = value << 8 | bytes[i];
	return value;
}

static bool is_type(const uint8_t *bytes) {
	for (int i = 0; i < 4; i++)
		if (bytes[i] < 0x20 || bytes[i] == 0x7f)
			return false;
	return true;
}

/* Decodes the header of the box at `start`; false if these bytes are no box header. */
static bool box_decode(const uint8_t *bytes, int64_t length, int64_t start, int64_t file_bytes, struct box *ret_box) {
	if (length < 8 || !is_type(bytes + 4))
		return false;
	uint64_t size = big_endian(bytes, 4);
	uint64_t header = 8;
	if (size == 1) {
		if (length < 16)
			return false;
		size = big_endian(bytes + 8, 8);
		header = 16;
	} else if (size == 0) {
		size = (uint64_t)(file_bytes - start);
	}
	if (size < header || size > (uint64_t)INT64_MAX - (uint64_t)start)
		return false;
	struct box box = {.start = start, .end = start + (int64_t)size};
	memcpy(box.type, bytes + 4, 4);
	box.whole = box.end <= file_bytes;
	*ret_box = box;
	return true;
}

/* The box at `start`: 1 if there is one, 0 if the bytes are none, or a negative errno. */
static int box_read(struct view *view, int64_t start, struct box *ret_box) {
	uint8_t bytes[BOX_HEADER_BYTES];
	int64_t got = view_pread(view, bytes, sizeof bytes, start);
	if (got < 0)
		return (int)got;
	return box_decode(bytes, got, start, view->file_bytes, ret_box) ? 1 : 0;
}

/* True if box headers lead from `at` in the tail to the end of the file; the last box may be cut, which is told. */
static bool chain_reaches_end(const uint8_t *tail, int64_t tail_start, int64_t at, int64_t file_bytes, bool *ret_cut) {
	for (int i = 0; i < BOXES_CHAIN_MAX && file_bytes - at >= 8; i++) {
		struct box box;
		if (!box_decode(tail + (at - tail_start), file_bytes - at, at, file_bytes, &box))
			return false;
		at = box.end;
	}
	if (at < file_bytes && file_bytes - at >= 8)
		return false;
	*ret_cut = at != file_bytes;
	return true;
}

/* True if the moof box at these bytes says its own time, so that it means the same without those before it. */
static bool says_time(const uint8_t *moof, int64_t length) {
	return memmem(moof, (size_t)length, "tfdt", 4) != NULL;
}

/* True if a moof box that can be read alone begins at `at` of the tail, and boxes follow it to the end of the file. */
static bool is_last_fragment(const uint8_t *tail, int64_t tail_start, int64_t at, int64_t file_bytes, bool *ret_cut) {
	int64_t left = file_bytes - tail_start - at;
	struct box box;
	return memcmp(tail + at + 4, "moof", 4) == 0 && memcmp(tail + at + 12, "mfhd", 4) == 0 &&
	       box_decode(tail + at, left, tail_start + at, file_bytes, &box) && box.whole &&
	       says_time(tail + at, box.end - box.start) &&
	       chain_reaches_end(tail, tail_start, box.start, file_bytes, ret_cut);
}

/*
 * Reads backwards into `tail`, which holds the last `room` bytes of the file, in growing steps: most
 * fragments are small, and what is not read costs nothing. 1 if found, 0 if not, or a negative errno.
 */
static int fragment_search(struct view *view, uint8_t *tail, int64_t room, struct boxes *boxes) {
	int64_t tail_start = view->file_bytes - room;
	int64_t step = BOXES_STEP_BYTES;
	int64_t searched = room - MOOF_MARK_BYTES + 1;
	for (int64_t read_to = room; read_to > 0; step *= 2) {
		int64_t from = read_to > step ? read_to - step : 0;
		int64_t got = view_pread(view, tail + from, (size_t)(read_to - from), tail_start + from);
		if (got != read_to - from)
			return got < 0 ? (int)got : 0;
		read_to = from;
		while (--searched >= from) {
			bool cut;
			if (tail[searched + 4] != 'm' || !is_last_fragment(tail, tail_start, searched, view->file_bytes, &cut))
				continue;
			boxes->last_fragment = tail_start + searched;
			boxes->truncated = cut;
			return 1;
		}
		searched = from;
	}
	return 0;
}

/* 1 if the last fragment was found near the end of the file, 0 if not, or a negative errno. */
static int fragment_from_end(struct view *view, struct boxes *boxes) {
	int64_t room = view->file_bytes - boxes->head_bytes;
	if (room > BOXES_TAIL_BYTES)
		room = BOXES_TAIL_BYTES;
	if (room < MOOF_MARK_BYTES)
		return 0;
	uint8_t *tail = malloc((size_t)room);
	if (tail == NULL)
		return -ENOMEM;
	int found = fragment_search(view, tail, room, boxes);
	free(tail);
	return found;
}

/* The walk goes from box to box until `boxes` is cut, ends, or (to_first) has the first fragment behind it. */
static int walk(struct view *view, struct boxes *boxes, bool to_first, struct box *ret_last_fragment) {
	bool past_first = false;
	int64_t at = boxes->head_bytes;
	for (int i = 0; i < BOXES_MAX && !past_first && !boxes->truncated && at < view->file_bytes; i++) {
		struct box box;
		int found = box_read(view, at, &box);
		if (found < 0)
			return found;
		boxes->truncated = found == 0 || !box.whole;
		if (boxes->truncated)
			break;
		if (strcmp(box.type, "moov") == 0)
			boxes->has_index = true;
		if (strcmp(box.type, "moof") == 0) {
			boxes->fragmented = true;
			*ret_last_fragment = box;
		}
		past_first = to_first && boxes->fragmented && strcmp(box.type, "mdat") == 0;
		at = box.end;
		if (to_first)
			boxes->head_bytes = at;
	}
	return 0;
}

/* Fragments larger than what is searched from the end: on from the first one, box by box. */
static int fragment_by_walk(struct view *view, struct boxes *boxes) {
	struct box last = {.start = -1};
	int error = walk(view, boxes, false, &last);
	if (error < 0 || last.start < 0)
		return error;
	uint8_t moof[4096];
	int64_t length = last.end - last.start;
	int64_t got = view_pread(view, moof, length < (int64_t)sizeof moof ? (size_t)length : sizeof moof, last.start);
	if (got > 0 && says_time(moof, got))
		boxes->last_fragment = last.start;
	return got < 0 ? (int)got : 0;
}

int boxes_walk(struct view *view, struct boxes *ret_boxes) {
	struct boxes boxes = {.last_fragment = view->file_bytes};
	struct box first;
	int error = walk(view, &boxes, true, &first);
	if (error == 0 && boxes.fragmented && !boxes.truncated && boxes.head_bytes < view->file_bytes) {
		int found = fragment_from_end(view, &boxes);
		error = found == 0 ? fragment_by_walk(view, &boxes) : found < 0 ? found : 0;
	}
	if (error < 0)
		return error;
	*ret_boxes = boxes;
	return 0;
}

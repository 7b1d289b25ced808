/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qr.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <qrencode.h>

enum {
	QUIET = 4,        /* squares around it, as ISO/IEC 18004 wants */
	VERSION_MAX = 20, /* 97 squares a side: more is too fine for a photograph of a terminal */
	PIXELS = 6,       /* of a square in the bitmap */
};

struct qr {
	QRcode *code;
};

struct qr *qr_new(const char *text) {
	struct qr *qr = calloc(1, sizeof(*qr));
	if (!qr)
		return NULL;
	qr->code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_M);
	if (!qr->code || qr->code->version > VERSION_MAX)
		return qr_free(qr);
	return qr;
}

struct qr *qr_free(struct qr *qr) {
	if (qr)
		QRcode_free(qr->code);
	free(qr);
	return NULL;
}

static int side(const struct qr *qr) {
	return qr->code->width + 2 * QUIET;
}

static bool is_dark(const struct qr *qr, int x, int y) {
	int width = qr->code->width, column = x - QUIET, row = y - QUIET;
	return column >= 0 && row >= 0 && column < width && row < width && (qr->code->data[row * width + column] & 1) != 0;
}

int qr_columns(const struct qr *qr, bool utf8) {
	return utf8 ? side(qr) : 2 * side(qr);
}

static void print_halves(const struct qr *qr, bool coloured, FILE *stream) {
	/* By what is drawn above and below: ink is dark on the white that we set, light on a dark terminal. */
	static const char *const BLOCKS[] = {" ", "\xe2\x96\x84", "\xe2\x96\x80", "\xe2\x96\x88"};
	for (int y = 0; y < side(qr); y += 2) {
		(void)fputs(coloured ? "\033[38;5;16;48;5;231m" : "", stream);
		for (int x = 0; x < side(qr); x++) {
			bool above = is_dark(qr, x, y) == coloured;
			/* The side is odd: the last line has an upper half only. */
			bool below = y + 1 < side(qr) && is_dark(qr, x, y + 1) == coloured;
			(void)fputs(BLOCKS[(above ? 2 : 0) + (below ? 1 : 0)], stream);
		}
		(void)fputs(coloured ? "\033[0m\n" : "\n", stream);
	}
}

static void print_plain(const struct qr *qr, bool coloured, FILE *stream) {
	for (int y = 0; y < side(qr); y++) {
		for (int x = 0; x < side(qr); x++) {
			if (coloured)
				(void)fputs(is_dark(qr, x, y) ? "\033[40m  " : "\033[107m  ", stream);
			else
				(void)fputs(is_dark(qr, x, y) ? "  " : "##", stream);
		}
		(void)fputs(coloured ? "\033[0m\n" : "\n", stream);
	}
}

void qr_print(const struct qr *qr, bool coloured, bool utf8, FILE *stream) {
	if (utf8)
		print_halves(qr, coloured, stream);
	else
		print_plain(qr, coloured, stream);
}

void qr_write_svg(const struct qr *qr, FILE *stream) {
	(void)fprintf(stream,
	    "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" "
	    "shape-rendering=\"crispEdges\">\n<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n<path fill=\"#000\" d=\"",
	    side(qr), side(qr), side(qr) * PIXELS, side(qr) * PIXELS, side(qr), side(qr));
	for (int y = 0; y < side(qr); y++)
		for (int x = 0; x < side(qr); x++)
			if (is_dark(qr, x, y))
				(void)fprintf(stream, "M%d %dh1v1h-1z", x, y);
	(void)fputs("\"/>\n</svg>\n", stream);
}

void qr_write_pbm(const struct qr *qr, FILE *stream) {
	int pixels = side(qr) * PIXELS;
	(void)fprintf(stream, "P1\n%d %d\n", pixels, pixels);
	for (int y = 0; y < pixels; y++) {
		for (int x = 0; x < pixels; x++)
			(void)fputs(is_dark(qr, x / PIXELS, y / PIXELS) ? "1" : "0", stream);
		(void)fputc('\n', stream);
	}
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A text as a QR code: on the terminal, to be photographed from it, or as a picture. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "base/attributes.h"

struct qr;

/* NULL: the text is too long for a code that a camera reads from a screen, or memory is short. */
MUST_USE struct qr *qr_new(const char *text);
/* Takes NULL. Returns NULL. */
struct qr *qr_free(struct qr *qr);
/*
 * Half blocks, two rows a line, in black on white whatever the terminal's colours are; without `coloured` (not a
 * terminal) the light parts are blocks, as on a dark terminal. `utf8` false writes two characters a square.
 */
void qr_print(const struct qr *qr, bool coloured, bool utf8, FILE *stream);
/* Columns that qr_print() needs. */
int qr_columns(const struct qr *qr, bool utf8);
/* SVG; or a bitmap (PBM), which needs nothing to be drawn. */
void qr_write_svg(const struct qr *qr, FILE *stream);
void qr_write_pbm(const struct qr *qr, FILE *stream);

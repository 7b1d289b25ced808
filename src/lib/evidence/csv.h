/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reports as CSV (RFC 4180): flat rows, and no cell that a spreadsheet would take for a formula. */
#pragma once

#include <jansson.h>
#include <stdio.h>

/*
 * One row for each object of the array; columns are the keys of all rows in order of their first
 * appearance. An object within is flattened (bytes_recorded), a list is joined by "; ". A text that
 * begins as a formula does (= + - @, tab, return) gets an apostrophe before it.
 */
void csv_print(FILE *stream, const json_t *rows);

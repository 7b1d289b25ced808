/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The terminal: colours only where they are wanted, words first; names of files and people never
 * reach it raw, so that no name can move the cursor or forge a line; tables, wrapped text, a pager.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/attributes.h"

enum style { STYLE_PLAIN, STYLE_BOLD, STYLE_DIM, STYLE_GOOD, STYLE_WARN, STYLE_BAD };

/* Looks at the environment once: NO_COLOR, TERM, COLUMNS, the locale's character set. */
void screen_open(void);
/* Writes stdout through a pager from here on, if it is a terminal. screen_close() waits for it. */
void screen_page(void);
void screen_close(void);
bool screen_is_utf8(void);
int screen_width(void);

/* A new text with control characters, escapes and direction overrides written as \xNN; the caller frees it. NULL gives
 * "". */
char *screen_escape(const char *text);

void put(enum style style, const char *format, ...) PRINTF_LIKE(2, 3);
/* Text of others, escaped. */
void put_text(enum style style, const char *text);
/* Escaped and wrapped at the width; `first` begins the first line, the others are indented as wide. */
void put_wrapped(enum style style, const char *first, const char *text);
/* "Clock       synced": a label of 12 columns and a wrapped text. */
void put_line(const char *label, enum style style, const char *format, ...) PRINTF_LIKE(3, 4);
/* "Due         …": UTC and the local clock's time of answer[key]; "never" where there is none. */
void put_time(const char *label, const json_t *answer, const char *key);

/* A table. Headings "CAMERA|>SIZE": '>' aligns right. Cells are copied and escaped. */
struct table;
struct table *table_new(const char *headings);
/* As many texts as there are columns. */
void table_row(struct table *table, enum style style, const char *const *cells);
size_t table_rows(const struct table *table);
/* Prints and frees. */
void table_end(struct table *table);

/* Texts that live until the program ends (a few of a row are needed at once). */
const char *text_bytes(int64_t bytes);                          /* "1.4 GB" */
const char *text_count(int64_t count);                          /* "4,120" */
const char *text_moment(const json_t *object, const char *key); /* local time, short; "–" for none */
const char *text_utc(const json_t *object, const char *key);    /* without a fraction of a second */
const char *text_seconds(int64_t seconds);                      /* "57 min 12 s" */
const char *text_format(const char *format, ...) PRINTF_LIKE(1, 2);

/* Of an object, with "" or 0 or false for what is not there. */
const char *get_text(const json_t *object, const char *key);
int64_t get_number(const json_t *object, const char *key);
bool get_flag(const json_t *object, const char *key);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The compiled form of a pattern, shared by pattern_compile.c and pattern.c only. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "settings/pattern.h"

enum {
	PATTERN_SOURCE_MAX = 512, /* bytes */
	PATTERN_TOKENS_MAX = 96,
	PATTERN_COMPONENTS_MAX = 24,
	PATTERN_CHOICES_MAX = 64,
	PATTERN_NAMES_MAX = 16,
	COMPONENT_BYTES_MAX = 255, /* NAME_MAX */
	DIGITS_MAX = 20,
};

enum token_kind {
	TOKEN_LITERAL,
	TOKEN_CHOICE,
	/* numbers of a fixed width, in the order of struct matching's fields */
	TOKEN_YEAR,
	TOKEN_SHORT_YEAR,
	TOKEN_MONTH,
	TOKEN_DAY,
	TOKEN_HOUR,
	TOKEN_MINUTE,
	TOKEN_SECOND,
	TOKEN_YEAR_DAY,
	/* of a width that varies */
	TOKEN_FRACTION,
	TOKEN_OFFSET,
	TOKEN_EPOCH,
	TOKEN_EPOCH_MS,
	TOKEN_EPOCH_US,
	TOKEN_NUMBER,
	TOKEN_NAME,
	TOKEN_KIND_COUNT,
};

enum { NAME_CAMERA, NAME_EVENT, NAME_FIRST_OTHER };

struct token {
	uint8_t kind;
	uint8_t width;    /* bytes it takes; 0 where that varies */
	uint8_t slot;     /* TOKEN_NAME: index in names */
	bool first;       /* TOKEN_NAME: at the start of a component, where a '.' is not matched */
	bool prefix_free; /* TOKEN_CHOICE: no alternative begins another, */
	bool suffix_free; /* or ends another: then it needs no search */
	bool run_before;  /* a number of any length with no digit after it, */
	bool run_after;   /* or before it: it is the whole run of digits */
	uint16_t at;      /* TOKEN_LITERAL: its text; TOKEN_CHOICE: its first alternative */
	uint16_t length;  /* bytes, or alternatives */
};

struct piece {
	uint16_t at;
	uint16_t length;
};

/* One folder or file name. The tokens between lead and trail are those that need a search. */
struct component {
	uint16_t first;
	uint16_t count;
	uint16_t lead;
	uint16_t trail;
	bool alternating; /* names and literals by turns: the last occurrence of each literal is the right one */
};

struct pattern {
	char source[PATTERN_SOURCE_MAX + 1];
	char text[PATTERN_SOURCE_MAX + 1]; /* literals and alternatives, without escapes */
	size_t text_used;
	bool any_depth;
	unsigned parts; /* PATTERN_HAS_… */
	unsigned specificity;
	uint64_t kinds; /* bits of the token kinds that occur */
	struct token tokens[PATTERN_TOKENS_MAX];
	size_t token_count;
	struct component components[PATTERN_COMPONENTS_MAX];
	size_t component_count;
	struct piece choices[PATTERN_CHOICES_MAX];
	size_t choice_count;
	struct text names[PATTERN_NAMES_MAX]; /* into source; only while compiling more than their number matters */
	size_t name_count;
};

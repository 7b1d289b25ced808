/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The way back: from a camera and a start to the name. */
#include "settings/pattern.h"

#include <string.h>

#include "settings/pattern_tokens.h"

struct path_writer {
	struct text camera;
	const struct local_time *local;
	int64_t epoch_us;
	char *path;
	size_t room;
	size_t used;
};

static bool put_text(struct path_writer *writer, struct text text) {
	if (text.length >= writer->room - writer->used)
		return false;
	if (text.length > 0)
		memcpy(writer->path + writer->used, text.data, text.length);
	writer->used += text.length;
	writer->path[writer->used] = '\0';
	return true;
}

/* By hand: a name is made for each segment that is indexed or erased, and printf takes most of that time. */
static bool put_number(struct path_writer *writer, int64_t value, int width) {
	char digits[24];
	size_t at = sizeof digits;
	if (value < 0)
		return false;
	for (; value > 0 || width > 0; value /= 10, width--)
		digits[--at] = (char)('0' + value % 10);
	return put_text(writer, (struct text){digits + at, sizeof digits - at});
}

static bool put_token(const struct pattern *pattern, const struct token *token, struct path_writer *writer) {
	const struct local_time *local = writer->local;
	bool whole_seconds = (pattern->kinds >> TOKEN_FRACTION & 1) != 0;
	bool epoch = (pattern->parts & PATTERN_HAS_EPOCH) != 0;
	switch ((enum token_kind)token->kind) {
	case TOKEN_LITERAL:
		return put_text(writer, (struct text){pattern->text + token->at, token->length});
	case TOKEN_CHOICE:
		return token->length == 1 && put_text(writer, (struct text){pattern->text + pattern->choices[token->at].at,
		                                                  pattern->choices[token->at].length});
	case TOKEN_NAME:
		return token->slot == NAME_CAMERA && put_text(writer, writer->camera);
	case TOKEN_EPOCH:
		return (whole_seconds || writer->epoch_us % 1000000 == 0) && put_number(writer, writer->epoch_us / 1000000, 1);
	case TOKEN_EPOCH_MS:
		return writer->epoch_us % 1000 == 0 && put_number(writer, writer->epoch_us / 1000, 1);
	case TOKEN_EPOCH_US:
		return put_number(writer, writer->epoch_us, 1);
	case TOKEN_FRACTION:
		return put_number(writer, epoch ? writer->epoch_us % 1000000 : local->microsecond, 6);
	case TOKEN_YEAR:
		return put_number(writer, local->year, 4);
	case TOKEN_SHORT_YEAR:
		return put_number(writer, local->year - 2000, 2);
	case TOKEN_MONTH:
		return put_number(writer, local->month, 2);
	case TOKEN_DAY:
		return put_number(writer, local->day, 2);
	case TOKEN_HOUR:
		return put_number(writer, local->hour, 2);
	case TOKEN_MINUTE:
		return put_number(writer, local->minute, 2);
	case TOKEN_SECOND:
		return put_number(writer, local->second, 2);
	case TOKEN_YEAR_DAY:
		return put_number(
		    writer, calendar_days(local->year, local->month, local->day) - calendar_days(local->year, 1, 1) + 1, 3);
	default:
		return false;
	}
}

/* True if the match says the same as what the path was made from, in all that the pattern has. */
static bool says_the_same(const struct pattern_match *match, const struct path_writer *writer) {
	if (match->camera.length > 0 && !text_equal(match->camera, writer->camera))
		return false;
	if (match->is_epoch)
		return match->epoch_us == writer->epoch_us;
	if (match->has_date && (match->local.year != writer->local->year || match->local.month != writer->local->month ||
	                           match->local.day != writer->local->day))
		return false;
	return !match->has_time || match->local.hour == writer->local->hour;
}

bool pattern_format(const struct pattern *pattern, struct text camera, const struct local_time *local, int64_t epoch_us,
    char *path, size_t room, size_t *ret_length) {
	static const struct local_time none;
	bool needs_date = (pattern->kinds & ((UINT64_C(1) << TOKEN_FRACTION) - (UINT64_C(1) << TOKEN_YEAR))) != 0;
	bool mixed = needs_date && (pattern->parts & PATTERN_HAS_EPOCH) != 0;
	if (pattern->any_depth || room == 0 || mixed || (needs_date && local == NULL))
		return false;
	struct path_writer writer = {
	    .camera = camera, .local = local == NULL ? &none : local, .epoch_us = epoch_us, .path = path, .room = room};
	for (size_t i = 0; i < pattern->component_count; i++) {
		if (i > 0 && !put_text(&writer, text_of("/")))
			return false;
		const struct component *component = &pattern->components[i];
		for (size_t t = 0; t < component->count; t++)
			if (!put_token(pattern, &pattern->tokens[component->first + t], &writer))
				return false;
	}
	struct pattern_match match;
	if (!pattern_matches(pattern, (struct text){path, writer.used}, &match) || !says_the_same(&match, &writer))
		return false;
	*ret_length = writer.used;
	return true;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads time spans. A text is split into moments ("yesterday 14:00", "2026-Q3", "-2h"); each moment
 * is a stretch of time, empty for an instant. Footage hangs on the answer, so what can be meant in
 * two ways is refused with what to write instead.
 */
#include "base/span.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/duration.h"

enum { TEXT_LIMIT = 128, SECONDS_PER_DAY = 86400 };

/* 9999-12-31T23:59:59Z: later times are typing errors. */
static const int64_t LATEST_US = INT64_C(253402300799) * US_PER_SECOND;

struct date {
	int32_t year, month, day;
};

struct parser {
	const struct zone *zone;
	int64_t now_us;
	char *message;
	size_t room;
};

enum moment_kind { MOMENT_INSTANT, MOMENT_RELATIVE, MOMENT_PERIOD };

struct moment {
	enum moment_kind kind;
	int64_t from_us;
	int64_t to_us;   /* from_us for an instant */
	struct date day; /* local date of the start */
	bool has_offset; /* written with Z or an offset */
	int32_t offset_seconds;
};

static enum span_error fail(struct parser *parser, enum span_error error, const char *format, ...) PRINTF_LIKE(3, 4);

static enum span_error fail(struct parser *parser, enum span_error error, const char *format, ...) {
	va_list arguments;
	va_start(arguments, format);
	(void)vsnprintf(parser->message, parser->room, format, arguments);
	va_end(arguments);
	return error;
}

static enum span_error fail_malformed(struct parser *parser, const char *text) {
	return fail(parser, SPAN_MALFORMED,
	    "'%s' is no time: write '2026-11-20 14:00', '2026-11-20T14:00:00+01:00', '2026-11-20', '2026-11', "
	    "'2026-Q3', 'yesterday 14:00', 'now', '-2h' or '@1700000000'",
	    text);
}

/* ---- words and numbers ---- */

static bool take_char(const char **at, char wanted) {
	if (**at != wanted)
		return false;
	(*at)++;
	return true;
}

/* Exactly `digits` digits. */
static bool take_number(const char **at, int digits, int32_t *ret_number) {
	int32_t number = 0;
	for (int i = 0; i < digits; i++) {
		char c = (*at)[i];
		if (c < '0' || c > '9')
			return false;
		number = number * 10 + (c - '0');
	}
	*at += digits;
	*ret_number = number;
	return true;
}

/* ".5", ".123456": up to six digits. */
static bool take_fraction(const char **at, int32_t *ret_microsecond) {
	*ret_microsecond = 0;
	if (!take_char(at, '.'))
		return true;
	int32_t scale = 100000;
	const char *from = *at;
	for (; **at >= '0' && **at <= '9' && scale > 0; (*at)++, scale /= 10)
		*ret_microsecond += (**at - '0') * scale;
	return *at != from;
}

static void trim(char **text) {
	while (isspace((unsigned char)**text))
		(*text)++;
	size_t length = strlen(*text);
	while (length > 0 && isspace((unsigned char)(*text)[length - 1]))
		(*text)[--length] = '\0';
}

/* A word and what follows it; the word ends at a blank or the end. */
static bool take_word(const char **at, const char *word) {
	size_t length = strlen(word);
	if (strncasecmp(*at, word, length) != 0)
		return false;
	char after = (*at)[length];
	if (after != '\0' && after != ' ')
		return false;
	*at += length;
	while (**at == ' ')
		(*at)++;
	return true;
}

/* ---- lengths of time: systemd.time(7)'s units, or an ISO 8601 duration without years and months ---- */

/* A month and a year are systemd.time(7)'s averages. */
static const struct {
	const char *name;
	int64_t us;
} units[] = {
    {"us", 1},
    {"usec", 1},
    {"ms", 1000},
    {"msec", 1000},
    {"s", US_PER_SECOND},
    {"sec", US_PER_SECOND},
    {"second", US_PER_SECOND},
    {"seconds", US_PER_SECOND},
    {"m", 60 * US_PER_SECOND},
    {"min", 60 * US_PER_SECOND},
    {"minute", 60 * US_PER_SECOND},
    {"minutes", 60 * US_PER_SECOND},
    {"h", 3600 * US_PER_SECOND},
    {"hr", 3600 * US_PER_SECOND},
    {"hour", 3600 * US_PER_SECOND},
    {"hours", 3600 * US_PER_SECOND},
    {"d", US_PER_DAY},
    {"day", US_PER_DAY},
    {"days", US_PER_DAY},
    {"w", 7 * US_PER_DAY},
    {"week", 7 * US_PER_DAY},
    {"weeks", 7 * US_PER_DAY},
    {"M", 2629800 * US_PER_SECOND},
    {"month", 2629800 * US_PER_SECOND},
    {"months", 2629800 * US_PER_SECOND},
    {"y", 31557600 * US_PER_SECOND},
    {"year", 31557600 * US_PER_SECOND},
    {"years", 31557600 * US_PER_SECOND},
};

static bool take_unit(const char **at, int64_t *ret_us) {
	size_t length = 0;
	while (isalpha((unsigned char)(*at)[length]))
		length++;
	for (size_t i = 0; i < ARRAY_LENGTH(units); i++) {
		if (strlen(units[i].name) == length && strncmp(units[i].name, *at, length) == 0) {
			*at += length;
			*ret_us = units[i].us;
			return true;
		}
	}
	return false;
}

static bool parse_length(const char *text, int64_t *ret_us) {
	struct duration duration;
	if (*text == 'P')
		return duration_parse(text, &duration) && duration_fixed_us(&duration, ret_us);
	int64_t sum = 0;
	while (*text == ' ')
		text++;
	if (*text == '\0')
		return false;
	while (*text != '\0') {
		int64_t number = 0;
		int digits = 0;
		for (; *text >= '0' && *text <= '9'; text++, digits++)
			number = digits < 12 ? number * 10 + (*text - '0') : INT64_MAX;
		while (*text == ' ')
			text++;
		int64_t unit;
		int64_t part;
		if (digits == 0 || !take_unit(&text, &unit) || __builtin_mul_overflow(number, unit, &part) ||
		    __builtin_add_overflow(sum, part, &sum) || sum > LATEST_US)
			return false;
		while (*text == ' ')
			text++;
	}
	*ret_us = sum;
	return true;
}

/* ---- moments ---- */

static struct date date_of(const struct parser *parser, int64_t wall_us) {
	struct local_time local;
	zone_to_local(parser->zone, wall_us, &local, NULL);
	return (struct date){local.year, local.month, local.day};
}

static struct date date_moved(struct date date, int32_t days) {
	struct date moved;
	calendar_date(calendar_days(date.year, date.month, date.day) + days, &moved.year, &moved.month, &moved.day);
	return moved;
}

/* The first instant of a local day: the earlier where midnight came twice, the end of the gap where it never was. */
static int64_t day_start(const struct parser *parser, struct date date) {
	struct local_time local = {.year = date.year, .month = date.month, .day = date.day};
	int64_t earlier, later;
	enum zone_match match;
	return zone_from_local(parser->zone, &local, &earlier, &later, &match) ? earlier : LATEST_US;
}

static void moment_set_days(const struct parser *parser, struct moment *moment, struct date from, struct date to) {
	*moment = (struct moment){MOMENT_PERIOD, day_start(parser, from), day_start(parser, to), from, false, 0};
}

static void moment_set_instant(const struct parser *parser, struct moment *moment, enum moment_kind kind, int64_t us) {
	*moment = (struct moment){kind, us, us, {0}, false, 0};
	if (us >= 0 && us <= LATEST_US)
		moment->day = date_of(parser, us);
}

/* 2026, 2026-10, 2026-Q3. */
static bool parse_period(const struct parser *parser, const char *text, struct moment *ret_moment) {
	int32_t year;
	int32_t part;
	int32_t months = 12;
	int32_t first = 1;
	if (!take_number(&text, 4, &year) || year < 1970)
		return false;
	if (take_char(&text, '-')) {
		if (take_char(&text, 'Q') || take_char(&text, 'q')) {
			if (!take_number(&text, 1, &part) || part < 1 || part > 4)
				return false;
			first = part * 3 - 2;
			months = 3;
		} else {
			if (!take_number(&text, 2, &first) || first < 1 || first > 12)
				return false;
			months = 1;
		}
	}
	if (*text != '\0')
		return false;
	int32_t after = first - 1 + months;
	moment_set_days(
	    parser, ret_moment, (struct date){year, first, 1}, (struct date){year + after / 12, after % 12 + 1, 1});
	return true;
}

static bool take_date(const char **at, const struct parser *parser, struct date *ret_date) {
	struct date today = date_of(parser, parser->now_us);
	if (take_word(at, "today"))
		*ret_date = today;
	else if (take_word(at, "yesterday"))
		*ret_date = date_moved(today, -1);
	else if (take_word(at, "tomorrow"))
		*ret_date = date_moved(today, 1);
	else {
		const char *from = *at;
		struct date date;
		if (!take_number(&from, 4, &date.year))
			return false;
		bool dashes = take_char(&from, '-');
		if (!take_number(&from, 2, &date.month) || (dashes && !take_char(&from, '-')) ||
		    !take_number(&from, 2, &date.day) || date.year < 1970 || date.day < 1 ||
		    date.day > calendar_month_days(date.year, date.month))
			return false;
		if (*from == 'T' || *from == ' ')
			from++;
		else if (*from != '\0')
			return false;
		while (*from == ' ')
			from++;
		*at = from;
		*ret_date = date;
	}
	return true;
}

/* 14:00, 14:00:05, 14:00:05.25 and ISO 8601's 140005; 24:00 is the end of the day. */
static bool take_time(const char **at, bool dated, struct local_time *local) {
	if (!take_number(at, 2, &local->hour))
		return false;
	bool colons = take_char(at, ':');
	/* Alone, 2026 is a year. */
	if (!colons && !dated)
		return false;
	if (!take_number(at, 2, &local->minute))
		return false;
	if ((colons && take_char(at, ':')) || (!colons && **at >= '0' && **at <= '9')) {
		if (!take_number(at, 2, &local->second) || !take_fraction(at, &local->microsecond))
			return false;
	}
	bool end_of_day = local->hour == 24 && local->minute == 0 && local->second == 0 && local->microsecond == 0;
	return end_of_day || (local->hour <= 23 && local->minute <= 59 && local->second <= 60);
}

/* Z, UTC, +01, +01:00, +0100. */
static bool take_offset(const char **at, bool *ret_has, int32_t *ret_seconds) {
	while (**at == ' ')
		(*at)++;
	*ret_has = **at != '\0';
	*ret_seconds = 0;
	if (!*ret_has || take_word(at, "Z") || take_word(at, "UTC"))
		return true;
	int32_t sign = **at == '-' ? -1 : 1;
	int32_t hours = 0;
	int32_t minutes = 0;
	if ((!take_char(at, '+') && !take_char(at, '-')) || !take_number(at, 2, &hours))
		return false;
	if ((take_char(at, ':') || **at != '\0') && !take_number(at, 2, &minutes))
		return false;
	*ret_seconds = sign * (hours * 3600 + minutes * 60);
	return hours <= 15 && minutes <= 59;
}

static enum span_error resolve_local(
    struct parser *parser, const char *text, const struct local_time *local, int64_t *ret_us) {
	int64_t earlier, later;
	enum zone_match match;
	if (!zone_from_local(parser->zone, local, &earlier, &later, &match))
		return fail_malformed(parser, text);
	char first[40];
	char second[40];
	if (match == ZONE_MATCH_TWICE) {
		time_format_utc(earlier, first, sizeof first);
		time_format_utc(later, second, sizeof second);
		return fail(parser, SPAN_AMBIGUOUS, "'%s' happened twice in %s: write '%s' or '%s'", text,
		    zone_name(parser->zone), first, second);
	}
	if (match == ZONE_MATCH_NEVER) {
		time_format_local(parser->zone, earlier, first, sizeof first);
		return fail(parser, SPAN_SKIPPED,
		    "'%s' never was in %s, where the clocks were put forward: for the time that followed write '%s'", text,
		    zone_name(parser->zone), first);
	}
	*ret_us = earlier;
	return SPAN_OK;
}

/* A date with or without a time of day, or a time of day on `default_day`. */
static enum span_error parse_clock(
    struct parser *parser, const char *text, struct date default_day, struct moment *ret_moment) {
	const char *at = text;
	struct date day = default_day;
	bool dated = take_date(&at, parser, &day);
	if (dated && *at == '\0') {
		moment_set_days(parser, ret_moment, day, date_moved(day, 1));
		return SPAN_OK;
	}
	struct local_time local = {0};
	bool has_offset;
	int32_t offset;
	if (!take_time(&at, dated, &local) || !take_offset(&at, &has_offset, &offset) || *at != '\0')
		return fail_malformed(parser, text);
	if (local.hour == 24) {
		local.hour = 0;
		day = date_moved(day, 1);
	}
	local.year = day.year;
	local.month = day.month;
	local.day = day.day;
	int64_t us = 0;
	if (has_offset) {
		int64_t seconds = calendar_days(day.year, day.month, day.day) * SECONDS_PER_DAY + local.hour * 3600 +
		                  local.minute * 60 + local.second - offset;
		us = seconds * US_PER_SECOND + local.microsecond;
	} else {
		enum span_error error = resolve_local(parser, text, &local, &us);
		if (error != SPAN_OK)
			return error;
	}
	*ret_moment = (struct moment){MOMENT_INSTANT, us, us, day, has_offset, offset};
	return SPAN_OK;
}

static bool parse_relative(const struct parser *parser, char *text, struct moment *ret_moment) {
	int64_t length;
	size_t used = strlen(text);
	bool past = *text == '-';
	if (past || *text == '+') {
		text++;
	} else {
		if (used < 5 || strcasecmp(text + used - 4, " ago") != 0)
			return false;
		text[used - 4] = '\0';
		past = true;
		bool ok = parse_length(text, &length);
		text[used - 4] = ' ';
		if (!ok)
			return false;
		moment_set_instant(parser, ret_moment, MOMENT_RELATIVE, parser->now_us - length);
		return true;
	}
	if (!parse_length(text, &length))
		return false;
	moment_set_instant(parser, ret_moment, MOMENT_RELATIVE, past ? parser->now_us - length : parser->now_us + length);
	return true;
}

static bool parse_unix(const struct parser *parser, const char *text, struct moment *ret_moment) {
	if (!take_char(&text, '@'))
		return false;
	int64_t seconds = 0;
	int digits = 0;
	for (; *text >= '0' && *text <= '9' && digits < 12; text++, digits++)
		seconds = seconds * 10 + (*text - '0');
	int32_t microsecond;
	if (digits == 0 || !take_fraction(&text, &microsecond) || *text != '\0')
		return false;
	moment_set_instant(parser, ret_moment, MOMENT_INSTANT, seconds * US_PER_SECOND + microsecond);
	return true;
}

static enum span_error parse_moment(
    struct parser *parser, char *text, struct date default_day, struct moment *ret_moment) {
	trim(&text);
	if (*text == '\0')
		return fail(parser, SPAN_MALFORMED, "a time is missing: write '2026-11-20 14:00..15:00' or 'now'");
	if (strcasecmp(text, "now") == 0) {
		moment_set_instant(parser, ret_moment, MOMENT_RELATIVE, parser->now_us);
	} else if (!parse_period(parser, text, ret_moment) && !parse_unix(parser, text, ret_moment) &&
	           !parse_relative(parser, text, ret_moment)) {
		enum span_error error = parse_clock(parser, text, default_day, ret_moment);
		if (error != SPAN_OK)
			return error;
	}
	if (ret_moment->from_us < 0 || ret_moment->to_us > LATEST_US)
		return fail(parser, SPAN_MALFORMED, "'%s' is out of range: write a time from 1970 to 9999", text);
	return SPAN_OK;
}

/* ---- spans ---- */

static enum span_error finish(struct parser *parser, int64_t from_us, int64_t to_us, struct span *ret_span) {
	if (to_us <= from_us) {
		char from[40];
		char to[40];
		time_format_local(parser->zone, from_us, from, sizeof from);
		time_format_local(parser->zone, to_us, to, sizeof to);
		return fail(parser, SPAN_EMPTY,
		    "from %s to %s holds no time: write the earlier time first, and the date with each where they are on two "
		    "days ('2026-11-20 23:00..2026-11-21 01:00')",
		    from, to);
	}
	*ret_span = (struct span){from_us, to_us};
	return SPAN_OK;
}

/* `A..B`; whole days, months and quarters are taken whole at both ends. */
static enum span_error parse_range(struct parser *parser, char *first, char *second, struct span *ret_span) {
	struct moment from = {0};
	struct moment to = {0};
	enum span_error error = parse_moment(parser, first, date_of(parser, parser->now_us), &from);
	if (error != SPAN_OK)
		return error;
	trim(&second);
	int64_t length;
	if (*second == 'P' && parse_length(second, &length))
		return finish(parser, from.from_us, from.from_us + length, ret_span);
	/* After a time on the clock "+20min" may mean from it or from now. */
	if (*second == '+' && from.kind != MOMENT_RELATIVE)
		return fail(parser, SPAN_MALFORMED,
		    "'..%s' can be meant in two ways: for a length write 'A %s', for a time from now write 'A..' and a date "
		    "and "
		    "time",
		    second, second);
	error = parse_moment(parser, second, from.day, &to);
	if (error != SPAN_OK)
		return error;
	if (from.has_offset != to.has_offset && from.kind == MOMENT_INSTANT && to.kind == MOMENT_INSTANT)
		return fail(parser, SPAN_MALFORMED,
		    "one time has an offset and the other has none: write both with one ('14:00Z..15:00Z') or both without");
	return finish(parser, from.from_us, to.to_us, ret_span);
}

/* "A +20min": the '+' that a length follows, unlike an offset's. NULL for none. */
static char *find_length(char *text, int64_t *ret_us) {
	char *plus = strrchr(text, '+');
	if (plus == NULL || plus == text || !parse_length(plus + 1, ret_us))
		return NULL;
	return plus;
}

static enum span_error parse_single(struct parser *parser, char *text, struct span *ret_span) {
	struct moment moment = {0};
	int64_t length;
	struct date today = date_of(parser, parser->now_us);
	char *plus = find_length(text, &length);
	if (plus != NULL) {
		*plus = '\0';
		enum span_error error = parse_moment(parser, text, today, &moment);
		return error != SPAN_OK ? error : finish(parser, moment.from_us, moment.from_us + length, ret_span);
	}
	enum span_error error = parse_moment(parser, text, today, &moment);
	if (error != SPAN_OK)
		return error;
	if (moment.kind == MOMENT_PERIOD)
		return finish(parser, moment.from_us, moment.to_us, ret_span);
	trim(&text);
	if (moment.kind == MOMENT_RELATIVE)
		return fail(parser, SPAN_MALFORMED, "'%s' is one moment: for a span write '-2h..now' or 'now +20min'", text);
	return fail(parser, SPAN_MALFORMED, "'%s' has no end: write '%s..' and the end, or '%s +20min'", text, text, text);
}

/* A printable copy: what is quoted in a message must not move a terminal's cursor. */
static bool copy(struct parser *parser, const char *text, char to[TEXT_LIMIT + 1]) {
	size_t length = strnlen(text, TEXT_LIMIT + 1);
	if (length > TEXT_LIMIT) {
		(void)fail(parser, SPAN_MALFORMED, "a time span has at most %d characters: write '2026-11-20 14:00..15:00'",
		    TEXT_LIMIT);
		return false;
	}
	for (size_t i = 0; i < length; i++)
		to[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
	to[length] = '\0';
	return true;
}

enum span_error span_parse(
    const char *text, const struct zone *zone, int64_t now_us, struct span *ret_span, char *message, size_t room) {
	struct parser parser = {zone, now_us, message, room};
	char copied[TEXT_LIMIT + 1] = "";
	if (!copy(&parser, text, copied))
		return SPAN_MALFORMED;
	char *separator = strstr(copied, "..");
	size_t width = 2;
	if (separator == NULL) {
		/* ISO 8601's own. */
		separator = strchr(copied, '/');
		width = 1;
	}
	if (separator == NULL)
		return parse_single(&parser, copied, ret_span);
	*separator = '\0';
	return parse_range(&parser, copied, separator + width, ret_span);
}

enum span_error span_parse_instant(
    const char *text, const struct zone *zone, int64_t now_us, int64_t *ret_us, char *message, size_t room) {
	struct parser parser = {zone, now_us, message, room};
	char copied[TEXT_LIMIT + 1] = "";
	if (!copy(&parser, text, copied))
		return SPAN_MALFORMED;
	struct moment moment = {0};
	enum span_error error = parse_moment(&parser, copied, date_of(&parser, now_us), &moment);
	if (error == SPAN_OK)
		*ret_us = moment.from_us;
	return error;
}

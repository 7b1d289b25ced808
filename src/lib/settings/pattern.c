/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Matching names against compiled patterns. Names are taken a component (between slashes) at a
 * time. What has a fixed width is matched from both ends; only where two or more parts of any length
 * stand between them is there a search: from the right, which positions the rest can start at (a
 * bit each), then from the left, the longest choice that keeps the rest possible.
 */
#include "settings/pattern.h"

#include <string.h>

#include "settings/pattern_tokens.h"

enum {
	FIELD_YEAR,
	FIELD_MONTH,
	FIELD_DAY,
	FIELD_HOUR,
	FIELD_MINUTE,
	FIELD_SECOND,
	FIELD_YEAR_DAY,
	FIELD_FRACTION,
	FIELD_OFFSET,
	FIELD_EPOCH,
	FIELD_COUNT
};

/* What is known so far. */
struct matching {
	uint32_t fields_set; /* bits */
	uint32_t names_set;
	int64_t fields[FIELD_COUNT];
	struct text names[PATTERN_NAMES_MAX];
};

static const uint8_t field_of[TOKEN_KIND_COUNT] = {
    [TOKEN_YEAR] = FIELD_YEAR,
    [TOKEN_SHORT_YEAR] = FIELD_YEAR,
    [TOKEN_MONTH] = FIELD_MONTH,
    [TOKEN_DAY] = FIELD_DAY,
    [TOKEN_HOUR] = FIELD_HOUR,
    [TOKEN_MINUTE] = FIELD_MINUTE,
    [TOKEN_SECOND] = FIELD_SECOND,
    [TOKEN_YEAR_DAY] = FIELD_YEAR_DAY,
    [TOKEN_FRACTION] = FIELD_FRACTION,
    [TOKEN_OFFSET] = FIELD_OFFSET,
    [TOKEN_EPOCH] = FIELD_EPOCH,
    [TOKEN_EPOCH_MS] = FIELD_EPOCH,
    [TOKEN_EPOCH_US] = FIELD_EPOCH,
};

/* The least and the most that a token of fixed width may say. */
static const struct {
	uint16_t least, most;
} ranges[TOKEN_KIND_COUNT] = {
    [TOKEN_YEAR] = {1, 9999},
    [TOKEN_SHORT_YEAR] = {0, 99},
    [TOKEN_MONTH] = {1, 12},
    [TOKEN_DAY] = {1, 31},
    [TOKEN_HOUR] = {0, 23},
    [TOKEN_MINUTE] = {0, 59},
    [TOKEN_SECOND] = {0, 60},
    [TOKEN_YEAR_DAY] = {1, 366},
};

static bool is_digit(char byte) {
	return byte >= '0' && byte <= '9';
}

static bool read_fixed(const struct token *token, const char *at, int64_t *ret_value) {
	unsigned value = 0;
	for (size_t i = 0; i < token->width; i++) {
		if (!is_digit(at[i]))
			return false;
		value = value * 10 + (unsigned)(at[i] - '0');
	}
	if (value < ranges[token->kind].least || value > ranges[token->kind].most)
		return false;
	*ret_value = token->kind == TOKEN_SHORT_YEAR ? 2000 + (int64_t)value : (int64_t)value;
	return true;
}

static bool all_digits(struct text part) {
	if (part.length == 0 || part.length > DIGITS_MAX)
		return false;
	for (size_t i = 0; i < part.length; i++)
		if (!is_digit(part.data[i]))
			return false;
	return true;
}

/* Without leading zeros, so that one instant has one name. */
static bool read_epoch(struct text part, int64_t unit_us, int64_t *ret_us) {
	if (!all_digits(part) || (part.length > 1 && part.data[0] == '0'))
		return false;
	int64_t value = 0;
	for (size_t i = 0; i < part.length; i++)
		if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, part.data[i] - '0', &value))
			return false;
	return !__builtin_mul_overflow(value, unit_us, ret_us);
}

static bool read_fraction(struct text part, int64_t *ret_us) {
	if (!all_digits(part))
		return false;
	int64_t value = 0;
	for (size_t i = 0; i < 6; i++)
		value = value * 10 + (i < part.length ? part.data[i] - '0' : 0);
	*ret_us = value;
	return true;
}

/* Z, +hhmm or +hh:mm. */
static bool read_offset(struct text part, int64_t *ret_seconds) {
	char digits[4];
	if (part.length == 1 && part.data[0] == 'Z') {
		*ret_seconds = 0;
		return true;
	}
	bool colon = part.length == 6;
	if ((part.length != 5 && !colon) || (part.data[0] != '+' && part.data[0] != '-') || (colon && part.data[3] != ':'))
		return false;
	memcpy(digits, part.data + 1, 2);
	memcpy(digits + 2, part.data + (colon ? 4 : 3), 2);
	for (size_t i = 0; i < 4; i++)
		if (!is_digit(digits[i]))
			return false;
	int64_t hours = (digits[0] - '0') * 10 + (digits[1] - '0');
	int64_t minutes = (digits[2] - '0') * 10 + (digits[3] - '0');
	if (hours > 15 || minutes > 59)
		return false;
	int64_t seconds = hours * 3600 + minutes * 60;
	*ret_seconds = part.data[0] == '-' ? -seconds : seconds;
	return true;
}

static bool is_choice(const struct pattern *pattern, const struct token *token, struct text part) {
	for (size_t i = 0; i < token->length; i++) {
		struct piece choice = pattern->choices[token->at + i];
		if (text_equal(part, (struct text){pattern->text + choice.at, choice.length}))
			return true;
	}
	return false;
}

/* True if `part` as a whole is such a token; *ret_value is what it says, for those that say a number. */
static bool token_read(const struct pattern *pattern, const struct token *token, struct text part, int64_t *ret_value) {
	if (token->width > 0 && part.length != token->width)
		return false;
	switch ((enum token_kind)token->kind) {
	case TOKEN_LITERAL:
		return memcmp(part.data, pattern->text + token->at, token->length) == 0;
	case TOKEN_CHOICE:
		return is_choice(pattern, token, part);
	case TOKEN_FRACTION:
		return read_fraction(part, ret_value);
	case TOKEN_OFFSET:
		return read_offset(part, ret_value);
	case TOKEN_EPOCH:
		return read_epoch(part, 1000000, ret_value);
	case TOKEN_EPOCH_MS:
		return read_epoch(part, 1000, ret_value);
	case TOKEN_EPOCH_US:
		return read_epoch(part, 1, ret_value);
	case TOKEN_NUMBER:
		return all_digits(part);
	case TOKEN_NAME:
		return part.length > 0 && !(token->first && part.data[0] == '.');
	default:
		return read_fixed(token, part.data, ret_value);
	}
}

/* True if what the token says does not contradict what is known. */
static bool token_agrees(const struct matching *matching, const struct token *token, struct text part, int64_t value) {
	if (token->kind == TOKEN_NAME)
		return !(matching->names_set >> token->slot & 1) || text_equal(matching->names[token->slot], part);
	if (token->kind <= TOKEN_CHOICE || token->kind == TOKEN_NUMBER)
		return true;
	unsigned field = field_of[token->kind];
	return !(matching->fields_set >> field & 1) || matching->fields[field] == value;
}

/* Reads a token and notes what it says. */
static bool token_take(
    const struct pattern *pattern, struct matching *matching, const struct token *token, struct text part) {
	int64_t value = 0;
	if (!token_read(pattern, token, part, &value) || !token_agrees(matching, token, part, value))
		return false;
	if (token->kind == TOKEN_NAME) {
		matching->names[token->slot] = part;
		matching->names_set |= UINT32_C(1) << token->slot;
	} else if (token->kind > TOKEN_CHOICE && token->kind != TOKEN_NUMBER) {
		matching->fields[field_of[token->kind]] = value;
		matching->fields_set |= UINT32_C(1) << field_of[token->kind];
	}
	return true;
}

/* The run of digits at one end of `rest`. */
static size_t run_length(struct text rest, bool from_right) {
	size_t length = 0;
	while (length < rest.length && is_digit(rest.data[from_right ? rest.length - 1 - length : length]))
		length++;
	return length;
}

/* How many bytes a token that needs no search takes of `rest`; 0 if it does not fit. */
static size_t end_length(const struct pattern *pattern, const struct token *token, struct text rest, bool from_right) {
	if (token->width > 0)
		return token->width <= rest.length ? token->width : 0;
	if (token->kind != TOKEN_CHOICE)
		return run_length(rest, from_right);
	for (size_t i = 0; i < token->length; i++) {
		struct piece choice = pattern->choices[token->at + i];
		if (choice.length > rest.length)
			continue;
		const char *at = from_right ? rest.data + (rest.length - choice.length) : rest.data;
		const char *text = pattern->text + choice.at;
		if (at[0] == text[0] && memcmp(at, text, choice.length) == 0)
			return choice.length;
	}
	return 0;
}

/* Takes such a token off `rest`. */
static bool end_take(const struct pattern *pattern, struct matching *matching, const struct token *token,
    struct text *rest, bool from_right) {
	size_t length = end_length(pattern, token, *rest, from_right);
	struct text part = {from_right ? rest->data + (rest->length - length) : rest->data, length};
	if (length == 0 || (token->kind != TOKEN_CHOICE && !token_take(pattern, matching, token, part)))
		return false;
	rest->length -= length;
	if (!from_right)
		rest->data += length;
	return true;
}

/* ---- the search ---- */

enum { POSITIONS = COMPONENT_BYTES_MAX + 1, WORDS = POSITIONS / 64 };

static bool bit_get(const uint64_t *bits, size_t at) {
	return bits[at / 64] >> (at % 64) & 1;
}

static void bit_set(uint64_t *bits, size_t at) {
	bits[at / 64] |= UINT64_C(1) << (at % 64);
}

/* The least and the most bytes that a token can take of `left`. */
static struct piece token_lengths(
    const struct pattern *pattern, const struct matching *matching, const struct token *token, size_t left) {
	struct piece span = {1, (uint16_t)left};
	if (token->width > 0)
		span = (struct piece){token->width, token->width};
	else if (token->kind == TOKEN_NAME && matching->names_set >> token->slot & 1)
		span.at = span.length = (uint16_t)matching->names[token->slot].length;
	else if (token->kind == TOKEN_OFFSET)
		span.length = 6;
	else if (token->kind == TOKEN_CHOICE)
		for (size_t i = span.length = 0; i < token->length; i++)
			span.length = pattern->choices[token->at + i].length > span.length ? pattern->choices[token->at + i].length
			                                                                   : span.length;
	else if (token->kind != TOKEN_NAME)
		span.length = DIGITS_MAX;
	if (span.length > left)
		span.length = (uint16_t)left;
	return span;
}

/* The longest part of `part` from `from` that the token can be, so that the next can start where it ends; 0 for none.
 */
static size_t longest(const struct pattern *pattern, const struct matching *matching, const struct token *token,
    struct text part, size_t from, const uint64_t *next) {
	struct piece span = token_lengths(pattern, matching, token, part.length - from);
	for (size_t length = span.length; length >= span.at && length > 0; length--) {
		struct text piece = {part.data + from, length};
		int64_t value = 0;
		if (bit_get(next, from + length) && token_read(pattern, token, piece, &value) &&
		    token_agrees(matching, token, piece, value))
			return length;
	}
	return 0;
}

/* A name of any length can start before every place where the next token can. */
static void reach_by_name(const struct token *token, struct text part, const uint64_t *next, uint64_t *bits) {
	size_t last = part.length;
	while (last > 0 && !bit_get(next, last))
		last--;
	for (size_t at = 0; at < last; at++)
		if (!(at == 0 && token->first && part.data[0] == '.'))
			bit_set(bits, at);
}

static bool search(const struct pattern *pattern, struct matching *matching, const struct token *tokens, size_t count,
    struct text part) {
	uint64_t reach[PATTERN_TOKENS_MAX + 1][WORDS];
	memset(reach, 0, (count + 1) * sizeof(reach[0]));
	bit_set(reach[count], part.length);
	for (size_t t = count; t-- > 0;) {
		if (tokens[t].kind == TOKEN_NAME && !(matching->names_set >> tokens[t].slot & 1)) {
			reach_by_name(&tokens[t], part, reach[t + 1], reach[t]);
			continue;
		}
		for (size_t at = 0; at < part.length; at++)
			if (longest(pattern, matching, &tokens[t], part, at, reach[t + 1]) > 0)
				bit_set(reach[t], at);
	}
	size_t at = 0;
	for (size_t t = 0; t < count; t++) {
		size_t length = longest(pattern, matching, &tokens[t], part, at, reach[t + 1]);
		if (length == 0 || !token_take(pattern, matching, &tokens[t], (struct text){part.data + at, length}))
			return false;
		at += length;
	}
	return at == part.length;
}

/*
 * Names with literals between them: seen from the right, each literal at its last occurrence. That
 * finds a match if there is one, and gives each name, from the left, the longest that fits.
 */
static bool search_alternating(const struct pattern *pattern, struct matching *matching, const struct token *tokens,
    size_t count, struct text part) {
	for (size_t t = count - 1; t > 0; t -= 2) {
		const struct token *literal = &tokens[t - 1];
		const char *text = pattern->text + literal->at;
		if (part.length < (size_t)literal->length + 2)
			return false;
		size_t at = part.length - literal->length - 1;
		while (at > 0 && (part.data[at] != text[0] || memcmp(part.data + at, text, literal->length) != 0))
			at--;
		size_t after = at + literal->length;
		if (at == 0 ||
		    !token_take(pattern, matching, &tokens[t], (struct text){part.data + after, part.length - after}))
			return false;
		part.length = at;
	}
	return token_take(pattern, matching, &tokens[0], part);
}

static bool any_known(const struct matching *matching, const struct token *tokens, size_t count) {
	for (size_t i = 0; i < count; i++)
		if (tokens[i].kind == TOKEN_NAME && matching->names_set >> tokens[i].slot & 1)
			return true;
	return false;
}

/* ---- components ---- */

static bool component_matches(
    const struct pattern *pattern, const struct component *component, struct text part, struct matching *matching) {
	const struct token *tokens = &pattern->tokens[component->first];
	if (part.length == 0 || part.length > COMPONENT_BYTES_MAX)
		return false;
	if (part.data[0] == '.' && (part.length == 1 || (part.length == 2 && part.data[1] == '.')))
		return false;
	for (size_t i = 0; i < component->lead; i++)
		if (!end_take(pattern, matching, &tokens[i], &part, false))
			return false;
	for (size_t i = 0; i < component->trail; i++)
		if (!end_take(pattern, matching, &tokens[component->count - 1 - i], &part, true))
			return false;
	size_t middle = (size_t)(component->count - component->lead - component->trail);
	if (middle == 0)
		return part.length == 0;
	if (middle == 1)
		return token_take(pattern, matching, &tokens[component->lead], part);
	tokens += component->lead;
	if (component->alternating && !any_known(matching, tokens, middle))
		return search_alternating(pattern, matching, tokens, middle, part);
	return search(pattern, matching, tokens, middle, part);
}

/* Takes the first component off *path. */
static struct text next_component(struct text *path) {
	const char *slash = path->length == 0 ? NULL : memchr(path->data, '/', path->length);
	struct text part = {path->data, slash == NULL ? path->length : (size_t)(slash - path->data)};
	size_t taken = part.length + (slash == NULL ? 0 : 1);
	if (taken > 0)
		path->data += taken;
	path->length -= taken;
	return part;
}

static size_t count_components(struct text path) {
	size_t count = path.length > 0;
	for (size_t i = 0; i < path.length; i++)
		count += path.data[i] == '/';
	return count;
}

/* "**" stands for visible folders only. */
static bool skip_folders(struct text *path, size_t keep) {
	for (size_t count = count_components(*path); count > keep; count--) {
		struct text folder = next_component(path);
		if (folder.length == 0 || folder.data[0] == '.')
			return false;
	}
	return true;
}

/* Matches exactly the first `count` components. */
static bool components_match(const struct pattern *pattern, struct text path, size_t count, struct matching *matching) {
	if (pattern->any_depth && !skip_folders(&path, count))
		return false;
	for (size_t i = 0; i < count; i++) {
		struct text rest = path;
		struct text part = next_component(&rest);
		bool more = part.length < path.length;
		if (more != (i + 1 < count) || !component_matches(pattern, &pattern->components[i], part, matching))
			return false;
		path = rest;
	}
	return path.length == 0;
}

static bool has(const struct matching *matching, unsigned field) {
	return matching->fields_set >> field & 1;
}

static int32_t value_of(const struct matching *matching, unsigned field) {
	return has(matching, field) ? (int32_t)matching->fields[field] : 0;
}

/* Puts the parts together. False for a date that no calendar has. */
static bool finish_match(const struct matching *matching, struct pattern_match *ret_match) {
	struct pattern_match match = {0};
	if (matching->names_set >> NAME_CAMERA & 1)
		match.camera = matching->names[NAME_CAMERA];
	if (matching->names_set >> NAME_EVENT & 1)
		match.group = matching->names[NAME_EVENT];
	struct local_time *local = &match.local;
	*local = (struct local_time){
	    .year = value_of(matching, FIELD_YEAR),
	    .month = value_of(matching, FIELD_MONTH),
	    .day = value_of(matching, FIELD_DAY),
	    .hour = value_of(matching, FIELD_HOUR),
	    .minute = value_of(matching, FIELD_MINUTE),
	    .second = value_of(matching, FIELD_SECOND),
	    .microsecond = value_of(matching, FIELD_FRACTION),
	};
	if (has(matching, FIELD_YEAR) && has(matching, FIELD_YEAR_DAY)) {
		int32_t year, month, day;
		calendar_date(calendar_days(local->year, 1, 1) + matching->fields[FIELD_YEAR_DAY] - 1, &year, &month, &day);
		if (year != local->year || (has(matching, FIELD_MONTH) && month != local->month) ||
		    (has(matching, FIELD_DAY) && day != local->day))
			return false;
		local->month = month;
		local->day = day;
	}
	match.has_date = has(matching, FIELD_YEAR) && local->month > 0 && local->day > 0;
	match.has_time = has(matching, FIELD_HOUR);
	if (match.has_date && local->day > 28 && local->day > calendar_month_days(local->year, local->month))
		return false;
	match.has_offset = has(matching, FIELD_OFFSET);
	match.offset_seconds = value_of(matching, FIELD_OFFSET);
	match.is_epoch = has(matching, FIELD_EPOCH);
	if (match.is_epoch) {
		match.epoch_us = matching->fields[FIELD_EPOCH];
		if (__builtin_add_overflow(match.epoch_us, (int64_t)local->microsecond, &match.epoch_us))
			return false;
		*local = (struct local_time){0};
	}
	*ret_match = match;
	return true;
}

/* Most names that do not match have another suffix: asked first, since it is cheap. */
static bool tail_fits(const struct pattern *pattern, struct text path) {
	const struct token *last = &pattern->tokens[pattern->token_count - 1];
	if (last->kind == TOKEN_LITERAL)
		return path.length >= last->length &&
		       memcmp(path.data + (path.length - last->length), pattern->text + last->at, last->length) == 0;
	return last->kind != TOKEN_CHOICE || end_length(pattern, last, path, true) > 0;
}

bool pattern_matches(const struct pattern *pattern, struct text path, struct pattern_match *ret_match) {
	struct matching matching;
	if (!tail_fits(pattern, path))
		return false;
	matching.fields_set = matching.names_set = 0;
	return components_match(pattern, path, pattern->component_count, &matching) && finish_match(&matching, ret_match);
}

bool pattern_matches_folder(const struct pattern *pattern, struct text folder, struct pattern_match *ret_match) {
	struct matching matching;
	matching.fields_set = matching.names_set = 0;
	return components_match(pattern, folder, pattern->component_count - 1, &matching) &&
	       finish_match(&matching, ret_match);
}

bool pattern_leads_through(const struct pattern *pattern, struct text folder) {
	if (pattern->any_depth)
		return skip_folders(&folder, 0);
	size_t count = count_components(folder);
	struct matching matching;
	matching.fields_set = matching.names_set = 0;
	return count < pattern->component_count && components_match(pattern, folder, count, &matching);
}

bool pattern_makes_folder(const struct pattern *pattern, struct text folder) {
	size_t count = count_components(folder);
	if (pattern->any_depth || count == 0 || !pattern_leads_through(pattern, folder))
		return false;
	/* What lies below a time is made anew with it: Frigate's camera below the hour, too. */
	const struct component *own = &pattern->components[count - 1];
	for (unsigned i = 0; i < (unsigned)own->first + own->count; i++) {
		const struct token *token = &pattern->tokens[i];
		if ((token->kind >= TOKEN_YEAR && token->kind <= TOKEN_NUMBER) ||
		    (token->kind == TOKEN_NAME && token->slot == NAME_EVENT))
			return true;
	}
	return false;
}

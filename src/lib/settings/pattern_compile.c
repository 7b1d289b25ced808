/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a pattern's text to its tokens. */
#include "settings/pattern.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "settings/pattern_tokens.h"

struct compiler {
	struct pattern *pattern;
	const char *at; /* the next byte of the source */
	char *message;
	size_t room;
	uint64_t kinds_here; /* token kinds in the component so far */
	uint32_t names_here; /* and names */
};

static bool refuse(struct compiler *compiler, const char *format, ...) PRINTF_LIKE(2, 3);

static bool refuse(struct compiler *compiler, const char *format, ...) {
	if (compiler->room == 0)
		return false;
	size_t column = (size_t)(compiler->at - compiler->pattern->source) + 1;
	int used = snprintf(compiler->message, compiler->room, "at character %zu of the pattern: ", column);
	if (used < 0 || (size_t)used >= compiler->room)
		return false;
	va_list arguments;
	va_start(arguments, format);
	(void)vsnprintf(compiler->message + used, compiler->room - (size_t)used, format, arguments);
	va_end(arguments);
	return false;
}

static bool varies(const struct token *token) {
	return token->kind >= TOKEN_FRACTION && token->kind != TOKEN_OFFSET;
}

static bool add_token(struct compiler *compiler, struct token token) {
	struct pattern *pattern = compiler->pattern;
	struct component *component = &pattern->components[pattern->component_count];
	if (pattern->token_count == PATTERN_TOKENS_MAX)
		return refuse(compiler, "too many parts; a pattern has at most %d", PATTERN_TOKENS_MAX);
	if (token.kind > TOKEN_CHOICE && token.kind < TOKEN_NUMBER) {
		if (compiler->kinds_here & UINT64_C(1) << token.kind)
			return refuse(
			    compiler, "the same token stands twice in one name; write it once and %%{other} for the other");
		compiler->kinds_here |= UINT64_C(1) << token.kind;
	}
	if (component->count > 0 && varies(&token) && varies(&pattern->tokens[pattern->token_count - 1]))
		return refuse(compiler, "two parts of any length follow each other; write the text that stands between them");
	token.first = component->count == 0;
	pattern->kinds |= UINT64_C(1) << token.kind;
	pattern->tokens[pattern->token_count++] = token;
	component->count++;
	return true;
}

static bool add_literal(struct compiler *compiler, char byte) {
	struct pattern *pattern = compiler->pattern;
	struct component *component = &pattern->components[pattern->component_count];
	struct token *last = component->count > 0 ? &pattern->tokens[pattern->token_count - 1] : NULL;
	pattern->text[pattern->text_used++] = byte;
	if (last != NULL && last->kind == TOKEN_LITERAL && last->width < COMPONENT_BYTES_MAX) {
		last->width++;
		last->length++;
		return true;
	}
	return add_token(compiler,
	    (struct token){.kind = TOKEN_LITERAL, .width = 1, .at = (uint16_t)(pattern->text_used - 1), .length = 1});
}

static bool add_named(struct compiler *compiler, struct text name) {
	static const struct {
		const char *name;
		enum token_kind kind;
	} numbers[] = {
	    {"epoch_us", TOKEN_EPOCH_US}, {"epoch_ms", TOKEN_EPOCH_MS}, {"number", TOKEN_NUMBER}, {"n", TOKEN_NUMBER}};
	for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++)
		if (text_equal(name, text_of(numbers[i].name)))
			return add_token(compiler, (struct token){.kind = (uint8_t)numbers[i].kind});
	struct pattern *pattern = compiler->pattern;
	size_t slot = 0;
	while (slot < pattern->name_count && !text_equal(pattern->names[slot], name))
		slot++;
	if (slot == PATTERN_NAMES_MAX)
		return refuse(compiler, "too many names; a pattern has at most %d", PATTERN_NAMES_MAX);
	if (slot == pattern->name_count)
		pattern->names[pattern->name_count++] = name;
	if (compiler->names_here & UINT32_C(1) << slot)
		return refuse(
		    compiler, "%%{%.*s} stands twice in one name; give the second another name", (int)name.length, name.data);
	compiler->names_here |= UINT32_C(1) << slot;
	return add_token(compiler, (struct token){.kind = TOKEN_NAME, .slot = (uint8_t)slot});
}

/* After "%{". */
static bool compile_name(struct compiler *compiler) {
	const char *start = compiler->at;
	size_t length = strspn(start, "abcdefghijklmnopqrstuvwxyz0123456789_");
	if (length == 0 || start[length] != '}')
		return refuse(compiler, "%%{ needs a name in small letters and a }; write %%{camera} or %%{name}");
	if (!add_named(compiler, (struct text){start, length}))
		return false;
	compiler->at = start + length + 1;
	return true;
}

/* After "%". */
static bool compile_token(struct compiler *compiler) {
	static const struct {
		char letter;
		uint8_t width;
		enum token_kind kind;
	} letters[] = {{'Y', 4, TOKEN_YEAR}, {'y', 2, TOKEN_SHORT_YEAR}, {'m', 2, TOKEN_MONTH}, {'d', 2, TOKEN_DAY},
	    {'H', 2, TOKEN_HOUR}, {'M', 2, TOKEN_MINUTE}, {'S', 2, TOKEN_SECOND}, {'j', 3, TOKEN_YEAR_DAY},
	    {'f', 0, TOKEN_FRACTION}, {'z', 0, TOKEN_OFFSET}, {'s', 0, TOKEN_EPOCH}};
	char letter = *compiler->at;
	if (letter == '{') {
		compiler->at++;
		return compile_name(compiler);
	}
	if (letter == '%') {
		compiler->at++;
		return add_literal(compiler, '%');
	}
	size_t digits = strspn(compiler->at, "0123456789");
	if (digits > 0 && compiler->at[digits] == 'd') {
		compiler->at += digits + 1;
		return add_token(compiler, (struct token){.kind = TOKEN_NUMBER});
	}
	for (size_t i = 0; i < ARRAY_LENGTH(letters); i++) {
		if (letters[i].letter != letter)
			continue;
		if (!add_token(compiler, (struct token){.kind = (uint8_t)letters[i].kind, .width = letters[i].width}))
			return false;
		compiler->at++;
		return true;
	}
	if (letter == '\0')
		return refuse(compiler, "a %% at the end; write %%%% for a percent sign");
	return refuse(compiler,
	    "'%%%c' is not known; write %%Y %%m %%d %%H %%M %%S, %%{number} for a counter, %%{name} for "
	    "anything else, or %%%% for a percent sign",
	    letter);
}

/* True if no alternative begins (or, with `at_end`, ends) another one. */
static bool choices_apart(const struct pattern *pattern, const struct token *token, bool at_end) {
	for (size_t i = 0; i < token->length; i++) {
		struct piece a = pattern->choices[token->at + i];
		for (size_t k = 0; k < token->length; k++) {
			struct piece b = pattern->choices[token->at + k];
			if (i == k || a.length > b.length)
				continue;
			if (memcmp(pattern->text + a.at, pattern->text + b.at + (at_end ? b.length - a.length : 0), a.length) == 0)
				return false;
		}
	}
	return true;
}

/* After "{". */
static bool compile_choice(struct compiler *compiler) {
	struct pattern *pattern = compiler->pattern;
	struct token token = {.kind = TOKEN_CHOICE, .at = (uint16_t)pattern->choice_count};
	for (;;) {
		size_t length = strcspn(compiler->at, ",{}%/");
		char end = compiler->at[length];
		if (length == 0 || (end != ',' && end != '}'))
			return refuse(compiler, "a choice is texts between { and }, with commas; write {mp4,mkv}");
		if (pattern->choice_count == PATTERN_CHOICES_MAX || length > COMPONENT_BYTES_MAX)
			return refuse(compiler, "too many choices; a pattern has at most %d", PATTERN_CHOICES_MAX);
		memcpy(pattern->text + pattern->text_used, compiler->at, length);
		pattern->choices[pattern->choice_count++] = (struct piece){(uint16_t)pattern->text_used, (uint16_t)length};
		pattern->text_used += length;
		token.length++;
		compiler->at += length + 1;
		if (end == '}')
			break;
	}
	token.prefix_free = choices_apart(pattern, &token, false);
	token.suffix_free = choices_apart(pattern, &token, true);
	return add_token(compiler, token);
}

static bool is_digit(char byte) {
	return byte >= '0' && byte <= '9';
}

static bool is_digits(const struct token *token) {
	return token->kind >= TOKEN_FRACTION && token->kind <= TOKEN_NUMBER && token->kind != TOKEN_OFFSET;
}

/* True for a token that never begins (or, with `at_end`, ends) with a digit. */
static bool parts_digits(const struct pattern *pattern, const struct token *token, bool at_end) {
	if (token->kind == TOKEN_LITERAL)
		return !is_digit(pattern->text[at_end ? token->at + token->length - 1 : token->at]);
	return token->kind == TOKEN_OFFSET && !at_end;
}

/* Which tokens of a component need no search, from the left and from the right. */
static void find_ends(struct pattern *pattern, struct component *component) {
	struct token *tokens = &pattern->tokens[component->first];
	size_t count = component->count;
	for (size_t i = 0; i < count; i++) {
		tokens[i].run_before = is_digits(&tokens[i]) && i + 1 < count && parts_digits(pattern, &tokens[i + 1], false);
		tokens[i].run_after = is_digits(&tokens[i]) && i > 0 && parts_digits(pattern, &tokens[i - 1], true);
	}
	size_t lead = 0, trail = 0;
	while (lead < count && (tokens[lead].width > 0 || tokens[lead].prefix_free || tokens[lead].run_before))
		lead++;
	for (; trail < count - lead; trail++) {
		const struct token *token = &tokens[count - 1 - trail];
		if (token->width == 0 && !token->suffix_free && !token->run_after)
			break;
	}
	component->lead = (uint16_t)lead;
	component->trail = (uint16_t)trail;
	component->alternating = true;
	for (size_t i = lead; i < count - trail; i++)
		component->alternating &= tokens[i].kind == ((i - lead) % 2 == 0 ? TOKEN_NAME : TOKEN_LITERAL);
}

static bool end_component(struct compiler *compiler) {
	struct pattern *pattern = compiler->pattern;
	struct component *component = &pattern->components[pattern->component_count];
	const struct token *tokens = &pattern->tokens[component->first];
	if (component->count == 0)
		return refuse(
		    compiler, "an empty name; a pattern is relative to the root and has no '/' at its ends or doubled");
	if (component->count == 1 && tokens->kind == TOKEN_LITERAL) {
		struct text name = {pattern->text + tokens->at, tokens->length};
		if (text_equal(name, text_of(".")) || text_equal(name, text_of("..")))
			return refuse(compiler, "'.' and '..' are not names of footage; write the path from the root");
	}
	find_ends(pattern, component);
	pattern->component_count++;
	return true;
}

static bool begin_component(struct compiler *compiler) {
	struct pattern *pattern = compiler->pattern;
	if (pattern->component_count == PATTERN_COMPONENTS_MAX)
		return refuse(compiler, "too many folders; a pattern has at most %d", PATTERN_COMPONENTS_MAX);
	pattern->components[pattern->component_count] = (struct component){.first = (uint16_t)pattern->token_count};
	compiler->kinds_here = 0;
	compiler->names_here = 0;
	return true;
}

static bool compile(struct compiler *compiler) {
	struct pattern *pattern = compiler->pattern;
	if (strncmp(compiler->at, "**/", 3) == 0) {
		pattern->any_depth = true;
		compiler->at += 3;
	}
	if (!begin_component(compiler))
		return false;
	for (char byte; (byte = *compiler->at) != '\0';) {
		bool good;
		if (byte == '*')
			return refuse(compiler,
			    "'*' is not known here; write %%{name} for any part of a name, **/ at the start for any "
			    "folders");
		if (byte == '}')
			return refuse(compiler, "a } without its {; write {mp4,mkv} for a choice");
		if (byte == '/') {
			good = end_component(compiler);
			compiler->at++;
			good = good && begin_component(compiler);
		} else if (byte == '%') {
			compiler->at++;
			good = compile_token(compiler);
		} else if (byte == '{') {
			compiler->at++;
			good = compile_choice(compiler);
		} else {
			good = add_literal(compiler, byte);
			compiler->at++;
		}
		if (!good)
			return false;
	}
	return end_component(compiler);
}

static void describe(struct pattern *pattern) {
	bool has[TOKEN_KIND_COUNT];
	for (size_t kind = 0; kind < TOKEN_KIND_COUNT; kind++)
		has[kind] = (pattern->kinds >> kind & 1) != 0;
	bool year = has[TOKEN_YEAR] || has[TOKEN_SHORT_YEAR];
	if (year && ((has[TOKEN_MONTH] && has[TOKEN_DAY]) || has[TOKEN_YEAR_DAY]))
		pattern->parts |= PATTERN_HAS_DATE;
	if (has[TOKEN_HOUR])
		pattern->parts |= PATTERN_HAS_TIME;
	if (has[TOKEN_EPOCH] || has[TOKEN_EPOCH_MS] || has[TOKEN_EPOCH_US])
		pattern->parts |= PATTERN_HAS_EPOCH;
	if (pattern->any_depth)
		pattern->parts |= PATTERN_ANY_DEPTH;
	for (size_t i = 0; i < pattern->token_count; i++) {
		const struct token *token = &pattern->tokens[i];
		if (token->kind == TOKEN_NAME && token->slot == NAME_CAMERA)
			pattern->parts |= PATTERN_HAS_CAMERA;
		if (token->kind == TOKEN_LITERAL)
			pattern->specificity += token->length;
		else if (token->kind == TOKEN_CHOICE)
			pattern->specificity += 2;
		else if (token->kind < TOKEN_NUMBER)
			pattern->specificity += 4;
		else if (token->kind == TOKEN_NUMBER)
			pattern->specificity += 1;
	}
	if (!pattern->any_depth)
		pattern->specificity += (unsigned)pattern->component_count;
}

struct pattern *pattern_compile(const char *source, char *message, size_t room) {
	size_t length = strlen(source);
	if (length > PATTERN_SOURCE_MAX) {
		(void)snprintf(message, room, "the pattern is longer than %d bytes; shorten it", PATTERN_SOURCE_MAX);
		return NULL;
	}
	struct pattern *pattern = calloc(1, sizeof(*pattern));
	if (pattern == NULL) {
		(void)snprintf(message, room, "out of memory");
		return NULL;
	}
	memcpy(pattern->source, source, length + 1);
	pattern->names[NAME_CAMERA] = text_of("camera");
	pattern->names[NAME_EVENT] = text_of("event");
	pattern->name_count = NAME_FIRST_OTHER;
	struct compiler compiler = {.pattern = pattern, .at = pattern->source, .message = message, .room = room};
	if (!compile(&compiler))
		return pattern_free(pattern);
	describe(pattern);
	return pattern;
}

struct pattern *pattern_free(struct pattern *pattern) {
	free(pattern);
	return NULL;
}

const char *pattern_source(const struct pattern *pattern) {
	return pattern->source;
}

unsigned pattern_parts(const struct pattern *pattern) {
	return pattern->parts;
}

unsigned pattern_specificity(const struct pattern *pattern) {
	return pattern->specificity;
}

/* Where the final suffix of a pattern begins: ".mp4", ".{mp4,mkv}" or "{.mp4,.mkv}"; NULL where it has none. */
static const char *suffix_of(const char *source) {
	const char *name = strrchr(source, '/');
	name = name == NULL ? source : name + 1;
	const char *end = name + strlen(name);
	if (end > name && end[-1] == '}') {
		const char *brace = strrchr(name, '{');
		if (brace == NULL || (brace > name && brace[-1] == '%'))
			return NULL;
		if (brace > name && brace[-1] == '.')
			return brace - 1;
		return brace[1] == '.' ? brace : NULL;
	}
	const char *dot = strrchr(name, '.');
	return dot == NULL || strpbrk(dot, "%{}") != NULL ? NULL : dot;
}

struct pattern *pattern_compile_stem(const struct pattern *pattern) {
	char stem[PATTERN_SOURCE_MAX + 1];
	char message[8];
	const char *suffix = suffix_of(pattern->source);
	if (suffix == NULL ||
	    !text_copy(stem, sizeof(stem), (struct text){pattern->source, (size_t)(suffix - pattern->source)}))
		return NULL;
	return pattern_compile(stem, message, sizeof(message));
}

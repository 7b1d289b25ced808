/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The terminal: colours, escaping, wrapping, the pager, short texts. */
#include "screen.h"

#include <fcntl.h>
#include <inttypes.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/array.h"
#include "base/bytes.h"

/* The terminal is one per process: this is its state. */
static struct {
	bool colour, utf8;
	int width;
	pid_t pager;
} screen = {.width = 80, .pager = -1};

void screen_open(void) {
	(void)setlocale(LC_CTYPE, "");
	screen.utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	const char *term = getenv("TERM"), *no_colour = getenv("NO_COLOR"), *columns = getenv("COLUMNS");
	bool terminal = isatty(STDOUT_FILENO) == 1;
	screen.colour = terminal && !(no_colour && no_colour[0]) && term && strcmp(term, "dumb") != 0;
	struct winsize size;
	long wanted = columns ? strtol(columns, NULL, 10) : 0;
	if (wanted >= 20 && wanted <= 1000)
		screen.width = (int)wanted;
	else if (terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 20)
		screen.width = size.ws_col;
}

bool screen_is_utf8(void) {
	return screen.utf8;
}

int screen_width(void) {
	return screen.width;
}

static void pager_exec(int input) {
	const char *pager = getenv("PAGER");
	(void)dup2(input, STDIN_FILENO);
	(void)setenv("LESS", "FRX", 0);
	if (pager && pager[0])
		(void)execl("/bin/sh", "sh", "-c", pager, (char *)NULL);
	else
		(void)execlp("less", "less", (char *)NULL);
	/* No pager: copy. */
	char bytes[4096];
	ssize_t length;
	while ((length = read(STDIN_FILENO, bytes, sizeof(bytes))) > 0)
		if (write(STDOUT_FILENO, bytes, (size_t)length) != length)
			break;
	_exit(0);
}

void screen_page(void) {
	int ends[2];
	const char *term = getenv("TERM");
	if (isatty(STDOUT_FILENO) != 1 || !term || strcmp(term, "dumb") == 0 || pipe2(ends, O_CLOEXEC) < 0)
		return;
	(void)fflush(stdout);
	screen.pager = fork();
	if (screen.pager == 0) {
		(void)close(ends[1]);
		pager_exec(ends[0]);
	}
	(void)close(ends[0]);
	if (screen.pager > 0) {
		(void)signal(SIGPIPE, SIG_IGN);
		(void)dup2(ends[1], STDOUT_FILENO);
	}
	(void)close(ends[1]);
}

void screen_close(void) {
	(void)fflush(stdout);
	if (screen.pager > 0) {
		(void)close(STDOUT_FILENO);
		while (waitpid(screen.pager, NULL, 0) < 0) {
		}
		screen.pager = -1;
	}
}

/* ---- escaping ---- */

/* The length of a well-formed UTF-8 sequence and its code point; 0 for anything else. */
static size_t sequence(const unsigned char *text, uint32_t *ret_point) {
	if (text[0] < 0x80) {
		*ret_point = text[0];
		return 1;
	}
	size_t length = text[0] >= 0xf0 && text[0] < 0xf5   ? 4
	                : text[0] >= 0xe0 && text[0] < 0xf0 ? 3
	                : text[0] >= 0xc2 && text[0] < 0xe0 ? 2
	                                                    : 0;
	uint32_t point = length == 4 ? text[0] & 7u : length == 3 ? text[0] & 15u : text[0] & 31u;
	for (size_t i = 1; i < length; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		point = point << 6 | (text[i] & 0x3fu);
	}
	bool overlong = (length == 3 && point < 0x800) || (length == 4 && (point < 0x10000 || point > 0x10ffff));
	if (overlong || (point >= 0xd800 && point <= 0xdfff))
		return 0;
	*ret_point = point;
	return length;
}

/* C0, DEL, C1, and what turns the direction of text or joins nothing: they could hide or forge what is read. */
static bool is_hostile(uint32_t point) {
	return point < 0x20 || (point >= 0x7f && point < 0xa0) || (point >= 0x200b && point <= 0x200f) ||
	       (point >= 0x2028 && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069) || point == 0xfeff;
}

char *screen_escape(const char *text) {
	const unsigned char *bytes = (const unsigned char *)(text ? text : "");
	char *escaped = malloc(4 * strlen((const char *)bytes) + 1);
	size_t used = 0;
	if (!escaped)
		abort();
	while (*bytes) {
		uint32_t point = 0;
		size_t length = sequence(bytes, &point);
		bool raw = length > 0 && !is_hostile(point) && (length == 1 || screen.utf8);
		size_t count = length > 0 ? length : 1;
		for (size_t i = 0; i < count; i++) {
			if (raw)
				escaped[used++] = (char)bytes[i];
			else
				used += (size_t)snprintf(escaped + used, 5, "\\x%02x", bytes[i]);
		}
		bytes += count;
	}
	escaped[used] = '\0';
	return escaped;
}

/* Columns: one for each code point; combining ones are rare in names and cost only alignment. */
static size_t columns_of(const char *text) {
	size_t columns = 0;
	for (; *text; text++)
		columns += ((unsigned char)*text & 0xc0) != 0x80;
	return columns;
}

/* ---- writing ---- */

static const char *style_begin(enum style style) {
	static const char *const CODES[] = {"", "\033[1m", "\033[2m", "\033[32m", "\033[33m", "\033[1;31m"};
	return screen.colour ? CODES[style] : "";
}

static const char *style_end(enum style style) {
	return screen.colour && style != STYLE_PLAIN ? "\033[0m" : "";
}

void put(enum style style, const char *format, ...) {
	va_list arguments;
	(void)fputs(style_begin(style), stdout);
	va_start(arguments, format);
	(void)vprintf(format, arguments);
	va_end(arguments);
	(void)fputs(style_end(style), stdout);
}

void put_text(enum style style, const char *text) {
	char *escaped = screen_escape(text);
	put(style, "%s", escaped);
	free(escaped);
}

void put_wrapped(enum style style, const char *first, const char *text) {
	char *escaped = screen_escape(text);
	size_t indent = columns_of(first), column = indent;
	put(STYLE_PLAIN, "%s", first);
	(void)fputs(style_begin(style), stdout);
	const char *word = escaped;
	bool begun = false;
	while (*word) {
		size_t length = strcspn(word, " ");
		char saved[1] = {word[length]};
		escaped[(size_t)(word - escaped) + length] = '\0';
		size_t columns = columns_of(word);
		if (begun && column + 1 + columns > (size_t)screen.width) {
			(void)printf("\n%*s", (int)indent, "");
			column = indent;
		} else if (begun) {
			(void)putchar(' ');
			column++;
		}
		(void)fputs(word, stdout);
		column += columns;
		begun = true;
		word += length;
		if (saved[0] == ' ')
			word++;
	}
	(void)printf("%s\n", style_end(style));
	free(escaped);
}

void put_line(const char *label, enum style style, const char *format, ...) {
	char *text = NULL, first[32];
	va_list arguments;
	va_start(arguments, format);
	int length = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (length < 0)
		abort();
	(void)snprintf(first, sizeof(first), "%-11s ", label);
	put_wrapped(style, first, text);
	free(text);
}

void put_time(const char *label, const json_t *answer, const char *key) {
	char local_key[64];
	(void)snprintf(local_key, sizeof(local_key), "%s_local", key);
	if (!json_is_string(json_object_get(answer, key)))
		return;
	put_line(label, STYLE_PLAIN, "%s  (%s)", get_text(answer, local_key), get_text(answer, key));
}

/* ---- tables ---- */

enum { TABLE_COLUMNS_MAX = 12 };

struct table_line {
	enum style style;
	char *cells[TABLE_COLUMNS_MAX];
};

struct table {
	size_t columns, count, room;
	bool right[TABLE_COLUMNS_MAX];
	char *headings[TABLE_COLUMNS_MAX];
	struct table_line *lines;
};

struct table *table_new(const char *headings) {
	struct table *table = calloc(1, sizeof(*table));
	if (!table)
		abort();
	while (*headings && table->columns < TABLE_COLUMNS_MAX) {
		size_t length = strcspn(headings, "|");
		table->right[table->columns] = headings[0] == '>';
		size_t skip = headings[0] == '>';
		table->headings[table->columns++] = strndup(headings + skip, length - skip);
		headings += length + (headings[length] == '|');
	}
	return table;
}

void table_row(struct table *table, enum style style, const char *const *cells) {
	if (!array_room(&table->lines, &table->room, table->count, sizeof(*table->lines)))
		abort();
	struct table_line *line = &table->lines[table->count++];
	line->style = style;
	for (size_t i = 0; i < table->columns; i++)
		line->cells[i] = screen_escape(cells[i]);
}

size_t table_rows(const struct table *table) {
	return table->count;
}

static void cell_print(const char *text, size_t width, bool right, bool last) {
	size_t columns = columns_of(text);
	int pad = width > columns ? (int)(width - columns) : 0;
	if (right)
		(void)printf("%*s%s", pad, "", text);
	else
		(void)printf("%s%*s", text, last ? 0 : pad, "");
	if (!last)
		(void)fputs("  ", stdout);
}

void table_end(struct table *table) {
	size_t widths[TABLE_COLUMNS_MAX] = {0};
	for (size_t c = 0; c < table->columns; c++) {
		widths[c] = columns_of(table->headings[c]);
		for (size_t i = 0; i < table->count; i++)
			widths[c] =
			    columns_of(table->lines[i].cells[c]) > widths[c] ? columns_of(table->lines[i].cells[c]) : widths[c];
	}
	(void)fputs(style_begin(STYLE_DIM), stdout);
	for (size_t c = 0; c < table->columns; c++)
		cell_print(table->headings[c], widths[c], table->right[c], c + 1 == table->columns);
	(void)printf("%s\n", style_end(STYLE_DIM));
	for (size_t i = 0; i < table->count; i++) {
		(void)fputs(style_begin(table->lines[i].style), stdout);
		for (size_t c = 0; c < table->columns; c++)
			cell_print(table->lines[i].cells[c], widths[c], table->right[c], c + 1 == table->columns);
		(void)printf("%s\n", style_end(table->lines[i].style));
		for (size_t c = 0; c < table->columns; c++)
			free(table->lines[i].cells[c]);
	}
	for (size_t c = 0; c < table->columns; c++)
		free(table->headings[c]);
	free(table->lines);
	free(table);
}

/* ---- short texts: a ring, so that several are good at once ---- */

static char *ring_next(size_t *ret_room) {
	static char ring[64][256];
	static unsigned next;
	*ret_room = sizeof(ring[0]);
	return ring[next++ % ARRAY_LENGTH(ring)];
}

const char *text_format(const char *format, ...) {
	size_t room;
	char *text = ring_next(&room);
	va_list arguments;
	va_start(arguments, format);
	(void)vsnprintf(text, room, format, arguments);
	va_end(arguments);
	return text;
}

const char *text_bytes(int64_t bytes) {
	static const char *const UNITS[] = {"B", "kB", "MB", "GB", "TB", "PB"};
	size_t unit = 0;
	int64_t divisor = 1;
	while (bytes / divisor >= 1000 && unit + 1 < ARRAY_LENGTH(UNITS)) {
		divisor *= 1000;
		unit++;
	}
	int64_t scaled = bytes / divisor * 10 + (bytes % divisor * 10 + divisor / 2) / divisor;
	if (unit == 0)
		return text_format("%" PRId64 " B", bytes);
	if (scaled >= 1000)
		return text_format("%" PRId64 " %s", bytes / divisor + (bytes % divisor >= divisor / 2), UNITS[unit]);
	return text_format("%" PRId64 ".%" PRId64 " %s", scaled / 10, scaled % 10, UNITS[unit]);
}

const char *text_count(int64_t count) {
	char text[32];
	uint64_t value = count < 0 ? 0 - (uint64_t)count : (uint64_t)count;
	return text_format("%s%s", count < 0 ? "-" : "", count_text(value, text));
}

const char *text_seconds(int64_t seconds) {
	if (seconds >= 86400)
		return text_format("%" PRId64 " d %" PRId64 " h", seconds / 86400, seconds % 86400 / 3600);
	if (seconds >= 3600)
		return text_format("%" PRId64 " h %" PRId64 " min", seconds / 3600, seconds % 3600 / 60);
	if (seconds >= 60)
		return text_format("%" PRId64 " min %" PRId64 " s", seconds / 60, seconds % 60);
	return text_format("%" PRId64 " s", seconds);
}

const char *text_utc(const json_t *object, const char *key) {
	const char *text = get_text(object, key), *fraction = strchr(text, '.');
	return fraction ? text_format("%.*sZ", (int)(fraction - text), text) : text;
}

/* "2026-10-25 07:11:04 +01:00" is "25 Oct 07:11". */
const char *text_moment(const json_t *object, const char *key) {
	static const char *const MONTHS[] = {
	    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	char local_key[64];
	int year, month, day, hour, minute;
	(void)snprintf(local_key, sizeof(local_key), "%s_local", key);
	if (sscanf(get_text(object, local_key), "%d-%d-%d %d:%d", &year, &month, &day, &hour, &minute) != 5 || month < 1 ||
	    month > 12)
		return screen.utf8 ? "–" : "-";
	return text_format("%d %s %02d:%02d", day, MONTHS[month - 1], hour, minute);
}

const char *get_text(const json_t *object, const char *key) {
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

int64_t get_number(const json_t *object, const char *key) {
	return json_integer_value(json_object_get(object, key));
}

bool get_flag(const json_t *object, const char *key) {
	return json_is_true(json_object_get(object, key));
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* holds: what they cover, in words and as a bar. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "nouns.h"
#include "screen.h"

enum { BAR_CELLS = 50 };

/* What a cell of the bar shows, worst last: what is missing must be seen. */
enum cell { CELL_NONE, CELL_FUTURE, CELL_KEPT, CELL_GAP, CELL_ERASED };

static enum cell cell_of(const char *is) {
	return strcmp(is, "kept") == 0           ? CELL_KEPT
	       : strcmp(is, "erased") == 0       ? CELL_ERASED
	       : strcmp(is, "not recorded") == 0 ? CELL_GAP
	                                         : CELL_FUTURE;
}

static void cells_fill(const json_t *parts, int64_t from_us, int64_t to_us, enum cell cells[BAR_CELLS]) {
	size_t i;
	json_t *part;
	int64_t width = to_us - from_us > 0 ? to_us - from_us : 1;
	json_array_foreach(parts, i, part) {
		int64_t begin = (get_number(part, "from_us") - from_us) * BAR_CELLS / width;
		int64_t end = (get_number(part, "to_us") - from_us) * BAR_CELLS / width;
		enum cell cell = cell_of(get_text(part, "is"));
		/* A moment between two files is no hole in a bar that shows an hour. */
		if (cell != CELL_KEPT && end == begin)
			continue;
		for (int64_t c = begin > 0 ? begin : 0; c <= end && c < BAR_CELLS; c++)
			if ((c < end || c == begin) && cell > cells[c])
				cells[c] = cell;
	}
}

static void bar_show(const json_t *camera, int64_t from_us, int64_t to_us) {
	static const char *const GLYPHS[][2] = {{" ", " "}, {">", "░"}, {"#", "█"}, {".", "·"}, {"x", "×"}};
	static const enum style STYLES[] = {STYLE_PLAIN, STYLE_DIM, STYLE_GOOD, STYLE_WARN, STYLE_BAD};
	enum cell cells[BAR_CELLS] = {CELL_NONE};
	cells_fill(json_object_get(camera, "parts"), from_us, to_us, cells);
	put(STYLE_PLAIN, "  ");
	for (int c = 0; c < BAR_CELLS; c++)
		put(STYLES[cells[c]], "%s", GLYPHS[cells[c]][screen_is_utf8()]);
	put(STYLE_PLAIN, "  ");
	put_text(STYLE_PLAIN, get_text(camera, "camera"));
	put(STYLE_PLAIN, "\n");
}

/* The first and last instants of the parts: the span. */
static void span_of(const json_t *cameras, int64_t *ret_from, int64_t *ret_to) {
	size_t i, n;
	json_t *camera, *part;
	*ret_from = INT64_MAX;
	*ret_to = 0;
	json_array_foreach(cameras, i, camera) {
		json_array_foreach(json_object_get(camera, "parts"), n, part) {
			int64_t from = get_number(part, "from_us"), to = get_number(part, "to_us");
			*ret_from = from < *ret_from ? from : *ret_from;
			*ret_to = to > *ret_to ? to : *ret_to;
		}
	}
}

static void missing_show(const json_t *cameras) {
	size_t i, n, shown = 0;
	json_t *camera, *part;
	json_array_foreach(cameras, i, camera) {
		json_array_foreach(json_object_get(camera, "parts"), n, part) {
			enum cell cell = cell_of(get_text(part, "is"));
			int64_t seconds = (get_number(part, "to_us") - get_number(part, "from_us")) / 1000000;
			if ((cell != CELL_ERASED && (cell != CELL_GAP || seconds < 5)) || ++shown > 20)
				continue;
			const char *erased = cell == CELL_ERASED ? text_format("deleted %s (%s)", text_utc(part, "erased_at"),
			                                               get_text(part, "rule"))
			                                         : "no recording";
			put_wrapped(cell == CELL_ERASED ? STYLE_BAD : STYLE_WARN, "  - ",
			    text_format("%s  %s .. %s: %s", get_text(camera, "camera"), text_utc(part, "from"),
			        text_utc(part, "to"), erased));
		}
	}
	if (shown > 20)
		put(STYLE_DIM, "  … and %zu more; --json has all\n", shown - 20);
}

void hold_coverage_show(const json_t *answer) {
	const json_t *coverage = json_object_get(answer, "coverage"), *span = json_object_get(answer, "span");
	const json_t *cameras = json_object_get(coverage, "cameras");
	size_t i;
	json_t *camera;
	int64_t from, to;
	if (!json_is_object(coverage)) {
		put(STYLE_WARN, "what it covers cannot be told now; `retentionctl hold coverage ID` asks again\n");
		return;
	}
	put_wrapped(get_flag(answer, "complete") ? STYLE_GOOD : STYLE_WARN, "", get_text(answer, "coverage_text"));
	span_of(cameras, &from, &to);
	json_array_foreach(cameras, i, camera) {
		if (i < 16)
			bar_show(camera, from, to);
	}
	if (screen_is_utf8())
		put(STYLE_DIM, "  █ kept   × deleted   · not recorded   ░ to come\n");
	else
		put(STYLE_DIM, "  # kept   x deleted   . not recorded   > to come\n");
	missing_show(cameras);
	if (json_is_object(span))
		put(STYLE_DIM, "%s .. %s\n(%s .. %s)\n", get_text(span, "from_local"), get_text(span, "to_local"),
		    get_text(span, "from"), get_text(span, "to"));
}

void hold_placed_show(const json_t *answer) {
	if (get_flag(answer, "dry_run")) {
		put(STYLE_BOLD, "Nothing was placed; it would cover:\n");
	} else {
		if (!get_flag(answer, "safe"))
			put(STYLE_BAD,
			    "Not yet protected: %" PRId64
			    " files whose deletion was under way when it came; the disk does not answer\n",
			    get_number(answer, "in_doubt"));
		put(STYLE_BOLD, "%s is in force: nothing it covers is deleted by this box\n", get_text(answer, "id"));
		if (get_flag(json_object_get(answer, "hold"), "details_owed"))
			put(STYLE_WARN, "Owed within a day: retentionctl hold review %s --reason CODE --case REF\n",
			    get_text(answer, "id"));
	}
	hold_coverage_show(answer);
}

int hold_verdict(const json_t *answer) {
	const json_t *complete = json_object_get(answer, "complete");
	return complete && !json_is_true(complete) ? EXIT_PARTLY : EXIT_DONE;
}

static const char *cameras_text(const json_t *hold) {
	const json_t *cameras = json_object_get(hold, "cameras");
	if (get_flag(hold, "all_cameras"))
		return "all cameras";
	const char *first = json_string_value(json_array_get(cameras, 0));
	if (json_array_size(cameras) <= 1)
		return first ? first : "";
	return text_format("%.60s +%zu", first ? first : "", json_array_size(cameras) - 1);
}

void hold_list_show(const json_t *answer) {
	size_t i;
	json_t *hold;
	struct table *table = table_new("HOLD|STATE|CAMERAS|FROM|TO|CASE|REVIEW");
	json_array_foreach(json_object_get(answer, "holds"), i, hold) {
		bool owed = get_flag(hold, "details_owed");
		const char *const cells[] = {get_text(hold, "id"), get_text(hold, "state"), cameras_text(hold),
		    text_moment(hold, "from"), text_moment(hold, "to"), owed ? "owed" : get_text(hold, "case"),
		    text_moment(hold, "review")};
		table_row(table, owed ? STYLE_WARN : STYLE_PLAIN, cells);
	}
	if (table_rows(table) == 0)
		put(STYLE_PLAIN, "no holds\n");
	table_end(table);
}

void hold_show_show(const json_t *answer) {
	size_t i;
	json_t *camera;
	put(STYLE_BOLD, "%s  %s, %s\n", get_text(answer, "id"), get_text(answer, "kind"), get_text(answer, "state"));
	put_time("From", answer, "from");
	put_time("To", answer, "to");
	put_line("Rolls", STYLE_PLAIN, "%" PRId64 " s before, %" PRId64 " s after", get_number(answer, "pre_roll_seconds"),
	    get_number(answer, "post_roll_seconds"));
	if (get_flag(answer, "all_cameras"))
		put_line("Cameras", STYLE_PLAIN, "all, new ones too");
	else
		json_array_foreach(json_object_get(answer, "cameras"), i, camera) {
			put_line(i == 0 ? "Cameras" : "", STYLE_PLAIN, "%s", json_string_value(camera));
		}
	put_line("Reason", STYLE_PLAIN, "%s", get_text(answer, "reason")[0] ? get_text(answer, "reason") : "owed");
	put_line("Case", STYLE_PLAIN, "%s", get_text(answer, "case")[0] ? get_text(answer, "case") : "owed");
	if (get_text(answer, "note")[0])
		put_line("Note", STYLE_PLAIN, "%s", get_text(answer, "note"));
	put_line("Placed by", STYLE_PLAIN, "%s (uid %" PRId64 ")", get_text(answer, "placed_by_name"),
	    get_number(answer, "placed_by"));
	put_time("Placed", answer, "placed");
	put_time("Review", answer, "review");
	put_time("Owed until", answer, "details_due");
	put_time("Ends", answer, "release_at");
	put_time("Released", answer, "released");
	if (get_flag(answer, "placed_after_part_was_erased"))
		put_line("Late", STYLE_WARN, "placed after part was erased");
	if (get_flag(answer, "single_person"))
		put_line("Release", STYLE_WARN, "by one person alone");
}

void hold_changed_show(const json_t *answer) {
	hold_show_show(json_object_get(answer, "hold"));
	if (get_flag(answer, "dry_run"))
		put(STYLE_BOLD, "nothing was changed\n");
	if (json_is_object(json_object_get(answer, "coverage")))
		hold_coverage_show(answer);
}

void hold_release_show(const json_t *answer) {
	if (get_flag(answer, "dry_run")) {
		hold_changed_show(answer);
		return;
	}
	put(STYLE_BOLD, "%s: release pending\n", get_text(answer, "id"));
	put_time("Ends", answer, "release_at");
}

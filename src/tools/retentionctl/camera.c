/* SPDX-License-Identifier: GPL-2.0-or-later */
/* camera list and show. */
#include <inttypes.h>

#include "nouns.h"
#include "screen.h"

void camera_list_show(const json_t *answer) {
	size_t i;
	json_t *camera;
	struct table *table = table_new("CAMERA|RETENTION|LEGAL MAXIMUM|FROM|>FILES|>SIZE|OLDEST|NEWEST");
	json_array_foreach(json_object_get(answer, "cameras"), i, camera) {
		const json_t *rule = json_object_get(camera, "rule");
		const char *const cells[] = {get_text(camera, "camera"),
		    get_text(rule, "retention")[0] ? get_text(rule, "retention") : "keep", get_text(rule, "legal_maximum"),
		    get_text(rule, "source"), text_count(get_number(camera, "segments")),
		    text_bytes(get_number(camera, "bytes")), text_moment(camera, "oldest"), text_moment(camera, "newest")};
		table_row(table, STYLE_PLAIN, cells);
	}
	if (table_rows(table) == 0)
		put(STYLE_PLAIN, "no camera has been seen yet\n");
	table_end(table);
}

void camera_show_show(const json_t *answer) {
	const json_t *rule = json_object_get(answer, "rule");
	put_text(STYLE_BOLD, get_text(answer, "camera"));
	put(STYLE_PLAIN, "\n");
	put_line("Rule", STYLE_PLAIN, "retention %s, legal maximum %s (from: %s)",
	    get_text(rule, "retention")[0] ? get_text(rule, "retention") : "unset",
	    get_text(rule, "legal_maximum")[0] ? get_text(rule, "legal_maximum") : "unset", get_text(rule, "source"));
	if (get_text(rule, "basis")[0])
		put_line("Basis", STYLE_PLAIN, "%s", get_text(rule, "basis"));
	put_line("Footage", STYLE_PLAIN, "%s files, %s; kept %s", text_count(get_number(answer, "segments")),
	    text_bytes(get_number(answer, "bytes")), text_seconds(get_number(answer, "kept_seconds")));
	put_time("Oldest", answer, "oldest");
	put_time("Newest", answer, "newest");
	put_time("Next goes", answer, "next_due");
	if (get_number(answer, "past_limit") > 0)
		put_line("Overdue", STYLE_BAD, "%s files", text_count(get_number(answer, "past_limit")));
	if (get_number(answer, "deleted_by_others") > 0)
		put_line("Others", STYLE_WARN, "%s files were deleted by others or vanished before they were due",
		    text_count(get_number(answer, "deleted_by_others")));
	put_line("Layout", STYLE_PLAIN, "%s, time zone %s", get_text(answer, "layout"), get_text(answer, "zone"));
	put_line("Sound", STYLE_PLAIN, "%s%s%s", get_flag(answer, "sound") ? "may be recorded" : "none",
	    get_text(answer, "sound_basis")[0] ? "; basis: " : "", get_text(answer, "sound_basis"));
	if (get_text(answer, "recorder_setting")[0])
		put_line("Recorder", STYLE_DIM, "%s", get_text(answer, "recorder_setting"));
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* deletion plan, status, resume. */
#include <inttypes.h>

#include "command.h"
#include "nouns.h"
#include "screen.h"

void deletion_plan_show(const json_t *answer) {
	const json_t *deletion = json_object_get(answer, "deletion");
	size_t i;
	json_t *camera;
	int64_t files = get_number(answer, "segments"), waiting = get_number(answer, "waiting_segments");
	put(STYLE_BOLD, "%s file%s (%s) go%s until %s", text_count(files), files == 1 ? "" : "s",
	    text_bytes(get_number(answer, "bytes")), files == 1 ? "es" : "", text_moment(answer, "until"));
	if (waiting > 0)
		put(STYLE_PLAIN, "; %s would, but their root does not delete", text_count(waiting));
	if (get_number(answer, "held_segments") > 0)
		put(STYLE_PLAIN, "; %s due then stay under holds", text_count(get_number(answer, "held_segments")));
	put(STYLE_PLAIN, "\n");
	if (get_flag(deletion, "paused"))
		put_wrapped(STYLE_BAD, "  ! ", text_format("deletion is paused: %s", get_text(deletion, "text")));
	put(STYLE_PLAIN, "\n");
	struct table *table = table_new("CAMERA|>FILES|>SIZE|FIRST GOES|>HELD|HOLDS");
	json_array_foreach(json_object_get(answer, "cameras"), i, camera) {
		const char *const cells[] = {get_text(camera, "camera"), text_count(get_number(camera, "segments")),
		    text_bytes(get_number(camera, "bytes")), text_moment(camera, "first"),
		    text_count(get_number(camera, "held_segments")), get_text(camera, "holds")};
		table_row(table, STYLE_PLAIN, cells);
	}
	table_end(table);
	json_array_foreach(json_object_get(answer, "cameras"), i, camera) {
		if (get_number(camera, "overdue_segments") > 0 && get_text(camera, "kept_because")[0])
			put_wrapped(STYLE_WARN, "  ! ",
			    text_format("%s: %s files past their limit stay: %s", get_text(camera, "camera"),
			        text_count(get_number(camera, "overdue_segments")), get_text(camera, "kept_because")));
		else if (!get_flag(camera, "deletes") && get_number(camera, "segments") > 0)
			put_wrapped(STYLE_DIM, "  - ", text_format("%s: its root does not delete now", get_text(camera, "camera")));
	}
	put(STYLE_DIM, "%s  (%s)\n", get_text(answer, "until_local"), get_text(answer, "until"));
}

void deletion_status_show(const json_t *answer) {
	const json_t *brake = json_object_get(answer, "brake");
	if (get_flag(answer, "paused"))
		put_wrapped(STYLE_BAD, "Deletion is paused: ", get_text(answer, "text"));
	else
		put(STYLE_GOOD, "Deletion runs\n");
	put_time("Last pass", answer, "last_pass");
	put_time("Next pass", answer, "next_pass");
	put_line("Deleted", STYLE_PLAIN, "%s files (%s) since the start; %s failed",
	    text_count(get_number(answer, "deleted_segments")), text_bytes(get_number(answer, "deleted_bytes")),
	    text_count(get_number(answer, "failed")));
	put_line("Overdue", get_number(answer, "past_limit") > 0 ? STYLE_BAD : STYLE_PLAIN,
	    "%s files, of which %s under holds", text_count(get_number(answer, "overdue_segments")),
	    text_count(get_number(answer, "overdue_held")));
	put_line("Brake", get_flag(brake, "engaged") ? STYLE_BAD : STYLE_PLAIN,
	    "%s; today %s files, at most %s of one camera; it stops over %" PRId64 " days and %s files",
	    get_flag(brake, "engaged") ? "ENGAGED: an unusual amount; `retentionctl deletion resume` goes on" : "off",
	    text_count(get_number(brake, "segments_today")), text_seconds(get_number(brake, "recording_seconds_today")),
	    get_number(brake, "stops_over_days"), text_count(get_number(brake, "stops_over_segments")));
}

void deletion_resume_show(const json_t *answer) {
	put(STYLE_PLAIN,
	    get_flag(answer, "resumed") ? "deletion goes on\n" : "deletion would go on; nothing was changed\n");
}

int deletion_verdict(const json_t *answer) {
	return get_flag(answer, "paused") || get_number(answer, "past_limit") > 0 ? EXIT_FINDING : EXIT_DONE;
}

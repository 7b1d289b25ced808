/* SPDX-License-Identifier: GPL-2.0-or-later */
/* root, volume, clock, rescan, key and config reload. */
#include <inttypes.h>
#include <string.h>

#include "command.h"
#include "nouns.h"
#include "screen.h"

void root_list_show(const json_t *answer) {
	size_t i;
	json_t *root;
	struct table *table = table_new("ROOT|STATE|MODE|LAYOUT|>FREE|PATH");
	json_array_foreach(json_object_get(answer, "roots"), i, root) {
		const char *const cells[] = {get_text(root, "root"), get_text(root, "state"), get_text(root, "mode"),
		    get_text(root, "layout"), text_bytes(get_number(root, "bytes_free")), get_text(root, "path")};
		table_row(table, STYLE_PLAIN, cells);
	}
	table_end(table);
	json_array_foreach(json_object_get(answer, "roots"), i, root) {
		if (get_text(root, "reason")[0])
			put_wrapped(STYLE_BAD, "  ! ", text_format("%s: %s", get_text(root, "root"), get_text(root, "reason")));
	}
}

void volume_list_show(const json_t *answer) {
	size_t i;
	json_t *volume;
	struct table *table = table_new("ROOT|STATE|EXPECTED|FOUND|DISK|ADOPTED");
	json_array_foreach(json_object_get(answer, "volumes"), i, volume) {
		bool same = strcmp(get_text(volume, "expected"), get_text(volume, "found")) == 0;
		const char *const cells[] = {get_text(volume, "root"), get_text(volume, "state"), get_text(volume, "expected"),
		    same ? "the same" : get_text(volume, "found"), get_text(volume, "filesystem"),
		    text_moment(volume, "adopted")};
		table_row(table, same ? STYLE_PLAIN : STYLE_BAD, cells);
	}
	table_end(table);
	json_array_foreach(json_object_get(answer, "volumes"), i, volume) {
		if (get_text(volume, "reason")[0])
			put_wrapped(STYLE_BAD, "  ! ", text_format("%s: %s", get_text(volume, "root"), get_text(volume, "reason")));
	}
}

void volume_adopt_show(const json_t *answer) {
	const json_t *volume = json_object_get(answer, "volume");
	put_wrapped(STYLE_PLAIN, "",
	    text_format("%s: %s on %s is its volume%s", get_text(volume, "root"), get_text(volume, "found"),
	        get_text(volume, "filesystem"), get_flag(volume, "observe_only") ? ", observed only" : ""));
}

void clock_show(const json_t *answer) {
	bool trusted = get_flag(answer, "trusted");
	put(trusted ? STYLE_GOOD : STYLE_BAD, "The clock is %s; deletion needs %s%s\n", get_text(answer, "level"),
	    get_text(answer, "required"), trusted ? "" : ": nothing is deleted");
	if (get_text(answer, "reason")[0])
		put_wrapped(STYLE_PLAIN, "  - ", get_text(answer, "reason"));
	put_time("Now", answer, "now");
	put_time("High water", answer, "high_water");
	if (get_flag(answer, "frozen"))
		put_line("Frozen", STYLE_BAD, "%s",
		    get_flag(answer, "needs_person") ? "until somebody says `retentionctl clock confirm`"
		                                     : "until a synchronisation, or `retentionctl clock confirm`");
	put_time("Since", answer, "frozen_since");
	if (get_number(answer, "unexplained_seconds") > 0)
		put_line("Unexplained", STYLE_PLAIN, "%s of advances add up",
		    text_seconds(get_number(answer, "unexplained_seconds")));
}

int clock_verdict_code(const json_t *answer) {
	return get_flag(answer, "trusted") ? EXIT_DONE : EXIT_FINDING;
}

void rescan_show(const json_t *answer) {
	size_t i;
	json_t *root;
	json_array_foreach(json_object_get(answer, "roots"), i, root) {
		put_text(STYLE_PLAIN, json_string_value(root));
		put(STYLE_PLAIN, ": being compared with the disk; `retentionctl status` says when it is done\n");
	}
}

/* What is printed can be kept as a file of keys: lines with a # are passed over. */
void key_show_show(const json_t *answer) {
	const char *key = get_text(answer, "key"), *first = get_text(answer, "first");
	if (get_number(answer, "epoch") > 0 && first[0] != '\0') {
		put(STYLE_DIM, "# the first key: it vouches for all after it\n");
		put_text(STYLE_PLAIN, first);
		put(STYLE_PLAIN, "\n");
		put(STYLE_DIM, "# the key in force, of epoch %lld\n", (long long)get_number(answer, "epoch"));
	}
	put_text(STYLE_PLAIN, key);
	put(STYLE_PLAIN, "\n");
	put(STYLE_DIM, "# for witnesses, and for nothing else; it does not change with the epochs\n# ");
	put_text(STYLE_DIM, get_text(answer, "witness_key"));
	put(STYLE_PLAIN, "\n");
}

void key_rotate_show(const json_t *answer) {
	put(STYLE_GOOD, "Epoch %lld has begun. The key before it has signed this and is wiped.\n",
	    (long long)get_number(answer, "epoch"));
	put_line("Key", STYLE_PLAIN, "%s", get_text(answer, "key"));
}

void config_reload_show(const json_t *answer) {
	(void)answer;
	put(STYLE_GOOD, "the configuration is in force\n");
}

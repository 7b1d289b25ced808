/* SPDX-License-Identifier: GPL-2.0-or-later */
/* witness: who signs the log's checkpoints. */
#include "command.h"
#include "nouns.h"
#include "screen.h"

/* On a line of its own, to be copied. */
static void key_for_witnesses(const json_t *answer) {
	put(STYLE_DIM, "for witnesses: ");
	put_text(STYLE_PLAIN, get_text(answer, "witness_key"));
	put(STYLE_PLAIN, "\n");
}

void witness_list_show(const json_t *answer) {
	size_t i;
	json_t *witness;
	struct table *table = table_new("WITNESS|>ENTRIES|SIGNED|STATE");
	json_array_foreach(json_object_get(answer, "witnesses"), i, witness) {
		bool conflict = get_flag(witness, "conflict");
		bool failing = get_number(witness, "failures") > 0;
		const char *const cells[] = {get_text(witness, "url"), text_count(get_number(witness, "size")),
		    text_moment(witness, "cosigned"),
		    conflict  ? "CONFLICT"
		    : failing ? "not reached"
		              : "in order"};
		table_row(table, conflict ? STYLE_BAD : failing ? STYLE_WARN : STYLE_PLAIN, cells);
	}
	table_end(table);
	key_for_witnesses(answer);
	json_array_foreach(json_object_get(answer, "witnesses"), i, witness) {
		put(STYLE_DIM, "signs by: ");
		put_text(STYLE_DIM, get_text(witness, "key"));
		put(STYLE_PLAIN, "\n");
		if (get_text(witness, "error")[0])
			put_wrapped(STYLE_BAD, "  ! ", text_format("%s: %s", get_text(witness, "url"), get_text(witness, "error")));
	}
}

int witness_list_verdict(const json_t *answer) {
	size_t i;
	json_t *witness;
	json_array_foreach(json_object_get(answer, "witnesses"), i, witness) {
		if (get_flag(witness, "conflict") || get_flag(witness, "late"))
			return EXIT_FINDING;
	}
	return EXIT_DONE;
}

void witness_test_show(const json_t *answer) {
	put_wrapped(STYLE_PLAIN, "",
	    text_format("%s has signed the checkpoint of %s entries", get_text(answer, "name"),
	        text_count(get_number(answer, "size"))));
	key_for_witnesses(answer);
}

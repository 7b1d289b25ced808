/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Distances between words. */
#include "base/distance.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void counts_changes(void **state) {
	(void)state;
	const struct {
		const char *a, *b;
		unsigned distance;
	} cases[] = {{"", "", 0}, {"gate", "gate", 0}, {"gate", "", 4}, {"gate", "gat", 1}, {"gate", "gates", 1},
	    {"gate", "late", 1}, {"gate", "agte", 2}, {"kitten", "sitting", 3}};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		assert_int_equal(word_distance(cases[i].a, cases[i].b), cases[i].distance);
		assert_int_equal(word_distance(cases[i].b, cases[i].a), cases[i].distance);
	}
}

static void long_words_are_far(void **state) {
	(void)state;
	char word[DISTANCE_BYTES_MAX + 2];
	memset(word, 'a', sizeof word);
	word[DISTANCE_BYTES_MAX + 1] = '\0';
	assert_int_equal(word_distance(word, "a"), UINT_MAX);
	assert_int_equal(word_distance("a", word), UINT_MAX);
	word[DISTANCE_BYTES_MAX] = '\0';
	assert_int_equal(word_distance("a", word), DISTANCE_BYTES_MAX - 1);
	assert_int_equal(word_distance(word, word), 0);
}

int main(void) {
	const struct CMUnitTest tests[] = {cmocka_unit_test(counts_changes), cmocka_unit_test(long_words_are_far)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

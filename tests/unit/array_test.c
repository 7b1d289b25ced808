/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Arrays that grow. */
#include "base/array.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void grows_and_keeps(void **state) {
	(void)state;
	uint32_t *items = NULL;
	size_t room = 0;
	for (uint32_t i = 0; i < 1000; i++) {
		assert_true(array_room(&items, &room, i, sizeof *items));
		assert_true(room > i && room <= 2 * i + 16);
		items[i] = i;
	}
	for (uint32_t i = 0; i < 1000; i++)
		assert_int_equal(items[i], i);
	free(items);
}

static void failure_changes_nothing(void **state) {
	(void)state;
	char *items = NULL;
	size_t room = 0;
	assert_false(array_room(&items, &room, 0, SIZE_MAX / 4));
	assert_null(items);
	assert_int_equal(room, 0);
}

int main(void) {
	const struct CMUnitTest tests[] = {cmocka_unit_test(grows_and_keeps), cmocka_unit_test(failure_changes_nothing)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* retentionctl's table, arguments and terminal: every command is documented and completed, no name breaks a terminal.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/retentionctl/command.h"
#include "tools/retentionctl/screen.h"

static char *file_read(const char *path) {
	FILE *file = fopen(path, "re");
	assert_non_null(file);
	char *text = calloc(1, 1 << 20);
	assert_non_null(text);
	assert_true(fread(text, 1, (1 << 20) - 1, file) > 0);
	(void)fclose(file);
	return text;
}

static void every_row_is_whole(void **state) {
	(void)state;
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		const struct command *command = &COMMANDS[i];
		assert_non_null(command->summary);
		assert_non_null(command->role);
		assert_true(command->method || command->run);
		assert_true(!command->type_id || command->positional);
		if (command->method && command->verb) {
			char name[64];
			(void)snprintf(name, sizeof(name), "%s.%s", command->noun, command->verb);
			assert_string_equal(command->method, name);
		}
		for (size_t n = i + 1; n < COMMAND_COUNT; n++)
			assert_false(strcmp(command->noun, COMMANDS[n].noun) == 0 && command->verb && COMMANDS[n].verb &&
			             strcmp(command->verb, COMMANDS[n].verb) == 0);
	}
}

static void every_command_is_documented(void **state) {
	char *man = file_read("src/man/retentionctl.1.scd");
	char *completion = file_read("config/completion/retentionctl.bash");
	(void)state;
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		const struct command *command = &COMMANDS[i];
		char name[96];
		(void)snprintf(name, sizeof(name), "*%s%s%s*", command->noun, command->verb ? " " : "",
		    command->verb ? command->verb : "");
		if (!strstr(man, name))
			fail_msg("retentionctl.1.scd lacks %s: put `retentionctl --man` into it", name);
		(void)snprintf(name, sizeof(name), "\"%s %s\"", command->noun, command->verb ? command->verb : "");
		if (!strstr(completion, name))
			fail_msg("completion lacks %s: make it anew", name);
		for (const struct option_row *row = command->options; row && row->name; row++) {
			(void)snprintf(name, sizeof(name), "--%s", row->name);
			assert_non_null(strstr(man, name));
			assert_non_null(strstr(completion, name));
		}
	}
	free(man);
	free(completion);
}

static int parse(struct context *context, int argc, const char *const *argv) {
	return arguments_parse(argc, (char *const *)(uintptr_t)argv, context);
}
#define PARSE(context, ...)                                                                            \
	parse(context, (int)(sizeof((const char *const[]){"retentionctl", __VA_ARGS__}) / sizeof(char *)), \
	    (const char *const[]){"retentionctl", __VA_ARGS__, NULL})

static void options_stand_anywhere(void **state) {
	struct context context;
	(void)state;
	assert_int_equal(PARSE(&context, "--json", "hold", "place", "--camera", "gate", "--at=yesterday", "--camera",
	                     "hall", "--reason", "damage", "--case", "X", "--dry-run", "--socket", "/s"),
	    EXIT_DONE);
	assert_string_equal(context.command->method, "hold.place");
	assert_int_equal(json_array_size(json_object_get(context.params, "camera")), 2);
	assert_string_equal(get_text(context.params, "at"), "yesterday");
	assert_true(get_flag(context.params, "dry_run"));
	assert_string_equal(context.socket, "/s");
	assert_int_equal(context.output, OUTPUT_JSON);
	context_release(&context);
	assert_int_equal(
	    PARSE(&context, "--socket", "status", "hold", "show", "--output", "csv", "H-2026-0001"), EXIT_DONE);
	assert_string_equal(context.command->method, "hold.show");
	assert_string_equal(get_text(context.params, "id"), "H-2026-0001");
	assert_int_equal(context.output, OUTPUT_CSV);
	context_release(&context);
	assert_int_equal(PARSE(&context, "footage", "explain", "--", "--odd.mp4"), EXIT_DONE);
	assert_string_equal(context.positional, "--odd.mp4");
	context_release(&context);
	assert_int_equal(PARSE(&context, "rescan"), EXIT_DONE);
	context_release(&context);
}

#define ASSERT_USAGE(...)                                         \
	do {                                                          \
		struct context wrong;                                     \
		assert_int_equal(PARSE(&wrong, __VA_ARGS__), EXIT_USAGE); \
		context_release(&wrong);                                  \
	} while (0)

static void wrong_usage_is_64(void **state) {
	(void)state;
	ASSERT_USAGE("holds");
	ASSERT_USAGE("hold", "plce");
	ASSERT_USAGE("hold", "show");
	ASSERT_USAGE("hold", "now");
	ASSERT_USAGE("hold", "list", "extra");
	ASSERT_USAGE("hold", "list", "--sate", "all");
	ASSERT_USAGE("hold", "list", "--state");
	ASSERT_USAGE("hold", "list", "--owed=yes");
	ASSERT_USAGE("hold", "list", "--output", "xml");
	ASSERT_USAGE("hold", "list", "--dry-run");
	ASSERT_USAGE("footage", "list", "--camera", "gate", "--limit", "many");
	ASSERT_USAGE("footage", "explain", "bad\xff");
}

static void a_near_word_is_found(void **state) {
	static const char *const WORDS[] = {"place", "preview", "release", "review"};
	(void)state;
	assert_string_equal(nearest_word("plac", WORDS, 4), "place");
	assert_string_equal(nearest_word("relaese", WORDS, 4), "release");
	assert_null(nearest_word("xyzzy", WORDS, 4));
}

static void assert_escaped(const char *text, const char *expected) {
	char *escaped = screen_escape(text);
	assert_string_equal(escaped, expected);
	free(escaped);
}

static void hostile_names_are_escaped(void **state) {
	(void)state;
	assert_escaped("gate/11.04.mp4", "gate/11.04.mp4");
	assert_escaped("\033[2J\033]0;x\007", "\\x1b[2J\\x1b]0;x\\x07");
	assert_escaped("a\nb\rc\x7f", "a\\x0ab\\x0dc\\x7f");
	assert_escaped("\xc2\x9b"
	               "31m",
	    "\\xc2\\x9b31m");
	assert_escaped("gpj.\xe2\x80\xae"
	               "exe",
	    "gpj.\\xe2\\x80\\xaeexe");
	assert_escaped("bad\xff\xc3", "bad\\xff\\xc3");
	assert_escaped("\xed\xa0\x80", "\\xed\\xa0\\x80");
	assert_escaped(NULL, "");
}

static void short_texts(void **state) {
	(void)state;
	assert_string_equal(text_bytes(999), "999 B");
	assert_string_equal(text_bytes(1000), "1.0 kB");
	assert_string_equal(text_bytes(1449000000), "1.4 GB");
	assert_string_equal(text_bytes(123456789012), "123 GB");
	assert_string_equal(text_count(4120), "4,120");
	assert_string_equal(text_count(1000000), "1,000,000");
	assert_string_equal(text_seconds(3432), "57 min 12 s");
	json_t *object = json_pack("{s:s}", "due_local", "2026-10-25 07:11:04 +01:00");
	assert_string_equal(text_moment(object, "due"), "25 Oct 07:11");
	json_decref(object);
}

int main(void) {
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_row_is_whole),
	    cmocka_unit_test(every_command_is_documented),
	    cmocka_unit_test(options_stand_anywhere),
	    cmocka_unit_test(wrong_usage_is_64),
	    cmocka_unit_test(a_near_word_is_found),
	    cmocka_unit_test(hostile_names_are_escaped),
	    cmocka_unit_test(short_texts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Entries about opens as people read them: who and with what, in 80 columns. */
#include "tools/retentionctl/log_entry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/attributes.h"
#include "base/zone.h"
#include "tools/retentionctl/screen.h"

/* What it prints; the caller frees. */
static char *shown(const char *entry, bool in_words) {
	json_t *object = json_loads(entry, 0, NULL);
	assert_non_null(object);
	FILE *file = tmpfile();
	assert_non_null(file);
	(void)fflush(stdout);
	int kept = dup(STDOUT_FILENO);
	(void)dup2(fileno(file), STDOUT_FILENO);
	if (in_words)
		entry_show(object, 7, zone_shared("UTC"));
	else
		entry_line(object, zone_shared("UTC"));
	(void)fflush(stdout);
	(void)dup2(kept, STDOUT_FILENO);
	(void)close(kept);
	long length = lseek(fileno(file), 0, SEEK_END);
	char *text = calloc(1, (size_t)length + 1);
	assert_int_equal(pread(fileno(file), text, (size_t)length, 0), length);
	(void)fclose(file);
	json_decref(object);
	return text;
}

#define ENTRY(action, rest)                                                                       \
	"{\"@timestamp\":\"2026-11-24T11:00:00.5Z\",\"event\":{\"sequence\":123,\"action\":\"" action \
	"\",\"outcome\":\"success\"}," rest "}"
#define ACTOR "\"actor\":{\"part\":\"other\",\"reliable\":true}"
#define HEAD "    123  2026-11-24 11:00:00  "

static void test_lines(void **state) {
	(void)state;
	static const struct {
		const char *entry, *line;
	} rows[] = {
	    {ENTRY("open", "\"camera\":\"archive/gate\",\"user\":{\"id\":\"0\",\"name\":\"root\"},"
	                   "\"process\":{\"executable\":\"/usr/bin/cat\",\"name\":\"dog\"}," ACTOR),
	        HEAD "open               archive/gate (root, cat)\n"},
	    /* A Samba user, and from where: below, where there is no room. */
	    {ENTRY("open",
	         "\"camera\":\"archive/gate\",\"user\":{\"id\":\"1000\",\"name\":\"anna\"},"
	         "\"process\":{\"executable\":\"/usr/sbin/smbd\"},\"source\":{\"ip\":\"192.0.2.7\",\"port\":50012},"
	         "\"network\":{\"protocol\":\"smb\"}," ACTOR),
	        HEAD "open               archive/gate\n         (anna, smbd, 192.0.2.7)\n"},
	    {ENTRY("open", "\"camera\":\"a/b\",\"user\":{\"id\":\"1000\",\"name\":\"anna\"},"
	                   "\"process\":{\"executable\":\"/usr/sbin/smbd\"},\"source\":{\"ip\":\"192.0.2.7\"}," ACTOR),
	        HEAD "open               a/b (anna, smbd, 192.0.2.7)\n"},
	    /* Exactly 80, and one more. */
	    {ENTRY("open-denied", "\"camera\":\"archive/gate-123\",\"user\":{\"id\":\"1\",\"name\":\"daemon\"},"
	                          "\"process\":{\"executable\":\"/bin/cp12\"}," ACTOR),
	        HEAD "open-denied        archive/gate-123 (daemon, cp12)\n"},
	    {ENTRY("open-denied", "\"camera\":\"archive/gate-1234\",\"user\":{\"id\":\"1\",\"name\":\"daemon\"},"
	                          "\"process\":{\"executable\":\"/bin/cp12\"}," ACTOR),
	        HEAD "open-denied        archive/gate-1234\n         (daemon, cp12)\n"},
	    /* Joined; a user without a name; a program whose file is not known. */
	    {ENTRY("open", "\"camera\":\"r/c\",\"user\":{\"id\":\"4711\"},\"process\":{\"name\":\"vlc\"},"
	                   "\"recorder\":{\"count\":1359}," ACTOR),
	        HEAD "open               r/c, 1,359 opens (4711, vlc)\n"},
	    {ENTRY("open", "\"camera\":\"r/c\",\"actor\":{\"kernel\":true}"),
	        HEAD "open               r/c (file server in the kernel)\n"},
	    {ENTRY("open", "\"camera\":\"r/c\"," ACTOR), HEAD "open               r/c\n"},
	    {ENTRY("open", "\"camera\":\"r/c\",\"user\":{\"name\":\"e\\u001b[2Jvil\"}," ACTOR),
	        HEAD "open               r/c (e\\x1b[2Jvil)\n"},
	    {ENTRY("open", "\"camera\":\"a-root/a-camera-with-a-long-name-0123456789\",\"user\":{\"name\":\"root\"},"
	                   "\"process\":{\"executable\":\"/bin/cat\"},\"source\":{\"ip\":\"2001:db8::1\"}," ACTOR),
	        HEAD "open               \n         a-root/a-camera-with-a-long-name-0123456789\n"
	             "         (root, cat, 2001:db8::1)\n"},
	    /* Others are as they were. */
	    {ENTRY(
	         "request", "\"request\":{\"method\":\"hold.list\"},\"user\":{\"name\":\"root\"},\"process\":{\"pid\":1}"),
	        HEAD "request            hold.list (root)\n"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		char *line = shown(rows[i].entry, false);
		for (const char *at = line; *at != '\0'; at += strcspn(at, "\n") + 1)
			assert_true(strcspn(at, "\n") <= 80);
		assert_string_equal(line, rows[i].line);
		free(line);
	}
}

static void test_words(void **state) {
	(void)state;
	char *text = shown(
	    ENTRY("open", "\"camera\":\"r/c\",\"file\":{\"path\":\"2026/a.mp4\"},"
	                  "\"recorder\":{\"count\":12,\"files\":4,\"reliable\":true},"
	                  "\"user\":{\"id\":\"0\",\"name\":\"root\",\"effective\":{\"id\":\"0\",\"name\":\"root\"}},"
	                  "\"process\":{\"pid\":42,\"start\":\"2026-11-24T10:00:00Z\",\"executable\":\"/usr/bin/"
	                  "cat\",\"name\":\"cat\","
	                  "\"command_line\":\"cat a.mp4\",\"real_user\":{\"id\":\"1000\",\"name\":\"anna\"},\"parents\":["
	                  "{\"pid\":41,\"name\":\"sudo\",\"executable\":\"/usr/bin/"
	                  "sudo\",\"user\":{\"id\":\"1000\",\"name\":\"anna\"}},"
	                  "{\"pid\":40,\"name\":\"bash\",\"user\":{\"id\":\"1000\"}}],\"parents_count\":5},"
	                  "\"actor\":{\"reliable\":true,\"login_uid\":\"1000\",\"login_name\":\"anna\",\"tty\":\"pts/0\","
	                  "\"unit\":\"ssh.service\",\"foreign_namespace\":true},"
	                  "\"source\":{\"ip\":\"192.0.2.7\",\"port\":50012},\"network\":{\"protocol\":\"ssh\"}"),
	    true);
	static const char *const lines[] = {
	    "\nOpened      r/c: 2026/a.mp4, and 3 more, 12 times in all\n",
	    "\nUser        root (0), started by anna (1000)\n",
	    "\nLogged in   anna (1000)\n",
	    "\nProgram     /usr/bin/cat, process 42, begun 2026-11-24T10:00:00Z\n",
	    "\n            calls itself cat: cat a.mp4\n",
	    "\nParents     /usr/bin/sudo of anna (1000), process 41\n            bash of 1000, process 40\n",
	    "process 40\n            and 3 more\n",
	    "\nUnit        ssh.service, terminal pts/0, in a mount namespace of its own\n",
	    "\nAddress     192.0.2.7 port 50012, by ssh\n",
	    "\n  \"camera\": \"r/c\",\n",
	};
	for (size_t i = 0; i < ARRAY_LENGTH(lines); i++)
		if (strstr(text, lines[i]) == NULL)
			fail_msg("no '%s' in\n%s", lines[i], text);
	assert_null(strstr(text, "effective user"));
	free(text);
	text = shown(
	    ENTRY("open", "\"camera\":\"\",\"recorder\":{\"count\":1},\"actor\":{\"kernel\":true,\"clients\":3}"), true);
	assert_non_null(strstr(text, "\nUser        not known: a file server in the kernel, which does not tell\n"));
	assert_non_null(strstr(text, "\nAddress     one of 3 clients that it served at once\n"));
	assert_non_null(strstr(text, "the process had changed or gone"));
	free(text);
	text = shown(ENTRY("seal", "\"camera\":\"r/c\""), true);
	assert_null(strstr(text, "\nUser"));
	free(text);
}

int main(void) {
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lines),
	    cmocka_unit_test(test_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* doctor: what the daemon judges, and what this machine offers, each with what to do. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <retention/client.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "command.h"
#include "nouns.h"
#include "screen.h"

#ifndef LANDLOCK_CREATE_RULESET_VERSION
#define LANDLOCK_CREATE_RULESET_VERSION (1U << 0)
#endif

static void check(json_t *list, const char *name, const char *state, const char *text, const char *todo) {
	json_array_append_new(
	    list, json_pack("{s:s, s:s, s:s, s:s?}", "check", name, "state", state, "text", text, "do", todo));
}

static void kernel_check(json_t *list) {
	long landlock = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	if (landlock >= 2)
		check(list, "kernel", "ok", text_format("landlock ABI %ld confines the processes", landlock), NULL);
	else
		check(list, "kernel", "note",
		    landlock == 1 ? "landlock ABI 1 does not confine the reaper" : "this kernel has no landlock",
		    "a kernel of 5.19 or newer with landlock in lsm= confines the processes further");
	struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_BENEATH};
	long fd = syscall(SYS_openat2, AT_FDCWD, ".", &how, sizeof(how));
	if (fd >= 0)
		(void)close((int)fd);
	if (fd >= 0 || errno != ENOSYS)
		check(list, "kernel", "ok", "openat2 is there: paths are resolved beneath the roots", NULL);
	else
		check(list, "kernel", "note", "this kernel has no openat2: paths are walked folder by folder, which is slower",
		    NULL);
	struct statx times;
	if (statx(AT_FDCWD, "/", 0, STATX_BTIME, &times) == 0 && (times.stx_mask & STATX_BTIME))
		check(list, "kernel", "ok", "files have birth times", NULL);
	else
		check(list, "kernel", "note", "files of / have no birth times: files are identified by inode, size and mtime",
		    NULL);
}

static void inotify_check(json_t *list) {
	char text[32];
	CLOSED_AT_END int fd = open("/proc/sys/fs/inotify/max_user_watches", O_RDONLY | O_CLOEXEC);
	ssize_t length = fd >= 0 ? descriptor_pread_all(fd, text, sizeof(text) - 1, 0) : -1;
	if (length <= 0)
		return;
	text[length] = '\0';
	long limit = strtol(text, NULL, 10);
	if (limit < 65536)
		check(list, "inotify", "note", text_format("fs.inotify.max_user_watches is %ld", limit),
		    "install the sysctl.d file, or sysctl fs.inotify.max_user_watches=1048576");
	else
		check(list, "inotify", "ok", text_format("fs.inotify.max_user_watches is %ld", limit), NULL);
}

static void checks_show(const json_t *checks) {
	size_t i;
	json_t *row;
	json_array_foreach(checks, i, row) {
		const char *state = get_text(row, "state");
		bool problem = strcmp(state, "problem") == 0, fine = strcmp(state, "ok") == 0;
		put_wrapped(problem ? STYLE_BAD : STYLE_PLAIN,
		    text_format("%-8s %-12s ",
		        fine      ? "ok"
		        : problem ? "PROBLEM"
		                  : "note",
		        get_text(row, "check")),
		    get_text(row, "text"));
		if (get_text(row, "do")[0])
			put_wrapped(STYLE_PLAIN, "                      do: ", get_text(row, "do"));
	}
}

static bool has_problem(const json_t *checks) {
	size_t i;
	json_t *row;
	json_array_foreach(checks, i, row) {
		if (strcmp(get_text(row, "state"), "problem") == 0)
			return true;
	}
	return false;
}

int doctor_run(struct context *context) {
	const char *scan = context_option(context, "scan");
	if (scan)
		return doctor_scan(context, scan);
	json_t *checks = json_array();
	int code = EXIT_DONE;
	kernel_check(checks);
	inotify_check(checks);
	struct retention_client *client = context_connect(context, &code);
	json_t *answer = client ? context_ask(client, "doctor", NULL, &code) : NULL;
	retention_client_disconnect(client);
	if (answer)
		json_array_extend(checks, json_object_get(answer, "checks"));
	json_decref(answer);
	answer = json_pack("{s:i, s:o}", "schema", 1, "checks", checks);
	if (context->output == OUTPUT_TABLE)
		checks_show(checks);
	else
		context_show(context, answer);
	if (code == EXIT_DONE && has_problem(checks))
		code = EXIT_FINDING;
	json_decref(answer);
	return code;
}

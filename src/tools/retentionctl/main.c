/* SPDX-License-Identifier: GPL-2.0-or-later */
/* retentionctl: the command line of retentiond. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "command.h"
#include "screen.h"

static void on_interrupt(int number) {
	(void)number;
	_exit(EXIT_INTERRUPTED);
}

/* "--completion bash" and "--man" are for the build; they stand alone. */
static int build_output(int argc, char **argv) {
	if (argc == 3 && strcmp(argv[1], "--completion") == 0)
		return print_completion(argv[2]);
	if (argc == 2 && strcmp(argv[1], "--man") == 0) {
		print_man();
		return EXIT_DONE;
	}
	return -1;
}

int main(int argc, char **argv) {
	struct context context;
	log_open("retentionctl", LOG_LEVEL_WARNING);
	screen_open();
	int code = build_output(argc, argv);
	if (code >= 0)
		return code;
	(void)signal(SIGINT, on_interrupt);
	code = arguments_parse(argc, argv, &context);
	if (code == EXIT_DONE)
		code = context.command->run ? context.command->run(&context) : command_call(&context);
	else if (code < 0)
		code = EXIT_DONE;
	context_release(&context);
	screen_close();
	if (fflush(stdout) != 0 && errno != EPIPE) {
		(void)fprintf(stderr, "retentionctl: cannot write: %s\n", strerror(errno));
		return EXIT_FAILED;
	}
	return code;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "last.h"

#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#include "base/attributes.h"

/* A signal handler has nothing else to go by. */
static volatile sig_atomic_t watched = -1;

static void on_fatal(int number) {
	if (watched >= 0)
		(void)close(watched);
	watched = -1;
	/* The handler is gone (SA_RESETHAND): the signal ends the program as if there had been none. */
	(void)raise(number);
}

void last_watch(int fd) {
	static const int fatal[] = {
	    SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS, SIGTRAP, SIGTERM, SIGINT, SIGHUP, SIGQUIT};
	watched = fd;
	if (fd < 0)
		return;
	struct sigaction action = {.sa_handler = on_fatal, .sa_flags = (int)SA_RESETHAND | SA_NODEFER};
	(void)sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < ARRAY_LENGTH(fatal); i++)
		(void)sigaction(fatal[i], &action, NULL);
}

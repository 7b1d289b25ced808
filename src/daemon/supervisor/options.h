/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line of retentiond. */
#pragma once

#include <stdbool.h>

#include "base/attributes.h"

struct options {
	const char *config;       /* the configuration file */
	const char *user;         /* what watcher, reaper and keeper run as */
	const char *probe_user;   /* what prober and hasher run as */
	const char *publish_user; /* what publisher runs as */
	bool foreground;          /* plain log lines, also where standard error is the journal */
	bool verbose;
};

enum { OPTIONS_RUN = -1 };

/* OPTIONS_RUN, or the status to exit with at once (after --help, --version, or a wrong option, which was told). */
MUST_USE int options_parse(int argc, char **argv, struct options *ret_options);

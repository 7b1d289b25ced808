/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <sysexits.h>

enum { OPTION_HELP = 256, OPTION_VERSION, OPTION_USER, OPTION_PROBE_USER, OPTION_PUBLISH_USER };

static const char usage[] =
    "usage: retentiond [-c FILE] [-f] [-v]\n"
    "\n"
    "Keeps camera footage for as long as its rules say, and no longer.\n"
    "\n"
    "  -c, --config FILE      the configuration (" RETENTION_CONFIG ")\n"
    "  -f, --foreground       write plain log lines to standard error\n"
    "  -v, --verbose          write more of them\n"
    "      --user NAME        run as this user instead of 'retention' (as root only)\n"
    "      --probe-user NAME  read media as this user instead of 'retention-probe' (as root only)\n"
    "      --publish-user NAME publish the log as this user instead of 'retention-publish' (as root only)\n"
    "      --version          print the version\n"
    "      --help             print this\n"
    "\n"
    "It never goes into the background: a service manager or a shell does that. SIGHUP reads the\n"
    "configuration again, SIGTERM stops. `retentionctl config check FILE` tries a configuration.\n";

int options_parse(int argc, char **argv, struct options *ret_options) {
	static const struct option names[] = {
	    {"config", required_argument, NULL, 'c'},
	    {"foreground", no_argument, NULL, 'f'},
	    {"verbose", no_argument, NULL, 'v'},
	    {"user", required_argument, NULL, OPTION_USER},
	    {"probe-user", required_argument, NULL, OPTION_PROBE_USER},
	    {"publish-user", required_argument, NULL, OPTION_PUBLISH_USER},
	    {"version", no_argument, NULL, OPTION_VERSION},
	    {"help", no_argument, NULL, OPTION_HELP},
	    {0},
	};
	struct options options = {.config = RETENTION_CONFIG,
	    .user = "retention",
	    .probe_user = "retention-probe",
	    .publish_user = "retention-publish"};
	int option;
	while ((option = getopt_long(argc, argv, "c:fv", names, NULL)) != -1) {
		switch (option) {
		case 'c':
			options.config = optarg;
			break;
		case 'f':
			options.foreground = true;
			break;
		case 'v':
			options.verbose = true;
			break;
		case OPTION_USER:
			options.user = optarg;
			break;
		case OPTION_PROBE_USER:
			options.probe_user = optarg;
			break;
		case OPTION_PUBLISH_USER:
			options.publish_user = optarg;
			break;
		case OPTION_VERSION:
			(void)printf("retentiond %s\n", RETENTION_VERSION);
			return 0;
		case OPTION_HELP:
			(void)fputs(usage, stdout);
			return 0;
		default:
			(void)fputs("Try 'retentiond --help'.\n", stderr);
			return EX_USAGE;
		}
	}
	if (optind < argc) {
		(void)fprintf(stderr, "retentiond: unexpected argument '%s'\nTry 'retentiond --help'.\n", argv[optind]);
		return EX_USAGE;
	}
	*ret_options = options;
	return OPTIONS_RUN;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the layouts are: beside the program that asks, so that a build tree and a scratch installation find their own.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "settings/settings.h"

/* Installed, then the build tree's (build/ or build/<name>/). */
static const char *const places[] = {"share/retention/layouts", "../config/layouts", "../../config/layouts"};

void settings_layouts_place(char *ret_path) {
	char program[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
	if (length > 0) {
		program[length] = '\0';
		for (int i = 0; i < 2; i++) {
			char *slash = strrchr(program, '/');
			if (slash != NULL)
				*slash = '\0';
		}
		for (size_t i = 0; i < ARRAY_LENGTH(places); i++) {
			char path[PATH_MAX + 64];
			(void)snprintf(path, sizeof path, "%s/%s", program, places[i]);
			if (realpath(path, ret_path) != NULL)
				return;
		}
	}
	(void)snprintf(ret_path, PATH_MAX, "%s", RETENTION_LAYOUTS);
}

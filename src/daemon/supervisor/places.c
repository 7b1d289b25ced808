/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "places.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "settings/settings.h"

/* Ours, then the build tree's, then where it was meant to be installed. */
static const char *const program_places[] = {"libexec/retention", "libexec"};

/* The folder above the one that holds this program. */
static int prefix_find(char *prefix, size_t room) {
	ssize_t length = readlink("/proc/self/exe", prefix, room);
	if (length < 0)
		return -errno;
	if ((size_t)length == room)
		return -ENAMETOOLONG;
	prefix[length] = '\0';
	for (int i = 0; i < 2; i++) {
		char *slash = strrchr(prefix, '/');
		if (slash == NULL)
			return -ENOENT;
		*slash = '\0';
	}
	return 0;
}

/* True, with the path in `to`, if prefix/place/name is there. */
static bool place_try(const char *prefix, const char *place, const char *name, char *to) {
	char probe[PATH_MAX];
	int length = snprintf(to, PATH_MAX, "%s/%s", prefix, place);
	if (length < 0 || length >= PATH_MAX)
		return false;
	length = snprintf(probe, sizeof probe, "%s/%s", to, name);
	struct stat facts;
	return length > 0 && (size_t)length < sizeof probe && stat(probe, &facts) == 0;
}

int places_find(struct places *ret_places) {
	char prefix[PATH_MAX];
	int error = prefix_find(prefix, sizeof prefix);
	if (error != 0)
		return error;
	bool found = false;
	for (size_t i = 0; i < ARRAY_LENGTH(program_places) && !found; i++)
		found = place_try(prefix, program_places[i], "keeper", ret_places->programs);
	if (!found)
		(void)snprintf(ret_places->programs, PATH_MAX, "%s", RETENTION_LIBEXEC);
	settings_layouts_place(ret_places->layouts);
	return 0;
}

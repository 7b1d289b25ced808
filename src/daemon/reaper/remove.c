/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "remove.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "facts.h"
#include "folder.h"

bool folder_remove(const struct root *root, const struct record_known_folder *folder) {
	char path[PATH_BYTES_MAX + 1];
	/* The empty path is the root itself. */
	if (!text_copy(path, sizeof path, folder->path) || path[0] == '\0')
		return false;
	char *slash = strrchr(path, '/');
	const char *name = slash == NULL ? path : slash + 1;
	if (slash != NULL)
		*slash = '\0';
	if (name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	CLOSED_AT_END int parent = folder_open(root, slash == NULL ? "" : path);
	if (parent < 0)
		return false;
	struct facts facts;
	if (facts_of_name(parent, name, &facts) < 0 || !facts.is_folder || facts.device != root->device)
		return false;
	if (folder->mtime_ns != 0 && facts.mtime_ns != folder->mtime_ns)
		return false;
	/* The kernel removes only what is empty. */
	return unlinkat(parent, name, AT_REMOVEDIR) == 0;
}

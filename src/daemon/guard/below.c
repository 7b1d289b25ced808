/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "below.h"

#include <string.h>

bool path_below(struct text root, struct text path, struct text *ret_below) {
	if (root.length == 1 && root.data[0] == '/')
		root.length = 0;
	if (path.length < root.length || (root.length > 0 && memcmp(path.data, root.data, root.length) != 0))
		return false;
	if (path.length == root.length) {
		*ret_below = TEXT_NULL;
		return root.length > 0;
	}
	if (path.data[root.length] != '/')
		return false;
	*ret_below = (struct text){.data = path.data + root.length + 1, .length = path.length - root.length - 1};
	return true;
}

struct text path_without_deleted(struct text path) {
	static const char suffix[] = " (deleted)";
	size_t length = sizeof suffix - 1;
	if (path.length > length && memcmp(path.data + path.length - length, suffix, length) == 0)
		path.length -= length;
	return path;
}

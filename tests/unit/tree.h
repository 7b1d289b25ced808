/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Removing what a test made on the disk. */
#pragma once

#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>

static int tree_remove_one(const char *path, const struct stat *facts, int type, struct FTW *where) {
	(void)facts;
	(void)type;
	(void)where;
	return remove(path);
}

/* Removes the folder and all that is below it; 0 or -1. */
static int tree_remove(const char *path) {
	return nftw(path, tree_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

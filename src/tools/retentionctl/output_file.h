/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file that is there whole or not at all: written as FILE.partial, renamed at its end. */
#pragma once

#include <stdio.h>

#include "base/attributes.h"

struct output_file {
	FILE *stream;
	const char *path; /* the caller's */
	char *partial;
};

/* 0 or a negative errno. */
MUST_USE int output_file_open(const char *path, struct output_file *ret_file);
/* On the disk under its name. 0 or a negative errno; the partial file is removed then. */
MUST_USE int output_file_commit(struct output_file *file);
/* Removes what was written; nothing after a commit. */
void output_file_abandon(struct output_file *file);

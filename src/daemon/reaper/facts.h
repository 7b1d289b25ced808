/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What statx(2) says of one file or folder, as far as its identity goes. Symbolic links are never followed. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"

struct facts {
	bool is_file; /* a regular one */
	bool is_folder;
	uint32_t links;
	uint64_t device;
	uint64_t inode;
	uint64_t bytes;
	int64_t mtime_ns;
	int64_t birth_ns; /* 0 where the filesystem has none */
};

/* 0 or a negative errno. */
MUST_USE int facts_of_name(int folder_fd, const char *name, struct facts *ret_facts);
MUST_USE int facts_of_descriptor(int fd, struct facts *ret_facts);

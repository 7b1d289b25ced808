/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the cache holds. Private to accessor*.c. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "accessor.h"
#include "accessor_arguments.h"
#include "accessor_parents.h"
#include "accessor_process.h"
#include "accessor_remote.h"

enum {
	BUCKETS = 1024,
	CLIENTS_KEPT = 4,
	ROOM_PREPARED = 32, /* of the places: as many as guard answers at once */
	NAMES_BYTES = 1024, /* of all parents' programs together */
	UNIT_TOLD = 256,
	CHECK_INTERVAL_US = 1000000,
	PARENT_AGE_US = 100000, /* how old what is known of parents of parents may be */
};

/* A server has an accessor's number for each client, so that none is told for another. */
struct client {
	struct remote remote;
	uint32_t number; /* 0: none */
	bool told;
};

struct ancestor {
	uint32_t pid;
	uint32_t real_user;
	int64_t start_us;
	uint16_t executable_offset; /* in `names` */
	uint16_t executable_length;
	char command[COMMAND_BYTES];
};

struct accessor {
	struct accessor *next;            /* of those whose numbers fall together */
	struct accessor *earlier, *later; /* by when they were seen */
	struct process_handle process;    /* its descriptors; closed when it is not in the cache any more */
	struct process_ids ids;
	struct process_program program;
	struct process_stat stat;
	bool has_program;
	bool reliable;
	bool completed;
	bool foreign_namespace;
	bool own;
	bool allowed;
	uint64_t recorder_of; /* roots, a bit each */
	uint32_t login_user;
	uint32_t session;
	int64_t start_us;
	uint64_t mount_namespace;
	int64_t checked_us;
	const struct server_program *server;
	const char *ancestor_protocol;
	uint16_t unit_offset; /* in `cgroup` */
	uint16_t unit_length;
	uint16_t arguments_told;
	uint32_t question; /* that was asked for its arguments and is not answered yet; 0: none */
	uint32_t arguments_bytes;
	uint16_t names_used;
	uint8_t ancestor_count;
	uint8_t serving_ancestor; /* place + 1; 0: none */
	uint8_t client;           /* the present one */
	struct client clients[CLIENTS_KEPT];
	char arguments[ARGUMENTS_BYTES];
	char executable[EXECUTABLE_BYTES];
	char groups[GROUPS_BYTES];
	char cgroup[CGROUP_BYTES];
	struct ancestor ancestors[ANCESTORS_MAX];
	char names[NAMES_BYTES];
};

struct accessors {
	const struct settings *settings;
	pid_t supervisor;
	uint32_t number; /* the last one given */
	struct process_source source;
	struct parents parents;
	struct arguments arguments;
	struct accessor *asked[ARGUMENTS_ASKED]; /* about whom, by the question's number */
	struct remotes *remotes;
	char own_folder[PATH_BYTES_MAX + 1]; /* with its slash */
	struct accessor *buckets[BUCKETS];
	struct accessor order; /* head of the ring: later is the one seen longest ago */
	size_t used;           /* of those below; the rest is memory that nobody has touched yet */
	struct accessor kept[ACCESSORS_KEPT];
};

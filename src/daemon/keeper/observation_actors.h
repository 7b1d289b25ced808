/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Accessors as guard tells them, kept as they were at the time: when guard tells a number again, the
 * opens from before keep who they were by. What they become in an entry stands here too, with the
 * limits that make it fit.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "ipc/message.h"

struct user_names;

/* Guard keeps 512: with more here, none that it still speaks of is forgotten. */
enum { ACTORS_MAX = 2048, ACTOR_PARENTS_MAX = 16 };

/* One accessor as it was told. Counted: actor_hold(), actor_release(). Texts point into its own memory. */
struct actor {
	uint32_t references;
	uint64_t identity; /* the same for the same process, users, program, service and remote address */
	struct record_accessor record;
	size_t parent_count;
	size_t parents_told; /* more than parent_count where there were more */
	struct record_ancestor parents[];
};
struct actor *actor_hold(struct actor *actor);
/* Takes NULL. Returns NULL. */
struct actor *actor_release(struct actor *actor);

struct actors;
MUST_USE struct actors *actors_new(void);
struct actors *actors_free(struct actors *actors);
/* Takes an ACCESSOR message; its record has not been read yet. 0 or a negative errno. */
MUST_USE int actors_told(struct actors *actors, struct message *message);
/* Borrowed. Never NULL: a number that was not told is an actor of whom nothing is known (record.pid 0). */
struct actor *actors_find(struct actors *actors, uint32_t number);
/* Guard is a new one: numbers begin anew. */
void actors_clear(struct actors *actors);

/* The most bytes of each text in an entry, and parents. Each step is smaller; the last fits always. */
struct entry_limits {
	size_t path, executable, arguments, cgroup, parents;
};
enum { ENTRY_LIMIT_STEPS = 4 };
extern const struct entry_limits entry_limits[ENTRY_LIMIT_STEPS];

/*
 * Adds user, process, actor, source and network to the details, in this order. `names` may be NULL. 0 or -ENOMEM.
 */
MUST_USE int actor_put(
    const struct actor *actor, const struct user_names *names, const struct entry_limits *limits, json_t *details);
/* Sets key to the text, at most `limit` bytes of it; then key_bytes has its length and key_sha256 its hash. */
MUST_USE int entry_put_cut(json_t *object, const char *key, struct text text, size_t limit);
/* Sets key to the id as a string, and to "" for none (4294967295). */
MUST_USE int entry_put_id(json_t *object, const char *key, uint64_t id);
/* Sets key to UTC and key_us to the number. */
MUST_USE int entry_put_time(json_t *object, const char *key, int64_t wall_us);
/* Bytes of the details as they will stand in the entry. */
size_t entry_bytes(const json_t *details);
/* What the details may take, so that the entry stays below its limit. */
enum { ENTRY_DETAILS_BYTES = 7500 };

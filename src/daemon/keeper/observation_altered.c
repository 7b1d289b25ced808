/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What others did to names and bytes, for two minutes. */
#include "observation_altered.h"

#include <stdlib.h>
#include <string.h>

#include "ipc/message.h"
#include "keyed_hash.h"
#include "observation_actors.h"

enum { HEADS = 4096 };
/* A file that is written all the time takes a place of the ring this often. */
#define RENEW_US INT64_C(15000000)

/* The path itself is not kept: a keyed hash tells it, which nobody can aim at. */
struct item {
	uint64_t hash;
	int64_t kept_us; /* boot clock */
	bool gone;       /* which of the two things */
	uint32_t next;   /* number + 1 in the chain; 0 ends it */
	struct culprit culprit;
};

struct altered {
	struct item *items; /* a ring, in order of time; room grows up to ALTERED_MAX */
	size_t room, first, count;
	uint32_t heads[HEADS];
	struct hash_key key;
};

struct altered *altered_new(void) {
	struct altered *altered = calloc(1, sizeof *altered);
	if (altered != NULL)
		hash_key_make(&altered->key);
	return altered;
}

struct altered *altered_free(struct altered *altered) {
	if (altered == NULL)
		return NULL;
	for (size_t i = 0; i < altered->count; i++)
		(void)actor_release(altered->items[(altered->first + i) % altered->room].culprit.actor);
	free(altered->items);
	free(altered);
	return NULL;
}

static uint64_t hash_of(const struct altered *altered, struct text root, struct text path) {
	uint8_t bytes[2 * 4096 + 8];
	struct byte_writer writer;
	byte_writer_init(&writer, bytes, sizeof bytes);
	byte_put_text(&writer, root);
	byte_put_raw(&writer, path.data, path.length);
	return keyed_hash(&altered->key, bytes, writer.used);
}

static struct item *chain_find(struct altered *altered, uint64_t hash, bool gone) {
	for (uint32_t at = altered->heads[hash % HEADS]; at != 0; at = altered->items[at - 1].next)
		if (altered->items[at - 1].hash == hash && altered->items[at - 1].gone == gone)
			return &altered->items[at - 1];
	return NULL;
}

static void unchain(struct altered *altered, const struct item *item) {
	uint32_t wanted = (uint32_t)(item - altered->items) + 1;
	uint32_t *at = &altered->heads[item->hash % HEADS];
	while (*at != 0 && *at != wanted)
		at = &altered->items[*at - 1].next;
	if (*at == wanted)
		*at = item->next;
}

/* Nobody finds it any more; its place goes when its time comes. */
static void withdraw(struct altered *altered, struct item *item) {
	unchain(altered, item);
	(void)actor_release(item->culprit.actor);
	*item = (struct item){.kept_us = item->kept_us};
}

static void drop_first(struct altered *altered) {
	struct item *item = &altered->items[altered->first];
	unchain(altered, item);
	(void)actor_release(item->culprit.actor);
	*item = (struct item){0};
	altered->first = (altered->first + 1) % altered->room;
	altered->count--;
}

/* A bigger ring, begun anew at its start. */
static bool grow(struct altered *altered) {
	size_t room = altered->room == 0 ? 64 : altered->room * 2;
	struct item *items = room > ALTERED_MAX ? NULL : calloc(room, sizeof *items);
	if (items == NULL)
		return false;
	memset(altered->heads, 0, sizeof altered->heads);
	for (size_t i = 0; i < altered->count; i++) {
		items[i] = altered->items[(altered->first + i) % altered->room];
		if (items[i].culprit.at_us == 0)
			continue; /* withdrawn */
		items[i].next = altered->heads[items[i].hash % HEADS];
		altered->heads[items[i].hash % HEADS] = (uint32_t)i + 1;
	}
	free(altered->items);
	altered->items = items;
	altered->room = room;
	altered->first = 0;
	return true;
}

void altered_tick(struct altered *altered, int64_t now_us) {
	while (altered->count > 0 && now_us - altered->items[altered->first].kept_us > ALTERED_KEPT_US)
		drop_first(altered);
	if (altered->count == 0) {
		free(altered->items);
		altered->items = NULL;
		altered->room = altered->first = 0;
	}
}

size_t altered_count(const struct altered *altered) {
	return altered->count;
}

static bool is_gone(uint8_t what) {
	return what == ALTERATION_DELETED || what == ALTERATION_RENAMED_AWAY;
}

void altered_add(
    struct altered *altered, struct text root, struct text path, const struct culprit *culprit, int64_t now_us) {
	uint64_t hash = hash_of(altered, root, path);
	bool gone = is_gone(culprit->what);
	struct item *item = chain_find(altered, hash, gone);
	if (item != NULL && now_us - item->kept_us < RENEW_US) {
		/* The latest counts; the place in the ring stays. */
		struct actor *former = item->culprit.actor;
		item->culprit = *culprit;
		if (culprit->actor != NULL)
			(void)actor_hold(culprit->actor);
		(void)actor_release(former);
		return;
	}
	if (item != NULL)
		withdraw(altered, item);
	if (altered->count == altered->room && !grow(altered)) {
		if (altered->room == 0)
			return;
		drop_first(altered);
	}
	size_t number = (altered->first + altered->count++) % altered->room;
	item = &altered->items[number];
	*item = (struct item){
	    .hash = hash, .kept_us = now_us, .gone = gone, .next = altered->heads[hash % HEADS], .culprit = *culprit};
	if (culprit->actor != NULL)
		(void)actor_hold(culprit->actor);
	altered->heads[hash % HEADS] = (uint32_t)number + 1;
}

/* A folder that was renamed or removed takes along what is in it. */
static const struct item *find_gone(struct altered *altered, struct text root, struct text path) {
	while (path.length > 0) {
		const struct item *item = chain_find(altered, hash_of(altered, root, path), true);
		if (item != NULL)
			return item;
		while (path.length > 0 && path.data[path.length - 1] != '/')
			path.length--;
		path.length -= path.length > 0 ? 1 : 0;
	}
	return NULL;
}

const struct culprit *altered_find(
    struct altered *altered, struct text root, struct text path, enum altered_how how, int64_t now_us) {
	altered_tick(altered, now_us);
	if (altered->count == 0)
		return NULL;
	const struct item *item = how == ALTERED_WRITTEN ? NULL : find_gone(altered, root, path);
	if (item == NULL && how != ALTERED_WENT)
		item = chain_find(altered, hash_of(altered, root, path), false);
	return item == NULL ? NULL : &item->culprit;
}

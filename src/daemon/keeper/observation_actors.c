/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Accessors: kept, and as JSON. */
#include "observation_actors.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/entry.h"
#include "audit/sha256.h"
#include "audit/utf8.h"
#include "base/zone.h"
#include "keyed_hash.h"
#include "peer.h"

const struct entry_limits entry_limits[ENTRY_LIMIT_STEPS] = {
    {.path = 1024, .executable = 1024, .arguments = 1024, .cgroup = 512, .parents = 16},
    {.path = 512, .executable = 256, .arguments = 256, .cgroup = 128, .parents = 6},
    {.path = 256, .executable = 128, .arguments = 64, .cgroup = 64, .parents = 2},
    {.path = 128, .executable = 64, .arguments = 0, .cgroup = 0, .parents = 0},
};

enum { HEADS = 1024, NOBODY_ID = UINT32_MAX };

struct slot {
	bool used;
	uint32_t number;
	uint64_t seen; /* by actors.clock; the smallest makes room */
	uint32_t next; /* number + 1 in the chain; 0 ends it */
	struct actor *actor;
};

struct actors {
	struct slot slots[ACTORS_MAX];
	uint32_t heads[HEADS];
	size_t count;
	uint64_t clock;
	struct actor *unknown;
	struct hash_key key;
};

struct actor *actor_hold(struct actor *actor) {
	actor->references++;
	return actor;
}

struct actor *actor_release(struct actor *actor) {
	if (actor != NULL && --actor->references == 0)
		free(actor);
	return NULL;
}

/* ---- the table ---- */

static struct actor *actor_unknown(void) {
	struct actor *actor = calloc(1, sizeof *actor);
	if (actor == NULL)
		return NULL;
	actor->references = 1;
	actor->record = (struct record_accessor){.real_user = NOBODY_ID,
	    .effective_user = NOBODY_ID,
	    .filesystem_user = NOBODY_ID,
	    .login_user = NOBODY_ID,
	    .session = NOBODY_ID};
	return actor;
}

struct actors *actors_new(void) {
	struct actors *actors = calloc(1, sizeof *actors);
	if (actors == NULL)
		return NULL;
	actors->unknown = actor_unknown();
	if (actors->unknown == NULL)
		return actors_free(actors);
	hash_key_make(&actors->key);
	return actors;
}

void actors_clear(struct actors *actors) {
	for (size_t i = 0; i < actors->count; i++)
		(void)actor_release(actors->slots[i].actor);
	memset(actors->slots, 0, sizeof actors->slots);
	memset(actors->heads, 0, sizeof actors->heads);
	actors->count = 0;
}

struct actors *actors_free(struct actors *actors) {
	if (actors == NULL)
		return NULL;
	actors_clear(actors);
	(void)actor_release(actors->unknown);
	free(actors);
	return NULL;
}

static uint32_t *head_of(struct actors *actors, uint32_t number) {
	return &actors->heads[(number * UINT32_C(2654435761)) % HEADS];
}

static struct slot *slot_find(struct actors *actors, uint32_t number) {
	for (uint32_t at = *head_of(actors, number); at != 0; at = actors->slots[at - 1].next)
		if (actors->slots[at - 1].number == number)
			return &actors->slots[at - 1];
	return NULL;
}

static void slot_unchain(struct actors *actors, const struct slot *slot) {
	uint32_t *at = head_of(actors, slot->number);
	uint32_t wanted = (uint32_t)(slot - actors->slots) + 1;
	while (*at != 0 && *at != wanted)
		at = &actors->slots[*at - 1].next;
	if (*at == wanted)
		*at = slot->next;
}

static struct slot *slot_take(struct actors *actors, uint32_t number) {
	struct slot *slot = slot_find(actors, number);
	if (slot != NULL)
		return slot;
	if (actors->count < ACTORS_MAX) {
		slot = &actors->slots[actors->count++];
	} else {
		slot = &actors->slots[0];
		for (size_t i = 1; i < ACTORS_MAX; i++)
			if (actors->slots[i].seen < slot->seen)
				slot = &actors->slots[i];
		slot_unchain(actors, slot);
		(void)actor_release(slot->actor);
	}
	uint32_t *head = head_of(actors, number);
	*slot = (struct slot){.used = true, .number = number, .next = *head};
	*head = (uint32_t)(slot - actors->slots) + 1;
	return slot;
}

/* The record without what may change while the process stays who it is: names of its own choice, ports, terminals. */
static uint64_t identity_of(const struct actors *actors, const struct record_accessor *record) {
	uint8_t bytes[RECORD_BYTES_accessor];
	struct record_accessor same = *record;
	struct byte_writer writer;
	same.accessor = 0;
	same.remote_port = 0;
	same.arguments_bytes = 0;
	same.command = same.arguments = same.terminal = same.groups = TEXT_NULL;
	byte_writer_init(&writer, bytes, sizeof bytes);
	record_accessor_put(&writer, &same);
	return keyed_hash(&actors->key, bytes, writer.used);
}

static void keep_text(struct text *text, char **to) {
	if (text->length > 0)
		memcpy(*to, text->data, text->length);
	text->data = *to;
	*to += text->length;
}

static struct actor *actor_make(
    const struct record_accessor *record, const struct record_ancestor *parents, size_t count, size_t told) {
	const struct text texts[] = {record->groups, record->executable, record->command, record->arguments, record->cgroup,
	    record->unit, record->terminal, record->protocol, record->remote_address};
	size_t room = sizeof(struct actor) + count * sizeof(struct record_ancestor);
	size_t fixed = room;
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++)
		room += texts[i].length;
	for (size_t i = 0; i < count; i++)
		room += parents[i].command.length + parents[i].executable.length;
	struct actor *actor = calloc(1, room);
	if (actor == NULL)
		return NULL;
	char *to = (char *)actor + fixed;
	actor->references = 1;
	actor->record = *record;
	actor->parent_count = count;
	actor->parents_told = told;
	struct text *kept[] = {&actor->record.groups, &actor->record.executable, &actor->record.command,
	    &actor->record.arguments, &actor->record.cgroup, &actor->record.unit, &actor->record.terminal,
	    &actor->record.protocol, &actor->record.remote_address};
	for (size_t i = 0; i < ARRAY_LENGTH(kept); i++)
		keep_text(kept[i], &to);
	for (size_t i = 0; i < count; i++) {
		actor->parents[i] = parents[i];
		keep_text(&actor->parents[i].command, &to);
		keep_text(&actor->parents[i].executable, &to);
	}
	return actor;
}

int actors_told(struct actors *actors, struct message *message) {
	struct record_accessor record;
	struct record_ancestor parents[ACTOR_PARENTS_MAX], parent;
	size_t count = 0, told = 0;
	if (!record_accessor_get(&message->reader, &record))
		return -EPROTO;
	for (; message_next_ancestor(message, &parent); told++)
		if (count < ACTOR_PARENTS_MAX)
			parents[count++] = parent;
	struct actor *actor = actor_make(&record, parents, count, told);
	if (actor == NULL)
		return -ENOMEM;
	actor->identity = identity_of(actors, &record);
	struct slot *slot = slot_take(actors, record.accessor);
	(void)actor_release(slot->actor);
	slot->actor = actor;
	slot->seen = ++actors->clock;
	return 0;
}

struct actor *actors_find(struct actors *actors, uint32_t number) {
	struct slot *slot = slot_find(actors, number);
	if (slot == NULL)
		return actors->unknown;
	slot->seen = ++actors->clock;
	return slot->actor;
}

/* ---- JSON ---- */

int entry_put_id(json_t *object, const char *key, uint64_t id) {
	char text[24];
	(void)snprintf(text, sizeof text, "%" PRIu64, id);
	return json_object_set_new(object, key, json_string(text)) < 0 ? -ENOMEM : 0;
}

int entry_put_time(json_t *object, const char *key, int64_t wall_us) {
	char text[40], number[64];
	time_format_utc(wall_us, text, sizeof text);
	(void)snprintf(number, sizeof number, "%s_us", key);
	return json_object_set_new(object, key, json_string(text)) < 0 ||
	               json_object_set_new(object, number, json_integer(wall_us)) < 0
	           ? -ENOMEM
	           : 0;
}

static int put_hash(json_t *object, const char *key, struct text text) {
	uint8_t digest[32];
	char hex[65], name[64];
	sha256_parts(&(struct sha256_part){.bytes = text.data, .length = text.length}, 1, digest);
	for (size_t i = 0; i < sizeof digest; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	(void)snprintf(name, sizeof name, "%s_sha256", key);
	return json_object_set_new(object, name, json_string(hex)) < 0 ? -ENOMEM : 0;
}

static int put_length(json_t *object, const char *key, size_t length) {
	char name[64];
	(void)snprintf(name, sizeof name, "%s_bytes", key);
	return json_object_set_new(object, name, json_integer((json_int_t)length)) < 0 ? -ENOMEM : 0;
}

/* Not in the middle of a character, where it is text at all. */
static struct text cut(struct text text, size_t limit) {
	bool is_text = utf8_valid_length(text.data, text.length) == text.length;
	struct text head = {.data = text.data, .length = limit};
	if (is_text)
		head.length = utf8_valid_length(text.data, limit);
	return head;
}

int entry_put_cut(json_t *object, const char *key, struct text text, size_t limit) {
	if (text.length <= limit)
		return audit_set_bytes(object, key, text);
	int error = audit_set_bytes(object, key, cut(text, limit));
	if (error == 0)
		error = put_length(object, key, text.length);
	return error == 0 ? put_hash(object, key, text) : error;
}

size_t entry_bytes(const json_t *details) {
	return json_dumpb(details, NULL, 0, JSON_COMPACT);
}

static int put_text(json_t *object, const char *key, struct text text) {
	return text.length == 0 ? 0 : audit_set_bytes(object, key, text);
}

static int put_user(json_t *object, const struct user_names *names, uint32_t user) {
	const char *name = names == NULL ? NULL : user_names_find(names, user);
	int error = entry_put_id(object, "id", user);
	return error != 0 || name == NULL ? error : audit_set_bytes(object, "name", text_of(name));
}

static int put_user_under(json_t *object, const char *key, const struct user_names *names, uint32_t user) {
	json_t *inner = json_object();
	int error = inner == NULL ? -ENOMEM : put_user(inner, names, user);
	return json_object_set_new(object, key, inner) < 0 ? -ENOMEM : error;
}

/* Whose rights decided (the filesystem user), whose the process has, and who logged in. */
static json_t *user_json(const struct actor *actor, const struct user_names *names) {
	const struct record_accessor *record = &actor->record;
	json_t *user = json_object();
	if (user == NULL)
		return NULL;
	int error = put_user(user, names, record->filesystem_user);
	error |= put_user_under(user, "effective", names, record->effective_user);
	json_t *group = json_object();
	error |= group == NULL ? -ENOMEM : entry_put_id(group, "id", record->group);
	error |= json_object_set_new(user, "group", group);
	if (error != 0) {
		json_decref(user);
		return NULL;
	}
	return user;
}

/* Zero bytes between the arguments become spaces: it is shown to people, and is a claim anyhow. */
static int put_arguments(json_t *process, const struct record_accessor *record, size_t limit) {
	char line[1024];
	struct text text = record->arguments;
	size_t length = text.length < sizeof line ? text.length : sizeof line;
	if (length == 0 || limit == 0)
		return 0;
	for (size_t i = 0; i < length; i++)
		line[i] = text.data[i] == '\0' ? ' ' : text.data[i];
	while (length > 0 && line[length - 1] == ' ')
		length--;
	struct text joined = {.data = line, .length = length};
	bool is_cut = length > limit || record->arguments_bytes > text.length;
	int error = audit_set_bytes(process, "command_line", length > limit ? cut(joined, limit) : joined);
	return error != 0 || !is_cut ? error
	                             : put_length(process, "command_line",
	                                   record->arguments_bytes > text.length ? record->arguments_bytes : text.length);
}

static json_t *parent_json(
    const struct record_ancestor *parent, const struct user_names *names, const struct entry_limits *limits) {
	json_t *object = json_object();
	if (object == NULL)
		return NULL;
	int error = json_object_set_new(object, "pid", json_integer(parent->pid));
	error |= put_text(object, "name", parent->command);
	if (parent->executable.length > 0)
		error |= entry_put_cut(object, "executable", parent->executable, limits->executable / 4);
	error |= put_user_under(object, "user", names, parent->real_user);
	if (error != 0) {
		json_decref(object);
		return NULL;
	}
	return object;
}

/* The nearest first. ECS nests them; a list is as exact and shorter. */
static int put_parents(
    json_t *process, const struct actor *actor, const struct user_names *names, const struct entry_limits *limits) {
	size_t count = actor->parent_count < limits->parents ? actor->parent_count : limits->parents;
	json_t *list = count == 0 ? NULL : json_array();
	for (size_t i = 0; list != NULL && i < count; i++)
		if (json_array_append_new(list, parent_json(&actor->parents[i], names, limits)) < 0) {
			json_decref(list);
			return -ENOMEM;
		}
	int error = list == NULL ? 0 : json_object_set_new(process, "parents", list);
	if (actor->parents_told > count)
		error |= json_object_set_new(process, "parents_count", json_integer((json_int_t)actor->parents_told));
	return error != 0 ? -ENOMEM : 0;
}

static int put_process_identity(json_t *process, const struct record_accessor *record) {
	char start[40], entity[48];
	int error = json_object_set_new(process, "pid", json_integer(record->pid));
	if (record->start_us > 0) {
		time_format_utc(record->start_us, start, sizeof start);
		(void)snprintf(entity, sizeof entity, "%" PRIu32 "-%" PRId64, record->pid, record->start_us);
		error |= json_object_set_new(process, "start", json_string(start));
		error |= json_object_set_new(process, "entity_id", json_string(entity));
	}
	return error != 0 ? -ENOMEM : 0;
}

static json_t *process_json(
    const struct actor *actor, const struct user_names *names, const struct entry_limits *limits) {
	const struct record_accessor *record = &actor->record;
	json_t *process = json_object();
	if (process == NULL)
		return NULL;
	int error = put_process_identity(process, record);
	if (error == 0 && record->executable.length > 0)
		error = entry_put_cut(process, "executable", record->executable, limits->executable);
	if (record->executable_inode != 0) {
		error |= entry_put_id(process, "executable_device", record->executable_device);
		error |= entry_put_id(process, "executable_inode", record->executable_inode);
	}
	error |= put_text(process, "name", record->command);
	error |= put_arguments(process, record, limits->arguments);
	if (record->command.length > 0 || record->arguments.length > 0)
		error |= json_object_set_new(process, "claims", json_pack("[s, s]", "name", "command_line"));
	if (record->real_user != NOBODY_ID)
		error |= put_user_under(process, "real_user", names, record->real_user);
	error |= put_parents(process, actor, names, limits);
	if (error != 0) {
		json_decref(process);
		return NULL;
	}
	return process;
}

static const char *part_name(uint8_t part) {
	static const char *const names[] = {"other", "recorder", "allowed", "own"};
	return part < ARRAY_LENGTH(names) ? names[part] : "other";
}

/* What the Elastic Common Schema has no place for. */
static json_t *actor_json(
    const struct actor *actor, const struct user_names *names, const struct entry_limits *limits) {
	const struct record_accessor *record = &actor->record;
	json_t *object = json_pack("{s:s, s:b}", "part", part_name(record->part), "reliable", (int)(record->reliable != 0));
	if (object == NULL)
		return NULL;
	int error = 0;
	const char *login = names == NULL ? NULL : user_names_find(names, record->login_user);
	if (record->kernel != 0)
		error |= json_object_set_new(object, "kernel", json_true());
	if (record->login_user != NOBODY_ID)
		error |= entry_put_id(object, "login_uid", record->login_user);
	if (record->login_user != NOBODY_ID && login != NULL)
		error |= audit_set_bytes(object, "login_name", text_of(login));
	if (record->session != NOBODY_ID)
		error |= entry_put_id(object, "session_id", record->session);
	error |= limits->cgroup == 0 ? 0 : put_text(object, "groups", record->groups);
	error |= put_text(object, "tty", record->terminal);
	if (record->unit.length > 0)
		error |= entry_put_cut(object, "unit", record->unit, limits->executable);
	if (record->cgroup.length > 0 && limits->cgroup > 0)
		error |= entry_put_cut(object, "cgroup", record->cgroup, limits->cgroup);
	if (record->mount_namespace != 0)
		error |= entry_put_id(object, "mount_namespace", record->mount_namespace);
	if (record->foreign_namespace != 0)
		error |= json_object_set_new(object, "foreign_namespace", json_true());
	if (record->remotes > 1)
		error |= json_object_set_new(object, "clients", json_integer(record->remotes));
	if (error != 0) {
		json_decref(object);
		return NULL;
	}
	return object;
}

static int put_remote(json_t *details, const struct record_accessor *record) {
	int error = 0;
	if (record->remote_address.length > 0) {
		json_t *source = json_object();
		error |= source == NULL ? -ENOMEM : audit_set_bytes(source, "ip", record->remote_address);
		if (record->remote_port != 0)
			error |= json_object_set_new(source, "port", json_integer(record->remote_port));
		error |= json_object_set_new(details, "source", source);
	}
	if (record->protocol.length > 0) {
		json_t *network = json_object();
		error |= network == NULL ? -ENOMEM : audit_set_bytes(network, "protocol", record->protocol);
		error |= json_object_set_new(details, "network", network);
	}
	return error != 0 ? -ENOMEM : 0;
}

int actor_put(
    const struct actor *actor, const struct user_names *names, const struct entry_limits *limits, json_t *details) {
	int error = 0;
	bool known = actor->record.pid != 0 || actor->record.kernel != 0;
	if (known) {
		/* A file server in the kernel acts for users that it does not tell; who was gone had one that nobody saw. */
		if (actor->record.kernel == 0 && actor->record.filesystem_user != NOBODY_ID)
			error |= json_object_set_new(details, "user", user_json(actor, names));
		error |= json_object_set_new(details, "process", process_json(actor, names, limits));
	}
	error |= json_object_set_new(details, "actor", actor_json(actor, names, limits));
	return error != 0 ? -ENOMEM : put_remote(details, &actor->record);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "holds.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "audit/sha256.h"
#include "base/array.h"
#include "base/log.h"
#include "base/zone.h"
#include "deletion.h"
#include "expiry.h"
#include "index.h"
#include "keeper.h"
#include "media.h"
#include "record.h"
#include "state.h"
#include "timekeeping.h"

/* The merged intervals of one camera, made when first asked for and thrown away when a hold changes. */
struct camera_holds {
	char *camera; /* "root/camera" */
	struct hold_set set;
	struct camera_holds *next;
};

enum { CAMERA_BUCKETS = 64, FACTS_AT_ONCE = 256 };

struct holds {
	struct hold *list;
	size_t count;
	size_t room;
	struct camera_holds *buckets[CAMERA_BUCKETS];
};

static size_t bucket_of(const char *camera) {
	size_t hash = 5381;
	for (; *camera != '\0'; camera++)
		hash = hash * 33 + (unsigned char)*camera;
	return hash % CAMERA_BUCKETS;
}

static void forget_sets(struct holds *holds) {
	for (size_t i = 0; i < CAMERA_BUCKETS; i++) {
		while (holds->buckets[i] != NULL) {
			struct camera_holds *camera = holds->buckets[i];
			holds->buckets[i] = camera->next;
			hold_set_release(&camera->set);
			free(camera->camera);
			free(camera);
		}
	}
}

static int append_copy(struct holds *holds, const struct hold *hold) {
	if (!array_room(&holds->list, &holds->room, holds->count, sizeof *holds->list))
		return -ENOMEM;
	int error = hold_copy(&holds->list[holds->count], hold);
	if (error == 0)
		holds->count++;
	return error;
}

static int load_one(const struct hold *hold, void *context) {
	return append_copy(context, hold);
}

static json_t *camera_names(const struct hold *hold) {
	json_t *names = json_array();
	for (size_t i = 0; i < hold->camera_count; i++) {
		json_t *holder = json_object();
		if (audit_set_bytes(holder, "name", text_of(hold->cameras[i])) == 0)
			(void)json_array_append(names, json_object_get(holder, "name"));
		json_decref(holder);
	}
	return names;
}

/* What the log says of a hold: enough to restore it by replay. The note stays out; its salted hash is in. */
static json_t *hold_details(const struct hold *hold) {
	char from[40];
	char to[40];
	char review[40];
	time_format_utc(hold->from_us, from, sizeof from);
	time_format_utc(hold->to_us, to, sizeof to);
	time_format_utc(hold->review_us, review, sizeof review);
	json_t *object = json_pack("{s:s, s:s, s:s, s:b, s:o, s:s, s:s, s:I, s:I, s:I, s:I, s:s, s:s, s:b, s:s, s:I}", "id",
	    hold->id, "kind", hold_kind_name(hold->kind), "state", hold_state_name(hold->state), "all_cameras",
	    (int)hold->all_cameras, "cameras", camera_names(hold), "from", from, "to", to, "from_us",
	    (json_int_t)hold->from_us, "to_us", (json_int_t)hold->to_us, "pre_roll_us", (json_int_t)hold->pre_roll_us,
	    "post_roll_us", (json_int_t)hold->post_roll_us, "reason", hold->reason, "case", hold->case_reference,
	    "case_pending", (int)hold->case_pending, "review", review, "review_us", (json_int_t)hold->review_us);
	if (object == NULL)
		return NULL;
	if (hold->note != NULL) {
		struct sha256_part parts[] = {{hold->note_salt, strlen(hold->note_salt)}, {hold->note, strlen(hold->note)}};
		uint8_t digest[32];
		char hex[65];
		sha256_parts(parts, ARRAY_LENGTH(parts), digest);
		for (size_t i = 0; i < sizeof digest; i++)
			(void)snprintf(hex + 2 * i, 3, "%02x", digest[i]);
		(void)json_object_set_new(object, "note_sha256", json_string(hex));
	}
	if (hold->late)
		(void)json_object_set_new(object, "late", json_true());
	if (hold->release_at_us != 0)
		(void)json_object_set_new(object, "release_at_us", json_integer(hold->release_at_us));
	if (hold->single_person)
		(void)json_object_set_new(object, "single_person", json_true());
	return object;
}

static json_t *actor_json(const struct audit_actor *actor) {
	return json_pack("{s:I, s:s?, s:I, s:s?}", "user_id", (json_int_t)actor->user_id, "user_name", actor->user_name,
	    "pid", (json_int_t)actor->pid, "role", actor->role);
}

static void actor_from_json(const json_t *object, struct audit_actor *actor) {
	*actor = (struct audit_actor){
	    .is_set = json_is_object(object),
	    .user_id = json_integer_value(json_object_get(object, "user_id")),
	    .user_name = json_string_value(json_object_get(object, "user_name")),
	    .pid = json_integer_value(json_object_get(object, "pid")),
	    .role = json_string_value(json_object_get(object, "role")),
	};
}

/* Writes an outbox row's entry and clears the row; a row whose entry cannot be written stays for the next try. */
static int deliver(struct keeper *keeper, int64_t outbox, enum audit_action action, const char *details) {
	json_t *stored = json_loads(details, 0, NULL);
	struct audit_actor actor;
	actor_from_json(json_object_get(stored, "actor"), &actor);
	json_t *entry = json_pack("{s:O, s:I}", "hold", json_object_get(stored, "hold"), "outbox", (json_int_t)outbox);
	int error = entry == NULL ? -EUCLEAN : 0;
	if (error == 0)
		error = record_append(keeper, action, AUDIT_SUCCESS, NULL, actor.is_set ? &actor : NULL, entry, NULL);
	json_decref(stored);
	if (error == 0)
		error = record_durable(keeper);
	if (error == 0)
		error = state_outbox_remove(keeper->state, outbox);
	record_publish_soon(keeper);
	return error;
}

/* A row that a crash or a full disk left: its entry may be in the log already. */
struct leftover {
	int64_t outbox;
	int action;
	uint64_t log_size;
	char *details;
};
struct leftovers {
	struct leftover rows[64];
	size_t count;
};

static int collect_leftover(int64_t outbox, int action, const char *details, uint64_t log_size, void *context) {
	struct leftovers *leftovers = context;
	if (leftovers->count == ARRAY_LENGTH(leftovers->rows))
		return 0;
	char *copy = strdup(details);
	if (copy == NULL)
		return -ENOMEM;
	leftovers->rows[leftovers->count++] = (struct leftover){outbox, action, log_size, copy};
	return 0;
}

static int deliver_leftovers(struct keeper *keeper) {
	struct leftovers leftovers = {.count = 0};
	int error = state_outbox(keeper->state, collect_leftover, &leftovers);
	for (size_t i = 0; i < leftovers.count; i++) {
		const struct leftover *row = &leftovers.rows[i];
		if (error == 0) {
			int written = record_contains(keeper, row->log_size, (enum audit_action)row->action, "outbox", row->outbox);
			if (written == 0)
				error = deliver(keeper, row->outbox, (enum audit_action)row->action, row->details);
			else
				error = written < 0 ? written : state_outbox_remove(keeper->state, row->outbox);
		}
		free(row->details);
	}
	return error;
}

int holds_open(struct keeper *keeper, struct holds **ret_holds) {
	struct holds *holds = calloc(1, sizeof *holds);
	if (holds == NULL)
		return -ENOMEM;
	int error = state_holds(keeper->state, load_one, holds);
	if (error != 0) {
		(void)holds_close(holds);
		return error;
	}
	error = deliver_leftovers(keeper);
	if (error != 0)
		log_warning_errno(error, "entries about holds wait for the audit log; they are written as soon as it can be");
	*ret_holds = holds;
	return 0;
}

struct holds *holds_close(struct holds *holds) {
	if (holds != NULL) {
		forget_sets(holds);
		for (size_t i = 0; i < holds->count; i++)
			hold_release(&holds->list[i]);
		free(holds->list);
		free(holds);
	}
	return NULL;
}

size_t holds_count(const struct keeper *keeper) {
	return keeper->holds->count;
}

const struct hold *holds_get(const struct keeper *keeper, size_t number) {
	return number < keeper->holds->count ? &keeper->holds->list[number] : NULL;
}

static struct hold *find(struct holds *holds, const char *id) {
	for (size_t i = 0; i < holds->count; i++)
		if (strcmp(holds->list[i].id, id) == 0)
			return &holds->list[i];
	return NULL;
}

const struct hold *holds_find(const struct keeper *keeper, const char *id) {
	return find(keeper->holds, id);
}

static bool names_camera(const struct hold *hold, const char *camera) {
	if (hold->all_cameras)
		return true;
	for (size_t i = 0; i < hold->camera_count; i++)
		if (strcmp(hold->cameras[i], camera) == 0)
			return true;
	return false;
}

static struct camera_holds *make_set(struct holds *holds, const char *camera) {
	struct camera_holds *made = calloc(1, sizeof *made);
	if (made == NULL)
		return NULL;
	made->camera = strdup(camera);
	hold_set_init(&made->set);
	bool whole = made->camera != NULL;
	for (size_t i = 0; whole && i < holds->count; i++)
		if (hold_in_force(&holds->list[i]) && names_camera(&holds->list[i], camera))
			whole = hold_set_add(&made->set, hold_span(&holds->list[i])) == 0;
	if (!whole) {
		hold_set_release(&made->set);
		free(made->camera);
		free(made);
		return NULL;
	}
	hold_set_merge(&made->set);
	size_t bucket = bucket_of(camera);
	made->next = holds->buckets[bucket];
	holds->buckets[bucket] = made;
	return made;
}

/* When memory is short everything counts as held: footage is kept. */
static const struct span everything = {INT64_MIN, INT64_MAX};
static const struct hold_set all_held = {.spans = (struct span *)&everything, .count = 1, .merged = true};

const struct hold_set *holds_for_camera(struct keeper *keeper, const char *root, const char *camera) {
	char name[2 * CAMERA_BYTES_MAX + 2];
	if ((size_t)snprintf(name, sizeof name, "%s/%s", root, camera) >= sizeof name)
		return &all_held;
	struct camera_holds *known = keeper->holds->buckets[bucket_of(name)];
	while (known != NULL && strcmp(known->camera, name) != 0)
		known = known->next;
	if (known == NULL)
		known = make_set(keeper->holds, name);
	return known == NULL ? &all_held : &known->set;
}

bool holds_touch(struct keeper *keeper, const char *root, const char *camera, int64_t start_us, int64_t end_us) {
	return hold_set_touches(holds_for_camera(keeper, root, camera), start_us, end_us);
}

void holds_naming(
    struct keeper *keeper, const char *root, const char *camera, struct span span, char *text, size_t room) {
	char name[2 * CAMERA_BYTES_MAX + 2];
	(void)snprintf(name, sizeof name, "%s/%s", root, camera);
	size_t used = 0;
	text[0] = '\0';
	for (size_t i = 0; i < keeper->holds->count; i++) {
		const struct hold *hold = &keeper->holds->list[i];
		struct span held = hold_span(hold);
		if (!hold_in_force(hold) || !names_camera(hold, name) || held.from_us >= span.to_us ||
		    held.to_us <= span.from_us)
			continue;
		int written = snprintf(text + used, room - used, "%s%s", used > 0 ? ", " : "", hold->id);
		if (written < 0 || (size_t)written >= room - used)
			return;
		used += (size_t)written;
	}
}

/* state.db with its outbox row: the hold is durable when this returns 0. */
static int commit(struct keeper *keeper, const struct hold *hold, enum audit_action action,
    const struct audit_actor *actor, int64_t *ret_outbox, char **ret_details) {
	json_t *stored =
	    json_pack("{s:o, s:o}", "hold", hold_details(hold), "actor", actor == NULL ? json_null() : actor_json(actor));
	char *details = stored == NULL ? NULL : json_dumps(stored, JSON_COMPACT);
	json_decref(stored);
	if (details == NULL)
		return -ENOMEM;
	int error =
	    state_hold_put(keeper->state, hold, (int)action, details, audit_writer_size(record_writer(keeper)), ret_outbox);
	if (error != 0) {
		free(details);
		return error;
	}
	*ret_details = details;
	return 0;
}

/* Writes the entry of a committed change. A log that cannot be written does not undo the hold: the row waits in the
 * outbox. */
static void tell(struct keeper *keeper, int64_t outbox, enum audit_action action, char *details) {
	int error = deliver(keeper, outbox, action, details);
	if (error != 0)
		log_warning_errno(error, "the entry about a hold waits for the audit log; the hold is in force");
	free(details);
}

/* What a hold covers is read before anything else that waits. */
static int want_facts(const struct segment_row *row, void *context) {
	if (!row->probed)
		(void)media_want(context, &row->key, MEDIA_HELD);
	return 0;
}

struct covering {
	struct keeper *keeper;
	const struct hold *hold;
};

static int want_camera_facts(const struct camera_row *camera, void *context) {
	const struct covering *covering = context;
	struct keeper *keeper = covering->keeper;
	struct span span = hold_span(covering->hold);
	char name[2 * CAMERA_BYTES_MAX + 2];
	(void)snprintf(name, sizeof name, "%s/%s", camera->root_name, camera->name);
	if (!names_camera(covering->hold, name))
		return 0;
	int64_t from_us = span.from_us - index_longest_us(keeper->index, camera->id);
	return index_range(keeper->index, camera->id, from_us, span.to_us, FACTS_AT_ONCE, want_facts, keeper);
}

struct placing {
	char id[HOLD_ID_BYTES];
	holds_done done;
	void *context;
};

static void on_stopped(struct keeper *keeper, size_t in_doubt, void *context) {
	struct placing *placing = context;
	placing->done(keeper, 0, holds_find(keeper, placing->id), in_doubt, placing->context);
	free(placing);
}

static int give_id(struct keeper *keeper, struct hold *hold) {
	int64_t number = 0;
	int error = state_hold_next_number(keeper->state, &number);
	if (error != 0)
		return error;
	int32_t year = 1970;
	int32_t month = 1;
	int32_t day = 1;
	calendar_date(hold->placed_us / US_PER_DAY, &year, &month, &day);
	(void)snprintf(hold->id, sizeof hold->id, "H-%04d-%04lld", (int)year % 10000, (long long)number % 100000000);
	return 0;
}

void holds_place(
    struct keeper *keeper, struct hold *hold, const struct audit_actor *actor, holds_done done, void *context) {
	struct placing *placing = calloc(1, sizeof *placing);
	int64_t outbox = 0;
	char *details = NULL;
	int error = placing == NULL ? -ENOMEM : give_id(keeper, hold);
	if (error == 0)
		error = append_copy(keeper->holds, hold);
	if (error == 0) {
		error = commit(keeper, hold, AUDIT_HOLD_PLACED, actor, &outbox, &details);
		if (error != 0)
			hold_release(&keeper->holds->list[--keeper->holds->count]);
	}
	if (error != 0) {
		free(placing);
		done(keeper, error, NULL, 0, context);
		return;
	}
	forget_sets(keeper->holds);
	*placing = (struct placing){.done = done, .context = context};
	memcpy(placing->id, hold->id, sizeof placing->id);
	tell(keeper, outbox, AUDIT_HOLD_PLACED, details);
	struct covering covering = {keeper, hold};
	if (index_cameras(keeper->index, want_camera_facts, &covering) < 0)
		log_warning("what hold '%s' covers is read when its turn comes", hold->id);
	deletion_stop_for_hold(keeper, on_stopped, placing);
}

static int change(
    struct keeper *keeper, const struct hold *hold, enum audit_action action, const struct audit_actor *actor) {
	struct hold *mine = find(keeper->holds, hold->id);
	if (mine == NULL)
		return -ENOENT;
	struct hold copy;
	int error = hold_copy(&copy, hold);
	if (error != 0)
		return error;
	int64_t outbox = 0;
	char *details = NULL;
	error = commit(keeper, &copy, action, actor, &outbox, &details);
	if (error != 0) {
		hold_release(&copy);
		return error;
	}
	hold_release(mine);
	*mine = copy;
	forget_sets(keeper->holds);
	tell(keeper, outbox, action, details);
	return 0;
}

/* Deletions in flight that the wider hold touches are stopped; nobody waits for it here, since the earlier part was
 * safe already. */
static void nobody_waits(struct keeper *keeper, size_t in_doubt, void *context) {
	(void)keeper;
	(void)in_doubt;
	(void)context;
}

int holds_change(struct keeper *keeper, const struct hold *hold, const struct audit_actor *actor) {
	int error = change(keeper, hold, AUDIT_HOLD_CHANGED, actor);
	if (error == 0)
		deletion_stop_for_hold(keeper, nobody_waits, NULL);
	return error;
}

int holds_release_ask(
    struct keeper *keeper, const char *id, const struct audit_actor *actor, int64_t *ret_release_at_us) {
	const struct hold *known = holds_find(keeper, id);
	if (known == NULL)
		return -ENOENT;
	if (known->state == HOLD_RELEASED)
		return -EALREADY;
	struct hold asked;
	int error = hold_copy(&asked, known);
	if (error != 0)
		return error;
	asked.state = HOLD_RELEASE_PENDING;
	asked.single_person = true;
	asked.release_at_us = duration_add(clock_wall_us(), &keeper->settings->holds.release_delay, zone_shared("UTC"));
	error = change(keeper, &asked, AUDIT_HOLD_RELEASE_ASKED, actor);
	if (error == 0)
		*ret_release_at_us = asked.release_at_us;
	hold_release(&asked);
	if (error == 0)
		holds_tick(keeper); /* without a delay its time has come already */
	return error;
}

void holds_tick(struct keeper *keeper) {
	if (record_writable(keeper)) {
		int error = deliver_leftovers(keeper);
		if (error != 0)
			log_warning_errno(error, "entries about holds wait for the audit log");
	}
	int64_t now_us = timekeeping_trusted_us(keeper);
	for (size_t i = 0; now_us != 0 && i < keeper->holds->count; i++) {
		const struct hold *hold = &keeper->holds->list[i];
		if (hold->state != HOLD_RELEASE_PENDING || hold->release_at_us > now_us)
			continue;
		struct hold ended;
		if (hold_copy(&ended, hold) != 0)
			return;
		ended.state = HOLD_RELEASED;
		ended.released_us = now_us;
		int error = change(keeper, &ended, AUDIT_HOLD_RELEASED, NULL);
		if (error != 0)
			log_warning_errno(error, "hold '%s' could not be released; it stays in force", ended.id);
		else
			expiry_soon(keeper);
		hold_release(&ended);
	}
}

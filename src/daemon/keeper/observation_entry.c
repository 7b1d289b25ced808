/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Entries about opens. */
#include "observation_entry.h"

#include <errno.h>
#include <string.h>

enum audit_action observed_action(const struct joined_row *row) {
	if (row->what == ACCESS_DENIED)
		return AUDIT_OPEN_DENIED;
	return row->what == ACCESS_FOUND_OPEN ? AUDIT_OPEN_BEFORE : AUDIT_OPEN;
}

static json_t *file_json(const struct joined_row *row, const struct entry_limits *limits) {
	json_t *file = json_object();
	if (file == NULL)
		return NULL;
	int error = 0;
	if (row->path_length > 0)
		error |=
		    entry_put_cut(file, "path", (struct text){.data = row->path, .length = row->path_length}, limits->path);
	error |= entry_put_id(file, "inode", row->inode);
	error |= json_object_set_new(file, "size", json_integer((json_int_t)row->size));
	if (row->foreign)
		error |= json_object_set_new(file, "foreign", json_true());
	if (error == 0)
		return file;
	json_decref(file);
	return NULL;
}

static int put_footage(json_t *details, struct span footage) {
	json_t *object = json_object();
	if (object == NULL)
		return -ENOMEM;
	int error = entry_put_time(object, "from", footage.from_us);
	error |= entry_put_time(object, "to", footage.to_us);
	return json_object_set_new(details, "footage", object) | error;
}

static int put_holds(json_t *details, const char *holds) {
	json_t *list = json_array();
	int error = json_object_set_new(details, "held", json_true());
	while (list != NULL && *holds != '\0') {
		size_t length = strcspn(holds, ",");
		error |= json_array_append_new(list, json_stringn(holds, length));
		holds += length + (holds[length] == ',' ? 1 : 0);
	}
	return json_object_set_new(details, "holds", list) | error;
}

/* How often, from when to when, and how well it was seen. */
static json_t *recorder_json(const struct joined_row *row) {
	json_t *object = json_pack("{s:I}", "count", (json_int_t)row->count);
	if (object == NULL)
		return NULL;
	int error = entry_put_time(object, "first", row->first_us);
	error |= entry_put_time(object, "last", row->last_us);
	error |= json_object_set_new(object, "files", json_integer((json_int_t)row->files));
	if (row->files_at_least)
		error |= json_object_set_new(object, "files_at_least", json_true());
	error |= json_object_set_new(object, "bytes", json_integer((json_int_t)row->bytes));
	error |= json_object_set_new(object, "joined", json_boolean(row->joined));
	if (row->what == ACCESS_EXECUTED)
		error |= json_object_set_new(object, "executed", json_true());
	error |= json_object_set_new(object, "reliable", json_boolean(row->actor->record.reliable != 0));
	error |= json_object_set_new(object, "level", json_string(guard_level_name(row->level)));
	if (error == 0)
		return object;
	json_decref(object);
	return NULL;
}

static json_t *details_cut(
    const struct joined_row *row, const struct user_names *names, const struct entry_limits *limits) {
	json_t *details = json_object();
	if (details == NULL)
		return NULL;
	int error = audit_set_bytes(details, "camera", (struct text){.data = row->camera, .length = row->camera_length});
	error |= audit_set_bytes(details, "root", text_of(row->root));
	error |= json_object_set_new(details, "file", file_json(row, limits));
	if (row->footage.to_us != 0)
		error |= put_footage(details, row->footage);
	if (row->held)
		error |= put_holds(details, row->holds);
	error |= json_object_set_new(details, "recorder", recorder_json(row));
	error |= actor_put(row->actor, names, limits, details);
	/* More than one connection of the same client: the port of the first is not that of all. */
	if (row->ports_differ)
		(void)json_object_del(json_object_get(details, "source"), "port");
	if (error == 0)
		return details;
	json_decref(details);
	return NULL;
}

json_t *observed_details(const struct joined_row *row, const struct user_names *names) {
	json_t *details = NULL;
	for (size_t step = 0; step < ENTRY_LIMIT_STEPS; step++) {
		json_decref(details);
		details = details_cut(row, names, &entry_limits[step]);
		if (details == NULL || entry_bytes(details) <= ENTRY_DETAILS_BYTES)
			break;
	}
	return details;
}

int culprit_put(const struct culprit *culprit, const struct user_names *names, json_t *details) {
	static const char *const whats[] = {"deleted", "renamed-away", "renamed-to", "written"};
	json_t *alteration =
	    json_pack("{s:s}", "what", culprit->what < ARRAY_LENGTH(whats) ? whats[culprit->what] : "unknown");
	int error = alteration == NULL ? -ENOMEM : entry_put_time(alteration, "at", culprit->at_us);
	error |= json_object_set_new(details, "alteration", alteration);
	if (error != 0)
		return -ENOMEM;
	/* A list of segments stands beside it, so it is kept short from the start. */
	if (culprit->actor != NULL)
		return actor_put(culprit->actor, names, &entry_limits[1], details);
	if (culprit->pid != 0)
		error |= json_object_set_new(details, "process", json_pack("{s:I}", "pid", (json_int_t)culprit->pid));
	error |= json_object_set_new(details, "actor", json_pack("{s:b}", "reliable", 0));
	return error != 0 ? -ENOMEM : 0;
}

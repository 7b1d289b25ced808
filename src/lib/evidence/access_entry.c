/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "evidence/access_entry.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "evidence/fields.h"

static void person_read(const json_t *entry, struct access *access) {
	const char *name = field_text_at(entry, "user.name"), *id = field_text_at(entry, "user.id");
	const json_t *number = field_at(entry, "user.id");
	if (name[0] != '\0')
		(void)snprintf(access->person, sizeof access->person, "%.150s", name);
	else if (id[0] != '\0' && strcmp(id, "4294967295") != 0)
		(void)snprintf(access->person, sizeof access->person, "user %.150s", id);
	else if (json_is_integer(number))
		(void)snprintf(access->person, sizeof access->person, "user %" PRId64, (int64_t)json_integer_value(number));
	else
		(void)snprintf(access->person, sizeof access->person, "(not known)");
}

/* "camera": a name or a list, in the entry, in a request's parameters, or in a report. */
static void camera_read(const json_t *entry, struct access *access) {
	static const char *const places[] = {"camera", "request.params.camera", "report.cameras", "query.camera"};
	access->camera[0] = '\0';
	for (size_t i = 0; i < ARRAY_LENGTH(places) && access->camera[0] == '\0'; i++) {
		const json_t *found = field_at(entry, places[i]);
		const json_t *first = json_is_array(found) ? json_array_get(found, 0) : found;
		if (json_is_array(found) && json_array_size(found) > 1)
			(void)snprintf(access->camera, sizeof access->camera, "(several)");
		else if (json_is_string(first))
			(void)snprintf(access->camera, sizeof access->camera, "%s", json_string_value(first));
	}
}

static const char *first_text(const json_t *entry, const char *const *places, size_t count) {
	for (size_t i = 0; i < count; i++)
		if (field_text_at(entry, places[i])[0] != '\0')
			return field_text_at(entry, places[i]);
	return "";
}

static bool kind_read(const json_t *entry, struct access *access) {
	static const struct {
		enum audit_action action;
		enum access_kind kind;
		bool of_footage;
	} kinds[] = {
	    {AUDIT_OPEN, ACCESS_KIND_OPEN, true},
	    {AUDIT_FOOTAGE_OPENED, ACCESS_KIND_OPEN, true},
	    {AUDIT_OPEN_BEFORE, ACCESS_KIND_BEFORE, true},
	    {AUDIT_OPEN_DENIED, ACCESS_KIND_DENIED, true},
	    {AUDIT_REQUEST_DENIED, ACCESS_KIND_DENIED, false},
	    {AUDIT_REQUEST, ACCESS_KIND_REQUEST, false},
	    {AUDIT_LOG_READ, ACCESS_KIND_REQUEST, false},
	    {AUDIT_REPORT, ACCESS_KIND_REQUEST, false},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
		if (!entry_is(entry, kinds[i].action))
			continue;
		access->kind = kinds[i].kind;
		access->of_footage = kinds[i].of_footage;
		return true;
	}
	return false;
}

bool access_read(const json_t *entry, struct access *ret_access) {
	static const char *const purposes[] = {"purpose", "request.params.purpose", "report.purpose", "query.purpose"};
	static const char *const methods[] = {"request.method", "report.kind", "query.command"};
	struct access access = {.sequence = entry_sequence(entry)};
	if (!kind_read(entry, &access))
		return false;
	const json_t *counted = json_object_get(entry, "recorder");
	int64_t count = field_number(counted, "count"), more = field_number(json_object_get(entry, "request"), "count");
	access.count = count > 0 ? (uint64_t)count : more > 0 ? (uint64_t)more : 1;
	access.bytes = (uint64_t)field_number(counted, "bytes");
	access.first_us = field_number(counted, "first_us") != 0 ? field_number(counted, "first_us") : entry_time_us(entry);
	access.last_us = field_number(counted, "last_us") != 0 ? field_number(counted, "last_us") : access.first_us;
	access.purpose = first_text(entry, purposes, ARRAY_LENGTH(purposes));
	access.method = first_text(entry, methods, ARRAY_LENGTH(methods));
	access.program = field_text_at(entry, "process.executable");
	access.address = field_text_at(entry, "source.ip");
	access.protocol = field_text_at(entry, "network.protocol");
	access.recorder = strcmp(field_text_at(entry, "actor.part"), "recorder") == 0 && access.address[0] == '\0';
	access.held = json_is_true(json_object_get(entry, "held"));
	access.reliable = !access.of_footage || json_is_true(field_at(entry, "actor.reliable")) ||
	                  json_object_get(entry, "actor") == NULL;
	access.footage_from_us = field_number(json_object_get(entry, "footage"), "from_us");
	access.footage_to_us = field_number(json_object_get(entry, "footage"), "to_us");
	person_read(entry, &access);
	camera_read(entry, &access);
	*ret_access = access;
	return true;
}

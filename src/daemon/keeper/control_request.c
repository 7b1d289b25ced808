/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calls of the control socket: finding the method, asking for the role, answering, recording.
 *
 * A request belongs to whoever will answer it, from its call until request_reply() or
 * request_fail(); a client that goes meanwhile leaves it behind without a client, and the answer is
 * dropped.
 */
#include "control_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access.h"
#include "keeper.h"

static const struct control_method *const METHOD_TABLES[] = {methods_status, methods_footage, methods_hold,
    methods_deletion, methods_log, methods_admin, methods_key, methods_report, methods_witness};

static struct request *request_new(struct client *client, struct protocol_call *call) {
	struct control *control = client->control;
	struct request *request = calloc(1, sizeof(*request));
	if (!request)
		return NULL;
	request->control = control;
	request->client = client;
	request->id = json_incref(call->id);
	request->params = json_incref(call->params);
	memcpy(request->method, call->method, sizeof(request->method));
	request->roles = peer_roles(&client->peer, control->keeper->settings, control->keeper->trial);
	request->user = client->peer.user;
	request->pid = client->peer.pid;
	request->next = control->requests;
	request->previous = &control->requests;
	if (request->next)
		request->next->previous = &request->next;
	control->requests = request;
	control->request_count++;
	return request;
}

static void request_free(struct request *request) {
	if (request->control) {
		*request->previous = request->next;
		if (request->next)
			request->next->previous = request->previous;
		request->control->request_count--;
	}
	json_decref(request->id);
	json_decref(request->params);
	free(request);
}

void request_actor(const struct request *request, struct audit_actor *ret_actor) {
	*ret_actor = (struct audit_actor){.is_set = true, .user_id = request->user, .pid = request->pid};
	ret_actor->user_name = request->control ? user_names_find(request->control->names, request->user) : NULL;
	uint32_t by = request->allowing ? request->roles & request->allowing : request->roles;
	if (request->user == 0)
		ret_actor->role = "root";
	else if (by != 0)
		ret_actor->role = role_name((enum role)__builtin_ctz(by));
}

bool request_has_role(const struct request *request, enum role role) {
	return (request->roles & (1u << role)) != 0;
}

static void request_record(const struct request *request, enum audit_outcome outcome, const char *reason, bool denied) {
	if (request->recorded && outcome == AUDIT_SUCCESS)
		return;
	struct access_request entry = {.method = request->method,
	    .params = request->params,
	    .outcome = outcome,
	    .reason = reason,
	    .denied = denied,
	    .joins = !request->mutates};
	request_actor(request, &entry.actor);
	access_record(request->control->keeper, request->control->access, &entry);
}

void request_reply_descriptors(struct request *request, json_t *result, const int *descriptors, size_t count) {
	if (!request->control) {
		json_decref(result);
		request_free(request);
		return;
	}
	char *line = result ? protocol_result(request->id, result) : NULL;
	json_decref(result);
	if (!line || strlen(line) > CONTROL_REPLY_BYTES_MAX || count > CONTROL_DESCRIPTORS_MAX) {
		const char *why =
		    line ? "the answer is too large; ask for less at a time" : "out of memory, or bytes that are not UTF-8";
		free(line);
		request_fail(request, CONTROL_INTERNAL, "answer", "%s", why);
		return;
	}
	request_record(request, AUDIT_SUCCESS, NULL, false);
	struct client *client = request->client;
	request->client = NULL;
	if (client)
		client_send(client, line, descriptors, count);
	else
		free(line);
	request_free(request);
}

void request_reply(struct request *request, json_t *result) {
	request_reply_descriptors(request, result, NULL, 0);
}

void request_fail(struct request *request, enum control_error code, const char *reason, const char *format, ...) {
	char message[1024];
	va_list arguments;
	va_start(arguments, format);
	(void)vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	if (request->control) {
		request_record(request, AUDIT_FAILURE, reason, code == CONTROL_DENIED);
		struct client *client = request->client;
		request->client = NULL;
		if (client)
			client_send(client, protocol_error(request->id, code, reason, message), NULL, 0);
	}
	request_free(request);
}

void request_recorded(struct request *request) {
	request->recorded = true;
}

bool request_subscribe(struct request *request, const json_t *events) {
	struct client *client = request->client;
	size_t count = json_array_size(events);
	if (!client || count > CONTROL_SUBSCRIPTIONS_MAX)
		return false;
	for (size_t i = 0; i < count; i++)
		if (json_string_length(json_array_get(events, i)) >= CONTROL_SUBSCRIPTION_BYTES ||
		    !json_is_string(json_array_get(events, i)))
			return false;
	for (size_t i = 0; i < count; i++)
		snprintf(
		    client->subscriptions[i], CONTROL_SUBSCRIPTION_BYTES, "%s", json_string_value(json_array_get(events, i)));
	client->subscription_count = count;
	return true;
}

/* ---- from a line to its method ---- */

static const struct control_method *method_find(const char *name) {
	for (size_t table = 0; table < ARRAY_LENGTH(METHOD_TABLES); table++)
		for (const struct control_method *method = METHOD_TABLES[table]; method->name; method++)
			if (strcmp(method->name, name) == 0)
				return method;
	return NULL;
}

static void roles_text(uint32_t roles, char *text, size_t room) {
	size_t used = 0;
	text[0] = '\0';
	for (unsigned role = 0; role < ROLE_COUNT; role++)
		if ((roles == 0 || (roles & (1u << role))) && used < room)
			used +=
			    (size_t)snprintf(text + used, room - used, "%s%s", used > 0 ? ", " : "", role_name((enum role)role));
}

static void request_run(struct request *request, struct keeper *keeper) {
	const struct control_method *method = method_find(request->method);
	if (!method) {
		request_fail(request, CONTROL_NO_METHOD, "unknown_method", "there is no method '%s'", request->method);
		return;
	}
	request->mutates = method->mutates;
	request->allowing = method->roles;
	bool allowed = method->roles ? (request->roles & method->roles) != 0 : request->roles != 0;
	if (!allowed) {
		char roles[128];
		roles_text(method->roles, roles, sizeof(roles));
		request_fail(request, CONTROL_DENIED, "role", "'%s' is for these roles: %s; you are in none of their groups",
		    method->name, roles);
		return;
	}
	method->call(keeper, request, request->params);
}

void request_refuse(struct client *client, const json_t *id, int code, const char *reason, const char *message) {
	struct access_request entry = {.method = "(malformed)", .outcome = AUDIT_FAILURE, .reason = reason, .joins = true};
	entry.actor = (struct audit_actor){.is_set = true,
	    .user_id = client->peer.user,
	    .user_name = user_names_find(client->control->names, client->peer.user),
	    .pid = client->peer.pid};
	access_record(client->control->keeper, client->control->access, &entry);
	client_send(client, protocol_error(id, code, reason, message), NULL, 0);
}

void request_line(struct client *client, struct text line) {
	struct protocol_call call;
	const char *problem = "";
	int error = protocol_parse(line, &call, &problem);
	struct control *control = client->control;
	if (error != 0) {
		request_refuse(client, call.id, error, "malformed", problem);
	} else if (control->request_count >= CONTROL_REQUESTS_MAX) {
		request_refuse(
		    client, call.id, CONTROL_BUSY, "too_many_requests", "256 requests wait for their answers; try again");
		client->closing = true;
	} else {
		struct request *request = request_new(client, &call);
		if (request)
			request_run(request, control->keeper);
		else
			client_break(client);
	}
	protocol_call_release(&call);
}

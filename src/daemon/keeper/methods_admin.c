/* SPDX-License-Identifier: GPL-2.0-or-later */
/* root list, volume list and adopt, clock, config show and reload, rescan. */
#include <string.h>

#include "answer.h"
#include "audit/writer.h"
#include "base/clock.h"
#include "control.h"
#include "ipc/channel.h"
#include "ipc/message.h"
#include "keeper.h"
#include "methods.h"
#include "overview.h"
#include "record.h"
#include "roots.h"
#include "state.h"
#include "timekeeping.h"

static void root_list_call(struct keeper *keeper, struct request *request, const json_t *params) {
	(void)params;
	struct overview overview;
	if (!overview_for_request(keeper, request, clock_wall_us() + US_PER_DAY, &overview))
		return;
	json_t *result = answer_new();
	json_object_set_new(result, "roots", roots_json(keeper, &overview));
	overview_release(&overview);
	request_reply(request, result);
}

/* ---- volumes ---- */

static json_t *volume_json(struct keeper *keeper, const struct root *root) {
	struct volume_row row;
	json_t *object = json_object();
	if (!object)
		return NULL;
	bool known = state_volume_get(keeper->state, root->settings->name, &row) == 0;
	answer_text(object, "root", root->settings->name);
	answer_text(object, "state", root_state_name(root->state));
	answer_text(object, "reason", root->state == ROOT_OFFLINE ? root->reason : NULL);
	answer_text(object, "expected", known ? row.uuid : NULL);
	answer_text(object, "found", root->uuid[0] ? root->uuid : NULL);
	answer_text(object, "filesystem", root->filesystem[0] ? root->filesystem : NULL);
	answer_time(keeper, object, "adopted", known ? row.adopted_us : 0, root->zone);
	json_object_set_new(object, "observe_only", json_boolean(root->observe_only || (known && row.observe_only)));
	return object;
}

static void volume_list_call(struct keeper *keeper, struct request *request, const json_t *params) {
	(void)params;
	json_t *list = json_array();
	for (size_t i = 0; i < roots_count(keeper); i++)
		json_array_append_new(list, volume_json(keeper, roots_get(keeper, i)));
	json_t *result = answer_new();
	json_object_set_new(result, "volumes", list);
	request_reply(request, result);
}

static struct root *param_root(struct keeper *keeper, struct request *request, const json_t *params) {
	const char *name;
	if (!param_text(request, params, "root", true, &name))
		return NULL;
	struct root *root = roots_by_name(keeper, name);
	if (!root)
		request_fail(
		    request, CONTROL_NOT_FOUND, "root", "there is no root '%.100s'; `retentionctl root list` shows them", name);
	return root;
}

static void volume_adopt_call(struct keeper *keeper, struct request *request, const json_t *params) {
	const char *as;
	struct root *root = param_root(keeper, request, params);
	if (!root || !param_text(request, params, "as", true, &as))
		return;
	bool others = strcmp(as, "other") == 0;
	if (!others && strcmp(as, "new") != 0 && strcmp(as, "own") != 0) {
		request_fail(request, CONTROL_PARAMS, "malformed",
		    "'as' must be new (an empty disk), own (this box's footage) or other (another box's: observed only)");
		return;
	}
	int error = param_flag(params, "dry_run") ? 0 : roots_adopt(keeper, root, others);
	if (error < 0) {
		request_fail(request, CONTROL_REFUSED, "adopt", "%s cannot be adopted: %s", root->settings->name,
		    root->reason[0] ? root->reason : strerror(-error));
		return;
	}
	json_t *result = answer_new();
	json_object_set_new(result, "volume", volume_json(keeper, root));
	request_reply(request, result);
}

/* ---- clock ---- */

static void clock_answer(struct keeper *keeper, struct request *request) {
	json_t *result = answer_new();
	json_t *clock = clock_json(keeper);
	const struct clock_state *state = timekeeping_state(keeper);
	answer_time(keeper, result, "now", clock_wall_us(), NULL);
	json_object_update(result, clock);
	json_decref(clock);
	answer_time(keeper, result, "high_water", state->high_water_us, NULL);
	json_object_set_new(result, "unexplained_seconds", json_integer(state->unexplained_us / US_PER_SECOND));
	json_object_set_new(result, "needs_person", json_boolean(state->needs_person));
	request_reply(request, result);
}

static void clock_status_call(struct keeper *keeper, struct request *request, const json_t *params) {
	(void)params;
	clock_answer(keeper, request);
}

static void clock_confirm_call(struct keeper *keeper, struct request *request, const json_t *params) {
	struct audit_actor actor;
	request_actor(request, &actor);
	int error = param_flag(params, "dry_run") ? 0 : timekeeping_confirm(keeper, &actor);
	if (error < 0) {
		request_fail(request, CONTROL_INTERNAL, "not_durable", "the clock was not confirmed: %s", strerror(-error));
		return;
	}
	clock_answer(keeper, request);
}

/* ---- configuration ---- */

static json_t *config_accessors(const struct accessor_settings *accessors, size_t count) {
	json_t *list = json_array();
	for (size_t i = 0; list && i < count; i++) {
		json_t *object = json_object();
		answer_text(object, "exe", accessors[i].executable);
		answer_text(object, "user", accessors[i].user);
		answer_text(object, "unit", accessors[i].unit);
		json_array_append_new(list, object);
	}
	return list;
}

static json_t *config_roots(const struct settings *settings) {
	json_t *list = json_array();
	for (size_t i = 0; list && i < settings->root_count; i++) {
		const struct root_settings *root = &settings->roots[i];
		json_t *object = json_object();
		answer_text(object, "name", root->name);
		answer_text(object, "path", root->path);
		answer_text(object, "layout", root->layout ? root->layout->name : NULL);
		answer_text(object, "timezone", root->timezone);
		answer_text(object, "mode", root->mode == ROOT_ENFORCE ? "enforce" : "observe");
		answer_text(object, "foreign", root->foreign == FOREIGN_EXPIRE ? "expire" : "keep");
		answer_text(object, "vault", root->vault);
		json_object_set_new(object, "recorder", config_accessors(root->recorders, root->recorder_count));
		json_array_append_new(list, object);
	}
	return list;
}

static json_t *config_cameras(const struct settings *settings) {
	json_t *list = json_array();
	for (size_t i = 0; list && i < settings->camera_count; i++) {
		const struct camera_settings *camera = &settings->cameras[i];
		json_t *object = json_object();
		answer_text(object, "camera", camera->camera);
		if (camera->has_retention)
			answer_duration(object, "retention", &camera->retention);
		if (camera->has_legal_maximum)
			answer_duration(object, "legal_maximum", &camera->legal_maximum);
		answer_text(object, "retention_basis", camera->retention_basis);
		json_object_set_new(object, "sound", json_boolean(camera->sound));
		answer_text(object, "sound_basis", camera->sound_basis);
		json_array_append_new(list, object);
	}
	return list;
}

static json_t *config_policy(const struct settings *settings) {
	json_t *object = json_object();
	json_object_set_new(object, "retention", json_null());
	json_object_set_new(object, "legal_maximum", json_null());
	if (settings->has_retention)
		answer_duration(object, "retention", &settings->retention);
	if (settings->has_legal_maximum)
		answer_duration(object, "legal_maximum", &settings->legal_maximum);
	return object;
}

static json_t *config_holds(const struct settings *settings) {
	json_t *object = json_object();
	answer_duration(object, "pre_roll", &settings->holds.pre_roll);
	answer_duration(object, "post_roll", &settings->holds.post_roll);
	answer_duration(object, "review", &settings->holds.review);
	answer_duration(object, "future", &settings->holds.future);
	answer_duration(object, "release_delay", &settings->holds.release_delay);
	json_object_set_new(object, "two_person", json_boolean(settings->holds.two_person));
	answer_text(object, "case_pattern", settings->holds.case_pattern ? settings->holds.case_pattern : "");
	return object;
}

static json_t *config_guard(const struct settings *settings) {
	json_t *object = json_object();
	answer_text(object, "mode", guard_mode_name(settings->guard.mode));
	json_object_set_new(object, "allow", config_accessors(settings->guard.allow, settings->guard.allow_count));
	return object;
}

static json_t *config_log(const struct settings *settings) {
	json_t *object = json_object();
	answer_duration(object, "keep", &settings->log.keep);
	answer_duration(object, "checkpoint", &settings->log.checkpoint);
	answer_duration(object, "rotate", &settings->log.rotate);
	json_object_set_new(object, "syslog", json_boolean(settings->log.syslog));
	return object;
}

static json_t *config_publish(const struct settings *settings) {
	json_t *receivers = json_array(), *witnesses = json_array(), *object = json_object();
	for (size_t i = 0; receivers && i < settings->publish.receiver_count; i++)
		json_array_append_new(receivers, json_string(settings->publish.receivers[i]));
	for (size_t i = 0; witnesses && i < settings->publish.witness_count; i++) {
		json_t *witness = json_object();
		answer_text(witness, "url", settings->publish.witnesses[i].url);
		answer_text(witness, "key", settings->publish.witnesses[i].key);
		json_array_append_new(witnesses, witness);
	}
	json_object_set_new(object, "syslog", receivers);
	json_object_set_new(object, "witnesses", witnesses);
	answer_text(object, "log_origin", settings->publish.origin);
	return object;
}

static json_t *config_roles(const struct settings *settings) {
	json_t *object = json_object();
	for (unsigned role = 0; role < ROLE_COUNT; role++)
		answer_text(object, role_name((enum role)role), settings->role_groups[role]);
	return object;
}

static void config_show_call(struct keeper *keeper, struct request *request, const json_t *params) {
	static const char *const FINGERPRINT[] = {"never", "hold", "seal"};
	(void)params;
	const struct settings *settings = keeper->settings;
	json_t *result = answer_new();
	answer_text(result, "source", settings->source);
	answer_text(result, "state_dir", settings->state_dir);
	answer_text(result, "run_dir", settings->run_dir);
	json_object_set_new(result, "policy", config_policy(settings));
	json_object_set_new(result, "roots", config_roots(settings));
	json_object_set_new(result, "cameras", config_cameras(settings));
	json_object_set_new(result, "holds", config_holds(settings));
	json_t *clock = json_object();
	answer_text(clock, "require", clock_level_name(settings->clock.require));
	answer_duration(clock, "max_jump", &settings->clock.max_jump);
	json_object_set_new(result, "clock", clock);
	json_object_set_new(result, "brake",
	    json_pack(
	        "{s:I, s:I}", "days", (json_int_t)settings->brake.days, "minimum", (json_int_t)settings->brake.minimum));
	json_t *expiry = json_object();
	answer_duration(expiry, "interval", &settings->expiry_interval);
	json_object_set_new(result, "expiry", expiry);
	json_object_set_new(
	    result, "fingerprint", json_string(FINGERPRINT[settings->fingerprint % ARRAY_LENGTH(FINGERPRINT)]));
	json_object_set_new(result, "guard", config_guard(settings));
	json_object_set_new(result, "log", config_log(settings));
	json_object_set_new(result, "publish", config_publish(settings));
	json_object_set_new(result, "roles", config_roles(settings));
	request_reply(request, result);
}

static void config_reload_call(struct keeper *keeper, struct request *request, const json_t *params) {
	(void)params;
	struct message_writer out;
	message_begin(&out, MESSAGE_RELOAD);
	control_await_reload(request);
	channel_send(keeper->supervisor, &out, NULL, 0);
}

/* ---- the rest ---- */

static void rescan_call(struct keeper *keeper, struct request *request, const json_t *params) {
	struct root *root = NULL;
	if (json_object_get(params, "root") && !(root = param_root(keeper, request, params)))
		return;
	json_t *list = json_array();
	for (size_t i = 0; i < roots_count(keeper); i++) {
		struct root *each = roots_get(keeper, i);
		if (root && root != each)
			continue;
		if (!param_flag(params, "dry_run"))
			roots_rescan(keeper, each);
		json_array_append_new(list, json_string(each->settings->name));
	}
	json_t *result = answer_new();
	json_object_set_new(result, "roots", list);
	request_reply(request, result);
}

enum { ADMIN = 1u << ROLE_ADMIN, WATCHERS = ADMIN | 1u << ROLE_AUDITOR };

const struct control_method methods_admin[] = {
    {"root.list", WATCHERS, false, root_list_call},
    {"volume.list", WATCHERS, false, volume_list_call},
    {"volume.adopt", ADMIN, true, volume_adopt_call},
    {"clock.status", WATCHERS, false, clock_status_call},
    {"clock.confirm", ADMIN, true, clock_confirm_call},
    {"config.show", WATCHERS, false, config_show_call},
    {"config.reload", ADMIN, true, config_reload_call},
    {"rescan", ADMIN, true, rescan_call},
    {0},
};

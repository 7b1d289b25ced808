/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * footage explain: why a file is still there and when it goes, or when it went and why. A path that
 * is not in the index any more is read by the layout, and the spans of erased footage answer.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "answer.h"
#include "base/clock.h"
#include "control.h"
#include "domain/retention.h"
#include "domain/segment.h"
#include "expiry.h"
#include "footage.h"
#include "holds.h"
#include "keeper.h"
#include "overview.h"
#include "roots.h"

/* Where a path points to. */
struct place {
	struct root *root;
	const char *path; /* below the root */
};

static struct text folder_of(const char *path, struct text *ret_name) {
	const char *slash = strrchr(path, '/');
	*ret_name = text_of(slash ? slash + 1 : path);
	return slash ? (struct text){.data = path, .length = (size_t)(slash - path)} : text_of("");
}

static int place_find(struct keeper *keeper, const struct place *place, struct segment_row *ret_row) {
	struct text name, folder = folder_of(place->path, &name);
	int64_t id = index_find_folder(keeper->index, place->root->id, folder);
	return id < 0 ? (int)id : index_find(keeper->index, id, name, ret_row);
}

/* An absolute path names its root; a relative one may begin with the root's name or be below any root. */
static size_t places_of(struct keeper *keeper, const char *path, struct place *places, size_t room) {
	size_t count = 0;
	for (size_t i = 0; i < roots_count(keeper) && count < room; i++) {
		struct root *root = roots_get(keeper, i);
		const char *base = path[0] == '/' ? root->settings->path : root->settings->name;
		size_t length = strlen(base);
		if (strncmp(path, base, length) == 0 && path[length] == '/')
			places[count++] = (struct place){.root = root, .path = path + length + 1};
		if (path[0] != '/' && count < room)
			places[count++] = (struct place){.root = root, .path = path};
	}
	return count;
}

/* ---- what is there ---- */

static void source_say(const struct segment_row *row, json_t *because) {
	static const char *const WHERE[] = {
	    [START_FROM_PATH] = "the time is the one in its path",
	    [START_FROM_CONTAINER] = "the time is the one inside the file",
	    [START_FROM_MTIME] = "the time is when it was last written, less its length",
	    [START_FROM_FIRST_SIGHT] = "the time is when it was first seen: nothing else says one",
	};
	if ((size_t)row->source < ARRAY_LENGTH(WHERE))
		answer_say(because, "%s", WHERE[row->source]);
	if (row->time_suspect)
		answer_say(because,
		    "path and container are more than a day apart; the later counts for deletion, the whole of both for holds");
	if (row->fold)
		answer_say(
		    because, "its local hour happened twice when summer time ended; the file's own times told which it was");
	if (row->fold_unsettled)
		answer_say(because, "its local hour happened twice and nothing tells which it was; the later counts");
}

static void rule_say(const struct explanation *explanation, json_t *because) {
	char retention[64] = "", legal[64] = "";
	const struct retention_rule *rule = &explanation->rule;
	if (rule->has_retention)
		duration_format(&rule->retention, retention, sizeof(retention));
	if (rule->has_legal_maximum)
		duration_format(&rule->legal_maximum, legal, sizeof(legal));
	if (explanation->due.bound == DUE_NEVER)
		answer_say(because, "no limit is set for it");
	else if (explanation->due.bound == DUE_BY_RETENTION)
		answer_say(because, "retention %s (%s)%s%s%s", retention, rule->source,
		    legal[0] ? " is shorter than the legal maximum " : "", legal, legal[0] ? " on this date" : "");
	else
		answer_say(because,
		    "the legal maximum %s bounds it (%s)%s%s; it goes one interval before, so as to be gone in time", legal,
		    rule->source, retention[0] ? "; retention is " : "", retention);
	if (rule->basis)
		answer_say(because, "basis: %s", rule->basis);
}

static void sentence_write(
    struct keeper *keeper, const struct explanation *explanation, const struct zone *zone, char *text, size_t room) {
	char moment[48] = "";
	const struct due *due = &explanation->due;
	if (due->bound != DUE_NEVER)
		answer_moment(keeper, due->due_us, zone, moment, sizeof(moment));
	if (due->bound == DUE_NEVER)
		snprintf(text, room, "Kept: no limit is set for it");
	else if (explanation->reason == KEPT_NOT_DUE)
		snprintf(text, room, "Kept until %s, then deleted", moment);
	else if (explanation->reason == KEPT_HELD && due->due_us > clock_wall_us())
		snprintf(text, room, "Kept: a hold covers it; without the hold it would go on %s", moment);
	else if (explanation->reason == KEPT_HELD)
		snprintf(text, room, "Kept: a hold covers it; without the hold it would have gone on %s", moment);
	else if (explanation->reason == KEPT_PENDING)
		snprintf(text, room, "Due since %s: the next pass deletes it", moment);
	else
		snprintf(text, room, "Past its limit since %s and still there: %s", moment,
		    kept_reason_sentence(explanation->reason));
}

static void explain_row(struct keeper *keeper, struct request *request, const struct place *place,
    const struct segment_row *row, const char *sidecar_of) {
	struct camera_row camera;
	int error = index_camera_get(keeper->index, row->key.camera, &camera);
	if (error < 0) {
		answer_index_error(request, error);
		return;
	}
	struct explanation explanation = {0};
	expiry_explain(keeper, row, &camera, &explanation);
	const struct zone *zone = place->root->zone;
	char sentence[512], holds[512] = "";
	sentence_write(keeper, &explanation, zone, sentence, sizeof(sentence));
	json_t *result = answer_new();
	json_t *because = json_array();
	if (sidecar_of)
		answer_say(because, "it belongs to '%s' and goes with it", sidecar_of);
	rule_say(&explanation, because);
	source_say(row, because);
	if (explanation.detail[0])
		answer_say(because, "%s", explanation.detail);
	const struct span span = {
	    .from_us = row->earliest_us != 0 ? row->earliest_us : row->key.start_us, .to_us = footage_end(keeper, row)};
	holds_naming(keeper, camera.root_name, camera.name, span, holds, sizeof(holds));
	json_object_set_new(result, "answer", json_string(sentence));
	json_object_set_new(result, "present", json_true());
	json_object_set_new(result, "reason", json_string(kept_reason_name(explanation.reason)));
	json_object_set_new(result, "because", because);
	answer_text(result, "root", place->root->settings->name);
	json_t *segment = footage_json(keeper, &camera, row);
	json_object_update(result, segment);
	json_decref(segment);
	answer_time(keeper, result, "due", explanation.due.due_us, zone);
	answer_text(result, "holds", holds[0] ? holds : NULL);
	answer_text(result, "start_from", start_source_name(row->source));
	json_object_set_new(result, "rule", overview_rule(&explanation.rule));
	json_object_set_new(result, "sidecars", json_boolean(row->grouped));
	request_reply(request, result);
}

/* ---- what is gone ---- */

struct erased_search {
	struct erased_row row;
	bool found;
};

/* The latest that tells of it: a file may have come and gone more than once. */
static int erased_take(const struct erased_row *row, void *context) {
	struct erased_search *search = context;
	if (!search->found || row->at_us > search->row.at_us)
		search->row = *row;
	search->found = true;
	return 0;
}

static int camera_id_find(const struct camera_row *row, void *context) {
	struct camera_row *wanted = context;
	if (row->root == wanted->root && strcmp(row->name, wanted->name) == 0) {
		*wanted = *row;
		return 1;
	}
	return 0;
}

static bool path_start(const struct place *place, const struct layout_match *match, int64_t *ret_start_us) {
	struct start_evidence evidence = {.path = match->parts,
	    .clock = place->root->settings->layout->clock,
	    .zone = place->root->zone,
	    .now_us = clock_wall_us()};
	struct segment_start start;
	if (!segment_decide_start(&evidence, &start))
		return false;
	*ret_start_us = start.start_us;
	return true;
}

static void explain_gone(struct keeper *keeper, struct request *request, const struct place *place,
    const struct camera_row *camera, int64_t start_us) {
	struct erased_search search = {0};
	char sentence[512], moment[48];
	if (index_erased(keeper->index, camera->id, start_us, start_us + 1, erased_take, &search) < 0)
		search.found = false;
	json_t *result = answer_new();
	json_t *because = json_array();
	answer_text(result, "root", place->root->settings->name);
	answer_text(result, "path", place->path);
	json_object_set_new(result, "present", json_false());
	char full[CAMERA_FULL_BYTES];
	camera_full_name(camera, full);
	answer_text(result, "camera", full);
	answer_time(keeper, result, "start", start_us, place->root->zone);
	if (search.found) {
		const struct erased_row *row = &search.row;
		answer_moment(keeper, row->at_us, place->root->zone, moment, sizeof(moment));
		if (row->by_us)
			snprintf(sentence, sizeof(sentence), "Deleted on %s: %s", moment, row->rule);
		else
			snprintf(sentence, sizeof(sentence), "Deleted by others or vanished; noticed on %s", moment);
		answer_say(because, "entry %" PRIu64 " of the audit log: `retentionctl log show %" PRIu64 "`", row->sequence,
		    row->sequence);
		answer_time(keeper, result, "gone", row->at_us, place->root->zone);
		json_object_set_new(result, "by_us", json_boolean(row->by_us));
		answer_text(result, "rule_text", row->rule);
		answer_integer(result, "sequence", row->sequence);
		json_object_set_new(result, "reason", json_string(row->by_us ? "deleted" : "missing"));
	} else {
		snprintf(sentence, sizeof(sentence),
		    "Not there, and no record that it was: nothing of this camera at that time was deleted");
		json_object_set_new(result, "reason", json_string("unknown"));
		if (place->root->state != ROOT_ONLINE)
			answer_say(because, "%s is %s: what is on the disk may not be known yet", place->root->settings->name,
			    root_state_name(place->root->state));
	}
	json_object_set_new(result, "answer", json_string(sentence));
	json_object_set_new(result, "because", because);
	request_reply(request, result);
}

static void explain_role(struct request *request, const struct place *place, enum layout_role role) {
	const char *sentence =
	    role == LAYOUT_SHARED    ? "Kept: other segments need it; it goes with the last of its camera"
	    : role == LAYOUT_IGNORED ? "Neither footage nor unknown: the layout names it as a file to leave alone"
	    : role == LAYOUT_SIDECAR ? "It belongs to a segment that is not known; it stays until that is seen or gone"
	                             : "Not recognised: no pattern of the layout fits its name; it is never deleted";
	json_t *result = answer_new();
	json_object_set_new(result, "answer", json_string(sentence));
	json_object_set_new(result, "present", json_null());
	json_object_set_new(
	    result, "reason", json_string(role == LAYOUT_FOREIGN ? kept_reason_name(KEPT_FOREIGN) : "layout"));
	answer_text(result, "root", place->root->settings->name);
	answer_text(result, "path", place->path);
	answer_text(result, "layout", place->root->settings->layout->name);
	json_object_set_new(result, "because", json_array());
	request_reply(request, result);
}

struct owner_search {
	const char *owner;
	struct segment_row row;
	bool found;
};

static int owner_take(const struct segment_row *row, void *context) {
	struct owner_search *search = context;
	size_t length = strlen(search->owner);
	if (strncmp(row->name, search->owner, length) != 0 || (row->name[length] != '.' && row->name[length] != '\0'))
		return 0;
	search->row = *row;
	search->found = true;
	return 1;
}

/* True if it was a sidecar of a segment that is there, and the request is answered. */
static bool explain_sidecar(
    struct keeper *keeper, struct request *request, const struct place *place, const struct layout_match *match) {
	struct owner_search search = {.owner = match->owner};
	struct text name, folder = folder_of(place->path, &name);
	int64_t id = index_find_folder(keeper->index, place->root->id, folder);
	if (id < 0 || index_in_folder(keeper->index, id, owner_take, &search) < 0 || !search.found)
		return false;
	explain_row(keeper, request, place, &search.row, search.row.name);
	return true;
}

static void explain_path(struct keeper *keeper, struct request *request, const struct place *place) {
	struct layout_match match;
	int64_t start_us;
	struct camera_row camera = {.root = place->root->id};
	layout_classify(place->root->settings->layout, text_of(place->path), &match);
	if (match.role == LAYOUT_SIDECAR && explain_sidecar(keeper, request, place, &match))
		return;
	if (match.role != LAYOUT_SEGMENT) {
		explain_role(request, place, match.role);
		return;
	}
	/* A layout without a camera in its pattern has one camera, which bears the root's name. */
	struct text name = match.parts.camera.length > 0 ? match.parts.camera : text_of(place->root->settings->name);
	if (!text_copy(camera.name, sizeof(camera.name), name) || !path_start(place, &match, &start_us) ||
	    index_cameras(keeper->index, camera_id_find, &camera) <= 0) {
		request_fail(
		    request, CONTROL_NOT_FOUND, "footage", "'%s' is not there, and neither is a record of it", place->path);
		return;
	}
	explain_gone(keeper, request, place, &camera, start_us);
}

void footage_explain_call(struct keeper *keeper, struct request *request, const json_t *params) {
	enum { PLACES_MAX = 64 };
	struct place places[PLACES_MAX];
	struct segment_row row;
	const char *path;
	if (!param_text(request, params, "path", true, &path))
		return;
	size_t count = places_of(keeper, path, places, PLACES_MAX);
	for (size_t i = 0; i < count; i++)
		if (place_find(keeper, &places[i], &row) >= 0) {
			explain_row(keeper, request, &places[i], &row, NULL);
			return;
		}
	/* Not in the index: the first root whose layout knows such a name, else the first. */
	for (size_t i = 0; i < count; i++) {
		struct layout_match match;
		layout_classify(places[i].root->settings->layout, text_of(places[i].path), &match);
		if (match.role != LAYOUT_FOREIGN) {
			explain_path(keeper, request, &places[i]);
			return;
		}
	}
	if (count > 0)
		explain_path(keeper, request, &places[0]);
	else
		request_fail(
		    request, CONTROL_NOT_FOUND, "root", "'%s' is below no root; `retentionctl root list` shows them", path);
}

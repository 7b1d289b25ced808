/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Guard's channel: what it is told, and what its messages become. */
#include "observation.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/zone.h"
#include "children.h"
#include "holds.h"
#include "index.h"
#include "keeper.h"
#include "observation_entry.h"
#include "observation_private.h"
#include "record.h"
#include "roots.h"

enum { LOOK_SECONDS = 10 };

/* ---- what guard is told ---- */

static void send_roots(struct observation *observation, bool all) {
	struct message_writer out;
	bool gone = false;
	if (observation->channel == NULL)
		return;
	message_begin(&out, MESSAGE_GUARD_ROOTS);
	for (size_t i = 0; i < observation->root_count; i++) {
		const struct root *root = roots_get(observation->keeper, i);
		struct observed_root *observed = &observation->roots[i];
		bool watched = observed->watched;
		if (root != NULL && (root->state == ROOT_SCANNING || root->state == ROOT_ONLINE))
			watched = true;
		else if (root == NULL || root->state == ROOT_OFFLINE)
			watched = false; /* while its watcher starts anew it stays as it was */
		if (watched == observed->watched && !all)
			continue;
		if (observed->watched && !watched) {
			coverage_none(observation, i, clock_wall_us(), "the root is offline");
			gone = true;
		}
		observed->watched = watched;
		message_add_guard_root(&out, &(struct record_guard_root){.root = (uint16_t)i, .watched = watched});
	}
	if (out.items > 0)
		channel_send(observation->channel, &out, NULL, 0);
	if (gone && observation->deadline_us == 0)
		coverage_none_write(observation);
}

static void send_rule(struct observation *observation) {
	struct message_writer out;
	if (observation->channel == NULL)
		return;
	message_begin(&out, MESSAGE_GUARD_RULE);
	record_guard_rule_put(&out.writer, &(struct record_guard_rule){.refuse_all = observation->refuse_all});
	channel_send(observation->channel, &out, NULL, 0);
}

static void send_settings(struct observation *observation) {
	struct message_writer out;
	if (observation->channel == NULL)
		return;
	int fd = settings_seal(observation->keeper->settings);
	if (fd < 0) {
		log_error_errno(fd, "cannot hand the new settings to guard; it keeps the old ones");
		return;
	}
	message_begin(&out, MESSAGE_SETTINGS);
	channel_send(observation->channel, &out, &fd, 1);
	(void)close(fd);
}

void observation_log_writable(struct keeper *keeper, bool writable) {
	struct observation *observation = keeper->observation;
	bool refuse = !writable && keeper->settings->guard.mode == GUARD_BLOCK;
	if (observation == NULL || observation->refuse_all == refuse)
		return;
	observation->refuse_all = refuse;
	send_rule(observation);
}

void observation_roots(struct keeper *keeper) {
	if (keeper->observation != NULL && !keeper->observation->reloading)
		send_roots(keeper->observation, false);
}

/* ---- the timer ---- */

static void timer_set(struct observation *observation) {
	int64_t now_us = clock_boot_us(), next_us = joined_next(observation->joined);
	if (observation->deadline_us != 0 && observation->deadline_us < next_us)
		next_us = observation->deadline_us;
	if (next_us == INT64_MAX && altered_count(observation->altered) == 0) {
		(void)event_del(observation->timer);
		return;
	}
	/* Looked at from time to time, because a suspended box or a clock of a test runs on without the timer. */
	int64_t wait_us = next_us == INT64_MAX ? LOOK_SECONDS * US_PER_SECOND : next_us - now_us;
	wait_us = wait_us > LOOK_SECONDS * US_PER_SECOND ? LOOK_SECONDS * US_PER_SECOND : wait_us;
	wait_us = wait_us < 100000 ? 100000 : wait_us;
	struct timeval delay = {.tv_sec = wait_us / US_PER_SECOND, .tv_usec = wait_us % US_PER_SECOND};
	(void)event_add(observation->timer, &delay);
}

static void on_timer(evutil_socket_t fd, short what, void *context) {
	(void)fd;
	(void)what;
	struct observation *observation = context;
	int64_t now_us = clock_boot_us();
	joined_tick(observation->joined, now_us);
	gap_joined_loss(observation);
	altered_tick(observation->altered, now_us);
	gap_tick(observation, now_us);
	opens_save(observation, false, now_us);
	timer_set(observation);
}

/* ---- guard comes and goes ---- */

void observation_child(struct keeper *keeper, struct channel *channel) {
	struct observation *observation = keeper->observation;
	if (observation == NULL || observation->channel == channel)
		return;
	observation->channel = channel;
	if (channel == NULL)
		return; /* observation_lost() follows, and says since when */
	log_info("guard runs");
	observation->refused[0] = '\0';
	observation->restarts += observation->came_before;
	observation->came_before = true;
	actors_clear(observation->actors);
	for (size_t i = 0; i < observation->root_count; i++)
		observation->roots[i].told = false;
	if (observation->refuse_all)
		send_rule(observation);
	send_roots(observation, true);
}

void observation_lost(struct keeper *keeper, int64_t alive_us) {
	struct observation *observation = keeper->observation;
	if (observation == NULL || keeper->stopping || !observation->wanted)
		return;
	observation->channel = NULL;
	int64_t now_us = clock_wall_us();
	/* Before it came no root was watched by it: nothing ends. */
	int64_t from_us = alive_us > 0 && alive_us < now_us ? alive_us : now_us;
	bool watching = false;
	for (size_t i = 0; i < observation->root_count; i++) {
		watching = watching || observation->roots[i].now.level != GUARD_LEVEL_NONE;
		coverage_none(observation, i, from_us, "guard is gone");
	}
	if (observation->lost_since_us == 0)
		observation->lost_since_us = from_us;
	if (watching)
		gap_begin(observation, from_us);
	guard_await(observation);
	timer_set(observation);
}

void observation_refused(struct keeper *keeper, struct text reason) {
	struct observation *observation = keeper->observation;
	if (observation == NULL || !observation->wanted)
		return;
	bool first = observation->refused[0] == '\0';
	(void)snprintf(observation->refused, sizeof observation->refused, "%.*s",
	    (int)(reason.length < 200 ? reason.length : 200), reason.length == 0 ? "" : reason.data);
	if (!first)
		return;
	for (size_t i = 0; i < observation->root_count; i++)
		coverage_none(observation, i, clock_wall_us(), observation->refused);
	observation->deadline_us = 0;
	gap_write_open(observation);
	coverage_none_write(observation);
}

bool observation_running(const struct keeper *keeper) {
	return keeper->observation != NULL && keeper->observation->channel != NULL;
}

/* ---- opens ---- */

/* What a file is by its path alone, where that says enough; a hold needs to know its end as well. */
static bool path_start(const struct root *root, const struct layout_match *match, int64_t *ret_start_us) {
	const struct start_evidence evidence = {
	    .path = match->parts, .clock = root->settings->layout->clock, .zone = root->zone};
	struct segment_start start;
	if (!segment_decide_start(&evidence, &start) || start.source != START_FROM_PATH || start.fold ||
	    start.fold_unsettled || start.time_suspect || start.earliest_us != start.start_us)
		return false;
	*ret_start_us = start.start_us;
	return true;
}

static int64_t row_end(const struct segment_row *row) {
	int64_t end_us = row->end_us != 0 ? row->end_us : row->file.mtime_ns / 1000;
	return end_us > row->key.start_us ? end_us : row->key.start_us;
}

static bool indexed(struct keeper *keeper, const struct root *root, struct text path, struct segment_row *ret_row) {
	struct text folder = path, name = path;
	while (folder.length > 0 && folder.data[folder.length - 1] != '/')
		folder.length--;
	name.data += folder.length;
	name.length -= folder.length;
	folder.length -= folder.length > 0 ? 1 : 0;
	int64_t id = index_find_folder(keeper->index, root->id, folder);
	return id >= 0 && index_find(keeper->index, id, name, ret_row) == 0;
}

/* What the holds on it are called is asked only where there are any. */
static void look_at_holds(struct keeper *keeper, const struct root *root, const char *camera,
    const struct hold_set *holds, struct joined_open *open, char *text, size_t room) {
	struct segment_row row;
	struct span span = {.from_us = open->footage.from_us, .to_us = open->footage.to_us};
	if (indexed(keeper, root, open->path, &row)) {
		span.from_us = row.earliest_us != 0 && row.earliest_us < row.key.start_us ? row.earliest_us : row.key.start_us;
		span.to_us = segment_latest_end(row.key.start_us, row.end_us != 0 ? row.end_us - row.key.start_us : 0,
		    index_next_start(keeper->index, row.key.camera, row.key.start_us, row.kind), row.file.mtime_ns / 1000);
	}
	if (!hold_set_touches(holds, span.from_us, span.to_us))
		return;
	open->held = true;
	holds_naming(keeper, root->settings->name, camera, span, text, room);
	open->holds = text;
}

/* Room for one open's texts. */
struct open_texts {
	char camera[2 * CAMERA_BYTES_MAX + 2];
	char holds[200];
};

static void look_up(
    struct keeper *keeper, const struct root *root, struct joined_open *open, struct open_texts *texts) {
	struct layout_match match;
	struct segment_row row;
	char camera[CAMERA_BYTES_MAX + 1];
	if (open->path.length == 0 || root->settings->layout == NULL)
		return;
	layout_classify(root->settings->layout, open->path, &match);
	open->foreign = match.role == LAYOUT_FOREIGN || match.role == LAYOUT_IGNORED;
	if (open->foreign)
		return;
	struct text name = match.parts.camera.length > 0 ? match.parts.camera : text_of(root->settings->name);
	if (!text_copy(camera, sizeof camera, name))
		return;
	int length = snprintf(texts->camera, sizeof texts->camera, "%s/%s", root->settings->name, camera);
	open->camera = (struct text){.data = texts->camera, .length = (size_t)length};
	if (match.role != LAYOUT_SEGMENT)
		return;
	int64_t start_us = 0;
	if (path_start(root, &match, &start_us))
		open->footage = (struct span){.from_us = start_us, .to_us = start_us};
	else if (indexed(keeper, root, open->path, &row))
		open->footage = (struct span){.from_us = row.key.start_us, .to_us = row.key.start_us};
	else
		return;
	const struct hold_set *holds = holds_for_camera(keeper, root->settings->name, camera);
	if (holds != NULL && holds->count > 0)
		look_at_holds(keeper, root, camera, holds, open, texts->holds, sizeof texts->holds);
}

/* The last file of the range ends where the index says, or is not read yet and its start must do. */
static int64_t footage_end_of(struct keeper *keeper, const struct joined_row *row) {
	struct segment_row segment;
	const struct root *root = roots_by_name(keeper, row->root);
	const char *slash = memchr(row->camera, '/', row->camera_length);
	if (root == NULL || slash == NULL)
		return row->footage.to_us;
	struct text camera = {.data = slash + 1, .length = row->camera_length - (size_t)(slash + 1 - row->camera)};
	int64_t id = index_camera(keeper->index, root->id, camera);
	if (id < 0 || index_before(keeper->index, id, row->footage.to_us + 1, &segment) != 0 ||
	    segment.key.start_us < row->footage.to_us)
		return row->footage.to_us;
	return row_end(&segment);
}

static int write_row(const struct joined_row *row, void *context) {
	struct observation *observation = context;
	struct joined_row complete = *row;
	if (!record_writable(observation->keeper))
		return -EROFS;
	if (complete.footage.to_us != 0)
		complete.footage.to_us = footage_end_of(observation->keeper, row);
	json_t *details = observed_details(&complete, observation->names);
	if (details == NULL)
		return -ENOMEM;
	return record_append(observation->keeper, observed_action(row),
	    row->what == ACCESS_DENIED ? AUDIT_FAILURE : AUDIT_SUCCESS, NULL, NULL, details, NULL);
}

static void count(struct observation *observation, struct observed_root *observed, const struct root *root,
    const struct record_access *access) {
	struct local_time local;
	zone_to_local(root->zone, access->last_us, &local, NULL);
	int64_t day = calendar_days(local.year, local.month, local.day);
	if (day != observed->day) {
		observed->day = day;
		observed->opens = observed->denied = 0;
	}
	bool denied = access->what == ACCESS_DENIED;
	observation->denied += denied ? access->count : 0;
	observed->denied += denied ? access->count : 0;
	observation->opens += denied ? 0 : access->count;
	observed->opens += denied ? 0 : access->count;
}

static void accesses_come(struct observation *observation, struct message *message) {
	struct keeper *keeper = observation->keeper;
	struct record_access access;
	int64_t now_us = clock_boot_us();
	while (message_next_access(message, &access)) {
		const struct root *root = roots_get(keeper, access.root);
		if (root == NULL || access.root >= observation->root_count)
			continue;
		struct open_texts texts = {.camera = ""};
		struct observed_root *observed = &observation->roots[access.root];
		struct joined_open open = {.actor = actors_find(observation->actors, access.accessor),
		    .root = root->settings->name,
		    .what = access.what,
		    .level = observed->now.level,
		    .count = access.count == 0 ? 1 : access.count,
		    .first_us = access.first_us,
		    .last_us = access.last_us,
		    .inode = access.inode,
		    .bytes = access.bytes,
		    .path = access.path};
		look_up(keeper, root, &open, &texts);
		count(observation, observed, root, &access);
		joined_add(observation->joined, &open, now_us);
	}
	gap_joined_loss(observation);
	timer_set(observation);
}

/* ---- who altered ---- */

static void alterations_come(struct observation *observation, struct message *message) {
	struct record_alteration alteration;
	int64_t now_us = clock_boot_us();
	while (message_next_alteration(message, &alteration)) {
		const struct root *root = roots_get(observation->keeper, alteration.root);
		if (root == NULL)
			continue;
		struct culprit culprit = {.pid = alteration.pid, .what = alteration.what, .at_us = alteration.at_us};
		if (alteration.accessor != 0)
			culprit.actor = actors_find(observation->actors, alteration.accessor);
		altered_add(observation->altered, text_of(root->settings->name), alteration.path, &culprit, now_us);
	}
	if (!event_pending(observation->timer, EV_TIMEOUT, NULL))
		timer_set(observation);
}

static const struct culprit *who(
    struct keeper *keeper, const struct root *root, struct text path, enum altered_how how) {
	if (keeper->observation == NULL)
		return NULL;
	return altered_find(keeper->observation->altered, text_of(root->settings->name), path, how, clock_boot_us());
}

bool observation_who(struct keeper *keeper, const struct root *root, struct text path, json_t *details) {
	const struct culprit *culprit = who(keeper, root, path, ALTERED_WRITTEN);
	return culprit != NULL && culprit_put(culprit, keeper->observation->names, details) == 0;
}

bool observation_culprit(
    struct keeper *keeper, const struct root *root, struct text path, bool replaced, struct culprit *ret_culprit) {
	const struct culprit *culprit = who(keeper, root, path, replaced ? ALTERED_REPLACED : ALTERED_WENT);
	*ret_culprit = (struct culprit){0};
	if (culprit != NULL)
		*ret_culprit = *culprit;
	if (ret_culprit->actor != NULL)
		(void)actor_hold(ret_culprit->actor);
	return culprit != NULL;
}

void observation_let_go(struct culprit *culprit) {
	culprit->actor = actor_release(culprit->actor);
}

int observation_culprit_compare(const struct culprit *a, const struct culprit *b) {
	uint64_t first = a->actor == NULL ? a->pid : a->actor->identity;
	uint64_t second = b->actor == NULL ? b->pid : b->actor->identity;
	if (first != second)
		return first < second ? -1 : 1;
	if ((a->at_us == 0) != (b->at_us == 0))
		return a->at_us == 0 ? -1 : 1;
	return a->what < b->what ? -1 : a->what > b->what;
}

int observation_culprit_put(struct keeper *keeper, const struct culprit *culprit, json_t *details) {
	return culprit->at_us == 0 ? 0 : culprit_put(culprit, keeper->observation->names, details);
}

/* ---- messages ---- */

void observation_message(struct keeper *keeper, struct message *message) {
	struct observation *observation = keeper->observation;
	struct record_guard_loss loss;
	struct record_guard_coverage coverage;
	if (observation == NULL)
		return;
	int error = 0;
	switch (message->type) {
	case MESSAGE_ACCESSOR:
		error = actors_told(observation->actors, message);
		if (error != 0)
			log_warning_errno(error, "cannot note who opens footage; its opens will be by nobody");
		break;
	case MESSAGE_ACCESSES:
		accesses_come(observation, message);
		break;
	case MESSAGE_ALTERATIONS:
		alterations_come(observation, message);
		break;
	case MESSAGE_GUARD_LOSS:
		if (record_guard_loss_get(&message->reader, &loss))
			gap_loss(observation, &loss);
		break;
	case MESSAGE_GUARD_COVERAGE:
		if (record_guard_coverage_get(&message->reader, &coverage))
			coverage_told(observation, &coverage);
		break;
	default:
		log_warning("guard sent a %s, which it may not; ignoring it", message_name(message->type));
	}
}

/* ---- the interface ---- */

/* True if guard's marks stay: it begins anew where a number means another root. */
static bool roots_take(struct observation *observation) {
	bool same = observation->root_count == observation->keeper->settings->root_count;
	const struct settings *settings = observation->keeper->settings;
	struct observed_root *former = observation->roots;
	struct observed_root *roots = calloc(settings->root_count + 1, sizeof *roots);
	if (roots == NULL) {
		observation->root_count = 0; /* nothing is told of roots any more, and nothing is mixed up */
		return false;
	}
	for (size_t i = 0; i < settings->root_count; i++) {
		for (size_t j = 0; j < observation->root_count; j++)
			if (strcmp(former[j].name, settings->roots[i].name) == 0)
				roots[i] = former[j];
		(void)snprintf(roots[i].name, sizeof roots[i].name, "%s", settings->roots[i].name);
		roots[i].path_hash = text_hash(text_of(settings->roots[i].path));
		same = same && strcmp(former[i].name, roots[i].name) == 0 && former[i].path_hash == roots[i].path_hash;
	}
	observation->roots = roots;
	observation->root_count = settings->root_count;
	free(former);
	return same;
}

/* Guard takes its marks away and makes them again: what it sees meanwhile is not known. */
static void marks_anew(struct observation *observation) {
	bool watching = false;
	for (size_t i = 0; i < observation->root_count; i++) {
		watching = watching || (observation->roots[i].watched && observation->roots[i].told);
		observation->roots[i].told = false;
	}
	if (watching)
		gap_begin(observation, clock_wall_us());
	guard_await(observation);
}

static void off(struct observation *observation) {
	for (size_t i = 0; i < observation->root_count; i++) {
		observation->roots[i].watched = false;
		coverage_none(observation, i, clock_wall_us(), "guard.mode is off");
	}
	gap_write_open(observation);
	observation->gap = (struct opens_gap){0};
	observation->lost_since_us = observation->deadline_us = 0;
	coverage_none_write(observation);
}

void observation_configure_begin(struct keeper *keeper) {
	if (keeper->observation != NULL)
		keeper->observation->reloading = true;
}

void observation_configure(struct keeper *keeper) {
	struct observation *observation = keeper->observation;
	if (observation == NULL)
		return;
	bool wanted = keeper->settings->guard.mode != GUARD_OFF;
	bool same = roots_take(observation);
	observation->reloading = false;
	if (observation->wanted && !wanted)
		joined_flush(observation->joined);
	observation->wanted = wanted;
	children_want_guard(keeper, wanted);
	if (!wanted) {
		observation->channel = NULL;
		off(observation);
		return;
	}
	if (observation->channel == NULL)
		guard_await(observation);
	else if (!same)
		marks_anew(observation);
	send_settings(observation);
	observation_log_writable(keeper, record_writable(keeper));
	send_roots(observation, true);
	timer_set(observation);
}

void observation_settle(struct keeper *keeper) {
	if (keeper->observation != NULL)
		joined_settle(keeper->observation->joined);
}

int observation_open(struct keeper *keeper, struct observation **ret_observation) {
	struct observation *observation = calloc(1, sizeof *observation);
	if (observation == NULL)
		return -ENOMEM;
	observation->keeper = keeper;
	observation->names = keeper->user_names;
	observation->wanted = keeper->settings->guard.mode != GUARD_OFF;
	observation->actors = actors_new();
	observation->altered = altered_new();
	observation->joined = joined_new(write_row, observation);
	observation->timer = evtimer_new(keeper->base, on_timer, observation);
	(void)roots_take(observation);
	if (observation->actors == NULL || observation->altered == NULL || observation->joined == NULL ||
	    observation->timer == NULL || observation->roots == NULL) {
		(void)observation_close(observation);
		return -ENOMEM;
	}
	*ret_observation = observation;
	keeper->observation = observation;
	gap_downtime(observation);
	if (!observation->wanted) {
		off(observation);
		return 0;
	}
	opens_save(observation, false, 0);
	for (size_t i = 0; i < observation->root_count; i++)
		coverage_none(observation, i, clock_wall_us(), "guard has not begun");
	guard_await(observation);
	children_want_guard(keeper, true);
	timer_set(observation);
	return 0;
}

struct observation *observation_close(struct observation *observation) {
	if (observation == NULL)
		return NULL;
	if (observation->timer != NULL && observation->roots != NULL && observation->joined != NULL) {
		joined_flush(observation->joined);
		gap_joined_loss(observation);
		gap_write_open(observation);
		bool saves = observation->wanted || observation->saved[0] != '\0';
		if (saves && record_durable(observation->keeper) == 0)
			opens_save(observation, true, 0);
	}
	observation->keeper->observation = NULL;
	if (observation->timer != NULL)
		event_free(observation->timer);
	(void)joined_free(observation->joined);
	(void)altered_free(observation->altered);
	(void)actors_free(observation->actors);
	free(observation->roots);
	free(observation);
	return NULL;
}

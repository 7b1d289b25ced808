/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How closely opens are observed, for status. */
#include "answer.h"
#include "base/clock.h"
#include "base/zone.h"
#include "keeper.h"
#include "observation_private.h"
#include "roots.h"

json_t *observation_json(struct keeper *keeper) {
	static const char *const modes[] = {"off", "attribute", "block"};
	struct observation_totals totals;
	observation_totals(keeper, &totals);
	json_t *object = json_object();
	if (!object)
		return NULL;
	answer_text(object, "mode", modes[keeper->settings->guard.mode]);
	json_object_set_new(object, "running", json_boolean(totals.running));
	answer_text(object, "refused", totals.refused);
	answer_time(keeper, object, "lost_since", totals.lost_since_us, NULL);
	answer_integer(object, "opens", totals.opens);
	answer_integer(object, "denied", totals.denied);
	answer_integer(object, "lost", totals.lost);
	answer_integer(object, "restarts", totals.restarts);
	return object;
}

json_t *observation_root_json(struct keeper *keeper, const struct root *root) {
	static const char *const marks[] = {"none", "folders", "filesystem"};
	struct observation_level level;
	observation_level(keeper, root, &level);
	const struct observation *observation = keeper->observation;
	struct local_time today;
	zone_to_local(root->zone, clock_wall_us(), &today, NULL);
	bool known = observation && root->number < observation->root_count &&
	             observation->roots[root->number].day == calendar_days(today.year, today.month, today.day);
	json_t *object = json_object();
	if (!object)
		return NULL;
	answer_text(object, "level", guard_level_name(level.level));
	answer_text(object, "text", guard_level_text(level.level));
	answer_time(keeper, object, "since", level.since_us, root->zone);
	answer_text(object, "by", level.by < ARRAY_LENGTH(marks) ? marks[level.by] : marks[0]);
	json_object_set_new(object, "alterations", json_boolean(level.alterations));
	answer_integer(object, "folders_failed", level.folders_failed);
	answer_text(object, "reason", level.reason[0] ? level.reason : NULL);
	answer_integer(object, "opens_today", known ? observation->roots[root->number].opens : 0);
	answer_integer(object, "denied_today", known ? observation->roots[root->number].denied : 0);
	return object;
}

void observation_attention(struct keeper *keeper, json_t *list) {
	struct observation_totals totals;
	char moment[48];
	observation_totals(keeper, &totals);
	if (totals.lost_since_us != 0 && !totals.refused) {
		answer_moment(keeper, totals.lost_since_us, NULL, moment, sizeof(moment));
		answer_say(list, "guard is gone since %s: nobody sees who opens footage", moment);
	}
	if (totals.wanted && keeper->settings->guard.mode == GUARD_BLOCK && !totals.running && totals.refused)
		answer_say(list, "guard.mode is \"block\", and guard does not run: %s", totals.refused);
}

static void root_note(struct keeper *keeper, const struct root *root, json_t *list) {
	struct observation_level level;
	observation_level(keeper, root, &level);
	if (root->state == ROOT_OFFLINE || !level.told)
		return;
	if (level.level < GUARD_LEVEL_PERMISSION)
		answer_say(list, "%s: %s%s%s; see `retentionctl doctor`", root->settings->name, guard_level_text(level.level),
		    level.reason[0] ? ": " : "", level.reason);
	else if (level.folders_failed > 0)
		answer_say(list, "%s: opens in %u folder%s are not seen", root->settings->name, level.folders_failed,
		    level.folders_failed == 1 ? "" : "s");
	else if (!level.alterations)
		answer_say(list, "%s: who deletes or changes footage is not seen%s%s", root->settings->name,
		    level.reason[0] ? ": " : "", level.reason);
}

void observation_notes(struct keeper *keeper, json_t *list) {
	struct observation_totals totals;
	observation_totals(keeper, &totals);
	if (totals.wanted && totals.refused)
		answer_say(list, "nobody sees who opens footage: %s", totals.refused);
	for (size_t i = 0; totals.running && i < roots_count(keeper); i++)
		root_note(keeper, roots_get(keeper, i), list);
}

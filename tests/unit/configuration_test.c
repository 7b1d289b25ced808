/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a changed configuration weakens: each way has its words, and the other direction has none. */
#include "daemon/keeper/configuration.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/keeper/keeper.h"
#include "daemon/keeper/record.h"
#include "daemon/keeper/state.h"
#include "unit/tree.h"

/* ---- in record.c's place ---- */

static json_t *last_details;
static unsigned entries;
static int refuse_over;

int record_append(struct keeper *keeper, enum audit_action action, enum audit_outcome outcome, const char *reason,
    const struct audit_actor *actor, json_t *details, uint64_t *ret_sequence) {
	(void)keeper;
	(void)outcome;
	(void)reason;
	(void)actor;
	(void)ret_sequence;
	assert_int_equal(action, AUDIT_CONFIGURATION);
	json_decref(last_details);
	last_details = details;
	char *text = json_dumps(details, JSON_COMPACT);
	bool fits = refuse_over == 0 || strlen(text) <= (size_t)refuse_over;
	free(text);
	entries += fits ? 1 : 0;
	return fits ? 0 : -EMSGSIZE;
}

/* ---- comparing ---- */

static json_t *flat(const char *text) {
	json_t *object = json_loads(text, 0, NULL);
	assert_non_null(object);
	return object;
}

/* The phrases, joined. */
static void weakened(const char *old, const char *now, char *text, size_t room) {
	json_t *before = flat(old), *after = flat(now), *changes = NULL, *list = NULL, *each;
	size_t i, used = 0;
	text[0] = '\0';
	assert_int_equal(configuration_compare(before, after, &changes, &list), 0);
	json_array_foreach(list, i, each) used +=
	    (size_t)snprintf(text + used, room - used, "%s%s", i > 0 ? "; " : "", json_string_value(each));
	json_decref(before);
	json_decref(after);
	json_decref(changes);
	json_decref(list);
}

static void test_each_way_to_weaken(void **state) {
	(void)state;
	static const struct {
		const char *old, *now, *says;
	} rows[] = {
	    {"{\"holds.two_person\":true}", "{\"holds.two_person\":false}", "two_person off"},
	    {"{\"policy.retention\":\"P30D\"}", "{\"policy.retention\":\"P31D\"}", "retention longer: policy"},
	    {"{\"policy.retention\":\"P30D\"}", "{}", "retention longer: policy"},
	    {"{\"policy.legal_maximum\":\"P1M\"}", "{\"policy.legal_maximum\":\"P2M\"}", "legal_maximum longer: policy"},
	    {"{\"policy.retention\":\"P7D\",\"camera.a.sound\":true}",
	        "{\"policy.retention\":\"P7D\",\"camera.a.sound\":true,\"camera.a.retention\":\"P8D\"}",
	        "retention longer: camera.a"},
	    {"{\"root.x.mode\":\"enforce\"}", "{\"root.x.mode\":\"observe\"}", "root x observes"},
	    {"{\"root.x.mode\":\"enforce\"}", "{}", "root x removed"},
	    {"{\"root.x.path\":\"/a\"}", "{\"root.x.path\":\"/b\"}", "root x moved"},
	    {"{\"root.x.foreign\":\"keep\"}", "{\"root.x.foreign\":\"expire\"}", "root x: unrecognised files expire"},
	    {"{}", "{\"root.x.recorder\":\"exe=/bin/cat\"}", "root x: a recorder that is never refused"},
	    {"{\"log.keep\":\"P3Y\"}", "{\"log.keep\":\"P1Y\"}", "log.keep shorter"},
	    {"{\"log.checkpoint\":\"PT10M\"}", "{\"log.checkpoint\":\"P1D\"}", "log.checkpoint longer"},
	    {"{\"log.syslog\":true}", "{\"log.syslog\":false}", "log.syslog off"},
	    {"{\"guard.mode\":\"block\"}", "{\"guard.mode\":\"attribute\"}", "guard.mode lower: block to attribute"},
	    {"{\"guard.mode\":\"attribute\"}", "{\"guard.mode\":\"off\"}", "guard.mode lower: attribute to off"},
	    {"{\"guard.allow\":\"user=a\"}", "{\"guard.allow\":\"user=a; user=b\"}", "guard.allow names more"},
	    {"{}", "{\"guard.allow\":\"user=b\"}", "guard.allow names more"},
	    {"{\"publish.syslog.udp://h:514\":true}", "{}", "publish target removed: udp://h:514"},
	    {"{\"publish.witness.http://w\":\"k\"}", "{}", "publish target removed: http://w"},
	    {"{\"publish.witness.http://w\":\"k\"}", "{\"publish.witness.http://w\":\"l\"}",
	        "key of a witness changed: http://w"},
	    {"{\"clock.require\":\"rtc\"}", "{\"clock.require\":\"unverified\"}", "clock.require lower: rtc to unverified"},
	    {"{\"clock.max_jump\":\"P1D\"}", "{\"clock.max_jump\":\"P9D\"}", "clock.max_jump longer"},
	    {"{\"brake.minimum\":2000}", "{\"brake.minimum\":2001}", "brake raised"},
	    {"{\"brake.days\":3}", "{\"brake.days\":4}", "brake raised"},
	    {"{\"holds.release_delay\":\"P1D\"}", "{\"holds.release_delay\":\"PT0S\"}", "holds.release_delay shorter"},
	    {"{\"fingerprint\":\"seal\"}", "{\"fingerprint\":\"never\"}", "fingerprint lower: seal to never"},
	};
	char text[512];
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		weakened(rows[i].old, rows[i].now, text, sizeof text);
		assert_string_equal(text, rows[i].says);
		weakened(rows[i].now, rows[i].old, text, sizeof text);
		/* Footage that goes sooner than it was to is told of as well. */
		if (text[0] != '\0' && strstr(text, "shorter: ") == NULL && strstr(rows[i].says, "moved") == NULL &&
		    strstr(rows[i].says, "key of a witness") == NULL)
			fail_msg("'%s' the other way says '%s'", rows[i].says, text);
		weakened(rows[i].old, rows[i].old, text, sizeof text);
		assert_string_equal(text, "");
	}
}

static void test_changes_name_old_and_new(void **state) {
	(void)state;
	json_t *old = flat("{\"a\":1,\"b\":\"x\",\"c\":true}"), *now = flat("{\"a\":2,\"b\":\"x\",\"d\":\"y\"}");
	json_t *changes = NULL, *list = NULL;
	assert_int_equal(configuration_compare(old, now, &changes, &list), 0);
	char *text = json_dumps(changes, JSON_COMPACT);
	assert_string_equal(text, "[{\"key\":\"a\",\"old\":1,\"new\":2},{\"key\":\"c\",\"old\":true,\"new\":null},"
	                          "{\"key\":\"d\",\"old\":null,\"new\":\"y\"}]");
	free(text);
	json_decref(old);
	json_decref(now);
	json_decref(changes);
	json_decref(list);
}

/* ---- what was in force last ---- */

static unsigned weakened_count(void) {
	return (unsigned)json_array_size(json_object_get(last_details, "weakened"));
}

static void test_a_change_is_seen_across_starts(void **state) {
	(void)state;
	char folder[] = "/tmp/configuration-test-XXXXXX", message[256], source[] = "/etc/x";
	struct settings settings = {.source = source, .holds = {.two_person = true, .case_pattern = NULL}};
	struct keeper keeper = {.settings = &settings};
	assert_non_null(mkdtemp(folder));
	assert_int_equal(state_open(folder, &keeper.state, message, sizeof message), 0);
	entries = 0;
	configuration_record(&keeper, NULL, CONFIGURATION_FIRST);
	assert_int_equal(entries, 0);
	configuration_record(&keeper, NULL, CONFIGURATION_STARTED);
	assert_int_equal(entries, 0);
	configuration_record(&keeper, NULL, CONFIGURATION_RELOADED);
	assert_int_equal(entries, 1);
	assert_int_equal(weakened_count(), 0);
	settings.holds.two_person = false;
	keeper.state = state_close(keeper.state);
	assert_int_equal(state_open(folder, &keeper.state, message, sizeof message), 0);
	configuration_record(&keeper, NULL, CONFIGURATION_STARTED);
	assert_int_equal(entries, 2);
	assert_int_equal(weakened_count(), 1);
	configuration_record(&keeper, NULL, CONFIGURATION_STARTED);
	assert_int_equal(entries, 2);
	/* An entry that is too long loses what changed, never what is weakened. */
	settings.holds.two_person = true;
	configuration_record(&keeper, NULL, CONFIGURATION_RELOADED);
	settings.holds.two_person = false;
	refuse_over = 150;
	configuration_record(&keeper, NULL, CONFIGURATION_RELOADED);
	refuse_over = 0;
	assert_int_equal(entries, 4);
	assert_null(json_object_get(last_details, "changes"));
	assert_int_equal(weakened_count(), 1);
	/* state.db was exchanged for an empty one beside a log. */
	keeper.state = state_close(keeper.state);
	assert_int_equal(tree_remove(folder), 0);
	char fresh[] = "/tmp/configuration-test-XXXXXX";
	assert_non_null(mkdtemp(fresh));
	assert_int_equal(state_open(fresh, &keeper.state, message, sizeof message), 0);
	configuration_record(&keeper, NULL, CONFIGURATION_STARTED);
	assert_int_equal(entries, 5);
	assert_int_equal(weakened_count(), 1);
	keeper.state = state_close(keeper.state);
	assert_int_equal(tree_remove(fresh), 0);
	json_decref(last_details);
	last_details = NULL;
}

int main(void) {
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_each_way_to_weaken),
	    cmocka_unit_test(test_changes_name_old_and_new),
	    cmocka_unit_test(test_a_change_is_seen_across_starts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

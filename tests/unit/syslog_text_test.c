/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages to the byte (RFC 5424): header, structured data, what is escaped, and what does not fit. */
#include "daemon/keeper/syslog_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct syslog_origin from = {.host = "recorder-7", .origin = "example.test/log", .accuracy_us = 250};

static json_t *entry(const char *level, const char *more) {
	char text[4096];
	(void)snprintf(text, sizeof text,
	    "{\"schema\":1,\"nonce\":\"00\",\"event\":{\"sequence\":41,\"action\":\"configuration\",\"category\":[\"x\"],"
	    "\"type\":[\"change\"],\"outcome\":\"success\"},\"@timestamp\":\"2026-11-24T06:11:04.123Z\",\"clock\":{"
	    "\"level\":"
	    "\"%s\",\"boot_id\":\"b\",\"boot_us\":1}%s}",
	    level, more);
	json_t *object = json_loads(text, 0, NULL);
	assert_non_null(object);
	return object;
}

static void test_an_alarm_to_the_byte(void **state) {
	(void)state;
	json_t *object = entry("synced", ",\"user\":{\"id\":\"1000\",\"name\":\"admin\"},\"weakened\":[\"two_person off\","
	                                 "\"root x observes\"],\"changes\":[{\"key\":\"a\"}]");
	char *text = syslog_alarm(&from, object, AUDIT_CONFIGURATION);
	assert_string_equal(text, "<84>1 2026-11-24T06:11:04.123Z recorder-7 retentiond - configuration "
	                          "[timeQuality tzKnown=\"1\" isSynced=\"1\" syncAccuracy=\"250\"]"
	                          "[retention@32473 origin=\"example.test/log\" sequence=\"41\" action=\"configuration\" "
	                          "outcome=\"success\" clock=\"synced\" weakened=\"two_person off; root x observes\" "
	                          "user.id=\"1000\" user.name=\"admin\"] "
	                          "the configuration was weakened: two_person off; root x observes");
	free(text);
	json_decref(object);
}

static void test_a_clock_that_is_not_synchronised_has_no_accuracy(void **state) {
	(void)state;
	json_t *object = entry("rtc", "");
	char *text = syslog_alarm(&from, object, AUDIT_GAP);
	assert_non_null(strstr(text, "[timeQuality tzKnown=\"1\" isSynced=\"0\"]"));
	free(text);
	json_decref(object);
}

static void test_values_are_escaped(void **state) {
	(void)state;
	json_t *object = entry("rtc", ",\"camera\":\"a\\\"b\\\\c]d\\ne\xc3\xa9\"");
	const struct syslog_origin strange = {.host = "a b\n\xc3\xa9", .origin = "o", .accuracy_us = -1};
	char *text = syslog_alarm(&strange, object, AUDIT_MISSING);
	assert_non_null(strstr(text, " camera=\"a\\\"b\\\\c\\]d e\xc3\xa9\""));
	assert_non_null(strstr(text, "Z a_b___ retentiond"));
	assert_null(strchr(text, '\n'));
	free(text);
	/* The sentence is ASCII. */
	json_t *event = json_object_get(object, "event");
	(void)json_object_set_new(event, "reason", json_string("caf\xc3\xa9"));
	text = syslog_alarm(&from, object, AUDIT_MISSING);
	assert_non_null(strstr(text, "] footage vanished before it was due: caf??"));
	assert_memory_equal(text, "<83>1 ", 6);
	free(text);
	json_decref(object);
}

static void test_what_is_long_is_cut(void **state) {
	(void)state;
	json_t *object = entry("rtc", ",\"segments\":{\"count\":3}");
	char value[3000];
	memset(value, ']', sizeof value - 1);
	value[sizeof value - 1] = '\0';
	for (char key[] = "a"; key[0] <= 'z'; key[0]++)
		(void)json_object_set_new(object, key, json_string(value));
	char *text = syslog_alarm(&from, object, AUDIT_ALTERED);
	assert_true(strlen(text) < SYSLOG_BYTES_MAX);
	/* Whole parameters only, and the element is closed. */
	assert_non_null(strstr(text, "\"] footage was changed"));
	assert_null(strstr(text, "segments"));
	free(text);
	json_decref(object);
}

static void test_every_alarm_has_its_sentence(void **state) {
	(void)state;
	json_t *object = entry("rtc", "");
	for (int action = 0; action < AUDIT_ACTION_COUNT; action++) {
		if (!audit_action_is_alarm((enum audit_action)action))
			continue;
		char end[64];
		char *text = syslog_alarm(&from, object, (enum audit_action)action);
		(void)snprintf(end, sizeof end, "] %s", audit_action_name((enum audit_action)action));
		assert_null(strstr(text, end));
		assert_true(text[2] == '1' || text[2] >= '3');
		free(text);
	}
	assert_false(audit_action_is_alarm(AUDIT_CONFIGURATION_REFUSED));
	assert_false(audit_action_is_alarm(AUDIT_KEY_ROTATED));
	assert_false(audit_action_is_alarm(AUDIT_DELIVERY_LOST));
	json_decref(object);
}

static void test_a_checkpoint(void **state) {
	(void)state;
	static const char note[] = "example.test/log\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n\n"
	                           "\xe2\x80\x94 example.test/log UcN8dg==\n\xe2\x80\x94 example.test/log UcN8dh==\n"
	                           "\xe2\x80\x94 example.test/logger UcN8di==\n\xe2\x80\x94 w 4Huy\n";
	char *text = syslog_checkpoint(&from, note, INT64_C(1767225600000000), CLOCK_RTC);
	assert_string_equal(text, "<86>1 2026-01-01T00:00:00Z recorder-7 retentiond - checkpoint "
	                          "[timeQuality tzKnown=\"1\" isSynced=\"0\"]"
	                          "[retention@32473 origin=\"example.test/log\" size=\"8\" "
	                          "root=\"XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\" signature=\"UcN8dg==\" "
	                          "signature=\"UcN8dh==\" clock=\"rtc\"] the audit log has 8 entries");
	free(text);
	assert_null(syslog_checkpoint(&from, "no note", 0, CLOCK_RTC));
}

int main(void) {
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_an_alarm_to_the_byte),
	    cmocka_unit_test(test_a_clock_that_is_not_synchronised_has_no_accuracy),
	    cmocka_unit_test(test_values_are_escaped),
	    cmocka_unit_test(test_what_is_long_is_cut),
	    cmocka_unit_test(test_every_alarm_has_its_sentence),
	    cmocka_unit_test(test_a_checkpoint),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

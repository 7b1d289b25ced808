/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reports about access, pages and CSV: who, what is unusual and why, pseudonyms, nothing that escapes its page or cell.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "audit/entry.h"
#include "base/clock.h"
#include "evidence/access_report.h"
#include "evidence/csv.h"
#include "evidence/fields.h"
#include "evidence/html.h"
#include "evidence/pages.h"
#include "evidence/subject_report.h"

#define HOUR (INT64_C(3600) * US_PER_SECOND)
/* 2024-01-01 00:00 UTC */
#define BASE (INT64_C(1704067200) * US_PER_SECOND)
#define AT(days, hours) (BASE + (days)*US_PER_DAY + (hours)*HOUR)

static uint64_t sequence;

struct open {
	const char *action, *person, *program, *address, *part;
	int64_t at_us;
	int64_t count;
	bool held, certain;
};

/* As observation_entry.c writes it. */
static json_t *entry_make(const struct open *open) {
	char text[40], stamp[40];
	time_format_utc(open->at_us, text, sizeof text);
	(void)snprintf(stamp, sizeof stamp, "%.19s.000Z", text);
	json_t *entry =
	    json_pack("{s:{s:s, s:I}, s:s, s:s, s:{s:I, s:I}, s:{s:I, s:I, s:I, s:I}, s:{s:s, s:s}, s:{s:s}, s:{s:s, s:b}}",
	        "event", "action", open->action, "sequence", (json_int_t)sequence++, "@timestamp", stamp, "camera",
	        "frigate/gate", "footage", "from_us", (json_int_t)AT(0, 10), "to_us", (json_int_t)AT(0, 11), "recorder",
	        "count", (json_int_t)open->count, "first_us", (json_int_t)open->at_us, "last_us", (json_int_t)open->at_us,
	        "bytes", (json_int_t)1000, "user", "id", "1000", "name", open->person, "process", "executable",
	        open->program, "actor", "part", open->part != NULL ? open->part : "other", "reliable", (int)open->certain);
	if (open->address != NULL)
		(void)json_object_set_new(entry, "source", json_pack("{s:s}", "ip", open->address));
	if (open->held)
		(void)json_object_set_new(entry, "held", json_true());
	return entry;
}

static void feed(struct access_report *report, const struct open *open) {
	json_t *entry = entry_make(open);
	assert_int_equal(access_report_entry(report, entry), 0);
	json_decref(entry);
}

static struct access_report_request request(void) {
	return (struct access_report_request){
	    .span = {AT(20, 0), AT(30, 0)}, .zone = zone_shared("UTC"), .begun = 100000, .usual_from = 6, .usual_to = 22};
}

/* Anna opens with the player from her place at noon on each of the first days: that is usual. */
static struct access_report *with_usual(const struct access_report_request *wanted) {
	struct access_report *report = access_report_new(wanted);
	sequence = 0;
	for (int day = 1; day < 15; day++)
		feed(report, &(struct open){.action = "open",
		                 .person = "anna",
		                 .program = "/usr/bin/ffplay",
		                 .address = "192.0.2.7",
		                 .at_us = AT(day, 12),
		                 .count = 10,
		                 .certain = true});
	return report;
}

static json_t *result_of(struct access_report *report) {
	json_t *result = access_report_result(report);
	assert_non_null(result);
	(void)access_report_free(report);
	return result;
}

static void what_is_usual_is_not_told(void **state) {
	(void)state;
	struct access_report_request wanted = request();
	struct access_report *report = with_usual(&wanted);
	feed(report, &(struct open){.action = "open",
	                 .person = "anna",
	                 .program = "/usr/bin/ffplay",
	                 .address = "192.0.2.7",
	                 .at_us = AT(21, 12),
	                 .count = 7,
	                 .certain = true});
	json_t *result = result_of(report);
	assert_int_equal(json_array_size(json_object_get(result, "unusual")), 0);
	/* What lies before the span is not counted. */
	const json_t *person = json_array_get(json_object_get(result, "people"), 0);
	assert_string_equal(field_text(person, "person"), "anna");
	assert_int_equal(field_number(person, "opens"), 7);
	assert_int_equal(json_integer_value(json_array_get(json_object_get(result, "hours"), 12)), 7);
	const json_t *row = json_array_get(json_object_get(result, "rows"), 0);
	assert_int_equal(field_number(row, "hour"), 12);
	assert_string_equal(field_text(row, "camera"), "frigate/gate");
	json_decref(result);
}

static void each_reason(void **state) {
	(void)state;
	static const struct {
		struct open open;
		const char *reason;
	} cases[] = {
	    {{.action = "open", .program = "/usr/bin/ffplay", .address = "192.0.2.7", .at_us = AT(21, 3), .certain = true},
	        "outside_hours"},
	    {{.action = "open", .program = "/usr/bin/ffplay", .address = "192.0.2.7", .at_us = AT(21, 22), .certain = true},
	        "outside_hours"},
	    {{.action = "open",
	         .program = "/usr/bin/ffplay",
	         .address = "192.0.2.7",
	         .at_us = AT(21, 12),
	         .held = true,
	         .certain = true},
	        "held"},
	    {{.action = "open-denied",
	         .program = "/usr/bin/ffplay",
	         .address = "192.0.2.7",
	         .at_us = AT(21, 12),
	         .certain = true},
	        "denied"},
	    {{.action = "open", .program = "/tmp/x", .address = "192.0.2.7", .at_us = AT(21, 12), .certain = true},
	        "new_program"},
	    {{.action = "open", .program = "", .address = "192.0.2.7", .at_us = AT(21, 12), .certain = true},
	        "program_not_certain"},
	    {{.action = "open", .program = "/usr/bin/ffplay", .address = "192.0.2.7", .at_us = AT(21, 12)},
	        "program_not_certain"},
	    {{.action = "open",
	         .program = "/usr/bin/ffplay",
	         .address = "198.51.100.1",
	         .at_us = AT(21, 12),
	         .certain = true},
	        "new_address"},
	    {{.action = "open", .program = "/usr/bin/ffplay", .at_us = AT(21, 12), .certain = true}, "new_address"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct access_report_request wanted = request();
		struct access_report *report = with_usual(&wanted);
		struct open open = cases[i].open;
		open.person = "anna";
		open.count = 1;
		feed(report, &open);
		json_t *result = result_of(report);
		const json_t *reasons = json_object_get(json_array_get(json_object_get(result, "unusual"), 0), "reasons");
		print_message("%s\n", cases[i].reason);
		assert_int_equal(json_array_size(reasons), 1);
		assert_string_equal(json_string_value(json_array_get(reasons, 0)), cases[i].reason);
		json_decref(result);
	}
}

static void refused_before_is_remembered_from_before_the_span(void **state) {
	(void)state;
	struct access_report_request wanted = request();
	struct access_report *report = with_usual(&wanted);
	feed(report, &(struct open){.action = "open-denied",
	                 .person = "anna",
	                 .program = "/usr/bin/ffplay",
	                 .address = "192.0.2.7",
	                 .at_us = AT(16, 12),
	                 .count = 1,
	                 .certain = true});
	feed(report, &(struct open){.action = "open",
	                 .person = "anna",
	                 .program = "/usr/bin/ffplay",
	                 .address = "192.0.2.7",
	                 .at_us = AT(21, 12),
	                 .count = 1,
	                 .certain = true});
	json_t *result = result_of(report);
	const json_t *unusual = json_object_get(result, "unusual");
	assert_int_equal(json_array_size(unusual), 1);
	assert_string_equal(
	    json_string_value(json_array_get(json_object_get(json_array_get(unusual, 0), "reasons"), 0)), "denied_before");
	json_decref(result);
}

static void a_day_far_over_the_median_is_told(void **state) {
	(void)state;
	for (int over = 0; over < 2; over++) {
		struct access_report_request wanted = request();
		struct access_report *report = with_usual(&wanted);
		feed(report, &(struct open){.action = "open",
		                 .person = "anna",
		                 .program = "/usr/bin/ffplay",
		                 .address = "192.0.2.7",
		                 .at_us = AT(21, 12),
		                 .count = 50 + over,
		                 .certain = true});
		json_t *result = result_of(report);
		const json_t *unusual = json_object_get(result, "unusual");
		assert_int_equal(json_array_size(unusual), over);
		if (over == 1) {
			assert_string_equal(field_text(json_array_get(unusual, 0), "time"), "2024-01-22");
			assert_int_equal(field_number(json_array_get(unusual, 0), "median_day"), 10);
		}
		json_decref(result);
	}
}

static void the_recorder_stands_apart(void **state) {
	(void)state;
	struct access_report_request wanted = request();
	struct access_report *report = with_usual(&wanted);
	feed(report, &(struct open){.action = "open",
	                 .person = "frigate",
	                 .program = "/opt/frigate",
	                 .part = "recorder",
	                 .at_us = AT(21, 3),
	                 .count = 360,
	                 .certain = true});
	/* One that serves somebody over the network acts for that one. */
	feed(report, &(struct open){.action = "open",
	                 .person = "frigate",
	                 .program = "/opt/frigate",
	                 .part = "recorder",
	                 .address = "192.0.2.9",
	                 .at_us = AT(21, 12),
	                 .count = 1,
	                 .certain = true});
	json_t *result = result_of(report);
	assert_int_equal(field_number(json_array_get(json_object_get(result, "recorder"), 0), "opens"), 360);
	assert_int_equal(json_array_size(json_object_get(result, "people")), 1);
	assert_string_equal(field_text(json_array_get(json_object_get(result, "people"), 0), "person"), "frigate");
	json_decref(result);
}

static void only_who_was_asked_for(void **state) {
	(void)state;
	json_t *cameras = json_pack("[s]", "frigate/yard");
	struct access_report_request wanted = request();
	wanted.cameras = cameras;
	struct access_report *report = with_usual(&wanted);
	feed(report, &(struct open){.action = "open",
	                 .person = "anna",
	                 .program = "/usr/bin/ffplay",
	                 .at_us = AT(21, 3),
	                 .count = 1,
	                 .certain = true});
	json_t *result = result_of(report);
	assert_int_equal(json_array_size(json_object_get(result, "people")), 0);
	assert_int_equal(json_array_size(json_object_get(result, "unusual")), 0);
	json_decref(result);
	json_decref(cameras);
	wanted = request();
	wanted.person = "bert";
	report = with_usual(&wanted);
	feed(report, &(struct open){.action = "open",
	                 .person = "anna",
	                 .program = "/usr/bin/ffplay",
	                 .at_us = AT(21, 3),
	                 .count = 1,
	                 .certain = true});
	result = result_of(report);
	assert_int_equal(json_array_size(json_object_get(result, "people")), 0);
	json_decref(result);
}

static void times_without_a_guard_are_told(void **state) {
	(void)state;
	struct access_report_request wanted = request();
	struct access_report *report = access_report_new(&wanted);
	json_t *gap = json_pack("{s:{s:s, s:s, s:i}, s:s, s:{s:s, s:I, s:I, s:i}}", "event", "action", "gap", "reason",
	    "guard was gone: opens were not seen", "sequence", 1, "@timestamp", "2024-01-22T12:00:00.000Z", "gap", "of",
	    "opens", "from_us", (json_int_t)AT(21, 10), "to_us", (json_int_t)AT(21, 11), "lost", 3);
	assert_int_equal(access_report_entry(report, gap), 0);
	json_decref(gap);
	json_t *result = result_of(report);
	const json_t *row = json_array_get(json_object_get(result, "unseen"), 0);
	assert_string_equal(field_text(row, "from"), "2024-01-22T10:00:00Z");
	assert_string_equal(field_text(row, "to"), "2024-01-22T11:00:00Z");
	assert_int_equal(field_number(row, "lost"), 3);
	json_decref(result);
}

/* ---- subject ---- */

static void staff_have_numbers_and_no_names(void **state) {
	(void)state;
	json_t *cameras = json_pack("[s]", "frigate/gate");
	struct subject_request wanted = {
	    .span = {AT(0, 10), AT(0, 11)}, .zone = zone_shared("UTC"), .begun = 1000, .cameras = cameras};
	struct subject_report *report = subject_report_new(&wanted);
	static const char *const people[] = {"anna", "bert", "anna"};
	sequence = 0;
	for (size_t i = 0; i < ARRAY_LENGTH(people); i++) {
		json_t *entry = entry_make(&(struct open){.action = i == 1 ? "footage-opened" : "open",
		    .person = people[i],
		    .program = "/usr/bin/ffplay",
		    .at_us = AT(2 + (int)i, 12),
		    .count = 2,
		    .certain = true});
		if (i == 1)
			(void)json_object_set_new(entry, "purpose", json_string("police_request"));
		assert_int_equal(subject_report_entry(report, entry), 0);
		json_decref(entry);
	}
	/* Of other footage. */
	json_t *other = entry_make(&(struct open){
	    .action = "open", .person = "carl", .program = "/bin/cat", .at_us = AT(3, 12), .count = 1, .certain = true});
	(void)json_object_set_new(
	    other, "footage", json_pack("{s:I, s:I}", "from_us", (json_int_t)AT(0, 11), "to_us", (json_int_t)AT(0, 12)));
	assert_int_equal(subject_report_entry(report, other), 0);
	json_decref(other);
	json_t *result = subject_report_result(report);
	const json_t *accesses = json_object_get(result, "accesses");
	assert_int_equal(json_array_size(accesses), 3);
	assert_string_equal(field_text(json_array_get(accesses, 0), "who"), "staff member 1");
	assert_string_equal(field_text(json_array_get(accesses, 1), "who"), "staff member 2");
	assert_string_equal(field_text(json_array_get(accesses, 1), "purpose"), "a request of the police");
	assert_string_equal(field_text(json_array_get(accesses, 2), "who"), "staff member 1");
	assert_int_equal(field_number(json_array_get(json_object_get(result, "recipients"), 0), "people"), 2);
	char *page = subject_page(result);
	assert_non_null(page);
	static const char *const never[] = {"anna", "bert", "carl", "ffplay", "legal limit"};
	for (size_t i = 0; i < ARRAY_LENGTH(never); i++)
		assert_null(strstr(page, never[i]));
	free(page);
	json_decref(result);
	(void)subject_report_free(report);
	json_decref(cameras);
}

/* ---- pages and CSV ---- */

static void nothing_escapes_a_page(void **state) {
	(void)state;
	static const char evil[] = "<script>alert(\"x\")</script>&'\x01\x1b[31m";
	struct html html;
	html_begin(&html, evil);
	html_heading(&html, evil);
	html_paragraph(&html, "", evil);
	html_facts_begin(&html);
	html_fact(&html, evil, "%s", evil);
	html_facts_end(&html);
	html_table_begin(&html, evil, "A|>B");
	html_row(&html, "", "A|>B", (const char *const[]){evil, evil});
	html_table_end(&html);
	struct html_bar bar = {.label = evil, .parts = {3, 1}};
	html_bars(&html, evil, (const char *const[]){evil, evil}, 2, &bar, 1);
	html_columns(&html, evil, (const char *const[]){evil}, (const uint64_t[]){3}, 1);
	char *page = html_end(&html);
	assert_non_null(page);
	assert_null(strstr(page, "<script"));
	assert_null(strstr(page, "alert(\""));
	assert_null(strchr(page, '\x01'));
	assert_null(strchr(page, '\x1b'));
	assert_non_null(strstr(page, "&lt;script&gt;alert(&quot;x&quot;)"));
	assert_non_null(strstr(page, "&amp;&#39;"));
	free(page);
}

static void empty_charts_are_whole(void **state) {
	(void)state;
	struct html html;
	html_begin(&html, "x");
	html_bars(&html, "none", (const char *const[]){"a"}, 1, NULL, 0);
	html_columns(&html, "none", NULL, NULL, 0);
	char *page = html_end(&html);
	assert_null(strstr(page, "nan"));
	assert_null(strstr(page, "inf"));
	free(page);
}

static void numbers_are_short(void **state) {
	(void)state;
	char text[32];
	(void)state;
	assert_string_equal(count_text(0, text), "0");
	assert_string_equal(count_text(4120, text), "4,120");
	assert_string_equal(count_text(1234567, text), "1,234,567");
	assert_string_equal(count_text(UINT64_MAX, text), "18,446,744,073,709,551,615");
	assert_string_equal(html_bytes(999, text), "999 B");
	assert_string_equal(html_bytes(1500, text), "1.5 kB");
	assert_string_equal(html_bytes(999999, text), "1.0 MB");
}

static char *csv_of(json_t *rows) {
	char *text = NULL;
	size_t length = 0;
	FILE *stream = open_memstream(&text, &length);
	csv_print(stream, rows);
	(void)fclose(stream);
	json_decref(rows);
	return text;
}

static void csv_is_flat_and_no_formula(void **state) {
	(void)state;
	char *text = csv_of(json_pack("[{s:s, s:i, s:{s:i}, s:[s, s]}, {s:s, s:n}]", "camera", "a,\"b\"", "files", 3,
	    "bytes", "held", 7, "reasons", "x", "y", "camera", "=cmd|' /C calc'!A0", "late"));
	assert_string_equal(text, "camera,files,bytes_held,reasons,late\r\n"
	                          "\"a,\"\"b\"\"\",3,7,x; y,\r\n"
	                          "\"'=cmd|' /C calc'!A0\",,,,\r\n");
	free(text);
	text = csv_of(json_pack("[{s:i}]", "n", -3));
	assert_string_equal(text, "n\r\n-3\r\n");
	free(text);
}

int main(void) {
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_usual_is_not_told),
	    cmocka_unit_test(each_reason),
	    cmocka_unit_test(refused_before_is_remembered_from_before_the_span),
	    cmocka_unit_test(a_day_far_over_the_median_is_told),
	    cmocka_unit_test(the_recorder_stands_apart),
	    cmocka_unit_test(only_who_was_asked_for),
	    cmocka_unit_test(times_without_a_guard_are_told),
	    cmocka_unit_test(staff_have_numbers_and_no_names),
	    cmocka_unit_test(nothing_escapes_a_page),
	    cmocka_unit_test(empty_charts_are_whole),
	    cmocka_unit_test(numbers_are_short),
	    cmocka_unit_test(csv_is_flat_and_no_formula),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

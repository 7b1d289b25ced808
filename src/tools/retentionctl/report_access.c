/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report access and report subject: who accessed footage; for those who watch over staff, and for a filmed person. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "evidence/access_report.h"
#include "evidence/csv.h"
#include "evidence/pages.h"
#include "evidence/subject_report.h"
#include "nouns.h"
#include "report.h"
#include "screen.h"

enum { USUAL_FROM = 6, USUAL_TO = 22 };

/* Shows the finished result in the forms that were asked for; takes it and the page over. */
static int result_show(struct context *context, json_t *result, char *page, const char *csv_rows) {
	int code = EXIT_DONE;
	bool to_page = context_option(context, "html") != NULL;
	if (to_page)
		code = report_write_page(context, page);
	if (context->output == OUTPUT_CSV)
		csv_print(stdout, json_object_get(result, csv_rows));
	else if (!to_page || context->output != OUTPUT_TABLE)
		context_show(context, result);
	json_decref(result);
	return code;
}

/* ---- access ---- */

/* "06..22": what is usual. */
static bool hours_take(const struct context *context, struct access_report_request *request) {
	const char *given = context_option(context, "hours");
	int from = 0, to = 0;
	char rest = '\0';
	request->usual_from = USUAL_FROM;
	request->usual_to = USUAL_TO;
	if (given == NULL)
		return true;
	if (sscanf(given, "%2d..%2d%c", &from, &to, &rest) != 2 || from < 0 || from > 24 || to < 0 || to > 24) {
		(void)fprintf(stderr, "retentionctl: --hours takes two hours of the local clock, such as 06..22\n");
		return false;
	}
	request->usual_from = from;
	request->usual_to = to;
	return true;
}

static int on_access(const json_t *entry, void *context) {
	return access_report_entry(context, entry);
}

static void people_show(const json_t *result) {
	size_t i;
	json_t *person;
	struct table *table = table_new("PERSON|>OPENS|>REFUSED|>REQUESTS|>CAMERAS|FIRST|LAST");
	json_array_foreach(json_object_get(result, "people"), i, person) {
		const char *const cells[] = {get_text(person, "person"),
		    text_count(get_number(person, "opens") + get_number(person, "open_before")),
		    text_count(get_number(person, "denied")), text_count(get_number(person, "requests")),
		    text_count((int64_t)json_object_size(json_object_get(person, "cameras"))), text_moment(person, "first"),
		    text_moment(person, "last")};
		table_row(table, get_number(person, "denied") > 0 ? STYLE_WARN : STYLE_PLAIN, cells);
	}
	if (table_rows(table) == 0)
		put(STYLE_PLAIN, "nobody\n");
	table_end(table);
}

static void hours_show(const json_t *result) {
	const json_t *hours = json_object_get(result, "hours");
	put(STYLE_PLAIN, "\n");
	struct table *table = table_new("HOUR|>OPENS|HOUR|>OPENS|HOUR|>OPENS|HOUR|>OPENS");
	for (size_t i = 0; i < 6; i++) {
		const char *cells[8];
		for (size_t c = 0; c < 4; c++) {
			cells[2 * c] = text_format("%02zu", i + 6 * c);
			cells[2 * c + 1] = text_count(json_integer_value(json_array_get(hours, i + 6 * c)));
		}
		table_row(table, STYLE_PLAIN, cells);
	}
	table_end(table);
}

static void unusual_show(const json_t *result) {
	enum { SHOWN_MAX = 40 };
	const json_t *list = json_object_get(result, "unusual");
	size_t i, r;
	json_t *row, *reason;
	put(STYLE_BOLD, "\nUnusual\n");
	if (json_array_size(list) == 0)
		put(STYLE_GOOD, "nothing unusual\n");
	json_array_foreach(list, i, row) {
		char reasons[200] = "";
		size_t used = 0;
		if (i == SHOWN_MAX)
			break;
		json_array_foreach(json_object_get(row, "reasons"), r, reason) {
			if (used < sizeof reasons)
				used += (size_t)snprintf(
				    reasons + used, sizeof reasons - used, "%s%s", used > 0 ? ", " : "", json_string_value(reason));
		}
		put_wrapped(STYLE_PLAIN, "  - ",
		    text_format("%.16s %.40s%s%.40s, %s opens: %s", get_text(row, "time_local"), get_text(row, "person"),
		        get_text(row, "camera")[0] ? ", " : "", get_text(row, "camera"), text_count(get_number(row, "opens")),
		        reasons));
	}
	if (json_array_size(list) > SHOWN_MAX)
		put(STYLE_DIM, "  - %zu more; --json has them\n", json_array_size(list) - SHOWN_MAX);
}

void report_access_show(const json_t *result) {
	size_t i;
	json_t *row;
	put(STYLE_BOLD, "Who accessed footage\n");
	report_head_show(result);
	put_line("Usual", STYLE_PLAIN, "hours %s, local clock", get_text(result, "usual_hours"));
	put(STYLE_PLAIN, "\n");
	people_show(result);
	hours_show(result);
	unusual_show(result);
	put(STYLE_PLAIN, "\n");
	json_array_foreach(json_object_get(result, "recorder"), i, row) {
		put_line("Recorder", STYLE_DIM, "%s: %s opens of its own", get_text(row, "camera"),
		    text_count(get_number(row, "opens")));
	}
	if (json_array_size(json_object_get(result, "unseen")) > 0)
		put_line("Not seen", STYLE_WARN, "%zu times opens were not seen, or only in part; --json and --html list them",
		    json_array_size(json_object_get(result, "unseen")));
	put_wrapped(STYLE_DIM, "", ACCESS_REPORT_WORDS);
}

int report_access_run(struct context *context) {
	struct report_session session;
	struct access_report_request request = {0};
	if (!hours_take(context, &request))
		return EXIT_USAGE;
	int code = report_begin(context, "access", &session);
	if (code != EXIT_DONE)
		return code;
	request.span = session.span;
	request.zone = session.zone;
	request.begun = (uint64_t)get_number(session.answer, "report");
	request.cameras = json_object_get(session.answer, "cameras");
	request.person = json_string_value(json_object_get(context->params, "person"));
	struct access_report *report = access_report_new(&request);
	code = report == NULL ? EXIT_FAILED : report_log_open(context, &session);
	if (code == EXIT_DONE)
		code = report_each(&session, NULL, on_access, report);
	json_t *result = code == EXIT_DONE ? access_report_result(report) : NULL;
	if (result != NULL) {
		report_frame(&session, "access", result);
		code =
		    result_show(context, result, context_option(context, "html") != NULL ? access_page(result) : NULL, "rows");
	} else if (code == EXIT_DONE) {
		code = EXIT_FAILED;
	}
	(void)access_report_free(report);
	report_end(&session);
	return code;
}

/* ---- subject ---- */

static int on_subject(const json_t *entry, void *context) {
	return subject_report_entry(context, entry);
}

void report_subject_show(const json_t *result) {
	size_t i;
	json_t *row;
	put(STYLE_BOLD, "What was done with camera images\n");
	report_head_show(result);
	put(STYLE_PLAIN, "\n");
	struct table *recipients = table_new("CATEGORY|>PEOPLE|>TIMES");
	json_array_foreach(json_object_get(result, "recipients"), i, row) {
		const json_t *people = json_object_get(row, "people");
		const char *const cells[] = {get_text(row, "category"),
		    json_is_integer(people) ? text_count(json_integer_value(people)) : "",
		    text_count(get_number(row, "times"))};
		table_row(recipients, STYLE_PLAIN, cells);
	}
	table_end(recipients);
	put(STYLE_PLAIN, "\n");
	struct table *accesses = table_new("DAY|WHO|PURPOSE|>TIMES");
	json_array_foreach(json_object_get(result, "accesses"), i, row) {
		const char *const cells[] = {
		    get_text(row, "day"), get_text(row, "who"), get_text(row, "purpose"), text_count(get_number(row, "times"))};
		table_row(accesses, STYLE_PLAIN, cells);
	}
	table_end(accesses);
	put(STYLE_PLAIN, "\n");
	json_array_foreach(json_object_get(result, "ends"), i, row) {
		put_line("Gone", STYLE_PLAIN, "%s: %s files %s", get_text(row, "day"), text_count(get_number(row, "files")),
		    get_text(row, "what"));
	}
	json_array_foreach(json_object_get(result, "holds"), i, row) {
		put_line("Kept", STYLE_PLAIN, "longer, from %s: %s", get_text(row, "from_local"), get_text(row, "ground"));
	}
	put_wrapped(STYLE_DIM, "", SUBJECT_REPORT_OUTSIDE);
	put_wrapped(STYLE_DIM, "", SUBJECT_REPORT_WORDS);
}

int report_subject_run(struct context *context) {
	struct report_session session;
	int code = report_begin(context, "subject", &session);
	if (code != EXIT_DONE)
		return code;
	struct subject_request request = {.span = session.span,
	    .zone = session.zone,
	    .begun = (uint64_t)get_number(session.answer, "report"),
	    .cameras = json_object_get(session.answer, "cameras")};
	struct subject_report *report = subject_report_new(&request);
	code = report == NULL ? EXIT_FAILED : report_log_open(context, &session);
	if (code == EXIT_DONE)
		code = report_each(&session, NULL, on_subject, report);
	json_t *result = code == EXIT_DONE ? subject_report_result(report) : NULL;
	if (result != NULL) {
		report_frame(&session, "subject", result);
		code = result_show(
		    context, result, context_option(context, "html") != NULL ? subject_page(result) : NULL, "accesses");
	} else if (code == EXIT_DONE) {
		code = EXIT_FAILED;
	}
	(void)subject_report_free(report);
	report_end(&session);
	return code;
}

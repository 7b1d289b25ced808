/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Prometheus text 0.0.4, by hand. No names of users or cases in labels. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "answer.h"
#include "audit/writer.h"
#include "base/clock.h"
#include "control.h"
#include "expiry.h"
#include "keeper.h"
#include "media.h"
#include "methods.h"
#include "observation.h"
#include "outbox.h"
#include "overview.h"
#include "record.h"
#include "roots.h"
#include "timekeeping.h"

static void family(FILE *out, const char *name, const char *type, const char *help) {
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* A label's value: quotes, backslashes and newlines escaped. */
static void label(FILE *out, const char *key, const char *value) {
	fprintf(out, "%s=\"", key);
	for (const char *c = value; *c; c++) {
		if (*c == '\\' || *c == '"')
			fputc('\\', out);
		if (*c == '\n')
			fputs("\\n", out);
		else
			fputc(*c, out);
	}
	fputc('"', out);
}

static void camera_labels(FILE *out, const char *metric, const struct overview_camera *camera, const char *more) {
	char full[CAMERA_FULL_BYTES];
	camera_full_name(&camera->row, full);
	fprintf(out, "%s{", metric);
	label(out, "camera", full);
	fprintf(out, "%s} ", more);
}

static void cameras_print(FILE *out, const struct overview *overview) {
	family(out, "retention_footage_bytes", "gauge", "Bytes of footage on disk.");
	for (size_t i = 0; i < overview->camera_count; i++) {
		const struct overview_camera *camera = &overview->cameras[i];
		uint64_t overdue =
		    camera->plan.overdue_bytes < camera->row.bytes ? camera->plan.overdue_bytes : camera->row.bytes;
		camera_labels(out, "retention_footage_bytes", camera, ",state=\"live\"");
		fprintf(out, "%" PRIu64 "\n", camera->row.bytes - overdue);
		camera_labels(out, "retention_footage_bytes", camera, ",state=\"overdue\"");
		fprintf(out, "%" PRIu64 "\n", overdue);
	}
	family(out, "retention_footage_segments", "gauge", "Segments of footage on disk.");
	for (size_t i = 0; i < overview->camera_count; i++) {
		camera_labels(out, "retention_footage_segments", &overview->cameras[i], "");
		fprintf(out, "%" PRIu64 "\n", overview->cameras[i].row.segments);
	}
	family(out, "retention_footage_oldest_timestamp_seconds", "gauge", "Start of the oldest footage.");
	for (size_t i = 0; i < overview->camera_count; i++) {
		camera_labels(out, "retention_footage_oldest_timestamp_seconds", &overview->cameras[i], "");
		fprintf(out, "%" PRId64 "\n", overview->cameras[i].row.oldest_us / US_PER_SECOND);
	}
	family(out, "retention_limit_seconds", "gauge", "The longest that footage may be kept.");
	for (size_t i = 0; i < overview->camera_count; i++) {
		const struct retention_rule *rule = &overview->cameras[i].rule;
		int64_t limit = rule->has_retention ? duration_longest_seconds(&rule->retention) : INT64_MAX;
		int64_t legal = rule->has_legal_maximum ? duration_longest_seconds(&rule->legal_maximum) : INT64_MAX;
		limit = legal < limit ? legal : limit;
		if (limit == INT64_MAX)
			continue;
		camera_labels(out, "retention_limit_seconds", &overview->cameras[i], "");
		fprintf(out, "%" PRId64 "\n", limit);
	}
	family(out, "retention_overdue_segments", "gauge", "Segments past their limit, by the reason that keeps them.");
	for (size_t i = 0; i < overview->camera_count; i++)
		for (int reason = 0; reason < KEPT_REASON_COUNT; reason++) {
			char more[64];
			uint64_t segments = overview->cameras[i].plan.by_reason[reason];
			if (segments == 0)
				continue;
			snprintf(more, sizeof(more), ",reason=\"%s\"", kept_reason_name((enum kept_reason)reason));
			camera_labels(out, "retention_overdue_segments", &overview->cameras[i], more);
			fprintf(out, "%" PRIu64 "\n", segments);
		}
}

static void number(FILE *out, const char *name, const char *type, const char *help, uint64_t value) {
	family(out, name, type, help);
	fprintf(out, "%s %" PRIu64 "\n", name, value);
}

static void roots_print(struct keeper *keeper, FILE *out) {
	static const struct {
		const char *name, *type, *help;
	} FAMILIES[] = {
	    {"retention_root_online", "gauge", "1 while the root is mounted and identified."},
	    {"retention_disk_free_bytes", "gauge", "Free space where the root is."},
	    {"retention_watch_overflows_total", "counter",
	        "Event queue overflows; each was followed by a full comparison."},
	    {"retention_unrecognised_files", "gauge", "Files that match no pattern of the layout."},
	};
	for (size_t f = 0; f < ARRAY_LENGTH(FAMILIES); f++) {
		family(out, FAMILIES[f].name, FAMILIES[f].type, FAMILIES[f].help);
		for (size_t i = 0; i < roots_count(keeper); i++) {
			const struct root *root = roots_get(keeper, i);
			const uint64_t values[] = {root->state == ROOT_ONLINE || root->state == ROOT_SCANNING,
			    root->found.bytes_free, root->coverage.overflows, root->foreign};
			fprintf(out, "%s{", FAMILIES[f].name);
			label(out, "root", root->settings->name);
			fprintf(out, "} %" PRIu64 "\n", values[f]);
		}
	}
}

static void totals_print(struct keeper *keeper, FILE *out, const struct overview *overview) {
	const struct expiry_totals *totals = expiry_totals(keeper);
	char text[256];
	number(out, "retention_deleted_segments_total", "counter", "Segments erased since the start.",
	    totals->deleted_segments);
	number(out, "retention_deleted_bytes_total", "counter", "Bytes erased since the start.", totals->deleted_bytes);
	number(out, "retention_delete_errors_total", "counter", "Erasures that failed.", totals->failed);
	number(out, "retention_deletion_paused", "gauge", "1 while nothing is deleted.",
	    expiry_paused(keeper, text, sizeof(text)) != KEPT_PENDING);
	number(out, "retention_past_limit_segments", "gauge", "Segments past their limit that no hold explains.",
	    overview->past_limit);
	family(out, "retention_holds", "gauge", "Holds in force.");
	fprintf(out, "retention_holds{state=\"active\"} %" PRIu64 "\n",
	    overview->holds - overview->provisional - overview->release_pending);
	fprintf(out, "retention_holds{state=\"provisional\"} %" PRIu64 "\n", overview->provisional);
	fprintf(out, "retention_holds{state=\"release_pending\"} %" PRIu64 "\n", overview->release_pending);
	number(out, "retention_holds_review_overdue", "gauge", "Holds past their review date.", overview->review_overdue);
	number(out, "retention_audit_entries_total", "counter", "Entries of the audit log.",
	    audit_writer_size(record_writer(keeper)));
	number(out, "retention_audit_head_index", "gauge", "Entries under the newest checkpoint.",
	    audit_writer_published(record_writer(keeper)));
	number(out, "retention_audit_writable", "gauge", "1 while the audit log can be written.", record_writable(keeper));
	number(out, "retention_clock_trusted", "gauge", "1 while the clock may be used for deletion.",
	    timekeeping_verdict(keeper)->trusted);
	number(out, "retention_media_waiting", "gauge", "Segments that wait to be read.", media_waiting(keeper));
	family(out, "retention_last_success_timestamp_seconds", "gauge", "When a job was last done.");
	fprintf(out, "retention_last_success_timestamp_seconds{job=\"expiry\"} %" PRId64 "\n",
	    totals->last_pass_us / US_PER_SECOND);
	number(out, "process_start_time_seconds", "gauge", "Start of the daemon.",
	    (uint64_t)(keeper->started_us / US_PER_SECOND));
}

/* Who it was is in the log, never in a label. */
static void observation_print(struct keeper *keeper, FILE *out) {
	struct observation_totals totals;
	observation_totals(keeper, &totals);
	number(out, "retention_footage_opens_total", "counter", "Opens of footage that guard saw.", totals.opens);
	number(
	    out, "retention_footage_opens_denied_total", "counter", "Opens of footage that guard refused.", totals.denied);
	number(out, "retention_footage_opens_lost_total", "counter",
	    "Opens that were counted without being described; each has a gap entry.", totals.lost);
	number(out, "retention_guard_running", "gauge", "1 while guard runs.", totals.running);
	number(out, "retention_guard_restarts_total", "counter", "How often guard came back.", totals.restarts);
	family(out, "retention_watch_level", "gauge",
	    "How opens are seen: 0 not, 1 by inotify, 2 anonymously, 3 afterwards, 4 each, before it happens.");
	for (size_t i = 0; i < roots_count(keeper); i++) {
		struct observation_level level;
		observation_level(keeper, roots_get(keeper, i), &level);
		fprintf(out, "retention_watch_level{");
		label(out, "root", roots_get(keeper, i)->settings->name);
		fprintf(out, "} %u\n", level.level);
	}
}

/* Addresses are of this box's own configuration, not of people. */
static void publish_print(struct keeper *keeper, FILE *out) {
	static const struct {
		const char *name, *type, *help;
	} FAMILIES[] = {
	    {"retention_publish_waiting", "gauge", "Messages that wait for a receiver or witness."},
	    {"retention_publish_failures", "gauge", "Tries in a row that failed."},
	    {"retention_publish_lost_total", "counter", "Alarms that a receiver never got: too many waited."},
	    {"retention_publish_conflict", "gauge", "1 while a witness knows another history of the log."},
	    {"retention_publish_size", "gauge", "Entries under the last checkpoint that it has."},
	    {"retention_publish_last_success_timestamp_seconds", "gauge", "When something last got there."},
	};
	for (size_t f = 0; f < ARRAY_LENGTH(FAMILIES); f++) {
		family(out, FAMILIES[f].name, FAMILIES[f].type, FAMILIES[f].help);
		for (size_t i = 0; i < outbox_count(keeper); i++) {
			const struct outbox_view view = outbox_view(keeper, i);
			const uint64_t values[] = {view.waiting, view.failures, view.lost, view.conflict, view.size,
			    (uint64_t)(view.success_us / US_PER_SECOND)};
			fprintf(out, "%s{", FAMILIES[f].name);
			label(out, "target", view.address);
			fprintf(out, "} %" PRIu64 "\n", values[f]);
		}
	}
}

void metrics_call(struct keeper *keeper, struct request *request, const json_t *params) {
	(void)params;
	struct overview overview;
	if (!overview_for_request(keeper, request, clock_wall_us() + US_PER_DAY, &overview))
		return;
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);
	if (out) {
		family(out, "retention_build_info", "gauge", "The version.");
		fprintf(out, "retention_build_info{version=\"%s\"} 1\n", RETENTION_VERSION);
		cameras_print(out, &overview);
		roots_print(keeper, out);
		totals_print(keeper, out, &overview);
		observation_print(keeper, out);
		publish_print(keeper, out);
		(void)fclose(out);
	}
	overview_release(&overview);
	json_t *result = answer_new();
	answer_text(result, "text", text ? text : "");
	free(text);
	request_reply(request, result);
}

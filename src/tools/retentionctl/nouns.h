/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What each noun's file gives to the table. */
#pragma once

#include <jansson.h>

struct context;

/* status.c */
int status_run(struct context *context);
void status_show(const json_t *answer);
int status_verdict(const json_t *answer);
int metrics_run(struct context *context);
/* camera.c */
void camera_list_show(const json_t *answer);
void camera_show_show(const json_t *answer);
/* footage.c */
int footage_list_run(struct context *context);
int footage_explain_run(struct context *context);
void footage_list_show(const json_t *answer);
void footage_gaps_show(const json_t *answer);
void footage_explain_show(const json_t *answer);
/* deletion.c */
void deletion_plan_show(const json_t *answer);
void deletion_status_show(const json_t *answer);
void deletion_resume_show(const json_t *answer);
int deletion_verdict(const json_t *answer);
/* hold.c */
void hold_placed_show(const json_t *answer);
void hold_coverage_show(const json_t *answer);
void hold_list_show(const json_t *answer);
void hold_show_show(const json_t *answer);
void hold_changed_show(const json_t *answer);
void hold_release_show(const json_t *answer);
int hold_verdict(const json_t *answer);
/* log*.c */
int log_search_run(struct context *context);
int log_show_run(struct context *context);
int log_follow_run(struct context *context);
int log_verify_run(struct context *context);
int log_proof_run(struct context *context);
int log_checkpoint_run(struct context *context);
int log_review_run(struct context *context);
int log_export_run(struct context *context);
/* report_retention.c */
int report_retention_run(struct context *context);
void report_retention_show(const json_t *result);
/* report_access.c */
int report_access_run(struct context *context);
int report_subject_run(struct context *context);
void report_access_show(const json_t *result);
void report_subject_show(const json_t *result);
/* admin.c */
void root_list_show(const json_t *answer);
void volume_list_show(const json_t *answer);
void volume_adopt_show(const json_t *answer);
void clock_show(const json_t *answer);
int clock_verdict_code(const json_t *answer);
void rescan_show(const json_t *answer);
void key_show_show(const json_t *answer);
void key_rotate_show(const json_t *answer);
void config_reload_show(const json_t *answer);
/* witness.c */
void witness_list_show(const json_t *answer);
int witness_list_verdict(const json_t *answer);
void witness_test_show(const json_t *answer);
/* config.c */
int config_check_run(struct context *context);
/* doctor.c, doctor_scan.c */
int doctor_run(struct context *context);
int doctor_scan(struct context *context, const char *path);

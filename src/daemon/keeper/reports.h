/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reports: each begins with report.open, whose entry is durable before anything is handed out; the
 * pages of report.facts belong to such a report, so that no page is read without its entry.
 */
#pragma once

struct keeper;

/* Forgets the reports that were begun. Takes a keeper without any. */
void reports_close(struct keeper *keeper);

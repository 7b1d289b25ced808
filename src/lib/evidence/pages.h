/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reports as pages: each made from the object that --json prints. The caller frees; NULL when memory is short. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/attributes.h"

/* What the sum is, and is not, in words. */
#define RETENTION_REPORT_WORDS                                                                                         \
	"This report supports proof; it is no qualified seal or time stamp under eIDAS. One month from the recording is "  \
	"the most that the Belgian Camera Act allows; a shorter time is the operator's own promise. It speaks of files "   \
	"below the recorder's folders on this machine: not of cards in cameras, of copies that somebody made, of backups " \
	"or of snapshots. Whoever has root can stop the watching or delete everything: that is seen, not prevented."
#define ACCESS_REPORT_WORDS                                                                                            \
	"This report shows what staff did, by person and hour: it is for the role privacy, and the register says that it " \
	"can be made. An open says that a program could read, not that somebody looked. Unusual is not forbidden: it is "  \
	"a reason to ask."
#define SUBJECT_REPORT_OUTSIDE                                                                                 \
	"Handing images to somebody outside (the police, the judicial authorities, another filmed person) is not " \
	"recorded "                                                                                                \
	"by this version of the system: the controller answers for it from its own records."
#define SUBJECT_REPORT_WORDS                                                                                           \
	"Staff who work for the controller are no recipients in the sense of the law; each has a number in this report "   \
	"instead of a name, the same person the same number. An access says that images could be seen, not that somebody " \
	"looked at you. What is listed is what the system's own log shows; it is checked against signed records. You may " \
	"complain to the data protection authority."

MUST_USE char *retention_page(const json_t *report);
MUST_USE char *access_page(const json_t *report);
MUST_USE char *subject_page(const json_t *report);

/* For the pages: the facts that each report begins with. */
struct html;
void page_head(struct html *html, const json_t *report);
/* Begins a table for the rows of a list; where it has none, a paragraph says so instead: then false. */
bool page_table_begin(struct html *html, const char *headings, const json_t *list, const char *style, const char *none);

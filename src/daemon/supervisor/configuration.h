/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading the configuration: at start, and again when told to. */
#pragma once

#include "base/attributes.h"

struct supervisor;

/* Reads, checks and seals. 0, or a negative errno after log lines that name each thing wrong. */
MUST_USE int configuration_open(struct supervisor *supervisor);

/* Refuses a first start on the system disk, where no state says that it was meant. 0, or a negative errno after a log
 * line. */
MUST_USE int configuration_check_first_start(const struct supervisor *supervisor);

/* Reads again, and tells keeper: the new one, or why the old one stays. */
void configuration_reload(struct supervisor *supervisor);

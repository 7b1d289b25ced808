/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who may open what is below a root. */
#pragma once

#include <stdbool.h>

#include "ipc/message.h"
#include "settings/settings.h"

/* `refuse_all`: the audit log cannot be written. The recorder and our own programs are never refused. */
bool policy_allows(enum guard_mode mode, bool refuse_all, enum accessor_part part);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The key that witnesses know a log by: one for as long as the log lasts, named by the origin like the
 * keys of the epochs, with another id. Nothing that verifies the log needs or trusts it.
 */
#pragma once

#include <stddef.h>

#include "base/attributes.h"

struct audit_writer;

/* Its verifier key; valid as long as the writer. */
const char *audit_writer_witness_vkey(const struct audit_writer *writer);
/* The signature line of that key under the newest checkpoint (with its newline and a NUL), to be added to what a
 * witness is sent. 0, -ENODATA where there is no checkpoint, or -EMSGSIZE. */
MUST_USE int audit_writer_witness_line(const struct audit_writer *writer, char *ret_line, size_t room);

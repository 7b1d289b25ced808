/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What witnesses sign (C2SP tlog-cosignature, cosignature/v1): that they saw a checkpoint at a time, and
 * that it extends the one they saw before. Algorithm 4: the payload of the line is id[4], seconds as a
 * big-endian u64, Ed25519 signature[64] over "cosignature/v1\ntime SECONDS\n" and the checkpoint's text.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audit/note.h"
#include "base/attributes.h"
#include "base/bytes.h"

struct audit_writer;

/* "name+hash+base64"; only algorithm 4. False for anything else, a wrong hash or length included. */
MUST_USE bool cosigner_parse(const char *text, size_t length, struct note_verifier *ret_cosigner);

enum cosignature_result {
	COSIGNATURE_GOOD,
	COSIGNATURE_OTHER, /* of another key, or no signature line: not ours to judge */
	COSIGNATURE_BAD,   /* by this name and id, and wrong */
};
/* One signature line, with or without its newline. `note` is the signed checkpoint: its text ends before the last empty
 * line. ret_seconds: when the witness signed, by its own clock. */
MUST_USE enum cosignature_result cosignature_check(
    const struct note_verifier *cosigner, struct text note, struct text line, uint64_t *ret_seconds);

/*
 * Adds signature lines, which the caller has checked, to the newest checkpoint if it is the one of `size`, each instead
 * of an older one by the same key, and writes it anew; log/checkpoint.witnessed too. -ESTALE if it is not that one,
 * -EMSGSIZE when it would not fit, -EINVAL for what is no signature line.
 */
MUST_USE int audit_writer_countersign(struct audit_writer *writer, uint64_t size, const char *lines);
/* Writes log/checkpoint.witnessed: the newest checkpoint that witnesses have signed, with their lines. 0 or a negative
 * errno. */
MUST_USE int audit_writer_keep_witnessed(struct audit_writer *writer, const char *note, size_t length);

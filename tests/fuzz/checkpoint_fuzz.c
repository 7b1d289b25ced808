/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checkpoints and verifier keys as anyone may hand them to us. A key that is accepted must come back the same. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "audit/note.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	static const char known[] = "example.test/recorder/audit+51c37c76+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4";
	struct note_verifier verifiers[2];
	if (!note_verifier_parse(known, sizeof known - 1, &verifiers[0]))
		abort();
	size_t count = 1;
	/* The first line may be a key of its own. */
	const uint8_t *end = size == 0 ? NULL : memchr(data, '\n', size);
	size_t first = end == NULL ? 0 : (size_t)(end - data);
	if (note_verifier_parse((const char *)data, first, &verifiers[1])) {
		char text[VKEY_BYTES];
		note_verifier_format(&verifiers[1], text);
		if (strlen(text) != first || memcmp(text, data, first) != 0)
			abort();
		count = 2;
		data += first + 1;
		size -= first + 1;
	}
	char origin[NOTE_NAME_BYTES];
	uint64_t log_size = 0;
	struct merkle_hash root;
	size_t key = 0;
	if (checkpoint_open((const char *)data, size, verifiers, count, origin, &log_size, &root, &key) == NOTE_OK &&
	    key >= count)
		abort();
	return 0;
}

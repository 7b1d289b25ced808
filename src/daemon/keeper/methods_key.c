/* SPDX-License-Identifier: GPL-2.0-or-later */
/* key show, key rotate: the keys that sign the audit log. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "audit/witness_key.h"
#include "audit/writer.h"
#include "base/descriptor.h"
#include "control.h"
#include "epochs.h"
#include "keeper.h"
#include "record.h"

enum { KEYS_BYTES_MAX = 32 << 20 };

/* The first line of log.vkeys: the key that vouches for all others. */
static void answer_first(struct keeper *keeper, json_t *result) {
	char *keys = NULL;
	size_t length = 0;
	if (descriptor_read_file(keeper->state_fd, "log.vkeys", KEYS_BYTES_MAX, &keys, &length) < 0)
		return;
	keys[strcspn(keys, "\n")] = '\0';
	answer_text(result, "first", keys);
	free(keys);
}

static void key_answer(struct keeper *keeper, struct request *request) {
	struct audit_writer *writer = record_writer(keeper);
	json_t *result = answer_new();
	answer_text(result, "origin", audit_writer_origin(writer));
	answer_text(result, "key", audit_writer_vkey(writer));
	answer_text(result, "witness_key", audit_writer_witness_vkey(writer));
	answer_first(keeper, result);
	answer_integer(result, "epoch", audit_writer_epoch(writer));
	answer_time(keeper, result, "since", epochs_since_us(keeper), NULL);
	answer_time(keeper, result, "next", epochs_next_us(keeper), NULL);
	request_reply(request, result);
}

static void key_show_call(struct keeper *keeper, struct request *request, const json_t *params) {
	(void)params;
	key_answer(keeper, request);
}

static void key_rotate_call(struct keeper *keeper, struct request *request, const json_t *params) {
	struct audit_actor actor;
	request_actor(request, &actor);
	int error = param_flag(params, "dry_run") ? 0 : epochs_rotate(keeper, &actor, "asked for");
	if (error == -E2BIG)
		request_fail(request, CONTROL_REFUSED, "epochs", "the log has had as many keys as it can have");
	else if (error < 0)
		request_fail(request, CONTROL_REFUSED, "log_not_writable",
		    "the key was not changed, or not wholly yet: %s; it is tried again by itself", strerror(-error));
	else
		key_answer(keeper, request);
}

enum { ADMIN = 1u << ROLE_ADMIN, WATCHERS = ADMIN | 1u << ROLE_AUDITOR };

const struct control_method methods_key[] = {
    {"key.show", WATCHERS, false, key_show_call},
    {"key.rotate", ADMIN, true, key_rotate_call},
    {0},
};

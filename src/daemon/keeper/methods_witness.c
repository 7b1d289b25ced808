/* SPDX-License-Identifier: GPL-2.0-or-later */
/* witness list, witness test. */
#include <string.h>

#include "answer.h"
#include "audit/witness_key.h"
#include "control.h"
#include "keeper.h"
#include "outbox.h"
#include "record.h"

static void witness_list_call(struct keeper *keeper, struct request *request, const json_t *params) {
	(void)params;
	json_t *result = answer_new();
	json_t *publish = outbox_json(keeper);
	json_object_set(result, "witnesses", json_object_get(publish, "witnesses"));
	json_decref(publish);
	answer_text(result, "witness_key", audit_writer_witness_vkey(record_writer(keeper)));
	request_reply(request, result);
}

static void witness_test_call(struct keeper *keeper, struct request *request, const json_t *params) {
	const char *url;
	if (!param_text(request, params, "url", true, &url))
		return;
	for (size_t i = 0; i < outbox_count(keeper); i++) {
		struct outbox_view view = outbox_view(keeper, i);
		if (view.kind != DELIVERY_WITNESS || strcmp(view.address, url) != 0)
			continue;
		if (!outbox_test(keeper, url, request))
			request_fail(request, CONTROL_BUSY, "busy", "%s is being tested already", url);
		return;
	}
	request_fail(request, CONTROL_NOT_FOUND, "witness",
	    "there is no witness '%.200s' in the configuration; `retentionctl witness list` shows them", url);
}

enum { ADMIN = 1u << ROLE_ADMIN, WATCHERS = ADMIN | 1u << ROLE_AUDITOR };

const struct control_method methods_witness[] = {
    {"witness.list", WATCHERS, false, witness_list_call},
    {"witness.test", WATCHERS, false, witness_test_call},
    {0},
};

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one place where footage is unlinked (and, for slots that a recorder reuses, renamed). It decides
 * nothing: it removes exactly the files that keeper named, if they are still exactly those.
 */
#pragma once

#include "base/attributes.h"
#include "batch.h"
#include "root.h"

/* What the listener says between two items. */
enum erase_flow {
	ERASE_GO_ON,
	ERASE_STOP_HERE, /* keeper stopped this batch: the rest is skipped */
	ERASE_END,       /* keeper is gone: it may have judged anew, so nothing more is removed */
};

struct erase_listener {
	enum erase_flow (*listen)(void *context);
	void *context;
};

/*
 * Works a complete batch off, in order, and fills its results; the folders are synced at the end.
 * 0, or the negative errno of the sync. After ERASE_END, -EPIPE.
 */
MUST_USE int erase_run(struct root *root, struct batch *batch, const struct erase_listener *listener);

/* True if these facts are exactly what the item names. */
struct facts;
bool erase_identity_holds(const struct facts *facts, const struct batch_item *item, const struct root *root);

/* quarantine.c: rename into the vault, check again, unlink there or put back. */
struct batch_result quarantine_erase(
    struct root *root, const struct batch *batch, const struct batch_item *item, int folder_fd);
/* The way back for `name` in quarantine; ERASE_FAILED with EEXIST, and a log line, where its old name is taken. */
struct batch_result quarantine_put_back(
    const struct root *root, const struct batch *batch, const struct batch_item *item, int folder_fd, const char *name);
